"""What `ks.audit` does: a data set explained, described, searched for shortcuts, and told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.auditing.multilabel import made_by_label
from kerascope.auditing.description.description import AuditDescription
from kerascope.auditing.duplicates.training_data import Training
from kerascope.auditing.pipeline import Settings, made
from kerascope.auditing.description.object_masks import as_objects
from kerascope.auditing.preconditions import check_auditable, check_form
from kerascope.auditing.result.label_audits import LabelAudits
from kerascope.auditing.result.audit_result import Audit
from kerascope.auditing.shortcuts.interventions import SAMPLE
from kerascope.auditing.data.clustering import CLUSTERINGS, Clustering
from kerascope.dataset.labels.class_names import ClassName, asks_of_labels
from kerascope.dataset.preparing.detection import AUTO
from kerascope.dataset.preparing.frame import Fit
from kerascope.dataset.preparing.preprocessing import Preprocessing
from kerascope.dataset.reading.arrays import from_arrays
from kerascope.dataset.reading.source import Source
from kerascope.dataset.running.cluster import Cluster, open_workers
from kerascope.dataset.running.job import Job
from kerascope.dataset.running.plan import plan
from kerascope.dataset.writing.apart import files_among
from kerascope.method import Method, as_method
from kerascope.probe import Probe, as_probe
from kerascope.validation import check_whole


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
    images_per_trial: int = SAMPLE,
    sanity: bool = True,
    seed: int = 0,
    model_file: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    only: Sequence[str | int] | None = None,
    workers: int | Cluster | None = None,
    imports: Sequence[str] = (),
    safe_mode: bool = True,
) -> Audit | LabelAudits:
    """Find out what a model looks at over a whole data set, and whether it rests on what it should not.

    Every image is explained and described in one stream; the images of each class are clustered into
    strategies; shortcuts are suspected from maps and pixels, and tried by exchanging pixels between images:
    a finding is confirmed where predictions follow the suspect, against a control, and not by looks.

    Args:
        model: a Keras model or a `Probe`, a classifier of photographs: a score for each class, or one sigmoid
            for two.
        data: paths, see `kerascope.dataset.find_images`; or an array (N, H, W, C), as the model takes it.
        labels: (N,) of an array: places of the classes, or names; of paths they are found there. Of a model
            of several labels, a list of them for each image, or columns (N, K) of 0 and 1. Where one class is
            right, an image with several labels counts as one whose label is not known.
        method: see `kerascope.explain`; of several the first is what all rests on, and the others are
            compared with it.
        target: what is explained and makes the groups: `"predicted"` or `"label"`.
        folder: where the table, the pictures and the audit are written; None for a temporary one, which goes
            when the audit does.
        masks: where the objects are, where that is known: see `kerascope.auditing.description.object_masks.as_objects`.
        training: what the model was trained on, where that is known: paths or an array, as `data`. Its images
            are read and compared with those that are audited, and not explained.
        class_names: in the order of the model's outputs; see `kerascope.explain_dataset`.
        preprocessing: see `kerascope.explain_dataset`; arrays are taken as they are.
        fit: see there.
        size: see there.
        batch_size: see there.
        shard_size: see there.
        threads: see there.
        resume: continue an audit that was stopped: images that were described are not explained again.
        overwrite: remove an earlier audit first.
        image_column: see `kerascope.dataset.find_images`.
        label_column: see there.
        follow_links: see there.
        clustering: `"spectral"` or `"hdbscan"`; see `kerascope.auditing.data.clustering.clusters`.
        images_per_trial: the most images of an intervention; default 96.
        sanity: check the methods, too; see `kerascope.sanity`.
        seed: of samples and clusters.
        model_file: where the model was loaded from, for the record.
        progress: draw progress bars; None on a terminal.
        only: of a model of several labels, the names or places of those that are asked about; None for all.
        workers: explain, describe and try by so many processes of a Ray cluster; see
            `kerascope.explain_dataset`. They all write into `folder`.
        imports: see there.
        safe_mode: see there.

    Returns:
        The audit: findings, strategies of each class, health of the maps; `to_html`, `to_json`. Of a model of
        several labels the `LabelAudits`, a mapping with the audit of each label as a question of two classes,
        no and yes; with `Probe(model, label=...)` the audit of that one.

    Raises:
        EvaluationError: the model is no classifier, or no image could be explained.
        DatasetError, LockedError: see `kerascope.explain_dataset`.
        ParameterError, InputError, LayerError: what was given does not fit.
        MissingPackageError: a package of the extra `audit` is not installed.

    Cost:
        For each image that of the methods and 1 forward; for each suspect that is tried up to 4 forwards for
        each of 96 images, six suspects a class at the most; for each sanity check 6 explanations of 16
        images; 1 forward of a blank image. Of a model of several labels, that for each label, and for each
        companion that is tried 1 explanation more of up to 96 images. Memory does not grow but for some 5 kB
        an image.

    Source:
        Lapuschkin et al., Unmasking Clever Hans predictors and assessing what machines really learn, Nature
        Communications 2019, for clusters of maps. Deviations: contents beside positions; interventions, which
        decide; see docs/audit.md.

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
    check_whole(images_per_trial, "images_per_trial", 8)
    check_whole(seed, "seed", 0)
    if target not in ("predicted", "label"):
        raise errors.ParameterError(f"target must be 'predicted' or 'label'; got {target!r}.")
    if clustering not in CLUSTERINGS:
        raise errors.ParameterError(
            f"clustering must be one of {', '.join(CLUSTERINGS)}; got {clustering!r}."
        )
    several = [method] if isinstance(method, str | Method) else list(method)
    methods = tuple(as_method(one) for one in several)
    if not methods:
        raise errors.ParameterError("there must be a method to explain with; got none.")
    if _is_paths(data):
        if labels is not None:
            raise errors.ParameterError(
                "labels must be given beside arrays only; those of paths are folders, or in tables and lists."
            )
        source = reading.find_images(data)
    else:
        source = from_arrays(data, labels)
        preprocessing = infer_preprocessing(data) if preprocessing == AUTO else preprocessing
        size = size or _size(model, data)
    shown = ImageOptions(
        class_names, preprocessing, fit, size, None, "float32", batch_size, shard_size, model_file
    )
    job = plan(model, source, methods[0], None if target == "predicted" else target, shown)
    objects = as_objects(masks)
    if objects is not None and objects.array is not None and len(objects.array) != source.count():
        raise errors.ParameterError(
            f"masks must be one for each of the {source.count()} images; got {len(objects.array)}."
        )
    methods = (job.options.method, *methods[1:])
    compared, digest = None, None
    inputs = files_among(masks)
    if training is not None:
        trained_on = _training(training, job, reading)
        compared = Training(trained_on, threads, progress)
        digest, inputs = compared.digest(), files_among(masks, *trained_on.paths)
    description = AuditDescription(job.options.preprocessing, methods[1:], objects, digest)
    job = replace(job, description=description, inputs=(*job.inputs, *inputs))
    of_labels = is_multilabel(job.probe, job.blank)
    check_form(folder, of_labels, overwrite)
    if only is not None and not of_labels:
        raise errors.ParameterError(
            "only (--label) is for models of several labels, each behind a sigmoid; this one has classes, of "
            "which one is right; leave it out."
        )
    if not of_labels:
        check_auditable(job)
    with open_workers(run, job.probe.model) as others:
        run = replace(run, workers=others)
        settings = Settings(methods, target, clustering, images_per_trial, sanity, seed, run, compared)
        if of_labels:
            return made_by_label(job, settings, folder, only)
        return made(job, settings, folder)


def _training(data: Any, job: Job, reading: ReadOptions) -> Source:
    """The images of the training data."""
    if _is_paths(data):
        return reading.find_images(data)
    wanted, given = np.shape(job.blank)[1:], np.shape(data)[1:]
    if given not in (wanted, wanted[:-1] if wanted[-1] == 1 else wanted):
        raise errors.InputError(
            f"training must be paths, or images as the model takes them, (N, {', '.join(map(str, wanted))}); "
            f"got {np.shape(data)}."
        )
    return from_arrays(data)


def _size(model: keras.Model | Probe, images: Any) -> tuple[int, int] | None:
    """The size of images, for models that take any; None for the others."""
    try:
        as_probe(model).blank()
    except errors.InputError:
        height, width = np.shape(images)[1:3]
        return height, width
    return None


def _is_paths(data: Any) -> bool:
    if isinstance(data, str | os.PathLike):
        return True
    if hasattr(data, "shape"):
        return False
    return isinstance(data, Iterable) and all(isinstance(one, str | os.PathLike) for one in data)
