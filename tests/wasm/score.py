"""Scores an image with daad.wasm: python score.py DAAD.wasm MODEL.safetensors IMAGE"""
import struct, sys
from wasmtime import Engine, Instance, Module, Store

wasm, model, image = sys.argv[1:]
store = Store(Engine())
daad = Instance(store, Module.from_file(store.engine, wasm), []).exports(store)

def call(name, *arguments):
    result = daad[name](store, *arguments) % 2**32  # wasmtime's numbers have a sign
    if result == 0:
        text = daad["daad_error"](store) % 2**32
        sys.exit(daad["memory"].read(store, text, text + daad["daad_error_len"](store)).decode())
    return result

def buffer(path):
    data = open(path, "rb").read()
    address = call("daad_alloc", len(data))
    daad["memory"].write(store, data, address)
    return address, len(data)

detector = call("daad_load", *buffer(model))
result = call("daad_detect", detector, *buffer(image))
score, threshold, _, _, unfamiliarity = struct.unpack("<5d", daad["memory"].read(store, result, result + 40))
verdict = "unfamiliar" if unfamiliarity > 1 else "anomalous" if score > threshold else "normal"
print(f"score {score:.4f}, threshold {threshold:.4f}: {verdict}")
