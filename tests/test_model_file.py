"""Files with code in them, or links out of them, are refused before Keras reads them. All are harmless."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import h5py
import keras
import pytest
from keras import layers

from kerascope import errors, model_file
from kerascope.cli.loading import load_model

pytestmark = pytest.mark.once

Config = dict[str, Any]
Change = Callable[[Config], object]

ENDINGS = (".keras", ".h5")
FUNCTION = {"class_name": "__lambda__", "config": {"code": "", "defaults": None, "closure": None}}


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*given: object, **named: object) -> NoReturn:
        pytest.fail("Keras was asked to load the file")

    monkeypatch.setattr(keras.saving, "load_model", load)


def plain() -> keras.Model:
    pixels = keras.Input((4, 4, 3))
    return keras.Model(pixels, layers.Conv2D(2, 1, activation="relu", name="conv")(pixels), name="plain")


def mark() -> layers.Layer:
    """A layer that leaves a file, `ran`, where it runs."""
    return layers.Lambda(lambda value: [value, __import__("pathlib").Path("ran").touch()][0], name="mark")


def within(inner: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((4, 4, 3)), inner, layers.Conv2D(2, 1)])


def saved(model: keras.Model, ending: str, change: Change = lambda config: None) -> Path:
    """A model in a file, with its configuration changed. What ran while it was made is forgotten."""
    path = Path(f"model{ending}")
    model.save(path)
    if ending == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            file.attrs["model_config"] = json.dumps(config)
    else:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(members["config.json"])
        change(config)
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in {**members, "config.json": json.dumps(config).encode()}.items():
                archive.writestr(name, data)
    Path("ran").unlink(missing_ok=True)
    return path


def refused(path: Path, match: str) -> None:
    with pytest.raises(errors.UnsafeModelError, match=match) as found:
        load_model(path, unsafe=False, imports=None)
    assert "--unsafe" in str(found.value)
    assert not Path("ran").exists()


# ---- code ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_code_runs_where_it_is_asked_for_only(ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(within(mark()), ending)
    refused(path, r"not loaded: .* a Python function, at sequential\S*/mark")
    load_model(path, unsafe=True, imports=None)
    assert Path("ran").exists()
    assert "may run its own code" in capsys.readouterr().err


DEEP: dict[str, Callable[[], keras.Model]] = {
    "a nested model": lambda: within(keras.Sequential([mark()], name="inner")),
    "a functional model in one": lambda: within(
        keras.Model(pixels := keras.Input((4, 4, 3)), mark()(pixels), name="inner")
    ),
    "a wrapper": lambda: keras.Sequential([keras.Input((2, 4, 4, 3)), layers.TimeDistributed(mark())]),
}


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("deep", DEEP)
def test_code_is_found_however_deep(deep: str, ending: str) -> None:
    refused(saved(DEEP[deep](), ending), "a Python function, at .*/.*/mark")


def put(name: str, value: Any) -> Change:
    """An argument of the convolution."""

    def change(config: Config) -> None:
        (conv,) = (one for one in config["config"]["layers"] if one["config"]["name"] == "conv")
        conv["config"][name] = value

    return change


def be(kind: str, module: str | None = "keras.layers", **config: Any) -> Change:
    """Something else in the place of the convolution."""

    def change(found: Config) -> None:
        (conv,) = (one for one in found["config"]["layers"] if one["config"]["name"] == "conv")
        more = {} if module is None else {"module": module, "registered_name": None}
        conv.update(class_name=kind, config={"name": "conv", **config}, **more)

    return change


def function(module: str, name: str) -> Config:
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def compiled(config: Config) -> None:
    """A model in a model that was compiled with a function of its own."""
    inner = {"class_name": "Sequential", "module": "keras", "config": {"name": "in", "layers": []}}
    config["config"]["layers"].append({**inner, "compile_config": {"loss": FUNCTION}})


CODE: dict[str, tuple[Change, str]] = {
    "an activation": (put("activation", FUNCTION), "a Python function"),
    "an initialiser": (put("kernel_initializer", FUNCTION), "a Python function"),
    "a constraint": (put("kernel_constraint", {"a": [FUNCTION]}), "a Python function"),
    "what was compiled": (compiled, "a Python function"),
    "Keras 2": (be("Lambda", None, function=["4wEAAA==\n", None, None]), "a Python function"),
    "a shape": (
        be("Lambda", function=function("keras.ops", "relu"), output_shape=FUNCTION),
        "a Python function",
    ),
    "a pickle": (be("TorchModuleWrapper"), "a pickled PyTorch module"),
    "a pickle by Keras' own name": (
        be("TorchModuleWrapper", "keras.src.utils.torch_utils"),
        "a pickled PyTorch module",
    ),
    "a saved model": (be("TFSMLayer", filepath="elsewhere"), "a program of TensorFlow"),
    "a download": (
        put("activation", function("keras.utils", "get_file")),
        r"function keras\.utils\.get_file",
    ),
    "a switch": (
        be("Lambda", function=function("keras.config", "enable_unsafe_deserialization")),
        "enable_unsafe",
    ),
    "a function for a class": (be("get_file", "keras.utils"), r"keras\.utils\.get_file instead of a layer"),
    "a file": (be("StringLookup", vocabulary="/etc/hostname"), "the name of a file, '/etc/hostname'"),
}


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("code", CODE)
def test_all_that_is_code(code: str, ending: str) -> None:
    change, match = CODE[code]
    refused(saved(plain(), ending, change), match)


UNKNOWN: dict[str, Change] = {
    "a module of Python": be("system", "os"),
    "no class of Keras": be("Unheard"),
    "a name with a path": be("utils.get_file", "keras"),
    "no class of its kind": be("Unheard", None),
    "a function of Python": put("activation", function("os", "getcwd")),
}


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("unknown", UNKNOWN)
def test_what_is_neither_of_keras_nor_registered(unknown: str, ending: str) -> None:
    with pytest.raises(errors.ModelError, match=r"(?s)in Keras or registered; .* at plain/conv.*--import"):
        load_model(saved(plain(), ending, UNKNOWN[unknown]), unsafe=False, imports=None)


@keras.saving.register_keras_serializable("test_model_file")
class Halved(layers.Layer):
    def call(self, value: Any) -> Any:
        return value / 2


@keras.saving.register_keras_serializable("test_model_file")
def halved(value: Any) -> Any:
    return value / 2


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "layer",
    [
        lambda: Halved(),
        lambda: layers.Lambda(halved),
        lambda: layers.Activation(halved),
        lambda: layers.Activation(keras.ops.softplus),
        lambda: layers.Conv2D(
            2, 1, kernel_regularizer="l2", kernel_initializer=keras.initializers.HeNormal(1)
        ),
        lambda: layers.Dense(2, dtype="mixed_bfloat16"),
        lambda: layers.Rescaling([1.0, 2.0, 3.0]),
    ],
)
def test_what_is_registered_or_of_keras_is_loaded(layer: Callable[[], layers.Layer], ending: str) -> None:
    load_model(saved(within(layer()), ending), unsafe=False, imports=None)


def test_what_a_model_was_compiled_with_is_not_loaded() -> None:
    path = saved(plain(), ".keras", lambda config: config.update(compile_config={"loss": FUNCTION}))
    load_model(path, unsafe=False, imports=None)


# ---- containers ------------------------------------------------------------------------------


def add(path: Path, name: str, mode: int = 0, data: bytes = b"") -> Path:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize(
    "name", ["../out", "/out", "assets/../../out", "assets\\..\\out", "model.weights.npz", "weights.pkl"]
)
def test_members_that_are_no_part_of_a_model(name: str) -> None:
    refused(add(saved(plain(), ".keras"), name), "not part of a model")


@pytest.mark.usefixtures("no_keras")
def test_members_that_are_links_or_there_twice_or_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(plain(), ".keras")
    before = path.read_bytes()
    refused(add(path, "assets/a", stat.S_IFLNK), "not part of a model")
    path.write_bytes(before)
    with pytest.warns(UserWarning, match="Duplicate name"):
        add(path, "config.json", data=b"{}")
    refused(path, "twice")
    path.write_bytes(before)
    monkeypatch.setattr(model_file, "_LARGEST_CONTENT", 100_000)
    refused(add(path, "assets/a", data=bytes(1_000_000)), r"bytes that unpack to 1,000,000, at 'assets/a'")
    monkeypatch.setattr(model_file, "_LARGEST_CONFIGURATION", 100)
    refused(saved(plain(), ".h5"), "more than 100 bytes, at its configuration")


def outer_link(file: h5py.File) -> None:
    file["away"] = h5py.ExternalLink("other.h5", "/values")


def soft_link(file: h5py.File) -> None:
    file.create_group("group")["away"] = h5py.SoftLink("/values")


def outer_values(file: h5py.File) -> None:
    file.create_dataset("away", (4,), "uint8", external=[("other.bin", 0, 4)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "float32")
    layout[:] = h5py.VirtualSource("other.h5", "values", (4,))
    file.create_virtual_dataset("away", layout)


def immense(file: h5py.File) -> None:
    file.create_dataset("away", (1 << 40,), "float32", chunks=(1 << 10,))


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, None])
@pytest.mark.parametrize("spoil", [outer_link, soft_link, outer_values, virtual, immense])
def test_weights_that_lie_elsewhere_or_nowhere(
    spoil: Callable[[h5py.File], None], packed: int | None
) -> None:
    path = saved(plain(), ".h5" if packed is None else ".keras")
    if packed is None:
        with h5py.File(path, "r+") as file:
            spoil(file)
    else:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        Path("weights.h5").write_bytes(members.pop("model.weights.h5"))
        with h5py.File("weights.h5", "r+") as file:
            spoil(file)
        with zipfile.ZipFile(path, "w", packed) as archive:
            for name, data in {**members, "model.weights.h5": Path("weights.h5").read_bytes()}.items():
                archive.writestr(name, data)
    refused(path, "away|bytes that unpack to 4,398,")
