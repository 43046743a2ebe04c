"""`python -m benchmarks.leaderboard`: every method by every metric on three sets, and sanity checks.

The tables are written into docs/leaderboard.

Digits have no masks, shapes have exact ones, photographs have neither a mask nor many images. Methods that
are asked thousands of times by default are asked less often here, as their names in the tables say.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import warnings
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import keras
import numpy as np

import kerascope as ks
from examples.demo import digits, photographs, train
from examples.efficientnet_lite.class_names import class_names
from examples.efficientnet_lite.model import efficientnet_lite0
from examples.efficientnet_lite.preprocessing import preprocess
from kerascope.evaluation.sanity import MAX_RETENTION
from kerascope.synthetic import shapes

DOCS = Path(__file__).parents[1] / "docs" / "leaderboard"

FEWER: dict[str, ks.Method] = {
    "rise": ks.RISE(masks=500),
    "score_cam": ks.ScoreCAM(channels=48),
    "lime": ks.LIME(masks=200),
    "kernel_shap": ks.KernelSHAP(masks=200),
    "partition_shap": ks.PartitionSHAP(masks=200),
    "sobol": ks.Sobol(designs=4),
    "hsic": ks.HSIC(masks=200),
    "extremal_perturbation": ks.ExtremalPerturbation(steps=100),
    "expected_gradients": ks.ExpectedGradients(samples=20),
    "integrated_gradients": ks.IntegratedGradients(steps=25),
    "blur_integrated_gradients": ks.BlurIntegratedGradients(steps=25),
    "guided_integrated_gradients": ks.GuidedIntegratedGradients(steps=25),
    "smooth_grad": ks.SmoothGrad(samples=15),
    "square_grad": ks.SquareGrad(samples=15),
    "var_grad": ks.VarGrad(samples=15),
    "xrai": ks.XRAI(method=ks.IntegratedGradients(steps=25)),
}
CONTROLS = ("random_map", "centre_gaussian", "edge_map")


def methods() -> list[ks.Method]:
    """Every registered method that is no control."""
    return [FEWER.get(name) or kind() for name, kind in ks.methods().items() if name not in CONTROLS]


def of_digits(count: int) -> tuple[Any, Any, Any, Any]:
    """The demo's network, and digits that it has not seen."""
    known = digits.load_digits("package")
    keras.utils.set_random_seed(0)
    model = train.train(known)
    return ks.Probe(model, batch_size=256), known.test_images[:count], known.test_labels[:count], None


def of_shapes(count: int) -> tuple[Any, Any, Any, Any]:
    """A network that knows textures, and shapes with exact masks."""
    model = shapes.train(shapes.make(2400, seed=0))
    seen = shapes.make(2 * count, seed=1)
    rows = np.flatnonzero(seen.labels != shapes.NOTHING)[:count]
    return ks.Probe(model, batch_size=128), seen.images[rows], seen.labels[rows], seen.masks[rows]


def of_photographs(count: int) -> tuple[Any, Any, Any, Any]:
    """EfficientNet-Lite0, on photographs that come with scikit-image and foolbox; labels are its answers."""
    from PIL import Image

    found = [photograph.pixels for photograph in photographs.load_photographs()]
    for file in sorted(distribution("foolbox").files or (), key=str):
        if re.search(r"data/imagenet_\d+_\d+\.(jpg|png)$", str(file)):
            with Image.open(Path(str(file.locate()))) as picture:
                found.append(np.asarray(picture.convert("RGB")))
    images = preprocess(found[:count])
    model = efficientnet_lite0()
    probe = ks.Probe(model, batch_size=32, class_names=class_names())
    return probe, images, probe.run(None, images).labels, None


SETS = {"digits": (of_digits, 64), "shapes": (of_shapes, 64), "photographs": (of_photographs, 20)}


CHECKED, MOST = 96, 4
"""Digits that sanity checks look at, and the forwards of methods that are checked."""


def sanity_checks() -> str:
    """Sanity checks of the methods that take few passes, on digits, as a table."""
    probe, images, *_ = of_digits(CHECKED)
    lines = [
        f"{CHECKED} digits, predicted class, three random models for each step. How much of the map is kept,",
        "with its 95 % interval, over steps that change the upper half of the layers: below",
        f"{MAX_RETENTION:.0%} it passes.",
        "",
        "| method | verdict | kept, cascading | kept, independent | kept, another class |",
        "|---|---|---|---|---|",
    ]
    rows = []
    for kind in ks.methods().values():
        method = kind()
        if method.forwards > MOST or "sized" in method.tags:
            continue
        try:
            found = ks.sanity(method, probe, images)
        except ks.errors.KerascopeError as error:
            print(f"{method.describe()}: {error}", file=sys.stderr)
            continue
        cells = [
            f"{np.nanmean(one.retention):.0%} ({low:.0%} to {high:.0%})"
            if np.isfinite(low)
            else "the same map for all"
            for one in found.checks
            for low, high in [one.interval]
        ]
        kept = found.check("cascading").retention
        place = float(np.nanmean(kept)) if np.isfinite(kept).any() else np.inf
        rows.append((place, f"| `{method.describe()}` | {found.verdict} | {' | '.join(cells)} |"))
    return "\n".join([*lines, *(row for _, row in sorted(rows))]) + "\n"


def write(name: str, command: str, text: str) -> None:
    """Write a page of docs/leaderboard."""
    DOCS.mkdir(parents=True, exist_ok=True)
    head = (
        f"# Leaderboard: {name}\n\nWritten by `{command}`; read it with [evaluation](../evaluation.md).\n\n"
    )
    (DOCS / f"{name}.md").write_text(head + text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaderboard", description=__doc__)
    add = parser.add_argument
    known = [*SETS, "sanity"]
    add("sets", nargs="*", default=known, help=f"of {', '.join(known)}; default: all")
    add("--level", choices=("quick", "full"), default="quick", help="default: quick")
    add("--count", type=int, help="number of images; default: as in docs/")
    add("--html", type=Path, help="a folder for pages with curves and maps")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", ks.errors.KerascopeWarning)  # they are in the report
    for name in chosen.sets:
        if name == "sanity":
            write(name, "python -m benchmarks.leaderboard sanity", sanity_checks())
            continue
        build, count = SETS[name]
        probe, images, labels, masks = build(chosen.count or count)
        start = time.monotonic()
        report = ks.evaluate(
            methods(), probe, images, labels, masks, level=chosen.level, progress=sys.stderr.isatty()
        )
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        command = f"python -m benchmarks.leaderboard {name}" + (
            "" if chosen.level == "quick" else f" --level {chosen.level}"
        )
        write(name, command, report.markdown())
        if chosen.html:
            chosen.html.mkdir(parents=True, exist_ok=True)
            report.html(chosen.html / f"{name}.html")
            report.save(chosen.html / f"{name}.npz")
    return 0


if __name__ == "__main__":
    sys.exit(main())
