"""`explain_dataset`: explain a whole data set into a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

import keras

from kerascope.dataset.classes.class_names import ClassName
from kerascope.dataset.options import DatasetPaths, ImageOptions, Picture, ReadOptions, RunOptions
from kerascope.dataset.preparing.detection import AUTO
from kerascope.dataset.preparing.frame import Fit
from kerascope.dataset.preparing.preprocessing import Preprocessing
from kerascope.dataset.results import Results
from kerascope.dataset.running.cluster import Cluster
from kerascope.dataset.running.plan import plan
from kerascope.method import Method
from kerascope.probe import Probe
from kerascope.target import TargetLike


def explain_dataset(
    model: keras.Model | Probe,
    paths: DatasetPaths,
    folder: str | os.PathLike[str],
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
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    image_column: str | None = None,
    label_column: str | None = None,
    follow_links: bool = False,
    workers: int | Cluster | None = None,
    imports: Sequence[str] = (),
    safe_mode: bool = True,
    model_file: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Results:
    """Explain any number of images into a folder, in constant memory.

    Reading, decoding, explaining, drawing and writing overlap. A picture that cannot be read, or an image
    that cannot be explained, is a row with its error. Results are written shard by shard, each whole or not
    at all: an interruption loses at most the shard in flight, and `resume=True` continues the run, with the
    same results to the bit (except `timings`).

    Args:
        model: a Keras model or a `Probe`, of one photograph of one or three channels.
        paths: see `find_images`.
        folder: of the results: see `kerascope.dataset.writing.store.Store`.
        method: see `kerascope.explain`.
        target: see `kerascope.target`; the name of a class; `"label"` for each image's own label, a row for
            each of several; None for the predicted class.
        class_names: in the order of the model's outputs, all different, or pairs of a code and a name; None
            for those of the probe, else those of the subfolders or the table where there are as many as the
            model has outputs.
        preprocessing: name of a convention, a JSON file, a `Preprocessing`, or `"auto"`: see `detect`.
        fit: `"stretch"`, `"crop"` or `"pad"`, see `Frame.for_size`; None for the one that the preprocessing
            states, else the one that is likely for the model unless labels contradict it.
        size: (h, w) of the images, for models that take any.
        overlay: write the photographs under their maps as `"jpg"` or `"png"`; None for none.
        map_type: of the stored maps.
        batch_size: images per pass; None for the probe's, 32; ignored where the model has a fixed one.
        shard_size: images per file of the table: the most that is lost.
        threads: for reading and drawing; None for one for each processor, 4 at the most; 0 for none.
        resume: continue an interrupted run.
        overwrite: remove the results of an earlier run first; refused where the folder is not empty and not
            kerascope's, or an input lies in it. See docs/datasets.md.
        image_column: see `find_images`.
        label_column: see `find_images`.
        follow_links: see `find_images`.
        workers: the number of processes of a Ray cluster, or a `kerascope.dataset.Cluster`; None for this
            process alone. See docs/datasets.md.
        imports: modules that register layers of the model, for workers.
        safe_mode: of Keras, when workers load the model; False lets it run code of its own, such as a
            `Lambda` layer.
        model_file: path of the model, for the manifest and for `MODEL.preprocess.json` next to it.
        progress: draw a progress bar; None on a terminal.

    Returns:
        The results, read from the folder on demand.

    Raises:
        DatasetError: there are no images, or the folder cannot be written or resumed.
        LockedError: another run writes into the folder.
        ParameterError, InputError, TargetError, LayerError: an argument does not fit the model.
        MissingPackageError: a package of the extra `dataset` (or `ray`) is not installed.

    Cost:
        The method's cost per image; 1 forward at the start, and 2 where the model preprocesses by itself.
        Where labels are known, at most 64 forwards for each way of loading: 3 fits, then 3 filters, without
        those that give the same images; and each fit with each convention where the model's is in doubt.

    Example:
        >>> import keras, pathlib, tempfile
        >>> import kerascope as ks
        >>> from PIL import Image
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255),
        ...     keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (20, 10), "red").save(pathlib.Path(folder, "1.png"))
        ...     results = ks.explain_dataset(model, folder, pathlib.Path(folder, "out"), target=1)
        ...     row = next(results.rows())
        ...     ks.dataset.heatmap(row).shape, row["status"], dict(results.counts)["failed"]
        ((10, 20), 'explained', 0)
    """
    run = RunOptions(threads, resume, overwrite, workers, imports, safe_mode, progress)
    source = ReadOptions(image_column, label_column, follow_links).find_images(paths)
    images = ImageOptions(
        class_names, preprocessing, fit, size, overlay, map_type, batch_size, shard_size, model_file
    )
    return plan(model, source, method, target, images).run(folder, run)
