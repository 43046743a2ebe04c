"""What paths mean: files, folders, patterns, lists, tables, archives, addresses."""

from __future__ import annotations

import io
import json
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kerascope import errors
from kerascope.dataset import find_images
from kerascope.dataset.decoding.photograph import decode
from kerascope.dataset.reading.item import safe_name
from tests.helpers.files.photographs import colours, encoded

pytestmark = pytest.mark.once

JPEG = encoded(colours(), "JPEG")
PNG = encoded(colours(), "PNG")


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
    return folder


def listed(*paths: Any, **options: Any) -> list[tuple[str, Any]]:
    source = find_images(paths, **options)
    found = list(source)
    assert source.count() == len(found)
    assert [item.path for item in find_images(paths, **options)] == [item.path for item in found]
    for item in found:
        decode(pickle.loads(pickle.dumps(item)).location.read())  # as a worker of a cluster does
    return [(item.name, item.label) for item in found]


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    put(tmp_path, "b.jpg", "a.JPEG", "deep/er/c.png", "notes.md", ".hidden.jpg", ".cache/d.jpg")
    assert listed(tmp_path) == [("a", None), ("b", None), ("deep/er/c", None)]


def test_subfolders_are_classes_where_no_picture_lies_beside_them(tmp_path: Path) -> None:
    put(tmp_path, "dog/1.jpg", "cat/young/2.jpg", "cat/1.jpg", "readme.txt")
    assert listed(tmp_path) == [("cat/1", "cat"), ("cat/young/2", "cat"), ("dog/1", "dog")]
    assert find_images(tmp_path).class_names == ("cat", "dog")
    put(tmp_path, "loose.jpg")
    assert {label for _, label in listed(tmp_path)} == {None}
    assert find_images(tmp_path).class_names is None


def test_one_subfolder_is_no_class(tmp_path: Path) -> None:
    put(tmp_path, "photos/1.jpg")
    assert listed(tmp_path) == [("photos/1", None)]


def test_files_and_patterns(tmp_path: Path) -> None:
    put(tmp_path, "x/1.jpg", "x/2.png", "y/3.jpg")
    assert listed(tmp_path / "x" / "2.png", tmp_path / "y") == [("2", None), ("3", None)]
    assert [name for name, _ in listed(str(tmp_path / "**" / "*.jpg"))] == ["1", "3"]
    assert [name for name, _ in listed(str(tmp_path / "?"))] == ["1", "2", "3"]  # folders that fit


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("list.txt", "# mine\nx/1.jpg\n\nx/2.jpg\n", [None, None]),
        ("list.tsv", "x/1.jpg\tcat\nx/2.jpg\t\n", ["cat", None]),
        ("list.csv", "label,path\ncat,x/1.jpg\ndog,x/2.jpg\n", ["cat", "dog"]),
        ("list.csv", "file,size\nx/1.jpg,3\nx/2.jpg,4\n", [None, None]),
        ("list.csv", ",filename,class\n0,x/1.jpg,cat\n1,x/2.jpg,dog\n", ["cat", "dog"]),  # of pandas
        ("list.csv", "Path;Label\nx/1.jpg;cat\nx/2.jpg;dog\n", ["cat", "dog"]),  # of spreadsheets
        ("list.csv", "x/1.jpg\tcat\nx/2.jpg\tdog\n", ["cat", "dog"]),
        ("list.txt", "id,image_path,label\n7,x/1.jpg,0\n8,x/2.jpg,1\n", ["0", "1"]),
        ("list.csv", "who,where\nme,x/1.jpg\nyou,x/2.jpg\n", [None, None]),  # by what the cells end with
        ("list.csv", "cat,x/1.jpg\ndog,x/2.jpg\n", ["cat", "dog"]),
        ("val.txt", "x/1.jpg 0\nx/2.jpg 1\n", ["0", "1"]),  # of ImageNet
    ],
)
def test_lists(tmp_path: Path, name: str, text: str, labels: list[Any]) -> None:
    put(tmp_path, "x/1.jpg", "x/2.jpg")
    (tmp_path / name).write_text(text)
    assert listed(tmp_path / name) == [("x/1", labels[0]), ("x/2", labels[1])]


def test_an_open_quote_swallows_no_other_line(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "list.csv").write_text('path,label\n"1.jpg,cat\n2.jpg,dog\n,owl\n')
    broken, good, empty = find_images(tmp_path / "list.csv")
    assert (good.location.read(), good.label) == (JPEG, "dog")
    for item, said in ((broken, "quotes must be closed"), (empty, "it has no path")):
        with pytest.raises(errors.PhotographError, match=said):
            item.location.read()
    assert broken.path.endswith("list.csv, line 2")


def test_columns_of_a_list_are_asked_for(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "list.csv").write_text("path,second,label,grade\n1.jpg,2.jpg,cat,a\n")
    assert listed(tmp_path / "list.csv", image_column="second", label_column="grade") == [("2", "a")]
    with pytest.raises(errors.DatasetError, match="did you mean 'grade'"):
        find_images(tmp_path / "list.csv", label_column="grad")


def test_a_list_that_names_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id;file\n1.jpg;a.jpg\n2.jpg;b.jpg\n")
    (doubt,) = find_images(tmp_path / "list.csv").doubts
    assert "none of the first 2 rows" in doubt
    assert "paths in column 2 ('file'), columns separated by ';'" in doubt
    put(tmp_path, "b.jpg")
    assert find_images(tmp_path / "list.csv").doubts == ()


def test_pictures_that_are_not_read_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.HEIC", "x/c.heic", "x/d.svg", "x/e.md", ".f.heic", ".g/h.heic")
    for path in (tmp_path, tmp_path.as_uri(), f"{tmp_path}/**/*"):
        (doubt,) = find_images(path).doubts
        assert "3 files of kinds that are not read were passed over: 2 .heic, 1 .svg;" in doubt


def test_tables_with_bytes(tmp_path: Path) -> None:
    table = pa.table({"picture": [JPEG, PNG, JPEG], "label": [1, 0, None], "note": ["a", "b", "c"]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    assert listed(tmp_path / "t.parquet") == [("t/000000", 1), ("t/000001", 0), ("t/000002", None)]
    found = listed(tmp_path / "t.parquet", image_column="picture", label_column="note")
    assert [label for _, label in found] == ["a", "b", "c"]
    (tmp_path / "many").mkdir()
    for number in range(2):
        pq.write_table(table, tmp_path / "many" / f"part-{number}.parquet")
    assert len(listed(tmp_path / "many")) == 6


def test_tables_of_hugging_face(tmp_path: Path) -> None:
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    images = [{"bytes": JPEG, "path": "1.jpg"}, {"bytes": PNG, "path": None}]
    table = pa.table({"image": images, "label": [1, 0]})
    meta = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(meta), tmp_path / "t.parquet")
    assert listed(tmp_path / "t.parquet") == [("t/000000", "dog"), ("t/000001", "cat")]
    assert find_images(tmp_path / "t.parquet").class_names == ("cat", "dog")


def test_tables_of_paths_stay_in_their_folder(tmp_path: Path) -> None:
    put(tmp_path / "in", "1.jpg")
    put(tmp_path, "out.jpg")
    paths = ["1.jpg", "../out.jpg", str(tmp_path / "out.jpg")]
    pq.write_table(pa.table({"path": paths}), tmp_path / "in" / "t.parquet")
    good, *bad = find_images(tmp_path / "in" / "t.parquet")
    assert good.location.read() == JPEG
    for item in bad:
        with pytest.raises(errors.PhotographError, match="leads out"):
            item.location.read()


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def test_webdatasets(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "w.tar",
        {
            "a/0001.cls": b"3",
            "a/0001.jpg": JPEG,
            "a/0002.png": PNG,
            "a/0002.json": b'{"label": ["dog", 1.0]}',
            "a/0003.txt": b"no picture",
            "../../etc/0004.seg.jpg": JPEG,
        },
    )
    assert listed(path) == [("a/0001", 3), ("a/0002", ("dog", 1)), ("etc/0004", None)]
    items = list(find_images(path))
    assert items[0].location.read() == JPEG
    assert items[1].location.read() == PNG
    assert items[1].path == f"{path}/a/0002.png"


def test_addresses(tmp_path: Path) -> None:
    """Through pyarrow's file systems, as s3:// and gs:// go."""
    put(tmp_path / "data", "dog/1.jpg", "cat/2.jpg", "cat/readme.txt", "cat/._2.jpg", ".hidden/3.jpg")
    address = (tmp_path / "data").as_uri()
    assert listed(address) == [("cat/2", "cat"), ("dog/1", "dog")]
    assert find_images(address).class_names == find_images(tmp_path / "data").class_names == ("cat", "dog")
    pq.write_table(pa.table({"image": [JPEG]}), tmp_path / "t.parquet")
    assert listed((tmp_path / "t.parquet").as_uri()) == [("t/000000", None)]
    archive(tmp_path / "w.tar", {"x.jpg": JPEG})
    assert listed((tmp_path / "w.tar").as_uri()) == [("x", None)]
    assert listed((tmp_path / "data" / "dog" / "1.jpg").as_uri()) == [("1", None)]
    with pytest.raises(errors.DatasetError, match="pyarrow knows"):
        find_images("ftp2://somewhere/photos")


def test_links(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", "1.jpg", "more/2.jpg")
    inside = put(tmp_path / "inside", "a.jpg")
    (inside / "link.jpg").symlink_to(outside / "1.jpg")
    (inside / "folder").symlink_to(outside, target_is_directory=True)
    (inside / "loop").symlink_to(inside, target_is_directory=True)
    (inside / "same.jpg").symlink_to(inside / "a.jpg")
    found = {item.name: item for item in find_images(inside)}
    assert sorted(found) == ["a", "link", "same"]
    assert found["same"].location.read() == JPEG
    with pytest.raises(errors.PhotographError, match="leads out"):
        found["link"].location.read()
    followed = listed(inside, follow_links=True)
    assert [name for name, _ in followed] == ["a", "folder/1", "folder/more/2", "link", "same"]


@pytest.mark.skipif(not hasattr(os, "seteuid") or os.geteuid() != 0, reason="only root can become nobody")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    put(tmp_path, "good/1.jpg", "secret/2.jpg", "locked.jpg")
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == "root" and path != Path("/"):
            path.chmod(0o755)
    (tmp_path / "secret").chmod(0o700)
    (tmp_path / "locked.jpg").chmod(0o600)
    os.seteuid(65534)
    try:
        found = {item.name: item for item in find_images(tmp_path)}
        assert found["good/1"].location.read() == JPEG
        for name in ("secret", "locked"):
            with pytest.raises(errors.PhotographError, match="Permission denied"):
                found[name].location.read()
    finally:
        os.seteuid(0)
    assert len(list(find_images(tmp_path))) == 3


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(errors.DatasetError, match="nothing at"):
        find_images(tmp_path / "nowhere")
    with pytest.raises(errors.DatasetError, match="there are none"):
        find_images(put(tmp_path, "x/notes.md") / "x")
    with pytest.raises(errors.DatasetError, match="got none"):
        find_images([])
    (tmp_path / "a.tar.gz").touch()
    with pytest.raises(errors.DatasetError, match=r"plain \.tar"):
        find_images(tmp_path / "a.tar.gz")
    (tmp_path / "a.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(errors.DatasetError, match="whole tar file"):
        find_images(tmp_path / "a.tar")
    (tmp_path / "a.parquet").write_bytes(b"no table")
    with pytest.raises(errors.DatasetError, match="Parquet"):
        find_images(tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(errors.DatasetError, match="text file"):
        find_images(tmp_path / "a.txt")
    pq.write_table(pa.table({"number": [1]}), tmp_path / "b.parquet")
    with pytest.raises(errors.DatasetError, match=r"number \(int64\)"):
        find_images(tmp_path / "b.parquet")
    with pytest.raises(errors.DatasetError, match="did you mean 'number'"):
        find_images(tmp_path / "b.parquet", image_column="numbr")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("cat/1", "cat/1"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\photos\\x", "C_/photos/x"),
        ("a/./../b", "a/b"),
        ("", "image"),
        ("..", "image"),
        ("ä b/ü\n", "ä b/ü_"),
        ("x" * 300, "x" * 100),
    ],
)
def test_names_stay_in_the_folder(text: str, safe: str) -> None:
    assert safe_name(text) == safe


def test_a_store_of_objects(tmp_path: Path) -> None:
    """Nothing of a bucket's listing leads anywhere else: what is there is below the address."""
    put(tmp_path / "bucket", "photos/1.jpg", "photos2/2.jpg")
    assert listed((tmp_path / "bucket" / "photos").as_uri()) == [("1", None)]


def test_what_was_made_of_pictures_is_not_read_as_pictures(tmp_path: Path) -> None:
    """An output folder among the classes, one that is the source, and one of labels; a link is counted."""
    for name in ("cat/1.jpg", "dog/1.jpg", "out/overlays/cat/1.jpg", "labels/1/audit-pictures/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    ours = {"format": 1, "model": {"digest": "1"}, "versions": {"kerascope": "1"}, "summary": []}
    for name in ("out/manifest.json", "labels/audit.json", "labels/1/manifest.json"):
        (tmp_path / name).write_text(json.dumps(ours))
    (tmp_path / "up").symlink_to("..")
    source = find_images(tmp_path)
    assert [(item.name, item.label) for item in source] == [("cat/1", "cat"), ("dog/1", "dog")]
    assert source.class_names == ("cat", "dog")
    links, results = source.doubts
    assert "links to folders were not followed (1), such as" in links
    assert "pictures of results of kerascope's were passed over (2), such as" in results
    (tmp_path / "out/manifest.json").write_text('{"name": "a program of others"}')
    assert [item.label for item in find_images(tmp_path)] == ["cat", "dog", "out"]
