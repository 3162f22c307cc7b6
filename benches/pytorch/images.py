"""Reads the images that both sides get: bytes, row by row, red, green, blue."""

from pathlib import Path

import torch


def read(path, size_px):
    """[B, 3, H, W] in [-1, 1]."""
    pixels = torch.frombuffer(bytearray(Path(path).read_bytes()), dtype=torch.uint8)
    pixels = pixels.reshape(-1, size_px, size_px, 3).permute(0, 3, 1, 2)
    return (pixels.float() / 127.5 - 1).contiguous()
