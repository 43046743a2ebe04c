"""Images in an object store: the rows are those of the same files on the disk, and no secret is told."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.dataset import find_images
from kerascope.dataset.reading.address import Address, resolve_name
from tests.helpers.files.object_store import KEYS, object_store
from tests.helpers.files.photographs import SMALL, cuttings, network, rows_of

pytestmark = [pytest.mark.once]


@pytest.mark.parametrize(
    ("text", "told", "uri"),
    [
        ("s3://bucket/a", "s3://bucket/a", "s3://bucket/a"),
        ("s3://k:s@bucket/a.csv?region=x", "s3://bucket/a.csv", "s3://k:s@bucket/a.csv?region=x"),
        ("s3://k:s%2F@bucket/ü b%20c#1", "s3://bucket/ü b c#1", "s3://k:s%2F@bucket/%C3%BC%20b%20c%231"),
        ("abfs://part@account/a?sas=s", "abfs://part@account/a", "abfs://part@account/a?sas=s"),
        ("hdfs://host:90/a@b", "hdfs://host:90/a@b", "hdfs://host:90/a%40b"),
        ("s3://k:s/s@bucket/a", "s3://bucket/a", "s3://k:s/s@bucket/a"),
        ("file:///data/a", "file:///data/a", "file:///data/a"),
    ],
)
def test_what_is_told_of_an_address_and_what_it_is_opened_with(text: str, told: str, uri: str) -> None:
    address = Address.of(text)
    assert str(address) == told
    assert address.uri == uri
    assert pickle.loads(pickle.dumps(address)).uri == uri
    assert Address.of(address) is address


@pytest.mark.parametrize(
    ("path", "name", "leads"),
    [
        ("in/list.csv", "a/1.jpg", "in/a/1.jpg"),
        ("in/list.csv", "/a/1.jpg", "/a/1.jpg"),
        ("in/list.csv", "s3://k:s@b/1.jpg", "s3://k:s@b/1.jpg"),
        ("s3://k:s@b/in/list.csv?region=x", "a 1.jpg", "s3://k:s@b/in/a%201.jpg?region=x"),
        ("s3://k:s@b/in/list.csv?region=x", "../../etc/1.jpg", "s3://k:s@b/in/etc/1.jpg?region=x"),
        ("s3://k:s@b/in/list.csv?region=x", "s3://c/1.jpg", "s3://k:s@c/1.jpg?region=x"),
        ("s3://b/list.csv", "file:///etc/passwd", "s3://b/file%3A/etc/passwd"),
    ],
)
def test_where_the_names_of_a_list_lead(path: str, name: str, leads: str) -> None:
    found = resolve_name(path, name)
    assert (found.uri if isinstance(found, Address) else found) == leads


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of classes with odd names, and the same as tables, an archive and a list."""
    root = tmp_path_factory.mktemp("store")
    made = cuttings(root / "classes", 6)
    made[0].rename(made[0].with_name("a b#1?%20ü.jpg"))
    (root / "classes" / "cat" / "bad.jpg").write_bytes(b"no picture")
    pictures = sorted((root / "classes").rglob("*.jpg"))
    names = [path.relative_to(root).as_posix() for path in pictures]
    labels = [path.parent.name for path in pictures]
    (root / "list.csv").write_text(
        "path,label\n"
        + "".join(f"{name},{label}\n" for name, label in zip(names, labels, strict=True))
        + "classes/cat/gone.jpg,cat\n",
        encoding="utf-8",
    )
    content = [path.read_bytes() for path in pictures]
    pq.write_table(pa.table({"image": content, "label": labels}), root / "table.parquet", row_group_size=3)
    (root / "tables").mkdir()
    pq.write_table(pa.table({"path": names[:3], "label": labels[:3]}), root / "tables.parquet")
    pq.write_table(pa.table({"image": content[3:], "label": labels[3:]}), root / "tables" / "2.parquet")
    with tarfile.open(root / "shard.tar", "w") as archive:
        for number, (picture, label) in enumerate(zip(content, labels, strict=True)):
            for ending, one in (("jpg", picture), ("cls", label.encode())):
                member = tarfile.TarInfo(f"{number}.{ending}")
                member.size = len(one)
                archive.addfile(member, io.BytesIO(one))
    return root


@pytest.fixture(scope="module")
def options(files: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, text in KEYS.items():
            patch.setenv(name, text)
        with object_store(files) as found:
            yield found


def explained(source: Any, folder: Path) -> list[dict[str, Any]]:
    model = network()
    model.set_weights([weight * 0 + 0.01 for weight in model.get_weights()])
    results = ks.explain_dataset(
        model, source, folder, ks.Saliency(), "label", class_names=["cat", "coffee"], **SMALL
    )
    return [{name: row[name] for name in row if name != "timings"} for row in rows_of(results)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count", "failed"),
    [
        ("classes", 7, 1),
        ("list.csv", 8, 2),
        ("table.parquet", 7, 1),
        ("tables.parquet", 3, 0),
        ("tables", 4, 1),
        ("shard.tar", 7, 1),
    ],
)
def test_rows_are_those_of_the_same_files_on_the_disk(
    files: Path, options: str, tmp_path: Path, name: str, count: int, failed: int
) -> None:
    mine = explained(files / name, tmp_path / "disk")
    theirs = explained(f"s3://a-key:a-secret@photos/{name}?{options}", tmp_path / "store")
    assert len(theirs) == count
    assert sum(row["status"] == "failed" for row in theirs) == failed
    for one, two in zip(mine, theirs, strict=True):
        assert two.pop("path") == one.pop("path").replace(files.as_posix(), "s3://photos")
        if one["status"] == "failed":
            assert one.pop("error").partition(";")[0] == two.pop("error").partition(";")[0]
        one["map"], two["map"] = (None if row["map"] is None else row["map"].tobytes() for row in (one, two))
        assert one == two
    manifest = (tmp_path / "store" / "manifest.json").read_text()
    assert f"s3://photos/{name}" in manifest
    told = manifest + repr(theirs)
    assert "secret" not in told
    assert "endpoint" not in told


@pytest.mark.slow
def test_what_cannot_be_reached_is_told_without_its_secret(options: str) -> None:
    for address, words in (
        (f"s3://a-key:a-secret@nowhere/photos?{options}", "NO_SUCH_BUCKET"),
        (f"s3://a-key:a-secret@nowhere/photos.parquet?{options}", "must be a Parquet file"),
        (f"s3://a-key:a-secret@nowhere/photos.csv?{options}", "must be a text file"),
        (f"s3://a-key:a-secret@nowhere/photos.tar?{options}", "whole tar file"),
        ("s3://a-key:a-secret@photos/?nonsense=a-secret", "nonsense"),
        ("s3://a-key:a-sec/ret@photos/", "file system that pyarrow knows"),
        ("nostore://a-key:a-secret@photos/", "file system that pyarrow knows"),
    ):
        with pytest.raises(errors.DatasetError, match=words) as caught:
            find_images(address)
        told, error = "", caught.value
        while error is not None:
            told, error = told + str(error), error.__cause__
        assert "a-sec" not in told
