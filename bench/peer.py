#!/usr/bin/env python3
"""The peer, PyTorch: one training step of the same networks, data sizes, losses and optimisers as `decant bench train`, or one forward
pass as of `decant bench infer`.

peer.py train CASE [FLAG...]   flags: channels_last, bf16 (autocast), tbf16 (of the teacher alone), cbf16 (teacher converted to bf16 outright),
                               trace (teacher traced and frozen), compile, fused or foreach (optimiser), threads=N, seconds=S
peer.py infer CASE [FLAG...]   flags: channels_last, bf16, trace (traced, frozen, optimised for inference), compile, threads=N, batch=N,
                               seconds=S
Prints one JSON object: the median, fastest and slowest of seven windows, as decant does. Batches are gathered inside the timed step
from preloaded tensors, and forward passes get normalised floats, which is kinder to the peer than its DataLoader and raw bytes."""
import json
import math
import os
import resource
import statistics
import sys
import time

started = time.monotonic()
import torch
import torch.nn.functional as F

from networks import CASES, FORWARDS

WINDOWS = 7


class Batches:
    """Shuffled batches of preloaded random samples: images or rows, labels and, where they are known, the teacher's logits."""

    def __init__(self, case, layout):
        self.case, self.layout = case, layout
        self.x = self.random(case.samples, *case.shape)
        self.y = torch.randint(0, case.classes, (case.samples,))
        if case.bce:
            self.y = self.y.float()
        self.known = torch.randn(case.samples, case.classes) if case.teacher == 'known' else None
        self.order, self.place = torch.randperm(case.samples), 0

    @staticmethod
    def random(*shape):
        """A block of them over and over, as decant's benchmark does: drawing each would be most of the start-up."""
        count = math.prod(shape)
        return torch.rand(min(count, 4096)).repeat(-(-count // 4096))[:count].view(*shape)

    def next(self):
        if self.place + self.case.batch > self.case.samples:
            self.order, self.place = torch.randperm(self.case.samples), 0
        index = self.order[self.place:self.place + self.case.batch]
        self.place += self.case.batch
        x = self.x.index_select(0, index)
        if self.case.grey:
            x = x.expand(-1, 3, -1, -1)
        if self.layout:
            x = x.contiguous(memory_format=self.layout)
        return x, self.y.index_select(0, index), None if self.known is None else self.known.index_select(0, index)


def compiled_forward(network):
    """With its weights taken for constants, as tracing and freezing does."""
    import torch._inductor.config
    torch._inductor.config.freezing = True
    return torch.compile(network)


def frozen_teacher(case, flags, layout):
    """A function from a batch to the teacher's logits, in the fastest form that the flags ask for."""
    converted = 'cbf16' in flags
    narrow = bool(flags & {'bf16', 'tbf16'}) and not converted
    autocast = torch.autocast('cpu', dtype=torch.bfloat16, enabled=narrow)
    dtype = torch.bfloat16 if converted else torch.float32
    network = case.teacher().eval().to(dtype)
    if layout:
        network = network.to(memory_format=layout)
    if 'compile' in flags:
        network = compiled_forward(network)
    if 'trace' in flags:
        example = torch.rand(case.batch, *case.shape).to(dtype)
        if layout:
            example = example.contiguous(memory_format=layout)
        with torch.inference_mode(), torch.autocast('cpu', dtype=torch.bfloat16, enabled=narrow, cache_enabled=False):
            network = torch.jit.freeze(torch.jit.trace(network, example))
            if not narrow and not converted:
                network = torch.jit.optimize_for_inference(network)

    def logits(x):
        with torch.inference_mode(), autocast:
            return network(x.to(dtype)).float()
    return logits


def make_optimizer(case, model, flags):
    how = {flag: True for flag in ('fused', 'foreach') if flag in flags}
    if case.optimizer == 'adam':
        return torch.optim.Adam(model.parameters(), lr=1e-3, **how)
    return torch.optim.SGD(model.parameters(), lr=1e-2, momentum=.9, **how)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def make_step(case, flags):
    """The step, and how many parameters it trains."""
    layout = torch.channels_last if 'channels_last' in flags else None
    batches = Batches(case, layout)
    autocast = torch.autocast('cpu', dtype=torch.bfloat16, enabled='bf16' in flags)
    model = case.student().train()
    if layout:
        model = model.to(memory_format=layout)
    update = make_optimizer(case, model, flags)
    parameters = count(model)
    if 'compile' in flags:
        model = torch.compile(model)
    teacher = frozen_teacher(case, flags, layout) if callable(case.teacher) else None

    def step():
        x, y, targets = batches.next()
        if teacher:
            targets = teacher(x)
        with autocast:
            logits = model(x)
        logits = logits.float()
        loss = F.binary_cross_entropy_with_logits(logits.view(-1), y) if case.bce else F.cross_entropy(logits, y)
        if targets is not None:
            t = case.temperature
            kd = F.kl_div(F.log_softmax(logits / t, 1), F.softmax(targets / t, 1), reduction='batchmean')
            loss = (1 - case.soft) * loss + case.soft * t ** 2 * kd
        update.zero_grad(set_to_none=True)
        loss.backward()
        update.step()
    return step, parameters


def window(call, seconds, burst=1):
    """The mean time of a call over about so many seconds; the clock is not asked behind every one."""
    begin, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - begin < seconds:
        for _ in range(burst):
            call()
        calls += burst
    return (time.perf_counter() - begin) / calls


def report(name, flags, batch, windows, **more):
    print(json.dumps(dict(case=name, flags=sorted(flags), version=torch.__version__, batch=batch,
                          images_per_second=batch / statistics.median(windows), slowest=batch / max(windows),
                          fastest=batch / min(windows), step_seconds=statistics.median(windows),
                          peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, **more)))


def train(name, flags, values):
    case, seconds = CASES[name], float(values.get('seconds', 4))
    step, parameters = make_step(case, flags)
    ready = time.monotonic() - started
    step()
    first = time.monotonic() - started
    window(step, seconds / 4)
    windows = [window(step, seconds / WINDOWS) for _ in range(WINDOWS)]
    report(name, flags, case.batch, windows, ready_seconds=ready, first_step_seconds=first, parameters=parameters)


def infer(name, flags, values):
    network, shape, batch = FORWARDS[name]
    batch, seconds = int(values.get('batch', batch)), float(values.get('seconds', 4))
    model, x = network().eval(), torch.rand(batch, *shape) * 2 - 1
    if 'channels_last' in flags:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        if 'bf16' in flags:
            model, x = model.to(torch.bfloat16), x.to(torch.bfloat16)
        parameters = count(model)
        if 'compile' in flags:
            model = compiled_forward(model)
        if 'trace' in flags:
            model = torch.jit.freeze(torch.jit.trace(model, x))
            if 'bf16' not in flags:
                model = torch.jit.optimize_for_inference(model)
        model(x)
        first = time.monotonic() - started
        burst = 1 + int(1e-4 / window(lambda: model(x), seconds / 4))
        windows = [window(lambda: model(x), seconds / WINDOWS, burst) for _ in range(WINDOWS)]
    report(name, flags, batch, windows, first_step_seconds=first, parameters=parameters)


def main():
    kind, name = sys.argv[1:3]
    flags = set(flag for flag in sys.argv[3:] if '=' not in flag)
    values = dict(flag.split('=') for flag in sys.argv[3:] if '=' in flag)
    torch.set_num_threads(int(values.get('threads', len(os.sched_getaffinity(0)))))
    torch.manual_seed(0)
    {'train': train, 'infer': infer}[kind](name, flags, values)


if __name__ == '__main__':
    main()
