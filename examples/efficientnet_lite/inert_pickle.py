"""A reader for the pickles in PyTorch state-dict files that builds values but can call nothing.

The machine below knows only the instructions that `torch.save` writes for tensors in a dictionary.
A name such as `torch._utils._rebuild_tensor_v2` stays a name, and "calling" it makes a `Tensor`, a
plain description; every other name or instruction is refused. Memory grows with the file alone.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascope.errors import KerascopeError

if TYPE_CHECKING:
    import io
    from collections.abc import Callable

BYTE_LIMIT = 1 << 26  # 64 MiB of pickle describe more than 100,000 tensors


class StateDictError(KerascopeError, ValueError):
    """A file cannot be read as a PyTorch state dict."""


@dataclass(frozen=True)
class Name:
    """A global name that the pickle mentions; never looked up."""

    module: str
    name: str


@dataclass(frozen=True)
class Storage:
    """Flat memory: PyTorch's name for the element type, a key into the file, a count."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A strided view of a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_pickle(stream: io.BytesIO) -> object:
    """The value of the next pickle in a stream, built from plain data and descriptions only.

    Args:
        stream: positioned at the start of a pickle of protocol 2, which `torch.save` writes; left
            just behind it.

    Returns:
        Numbers, text, tuples, lists and dictionaries, and a `Tensor` where the pickle rebuilds one.

    Raises:
        StateDictError: for a truncated or damaged pickle, one longer than 64 MiB, and for every
            instruction or name that is not needed to describe tensors.

    Cost: linear in the length of the pickle.

    Example:
        >>> import io, pickle
        >>> read_pickle(io.BytesIO(pickle.dumps({"answer": [1, 2]}, protocol=2)))
        {'answer': [1, 2]}
    """
    machine = _Machine(stream)
    end = stream.tell() + BYTE_LIMIT
    try:
        while (code := stream.read(1)) != pickle.STOP:
            if not code:
                raise StateDictError("its description has no end: the file is truncated")
            if stream.tell() > end:
                raise StateDictError(f"its description is longer than {BYTE_LIMIT} bytes")
            machine.step(code)
        return machine.pop()
    except StateDictError:
        raise
    except (ValueError, IndexError, KeyError, struct.error) as error:
        raise StateDictError(f"its description is damaged or truncated ({error})") from None


class _Mark:
    """The pickle's open bracket on the stack."""


_MARK = _Mark()
_ORDERED_DICTIONARY = Name("collections", "OrderedDict")
_TENSOR = Name("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = Name("torch._utils", "_rebuild_parameter")
_CONSTANTS = {pickle.NONE: None, pickle.NEWTRUE: True, pickle.NEWFALSE: False}
_NUMBERS = {
    pickle.BININT: "<i",
    pickle.BININT1: "<B",
    pickle.BININT2: "<H",
    pickle.BINFLOAT: ">d",
}
_TUPLES = {pickle.EMPTY_TUPLE: 0, pickle.TUPLE1: 1, pickle.TUPLE2: 2, pickle.TUPLE3: 3}


class _Machine:
    """A stack, the values to be used again, and one step per instruction."""

    def __init__(self, stream: io.BytesIO) -> None:
        self.stream = stream
        self.stack: list[object] = []
        self.memory: dict[int, object] = {}
        self.actions: dict[bytes, Callable[[], None]] = {
            pickle.PROTO: self.check_protocol,
            pickle.LONG1: lambda: self.stack.append(
                int.from_bytes(self.take(self.number("<B")), "little", signed=True)
            ),
            pickle.BINUNICODE: lambda: self.stack.append(self.take(self.number("<I")).decode()),
            pickle.GLOBAL: lambda: self.stack.append(_known(self.line(), self.line())),
            pickle.BINPUT: lambda: self.keep(self.number("<B")),
            pickle.LONG_BINPUT: lambda: self.keep(self.number("<I")),
            pickle.BINGET: lambda: self.stack.append(self.memory[self.number("<B")]),
            pickle.LONG_BINGET: lambda: self.stack.append(self.memory[self.number("<I")]),
            pickle.MARK: lambda: self.stack.append(_MARK),
            pickle.TUPLE: lambda: self.stack.append(tuple(self.pop_to_mark())),
            pickle.EMPTY_LIST: lambda: self.stack.append([]),
            pickle.EMPTY_DICT: lambda: self.stack.append({}),
            pickle.APPEND: lambda: self.extend([self.pop()]),
            pickle.APPENDS: lambda: self.extend(self.pop_to_mark()),
            pickle.SETITEM: lambda: self.set_items([self.pop(), self.pop()][::-1]),
            pickle.SETITEMS: lambda: self.set_items(self.pop_to_mark()),
            pickle.BINPERSID: lambda: self.stack.append(_storage(self.pop())),
            pickle.REDUCE: self.describe,
            # Attributes of the dictionary: the versions of PyTorch's modules.
            pickle.BUILD: self.drop,
        }

    def step(self, code: bytes) -> None:
        if code in _NUMBERS:
            self.stack.append(self.number(_NUMBERS[code]))
        elif code in _CONSTANTS:
            self.stack.append(_CONSTANTS[code])
        elif code in _TUPLES:
            values = [self.pop() for _ in range(_TUPLES[code])]
            self.stack.append(tuple(values[::-1]))
        elif code in self.actions:
            self.actions[code]()
        else:
            raise StateDictError(
                f"it uses the pickle instruction {code!r}, "
                "which no state dict needs; refused, nothing was run"
            )

    def take(self, count: int) -> bytes:
        content = self.stream.read(count)
        if len(content) != count:
            raise ValueError("it ends inside a value")
        return content

    def number(self, form: str) -> int:
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def line(self) -> str:
        content = self.stream.readline(256)
        if not content.endswith(b"\n"):
            raise ValueError("it ends inside a name")
        return content[:-1].decode()

    def pop(self) -> object:
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a bracket where a value must be")
        return value

    def pop_to_mark(self) -> list[object]:
        values = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def check_protocol(self) -> None:
        if (protocol := self.number("<B")) != 2:
            raise StateDictError(f"its pickle protocol must be 2 and is {protocol}")

    def keep(self, key: int) -> None:
        self.memory[key] = self.stack[-1]

    def drop(self) -> None:
        self.pop()

    def extend(self, values: list[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ValueError("an item is added to something that is no list")
        target.extend(values)

    def set_items(self, flat: list[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(flat) % 2:
            raise ValueError("an entry is added to something that is no dictionary")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if not isinstance(key, str):
                raise ValueError(f"a dictionary's key must be text and is a {type(key).__name__}")
            target[key] = value

    def describe(self) -> None:
        arguments = self.pop()
        self.stack.append(_described(self.pop(), arguments))


def _known(module: str, text: str) -> Name:
    """A name that may be mentioned: the dictionary, the two rebuilders, and the storage types."""
    name = Name(module, text)
    storage = module == "torch" and text.endswith("Storage") and text.isidentifier()
    if name in (_ORDERED_DICTIONARY, _TENSOR, _PARAMETER) or storage:
        return name
    raise StateDictError(f"it names {module}.{text}, which no state dict needs; refused, nothing was run")


def _storage(identity: object) -> Storage:
    """The plain memory that an identity of five or, in the older format, six parts stands for."""
    match identity:
        case ("storage", Name("torch", kind), str(key), str(), int(count)) | (
            "storage",
            Name("torch", kind),
            str(key),
            str(),
            int(count),
            None,
        ) if count >= 0:
            return Storage(kind, key, count)
    raise ValueError("a storage that is no plain one")


def _described(name: object, arguments: object) -> object:
    """What a call would have made, as a description."""
    match name, arguments:
        case Name("collections", "OrderedDict"), ():
            return {}
        case (
            Name("torch._utils", "_rebuild_tensor_v2"),
            (Storage() as storage, int(offset), tuple(shape), tuple(stride), *_),
        ) if all(type(number) is int for number in (offset, *shape, *stride)):
            return Tensor(storage, offset, shape, stride)
        case Name("torch._utils", "_rebuild_parameter"), (Tensor() as tensor, *_):
            return tensor
    raise StateDictError(
        "it calls something with arguments that no state dict needs; refused, nothing was run"
    )
