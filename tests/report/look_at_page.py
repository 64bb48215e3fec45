#!/usr/bin/env python3
"""Opens a page of `decant report` in headless Chromium and looks at what a reader would see.

    look_at_page.py PAGE.html [SCREENSHOT.png [dark]]

Fails when the page asks for anything but itself, when its console says anything, when a script throws, when a canvas was left
empty, or when a text of the page became markup. Exit status 77: there is no Chromium here. The browser is spoken to through
its debugging pipe, so that nothing but Python is needed.
"""
import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

LOOK = """(() => {
  const empty = [...document.querySelectorAll('canvas')].filter((canvas) => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const seen = new Set();
    for (let i = 0; i < pixels.length && seen.size < 3; i += 4) if (pixels[i + 3]) seen.add(pixels.slice(i, i + 3).join());
    return seen.size < 3;  /* axes, text and a curve: at least three colours */
  }).map((canvas) => canvas.id);
  const outside = [...document.querySelectorAll('[src], link[href], a[href]')]
    .map((e) => e.getAttribute('src') || e.getAttribute('href')).filter((to) => !to.startsWith('#') && to !== 'data:,');
  return JSON.stringify({
    canvases: document.querySelectorAll('canvas').length, empty: empty, outside: outside,
    scripts: document.scripts.length, images: document.images.length, hacked: window.hacked === undefined ? null : window.hacked,
    handlers: [...document.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => a.name.startsWith('on'))).length,
    unnamed: [...document.querySelectorAll('canvas, .scroll')].filter((e) => !e.getAttribute('aria-label')).length,
    tables: document.querySelectorAll('table').length, uncaptioned: document.querySelectorAll('table:not(:has(caption))').length,
    wide: document.documentElement.scrollWidth > innerWidth + 1, height: document.documentElement.scrollHeight,
  });
})()"""


class Browser:
    """One page in one Chromium, through file descriptors 3 and 4: messages are JSON, each ended by a NUL."""

    def __init__(self, program, profile):
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()

        def wire():
            os.dup2(theirs_in, 13)  # first out of the way of 3 and 4, whatever numbers the pipes have
            os.dup2(theirs_out, 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
             "--window-size=1280,900", "--user-data-dir=" + profile, "about:blank"],
            close_fds=False, preexec_fn=wire, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.reader, self.writer = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")
        self.number, self.session, self.events = 0, None, []

    def receive(self):
        message = bytearray()
        while (byte := self.reader.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("Chromium ended")
            message += byte
        return json.loads(message)

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.writer.write(json.dumps(message).encode() + b"\0")
        self.writer.flush()
        while True:
            answer = self.receive()
            if answer.get("id") != self.number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def wait_for(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.receive())

    def open(self, url, dark):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.ask(domain + ".enable")
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.ask("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def end(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def complaints_of(browser, url):
    """What happened that should not have."""
    found = []
    for event in browser.events:
        method, about = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent" and about["request"]["url"] not in (url, "data:,"):
            found.append("a request for " + about["request"]["url"][:120])
        if method == "Runtime.exceptionThrown":
            found.append("an exception: " + json.dumps(about["exceptionDetails"])[:600])
        if method == "Runtime.consoleAPICalled":
            found.append("on the console: " + json.dumps(about["args"])[:300])
        if method == "Log.entryAdded":
            found.append("in the log: " + about["entry"]["text"][:300])
    return found


def look(browser, url):
    seen = json.loads(browser.evaluate(LOOK))
    print(json.dumps(seen))
    found = complaints_of(browser, url)
    for what in ("empty", "outside", "images", "hacked", "handlers", "unnamed", "uncaptioned", "wide"):
        if seen[what]:
            found.append(f"{what}: {seen[what]}")
    if seen["scripts"] not in (0, 3) or (seen["scripts"] == 3) != (seen["canvases"] > 0):
        found.append(f"{seen['scripts']} scripts and {seen['canvases']} canvases")
    if seen["tables"] == 0:
        found.append("no tables")
    return found, seen["height"]


def main():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        print("skipped: there is no Chromium here (Debian: chromium)")
        return 77
    url = pathlib.Path(sys.argv[1]).resolve().as_uri()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            browser.open(url, dark="dark" in sys.argv)
            found, height = look(browser, url)
            if len(sys.argv) > 2:
                browser.ask("Emulation.setDeviceMetricsOverride", width=1280, height=height, deviceScaleFactor=1, mobile=False)
                image = browser.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
                pathlib.Path(sys.argv[2]).write_bytes(base64.b64decode(image))
        finally:
            browser.end()
    for complaint in found:
        print("the page:", complaint)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
