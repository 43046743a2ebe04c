"""The plan of a run, made before anything is written: preprocessing, class names, target, doubts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import keras

from kerascope import errors
from kerascope.dataset.classes.class_names import find_class_names
from kerascope.dataset.classes.outputs import describe_outputs
from kerascope.dataset.classes.targets import find_doubts, resolve_target
from kerascope.dataset.options import ImageOptions, ResultOptions
from kerascope.dataset.preparing.detection import Detection, detect, find_stated
from kerascope.dataset.preparing.fit_choice import TrialImages, choose_preprocessing
from kerascope.dataset.reading.source import Source
from kerascope.dataset.running.explainer import image_layout, layers_of
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.overlap import existing_paths
from kerascope.layout import Layout
from kerascope.method import Method, as_method
from kerascope.probe import Probe, as_probe, require_probe
from kerascope.provenance import warn
from kerascope.target import TargetLike

_DEFAULTS = ImageOptions()


def plan(
    model: keras.Model | Probe,
    source: Source,
    method: str | Method = "auto",
    target: TargetLike = None,
    options: ImageOptions = _DEFAULTS,
) -> Job:
    """Plan a run over the images of a source: see `explain_dataset`."""
    given = require_probe(as_probe(model))
    found, layout, blank = _detect(given, options)
    class_names = find_class_names(options.class_names, given, source, blank)
    source = class_names.apply(source)
    # Targets inside others, such as a contrast of two classes, look names up in the probe. The size of the
    # batch may also be smaller: methods that ask about masks fill their passes by it.
    count = options.batch_size or given.batch_size
    named = given.with_class_names(class_names.names).with_batch_size(count)
    probe = named.with_explicit_outputs(blank)
    choice = choose_preprocessing(found, options.fit, TrialImages(probe, source, layout, class_names))
    result = ResultOptions(
        as_method(method),
        resolve_target(target, class_names),
        choice.preprocessing,
        options.overlay,
        options.map_type,
        probe.pass_size(count),
        options.shard_size,
    )
    explaining, reason = result.method.choose(probe, blank, result.model_target)
    result = replace(result, method=explaining)
    of_layer = "layer" in explaining.tags
    notes: tuple[str, ...] = ()
    if of_layer:
        every_branch = "gradient" in explaining.tags
        notes = probe.notes(blank, result.model_target, layers_of(explaining), every_branch)
    shape = " x ".join(map(str, layout.spatial))
    choices = {
        "method": f"{explaining.describe()}{f' ({reason})' if reason else ''}",
        "preprocessing": f"{choice.preprocessing.summary}, to {shape} ({choice.reason})",
        "class_names": class_names.origin,
        **describe_outputs(named, blank),
        **({"layer": "; ".join(notes)} if notes else {}),
    }
    warnings = [warn(errors.KerascopeWarning, text) for text in find_doubts(target, source, class_names)]
    return Job(
        probe.model,
        probe,
        source,
        result,
        class_names,
        layout,
        choices,
        (*choice.doubts, *warnings),
        None if options.model_file is None else os.fspath(options.model_file),
        inputs=tuple(existing_paths(options.model_file, options.preprocessing)),
    )


def _detect(probe: Probe, options: ImageOptions) -> tuple[Detection, Layout, Any]:
    """Detect the preprocessing of a model, with its size, how it takes a photograph, and a blank image."""
    size = (options.size, options.size) if isinstance(options.size, int) else options.size
    known = find_stated(options.preprocessing, probe.model, options.model_file)
    if size is None and known is not None:
        size = known.preprocessing.size
    layout = image_layout(probe, size)
    blank = probe.blank() if size is None else probe.blank(size)
    found = known or detect(probe, blank)
    if not found.preprocessing.takes(layout.channels):
        raise errors.ParameterError(
            "preprocessing for a model of grey images must have one number for scale and offset; "
            f"{found.preprocessing.name!r} has one for each of three channels; take 0-255, 0-1 or -1-1."
        )
    return replace(found, preprocessing=replace(found.preprocessing, size=size)), layout, blank
