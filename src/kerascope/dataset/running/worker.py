"""A worker: a process that holds a model and probes of it, and does any work that is handed to it."""

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
from kerascope.probe import Probe
from kerascope.target import OutputKind

_BEGUN = 2
"""Works that a worker has at hand, such as to describe and to try; older ones are begun anew."""


@dataclass(frozen=True)
class SharedProbe:
    """What a worker makes a probe of, beside the model: all that decides its answers. See `Probe`.

    Args:
        batch_size, compile, input, output, label: see there.
        names: of the classes, or None.
        labels: names of all labels, where one of them is asked about, or None.
    """

    batch_size: int
    compile: bool
    input: str | int | None
    output: OutputKind | Mapping[str, OutputKind] | None
    label: int | None
    names: tuple[str, ...] | None
    labels: tuple[str, ...] | None

    @classmethod
    def of(cls, probe: Probe, images: Any) -> SharedProbe:
        """What a probe is made of.

        Args:
            probe: of a model.
            images: (N, ...) as the model takes them.
        """
        known = probe.with_explicit_outputs(images)
        labels = None if probe.label is None else probe.label_names
        return cls(
            probe.batch_size, probe.compile, probe.input, known.output, probe.label, probe.class_names, labels
        )

    @property
    def about_all_labels(self) -> SharedProbe:
        """That which is asked about all labels."""
        return self if self.label is None else replace(self, label=None, names=self.labels, labels=None)

    def build(self, model: keras.Model) -> Probe:
        """A probe of a model, about all labels."""
        return Probe(
            model,
            batch_size=self.batch_size,
            class_names=self.about_all_labels.names,
            input=self.input,
            output=self.output,
            compile=self.compile,
        )


class Work(Protocol):
    """What workers do, one item after the other; it can be sent to another process."""

    @property
    def probe(self) -> SharedProbe:
        """What is asked."""

    def start(self, probe: Probe) -> Callable[[Any], Any]:
        """From an item to its result; asked once in each worker.

        Args:
            probe: of the worker.
        """


@dataclass(frozen=True, eq=False)
class WorkResult:
    """What became of an item.

    Args:
        result: of the work.
        forwards: images that went forward.
        backwards: backward passes.
        warned: what was warned about, each with its category.
    """

    result: Any
    forwards: int
    backwards: int
    warned: Sequence[tuple[type[Warning], str]]


class Worker:
    """A process of the cluster. It loads the model with the first item, whose error that would be.

    Args:
        imports: modules that register layers of the model.
        safe_mode: whether a model with code of its own is refused.
        variables: of the environment, by which stores are asked.
    """

    def __init__(self, imports: Sequence[str], safe_mode: bool, variables: Mapping[str, str]) -> None:
        os.environ.update(variables)
        self._imports, self._safe_mode = imports, safe_mode
        self._model: keras.Model | None = None
        self._probes: list[tuple[SharedProbe, Probe]] = []
        self._begun: dict[int, tuple[Probe, Callable[[Any], Any]]] = {}

    def do(self, number: int, references: Sequence[Any], item: Any) -> WorkResult:
        """Do an item.

        Args:
            number: of the work.
            references: to the model and to the work.
            item: of the work.
        """
        if number not in self._begun:
            import ray

            model, reference = references
            work: Work = ray.get(reference)
            found = self._probe(work.probe, model)
            self._begun[number] = found, work.start(found)
            for old in sorted(self._begun)[:-_BEGUN]:
                del self._begun[old]
        probe, function = self._begun[number]
        forwards, backwards = probe.forward_count, probe.backward_count
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", errors.KerascopeWarning)
            result = function(item)
        told = [(one.category, str(one.message)) for one in caught]
        return WorkResult(result, probe.forward_count - forwards, probe.backward_count - backwards, told)

    def _probe(self, shared: SharedProbe, model: Any) -> Probe:
        """A probe of the model; those of several labels share their programs."""
        found = next((probe for known, probe in self._probes if known == shared.about_all_labels), None)
        if found is None:
            found = shared.build(self._loaded(model))
            self._probes.append((shared.about_all_labels, found))
        return (
            found.with_class_names(shared.names) if shared.label is None else found.with_label(shared.label)
        )

    def _loaded(self, reference: Any) -> keras.Model:
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
