"""Scores an image with daad.wasm: python score.py DAAD.wasm MODEL.safetensors IMAGE"""
import struct, sys
from wasmtime import Engine, Instance, Module, Store

wasm, model, image = sys.argv[1:]
store = Store(Engine())
daad = Instance(store, Module.from_file(store.engine, wasm), []).exports(store)

def buffer(path):
    data = open(path, "rb").read()
    address = daad["daad_alloc"](store, len(data))
    daad["memory"].write(store, data, address)
    return address, len(data)

detector = daad["daad_load"](store, *buffer(model))
result = daad["daad_detect"](store, detector, *buffer(image))
if result == 0:
    text = daad["daad_error"](store)
    sys.exit(daad["memory"].read(store, text, text + daad["daad_error_len"](store)).decode())
score, threshold, _, _, unfamiliarity = struct.unpack("<5d", daad["memory"].read(store, result, result + 40))
verdict = "unfamiliar" if unfamiliarity > 1 else "anomalous" if score > threshold else "normal"
print(f"score {score:.4f}, threshold {threshold:.4f}: {verdict}")
