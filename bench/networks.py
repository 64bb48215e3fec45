"""The networks that decant and the peer are measured on, in PyTorch, and what a training step of each is made of. The same as
src/bench/cases.c."""
import torch.nn as nn
import torch.nn.functional as F


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


def fashion_23(dropouts):
    return nn.Sequential(*conv_bn(3, 32), *conv_bn(32, 32), nn.MaxPool2d(2), *conv_bn(32, 32), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Dropout(.5), nn.Linear(1568, 48), *([nn.Dropout(.5)] if dropouts == 2 else []), nn.Linear(48, 10))


def mlp(hidden, drop_input, drop_hidden):
    def drop(p):
        return [nn.Dropout(p)] if p else []
    return nn.Sequential(*drop(drop_input), nn.Linear(784, hidden), nn.ReLU(), *drop(drop_hidden),
                         nn.Linear(hidden, hidden), nn.ReLU(), *drop(drop_hidden), nn.Linear(hidden, 10))


def airline():
    return nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Dropout(.5), nn.Linear(32, 32), nn.ReLU(), nn.Dropout(.5), nn.Linear(32, 1))


def airline_small(outputs):
    return nn.Sequential(nn.Linear(24, 5), nn.ReLU(), nn.Linear(5, outputs))


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


class Case:
    """A training step. teacher: a network that runs in the step, or 'known' when its logits are looked up."""

    def __init__(self, student, shape, samples, batch, optimizer, teacher=None, grey=False, classes=10, temperature=0., soft=0.,
                 bce=False):
        self.student, self.shape, self.samples, self.batch, self.optimizer = student, shape, samples, batch, optimizer
        self.teacher, self.grey, self.classes, self.temperature, self.soft = teacher, grey, classes, temperature, soft
        self.bce = bce


def cifar(student, teacher=None):
    return Case(student, (3, 32, 32), 8192, 64, 'adam', teacher, temperature=2., soft=.25)


def mnist(student, teacher=None):
    return Case(student, (784,), 60000, 128, 'sgd', teacher, temperature=20., soft=.7)


def fashion(student, teacher=None):
    return Case(student, (1, 28, 28), 60000, 64, 'adam', teacher, grey=True, temperature=4., soft=.5)


CASES = {
    'airline': Case(airline, (24,), 74811, 64, 'adam', classes=2, bce=True),
    'lightnn': cifar(lightnn),
    'deepnn': cifar(deepnn),
    'cifar-kd': cifar(lightnn, deepnn),
    'mlp-1200': mnist(lambda: mlp(1200, .2, .5)),
    'mlp-kd': mnist(lambda: mlp(800, 0, 0), lambda: mlp(1200, .2, .5)),
    'fashion-1': fashion(fashion_1, 'known'),
    'fashion-2': fashion(lambda: fashion_23(2), 'known'),
    'fashion-3': fashion(lambda: fashion_23(1), 'known'),
    'resnet50': fashion(resnet50),
}

# Forward passes: network, sample, samples a call.
FORWARDS = {
    'airline-1': (lambda: airline_small(1), (24,), 1),
    'airline-2': (lambda: airline_small(2), (24,), 1),
    'mlp-800': (lambda: mlp(800, 0, 0), (784,), 1),
    'lightnn': (lightnn, (3, 32, 32), 1),
    'fashion-3': (lambda: fashion_23(1), (3, 28, 28), 1),
    'resnet50': (resnet50, (3, 28, 28), 64),
}
