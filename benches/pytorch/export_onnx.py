"""Exports one of our model files to ONNX, with the whole scoring in the graph: `export_onnx.py MODEL.safetensors MODEL.onnx`."""

import sys

import torch

from network import Model, Scoring

source, target = sys.argv[1:]
model = Model(source)
image = torch.zeros(1, 3, model.size_px, model.size_px)
outputs = ["reconstruction", "error_map", "r", "l", "score"]
with torch.no_grad():
    program = torch.onnx.export(
        Scoring(model).eval(), (image,), input_names=["image"], output_names=outputs, opset_version=20, dynamo=True, verbose=False
    )
program.save(target, external_data=False)
