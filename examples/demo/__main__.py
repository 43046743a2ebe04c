"""`python -m examples.demo`: train on digits, explain digits and photographs, leave pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from examples.demo.terminal import positive, stage
from kerascope import errors

if TYPE_CHECKING:
    from examples.demo.digits import Source


MARK = ".kerascope-demo"
"""A file by which a folder is known as one that the demo has made, and may write over."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo.

    Args:
        arguments: of the command line; default None: those of this process.

    Returns:
        0, or 1 after saying what was missing: a package, the network, or a folder to write to.

    Cost: one to two minutes on two cores.
    """
    options = _options(arguments)
    try:
        run(options.output, options.epochs, options.seed, options.digits)
    except (errors.KerascopeError, OSError) as error:
        print(f"examples.demo: {error}", file=sys.stderr)
        return 1
    return 0


def run(folder: Path, epochs: int | None, seed: int, source: Source) -> None:
    """The whole job, saying what it does; pictures, the network and some digits are left in `folder`."""
    import keras

    from examples.demo.compare_digits import GRIDS, WHY, compare_digits
    from examples.demo.digits import load_digits, save_digits
    from examples.demo.explain_digits import BUILT_IN, INK, LOST, explain_digits
    from examples.demo.explain_photographs import explain_photographs
    from examples.demo.overview import save_overview
    from examples.demo.train import test, train

    _begin(folder)
    print(f"Keras {keras.__version__} on {keras.backend.backend()}")

    with stage("Digits"):
        digits = load_digits(source, seed)
        print(f"from {digits.source}")
    with stage("Training"):
        model = train(digits, seed, epochs)
        loss, accuracy = test(model, digits)
        print(f"test loss {loss:.4f}, test accuracy {accuracy:.2%}")
        model.save(folder / "digits.keras")
        save_digits(digits, folder / "digits.npz")
    with stage("Explaining digits"):
        digit_results = explain_digits(model, digits, folder, seed)
        print(f"relevance on ink: share of a map's positive values on pixels of at least {INK:.0%} ink;")
        print("a map that knew nothing of the digit would have the share that ink covers.")
        print(BUILT_IN)
        print(LOST)
        for result in digit_results:
            print(f"{result.picture.name}  {result}")
    with stage("Maximising classes, comparing methods and layers"):
        ideal = compare_digits(model, digit_results, folder)
        for name, score, probability in zip(ideal.titles, ideal.scores, ideal.probabilities, strict=True):
            print(f"maximised.png  {name}: score {score:5.2f}, probability {probability:.4f}")
        print(f"methods.png    {WHY}")
        print(f"layers.png     {GRIDS}")
    with stage("Explaining photographs"):
        photograph_results = explain_photographs(folder)
        for photograph in photograph_results:
            print(photograph)
        print("families.png   one method of each family, and a control that knows nothing of the network")
    save_overview(photograph_results, digit_results, folder / "overview.png")
    print(f"\nPictures and the network are in {folder}/; begin with overview.png.")


def _begin(folder: Path) -> None:
    """Make the folder, and mark it as the demo's; an error where files of others are in it."""
    mark = folder / MARK
    if folder.is_dir() and any(folder.iterdir()) and not mark.is_file():
        raise errors.ParameterError(
            f"the folder of the demo must be new, empty, or one of an earlier demo; {str(folder)!r} holds "
            "other files; name another one."
        )
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description="Train a small network on digits; explain digits and photographs as pictures.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--output", type=Path, default=Path("demo-output"), metavar="FOLDER", help="for the pictures"
    )
    parser.add_argument(
        "--epochs", type=positive, metavar="N", help="passes over the digits; None: 14 of 4,000"
    )
    parser.add_argument("--seed", type=int, default=0, help="of training and of choosing digits")
    parser.add_argument(
        "--digits",
        choices=("auto", "keras", "package"),
        default="auto",
        help="all of MNIST from keras.datasets, or 5,000 digits from a package",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
