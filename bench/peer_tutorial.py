#!/usr/bin/env python3
"""The peer's side of the tutorial's soft-target run, end to end: import, data, ten epochs of LightNN taught by DeepNN, and the test.

peer_tutorial.py FOLDER [FLAG...]   FOLDER: CIFAR-10's binary batches; flags: those of peer.py train, and cached (the teacher's logits are
                                    computed once); epochs=N (measure so many and scale to ten)
Prints one JSON object. All data lies in memory as normalised floats, which is kinder to the peer than its DataLoader."""
import json
import os
import sys
import time

started = time.monotonic()
import torch
import torch.nn.functional as F

from networks import CASES
from peer import frozen_teacher, make_optimizer

BATCH, EPOCHS, RECORD = 128, 10, 3073


def read(folder, names, layout):
    records = []
    for name in names:
        with open(os.path.join(folder, name), 'rb') as file:
            records.append(torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).view(-1, RECORD))
    records = torch.cat(records)
    x = records[:, 1:].float().div_(255).view(-1, 3, 32, 32)
    x = x.contiguous(memory_format=layout) if layout else x
    return x, records[:, 0].long()


def main():
    folder = sys.argv[1]
    flags = set(flag for flag in sys.argv[2:] if '=' not in flag)
    epochs = int(dict(flag.split('=') for flag in sys.argv[2:] if '=' in flag).get('epochs', EPOCHS))
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    case = CASES['cifar-kd']
    case.batch = BATCH
    layout = torch.channels_last if 'channels_last' in flags else None
    autocast = torch.autocast('cpu', dtype=torch.bfloat16, enabled='bf16' in flags)
    x, y = read(folder, ['data_batch_%d.bin' % i for i in range(1, 6)], layout)
    test_x, test_y = read(folder, ['test_batch.bin'], layout)
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    x.sub_(mean).div_(std)
    test_x.sub_(mean).div_(std)
    teacher = frozen_teacher(case, flags, layout)
    model = case.student().train()
    if layout:
        model = model.to(memory_format=layout)
    update = make_optimizer(case, model, flags)
    forward = torch.compile(model) if 'compile' in flags else model
    known = torch.cat([teacher(x[i:i + BATCH]) for i in range(0, len(x), BATCH)]) if 'cached' in flags else None
    ready = time.monotonic()

    t = case.temperature
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for begin in range(0, len(x), BATCH):
            index = order[begin:begin + BATCH]
            images = x.index_select(0, index)
            images = images.contiguous(memory_format=layout) if layout else images
            targets = known.index_select(0, index) if known is not None else teacher(images)
            with autocast:
                logits = forward(images)
            logits = logits.float()
            kd = F.kl_div(F.log_softmax(logits / t, 1), F.softmax(targets / t, 1), reduction='batchmean')
            loss = (1 - case.soft) * F.cross_entropy(logits, y.index_select(0, index)) + case.soft * t ** 2 * kd
            update.zero_grad(set_to_none=True)
            loss.backward()
            update.step()
    trained = time.monotonic()
    model.eval()
    with torch.inference_mode(), autocast:
        right = sum((model(test_x[i:i + BATCH]).argmax(1) == test_y[i:i + BATCH]).sum().item() for i in range(0, len(test_x), BATCH))
    seconds = time.monotonic() - started + (EPOCHS / epochs - 1) * (trained - ready)
    rate = len(x) * EPOCHS / seconds
    print(json.dumps(dict(flags=sorted(flags), version=torch.__version__, seconds=seconds, step_seconds=seconds, images_per_second=rate,
                          slowest=rate, fastest=rate, ready_seconds=ready - started, measured_epochs=epochs, accuracy=right / len(test_y))))


main()
