#!/usr/bin/env python3
"""Makes tests/format/vectors: small pictures of every kind, and what Pillow makes of them, for tests/format/test_image.c.

Usage: make_images.py FOLDER     (made with Pillow 13.0.0 and NumPy 2.4.6)
"""
import sys

import numpy
from PIL import Image

folder = sys.argv[1]
random = numpy.random.default_rng(7)
height, width = 23, 37
y, x = numpy.mgrid[0:height, 0:width]
waves = [127 + 90 * numpy.sin(x / a + y / b) for a, b in ((5, 9), (11, 3), (4, 17))]
colour = numpy.clip(numpy.stack(waves, -1) + random.normal(0, 12, (height, width, 3)), 0, 255).astype(numpy.uint8)
grey = colour[:, :, 1].copy()
picture, grey_picture = Image.fromarray(colour), Image.fromarray(grey)
expected = {"colour": colour, "grey": grey, "luma": numpy.asarray(picture.convert("L"))}


def save(image, name, **options):
    image.save(f"{folder}/{name}", **options)
    return numpy.asarray(Image.open(f"{folder}/{name}"))


save(picture, "colour.png")
save(grey_picture, "grey.png")
save(Image.merge("RGBA", (*picture.split(), Image.new("L", picture.size, 255))), "opaque.png")
save(Image.merge("RGBA", (*picture.split(), grey_picture)), "transparent.png")
save(Image.merge("LA", (grey_picture, Image.new("L", picture.size, 255))), "grey_opaque.png")
palette = picture.quantize(16)
save(palette, "palette.png")
expected["palette"] = numpy.asarray(palette.convert("RGB"))
save(palette, "palette_transparent.png", transparency=3)
bits = grey_picture.point(lambda v: 255 * (v > 128)).convert("1")
save(bits, "bits.png")
expected["bits"] = numpy.asarray(bits).astype(numpy.uint8) * 255
deep = (numpy.arange(height * width).reshape(height, width) * 77 % 65536).astype(numpy.uint16)
save(Image.fromarray(deep), "deep.png")
expected["deep"] = ((deep.astype(numpy.uint32) * 255 + 32767) // 65535).astype(numpy.uint8)
expected["colour_jpg"] = save(picture, "colour.jpg", quality=90)
expected["progressive_jpg"] = save(picture, "progressive.jpg", quality=80, progressive=True, subsampling=0)
expected["grey_jpg"] = save(grey_picture, "grey.jpg", quality=85)
picture.convert("CMYK").save(f"{folder}/cmyk.jpg")
for h, w in ((16, 16), (5, 50), (64, 64), (23, 8), (1, 1), (40, 37), (20, 36)):
    expected[f"resized_{h}x{w}"] = numpy.asarray(picture.resize((w, h), Image.BILINEAR))
expected["resized_grey"] = numpy.asarray(grey_picture.resize((9, 7), Image.BILINEAR))
numpy.savez_compressed(f"{folder}/expected.npz", **expected)
