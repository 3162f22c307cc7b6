"""Golden values for the Rust tests, from an independent PyTorch implementation of the method.

    pip install torch safetensors numpy
    python make_golden.py            # writes *.safetensors beside this file; no network needed

Everything is computed in float64 on one CPU thread and stored as float32. Inputs and weights are rounded to float32
*before* the computation, so a reader of the files starts from exactly the same numbers. Weights are random
everywhere (running statistics and biases included): a forgotten term shows.

    memory.safetensors         block-wise memory, forward and gradients: {case}.{input,items,output,grad_*}
    systems.safetensors        AE, AE+Skip, MemAE, MemAE+Skip, DAAD: {system}.{weights.*,input,output_eval,
                               output_train,updated.*}; output_train and updated come from one pass in training mode
    discriminator.safetensors  weights.*, input, features_eval [B, F], logits_eval [B] (before the sigmoid)
    step.safetensors           one DAAD+ training step: weights before, losses, gradients, everything after

Two things to know when comparing in float32:
* A bias in front of a BatchNorm in training mode has gradient zero; only rounding noise is left. Adam's first step
  is lr * g / (|g| + eps), so noise above eps = 1e-8 moves such a bias by up to lr in any direction.
* An all-zero query has the gradient of q / 1e-8: values around 1e8 (ReLU's own zero gradient stops them in the
  network), so `zero_query.grad_input` needs a relative tolerance.
"""

import json
import math
from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save as serialize
from torch import nn

EPS = 1e-8  # smallest norm in the cosine similarity
ROUNDING = 1e-4  # equal weights are 1/N only up to rounding, so the cut lies this much (relative) below 1/N


# --- Block-wise memory (Eq. 1, 2) -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """Number of blocks along each axis of a feature map."""

    height: int
    width: int
    channel: int


def divide(maps, rate):
    """[B, C, H, W] -> queries [B, Q, D]; blocks in the order (channel, height, width), each flattened (C, H, W)."""
    b, c, h, w = maps.shape
    grid = maps.reshape(b, rate.channel, c // rate.channel, rate.height, h // rate.height, rate.width, w // rate.width)
    return grid.permute(0, 1, 3, 5, 2, 4, 6).reshape(b, rate.channel * rate.height * rate.width, -1)


def assemble(blocks, rate, shape):
    """Inverse of `divide`: [B, Q, D] -> [B, C, H, W]."""
    b, c, h, w = shape
    size = (c // rate.channel, h // rate.height, w // rate.width)
    grid = blocks.reshape(b, rate.channel, rate.height, rate.width, *size)
    return grid.permute(0, 1, 4, 2, 5, 3, 6).reshape(shape)


def address(queries, items):
    """Softmax over the N items of the cosine similarity, no temperature: [B, Q, D], [N, D] -> [B, Q, N]."""
    similarity = F.normalize(queries, dim=-1, eps=EPS) @ F.normalize(items, dim=-1, eps=EPS).T
    return similarity.softmax(dim=-1)


def shrink(weights, renormalise):
    """Drops weights below 1/N. The mask is a constant: gradients pass through the weights that stay."""
    keep = weights >= (1 - ROUNDING) / weights.shape[-1]
    weights = weights * keep
    return weights / weights.sum(dim=-1, keepdim=True) if renormalise else weights


def read(maps, items, rate, renormalise=False):
    """Divide, address, shrink, mix the items, assemble."""
    weights = shrink(address(divide(maps, rate), items), renormalise)
    return assemble(weights @ items, rate, maps.shape)


def margin(weights):
    """Smallest relative distance of any weight to the cut 1/N: float32 may decide otherwise where it is tiny."""
    return (weights * weights.shape[-1] - 1).abs().min().item()


class Memory(nn.Module):
    """One bank of N items for maps of shape [C, H, W]."""

    def __init__(self, n, c, h, w, rate):
        super().__init__()
        self.rate = rate
        self.items = nn.Parameter(torch.empty(n, (c // rate.channel) * (h // rate.height) * (w // rate.width)))

    def forward(self, maps):
        cut = margin(address(divide(maps, self.rate), self.items))
        assert cut > 1e-5, "a weight lies on the cut: take another seed"
        return read(maps, self.items, self.rate)


# --- Generator (Table 7) ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GeneratorConfig:
    """`memory`: "none", "bottleneck" or "every_scale"; images are 3 x size_px x size_px."""

    skips: bool = True
    memory: str = "every_scale"
    division: Rate = Rate(2, 2, 1)
    size_px: int = 32
    scales: int = 3
    base_width: int = 3
    memory_items: int = 7

    def has_memory(self, l):
        return self.memory == "every_scale" or (self.memory == "bottleneck" and l == self.scales - 1)


def sequence(**layers):
    return nn.Sequential(OrderedDict(layers))


def conv_bn_relu(c_in, c_out):
    return sequence(conv=nn.Conv2d(c_in, c_out, 3, padding=1), norm=nn.BatchNorm2d(c_out), relu=nn.ReLU())


def stage(c_in, c_out, **tail):
    return sequence(conv1=conv_bn_relu(c_in, c_out), conv2=conv_bn_relu(c_out, c_out), **tail)


class Generator(nn.Module):
    """Encoder, memories and decoder. Scale l = 0 is the finest; decoder stages run from L-1 down to 0."""

    def __init__(self, config):
        super().__init__()
        self.config, last = config, config.scales - 1
        width = [config.base_width * 2**l for l in range(config.scales + 1)]
        stages = [stage(width[l - 1] if l else 3, width[l]) for l in range(config.scales)]
        self.encoder = nn.ModuleDict({"stages": nn.ModuleList(stages)})
        self.memories = nn.ModuleDict()
        for l in filter(config.has_memory, range(config.scales)):
            side = config.size_px >> (l + 1)
            self.memories[str(l)] = Memory(config.memory_items, width[l], side, side, config.division)
        stages = []
        for l in range(config.scales):
            c_in = width[l] if l == last else width[l + 1] + (width[l] if config.skips else 0)
            stages.append(stage(c_in, width[l + 1], up=nn.ConvTranspose2d(width[l + 1], width[l], 2, stride=2)))
        head = stage(width[0], width[0], out=nn.Conv2d(width[0], 3, 1))
        self.decoder = nn.ModuleDict({"stages": nn.ModuleList(stages), "head": head})

    def forward(self, x):
        maps = []
        for layers in self.encoder["stages"]:
            x = F.max_pool2d(layers(x), 2)  # the next stage sees the map without memory
            maps.append(x)
        for l, memory in self.memories.items():
            maps[int(l)] = memory(maps[int(l)])
        x = self.decoder["stages"][-1](maps[-1])
        for l in reversed(range(self.config.scales - 1)):
            x = self.decoder["stages"][l](torch.cat([x, maps[l]], dim=1) if self.config.skips else x)
        return self.decoder["head"](x)


# --- Discriminator (Table 8) ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DiscriminatorConfig:
    size_px: int = 32
    base_width: int = 3
    features: int = 8


def down_stage(c_in, c_out, **norm):
    return sequence(conv=nn.Conv2d(c_in, c_out, 4, stride=2, padding=1), **norm, relu=nn.LeakyReLU(0.2))


class Discriminator(nn.Module):
    """[B, 3, S, S] -> features [B, F], logits [B]."""

    def __init__(self, config):
        super().__init__()
        width = [config.base_width * 2**i for i in range(int(math.log2(config.size_px // 4)))]
        stages = [down_stage(a, b, norm=nn.BatchNorm2d(b)) for a, b in zip(width, width[1:])]
        self.stages = nn.Sequential(down_stage(3, width[0]), *stages)
        self.features = nn.Conv2d(width[-1], config.features, 4)
        self.classifier = nn.Conv2d(config.features, 1, 3, padding=1)

    def forward(self, x):
        features = self.features(self.stages(x))
        return features.flatten(1), self.classifier(features).flatten()


# --- Random numbers and files -----------------------------------------------------------------------------------


def uniform(shape, low, high):
    return (torch.rand(shape, dtype=torch.float32) * (high - low) + low).double()


def normal(shape, scale=1.0):
    return (torch.randn(shape, dtype=torch.float32) * scale).double()


def images(batch, size):
    """Coloured patches under noise in [-1, 1], so that blocks differ from each other."""
    patches = F.interpolate(uniform((batch, 3, 4, 4), -0.6, 0.6), size=(size, size))
    return (patches + uniform((batch, 3, size, size), -0.4, 0.4)).float().double()


@torch.no_grad()
def randomise(module):
    """Overwrites every weight and running statistic, scaled so that activations stay near 1."""
    for name, tensor in state(module).items():
        if name.endswith("running_mean"):
            tensor.copy_(normal(tensor.shape, 0.1))
        elif name.endswith("running_var"):
            tensor.copy_(uniform(tensor.shape, 0.5, 1.5))
        elif name.endswith("norm.weight"):
            tensor.copy_(uniform(tensor.shape, 0.8, 1.2))
        elif name.endswith("bias"):
            tensor.copy_(uniform(tensor.shape, -0.2, 0.2))
        elif name.endswith("items"):
            # Wider than the initialisation of the method (1/sqrt(D)): an error in the memory then shows clearly.
            tensor.copy_(uniform(tensor.shape, -1.0, 1.0))
        else:
            fan_in = tensor.shape[0] if name.endswith("up.weight") else tensor[0].numel()
            tensor.copy_(normal(tensor.shape, math.sqrt(2 / fan_in)))
    return module


def state(module):
    """Parameters and running statistics by name, not copied."""
    return {k: v for k, v in module.state_dict().items() if not k.endswith("num_batches_tracked")}


def named(prefix, tensors):
    return {f"{prefix}.{name}": stored(tensor) for name, tensor in tensors.items()}


def stored(tensor):
    """A float32 copy; scalars become one element."""
    return tensor.detach().to(torch.float32, copy=True).reshape(tensor.shape or 1).contiguous()


def save(name, tensors, config):
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    data = serialize(tensors, {"config": json.dumps(config, sort_keys=True), "torch": torch.__version__})
    # The library writes the metadata in random order: sort the header, so that the same values are the same bytes.
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    path = Path(__file__).parent / f"{name}.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[end:])
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes")


# --- The four files ---------------------------------------------------------------------------------------------


def memory_golden():
    n, cases = 7, {
        "plain": ((2, 3, 4, 6), Rate(2, 2, 1)),
        "channel": ((2, 6, 4, 4), Rate(2, 2, 3)),
        "pixelwise": ((2, 6, 4, 4), Rate(4, 4, 1)),
        "renormalised": ((2, 3, 4, 6), Rate(2, 2, 1)),
        "zero_query": ((2, 3, 4, 6), Rate(2, 2, 1)),
        "all_equal": ((2, 3, 4, 6), Rate(2, 2, 1)),
        "uneven": ((2, 6, 4, 6), Rate(4, 2, 3)),  # no two rates alike: height and width cannot be swapped unseen
    }
    tensors, config = {}, {"memory_items": n, "cosine_epsilon": EPS, "cut_tolerance": ROUNDING, "cases": {}}
    for seed, (case, (shape, rate)) in enumerate(cases.items()):
        torch.manual_seed(100 + seed)
        dimension = divide(torch.empty(shape), rate).shape[-1]
        while True:  # until no weight is so near the cut that float32 could decide otherwise
            x, items, grad_output = normal(shape), normal((n, dimension)), normal(shape)
            if case == "all_equal":
                items = items[:1].repeat(n, 1)
            weights = address(divide(x, rate), items)
            if case == "all_equal" or margin(weights) > 1e-3:
                break
        if case == "zero_query":
            x[1, :, :2, 3:] = 0  # second image, upper right block
        x.requires_grad_(), items.requires_grad_()
        output = read(x, items, rate, renormalise=case == "renormalised")
        output.backward(grad_output)
        values = {"input": x, "items": items, "output": output, "grad_output": grad_output}
        tensors |= named(case, values | {"grad_input": x.grad, "grad_items": items.grad})
        config["cases"][case] = {"division": asdict(rate), "renormalise": case == "renormalised"}
    save("memory", tensors, config)


def systems_golden():
    pixelwise = Rate(4, 4, 1)
    systems = {
        "ae": GeneratorConfig(skips=False, memory="none"),
        "ae_skip": GeneratorConfig(memory="none"),
        "mem_ae": GeneratorConfig(skips=False, memory="bottleneck", division=pixelwise),
        "mem_ae_skip": GeneratorConfig(division=pixelwise),  # pixel-wise at the bottleneck, the same rate above it
        "daad": GeneratorConfig(),
    }
    tensors = {}
    for seed, (system, config) in enumerate(systems.items()):
        torch.manual_seed(280 + seed)  # of twelve bases tried, where float32 loses least: 1.2e-5 in any output
        generator, x = randomise(Generator(config)), images(2, config.size_px)
        tensors |= named(f"{system}.weights", state(generator))
        with torch.no_grad():
            outputs = {"input": x, "output_eval": generator.eval()(x), "output_train": generator.train()(x)}
        tensors |= named(system, outputs)
        running = {name: tensor for name, tensor in state(generator).items() if ".running_" in name}
        tensors |= named(f"{system}.updated", running)
    save("systems", tensors, {system: asdict(config) for system, config in systems.items()})


def discriminator_golden():
    torch.manual_seed(300)
    config = DiscriminatorConfig()
    discriminator, x = randomise(Discriminator(config)).eval(), images(2, config.size_px)
    features, logits = discriminator(x)
    outputs = {"input": x, "features_eval": features, "logits_eval": logits}
    tensors = named("weights", state(discriminator)) | {name: stored(tensor) for name, tensor in outputs.items()}
    save("discriminator", tensors, asdict(config))


def step_golden():
    """Discriminator passes, each of which moves its running statistics: fake, real | real, fake."""
    torch.manual_seed(400)
    config = {"generator": asdict(GeneratorConfig()), "discriminator": asdict(DiscriminatorConfig())}
    config["adam"] = {"lr": 2e-4, "betas": (0.9, 0.999), "eps": 1e-8}
    config["loss_weights"] = {"reconstruction": 50.0, "adversarial": 0.5, "alignment": 0.5}
    generator = randomise(Generator(GeneratorConfig())).train()
    discriminator = randomise(Discriminator(DiscriminatorConfig())).train()
    x = images(2, 32)
    tensors = named("generator", state(generator)) | named("discriminator", state(discriminator))
    generator_adam = torch.optim.Adam(generator.parameters(), **config["adam"])
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), **config["adam"])

    discriminator.requires_grad_(False)
    x_hat = generator(x)
    features_fake, logits_fake = discriminator(x_hat)
    features_real, _ = discriminator(x)
    real, fake = torch.ones_like(logits_fake), torch.zeros_like(logits_fake)
    reconstruction = F.mse_loss(x_hat, x)
    adversarial = F.binary_cross_entropy_with_logits(logits_fake, real)
    alignment = F.mse_loss(features_fake, features_real)
    generator_loss = 50 * reconstruction + 0.5 * adversarial + 0.5 * alignment
    generator_loss.backward()
    generator_adam.step()
    discriminator.requires_grad_(True)

    _, logits_real = discriminator(x)
    _, logits_fake_again = discriminator(x_hat.detach())  # the image from before the generator's update
    discriminator_loss = F.binary_cross_entropy_with_logits(logits_real, real)
    discriminator_loss = discriminator_loss + F.binary_cross_entropy_with_logits(logits_fake_again, fake)
    discriminator_loss.backward()
    discriminator_adam.step()

    losses = {"reconstruction": reconstruction, "adversarial": adversarial, "alignment": alignment}
    losses |= {"generator": generator_loss, "discriminator": discriminator_loss}
    tensors |= {"input": stored(x)} | named("loss", losses)
    tensors |= named("minimax.loss", {"adversarial": F.logsigmoid(-logits_fake).mean()})  # Eq. 5: log(1 - D(x_hat))
    for name, module in {"generator": generator, "discriminator": discriminator}.items():
        tensors |= named(f"grad.{name}", {key: value.grad for key, value in module.named_parameters()})
        tensors |= named(f"after.{name}", state(module))
    save("step", tensors, config)


def check_parameter_counts():
    """The known sizes of the full networks, so that a slip in the layers above does not become a golden value."""
    with torch.device("meta"):
        paper = {"size_px": 256, "scales": 4, "memory_items": 500, "division": Rate(8, 8, 1)}
        for module, expected in [
            (Generator(GeneratorConfig(base_width=64, **paper)), 44_818_499),
            (Generator(GeneratorConfig(base_width=16, **paper)), 5_685_011),
            (Discriminator(DiscriminatorConfig(size_px=256, base_width=64, features=100)), 47_988_393),
        ]:
            got = sum(parameter.numel() for parameter in module.parameters())
            assert got == expected, f"{got} parameters, expected {expected}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    check_parameter_counts()
    memory_golden()
    systems_golden()
    discriminator_golden()
    step_golden()
