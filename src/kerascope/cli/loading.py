"""Models, class names, methods, targets and sizes from command-line arguments."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascope import errors
from kerascope.cli import console

if TYPE_CHECKING:
    from kerascope.dataset.classes.class_names import ClassName
    from kerascope.dataset.options import ImageOptions
    from kerascope.dataset.reading.source import Source
    from kerascope.dataset.running.cluster import Cluster
    from kerascope.method import Method
    from kerascope.probe import Probe
    from kerascope.target import OutputKind, TargetLike


@contextmanager
def _silence_stderr() -> Iterator[None]:
    """Discard standard error in the block, also of libraries: TensorFlow prints its build there."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


try:
    # Here, before anything else imports it.
    with _silence_stderr():
        import keras
except ImportError as error:
    raise errors.BackendError(
        f"Keras must find its backend; {error}; install one (tensorflow, jax or torch), or choose the one "
        "that you have: kerascope --backend torch ..."
    ) from error


@dataclass(frozen=True)
class LoadArguments:
    """The arguments of a command that select a model and its images; see `kerascope explain --help`."""

    model: Path
    paths: Sequence[str]
    model_output: OutputKind | None
    classes: Path | None
    preprocess: str
    fit: str | None
    size: str | None
    image_column: str | None
    label_column: str | None
    unsafe: bool
    imports: Sequence[str] | None
    follow_links: bool = False

    @property
    def inputs(self) -> tuple[str | Path | None, ...]:
        """What is read, which no output may replace."""
        return self.model, self.classes, self.preprocess, *self.paths

    def load_probe(self) -> Probe:
        """Load the model: see `load_probe`."""
        return load_probe(self.model, self.unsafe, self.imports, self.model_output)

    def find_images(self) -> Source:
        """Find the images."""
        from kerascope.dataset.options import ReadOptions

        reading = ReadOptions(self.image_column, self.label_column, self.follow_links)
        return reading.find_images(self.paths)

    def to_image_options(self, **others: Any) -> ImageOptions:
        """Convert to the options of `plan`."""
        from kerascope.dataset.options import ImageOptions

        return ImageOptions(
            class_names=load_names(self.classes),
            preprocessing=self.preprocess,
            fit=self.fit,  # type: ignore[arg-type]
            size=read_size(self.size),
            model_file=self.model,
            **others,
        )


def load_model(path: Path, unsafe: bool, imports: Sequence[str] | None) -> keras.Model:
    """Load a saved model without its compile configuration.

    Args:
        path: of the file.
        unsafe: allow it to run its own code.
        imports: modules that register its layers.

    Raises:
        ModelError: there is none, or Keras cannot read it.
        UnsafeModelError: it holds code, or reaches outside itself; none of it was run.
    """
    if not path.is_file():
        raise errors.ModelError(f"a model must be a file, .keras or .h5; there is none at {str(path)!r}.")
    for name in imports or ():
        if "" not in sys.path:
            sys.path.insert(0, "")
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise errors.ModelError(
                f"--import must name a Python module; {name!r} fails: {error}."
            ) from error
    if unsafe:
        console.warn(f"{path} may run its own code, since --unsafe was given.")
    from kerascope import model_file
    from kerascope.cli import keras2

    try:
        with keras2.open_as_keras3(path) as file:
            if not unsafe:
                model_file.check(file)
            model = keras.saving.load_model(file, compile=False, safe_mode=not unsafe)
    except errors.UnsafeModelError as error:
        raise errors.UnsafeModelError(f"{path} was not loaded: {error}") from None
    except Exception as error:
        # Foreign files and layers raise anything.
        text = str(error).strip()
        raise errors.ModelError(
            f"a model must load; {str(path)!r} does not: {type(error).__name__}: "
            f"{text.splitlines()[0] if text else 'no reason given'}\n{_hint(path, text)}"
        ) from error
    if (doubt := keras2.doubt(path)) is not None:
        console.warn(doubt)
    return model


def _hint(path: Path, text: str) -> str:
    """Return a hint for a file that Keras does not load, from its error."""
    from kerascope.cli import keras2

    if (version := keras2.version(path) or "").startswith("2."):
        return (
            f"Keras {version} wrote it, and Keras 3 does not read all that is in it: name a module that "
            "registers what is missing by --import; or build the model in Keras 3, take over the weights by "
            "model.load_weights, and save it as .keras."
        )
    if "custom" in text.lower() or "locate" in text.lower():
        return "a layer of its own must be registered by a module that is named by --import."
    return "is it a whole Keras file?"


def load_probe(path: Path, unsafe: bool, imports: Sequence[str] | None, output: OutputKind | None) -> Probe:
    """Load a saved model as a probe; without `output`, the saved loss decides the kind of its output."""
    from kerascope.cli.saved_loss import read_loss
    from kerascope.probe import Probe

    return Probe(load_model(path, unsafe, imports), output=output).with_loss(read_loss(path))


def load_names(path: Path | None) -> tuple[ClassName, ...] | None:
    """Load class names from a file: one per line, a JSON list, or a JSON object from indices to names.

    An ImageNet class index has pairs of a code and a name.
    """
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() != ".json":
            return tuple(line.strip() for line in text.strip().splitlines())
        found = json.loads(text)
        if isinstance(found, dict):
            found = [found[key] for key in sorted(found, key=int)]
        return tuple(
            (str(entry[0]), str(entry[-1])) if isinstance(entry, list) else str(entry) for entry in found
        )
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise errors.ParameterError(
            f"--classes must name a text file with a name in each line, or a JSON list; {str(path)!r} is "
            f"none: {error}."
        ) from error


def read_method(name: str, layer: str | None, parameters: Sequence[str] | None) -> Method:
    """Return a method by name, with its parameters."""
    from kerascope.method import as_method

    given: dict[str, Any] = {} if layer is None else {"layer": layer}
    for text in parameters or ():
        key, equals, value = text.partition("=")
        if not equals:
            raise errors.ParameterError(f"--set must be NAME=VALUE, such as masks=500; got {text!r}.")
        try:
            given[key.strip()] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            given[key.strip()] = value
    return as_method(name.replace("-", "_"), **given)


def read_target(text: str) -> TargetLike:
    """Parse a target: see `kerascope explain --help`."""
    from kerascope.target import Top

    lowered = text.lower()
    if lowered == "predicted":
        return None
    if lowered == "label":
        return "label"
    if found := re.fullmatch(r"top(\d+)", lowered):
        return Top(int(found[1]))
    return int(text) if re.fullmatch(r"\d+", text) else text


def read_size(text: str | None) -> tuple[int, int] | None:
    """Parse a size, `"224"` or `"224x320"`."""
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", text.strip().lower())
    if found is None:
        raise errors.ParameterError(f"--size must be a number or two, 224 or 224x320; got {text!r}.")
    return int(found[1]), int(found[2] or found[1])


def read_cluster(engine: str, workers: int, cpus: int, gpus: float) -> Cluster | None:
    """Return the cluster of a command; None for this process alone."""
    from kerascope.dataset.running.cluster import Cluster

    if engine == "ray":
        return Cluster(workers, cpus, gpus)
    if (workers, cpus, gpus) != (1, 1, 0):
        raise errors.ParameterError(
            "--workers, --worker-cpus and --worker-gpus must come with --engine ray; got --engine local; add "
            "--engine ray, or leave them out."
        )
    return None
