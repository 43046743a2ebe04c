"""A run looked over before anything is written: what the model is fed, names of classes, what is in doubt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import keras

from kerascope import errors
from kerascope.dataset.classes.class_names import ClassName, doubts, named_classes, outputs_told, resolved
from kerascope.dataset.options import Options, Picture
from kerascope.dataset.preparing.detection import AUTO, detect, said
from kerascope.dataset.preparing.frame import Fit
from kerascope.dataset.preparing.model_input import Evidence, fed
from kerascope.dataset.preparing.preprocessing import Preprocessing
from kerascope.dataset.reading.source import Source
from kerascope.dataset.running.explainer import explained_layers, image_layout
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.apart import files_among
from kerascope.method import Method, as_method
from kerascope.probe import Probe, as_probe
from kerascope.provenance import warn
from kerascope.target import TargetLike


def plan(
    model: keras.Model | Probe,
    source: Source,
    method: str | Method = "auto",
    target: TargetLike = None,
    *,
    class_names: Sequence[ClassName] | None = None,
    preprocessing: str | os.PathLike[str] | Preprocessing = AUTO,
    fit: Fit | None = None,
    size: int | tuple[int, int] | None = None,
    overlay: Picture | None = "jpg",
    map_type: Literal["float32", "float16"] = "float32",
    batch_size: int | None = None,
    shard_size: int = 256,
    model_file: str | os.PathLike[str] | None = None,
) -> Job:
    """Look a run over before anything is written: see `explain_dataset`."""
    given = as_probe(model)
    _check(overlay, map_type, batch_size, shard_size)
    side = (size, size) if isinstance(size, int) else size
    known = said(preprocessing, given.model, model_file)
    if side is None and known is not None:
        side = known.preprocessing.size
    layout = image_layout(given, side)
    blank = given.blank() if side is None else given.blank(side)
    found = known or detect(given, blank)
    if not found.preprocessing.takes(layout.channels):
        raise errors.ParameterError(
            "preprocessing for a model of grey images must have one number for scale and offset; "
            f"{found.preprocessing.name!r} has one for each of three channels; take 0-255, 0-1 or -1-1."
        )
    naming = named_classes(class_names, given, source, blank)
    source = source.coded(naming.codes) if naming.codes else source
    source = source if naming.asked is None else source.answered(naming.asked.answered)
    # Targets inside others, such as a contrast of two classes, look names up in the probe. The size of the
    # batch may also be smaller: methods that ask about masks fill their passes by it.
    count = batch_size or given.batch_size
    named = given.with_class_names(naming.names).with_batch_size(count)
    probe = named.with_explicit_outputs(blank)
    feed = fed(found, fit, Evidence(probe, source, layout, naming))
    chosen = replace(feed.preprocessing, size=side)
    options = Options(
        as_method(method),
        resolved(target, naming),
        chosen,
        overlay,
        map_type,
        probe.pass_size(count),
        shard_size,
    )
    explaining, reason = options.method.choose(probe, blank, options.asked)
    options = replace(options, method=explaining)
    of_layer = "layer" in explaining.tags
    notes = probe.notes(blank, options.asked, explained_layers(explaining)) if of_layer else ()
    doubtful = [*feed.doubts]
    doubtful += [warn(errors.KerascopeWarning, text) for text in doubts(target, source, naming)]
    choices = {
        "method": f"{explaining.describe()}{f' ({reason})' if reason else ''}",
        "preprocessing": f"{chosen.described}, to {layout.spatial[0]} x {layout.spatial[1]} ({feed.reason})",
        "class_names": naming.origin,
        **outputs_told(named, blank),
        **({"layer": "; ".join(notes)} if notes else {}),
    }
    path = None if model_file is None else os.fspath(model_file)
    return Job(
        probe.model,
        probe,
        source,
        options,
        naming,
        layout,
        choices,
        tuple(doubtful),
        path,
        inputs=tuple(files_among(model_file, preprocessing)),
    )


def _check(overlay: Any, map_type: Any, batch_size: Any, shard_size: Any) -> None:
    if overlay not in (None, "jpg", "png"):
        raise errors.ParameterError(f"overlay must be 'jpg', 'png' or None; got {overlay!r}.")
    if map_type not in ("float32", "float16"):
        raise errors.ParameterError(f"map_type must be 'float32' or 'float16'; got {map_type!r}.")
    for name, value in (("batch_size", batch_size or 1), ("shard_size", shard_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise errors.ParameterError(f"{name} must be a whole number of at least 1; got {value!r}.")
