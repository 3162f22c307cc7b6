"""Exports one of our model files for LiteRT, with the whole scoring in the graph: `export_tflite.py MODEL.safetensors MODEL.tflite`.

LiteRT's WebGPU supports neither tensors of more than four dimensions nor L2 normalization; a part of the network that has one
runs on the CPU. So this memory uses neither, and works for one image whose channels are not divided.
"""

import sys

import litert_torch
import torch

from network import Model, Scoring, golden


def read(maps, items, rate):
    _, c, h, w = maps.shape
    rows, columns = h // rate.height, w // rate.width
    x = maps.reshape(c, rate.height, rows, w).permute(1, 0, 2, 3)
    x = x.reshape(rate.height, c * rows, rate.width, columns).permute(0, 2, 1, 3)
    queries = x.reshape(rate.height * rate.width, c * rows * columns)
    lengths = queries.square().sum(dim=1, keepdim=True).sqrt().clamp_min(golden.EPS)
    normal = items / items.square().sum(dim=1, keepdim=True).sqrt().clamp_min(golden.EPS)
    weights = golden.shrink(((queries @ normal.T) / lengths).softmax(dim=-1), False)
    x = (weights @ items).reshape(rate.height, rate.width, c * rows, columns).permute(0, 2, 1, 3)
    return x.reshape(rate.height, c, rows, w).permute(1, 0, 2, 3).reshape(1, c, h, w)


golden.Memory.forward = lambda self, maps: read(maps, self.items, self.rate)

source, target = sys.argv[1:]
model = Model(source)
image = torch.zeros(1, 3, model.size_px, model.size_px)
litert_torch.convert(Scoring(model).eval(), (image,)).export(target)
