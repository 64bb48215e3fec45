#!/usr/bin/env python3
"""One forward pass of the peer, PyTorch: the same networks as `decant bench infer`.

peer_infer.py CASE [FLAG...]   flags: channels_last, bf16 (weights and input), trace (traced, frozen, optimised for inference), compile,
                               threads=N, batch=N, seconds=S
From a normalised input that lies ready to logits, which is kinder to the peer than raw bytes. Prints one JSON object."""
import json
import resource
import statistics
import sys
import time

started = time.monotonic()
import torch

from networks import FORWARDS

WINDOWS = 7


def windows_of(call, seconds):
    """The mean time of a call in each window. The clock is not asked behind every call: that would be a part of the shortest."""
    def window(seconds, burst):
        begin, calls = time.perf_counter(), 0
        while calls == 0 or time.perf_counter() - begin < seconds:
            for _ in range(burst):
                call()
            calls += burst
        return (time.perf_counter() - begin) / calls
    burst = 1 + int(1e-4 / window(seconds / 4, 1))
    return [window(seconds / WINDOWS, burst) for _ in range(WINDOWS)]


def ready(model, x, flags):
    if 'channels_last' in flags and x.dim() == 4:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if 'bf16' in flags:
        model, x = model.to(torch.bfloat16), x.to(torch.bfloat16)
    if 'compile' in flags:
        model = torch.compile(model)
    if 'trace' in flags:
        model = torch.jit.freeze(torch.jit.trace(model, x))
        if 'bf16' not in flags:
            model = torch.jit.optimize_for_inference(model)
    return model, x


def main():
    case, flags = sys.argv[1], set(flag for flag in sys.argv[2:] if '=' not in flag)
    numbers = dict(flag.split('=') for flag in sys.argv[2:] if '=' in flag)
    network, shape, batch = FORWARDS[case]
    batch = int(numbers.get('batch', batch))
    torch.manual_seed(0)
    torch.set_num_threads(int(numbers.get('threads', 2)))
    with torch.inference_mode():
        model, x = ready(network().eval(), torch.rand(batch, *shape) * 2 - 1, flags)
        model(x)
        first = time.monotonic() - started
        for _ in range(10):
            model(x)
        windows = windows_of(lambda: model(x), float(numbers.get('seconds', 4)))
    middle = statistics.median(windows)
    print(json.dumps(dict(inference=case, batch=batch, flags=sorted(flags), threads=torch.get_num_threads(), version=torch.__version__,
                          call_seconds=middle, images_per_second=batch / middle, slowest=batch / max(windows),
                          fastest=batch / min(windows), first_step_seconds=first,
                          peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))


main()
