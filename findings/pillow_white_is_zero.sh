#!/usr/bin/env bash
# Pillow 13.0.0: of one scene, stored white-is-zero in TIFF, it makes a positive at 8 bits and a negative at 16.
#
# A TIFF file says in its tag 262 whether 0 is black or white. Pillow inverts white-is-zero of 1 to 8 bits while
# it decodes, so that large numbers are light, as everywhere else. At 16 bits and of floating-point numbers it
# hands on what is stored, without a word, and of 16 bits, most significant byte first, or signed, it says that
# the file is no picture. One would expect the same scene, or at least the same refusal.
#
# Seen, with Python 3.11 on x86-64 Linux; a black and a white pixel, each stored both ways:
#      8 bits: black is zero 0 255, white is zero 0 255
#     16 bits: black is zero 0 65535, white is zero 65535 0
#     decimal: black is zero 0 1, white is zero 1 0
#     16 bits, big-endian: black is zero 0 65535, white is zero UnidentifiedImageError
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6

cat > "$folder/scenes.py" <<'PYTHON'
import io

import numpy as np
import PIL
import tifffile
from PIL import Image


def seen(values, kind, byteorder):
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric=kind, byteorder=byteorder)
    try:
        return " ".join(f"{value:g}" for value in np.asarray(Image.open(file)).ravel())
    except PIL.UnidentifiedImageError as error:
        return type(error).__name__


def both(dtype, white, byteorder="<"):
    scene = np.array([[0, white]], dtype)
    positive, negative = seen(scene, "minisblack", byteorder), seen(white - scene, "miniswhite", byteorder)
    return f"black is zero {positive}, white is zero {negative}"


found = {
    " 8 bits": both("uint8", 255),
    "16 bits": both("uint16", 65535),
    "decimal": both("float32", 1),
    "16 bits, big-endian": both("uint16", 65535, ">"),
}
print(f"Pillow {PIL.__version__}", *(f"{name}: {text}" for name, text in found.items()), sep="\n")
assert list(found.values()) == [
    "black is zero 0 255, white is zero 0 255",
    "black is zero 0 65535, white is zero 65535 0",
    "black is zero 0 1, white is zero 1 0",
    "black is zero 0 65535, white is zero UnidentifiedImageError",
], "the behaviour has changed"
PYTHON
"$folder/venv/bin/python" "$folder/scenes.py"
