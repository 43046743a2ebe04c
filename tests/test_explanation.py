"""Explanations: raw values kept, heat maps by the stated rules, files that load without running code."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope.errors import ExplanationError
from kerascope.explanation import describe_flatness
from kerascope.resize import bilinear_weights, resize

pytestmark = pytest.mark.once


def explanation(values: Any, **options: Any) -> ks.Explanation:
    values = np.asarray(values, "float32")
    shape = values.shape[: 2 if options.get("class_axis") else 1]
    fields: dict[str, Any] = {
        "targets": np.zeros(shape, "int32"),
        "scores": np.ones(shape, "float32"),
        "probabilities": np.full(shape, np.nan, "float32"),
        "predictions": np.zeros(len(values), "int32"),
        "images": np.zeros((len(values), 4, 6, 1), "float32"),
        "input_size": (4, 6),
        "reduction": "none",
        "signed": True,
        "class_axis": False,
        "method": "GradCAM()",
        "target": "predicted class",
        "layer": "conv",
        "versions": {"kerascope": "0"},
    }
    return ks.Explanation(values=values, **fields | options)


def test_resizing_is_half_pixel_bilinear_and_separable() -> None:
    # By hand: from 2 to 4 pixels the centres lie at -1/4, 1/4, 3/4, 5/4 of the old grid.
    np.testing.assert_allclose(resize(np.array([[0.0, 1.0]]), (4,)), [[0, 0.25, 0.75, 1]])
    np.testing.assert_allclose(bilinear_weights(5, 3).sum(axis=1), 1)
    maps = np.random.default_rng(0).normal(size=(2, 3, 5, 2)).astype("float32")
    whole = resize(maps, (7, 4, 3))
    parts = resize(resize(maps, (7, 5, 2)), (7, 4, 3))
    np.testing.assert_allclose(whole, parts, atol=1e-6)
    assert whole.min() >= maps.min()
    assert whole.max() <= maps.max()
    np.testing.assert_array_equal(resize(maps, maps.shape[1:]), maps)


def test_heat_maps_are_not_normalised_and_keep_their_sign() -> None:
    found = explanation([[[-2.0, 4.0], [0.0, 6.0]]])
    maps = found.heatmaps()
    assert maps.shape == (1, 4, 6)
    assert (maps.min(), maps.max()) == (-2, 6)
    np.testing.assert_array_equal(found.heatmaps((2, 2)), found.values)


def test_channels_are_reduced_before_resizing() -> None:
    values = [[[[1.0, -3.0], [0.0, 2.0]]]]
    np.testing.assert_array_equal(explanation(values, reduction="max_abs").heatmaps((1, 2)), [[[3, 2]]])
    np.testing.assert_array_equal(explanation(values, reduction="sum").heatmaps((1, 2)), [[[-2, 2]]])


def test_values_on_another_kind_of_grid_have_no_heat_map() -> None:
    with pytest.raises(ExplanationError, match=r"\(3,\).*\(4, 6\)"):
        explanation([[1.0, 2.0, 3.0]]).heatmaps()


def test_flat_maps_are_those_that_show_nothing() -> None:
    rounding = np.array([1, 1 + 1e-7]).reshape(1, 2)
    nothing = [
        np.zeros((1, 2)),
        np.ones((1, 2)),
        rounding,
        [[np.nan, 1]],
        [[np.inf, 1]],
        [[1, 1.02]],
        [[-1.02e30, -1e30]],
    ]
    something = [[[0, 1e-30]], [[-1, 1]], [[1, 1.25]], [[-1, -1.25]], [[-0.01, 0.01]], [[-3e38, 3e38]]]
    found = explanation([*nothing, *something])
    assert found.flat.tolist() == [True] * len(nothing) + [False] * len(something)
    shares = [0, 0, 0, np.nan, np.nan, 0.02 / 1.02, 0.02 / 1.02, 1, 2, 0.2, 0.2, 2, 2]
    np.testing.assert_allclose(found.variation, shares, atol=1e-6)


def test_a_map_is_flat_as_it_is_seen() -> None:
    """By class, and with its channels reduced."""
    classes = np.asarray([[[[1, 1.02]], [[1, 1.25]]]])
    assert explanation(classes, class_axis=True, scores=np.ones((1, 2))).flat.tolist() == [[True, False]]
    channels = np.asarray([[[[3, -2], [-3, 2]]]])  # as large everywhere, of either sign
    assert explanation(channels, reduction="max_abs").flat.tolist() == [True]
    assert explanation(channels, reduction="sum").flat.tolist() == [False]


def test_how_flat_maps_are_is_said_in_words() -> None:
    assert describe_flatness(np.array([0.0, 1e-7])) == "are constant"
    assert describe_flatness(np.array([0.0, 0.021])) == "vary by up to 2% of their largest value"
    assert [describe_flatness(share) for share in np.array([0.0, 3e-5, np.nan])] == [
        "is constant",
        "varies by 0.003% of its largest value",
        "is not finite",
    ]


def test_some_of_the_images() -> None:
    found = explanation(np.arange(24.0).reshape(4, 2, 3), class_names=("a",))
    assert len(found) == 4
    assert len(found[1]) == 1
    np.testing.assert_array_equal(found[-1].values, found.values[3:])
    np.testing.assert_array_equal(found[1:3].scores, found.scores[1:3])
    np.testing.assert_array_equal(found[[2, 0]].values, found.values[[2, 0]])
    np.testing.assert_array_equal(found[np.array([True, False, False, True])].values, found.values[[0, 3]])
    assert found[0].class_names == ("a",)
    with pytest.raises(IndexError, match="image 4 of 4"):
        found[4]
    assert [len(one) for one in found] == [1, 1, 1, 1]


def test_it_says_what_it_is() -> None:
    text = repr(explanation([[[1.0]]], warnings=("FlatMapWarning: every map should vary",)))
    for word in ("1 images", "GradCAM()", "'conv'", "predicted class", "1 warnings"):
        assert word in text
    named = explanation([[[1.0]]], class_names=("tench",))
    assert named.title(0) == named.class_name(0) == "tench"
    assert explanation([[[1.0]]]).title(0) == "class 0"
    assert explanation([[[1.0]]], targets=np.array([-1])).title(0) == "predicted class"


@pytest.mark.parametrize("images", [True, False])
def test_saved_is_loaded(tmp_path: Path, images: bool) -> None:
    found = explanation(
        np.random.default_rng(0).normal(size=(2, 3, 4, 5)),
        class_axis=True,
        class_names=("a", "b"),
        seed=7,
        warnings=("FlatMapWarning: so",),
        predictions=None,
    )
    path = found.save(tmp_path / "maps.v1", images=images)
    assert path == tmp_path / "maps.v1.npz"
    again = ks.load(path)
    assert (again.images is None) != images
    for name in ("values", "targets", "scores", "probabilities"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    for name in (
        "class_names",
        "seed",
        "warnings",
        "predictions",
        "method",
        "layer",
        "versions",
        "class_axis",
    ):
        assert getattr(again, name) == getattr(found, name)


class Exploit:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_no_code_in_a_file_is_run(tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "bad.npz"
    np.savez(path, meta=np.array([Exploit(trace)], dtype=object), values=np.zeros(1))
    with pytest.raises(ExplanationError, match="cannot be read"):
        ks.load(path)
    path.write_bytes(pickle.dumps(Exploit(trace)))
    with pytest.raises(ExplanationError, match="cannot be read"):
        ks.load(path)
    assert not trace.exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ks.load(tmp_path / "missing.npz")
    good = explanation([[[1.0, 2.0]]]).save(tmp_path / "good.npz")
    truncated = tmp_path / "truncated.npz"
    truncated.write_bytes(good.read_bytes()[:-40])
    empty = tmp_path / "empty.npz"
    empty.touch()
    text = tmp_path / "text.npz"
    text.write_text("hello")
    other = tmp_path / "other.npz"
    np.savez(other, values=np.zeros(3))
    archive = tmp_path / "archive.npz"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("meta.txt", "hello")
    for path in (truncated, empty, text, other, archive):
        with pytest.raises(ExplanationError, match="written by Explanation"):
            ks.load(path)


def test_a_later_format_asks_for_a_newer_kerascope(tmp_path: Path) -> None:
    path = explanation([[[1.0, 2.0]]]).save(tmp_path / "later.npz")
    with np.load(path) as file:
        content = dict(file)
    meta = json.loads(str(content["meta"])) | {"format": 99, "invented": True}
    np.savez(path, **content | {"meta": np.asarray(json.dumps(meta))})
    with pytest.raises(ExplanationError, match="newer kerascope"):
        ks.load(path)
