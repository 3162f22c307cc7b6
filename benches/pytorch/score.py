"""Judges one image a line, in eager mode: `score.py MODEL IMAGES THREADS`."""

import sys
from time import perf_counter

import torch

import images
import protocol
from network import Model, Scoring

model, pixels, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
model = Model(model)
image = images.read(pixels, model.size_px)[:1]
scoring = Scoring(model).eval()


@torch.inference_mode()
def step():
    start = perf_counter()
    _, error_map, r, l, _ = scoring(image)
    seconds = perf_counter() - start
    return {"seconds": seconds, "reconstruction_score": r.item(), "alignment_score": l.item(), "error_map": error_map.flatten().tolist()}


protocol.answer(step)
