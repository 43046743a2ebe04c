"""Labels in every form: cells, several of an image, columns of 0 and 1; names and targets."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.dataset import find_images
from kerascope.dataset.classes.class_names import to_unique_names
from kerascope.dataset.labels.label import as_label, find_label_indices
from kerascope.dataset.reading.arrays import from_arrays
from kerascope.dataset.reading.sample import sample_by_label
from tests.helpers.expected_warnings import warned
from tests.helpers.files.photographs import colours, encoded, network, rows_of

once = pytest.mark.once
PNG = encoded(colours(size=(32, 32)), "PNG")
QUICK: dict[str, Any] = {"method": "saliency", "overlay": None, "progress": False, "threads": 0}
CLASSES = {"names": ["zebra", "ant"], "_type": "ClassLabel"}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    return network()


def table(path: Path, features: dict[str, Any] | None = None, **columns: Any) -> Path:
    """A table of pictures, with what the Hugging Face libraries note of its columns."""
    count = len(next(iter(columns.values())))
    made = pa.table({"image": [PNG] * count, **columns})
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(made, path, row_group_size=2)
    return path


def listed(folder: Path, text: str) -> Path:
    """A list, and the pictures 0.png to 2.png that it may name."""
    for number in range(3):
        (folder / f"{number}.png").write_bytes(PNG)
    (folder / "list.csv").write_text(text)
    return folder / "list.csv"


def classes(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "0.png").write_bytes(PNG)
    return folder


def labels_of(path: Any, **options: Any) -> list[Any]:
    return [item.label for item in find_images(path, **options)]


@once
@pytest.mark.parametrize(
    ("cell", "label"),
    [
        (" cat ", "cat"),
        ("1", "1"),
        (True, 1),
        (np.float32(3), 3),
        (np.array(2), 2),
        (np.str_("a"), "a"),
        (Decimal("4.0"), 4),
        ([1.0, "dog"], (1, "dog")),
        (np.array([5]), 5),
        ([], ()),
        *((missing, None) for missing in (None, "", " ", float("nan"), np.float32("nan"), Decimal("nan"))),
    ],
)
def test_a_cell_as_a_label(cell: Any, label: Any) -> None:
    found = as_label(cell)
    assert (found, type(found)) == (label, type(label))


@once
@pytest.mark.parametrize(
    "cell",
    [0.37, float("inf"), b"a", dt.date(2020, 1, 1), {"a": 1}, [[1, 2], [3]], [0, 0, 1], np.eye(2)],
    ids=str,
)
def test_what_is_no_label(cell: Any) -> None:
    with pytest.raises(errors.DatasetError, match="must be a"):
        as_label(cell)


@once
@pytest.mark.parametrize(
    ("label", "places"),
    [
        ("10", (0,)),  # the class of that name
        ("1", (1,)),
        ("1.0", (1,)),
        ("True", (1,)),
        ("dog|10", (2, 0)),
        ("a|b", (1,)),  # the class of that name
        (("dog", 2), (2,)),
        ((), ()),
        *((unknown, None) for unknown in (None, 3, -1, "3", "cat", "dog|cat", 10**30)),
    ],
)
def test_the_places_of_a_label(label: Any, places: Any) -> None:
    assert find_label_indices(label, {"10": 0, "a|b": 1, "dog": 2}, 3) == places


@once
@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (np.array([True, False]), [1, 0]),
        (np.array([1.0, 2.0]), [1, 2]),
        (np.array([[3], [4]]), [3, 4]),
        ([[0, 2], ["cat"]], [(0, 2), "cat"]),
        (np.array([[1, 0, 1], [0, 0, 0]]), [(0, 2), ()]),
    ],
)
def test_labels_of_arrays(labels: Any, wanted: list[Any]) -> None:
    assert [item.label for item in from_arrays(np.zeros((2, 4, 4)), labels)] == wanted


@once
def test_labels_of_arrays_that_cannot_be() -> None:
    for labels in (np.array([[2, 0], [0, 1]]), 3, "ab"):
        with pytest.raises(errors.InputError, match=r"labels must|hold 0 and 1"):
            from_arrays(np.zeros((2, 4, 4)), labels)


@once
@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ([False, True], [0, 1]),
        ([0.0, None], [0, None]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        ([[0, 1], []], [(0, 1), ()]),
    ],
)
def test_columns_of_every_type(tmp_path: Path, cells: Any, labels: list[Any]) -> None:
    assert labels_of(table(tmp_path / "t.parquet", Label=cells)) == labels


@once
@pytest.mark.parametrize("cell", [b"a", dt.date(2020, 1, 1), {"a": 1}, [[1]]], ids=str)
def test_a_column_whose_type_is_no_label_is_refused_before_work_begins(tmp_path: Path, cell: Any) -> None:
    path = table(tmp_path / "t.parquet", target=[cell])
    with pytest.raises(
        errors.DatasetError, match=r"column 'target' of '.*t.parquet' holds (bin|date|str|list)"
    ):
        find_images(path)
    assert labels_of(path, label_column="") == [None]


@once
@pytest.mark.parametrize("name", ["labels", "fine"])
def test_the_column_of_classes_is_the_label(tmp_path: Path, name: str) -> None:
    path = table(tmp_path / "t.parquet", {name: CLASSES}, **{name: [0, 1, -1]})  # -1 is none
    source = find_images(path)
    assert [item.label for item in source] == ["zebra", "ant", None]
    assert (source.class_names, source.order) == (("zebra", "ant"), "as the table names them")


@once
def test_several_columns_of_classes_and_columns_of_several(tmp_path: Path) -> None:
    several = {"fine": CLASSES, "coarse": CLASSES}
    path = table(tmp_path / "t.parquet", several, fine=[0, 1], coarse=[1, 1])
    with pytest.raises(errors.DatasetError, match="'fine', 'coarse'; choose one: label_column"):
        find_images(path)
    assert labels_of(path, label_column="coarse") == ["ant", "ant"]
    path = table(
        tmp_path / "s.parquet", {"tags": {"feature": CLASSES, "_type": "Sequence"}}, tags=[[0, 1], []]
    )
    assert labels_of(path) == [("zebra", "ant"), ()]


@once
def test_columns_of_0_and_1_are_labels_of_their_names(tmp_path: Path) -> None:
    by_row = [("dog", "cat"), (), "dog"]
    text = "name,file,dog,size,cat\n0,0.png,1,1,true\n1,1.png,0,3,0\n2,2.png,1,0,False\n"
    path = table(tmp_path / "t.parquet", dog=[1, 0, 1], size=[1, 3, 0], cat=[True, False, False])
    for source in (find_images(listed(tmp_path, text)), find_images(path)):
        assert [item.label for item in source] == by_row
        assert (source.class_names, source.order) == (("dog", "cat"), "as the columns are named")
    assert labels_of(path, label_column="size") == [1, 3, 0]
    assert labels_of(listed(tmp_path, "path,night\n0.png,1\n1.png,0\n")) == [
        None,
        None,
    ]  # one alone says nothing


@once
def test_names_that_occur_twice() -> None:
    with pytest.raises(errors.ParameterError, match="'crane' names outputs 0 and 2"):
        to_unique_names(["crane", "dog", "crane"])
    names, codes, note = to_unique_names([("n1", "crane"), ("n2", "dog"), ("n3", "crane")])
    assert names == ("crane (n1)", "dog", "crane (n3)")
    assert codes == {"n1": "crane (n1)", "n2": "dog", "n3": "crane (n3)"}
    assert "crane (n1)" in note


def test_an_image_is_explained_by_each_of_its_labels(model: keras.Model, tmp_path: Path) -> None:
    path = listed(tmp_path, "path,label\n0.png,yes|no\n1.png,yes\n2.png,0\n")
    names = ["no", "yes"]
    probe = ks.Probe(model)
    results = ks.explain_dataset(
        probe, path, tmp_path / "out", target="label", class_names=names, batch_size=2, **QUICK
    )
    rows = rows_of(results)
    assert [(row["label"], row["label_index"], row["label_indices"]) for row in rows] == [
        ("yes|no", None, [1, 0]),
        ("yes|no", None, [1, 0]),
        ("yes", 1, [1]),
        ("no", 0, [0]),
    ]
    assert [(row["index"], row["rank"], row["target"]) for row in rows] == [
        (0, 1, 1),
        (0, 2, 0),
        (1, 1, 1),
        (2, 1, 0),
    ]
    image = np.asarray(colours(size=(32, 32)), "float32")[None]
    for row in rows:
        wanted = ks.Saliency()(probe, image, target=row["target"])
        np.testing.assert_allclose(row["score"], wanted.scores[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(row["map"], wanted.heatmaps()[0], rtol=1e-3, atol=1e-6)


@once
def test_labels_that_are_no_classes_are_said_once_and_by_row(model: keras.Model, tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", label=[0.37, 1.5, 1.0])
    with warned(errors.KerascopeWarning, r"column 'label' of .* got 0.37 \(float\)") as told:
        results = ks.explain_dataset(model, path, tmp_path / "out", **QUICK)
    assert len(told) == 1
    rows = rows_of(results)
    assert [row["label_index"] for row in rows] == [None, None, 1]
    assert ["0.37" in str(row["warnings"]) for row in rows] == [True, False, False]
    with warned(
        errors.KerascopeWarning, r"2 classes, counted from 0; 1 of the first 2 are not, such as 2 of"
    ):
        ks.explain_dataset(
            model, table(tmp_path / "u.parquet", label=[1, 2]), tmp_path / "out", overwrite=True, **QUICK
        )


@once
def test_an_image_without_labels_fails_where_labels_are_explained(model: keras.Model, tmp_path: Path) -> None:
    path = table(tmp_path / "t.parquet", label=[[1], []])
    rows = rows_of(ks.explain_dataset(model, path, tmp_path / "out", target="label", **QUICK))
    assert [row["status"] for row in rows] == ["explained", "failed"]
    assert "its list of labels is empty" in rows[1]["error"]


@once
def test_an_audit_takes_one_label_of_an_image(model: keras.Model) -> None:
    images = np.random.default_rng(0).uniform(0, 255, (12, 32, 32, 3)).astype("float32")
    labels = [[0, 1], *[number % 2 for number in range(11)]]
    found = ks.audit(model, images, labels, method="saliency", sanity=False, progress=False)
    assert "Images with several labels count as images without a label: 1." in found.notes
    assert sum(one.labelled or 0 for one in found.classes) == 11
    by_label = ks.audit(
        model, images, labels, target="label", method="saliency", sanity=False, progress=False
    )
    assert by_label.failed == 1
    assert [error for _, error in by_label.results.failures()] == [
        "TargetError: an image of an audit by labels must have one; got '0|1'; audit the predicted class."
    ]


@once
def test_codes_of_classes_are_labels_and_targets(tmp_path: Path) -> None:
    given = [("n1", "crane"), ("n2", "dog"), ("n3", "crane")]
    root = classes(tmp_path / "in", "n3", "n2")
    for target, explained in (("label", [1, 2]), ("n3", [2, 2]), ("dog", [1, 1])):
        results = ks.explain_dataset(
            network(classes=3), root, tmp_path / target, target=target, class_names=given, **QUICK
        )
        rows = rows_of(results)
        assert [(row["label"], row["label_index"]) for row in rows] == [("dog", 1), ("crane (n3)", 2)]
        assert [row["target"] for row in rows] == explained
    assert "have their code" in results.manifest["choices"]["class_names"]
    with pytest.raises(errors.UnknownClassError, match=r"did you mean 'crane \(n3\)' or 'crane \(n1\)'"):
        ks.explain_dataset(network(classes=3), root, tmp_path, target="crane", class_names=given, **QUICK)


@once
def test_a_target_by_the_name_of_a_folder(tmp_path: Path) -> None:
    root = classes(tmp_path / "in", "7", "8", "9", "1")
    model = network(classes=4)

    def explained(target: Any) -> Any:
        return ks.explain_dataset(model, root, tmp_path / "out", target=target, overwrite=True, **QUICK)

    assert {row["target_name"] for row in rows_of(explained("1"))} == {"1"}
    assert {row["score"] for row in rows_of(explained(ks.Contrast("1", "9")))} == {
        row["score"] for row in rows_of(explained(ks.Contrast(0, 3)))
    }
    with warned(
        errors.KerascopeWarning, "output 1, which is called '7'; the class .* '1' is output 0"
    ) as told:
        results = explained(1)
    assert str(told[0].message) in results.manifest["warnings"][0]
    with pytest.raises(errors.UnknownClassError, match="got '5'"):
        explained("5")
    with pytest.raises(errors.TargetError, match="names outputs 0 and 2"):
        ks.explain_dataset(
            ks.Probe(model, class_names=["a", "b", "a", "c"]), root, tmp_path / "two", target="a", **QUICK
        )


def test_a_cell_that_is_neither_0_nor_1_leaves_labels_unknown(tmp_path: Path) -> None:
    text = "path,cat,dog\na.jpg,1,0\nb.jpg,-1,1\nc.jpg,1\nd.jpg,0,0\n"
    source = find_images(listed(tmp_path, text), label_column="cat,dog")
    items = list(source)
    assert [item.label for item in items] == ["cat", None, None, ()]
    assert ["must hold 0 or 1" in str(item.notes) for item in items] == [False, True, True, False]


def test_images_in_turn_have_the_labels_of_the_source(tmp_path: Path) -> None:
    source = find_images(listed(tmp_path, "path,label\na.jpg,n01\nb.jpg,n02\n")).rename_labels(
        {"n01": "ant", "n02": "bee"}
    )
    assert (
        [item.label for item in sample_by_label(source)] == [item.label for item in source] == ["ant", "bee"]
    )
