"""The results of a run, read from its folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.preparing.frame import Frame
from kerascope.dataset.result_folder import DATA
from kerascope.dataset.writing.manifest import REMOVING, read_manifest
from kerascope.dataset.writing.store import Store
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Results:
    """The results in a folder of `explain_dataset`.

    Args:
        folder: of the results.
        manifest: model, options, versions, status and counts.

    Example: see `explain_dataset`.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def counts(self) -> Mapping[str, int]:
        """The numbers of images, explained and failed ones, rows, and shards."""
        counts: Mapping[str, int] = self.manifest["counts"]
        return counts

    @property
    def data(self) -> Path:
        """The folder of the Parquet files, for pandas, Arrow, DuckDB or Spark."""
        return self.folder / DATA

    def table(self, columns: list[str] | None = None) -> Any:
        """Read the whole table into memory: a `pyarrow.Table`, a row per image and explained class.

        Args:
            columns: to read; None for all.
        """
        import pyarrow.dataset

        shards = [str(path) for path in Store(self.folder).shards().values()]
        return pyarrow.dataset.dataset(shards, format="parquet").to_table(columns=columns)

    def rows(self, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield rows in the order of the source, with a shard at a time in memory; maps are float32 (h, w).

        Args:
            columns: to read; None for all.
        """
        import pyarrow.parquet as pq

        for path in Store(self.folder).shards().values():
            table = pq.read_table(path, columns=columns)
            maps = table["map"].combine_chunks() if "map" in table.column_names else None
            lists = table.drop_columns(["map"]).to_pylist() if maps is not None else table.to_pylist()
            for index, row in enumerate(lists):
                if maps is not None:
                    heatmap = maps[index]
                    row["map"] = np.asarray(heatmap.to_numpy(), "float32") if heatmap.is_valid else None
                yield row

    def image_rows(self, columns: list[str]) -> Iterator[dict[str, Any]]:
        """Yield the first row of each explained image; see `rows`.

        Args:
            columns: to read, besides `status` and `rank`.
        """
        for row in self.rows(list(dict.fromkeys((*columns, "status", "rank")))):
            if row["status"] == "explained" and row["rank"] == 1:
                yield row

    def failures(self) -> Iterator[tuple[str, str]]:
        """Yield the path and the error of every failed image."""
        for row in self.rows(["path", "status", "error"]):
            if row["status"] == "failed":
                yield row["path"], row["error"]

    def strange_labels(self) -> dict[str, int]:
        """Count the labels of images that are no class of the model."""
        found: Counter[str] = Counter()
        for row in self.rows(["label", "label_indices", "rank"]):
            if row["label"] is not None and row["label_indices"] is None and row["rank"] in (None, 1):
                found[row["label"]] += 1
        return dict(found)

    def __str__(self) -> str:
        counts = self.counts
        return (
            f"{counts['explained']} of {counts['images']} images explained, {counts['failed']} failed, "
            f"in {self.folder}"
        )


def open_results(folder: str | os.PathLike[str]) -> Results:
    """Open the results of `explain_dataset` or `kerascope explain`.

    Args:
        folder: of the results.

    Raises:
        DatasetError: there are none.
    """
    manifest = read_manifest(Path(folder))
    if manifest is None:
        raise errors.DatasetError(
            f"there must be results with a manifest; there are none in {os.fspath(folder)!r}; explain into "
            "it first."
        )
    if manifest.get("status") == REMOVING:
        raise errors.DatasetError(
            f"there must be whole results; those in {os.fspath(folder)!r} were being removed, which was "
            "stopped; explain into it again, with overwrite."
        )
    return Results(Path(folder), manifest)


def heatmap(row: Mapping[str, Any]) -> Array:
    """Return the heat map of a row over the whole upright photograph.

    Args:
        row: of `Results.rows`, with `map`, `box`, `height` and `width`.

    Returns:
        float32 (height, width), in the units of the method; NaN outside the model's image.

    Raises:
        DatasetError: the image failed, so there is no map.
    """
    if row["map"] is None:
        raise errors.DatasetError(
            f"a row must have a map; that of {row.get('path')!r} has none: {row.get('error')}"
        )
    return Frame(row["height"], row["width"], *row["box"]).uncrop(np.asarray(row["map"]))


def count_results(store: Store) -> dict[str, int]:
    """Count the images and rows of the shards; only two columns are read, a shard at a time."""
    import pyarrow.parquet as pq

    counts: Counter[str] = Counter()
    for path in store.shards().values():
        table = pq.read_table(path, columns=["index", "status"])
        images = dict(zip(table["index"].to_pylist(), table["status"].to_pylist(), strict=True))
        counts.update(images.values())
        counts.update(images=len(images), rows=len(table), shards=1)
    return {name: counts[name] for name in ("images", "explained", "failed", "rows", "shards")}
