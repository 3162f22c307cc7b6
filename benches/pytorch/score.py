"""Scores all images in one batch for every input line, in eager mode: `score.py MODEL IMAGES THREADS|cuda`."""

import sys
from time import perf_counter

import torch

import images
import protocol
from network import Model, Scoring

model, pixels, device = sys.argv[1:]
device = protocol.device(device)
model = Model(model)
batch = images.read(pixels, model.size_px)
scoring = Scoring(model).eval().to(device)


@torch.inference_mode()
def step():
    start = perf_counter()
    _, error_maps, r, l, _ = scoring(batch.to(device))
    error_maps, r, l = error_maps.cpu(), r.cpu(), l.cpu()
    seconds = perf_counter() - start
    return {"seconds": seconds, "reconstruction_score": r[0].item(), "alignment_score": l[0].item(), "error_map": error_maps[0].flatten().tolist()}


protocol.answer(step)
