"""How much memory pictures take on their way through a run: `python -m benchmarks.memory_of_pictures`.

Each run is a process of its own, with four threads, which explains a folder with its overlays by a small
network; the most that was resident is compared with what was before the run, after one that compiles.
`--only NAME ...` runs some of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.cost.memory import resident

SIDE = 8192
"""Of the largest pictures: 67 million pixels, all that is allowed."""
COPIES = 6
"""Of each of the largest: more than there are threads."""
SMALL, LARGE = 20_000, 300
BOUND = 1_500_000_000
"""Bytes above the idle process, whatever pictures hold."""
THREADS = 4


def grey() -> Image.Image:
    """A scene of so many pixels that is quickly made and packed."""
    ramp = np.linspace(0, 255, SIDE).astype("uint8")
    return Image.fromarray(np.minimum(ramp[None], ramp[:, None]))


def _sixteen_bits(path: Path) -> None:
    values = np.asarray(grey()).astype("uint16") * 257
    Image.fromarray(values).save(path, "PNG", compress_level=1)


def _decimals(path: Path) -> None:
    Image.fromarray(np.asarray(grey()).astype("float32") / 255).save(path, "TIFF", compression="tiff_lzw")


LARGEST: dict[str, tuple[str, Callable[[Path], None]]] = {
    "16-bit grey PNG": ("png", _sixteen_bits),
    "RGB JPEG": ("jpg", lambda path: grey().convert("RGB").save(path, "JPEG")),
    "progressive JPEG": ("jpg", lambda path: grey().convert("RGB").save(path, "JPEG", progressive=True)),
    "RGBA PNG": ("png", lambda path: grey().convert("RGBA").save(path, "PNG", compress_level=1)),
    "float TIFF": ("tif", _decimals),
    "CMYK JPEG": ("jpg", lambda path: grey().convert("CMYK").save(path, "JPEG")),
    "WebP": ("webp", lambda path: grey().convert("RGB").save(path, "WEBP", quality=60, method=0)),
    "JPEG 2000": ("jp2", lambda path: grey().convert("RGB").save(path, "JPEG2000", quality_layers=[200])),
}


def largest(folder: Path, name: str) -> None:
    """Copies of one of the largest pictures, as links to one file."""
    ending, make = LARGEST[name]
    first = folder / f"0.{ending}"
    make(first)
    for number in range(1, COPIES):
        (folder / f"{number}.{ending}").hardlink_to(first)


def small(folder: Path, _: str) -> None:
    """JPEG files of 64 to 255 pixels a side, each linked to by a hundred names."""
    generator = np.random.default_rng(0)
    for number in range(SMALL // 100):
        sides = generator.integers(64, 256, 2)
        picture = Image.fromarray(generator.integers(0, 255, (8, 8, 3), "uint8")).resize(sides.tolist())
        (part := folder / f"{number:03d}").mkdir()
        picture.save(part / "00.jpg")
        for copy in range(1, 100):
            (part / f"{copy:02d}.jpg").hardlink_to(part / "00.jpg")


def large(folder: Path, _: str) -> None:
    """JPEG, PNG, 16-bit PNG, CMYK and WebP files of 1 to 25 million pixels, of other proportions each."""
    generator = np.random.default_rng(0)
    for number in range(LARGE // 10):
        pixels, shape = generator.uniform(1, 25) * 1e6, generator.uniform(0.5, 2)
        size = round((pixels * shape) ** 0.5), round((pixels / shape) ** 0.5)
        picture = Image.fromarray(generator.integers(0, 255, (8, 8, 3), "uint8")).resize(size)
        ending = ("jpg", "png", "16.png", "cmyk.jpg", "webp")[number % 5]
        if ending == "16.png":
            picture = Image.fromarray(np.asarray(picture)[..., 0].astype("uint16") * 257)
        elif ending == "cmyk.jpg":
            picture = picture.convert("CMYK")
        options = {"compress_level": 1} if ending.endswith("png") else {}
        picture.save(folder / f"{number:03d}-0.{ending}", **options)
        for copy in range(1, 10):
            (folder / f"{number:03d}-{copy}.{ending}").hardlink_to(folder / f"{number:03d}-0.{ending}")


KINDS: dict[str, Callable[[Path, str], None]] = {
    **dict.fromkeys(LARGEST, largest),
    f"{SMALL:,} small pictures": small,
    f"{LARGE} large pictures": large,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_of_pictures")
    parser.add_argument("--only", nargs="+", choices=tuple(KINDS), default=tuple(KINDS))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        print(json.dumps(_measured(Path(chosen.child[0]), Path(chosen.child[1]))))
        return 0
    print("| pictures | files, MB | idle, MB | above that, MB | held at a time by `PIXELS`, MB | seconds |")
    print("| :-- | --: | --: | --: | --: | --: |")
    missed = 0
    for name in chosen.only:
        with tempfile.TemporaryDirectory() as folder:
            (pictures := Path(folder, "in")).mkdir()
            KINDS[name](pictures, name)
            size = sum({one.stat().st_ino: one.stat().st_size for one in pictures.rglob("*.*")}.values())
            command = [
                sys.executable,
                "-m",
                "benchmarks.memory_of_pictures",
                "--child",
                str(pictures),
                folder,
            ]
            ran = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(ran.stdout.splitlines()[-1])
        above = found["peak"] - found["idle"]
        missed += above > BOUND
        cells = (size, found["idle"], above, found["most"])
        numbers = " | ".join(f"{cell / 1e6:,.0f}" for cell in cells)
        print(f"| {name}: {found['explained']:,} | {numbers} | {found['seconds']:.0f} |", flush=True)
    print(f"\nAt most {BOUND / 1e9:g} GB above the idle process: {'MISSED' if missed else 'met'}.")
    return 1 if missed else 0


def _measured(pictures: Path, folder: Path) -> dict[str, Any]:
    """What a run over some pictures takes, after one that compiles."""
    import time

    import keras

    import kerascope as ks
    from kerascope.dataset.decoding.memory_budget import PIXELS

    model = keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    options: dict[str, Any] = {"target": 0, "threads": THREADS, "progress": False, "method": "grad_cam"}
    (first := folder / "first").mkdir()
    Image.new("RGB", (80, 60)).save(first / "1.png")
    ks.explain_dataset(model, first, folder / "out1", **options)
    Path("/proc/self/clear_refs").write_text("5")
    idle, start = resident("VmRSS"), time.perf_counter()
    results = ks.explain_dataset(model, pictures, folder / "out2", **options)
    return {
        "idle": idle,
        "peak": resident("VmHWM"),
        "most": PIXELS.most,
        "explained": results.counts["explained"],
        "seconds": time.perf_counter() - start,
    }


if __name__ == "__main__":
    sys.exit(main())
