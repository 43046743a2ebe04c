"""Weights that are read without running them."""

from __future__ import annotations

import collections
import contextlib
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.efficientnet_lite.inert_pickle import StateDictError, read_pickle
from examples.efficientnet_lite.state_dict import read_state_dict

once = pytest.mark.once


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
