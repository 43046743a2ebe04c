"""`kerascope.audit`: arguments into plan and options."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.auditing.data.clustering import Clustering
from kerascope.auditing.description.description import AuditDescription
from kerascope.auditing.description.object_masks import Objects, as_objects
from kerascope.auditing.duplicates.training_data import TrainingData
from kerascope.auditing.multilabel import audit_labels
from kerascope.auditing.options import AuditOptions
from kerascope.auditing.pipeline import run_audit, run_in_folder
from kerascope.auditing.preconditions import check_auditable, check_form
from kerascope.auditing.result.audit_result import Audit
from kerascope.auditing.result.label_audits import LabelAudits
from kerascope.auditing.shortcuts.interventions.samples import IMAGES_PER_TRIAL
from kerascope.dataset.classes.class_names import ClassName
from kerascope.dataset.classes.outputs import is_multilabel
from kerascope.dataset.options import ImageOptions, ReadOptions, RunOptions
from kerascope.dataset.preparing.detection import AUTO
from kerascope.dataset.preparing.frame import Fit
from kerascope.dataset.preparing.loader_defaults import infer_preprocessing
from kerascope.dataset.preparing.preprocessing import Preprocessing
from kerascope.dataset.reading.arrays import from_arrays
from kerascope.dataset.reading.source import Source
from kerascope.dataset.running.cluster import Cluster, open_workers
from kerascope.dataset.running.job import Job
from kerascope.dataset.running.plan import plan
from kerascope.dataset.writing.overlap import existing_paths
from kerascope.method import Method, as_method
from kerascope.probe import Probe, as_probe, require_probe


def audit(
    model: keras.Model | Probe,
    data: Any,
    labels: Any = None,
    *,
    method: str | Method | Sequence[str | Method] = "auto",
    target: Literal["predicted", "label"] = "predicted",
    folder: str | os.PathLike[str] | None = None,
    masks: Any = None,
    training: Any = None,
    class_names: Sequence[ClassName] | None = None,
    preprocessing: str | os.PathLike[str] | Preprocessing = AUTO,
    fit: Fit | None = None,
    size: int | tuple[int, int] | None = None,
    batch_size: int | None = None,
    shard_size: int = 256,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    image_column: str | None = None,
    label_column: str | None = None,
    follow_links: bool = False,
    clustering: Clustering = "spectral",
    images_per_trial: int = IMAGES_PER_TRIAL,
    budget: int | None = None,
    sanity: bool = True,
    seed: int = 0,
    model_file: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    only: Sequence[str | int] | None = None,
    workers: int | Cluster | None = None,
    imports: Sequence[str] = (),
    safe_mode: bool = True,
) -> Audit | LabelAudits:
    """Find out what a model looks at over a whole data set, and which shortcuts it relies on.

    Every image is explained and described in one stream; the images of each class are clustered into
    strategies. Shortcuts are suspected from maps, from pixels (patches, marks, places, backgrounds), from
    qualities of the whole picture (tone, cast, sharpness, noise, compression, texture), and from the style
    that features hold. They are tested by exchanging these between images: a finding is confirmed where
    predictions follow the suspect more than a control, and not by looks. It is then a shortcut, or evidence
    if it may be the object itself. Several names of one cause are one finding.

    Args:
        model: a Keras model or a `Probe`, a classifier of photographs: a score for each class, or one sigmoid
            for two.
        data: paths, see `kerascope.dataset.find_images`; or an array (N, H, W, C), as the model takes it.
        labels: (N,) for an array: indices of the classes, or names; for paths they are found there. For a
            model of several labels, a list of them for each image, or columns (N, K) of 0 and 1. Where one
            class is right, an image with several labels counts as one without a label.
        method: see `kerascope.explain`; of several the first one explains, and the others are compared with
            it.
        target: the class that is explained, and by which images are grouped: `"predicted"` or `"label"`.
        folder: for the table, the pictures and the audit; None for a temporary one, which is removed together
            with the audit.
        masks: of the objects, if known: see `kerascope.auditing.description.object_masks.as_objects`. What
            has a place is told from the objects by them; without masks, by trials and counterexamples.
        training: the training data of the model, if known: paths or an array, as `data`. Its images are
            compared with the audited ones, and not explained.
        class_names: in the order of the model's outputs; see `kerascope.explain_dataset`.
        preprocessing: see `kerascope.explain_dataset`; arrays are taken as they are.
        fit: see there.
        size: see there.
        batch_size: see there.
        shard_size: see there.
        threads: see there.
        resume: continue an interrupted audit: images that were described are not explained again.
        overwrite: remove an earlier audit first.
        image_column: see `kerascope.dataset.find_images`.
        label_column: see there.
        follow_links: see there.
        clustering: `"spectral"` or `"hdbscan"`; see `kerascope.auditing.data.clustering.find_clusters`.
        images_per_trial: the most images of an intervention; default 96.
        budget: the most forwards that trials may take, of each label; the most telling suspects are tested,
            as many of a class as it allows. 0 lists suspects and tests none; None tests eight of a class.
        sanity: check the methods, too; see `kerascope.sanity`.
        seed: of samples and clusters.
        model_file: that the model was loaded from, for the record.
        progress: draw progress bars; None on a terminal.
        only: for a model of several labels, the names or indices of the labels to audit; None for all.
        workers: explain, describe and predict with this number of processes of a Ray cluster; see
            `kerascope.explain_dataset`. They all write into `folder`.
        imports: see there.
        safe_mode: see there.

    Returns:
        The audit: findings, strategies of each class, health of the maps; `to_html`, `to_json`. For a model
        of several labels the `LabelAudits`, a mapping with the audit of each label as a question of two
        classes, no and yes; with `Probe(model, label=...)` the audit of that label.

    Raises:
        EvaluationError: the model is no classifier, or no image could be explained.
        DatasetError, LockedError: see `kerascope.explain_dataset`.
        ParameterError, InputError, LayerError: an argument does not fit.
        MissingPackageError: a package of the extra `audit` is not installed.

    Cost:
        For each image the cost of the methods and 1 forward; for each suspect that is tested up to 4 forwards
        for each of 96 images, for sharpness and style up to twice that, at most eight suspects a class, or as
        many as `budget` allows; for each two that are confirmed of a class, where the data do not decide, the
        trials of both again; for the pictures of a finding 3 forwards; for each sanity check 6 explanations
        of 16 images; 1 forward of a blank image. For a model of several labels, all that for each label, and
        for each companion that is tested 1 more explanation of up to 96 images. Memory grows by about 5 kB
        per image.

    Source:
        Lapuschkin et al., Unmasking Clever Hans predictors and assessing what machines really learn, Nature
        Communications 2019, for clusters of maps. Deviations: contents in addition to positions;
        interventions, which decide, and a verdict; see docs/audit.md.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((40, 16, 16, 1))
        >>> found = ks.audit(model, images, np.arange(40) % 3, sanity=False)
        >>> found.images, len(found.confirmed)
        (40, 0)
    """
    run = RunOptions(threads, resume, overwrite, workers, imports, safe_mode, progress)
    reading = ReadOptions(image_column, label_column, follow_links)
    several = [method] if isinstance(method, str | Method) else list(method)
    methods = tuple(map(as_method, several))
    options = AuditOptions(methods, target, clustering, images_per_trial, sanity, seed, run, budget=budget)
    if _is_paths(data):
        if labels is not None:
            raise errors.ParameterError(
                "labels must be given with arrays only; labels of paths are folders, or in tables and lists."
            )
        source = reading.find_images(data)
    else:
        source = from_arrays(data, labels)
        preprocessing = infer_preprocessing(data) if preprocessing == AUTO else preprocessing
        size = size or _image_size(model, data)
    images = ImageOptions(
        class_names, preprocessing, fit, size, None, "float32", batch_size, shard_size, model_file
    )
    job = plan(model, source, methods[0], None if target == "predicted" else target, images)
    options = replace(options, methods=(job.options.method, *methods[1:]))
    inputs = existing_paths(masks)
    if training is not None:
        training_source = _training_source(training, job, reading)
        options = replace(options, training=TrainingData(training_source, threads, progress))
        inputs = existing_paths(masks, *training_source.paths)
    job = replace(job, description=_describe(job, options, as_objects(masks)), inputs=(*job.inputs, *inputs))
    multilabel = is_multilabel(job.probe, job.blank)
    check_form(folder, multilabel, overwrite)
    if not multilabel:
        _check_no_labels(only)
        check_auditable(job)
    with open_workers(run, job.probe.model) as others:
        options = replace(options, run=replace(run, workers=others))
        if multilabel:
            return run_in_folder(folder, lambda store: audit_labels(job, options, store, only))
        return run_in_folder(folder, lambda store: run_audit(job, options, store))


def _describe(job: Job, options: AuditOptions, objects: Objects | None) -> AuditDescription:
    """The columns that the audit adds to each image."""
    count = job.source.count()
    if objects is not None and objects.array is not None and len(objects.array) != count:
        raise errors.ParameterError(
            f"masks must be one for each of the {count} images; got {len(objects.array)}."
        )
    digest = None if options.training is None else options.training.digest()
    return AuditDescription(job.options.preprocessing, options.methods[1:], objects, digest)


def _check_no_labels(only: Sequence[str | int] | None) -> None:
    if only is not None:
        raise errors.ParameterError(
            "only (--label) is for models of several labels, each behind a sigmoid; this one has classes, of "
            "which one is right; leave it out."
        )


def _training_source(data: Any, job: Job, reading: ReadOptions) -> Source:
    """The images of the training data."""
    if _is_paths(data):
        return reading.find_images(data)
    expected, shape = np.shape(job.blank)[1:], np.shape(data)[1:]
    if shape not in (expected, expected[:-1] if expected[-1] == 1 else expected):
        axes = ", ".join(map(str, expected))
        raise errors.InputError(
            f"training must be paths, or images as the model takes them, (N, {axes}); got {np.shape(data)}."
        )
    return from_arrays(data)


def _image_size(model: keras.Model | Probe, images: Any) -> tuple[int, int] | None:
    """The size of images, for models that take any size; None for the others."""
    try:
        require_probe(as_probe(model)).blank()
    except errors.InputError:
        height, width = np.shape(images)[1:3]
        return height, width
    return None


def _is_paths(data: Any) -> bool:
    if isinstance(data, str | os.PathLike):
        return True
    if hasattr(data, "shape"):
        return False
    return isinstance(data, Iterable) and all(isinstance(path, str | os.PathLike) for path in data)
