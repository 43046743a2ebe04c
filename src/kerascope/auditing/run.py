"""What `ks.audit` does: a data set explained, described, searched for shortcuts, and told."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.auditing.describing import CELLS, AuditDescription
from kerascope.auditing.health import MapHealth, checked
from kerascope.auditing.laboratory import SAMPLE, Laboratory
from kerascope.auditing.material import Material
from kerascope.auditing.objects import as_objects
from kerascope.auditing.outcome import PICTURES, Audit, ClassAudit, Strategy
from kerascope.auditing.search import search
from kerascope.auditing.strategies import CLUSTERINGS, LARGEST, Clustering, Clusters
from kerascope.auditing.suspects import KINDS
from kerascope.dataset.arrays import as_given, from_arrays
from kerascope.dataset.detection import AUTO
from kerascope.dataset.frame import Fit
from kerascope.dataset.job import Job
from kerascope.dataset.plan import plan
from kerascope.dataset.preprocessing import Preprocessing
from kerascope.dataset.progress import progress as progress_bar
from kerascope.dataset.source import find_images
from kerascope.method import Method
from kerascope.method.base import as_method
from kerascope.method.number import check_whole
from kerascope.probe import Probe
from kerascope.provenance import versions

Array = np.ndarray[Any, Any]

_PROTOTYPES = 4
_MISTAKES = 3
_PICTURE = 256
"""Pixels along the longer side of the pictures of prototypes and examples."""


def audit(
    model: keras.Model | Probe,
    data: Any,
    labels: Any = None,
    *,
    method: str | Method | Sequence[str | Method] = "grad_cam",
    target: Literal["predicted", "label"] = "predicted",
    folder: str | os.PathLike[str] | None = None,
    masks: Any = None,
    class_names: Sequence[str] | None = None,
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
        model: a Keras model or a `Probe`, a classifier of photographs with an output for each class.
        data: paths, see `kerascope.dataset.find_images`; or an array (N, H, W, C), as the model takes it.
        labels: (N,) of an array: places of the classes, or names; of paths they are found there.
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
        images. Memory does not grow but for some 1 kB an image.

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
        size = size or tuple(np.shape(data)[1:3])
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
    description = AuditDescription(job.options.preprocessing, methods[1:], as_objects(masks))
    job = replace(job, description=description)
    temporary = folder is None
    folder = tempfile.mkdtemp(prefix="kerascope-audit-") if folder is None else folder
    counts = _Counts(job.probe)
    results = job.run(folder, threads=threads, resume=resume, overwrite=overwrite, progress=progress)
    explaining = counts.taken()
    material = Material.of(job, results, clustering, seed)
    laboratory = Laboratory(material, images_per_trial)
    with progress_bar(len(KINDS), progress, "try") as advance:
        findings = search(material, laboratory, advance.more)
    trying = counts.taken()
    checks = tuple(checked(material, one) for one in methods) if sanity else ()
    checking = counts.taken()
    found = Audit(
        folder=Path(folder),
        model=job.probe.model.name,
        methods=tuple(one.written() for one in methods),
        target=target,
        images=len(material),
        failed=results.counts["failed"],
        accuracy=_right(material, np.arange(len(material))),
        findings=tuple(findings),
        classes=tuple(_class(material, label, methods[1:]) for label in _labels(material)),
        health=MapHealth.of(material, np.arange(len(material)), methods[1:]),
        checks=checks,
        notes=_notes(material, job),
        cost={"explain": explaining, "try": trying, "check": checking},
        settings={"seed": seed, "clustering": clustering, "images_per_trial": images_per_trial},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=dict(versions()),
    )
    if temporary:
        weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
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


def _is_paths(data: Any) -> bool:
    if isinstance(data, str | os.PathLike):
        return True
    if hasattr(data, "shape"):
        return False
    return isinstance(data, Iterable) and all(isinstance(one, str | os.PathLike) for one in data)


def _labels(material: Material) -> Sequence[int]:
    """The classes that were explained, or are the true class of an image."""
    known = set(material.classes) | set(material.labels[material.labels >= 0].tolist())
    return sorted(known)


def _right(material: Material, places: Array) -> float | None:
    labels = material.labels[places]
    known = labels >= 0
    if not known.any():
        return None
    return float((material.columns["prediction"][places][known] == labels[known]).mean())


def _class(material: Material, label: int, methods: Sequence[Method]) -> ClassAudit:
    members = material.members(label)
    labels, predictions = material.labels, material.columns["prediction"]
    own, said = labels == label, (predictions == label) & (labels >= 0)
    labelled = (labels >= 0).any()
    clusters = material.strategies.get(label)
    strategies = () if clusters is None else _strategies(material, members, clusters)
    return ClassAudit(
        label,
        material.name(label),
        len(members),
        int(own.sum()) if labelled else None,
        float((predictions[own] == label).mean()) if own.any() else None,
        float((labels[said] == label).mean()) if said.any() else None,
        strategies,
        MapHealth.of(material, members, methods) if len(members) else MapHealth(0, 0.0, 0.0, 0.0, {}),
    )


def _strategies(material: Material, members: Array, clusters: Clusters) -> tuple[Strategy, ...]:
    """Each cluster, and last the images that are like no others and whose maps show something."""
    found = []
    alone = members[(clusters.numbers < 0) & material.shows[members]]
    groups = [members[clusters.numbers == number] for number in range(clusters.count)]
    for number, group in enumerate([*groups, alone]):
        if not len(group):
            continue
        rest = np.setdiff1d(members[material.shows[members]], group)
        mean = material.positions[group].mean(axis=0)
        shared = np.minimum(mean, material.positions[rest].mean(axis=0)).sum() if len(rest) else mean.sum()
        clustered = number < clusters.count
        nearest = members[clusters.nearest(number, _PROTOTYPES)] if clustered else group[:_PROTOTYPES]
        labels, predictions = material.labels[group], material.columns["prediction"][group]
        wrong = Counter(
            (material.name(label), material.name(prediction))
            for label, prediction in zip(labels.tolist(), predictions.tolist(), strict=True)
            if label not in (-1, prediction)
        )
        probability = material.columns["probability"][group]
        found.append(
            Strategy(
                number + 1 if clustered else 0,
                len(group),
                len(group) / len(members),
                where(mean),
                _right(material, group),
                float(np.nanmean(probability)) if np.isfinite(probability).any() else float("nan"),
                tuple((*pair, count) for pair, count in wrong.most_common(_MISTAKES)),
                tuple(material.columns["index"][nearest].tolist()),
                mean,
                float(np.clip(1 - shared, 0, 1)),
            )
        )
    return tuple(found)


_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "middle", "right")


def where(position: Array) -> str:
    """Where most of the relevance is, in words.

    Args:
        position: (8, 8), shares of relevance.

    Example:
        >>> import numpy as np
        >>> from kerascope.auditing.run import where
        >>> where(np.eye(8)[:, :1] @ np.eye(8)[:1])
        'at the top left'
    """
    total = position.sum()
    if total <= 0:
        return "nowhere"
    shares = position / total
    known = shares[shares > 0]
    # Of the greatest entropy there can be: relevance that is the same everywhere.
    if -(known * np.log(known)).sum() > 0.985 * np.log(CELLS**2):
        return "all over the picture"
    centres = (np.arange(CELLS) + 0.5) / CELLS
    row, column = (shares.sum(axis=1) @ centres, shares.sum(axis=0) @ centres)
    ring = shares.sum() - shares[1:-1, 1:-1].sum()
    if ring > 0.75 and 0.35 < row < 0.65 and 0.35 < column < 0.65:
        return "along the border"
    names = (_ROWS[min(int(row * 3), 2)], _COLUMNS[min(int(column * 3), 2)])
    if names == ("middle", "middle"):
        return "in the middle"
    return "at the " + " ".join(name for name in names if name != "middle")


def _notes(material: Material, job: Job) -> tuple[str, ...]:
    notes = [f"{name}: {text}" for name, text in job.choices.items()]
    notes += job.doubts
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
    preprocessing = material.job.options.preprocessing
    for place, prepared in material.prepared(places):
        assert prepared.image is not None
        picture = Image.fromarray(preprocessing.pixels(prepared.image))
        if max(picture.size) > _PICTURE:
            picture.thumbnail((_PICTURE, _PICTURE), Image.Resampling.BOX)
        small = max(picture.size) <= 96
        file = io.BytesIO()
        picture.save(file, "PNG" if small else "JPEG", **({} if small else {"quality": 85}))
        name = f"{index[place]:06d}.{'png' if small else 'jpg'}"
        (folder / name).write_bytes(file.getvalue())
