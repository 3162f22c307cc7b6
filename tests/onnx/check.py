"""Compares what onnxruntime computes of exported models with what this library does.

    DAAD_ONNX_CASES=FOLDER cargo test --release --test integration exchange
    python tests/onnx/check.py FOLDER

For each model the folder has the ONNX file and a safetensors file of the same name, with an input and the outputs of
this library. Everything has to agree within 1e-4: a reconstruction absolutely, R and L relative to each value, error
map and anomaly score absolutely up to 1 and relative to the largest value of the batch above.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

TOLERANCE = 1e-4
PROPERTIES = ["system", "threshold", "false_alarm_rate", "input_height", "input_width", "value_range", "colour_order", "preparation"]


def deviation(name, got, expected):
    assert got.shape == expected.shape, f"{name}: got shape {got.shape}, expected {expected.shape}"
    difference = np.abs(got.astype(np.float64) - expected)
    if name in ("reconstruction_score", "alignment_score"):
        difference /= np.abs(expected)
    elif name != "reconstruction":
        difference /= max(1.0, np.abs(expected).max())
    return difference.max()


def check(path):
    """The deviation of each output."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    properties = session.get_modelmeta().custom_metadata_map
    missing = [key for key in PROPERTIES if key not in properties]
    assert not missing, f"no {missing} in the metadata"

    expected = load_file(path.with_suffix(".safetensors"))
    images = expected.pop("image")
    assert images.shape[2:] == (int(properties["input_height"]), int(properties["input_width"]))
    names = [output.name for output in session.get_outputs()]
    assert set(names) == set(expected), f"outputs {names}, expected {sorted(expected)}"
    together = dict(zip(names, session.run(names, {"image": images})))
    alone = dict(zip(names, session.run(names, {"image": images[:1]})))
    # Unlike max(), numpy's maximum passes NaN on.
    return {name: np.maximum(deviation(name, together[name], expected[name]), deviation(name, alone[name], expected[name][:1])) for name in names}


def main():
    paths = sorted(Path(sys.argv[1]).glob("*.onnx"))
    assert paths, f"no ONNX files in {sys.argv[1]}"
    failed = []
    for path in paths:
        deviations = check(path)
        size = "×".join(str(side) for side in load_file(path.with_suffix(".safetensors"))["image"].shape[2:])
        print(f"{path.stem:22} {size:8}", *(f"{name} {value:.1e}" for name, value in deviations.items()))
        # NaN is not within the tolerance either.
        if not all(value <= TOLERANCE for value in deviations.values()):
            failed.append(path.stem)
    if failed:
        sys.exit(f"more than {TOLERANCE} apart: {', '.join(failed)}")


main()
