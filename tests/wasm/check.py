"""Runs daad.wasm in wasmtime and compares it with what `daad score --json --device cpu` said of the same images.

    python tests/wasm/check.py DAAD.wasm MODEL.safetensors NATIVE.jsonl

The paths in NATIVE.jsonl are relative to the folder this is called from. It prints what docs/edge.md states.
"""

import json
import math
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import brotli
from wasmtime import Engine, Instance, Module, Store

HEADER = Path("src/abi/daad.h")
PAGE = Path("docs/edge.md")
WITHOUT_ALIGNMENT = sorted(Path("models/series").glob("*.safetensors"))[0]
RESULT = struct.Struct("<5d6I")
# Relative. The alignment score is not continuous in rounding differences: shrinkage sets small weights to zero.
TOLERANCE = {"score": 1e-3, "threshold": 1e-12, "reconstruction_score": 1e-3, "alignment_score": 5e-3}
IN_A_ROW = 200
PAGE_BYTES = 65536


class Daad:
    """The functions of the module, with bytes for buffers."""

    def __init__(self, module, engine):
        self.store = Store(engine)
        self.exports = Instance(self.store, module, []).exports(self.store)
        self.memory = self.exports["memory"]

    def call(self, name, *arguments):
        # wasmtime gives 32 bits as a signed number.
        value = self.exports[f"daad_{name}"](self.store, *arguments)
        return None if value is None else value % 2**32

    def read(self, address, count):
        return bytes(self.memory.read(self.store, address, address + count))

    def error(self):
        return self.read(self.call("error"), self.call("error_len")).decode()

    def buffer(self, data):
        address = self.call("alloc", len(data))
        assert address, self.error()
        self.memory.write(self.store, data, address)
        return address

    def load(self, data):
        address = self.buffer(data)
        handle = self.call("load", address, len(data))
        self.call("free", address)
        return handle

    def detect(self, handle, data):
        address = self.buffer(data)
        result = self.call("detect", handle, address, len(data))
        self.call("free", address)
        return result

    def result(self, address):
        assert address, self.error()
        names = "score threshold reconstruction_score alignment_score unfamiliarity anomalous width height error_map heat_map reconstruction"
        return dict(zip(names.split(), RESULT.unpack(self.read(address, RESULT.size))))

    def pages(self):
        return self.memory.size(self.store)


def check_interface(module):
    assert not module.imports, [f"{one.module} {one.name}" for one in module.imports]
    declared = set(re.findall(r"\b(daad_\w+)\(", HEADER.read_text()))
    exported = {one.name for one in module.exports}
    assert exported == declared | {"memory"}, (exported, declared)


def check_scores(daad, handle, native):
    """The largest relative difference of each score."""
    largest = dict.fromkeys(TOLERANCE, 0.0)
    for line in native:
        address = daad.detect(handle, Path(line["path"]).read_bytes())
        result = daad.result(address)
        for name, tolerance in TOLERANCE.items():
            difference = abs(result[name] - line[name]) / abs(line[name])
            assert difference <= tolerance, f"{line['path']}: {name} is {result[name]}, natively {line[name]}"
            largest[name] = max(largest[name], difference)
        assert result["anomalous"] == line["anomalous"]
        check_maps(daad, result)
        daad.call("result_free", address)
    return largest


def check_maps(daad, result):
    pixels = result["width"] * result["height"]
    errors = struct.unpack(f"<{pixels}f", daad.read(result["error_map"], 4 * pixels))
    # Without smoothing, R is the mean of the error map.
    assert all(math.isfinite(error) and error >= 0 for error in errors)
    assert math.isclose(sum(errors) / pixels, result["reconstruction_score"], rel_tol=1e-3)
    for name in ("heat_map", "reconstruction"):
        rgba = daad.read(result[name], 4 * pixels)
        assert set(rgba[3::4]) == {255} and len(set(rgba[0::4])) > 1, name


def check_pixels(daad, handle):
    """Pixels have the score of an image file that holds them."""
    width, height = 40, 30
    rows = [[(6 * x, 8 * y, 90) for x in range(width)] for y in range(height)]
    rgba = bytes(value for row in rows for pixel in row for value in (*pixel, 255))
    address = daad.buffer(rgba)
    result, same = daad.call("detect_pixels", handle, address, width, height), daad.detect(handle, bitmap(rows))
    assert daad.result(result)["score"] == daad.result(same)["score"]
    daad.call("result_free", result)
    daad.call("result_free", same)
    for sides in ((width, height + 1), (4, 4), (2**32 - 1, 2**32 - 1)):
        assert daad.call("detect_pixels", handle, address, *sides) == 0, sides
    daad.call("free", address)


def bitmap(rows):
    """A BMP file, which has its lowest row first and its colours backwards. A row has to have a multiple of four bytes."""
    data = bytes(value for row in reversed(rows) for pixel in row for value in reversed(pixel))
    info = struct.pack("<IiiHHIIiiII", 40, len(rows[0]), len(rows), 1, 24, 0, len(data), 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + len(data), 0, 0, 54) + info + data


def check_no_alignment(daad, image):
    handle = daad.load(WITHOUT_ALIGNMENT.read_bytes())
    assert handle, daad.error()
    result = daad.detect(handle, image)
    assert math.isnan(daad.result(result)["alignment_score"])
    daad.call("result_free", result)
    daad.call("close", handle)


def check_errors(daad, handle, image, model):
    def fails(text, value):
        assert value == 0, f"{text}: got {value}"
        assert text in daad.error(), f"{text}: got {daad.error()}"

    fails("cannot use this image", daad.detect(handle, b"no image at all"))
    fails("cannot use this image", daad.detect(handle, image[: len(image) // 20]))
    fails("cannot use this model file", daad.load(b"no model at all"))
    fails("cannot use this model file", daad.load(model[: len(model) // 2]))
    fails("the handle of no model", daad.detect(handle + 1, image))
    fails("the handle of no model", daad.detect(0, image))
    fails("the address of no buffer", daad.call("detect", handle, 0, len(image)))
    fails("the address of no buffer", daad.call("load", 2**32 - 1, 2**32 - 1))
    fails("at least one byte", daad.call("alloc", 0))
    fails("not enough memory", daad.call("alloc", 2**32 - 1))
    address = daad.buffer(image)
    fails(f"has {len(image)} bytes", daad.call("detect", handle, address, len(image) + 1))
    fails(f"has {len(image)} bytes", daad.call("load", address, 2**32 - 1))
    fails("the address of no buffer", daad.call("detect", handle, address + 1, 1))
    daad.call("free", address)
    fails("the address of no buffer", daad.call("detect", handle, address, len(image)))
    for free in ("free", "result_free", "close"):
        for nothing in (0, address, 2**32 - 1):
            daad.call(free, nothing)


def check_instances(module, engine, model, image, score):
    """Two instances of one module do not share anything, nor do two models in one of them."""
    one, two = Daad(module, engine), Daad(module, engine)
    handles = [one.load(model), one.load(WITHOUT_ALIGNMENT.read_bytes()), two.load(model)]
    assert handles == [1, 2, 1], handles
    two.call("close", 1)
    assert two.detect(1, image) == 0 and one.result(one.detect(1, image))["score"] == score
    assert one.error() == "" and one.result(one.detect(2, image))["score"] != score


def check_example(wasm, model, line):
    """The program that docs/edge.md shows."""
    script = Path(__file__).with_name("score.py")
    _, program = script.read_text().split('"""\n')
    assert f"```python\n{program}```" in PAGE.read_text(), f"{PAGE} shows another program than {script}"
    done = subprocess.run([sys.executable, script, wasm, model, line["path"]], capture_output=True, text=True, check=True)
    verdict = "anomalous" if line["anomalous"] else "normal"
    assert done.stdout.startswith(f"score {line['score']:.4f},") and done.stdout.rstrip().endswith(verdict), done.stdout
    failed = subprocess.run([sys.executable, script, wasm, model, __file__], capture_output=True, text=True)
    assert failed.returncode == 1 and "cannot use this image" in failed.stderr, failed.stderr


def main():
    wasm, model_path, native_path = sys.argv[1:]
    native = [json.loads(line) for line in Path(native_path).read_text().splitlines()]
    code, model = Path(wasm).read_bytes(), Path(model_path).read_bytes()
    image = Path(native[0]["path"]).read_bytes()

    engine = Engine()
    start = time.perf_counter()
    module = Module(engine, code)
    compiled = time.perf_counter()
    check_interface(module)
    ready = time.perf_counter()
    daad = Daad(module, engine)
    instantiated = time.perf_counter()
    handle = daad.load(model)
    assert handle, daad.error()
    loaded = time.perf_counter()

    largest = check_scores(daad, handle, native)
    check_pixels(daad, handle)
    check_no_alignment(daad, image)

    pages, times = daad.pages(), []
    for _ in range(IN_A_ROW):
        before = time.perf_counter()
        result = daad.detect(handle, image)
        times.append(time.perf_counter() - before)
        daad.call("result_free", result)
    assert daad.pages() == pages, f"the memory grew from {pages} to {daad.pages()} pages"

    check_errors(daad, handle, image, model)
    # Models come and go, and a handle is never given out again.
    for _ in range(5):
        other = daad.load(model)
        assert other > handle
        daad.call("close", other)
    assert daad.call("detect", other, 0, 0) == 0 and "the handle of no model" in daad.error()
    check_instances(module, engine, model, image, daad.result(daad.detect(handle, image))["score"])
    check_example(wasm, model_path, native[0])

    differences = ", ".join(f"{name} {value:.1e}" for name, value in largest.items())
    print(f"{len(native)} images agree with the native program; largest relative differences: {differences}")
    print(f"module: {len(code) / 2**20:.2f} MiB, {len(brotli.compress(code)) / 2**20:.2f} MiB with brotli; imports nothing")
    print(f"start: {compiled - start:.2f} s to compile, {1e3 * (instantiated - ready):.1f} ms for an instance, {1e3 * (loaded - instantiated):.0f} ms for the model")
    print(f"an image: {1e3 * sorted(times)[len(times) // 2]:.0f} ms, the median of {IN_A_ROW}; memory {pages * PAGE_BYTES / 2**20:.0f} MiB throughout")


main()
