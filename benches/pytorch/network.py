"""The independent PyTorch implementation of tests/golden, with the weights of one of our model files."""

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

sys.path.append(str(Path(__file__).parents[2] / "tests" / "golden"))
import make_golden as golden  # noqa: E402

# The golden module's own `forward` also asserts that no weight lies at the shrinkage threshold, which computes the addressing twice.
golden.Memory.forward = lambda self, maps: golden.read(maps, self.items, self.rate)


class Model:
    """Generator, discriminator and calibration of a model file, in float32."""

    def __init__(self, path):
        with safe_open(path, "pt") as file:
            card = json.loads(file.metadata()["daad"])
            weights = {name: file.get_tensor(name).float() for name in file.keys()}
        config = card["config"]
        memory, adversarial = config["memory"], config["adversarial"]
        assert config["skip_connections"] and memory["placement"] == "everywhere" and not memory["renormalize"]
        self.calibration = card["calibration"]
        self.size_px = config["height_px"]
        self.generator = golden.Generator(
            golden.GeneratorConfig(
                division=golden.Rate(**memory["division"]["blocks"]),
                size_px=self.size_px,
                scales=config["scales"],
                base_width=config["base_width"],
                memory_items=memory["items"],
            )
        )
        self.discriminator = golden.Discriminator(golden.DiscriminatorConfig(self.size_px, **adversarial))
        fill(self.generator, weights, "generator.")
        fill(self.discriminator, weights, "discriminator.")


def fill(module, weights, prefix):
    own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    missing, unexpected = module.load_state_dict(own, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)


class Scoring(nn.Module):
    """The whole scoring of an image: [1, 3, H, W] to reconstruction, error map [1, H, W], R, L and A, each [1]."""

    def __init__(self, model):
        super().__init__()
        self.generator, self.discriminator = model.generator, model.discriminator
        self.fusion = model.calibration["fusion"]

    def forward(self, image):
        reconstruction = self.generator(image)
        features, _ = self.discriminator(torch.cat([image, reconstruction]))
        real, fake = features.chunk(2)
        error_map = (image - reconstruction).square().mean(dim=1)
        r, l = error_map.mean(dim=(1, 2)), (real - fake).square().sum(dim=1)
        gamma = self.fusion["gamma"]
        score = gamma * scaled(r, self.fusion["reconstruction"]) + (1 - gamma) * scaled(l, self.fusion["alignment"])
        return reconstruction, error_map, r, l, score


def scaled(value, interval):
    return (value - interval["min"]) / (interval["max"] - interval["min"] or 1.0)
