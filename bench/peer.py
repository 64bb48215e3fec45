#!/usr/bin/env python3
"""One training step of the peer, PyTorch: the same networks, data sizes, losses and optimisers as `decant bench train`; or one
forward pass, as `decant bench infer`.

peer.py CASE [FLAG...]         flags: channels_last, bf16 (autocast), compile, trace (teacher traced and frozen)
peer.py infer CASE [FLAG...]   flags: channels_last, bf16 (autocast), trace (traced, frozen, optimised for inference), threads=N, batch=N
Prints one JSON object: the median, fastest and slowest of seven windows, as decant does. Batches are gathered inside the timed step
from preloaded tensors, which is kinder to the peer than its DataLoader."""
import json
import resource
import statistics
import sys
import time

started = time.monotonic()
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(2)
torch.manual_seed(0)


def conv_bn(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]


def deepnn():
    return nn.Sequential(
        nn.Conv2d(3, 128, 3, padding=1), nn.ReLU(), nn.Conv2d(128, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(2048, 512), nn.ReLU(), nn.Dropout(.1), nn.Linear(512, 10))


def lightnn():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1024, 256), nn.ReLU(), nn.Dropout(.1), nn.Linear(256, 10))


def fashion_1():
    return nn.Sequential(*conv_bn(3, 48), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(.5), nn.Linear(48 * 14 * 14, 10))


def fashion_3():
    return nn.Sequential(*conv_bn(3, 32), *conv_bn(32, 32), nn.MaxPool2d(2), *conv_bn(32, 32), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Dropout(.5), nn.Linear(1568, 48), nn.Linear(48, 10))


def mlp(hidden, drop_input, drop_hidden):
    def drop(p):
        return [nn.Dropout(p)] if p else []
    return nn.Sequential(*drop(drop_input), nn.Linear(784, hidden), nn.ReLU(), *drop(drop_hidden),
                         nn.Linear(hidden, hidden), nn.ReLU(), *drop(drop_hidden), nn.Linear(hidden, 10))


def airline():
    return nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Dropout(.5), nn.Linear(32, 32), nn.ReLU(), nn.Dropout(.5), nn.Linear(32, 2))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width))
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != 4 * width:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        return F.relu(self.branch(x) + self.shortcut(x), inplace=True)


def resnet50():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            layers.append(Bottleneck(inputs, width, stride if block == 0 else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 10))


# name: (student, teacher, sample shape, repeat grey to colour, classes, samples, batch, optimiser, temperature, soft weight)
CASES = {
    'airline': (airline, None, (24,), False, 2, 74811, 64, 'adam', 0, 0),
    'lightnn': (lightnn, None, (3, 32, 32), False, 10, 8192, 64, 'adam', 0, 0),
    'deepnn': (deepnn, None, (3, 32, 32), False, 10, 8192, 64, 'adam', 0, 0),
    'cifar-kd': (lightnn, deepnn, (3, 32, 32), False, 10, 8192, 64, 'adam', 2., .25),
    'mlp-1200': (lambda: mlp(1200, .2, .5), None, (784,), False, 10, 60000, 128, 'sgd', 0, 0),
    'mlp-kd': (lambda: mlp(800, 0, 0), lambda: mlp(1200, .2, .5), (784,), False, 10, 60000, 128, 'sgd', 20., .7),
    'fashion-1': (fashion_1, None, (1, 28, 28), True, 10, 60000, 64, 'adam', 0, 0),
    'fashion-3': (fashion_3, None, (1, 28, 28), True, 10, 60000, 64, 'adam', 0, 0),
    'resnet50': (resnet50, None, (1, 28, 28), True, 10, 60000, 64, 'adam', 0, 0),
}


def main():
    case, flags = sys.argv[1], set(sys.argv[2:])
    student, teacher, shape, repeat, classes, samples, batch, optimizer, temperature, soft = CASES[case]
    images, labels = torch.rand(samples, *shape), torch.randint(0, classes, (samples,))
    layout = torch.channels_last if 'channels_last' in flags and len(shape) == 3 else None

    def ready(network):
        return network.to(memory_format=layout) if layout else network

    model = ready(student())
    model.train()
    if 'compile' in flags:
        model = torch.compile(model)
    guide = ready(teacher()).eval() if teacher else None
    if guide is not None and 'trace' in flags:
        with torch.inference_mode():
            guide = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(guide, torch.rand(batch, *shape))))
    update = (torch.optim.Adam(model.parameters(), lr=1e-3) if optimizer == 'adam'
              else torch.optim.SGD(model.parameters(), lr=1e-2, momentum=.9))
    autocast = torch.autocast('cpu', dtype=torch.bfloat16, enabled='bf16' in flags)
    order, place = torch.randperm(samples), 0

    def step():
        nonlocal order, place
        if place + batch > samples:
            order, place = torch.randperm(samples), 0
        index = order[place:place + batch]
        place += batch
        x, y = images.index_select(0, index), labels.index_select(0, index)
        if repeat:
            x = x.expand(-1, 3, -1, -1)
        if layout:
            x = x.contiguous(memory_format=layout)
        if guide is not None:
            with torch.inference_mode(), autocast:
                targets = guide(x).float()
        with autocast:
            logits = model(x)
        logits = logits.float()
        loss = F.cross_entropy(logits, y)
        if guide is not None:
            kd = F.kl_div(F.log_softmax(logits / temperature, 1), F.softmax(targets / temperature, 1), reduction='batchmean')
            loss = (1 - soft) * loss + soft * temperature ** 2 * kd
        update.zero_grad(set_to_none=True)
        loss.backward()
        update.step()

    step()
    first = time.monotonic() - started
    seconds = float(next((flag[8:] for flag in flags if flag.startswith('seconds=')), 4))
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds / 4:
        step()
    windows = []
    for _ in range(7):
        begin, steps = time.perf_counter(), 0
        while steps == 0 or time.perf_counter() - begin < seconds / 7:
            step()
            steps += 1
        windows.append((time.perf_counter() - begin) / steps)
    print(json.dumps(dict(case=case, flags=sorted(f for f in flags if '=' not in f), version=torch.__version__,
                          images_per_second=batch / statistics.median(windows), slowest=batch / max(windows),
                          fastest=batch / min(windows), first_step_seconds=first,
                          peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))


# name: (network, sample shape, batch)
FORWARDS = {
    'airline-1': (lambda: nn.Sequential(nn.Linear(24, 5), nn.ReLU(), nn.Linear(5, 1)), (24,), 1),
    'airline-2': (lambda: nn.Sequential(nn.Linear(24, 5), nn.ReLU(), nn.Linear(5, 2)), (24,), 1),
    'mlp-800': (lambda: mlp(800, 0, 0), (784,), 1),
    'lightnn': (lightnn, (3, 32, 32), 1),
    'fashion-3': (fashion_3, (3, 28, 28), 1),
    'resnet50': (resnet50, (3, 28, 28), 64),
}


def windows_of(call, seconds):
    """The mean time of a call in each of seven windows. The clock is not asked behind every call."""
    def window(seconds, burst):
        begin, calls = time.perf_counter(), 0
        while calls == 0 or time.perf_counter() - begin < seconds:
            for _ in range(burst):
                call()
            calls += burst
        return (time.perf_counter() - begin) / calls
    burst = 1 + int(1e-4 / window(seconds / 4, 1))
    return [window(seconds / 7, burst) for _ in range(7)]


def infer():
    """Normalised floats to logits: the input is ready, which is kinder to the peer than raw bytes."""
    case, flags = sys.argv[2], set(sys.argv[3:])
    numbers = dict(flag.split('=') for flag in flags if '=' in flag)
    network, shape, batch = FORWARDS[case]
    batch = int(numbers.get('batch', batch))
    torch.set_num_threads(int(numbers.get('threads', 2)))
    model, x = network().eval(), torch.rand(batch, *shape) * 2 - 1
    if 'channels_last' in flags and len(shape) == 3:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        if 'bf16' in flags:
            model, x = model.to(torch.bfloat16), x.to(torch.bfloat16)
        if 'trace' in flags:
            model = torch.jit.freeze(torch.jit.trace(model, x))
            if 'bf16' not in flags:
                model = torch.jit.optimize_for_inference(model)
        for _ in range(10):
            model(x)
        first = time.monotonic() - started
        windows = windows_of(lambda: model(x), float(numbers.get('seconds', 4)))
    middle = statistics.median(windows)
    print(json.dumps(dict(inference=case, batch=batch, flags=sorted(f for f in flags if not f.startswith(('seconds', 'batch'))),
                          version=torch.__version__, call_seconds=middle, fastest_seconds=min(windows),
                          slowest_seconds=max(windows), images_per_second=batch / middle, first_step_seconds=first,
                          peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))


if len(sys.argv) > 2 and sys.argv[1] == 'infer':
    infer()
else:
    main()
