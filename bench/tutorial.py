#!/usr/bin/env python3
"""decant's side of the tutorial's soft-target run, end to end: ten epochs of LightNN on CIFAR-10 taught by DeepNN, and the test.

tutorial.py PROGRAM [KEY=VALUE...]   keys of bench/tutorial.yaml to override, as runs.kd.epochs=1; cache=off asks the teacher in each step
Prints one JSON object. The teacher's answers are nowhere on disk before: its cache is filled in the measured time."""
import json
import os
import subprocess
import sys
import tempfile
import time

RECIPE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'tutorial.yaml')
SAMPLES, EPOCHS = 50000, 10


def main():
    program, keys = sys.argv[1], [key for key in sys.argv[2:] if key != 'cache=off']
    overrides = [part for key in keys for part in ('-o', key)]
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, 'cache'))

        def run(which, *more):
            done = subprocess.run([program, 'run', RECIPE, which, '--quiet', '--dir', folder, *overrides, *more], env=environment,
                                  capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr.strip()[-500:])
        run('teacher')
        begin = time.monotonic()
        run('kd', *(['--no-teacher-cache'] if 'cache=off' in sys.argv else []))
        seconds = time.monotonic() - begin
        with open(os.path.join(folder, 'tutorial', 'kd', 'result.json')) as file:
            result = json.load(file)
    print(json.dumps(dict(seconds=seconds, images_per_second=SAMPLES * EPOCHS / seconds, slowest=SAMPLES * EPOCHS / seconds,
                          fastest=SAMPLES * EPOCHS / seconds, step_seconds=seconds, accuracy=result['test']['accuracy'], teacher_cache=result.get('teacher_cache'))))


main()
