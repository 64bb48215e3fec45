#!/usr/bin/env python3
"""A mirror for tests/data/test_get.c: serves FOLDER on a port of 127.0.0.1 that it prints, each first part of the path
with a fault of its own. Ends when its standard input does.

  good       as it should be, ranges included          wrong      other bytes of the same length
  plain      without ranges                            more       more bytes than the file has
  stop       half of what is asked for, then silence   redirect   to good, elsewhere on the same server
  loop       redirects to itself                       page       a page of a hotel's network, with status 200
  late       the first answer is 503, then good        missing    404
"""
import http.server
import os
import sys
import threading

folder = sys.argv[1]
asked = []


class Mirror(http.server.BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def answer(self, status, body, length=None, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        fault, name = self.path.lstrip("/").split("/", 1)
        if fault == "asked":
            return self.answer(200, str(sum(name in path for path in asked)).encode())
        asked.append(self.path)
        path = os.path.join(folder, os.path.basename(name))
        if fault == "missing" or not os.path.exists(path):
            return self.answer(404, b"there is nothing")
        if fault == "redirect":
            return self.answer(302, b"", headers=[("Location", "/good/" + name)])
        if fault == "loop":
            return self.answer(302, b"", headers=[("Location", self.path)])
        if fault == "page":
            return self.answer(200, b"<html>Please log in</html>")
        if fault == "late" and sum(path == self.path for path in asked) == 1:
            return self.answer(503, b"later")
        with open(path, "rb") as file:
            body = file.read()
        if fault == "wrong":
            body = bytes(byte ^ 1 for byte in body)
        if fault == "more":
            body = body + bytes(4 << 20)
        begin = 0
        if self.headers.get("Range") and fault != "plain":
            begin = int(self.headers["Range"].split("=")[1].split("-")[0])
            if begin >= len(body):
                return self.answer(416, b"", headers=[("Content-Range", f"bytes */{len(body)}")])
        rest, headers = body[begin:], [("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")] if begin else []
        if fault == "stop":
            self.answer(206 if begin else 200, rest[: (len(rest) + 1) // 2], len(rest), headers)
            return self.connection.close()
        self.answer(206 if begin else 200, rest, None, headers)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
