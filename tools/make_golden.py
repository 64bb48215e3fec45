#!/usr/bin/python3
"""Makes tests/golden/vectors: what PyTorch says about every layer, loss, optimiser, schedule, initialiser, and five whole
training steps. Run with Debian's python3-torch:  /usr/bin/python3 tools/make_golden.py  (the version is written into each file).

Everything is computed in double precision, so the vectors are better than what they judge. Numbers that decant keeps in f32
(learning rates, momentum, ...) are rounded to f32 first. Names: "CASE/WHAT"; the attributes of a case stand in the C test.
"""
import json
import math
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden", "vectors")
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


# --- files ---

def write_safetensors(name, tensors):
    """The container: length of the header, JSON header, data. Little-endian, 8-byte aligned."""
    kinds = {"float64": "F64", "float32": "F32", "int32": "I32", "int64": "I64"}
    header = {"__metadata__": {"generator": "tools/" + os.path.basename(sys.argv[0]), "torch": torch.__version__}}
    data, offset = [], 0
    for key in sorted(tensors):
        array = np.asarray(tensors[key].detach() if isinstance(tensors[key], torch.Tensor) else tensors[key])
        shape = list(array.shape)
        raw = np.ascontiguousarray(array).tobytes()
        header[key] = {"dtype": kinds[str(array.dtype)], "shape": shape, "data_offsets": [offset, offset + len(raw)]}
        data.append(raw)
        offset += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(FOLDER, name + ".safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))
    print(f"{name}.safetensors: {len(tensors)} tensors, {8 + len(text) + offset} bytes, torch {torch.__version__}")


# --- numbers that both sides can make (src/base/random.h) ---

PURPOSE_DROPOUT, PURPOSE_TEST = 5, 7


def philox(key, counter):
    """Philox4x32-10 on arrays: counter is four arrays (or numbers) of uint32; gives four arrays."""
    c = [np.asarray(x, dtype=np.uint64) for x in np.broadcast_arrays(*counter)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & mask,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def words(key, counter_tail, count):
    """The first `count` words of the blocks {0, ...}, {1, ...}, ..."""
    blocks = np.arange((count + 3) // 4)
    return np.stack(philox(key, [blocks] + list(counter_tail)), axis=1).reshape(-1)[:count]


def uniform(ordinal, shape):
    """dcn_random_start(1, TEST, ordinal, 0): each word as a number in [-1, 1)."""
    count = int(np.prod(shape))
    return torch.tensor(words(1, [PURPOSE_TEST, ordinal, 0], count) / 2.0**31 - 1).reshape(shape)


def dropout_mask(shape, p, seed, step, stream):
    """The mask of op.def, scale included."""
    drawn = words(seed, [PURPOSE_DROPOUT | ((stream & 0xFFFFFF) << 8), step & 0xFFFFFFFF, step >> 32], int(np.prod(shape)))
    return torch.tensor((drawn >= np.uint64(int(p * 2.0**32))) / (1 - p)).reshape(shape)


def f32(x):
    return float(np.float32(x))


# --- layers: forward, and gradients of sum(y * dy) ---

def layer(out, name, function, inputs, frozen=()):
    """Runs function(**inputs); stores inputs, y, dy and the gradient of every floating input that is not frozen."""
    for key, value in inputs.items():
        out[f"{name}/{key}"] = value.clone()
        if value.is_floating_point() and key not in frozen:
            value.requires_grad_()
    y = function(**inputs)
    dy = torch.randn(y.shape)
    out[f"{name}/y"], out[f"{name}/dy"] = y, dy
    (y * dy).sum().backward()
    for key, value in inputs.items():
        if value.requires_grad:
            out[f"{name}/d{key}"] = value.grad


def conv_layers(out):
    def conv(name, x, w, bias=True, relu=False, **attributes):
        inputs = {"x": torch.randn(x), "weight": torch.randn(w)}
        if bias:
            inputs["bias"] = torch.randn(w[0])

        def forward(x, weight, bias=None):
            y = F.conv2d(x, weight, bias, **attributes)
            return F.relu(y) if relu else y
        layer(out, name, forward, inputs)

    conv("conv2d", (2, 3, 6, 5), (4, 3, 3, 3), padding=1)
    conv("conv2d_relu", (2, 3, 6, 5), (4, 3, 3, 3), padding=1, relu=True)
    conv("conv2d_stride", (2, 2, 7, 8), (3, 2, 3, 2), bias=False, stride=(2, 3), padding=(1, 0))
    conv("conv2d_dilation", (1, 2, 9, 8), (3, 2, 3, 3), padding=2, dilation=(2, 3))
    conv("conv2d_groups", (2, 4, 5, 5), (6, 2, 3, 3), padding=1, groups=2)
    conv("conv2d_depthwise", (2, 4, 5, 5), (8, 1, 3, 3), padding=1, groups=4)
    conv("conv2d_pointwise", (2, 5, 3, 3), (7, 5, 1, 1), stride=2)


def dense_layers(out):
    layer(out, "linear", lambda x, weight, bias: F.linear(x, weight, bias),
          {"x": torch.randn(3, 7), "weight": torch.randn(5, 7), "bias": torch.randn(5)})
    layer(out, "linear_relu", lambda x, weight, bias: F.relu(F.linear(x, weight, bias)),
          {"x": torch.randn(3, 7), "weight": torch.randn(5, 7), "bias": torch.randn(5)})
    for name, shape, relu in (("batchnorm_train", (3, 4, 3, 2), False), ("batchnorm_train_relu", (3, 4, 3, 2), True),
                              ("batchnorm_train_rows", (6, 5), False)):
        channels = shape[1]
        mean, var = torch.randn(channels), torch.rand(channels) + 0.5
        new_mean, new_var = mean.clone(), var.clone()

        def forward(x, weight, bias, running_mean, running_var):
            y = F.batch_norm(x, new_mean, new_var, weight, bias, training=True, momentum=0.1, eps=1e-5)
            return F.relu(y) if relu else y
        layer(out, name, forward,
              {"x": torch.randn(shape) * 2 + 1, "weight": torch.randn(channels), "bias": torch.randn(channels),
               "running_mean": mean, "running_var": var}, frozen=("running_mean", "running_var"))
        out[f"{name}/new_running_mean"], out[f"{name}/new_running_var"] = new_mean, new_var
    for name, shape in (("batchnorm", (2, 3, 2, 3)), ("batchnorm_rows", (4, 3))):
        inputs = {"x": torch.randn(shape), "weight": torch.randn(3), "bias": torch.randn(3),
                  "running_mean": torch.randn(3), "running_var": torch.rand(3) + 0.5}
        for key, value in inputs.items():
            out[f"{name}/{key}"] = value
        out[f"{name}/y"] = F.batch_norm(inputs["x"], inputs["running_mean"], inputs["running_var"], inputs["weight"],
                                        inputs["bias"], training=False, eps=1e-5)


def simple_layers(out):
    one = {
        "relu": F.relu, "relu6": F.relu6, "hardswish": F.hardswish, "sigmoid": torch.sigmoid, "gelu": F.gelu,
        "softmax": lambda x: F.softmax(x, dim=1),
        "standardize": standardized,
    }
    for name, function in one.items():
        layer(out, name, lambda x, function=function: function(x), {"x": torch.randn(4, 11) * 4})
    maps = {
        "maxpool": lambda x: F.max_pool2d(x, 2),
        "maxpool_padded": lambda x: F.max_pool2d(x, 3, stride=2, padding=1),
        "maxpool_ceil": lambda x: F.max_pool2d(x, (2, 3), stride=(2, 2), ceil_mode=True),
        "avgpool": lambda x: F.avg_pool2d(x, 2),
        "avgpool_padded": lambda x: F.avg_pool2d(x, 3, stride=2, padding=1),
        "avgpool_without_padding": lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False),
        "avgpool_ceil": lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, ceil_mode=True),
        "adaptive_avgpool": lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
        "global_avgpool": lambda x: F.adaptive_avg_pool2d(x, 1),
        "flatten": lambda x: torch.flatten(x, 1),
        "pad_channels": lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2)),
        "repeat_channels": lambda x: x.repeat(1, 3, 1, 1),
    }
    for name, function in maps.items():
        layer(out, name, lambda x, function=function: function(x), {"x": torch.randn(2, 3, 7, 8)})
    layer(out, "slice", lambda x: x[:, 1:4], {"x": torch.randn(2, 5, 3, 2)})
    layer(out, "add", lambda a, b: a + b, {"a": torch.randn(2, 3, 2, 2), "b": torch.randn(2, 3, 2, 2)})
    layer(out, "add_relu", lambda a, b: F.relu(a + b), {"a": torch.randn(2, 3, 2, 2), "b": torch.randn(2, 3, 2, 2)})
    layer(out, "concat", lambda a, b, c: torch.cat((a, b, c), 1),
          {"a": torch.randn(2, 3, 2, 2), "b": torch.randn(2, 1, 2, 2), "c": torch.randn(2, 2, 2, 2)})
    seed, step, p = 123456789012345, 5 * 2**32 + 17, 0.3
    layer(out, "dropout", lambda x, counter: x * dropout_mask(x.shape, p, seed, step, 9),
          {"x": torch.randn(5, 13), "counter": torch.tensor([seed, step])})
    x = F.softmax(torch.randn(4, 11) * 20, dim=1)  # without a derivative: it stands in frozen models only
    x[0, 0] = 0
    out["log/x"], out["log/y"] = x, torch.log(x.clamp(min=1.17549435e-38))


def make_layers():
    torch.manual_seed(1)
    out = {}
    conv_layers(out)
    dense_layers(out)
    simple_layers(out)
    write_safetensors("layers", out)


# --- losses: value and gradient at the (student's) logits ---

def kd(student, teacher, temperature):
    return F.kl_div(F.log_softmax(student / temperature, 1), F.log_softmax(teacher / temperature, 1),
                    reduction="batchmean", log_target=True) * temperature**2


def bce(logits, labels):
    target = labels.reshape(-1, 1).double() if logits.shape[1] == 1 else F.one_hot(labels, logits.shape[1]).double()
    return F.binary_cross_entropy_with_logits(logits, target)


def dkd(student, teacher, labels, alpha, beta, temperature):
    """Zhao et al. 2022: (label, rest) as two probabilities, then the rest without the label."""
    hit = F.one_hot(labels, student.shape[1]).bool()

    def two(z):
        p = F.softmax(z / temperature, 1)
        return torch.stack((p[hit], (p * ~hit).sum(1)), 1)

    def rest(z):
        return F.log_softmax(z[~hit].reshape(len(z), -1) / temperature, 1)
    target = F.kl_div(two(student).log(), two(teacher), reduction="batchmean")
    others = F.kl_div(rest(student), rest(teacher), reduction="batchmean", log_target=True)
    return temperature**2 * (alpha * target + beta * others)


def centered(z):
    return z - z.mean(1, keepdim=True)


def standardized(z):
    return (z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True) + 1e-7)


def cosine(student, teacher):
    return (1 - F.cosine_similarity(student.flatten(1), teacher.flatten(1))).mean()


def make_losses():
    torch.manual_seed(2)
    out = {}
    a, b, mix = torch.randint(0, 10, (6,)), torch.randint(0, 10, (6,)), torch.rand(6).float()
    teacher = torch.randn(6, 10) * 4
    per_row = lambda z, y, s=0.0: F.cross_entropy(z, y, label_smoothing=s, reduction="none")
    losses = {
        "ce": lambda z: F.cross_entropy(z, a),
        "ce_smoothed": lambda z: F.cross_entropy(z, a, label_smoothing=0.1),
        "ce_mixed": lambda z: (mix * per_row(z, a) + (1 - mix.double()) * per_row(z, b)).mean(),
        "ce_mixed_smoothed": lambda z: (mix * per_row(z, a, 0.1) + (1 - mix.double()) * per_row(z, b, 0.1)).mean(),
    }
    for temperature in (1, 2, 4, 20):
        losses[f"kd_{temperature}"] = lambda z, temperature=temperature: kd(z, teacher, temperature)
    losses["bce"] = lambda z: bce(z, a)
    losses["logits"] = lambda z: F.mse_loss(z, teacher)
    losses["logits_centered"] = lambda z: F.mse_loss(centered(z), centered(teacher))
    losses["dkd"] = lambda z: dkd(z, teacher, a, 1, 8, 4)
    losses["dkd_other"] = lambda z: dkd(z, teacher, a, 0.5, 2, 1)
    losses["cosine"] = lambda z: cosine(z, teacher)
    losses["kd_standardized"] = lambda z: kd(standardized(z), standardized(teacher), 2)
    losses["bce_one"] = lambda z: bce(z, a % 2)
    for name, function in losses.items():
        logits = (torch.randn(6, 1 if name == "bce_one" else 10) * 3).requires_grad_()
        loss = function(logits)
        loss.backward()
        out[f"{name}/logits"], out[f"{name}/loss"], out[f"{name}/dlogits"] = logits, loss.reshape(1), logits.grad
    out["label_bit"] = (a % 2).int()
    out["label_a"], out["label_b"], out["mix"], out["teacher"] = a.int(), b.int(), mix, teacher
    write_safetensors("losses", out)


# --- optimisers: a linear layer with given output gradients, six steps ---

def make_optimizers():
    torch.manual_seed(3)
    x, dy = torch.randn(8, 8), torch.randn(6, 8, 5) * torch.tensor([0.1, 3, 0.01, 1, 0.3, 2]).reshape(6, 1, 1)
    weight, bias = torch.randn(5, 8), torch.randn(5)
    out = {"x": x, "dy": dy, "weight": weight, "bias": bias}
    lr, momentum, decay = f32(0.05), f32(0.9), f32(0.01)
    betas = (f32(0.9), f32(0.999))
    cases = {
        "sgd": (lambda p: torch.optim.SGD(p, lr), 0),
        "sgd_decay": (lambda p: torch.optim.SGD(p, lr, weight_decay=decay), 0),
        "sgd_momentum": (lambda p: torch.optim.SGD(p, lr, momentum), 0),
        "sgd_momentum_decay": (lambda p: torch.optim.SGD(p, lr, momentum, weight_decay=decay), 0),
        "sgd_nesterov": (lambda p: torch.optim.SGD(p, lr, momentum, weight_decay=decay, nesterov=True), 0),
        "sgd_clipped": (lambda p: torch.optim.SGD(p, lr, momentum), 4),
        "adam": (lambda p: torch.optim.Adam(p, lr, betas, f32(1e-8)), 0),
        "adam_decay": (lambda p: torch.optim.Adam(p, lr, betas, f32(1e-8), weight_decay=decay), 0),
        "adam_clipped": (lambda p: torch.optim.Adam(p, lr, betas, f32(1e-8)), 4),
        "adamw": (lambda p: torch.optim.AdamW(p, lr, betas, f32(1e-8), weight_decay=decay), 0),
    }
    for name, (make, max_norm) in cases.items():
        w, b = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
        optimizer = make([w, b])
        weights, biases = [], []
        for step in range(6):
            optimizer.zero_grad()
            (F.linear(x, w, b) * dy[step]).sum().backward()
            if max_norm > 0:
                nn.utils.clip_grad_norm_([w, b], max_norm)
            optimizer.step()
            weights.append(w.detach().clone())
            biases.append(b.detach().clone())
        out[f"{name}/weight"], out[f"{name}/bias"] = torch.stack(weights), torch.stack(biases)
    write_safetensors("optimizers", out)


# --- schedules: the learning rate of each of 70 steps, 7 an epoch ---

def make_schedules():
    schedulers = torch.optim.lr_scheduler
    per_epoch, total, warmup = 7, 70, 14

    def warm(optimizer, rest):
        first = schedulers.LinearLR(optimizer, start_factor=0.01, total_iters=warmup)
        return schedulers.SequentialLR(optimizer, [first, rest(optimizer)], milestones=[warmup])
    cases = {  # scheduler, and whether it is stepped by epoch
        "constant": (lambda o: schedulers.LambdaLR(o, lambda step: 1), False),
        "step": (lambda o: schedulers.StepLR(o, step_size=3, gamma=0.5), True),
        "milestones": (lambda o: schedulers.MultiStepLR(o, [2, 5, 9], gamma=0.2), True),
        "cosine": (lambda o: schedulers.CosineAnnealingLR(o, total, eta_min=0.001), False),
        "one_cycle": (lambda o: schedulers.OneCycleLR(o, 0.1, total_steps=total, pct_start=0.3, cycle_momentum=False), False),
        "warmup": (lambda o: schedulers.LinearLR(o, start_factor=0.01, total_iters=warmup), False),
        "warmup_cosine": (lambda o: warm(o, lambda p: schedulers.CosineAnnealingLR(p, total - warmup, eta_min=0.001)), False),
    }
    out = {}
    for name, (make, by_epoch) in cases.items():
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)
        scheduler = make(optimizer)
        rates = []
        for step in range(total):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if not by_epoch or (step + 1) % per_epoch == 0:
                scheduler.step()
        out[name] = np.array(rates)
    write_safetensors("schedules", out)


# --- initial weights: mean, deviation, and nine quantiles from the smallest to the largest ---

def make_initialization():
    torch.manual_seed(4)
    out = {}

    def record(name, tensor):
        flat = tensor.detach().double().flatten()
        quantiles = torch.quantile(flat, torch.linspace(0, 1, 9))
        out[name] = torch.cat((flat.mean().reshape(1), flat.std().reshape(1), quantiles))
    layers = {"linear": nn.Linear(300, 400), "conv": nn.Conv2d(24, 64, (5, 3)), "grouped": nn.Conv2d(64, 256, 3, groups=4)}
    for name, module in layers.items():
        record(f"{name}.weight", module.weight)
        record(f"{name}.bias", module.bias)
    for mode in ("fan_in", "fan_out"):  # the ResNets' convolutions: He et al.'s and torchvision's
        weight = torch.empty(64, 24, 5, 3)
        nn.init.kaiming_normal_(weight, mode=mode, nonlinearity="relu")
        record(f"kaiming_{mode}", weight)
    write_safetensors("initialization", out)


# --- whole training steps ---

def light_nn():
    """The student of the PyTorch distillation tutorial; dropout is put in by hand."""
    model = nn.Module()
    model.features = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                                   nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    model.classifier = nn.Sequential(nn.Linear(1024, 256), nn.ReLU(), nn.Identity(), nn.Linear(256, 10))

    def forward(x, step):
        hidden = model.classifier[1](model.classifier[0](model.features(x).flatten(1)))
        return model.classifier[3](hidden * dropout_mask(hidden.shape, 0.1, 11, step, 0))
    return model, forward


class Block(nn.Module):
    """Two 3x3 convolutions; the shortcut takes every second pixel and pads channels with zeros (option A)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.stride, self.more = stride, (outputs - inputs) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.more, self.more)))


def resnet20():
    model = nn.Module()
    model.conv1, model.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
    model.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
    model.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
    model.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
    model.linear = nn.Linear(64, 10)

    def forward(x, step):
        x = model.layer3(model.layer2(model.layer1(F.relu(model.bn1(model.conv1(x))))))
        return model.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))
    return model, forward


def set_weights(model, first=0):
    """Parameter number k gets dcn_random numbers of ordinal first + k, scaled as He et al. (weights), or near 1 (batchnorm) or 0."""
    for ordinal, (name, parameter) in enumerate(model.named_parameters(), first):
        u = uniform(ordinal, parameter.shape)
        if parameter.dim() > 1:
            u = u * math.sqrt(6 / parameter[0].numel())
        else:
            u = 0.1 * u + (1 if name.endswith("weight") else 0)
        parameter.data = u.float().double()


def summary(tensor):
    """Sum, norm, and up to 64 elements at even distances."""
    flat = tensor.detach().flatten()
    index = torch.arange(64) * flat.numel() // 64 if flat.numel() > 64 else torch.arange(flat.numel())
    return torch.cat((flat.sum().reshape(1), flat.norm().reshape(1), flat[index]))


def deep_nn():
    """The tutorial's teacher; features are its last map, and the same flattened."""
    features = nn.Sequential(nn.Conv2d(3, 128, 3, padding=1), nn.ReLU(), nn.Conv2d(128, 64, 3, padding=1), nn.ReLU(),
                             nn.MaxPool2d(2), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(),
                             nn.Conv2d(64, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    return features


def record_feature_step(name, with_regressor, with_projection=False):
    """One step of LightNN on a feature of DeepNN: the teacher's weights have ordinals from 500 on."""
    model, forward = light_nn()
    if with_regressor:
        model.hint = nn.Module()
        model.hint.regressor = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1))
    if with_projection:
        model.cosine = nn.Module()
        model.cosine.projection = nn.Sequential(nn.Conv2d(16, 32, 1))
    teacher = deep_nn()
    set_weights(teacher, 500)
    taps = {}
    model.features.register_forward_hook(lambda module, inputs, output: taps.update(student=output))

    def loss_of(logits, labels, unused, x):
        with torch.no_grad():
            target = teacher(x)
        if with_regressor:
            feature = F.mse_loss(model.hint.regressor(taps["student"]), target)
        elif with_projection:
            feature = cosine(model.cosine.projection(taps["student"]), target)
        else:
            pooled = F.avg_pool1d(target.flatten(1).unsqueeze(1), 2).squeeze(1)
            feature = cosine(taps["student"], pooled)
        return [(0.75, F.cross_entropy(logits, labels)), (0.25, feature)]
    record_steps(name, model, forward,
                 lambda p: torch.optim.Adam(p, f32(1e-3), (f32(0.9), f32(0.999)), f32(1e-8)), loss_of, steps=1,
                 with_input=True)


def record_steps(name, model, forward, make_optimizer, loss_of, steps, with_input=False):
    set_weights(model)
    model.train()
    optimizer = make_optimizer(model.parameters())
    batch = 3
    labels = torch.tensor((words(1, [PURPOSE_TEST, 1001, 0], batch) % np.uint64(10)).astype(np.int64))
    out = {}
    for step in range(steps):
        x = (uniform(1010 + step, (batch, 3, 32, 32)) * 1.5).float().double()
        teacher = (uniform(1020 + step, (batch, 10)) * 5).float().double()
        logits = forward(x, step)
        losses = loss_of(logits, labels, teacher, x) if with_input else loss_of(logits, labels, teacher)
        optimizer.zero_grad()
        sum(weight * loss for weight, loss in losses).backward()
        out[f"{step}/logits"] = logits
        out[f"{step}/losses"] = torch.stack([loss for _, loss in losses])
        for key, parameter in model.named_parameters():
            out[f"{step}/gradient/{key}"] = summary(parameter.grad)
        optimizer.step()
        for key, parameter in model.named_parameters():
            out[f"{step}/updated/{key}"] = summary(parameter)
        for key, buffer in model.named_buffers():
            if buffer.is_floating_point():
                out[f"{step}/updated/{key}"] = summary(buffer)
    write_safetensors(name, out)


def make_steps():
    model, forward = light_nn()
    record_steps("step_lightnn", model, forward,
                 lambda p: torch.optim.Adam(p, f32(1e-3), (f32(0.9), f32(0.999)), f32(1e-8)),
                 lambda s, y, t: [(0.75, F.cross_entropy(s, y)), (0.25, kd(s, t, 2))], steps=2)
    model, forward = light_nn()
    spread = (torch.arange(10) + 1) / 4
    record_steps("step_lightnn_logits", model, forward,
                 lambda p: torch.optim.Adam(p, f32(1e-3), (f32(0.9), f32(0.999)), f32(1e-8)),
                 lambda s, y, t: [(0.75, F.cross_entropy(s, y)), (0.25, F.mse_loss(s / spread, t / spread))], steps=1)
    record_feature_step("step_lightnn_cosine", False)
    record_feature_step("step_lightnn_hint", True)
    record_feature_step("step_lightnn_project", False, True)
    model, forward = resnet20()
    record_steps("step_resnet20", model, forward,
                 lambda p: torch.optim.SGD(p, f32(0.1), f32(0.9), weight_decay=f32(1e-4), nesterov=True),
                 lambda s, y, t: [(1, F.cross_entropy(s, y, label_smoothing=0.1))], steps=1)


# --- measures ---

def log_softmax(z):
    z = z.astype(np.float64)
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def calibration(logits, labels, bins=15):
    """Guo et al. 2017: bins (0, 1/15], (1/15, 2/15], ...; per bin count, mean confidence, accuracy; then ECE and mean confidence."""
    probability = np.exp(log_softmax(logits))
    confidence, right = probability.max(axis=1), probability.argmax(axis=1) == labels
    place = np.digitize(confidence, np.arange(1, bins) / bins, right=True)
    rows, error = np.zeros((bins, 3)), 0.0
    for i in range(bins):
        inside = place == i
        if inside.any():
            rows[i] = inside.sum(), confidence[inside].mean(), right[inside].mean()
            error += inside.mean() * abs(rows[i, 2] - rows[i, 1])
    return rows, np.array([error, confidence.mean()])


def fidelity(student, teacher):
    p, q = log_softmax(teacher), log_softmax(student)
    agreement = (student.argmax(axis=1) == teacher.argmax(axis=1)).mean()
    return np.array([agreement, (np.exp(p) * (p - q)).sum(axis=1).mean()])


def make_measures():
    """NumPy's answers; what is compared is decant's own definition of calibration and fidelity."""
    rng, out = np.random.default_rng(7), {}
    for name, count, classes, scale in (("ten", 200, 10, 2), ("two", 64, 2, 1), ("sharp", 50, 10, 300), ("one", 1, 4, 1),
                                        ("even", 12, 5, 0)):  # even: confidence exactly 3/15, the edge of a bin; all answers tie
        student = (rng.standard_normal((count, classes)) * scale).astype(np.float32)
        teacher = (student * 1.5 + rng.standard_normal((count, classes)) * scale / 2).astype(np.float32)
        labels = rng.integers(0, classes, count).astype(np.int32)
        labels[: count // 2] = student[: count // 2].argmax(axis=1)
        out[f"{name}/student"], out[f"{name}/teacher"], out[f"{name}/labels"] = student, teacher, labels
        out[f"{name}/bins"], out[f"{name}/calibration"] = calibration(student, labels)
        out[f"{name}/fidelity"] = fidelity(student, teacher)
    write_safetensors("measures", out)


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    make_layers()
    make_losses()
    make_optimizers()
    make_schedules()
    make_initialization()
    make_steps()
    make_measures()
