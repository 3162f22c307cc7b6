"""Writes tests/golden/images: one picture as JPEG files of each layout, made by libjpeg.

    pip install pillow==13.0.0 && apt-get install libjpeg-turbo-progs
    python tests/golden/make_images.py
"""

import io
import struct
import subprocess
import zlib
from pathlib import Path

from PIL import Image, ImageChops

FOLDER = Path(__file__).parent / "images"
WIDTH, HEIGHT = 45, 37  # no multiple of a block, so that the blocks at the edges are cut


def picture() -> Image.Image:
    """Smooth, without symmetry, with a red corner, so that chroma that is sampled less often loses little."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            red = max(0, 235 - 9 * (x + y))
            image.putpixel((x, y), (min(255, red + 3 * x), 40 + 4 * y, 200 - 3 * x))
    return image


def cjpeg(image: Image.Image, *options: str) -> bytes:
    ppm = io.BytesIO()
    image.save(ppm, "PPM")
    return subprocess.run(["cjpeg", "-quality", "90", *options], input=ppm.getvalue(), stdout=subprocess.PIPE, check=True).stdout


def interlaced(image: Image.Image) -> bytes:
    """Pillow writes no interlaced PNG: the seven passes of Adam7, each of rows without a filter."""
    rows = b""
    for x0, y0, dx, dy in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]:
        for y in range(y0, HEIGHT, dy):
            rows += b"\0" + b"".join(bytes(image.getpixel((x, y))) for x in range(x0, WIDTH, dx))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    image = picture()
    image.save(FOLDER / "picture.png", optimize=True)
    (FOLDER / "interlaced.png").write_bytes(interlaced(image))
    # Four colours, the last of them transparent.
    palette = Image.new("P", image.size, 0)
    palette.putpalette([250, 10, 30, 0, 0, 0, 9, 9, 9, 50, 60, 70])
    palette.putpixel((WIDTH - 1, HEIGHT - 1), 3)
    palette.save(FOLDER / "palette.png", transparency=3, bits=2, optimize=True)
    scans = FOLDER / "scans.txt"
    for name, order in {"a_scan_each": "0; 1; 2;", "colours_first": "2; 0 1;"}.items():
        scans.write_text(order)
        (FOLDER / f"{name}.jpg").write_bytes(cjpeg(image, "-sample", "2x2", "-scans", str(scans)))
    scans.unlink()
    layouts = {
        "444": ["-sample", "1x1"],
        "422": ["-sample", "2x1"],
        "440": ["-sample", "1x2"],
        "420": ["-sample", "2x2"],
        "411": ["-sample", "4x1"],
        "optimized": ["-sample", "2x2", "-optimize"],
        "progressive": ["-sample", "2x2", "-progressive"],
        "restarts": ["-sample", "2x2", "-restart", "2B"],
        "progressive_restarts": ["-sample", "2x1", "-progressive", "-restart", "3B"],
        "rgb": ["-rgb"],
        "arithmetic": ["-arithmetic"],
    }
    for name, options in layouts.items():
        (FOLDER / f"{name}.jpg").write_bytes(cjpeg(image, *options))
    (FOLDER / "grey.jpg").write_bytes(cjpeg(image.convert("L"), "-grayscale"))
    cmyk = io.BytesIO()
    image.convert("CMYK").save(cmyk, "JPEG", quality=90)
    (FOLDER / "cmyk.jpg").write_bytes(cmyk.getvalue())
    # YCCK is CMYK whose inks are coded as Y, Cb and Cr. Pillow does not write it, so convert the channels here, and name
    # the transform in Adobe's segment. Pillow stores 255 minus each value, as Adobe does; black ink there is none.
    inks = ImageChops.invert(image).convert("YCbCr")
    channels = [*ImageChops.invert(inks).split(), Image.new("L", image.size, 0)]
    ycck = io.BytesIO()
    Image.merge("CMYK", channels).save(ycck, "JPEG", quality=90)
    coded = bytearray(ycck.getvalue())
    coded[coded.index(b"Adobe") + 11] = 2
    (FOLDER / "ycck.jpg").write_bytes(coded)


if __name__ == "__main__":
    main()
