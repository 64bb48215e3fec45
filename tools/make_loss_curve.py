#!/usr/bin/python3
"""Makes tests/golden/vectors/loss_curve.safetensors: a hundred training steps of the student of recipes/quickstart.yaml in
PyTorch, on real images, alone and distilled. Run with Debian's python3-torch and dataset-fashion-mnist:
/usr/bin/python3 tools/make_loss_curve.py

The curves are those of double precision. How far single precision alone leads away from them is measured, not guessed: the
same steps run in f32 RUNS times, each with the images of every batch in another order, half of them with oneDNN and half
without: nothing but rounding differs.

  samples            [steps * batch] i32: training images, batch after batch
  initial/NAME       the student's first weights, f32
  teacher/NAME       a linear classifier of the pixels, f32: whose logits to learn from
  CURVE/f64          [steps, terms]: each loss term, unweighted, before the step's update
  CURVE/f32          [runs, steps, terms]: the same in single precision
  CURVE/early/NAME   [1 + runs, channels]: running statistics after EARLY steps, in f64 and in each f32 run
"""
import gzip

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from make_golden import f32, kd, write_safetensors

IMAGES = "/usr/share/datasets/fashion-mnist"
STEPS, BATCH, RUNS, EARLY = 100, 64, 16, 10
MEAN, STD = np.float32(0.286), np.float32(0.353)
CURVES = {"ce": [(1, "ce")], "kd": [(0.1, "ce"), (0.9, "kd")]}  # the recipe's runs "alone" and "distilled"
TEMPERATURE = 4


def read_training_part():
    """Images normalised as decant does it, in f32: different bits here would break other ties between the windows of a pool."""
    with gzip.open(f"{IMAGES}/train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(f"{IMAGES}/train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return (torch.tensor(images).float() / np.float32(255) - MEAN) / STD, torch.tensor(labels).long()


def make_student():
    return nn.Sequential(nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(12, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(1176, 10))


def make_teacher(images, labels):
    """A linear classifier after one quick look at the data: small enough to be committed, and right four times out of five."""
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    optimizer = torch.optim.Adam(teacher.parameters(), 1e-3)
    for chosen in torch.randperm(len(labels))[:256 * 200].split(256):
        optimizer.zero_grad()
        F.cross_entropy(teacher(images[chosen].double()), labels[chosen]).backward()
        optimizer.step()
    return teacher


def weights_of(model):
    """Rounded to f32: what both sides start from."""
    return {key: value.detach().float() for key, value in model.state_dict().items() if value.is_floating_point()}


def train(dtype, terms, initial, teacher, images, labels, batches):
    """Gives [steps, terms], and the running statistics after EARLY steps."""
    student = make_student().to(dtype)
    student.load_state_dict(initial, strict=False)
    optimizer = torch.optim.Adam(student.parameters(), f32(5e-3), (f32(0.9), f32(0.999)), f32(1e-8))
    curve, early = [], {}
    for step, batch in enumerate(batches):
        x, y = images[batch].to(dtype), labels[batch]
        logits = student(x)
        wanted = F.linear(x.flatten(1), teacher["1.weight"].to(dtype), teacher["1.bias"].to(dtype))
        value = {"ce": F.cross_entropy(logits, y), "kd": kd(logits, wanted, TEMPERATURE)}
        curve.append([value[name].item() for _, name in terms])
        optimizer.zero_grad()
        sum(weight * value[name] for weight, name in terms).backward()
        optimizer.step()
        if step + 1 == EARLY:
            early = {key: value.double().clone() for key, value in student.state_dict().items() if "running" in key}
    return np.array(curve), early


def main():
    torch.manual_seed(5)
    images, labels = read_training_part()
    teacher = weights_of(make_teacher(images, labels))
    initial = weights_of(make_student())
    batches = torch.randperm(len(labels))[:STEPS * BATCH].reshape(STEPS, BATCH)
    out = {"samples": batches.flatten().int()}
    out.update({f"initial/{key}": value for key, value in initial.items()})
    out.update({f"teacher/{key}": value for key, value in teacher.items()})
    for name, terms in CURVES.items():
        exact, early = train(torch.float64, terms, initial, teacher, images, labels, batches)
        curves, states = [], {key: [value] for key, value in early.items()}
        for run in range(RUNS):
            shuffled = torch.stack([batch[torch.randperm(BATCH)] for batch in batches])
            with torch.backends.mkldnn.flags(enabled=run % 2 == 0):
                curve, early = train(torch.float32, terms, initial, teacher, images, labels, shuffled)
            curves.append(curve)
            for key, value in early.items():
                states[key].append(value)
        curves = np.stack(curves)
        out[f"{name}/f64"], out[f"{name}/f32"] = exact, curves.astype(np.float32)
        out.update({f"{name}/early/{key}": torch.stack(values) for key, values in states.items()})
        drift = np.abs(curves - exact).max(axis=(0, 2))
        print(f"{name}: {exact[0]} to {exact[-1]}; f32 leaves it by {drift[0]:.1e}, {drift[EARLY]:.1e} after {EARLY} steps, "
              f"{drift[-1]:.1e} at the end")
    write_safetensors("loss_curve", out)


if __name__ == "__main__":
    main()
