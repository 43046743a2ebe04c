"""What `ks.audit` does: a data set explained, described, searched for shortcuts, and told."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.auditing.classes import class_audit, labels_of, right
from kerascope.auditing.describing import AuditDescription
from kerascope.auditing.health import MapHealth, checked
from kerascope.auditing.laboratory import SAMPLE, Laboratory
from kerascope.auditing.material import Material
from kerascope.auditing.objects import as_objects
from kerascope.auditing.outcome import FILE, PICTURES, Audit
from kerascope.auditing.refusals import check_auditable
from kerascope.auditing.strategies import CLUSTERINGS, LARGEST, Clustering
from kerascope.dataset.arrays import as_given, from_arrays
from kerascope.dataset.detection import AUTO
from kerascope.dataset.frame import Fit
from kerascope.dataset.job import Job
from kerascope.dataset.naming import ClassName
from kerascope.dataset.photograph import encode
from kerascope.dataset.plan import plan
from kerascope.dataset.preprocessing import Preprocessing
from kerascope.dataset.progress import progress as progress_bar
from kerascope.dataset.results import Results
from kerascope.dataset.source import find_images
from kerascope.method import Method
from kerascope.method.base import as_method
from kerascope.method.number import check_whole
from kerascope.probe import Probe, as_probe
from kerascope.provenance import versions

Array = np.ndarray[Any, Any]

_PICTURE = 256
"""Pixels along the longer side of the pictures of prototypes and examples."""


def audit(
    model: keras.Model | Probe,
    data: Any,
    labels: Any = None,
    *,
    method: str | Method | Sequence[str | Method] = "auto",
    target: Literal["predicted", "label"] = "predicted",
    folder: str | os.PathLike[str] | None = None,
    masks: Any = None,
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
) -> Audit:
    """Find out what a model looks at over a whole data set, and whether it rests on what it should not.

    Every image is explained and described in one stream; the images of each class are clustered into
    strategies; shortcuts are suspected from maps and pixels, and tried by exchanging pixels between images:
    a finding is confirmed where predictions follow the suspect, against a control, and not by looks.

    Args:
        model: a Keras model or a `Probe`, a classifier of photographs: a score for each class, or one sigmoid
            for two.
        data: paths, see `kerascope.dataset.find_images`; or an array (N, H, W, C), as the model takes it.
        labels: (N,) of an array: places of the classes, or names; of paths they are found there. An image
            with several labels counts as one whose label is not known.
        method: see `kerascope.explain`; of several the first is what all rests on, and the others are
            compared with it.
        target: what is explained and makes the groups: `"predicted"` or `"label"`.
        folder: where the table, the pictures and the audit are written; None for a temporary one, which goes
            when the audit does.
        masks: where the objects are, where that is known: see `kerascope.auditing.objects.as_objects`.
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
        clustering: `"spectral"` or `"hdbscan"`; see `kerascope.auditing.strategies.clusters`.
        images_per_trial: the most images of an intervention; default 96.
        sanity: check the methods, too; see `kerascope.sanity`.
        seed: of samples and clusters.
        model_file: where the model was loaded from, for the record.
        progress: draw progress bars; None on a terminal.

    Returns:
        The audit: findings, strategies of each class, health of the maps; `to_html`, `to_json`.

    Raises:
        EvaluationError: the model is no classifier, or no image could be explained.
        DatasetError, LockedError: see `kerascope.explain_dataset`.
        ParameterError, InputError, LayerError: what was given does not fit the model.
        MissingPackageError: a package of the extra `audit` is not installed.

    Cost:
        For each image that of the methods and 1 forward; for each suspect that is tried up to 4 forwards for
        each of 96 images, six suspects a class at the most; for each sanity check 6 explanations of 16
        images; 1 forward of a blank image. Memory does not grow but for some 5 kB an image.

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
        source = find_images(
            data, image_column=image_column, label_column=label_column, follow_links=follow_links
        )
    else:
        source = from_arrays(data, labels)
        preprocessing = as_given(data) if preprocessing == AUTO else preprocessing
        size = size or _size(model, data)
    job = plan(
        model,
        source,
        methods[0],
        None if target == "predicted" else target,
        class_names=class_names,
        preprocessing=preprocessing,
        fit=fit,
        size=size,
        overlay=None,
        batch_size=batch_size,
        shard_size=shard_size,
        model_file=model_file,
    )
    objects = as_objects(masks)
    if objects is not None and objects.array is not None and len(objects.array) != source.count():
        raise errors.ParameterError(
            f"masks must be one for each of the {source.count()} images; got {len(objects.array)}."
        )
    methods = (job.options.method, *methods[1:])
    description = AuditDescription(job.options.preprocessing, methods[1:], objects)
    job = replace(job, description=description)
    check_auditable(job)
    counts = _Counts(job.probe)
    options = (methods, target, clustering, images_per_trial, sanity, seed, progress)
    if folder is not None:
        if overwrite:
            Path(folder, FILE).unlink(missing_ok=True)
        results = job.run(folder, threads=threads, resume=resume, overwrite=overwrite, progress=progress)
        return _audited(job, counts, results, *options)
    temporary = tempfile.mkdtemp(prefix="kerascope-audit-")
    try:
        results = job.run(temporary, threads=threads, progress=progress)
        found = _audited(job, counts, results, *options)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    weakref.finalize(found, shutil.rmtree, temporary, ignore_errors=True)
    return found


def _audited(
    job: Job,
    counts: _Counts,
    results: Results,
    methods: Sequence[Method],
    target: str,
    clustering: Clustering,
    images_per_trial: int,
    sanity: bool,
    seed: int,
    progress: bool | None,
) -> Audit:
    """What is found in a data set that was explained and described."""
    # Here, so that the names of kerascope stay cheap to import.
    from kerascope.auditing.search import search
    from kerascope.auditing.suspects import KINDS

    explaining = counts.taken()
    material = Material.of(job, results, clustering, seed)
    laboratory = Laboratory(material, images_per_trial)
    with progress_bar(len(KINDS), progress, "try") as advance:
        findings = search(material, laboratory, advance.more)
    trying = counts.taken()
    checks = tuple(checked(material, one) for one in methods) if sanity else ()
    everyone, others = np.arange(len(material)), methods[1:]
    found = Audit(
        folder=results.folder,
        model=job.probe.model.name,
        methods=tuple(one.written() for one in methods),
        target=target,
        images=len(material),
        failed=results.counts["failed"],
        accuracy=right(material, everyone),
        findings=tuple(findings),
        classes=tuple(class_audit(material, label, others) for label in labels_of(material)),
        health=MapHealth.of(material, everyone, others),
        checks=checks,
        notes=_notes(material, job),
        cost={"explain": explaining, "try": trying, "check": counts.taken()},
        settings={"seed": seed, "clustering": clustering, "images_per_trial": images_per_trial},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=dict(versions()),
    )
    # While its pictures change, there is no audit.
    Path(results.folder, FILE).unlink(missing_ok=True)
    _draw(material, found)
    found.save()
    return found


class _Counts:
    """Forwards and backwards of a probe, and of those that share its programs."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._before = (probe.forward_count, probe.backward_count)

    def taken(self) -> dict[str, int]:
        """Since the last time."""
        now = (self._probe.forward_count, self._probe.backward_count)
        forwards, backwards = (new - old for new, old in zip(now, self._before, strict=True))
        self._before = now
        return {"forwards": forwards, "backwards": backwards}


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


def _notes(material: Material, job: Job) -> tuple[str, ...]:
    notes = [f"{name}: {text}" for name, text in job.choices.items()]
    notes += job.doubts
    rows = material.results.rows(["label_indices"])
    several = sum(len(row["label_indices"] or ()) > 1 for row in rows)
    if several:
        notes.append(f"Images with several labels count as ones whose label is not known: {several:,}.")
    large = [
        material.name(label)
        for label, clusters in material.strategies.items()
        if clusters.sampled < len(clusters.numbers[clusters.numbers >= 0])
    ]
    if large:
        shown = ", ".join(large[:5]) + (", ..." if len(large) > 5 else "")
        notes.append(
            f"Strategies of {len(large)} classes ({shown}) rest on a sample of {LARGEST} images; the others "
            "joined the nearest cluster."
        )
    if not material.columns["content"].shape[1]:
        notes.append("The model has no layer with places, so strategies rest on where it looks alone.")
    gallery = material.gallery
    if len(gallery) < len(material):
        notes.append(
            f"Marks and places were looked for in {len(gallery):,} of {len(material):,} images, as many of "
            "each class as could be."
        )
    return tuple(notes)


def _draw(material: Material, found: Audit) -> None:
    """Write larger pictures of prototypes and examples."""
    from PIL import Image

    shown = {index for one in found.classes for group in one.strategies for index in group.prototypes}
    shown |= {index for one in found.findings for index in one.examples}
    index = material.columns["index"]
    places = np.flatnonzero(np.isin(index, sorted(shown)))
    folder = found.folder / PICTURES
    folder.mkdir(exist_ok=True)
    for old in (path for path in folder.iterdir() if path.stem.isdigit()):
        old.unlink()
    preprocessing = material.job.options.preprocessing
    for place, prepared in material.prepared(places):
        assert prepared.image is not None
        picture = Image.fromarray(preprocessing.pixels(prepared.image))
        if max(picture.size) > _PICTURE:
            picture.thumbnail((_PICTURE, _PICTURE), Image.Resampling.BOX)
        small = max(picture.size) <= 96
        content = encode(picture, "PNG") if small else encode(picture, "JPEG", quality=85)
        name = f"{index[place]:06d}.{'png' if small else 'jpg'}"
        (folder / name).write_bytes(content)
