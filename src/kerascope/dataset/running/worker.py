"""A worker of a cluster: a process with a model, which does any work."""

from __future__ import annotations

import importlib
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import keras

from kerascope import errors, model_file
from kerascope.placement import PlacementChoice
from kerascope.probe import Probe
from kerascope.target import OutputKind

_WORKS = 3
"""Works that a worker keeps started, such as describing, predicting and reading features."""


@dataclass(frozen=True)
class SharedProbe:
    """The options of a probe, from which workers build the same one.

    Args:
        batch_size, compile, input, output, label: see `Probe`.
        names: of the classes, or None.
        labels: names of all labels, for a probe of one of them, or None.
        placement: how the cells of layers are placed on images: see `Probe`.
    """

    batch_size: int
    compile: bool
    input: str | int | None
    output: OutputKind | Mapping[str, OutputKind] | None
    label: int | None
    names: tuple[str, ...] | None
    labels: tuple[str, ...] | None
    placement: PlacementChoice = "auto"

    @classmethod
    def of(cls, probe: Probe, images: Any) -> SharedProbe:
        """Return the options of a probe.

        Args:
            probe: of a model.
            images: (N, ...) as the model takes them.
        """
        known = probe.with_explicit_outputs(images)
        labels = None if probe.label is None else probe.label_names
        return cls(
            probe.batch_size,
            probe.compile,
            probe.input,
            known.output,
            probe.label,
            probe.class_names,
            labels,
            probe.placing,
        )

    @property
    def about_all_labels(self) -> SharedProbe:
        """The options of the probe of all labels."""
        return self if self.label is None else replace(self, label=None, names=self.labels, labels=None)

    def build(self, model: keras.Model) -> Probe:
        """Build a probe of a model, of all labels."""
        return Probe(
            model,
            batch_size=self.batch_size,
            class_names=self.about_all_labels.names,
            input=self.input,
            output=self.output,
            placement=self.placement,
            compile=self.compile,
        )


class Work(Protocol):
    """A function of items that workers execute; it can be sent to another process."""

    @property
    def probe(self) -> SharedProbe:
        """The probe of the work."""

    def start(self, probe: Probe) -> Callable[[Any], Any]:
        """Return the function from an item to its result; called once in each worker."""


@dataclass(frozen=True, eq=False)
class WorkResult:
    """The result of an item, and its cost."""

    result: Any
    forwards: int
    backwards: int
    warnings: Sequence[tuple[type[Warning], str]]


class Worker:
    """A process of the cluster. It loads the model with its first item.

    Args:
        imports: modules that register layers of the model.
        safe_mode: whether a model with code of its own is refused.
        variables: of the environment, with credentials of object stores.
    """

    def __init__(self, imports: Sequence[str], safe_mode: bool, variables: Mapping[str, str]) -> None:
        os.environ.update(variables)
        self._imports, self._safe_mode = imports, safe_mode
        self._model: keras.Model | None = None
        self._probes: list[tuple[SharedProbe, Probe]] = []
        self._functions: dict[int, tuple[Probe, Callable[[Any], Any]]] = {}

    def do(self, number: int, references: Sequence[Any], item: Any) -> WorkResult:
        """Do an item."""
        if number not in self._functions:
            import ray

            model, reference = references
            work: Work = ray.get(reference)
            found = self._probe(work.probe, model)
            self._functions[number] = found, work.start(found)
            # In the order in which they were started: the one that is asked for is the last.
            for old in list(self._functions)[:-_WORKS]:
                del self._functions[old]
        probe, function = self._functions[number]
        forwards, backwards = probe.forward_count, probe.backward_count
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", errors.KerascopeWarning)
            result = function(item)
        texts = [(warning.category, str(warning.message)) for warning in caught]
        return WorkResult(result, probe.forward_count - forwards, probe.backward_count - backwards, texts)

    def _probe(self, shared: SharedProbe, model: Any) -> Probe:
        """Return a probe of the model; probes of several labels share their programs."""
        found = next((probe for known, probe in self._probes if known == shared.about_all_labels), None)
        if found is None:
            found = shared.build(self._load(model))
            self._probes.append((shared.about_all_labels, found))
        return (
            found.with_class_names(shared.names) if shared.label is None else found.with_label(shared.label)
        )

    def _load(self, reference: Any) -> keras.Model:
        if self._model is None:
            import ray

            for name in self._imports:
                importlib.import_module(name)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "model.keras")
                path.write_bytes(ray.get(reference))
                if self._safe_mode:
                    model_file.check(path)
                self._model = keras.saving.load_model(path, compile=False, safe_mode=self._safe_mode)
        return self._model
