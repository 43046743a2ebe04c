"""What does an ImageNet classifier want to see? The image that excites each of some classes most.

    python -m examples.imagenet_classes sheet.png

draws six classes of EfficientNet-Lite0, whose weights come in a package, so no network is needed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import kerascope as ks
from examples.efficientnet_lite.class_names import class_names
from examples.efficientnet_lite.model import efficientnet_lite0

CLASSES = ("tiger cat", "espresso", "zebra", "strawberry", "sunglasses", "fire engine")
RANGE = (-127 / 128, 1)  # (x - 127) / 128 of bytes


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the sheet, and say how sure the classifier is of each image: seen as it is, without transforms."""
    parser = argparse.ArgumentParser(description="Draw what excites some ImageNet classes most.")
    parser.add_argument("sheet", type=Path, help="the picture to write, .png or .jpg")
    parser.add_argument("--classes", nargs="+", default=CLASSES, metavar="NAME", help="names of classes")
    parser.add_argument("--steps", type=int, default=256, help="default: 256")
    parser.add_argument("--seed", type=int, default=0, help="of the random beginning; default: 0")
    parser.add_argument("--animation", type=Path, metavar="GIF", help="write the run as an animation too")
    options = parser.parse_args(arguments)

    probe = ks.Probe(efficientnet_lite0(), class_names=class_names())
    found = ks.maximize(
        probe, list(options.classes), steps=options.steps, seed=options.seed, input_range=RANGE
    )
    for name, score, probability in zip(found.titles, found.scores, found.probabilities, strict=True):
        print(f"{name:<14} score {score:5.1f}, probability {probability:.4f}")
    figure = found.plot(columns=min(3, len(found)), panel=2.0)
    figure.savefig(options.sheet, dpi=110)
    if options.animation:
        found.save_gif(options.animation)
    return 0


if __name__ == "__main__":
    sys.exit(main())
