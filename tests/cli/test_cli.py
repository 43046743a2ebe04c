"""The command line: every command, what it prints, what it exits with, what it does not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import kerascope as ks
from kerascope.cli import console, loading, main
from kerascope.cli.commands.maximize import parse_indices
from kerascope.errors import KerascopeError
from tests.helpers.files.photographs import cuttings, network
from tests.helpers.networks import heads
from tests.helpers.processes.command_line import Kerascope, runner

pytestmark = pytest.mark.once


@pytest.fixture
def kerascope(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Kerascope:
    """Runs the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capsys)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.keras"
    keras.utils.set_random_seed(1)
    network().save(path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    cuttings(folder, 6)
    return folder


# ---- help ------------------------------------------------------------------------------------

COMMANDS = ("layers", "explain", "compare", "maximize", "evaluate")
IMPORTED = """
import sys
sys.argv = ["kerascope", {arguments}]
from kerascope.cli import main
try:
    main()
except SystemExit as stopped:
    assert stopped.code == 0, stopped.code
print(sorted({{name.split(".")[0] for name in sys.modules}} - set(sys.stdlib_module_names)))
print(sorted(name for name in sys.modules if name.startswith(("kerascope.", "rich."))))
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_imports_nothing_heavy(command: str | None) -> None:
    arguments = ", ".join(map(repr, [*([command] if command else []), "--help"]))
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORTED.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    *text, packages, modules = ran.stdout.splitlines()
    heavy = {"keras", "numpy", "tensorflow", "jax", "torch", "PIL", "matplotlib", "pyarrow", "ray", "scipy"}
    assert not heavy & set(json.loads(packages.replace("'", '"')))
    # Rich draws tables and bars when they are there to be drawn.
    assert "rich.markdown" not in modules
    assert not [name for name in ("dataset", "probe", "method") if f"kerascope.{name}" in modules]
    said = " ".join(" ".join(text).split())
    assert f"Example: kerascope {command}" in said if command else all(name in said for name in COMMANDS)


@pytest.mark.slow
def test_it_is_a_program_and_a_module() -> None:
    program = Path(sys.executable).with_name("kerascope")
    for command in ([str(program)], [sys.executable, "-m", "kerascope"]):
        ran = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert ran.stdout == f"kerascope {ks.__version__}\n"


def test_mistakes_exit_with_2(kerascope: Kerascope, model: Path) -> None:
    assert kerascope("layerz").code == 2
    wrong = kerascope("explain", model, "x", "--overlay", "gif")
    assert wrong.code == 2
    assert "gif" in wrong.err
    assert kerascope("--backend", "theano", "layers", model).code == 2


# ---- commands --------------------------------------------------------------------------------


def test_layers(kerascope: Kerascope, model: Path) -> None:
    ran = kerascope("layers", model)
    assert ran.code == 0
    assert "* second" in ran.out
    rows = json.loads(kerascope("layers", model, "--json").out)
    assert [row["path"] for row in rows if row["automatic"]] == ["second"]


def test_explain(kerascope: Kerascope, model: Path, photos: Path) -> None:
    ran = kerascope("explain", model, photos, "--out", "found", "--target", "coffee")
    assert ran.code == 0, ran.err
    assert "0-255: stretch, bilinear-aliased, to 32 x 32 (the model's own 'rescaling" in ran.out
    assert ran.out.count("note           photographs such as") == 1
    assert "taken for the model's 2 classes" in ran.out
    assert "explained  6 of 6 images, 0 failed" in ran.out
    results = ks.open_results("found")
    assert results.manifest["model_file"] == str(model)
    assert {row["target"] for row in results.rows()} == {1}
    assert len(list(Path("found").rglob("*.jpg"))) == 6
    again = kerascope("explain", model, photos, "--out", "found", "--target", "coffee")
    assert (again.code, again.out.count("\n")) == (1, 5)
    assert "resume it, overwrite it" in again.err
    assert kerascope("explain", model, photos, "--out", "found", "--target", "coffee", "--resume").code == 0
    assert kerascope("explain", model, photos, "--out", "found", "--overwrite").code == 0


def test_explain_says_what_failed(kerascope: Kerascope, model: Path, photos: Path) -> None:
    for number in range(12):
        Path(f"bad-{number:02d}.jpg").write_text("no picture")
    ran = kerascope("explain", model, photos, "*.jpg", "--overlay", "none")
    assert ran.code == 3
    assert "6 of 18 images, 12 failed" in ran.out
    # What is wrong with all of them is said once.
    assert ran.err.count("warning: bad-") == 1
    assert "warning: bad-00.jpg and 11 more: a picture must be" in ran.err
    told = json.loads(kerascope("explain", model, "*.jpg", "--json", "--out", "o").out)
    assert told["counts"] == {"images": 12, "explained": 0, "failed": 12, "rows": 12, "shards": 1}
    assert told["failures"][0]["path"] == "bad-00.jpg"
    assert told["status"] == "complete"


def test_explain_says_that_rows_have_warnings(kerascope: Kerascope, model: Path) -> None:
    for number in range(3):
        Image.fromarray(np.full((8, 8), 500 * number, "uint16")).save(f"{number}.png")
    ran = kerascope("explain", model, ".", "--overlay", "none", "--method", "saliency")
    assert "3 rows have warnings, such as: PhotographNote" in ran.err


@pytest.mark.parametrize(
    ("loss", "predicted", "said"),
    [
        (keras.losses.BinaryCrossentropy(from_logits=True), [0, 1], "'binarycrossentropy'"),
        ("mse", [None, None], "a regression"),
    ],
)
def test_the_loss_of_a_saved_model_tells_what_its_number_is(
    kerascope: Kerascope, photos: Path, loss: Any, predicted: list[Any], said: str
) -> None:
    model = heads.network("linear, said")
    model.compile("sgd", loss)
    model.save("linear.keras")
    model.save("linear.h5")
    for name, shade in (("dark", 60), ("light", 200)):
        Image.new("L", (6, 6), shade).save(f"{name}.png")
    for number, file in enumerate(("linear.keras", "linear.h5")):
        out = Path(f"out{number}")
        options = ("--preprocess", "-1-1", "--overlay", "none", "--method", "saliency", "--out", out)
        ran = kerascope("explain", file, "dark.png", "light.png", *options)
        assert said in ran.out
        assert [row["prediction"] for row in ks.open_results(out).rows()] == predicted


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--method", "saliency", "--target", "top2"], {"method": "Saliency()", "target": "top 2 classes"}),
        (["--method", "layer-cam", "--layer", "first"], {"method": "LayerCAM(layer='first')"}),
        (
            ["--method", "rise", "--set", "masks=20", "--set", "seed=3"],
            {"method": "RISE(masks=20, seed=3)", "seed": 3},
        ),
        (["--target", "1"], {"target": "class 1"}),
        (["--target", "label"], {"target": "label"}),
        (["--preprocess", "torch", "--fit", "pad"], {"preprocessing": {"name": "torch", "fit": "pad"}}),
        (["--map-type", "float16", "--batch", "2", "--shard", "4"], {"map_type": "float16", "batch_size": 2}),
    ],
    ids=["top", "layer", "set", "index", "label", "preprocess", "sizes"],
)
def test_options_reach_the_run(
    kerascope: Kerascope, model: Path, photos: Path, options: list[str], wanted: dict[str, Any]
) -> None:
    ran = kerascope("explain", model, photos, "--overlay", "none", "--threads", "1", *options)
    assert ran.code == 0, ran.err
    given = ks.open_results("kerascope-results").manifest["options"]
    for name, value in wanted.items():
        if isinstance(value, dict):
            assert {one: given[name][one] for one in value} == value
        else:
            assert given[name] == value


def test_compare(kerascope: Kerascope, model: Path, photos: Path) -> None:
    ran = kerascope(
        "compare", model, photos, "--method", "grad_cam,saliency", "--limit", "3", "--target", "label"
    )
    assert ran.code == 0, ran.err
    with Image.open("compare.png") as picture:
        assert min(picture.size) > 300


def test_maximize(kerascope: Kerascope, model: Path) -> None:
    ran = kerascope("maximize", model, "--target", "0-1", "--steps", "3", "--out", "both.png")
    assert ran.code == 0, ran.err
    assert "class 0" in ran.out
    assert "class 1" in ran.out
    assert Path("both.png").is_file()
    ran = kerascope("maximize", model, "--layer", "first", "--channel", "0-2", "--steps", "2")
    assert ran.code == 0, ran.err
    assert "channel 2 of first" in ran.out
    assert kerascope("maximize", model, "--steps", "3").code == 1


def test_numbers() -> None:
    assert parse_indices(["3", "0-2", "dog"], ("cat", "dog")) == [3, 0, 1, 2, 1]
    for wrong in ("3-1", "x", "-1", "1-"):
        with pytest.raises(KerascopeError, match="a range such as 0-9"):
            parse_indices([wrong], None)


def test_a_number_that_is_the_name_of_another_class_is_said(
    kerascope: Kerascope, model: Path, photos: Path
) -> None:
    Path("names.txt").write_text("1\n0\n")
    paths = sorted(photos.rglob("*.jpg"))[:1]
    for command in (["compare", "--method", "saliency"], ["explain", "--overlay", "none"]):
        ran = kerascope(command[0], model, *paths, *command[1:], "--classes", "names.txt", "--target", "1")
        assert ran.code == 0, ran.err
        assert "output 1, which is called '0'; the class that is called '1' is output 0" in ran.err


def test_labels_that_are_left_out_are_said(kerascope: Kerascope, model: Path, photos: Path) -> None:
    paths = sorted(photos.rglob("*.jpg"))[:2]
    Path("list.csv").write_text(f"path,label\n{paths[0]},0\n{paths[1]},7\n")
    ran = kerascope("compare", model, "list.csv", "--method", "saliency", "--target", "label")
    assert ran.code == 1
    assert "1 of 2 have, so all are left out" in ran.err
    assert "give --classes" in ran.err


def test_evaluate(kerascope: Kerascope, model: Path, photos: Path) -> None:
    options = ("--method", "grad_cam,saliency", "--limit", "4")
    ran = kerascope("evaluate", model, photos, *options, "--html", "report.html", "--save", "report.npz")
    assert ran.code == 0, ran.err
    assert "GradCAM()" in ran.out
    assert "~ RandomMap()" in ran.out
    assert "<table" in Path("report.html").read_text()
    assert ks.load_report("report.npz").methods[:2] == ("GradCAM()", "Saliency()")
    told = json.loads(kerascope("evaluate", model, photos, *options, "--json").out)
    assert told["methods"][:2] == ["GradCAM()", "Saliency()"]
    assert told["images"] == 4
    assert len(told["metrics"]["deletion"]) == len(told["methods"])


def test_evaluate_asks_about_each_of_several_labels(kerascope: Kerascope, photos: Path) -> None:
    pixels = keras.Input((16, 16, 3))
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(pixels))
    scores = keras.layers.Dense(3, "sigmoid")(keras.layers.GlobalAveragePooling2D()(hidden))
    keras.Model(pixels, scores).save("labels.keras")
    first, second, third = sorted(photos.rglob("*.jpg"))[:3]
    Path("list.csv").write_text(f"path,label\n{first},0|2\n{second},1\n{third},\n")
    ran = kerascope("evaluate", "labels.keras", "list.csv", "--method", "saliency", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["images"] == 3
    assert "1 of 3 have none: left out" in ran.err


# ---- models and names ------------------------------------------------------------------------


def test_a_model_with_code_of_its_own_is_refused(kerascope: Kerascope, photos: Path) -> None:
    pixels = keras.Input((16, 16, 3))
    hidden = keras.layers.Lambda(lambda value: value / 255)(pixels)
    hidden = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(hidden))
    keras.Model(pixels, hidden).save("code.keras")
    ran = kerascope("layers", "code.keras")
    assert ran.code == 1
    assert "--unsafe" in ran.err
    ran = kerascope("layers", "code.keras", "--unsafe")
    assert ran.code == 0, ran.err
    assert "warning: code.keras may run its own code" in ran.err
    assert "conv2d" in ran.out


LAYER = """
import keras
@keras.saving.register_keras_serializable("mine")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
"""


@pytest.mark.slow
def test_layers_of_others_are_imported_on_purpose(kerascope: Kerascope) -> None:
    Path("my_layers.py").write_text(LAYER)
    program = (
        "import keras, my_layers; "
        "keras.Sequential([keras.Input((8, 8, 3)), my_layers.Doubled(), keras.layers.Conv2D(2, 3), "
        "keras.layers.GlobalAveragePooling2D()]).save('own.keras')"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True)
    ran = kerascope("layers", "own.keras")
    assert ran.code == 1
    assert "--import" in ran.err
    assert kerascope("layers", "own.keras", "--import", "no_such_module").code == 1
    assert kerascope("layers", "own.keras", "--import", "my_layers").code == 0


def test_what_is_no_model_is_said(kerascope: Kerascope) -> None:
    assert "there is none at 'nothing.keras'" in kerascope("layers", "nothing.keras").err
    Path("text.keras").write_text("hello")
    ran = kerascope("layers", "text.keras")
    assert ran.code == 1
    assert "does not" in ran.err
    assert "Traceback" not in ran.err


def test_names_of_classes(tmp_path: Path) -> None:
    lines, listed, numbered, coded = (tmp_path / name for name in ("a.txt", "b.json", "c.json", "d.json"))
    lines.write_text("cat\ndog \n")
    listed.write_text('["cat", "dog"]')
    numbered.write_text('{"1": "dog", "0": "cat", "10": "owl", "2": "hen"}')
    coded.write_text('{"0": ["n01", "cat"], "1": ["n02", "dog"]}')
    assert loading.load_names(lines) == ("cat", "dog")
    assert loading.load_names(listed) == ("cat", "dog")
    assert loading.load_names(numbered) == ("cat", "dog", "hen", "owl")
    assert loading.load_names(coded) == (("n01", "cat"), ("n02", "dog"))
    assert loading.load_names(None) is None
    for wrong in ("{", "3", '{"a": "b"}'):
        listed.write_text(wrong)
        with pytest.raises(KerascopeError, match="--classes"):
            loading.load_names(listed)


def test_targets_and_sizes() -> None:
    assert loading.read_target("predicted") is None
    assert loading.read_target("label") == "label"
    assert loading.read_target("3") == 3
    assert loading.read_target("tabby") == "tabby"
    assert loading.read_target("top3").describe() == ks.Top(3).describe()
    assert loading.read_size("224") == (224, 224)
    assert loading.read_size("224x320") == (224, 320)
    for wrong in ("x", "0", "3x", "-3"):
        with pytest.raises(KerascopeError, match="224x320"):
            loading.read_size(wrong)
    with pytest.raises(KerascopeError, match="masks=500"):
        loading.read_method("rise", None, ["masks"])


# ---- what is written at the end ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("compare", "--out", "nowhere/c.png"), "there is no folder 'nowhere'; create it"),
        (("compare", "--out", "c.jpeg2"), "jpeg, jpg, pdf"),
        (("compare", "--out", "c"), "--out must end in the kind of picture"),
        (("maximize", "--target", "0", "--out", "nowhere/m.png"), "no folder 'nowhere'"),
        (("evaluate", "--html", "nowhere/r.html"), "--html must name a file"),
        (("evaluate", "--save", "."), "it is a folder"),
        (("audit", "--html", "nowhere/r.html"), "--html must name a file"),
        (("audit", "--out", "/dev/null/x"), "'/dev/null' is a file"),
        (("explain", "--out", "/dev/null"), "--out must name a folder"),
        (("audit", "--before", "nowhere"), "make one first"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    kerascope: Kerascope, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], said: str, model: Path
) -> None:
    def worked(*_: Any, **__: Any) -> None:
        raise AssertionError("an image was asked about")

    monkeypatch.setattr(ks.Probe, "run", worked)
    paths = () if command[0] == "maximize" else ("nothing-is-read",)
    ran = kerascope(command[0], model, *paths, *command[1:])
    assert ran.code == 1
    assert said in ran.err


@pytest.mark.parametrize("arguments", [("--version",), ("layers", "-h"), ()])
def test_what_nobody_reads_goes_nowhere(arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.MonkeyPatch.context() as patch, os.fdopen(writer, "w") as stream:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "argv", ["kerascope", *arguments])
        if arguments:
            with pytest.raises(SystemExit) as stopped:
                main()
            assert stopped.value.code == 0
        else:
            with console.allow_readers_to_leave():
                console.print_lines([("one", "two")])
                console.print_json({"three": 4})
                console.show("five")
        assert sys.stdout is stream


@pytest.mark.slow
def test_a_reader_may_stop_reading(model: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "kerascope", "layers", model], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        ran.stdout.close()
        assert ran.wait() == 0, ran.stderr.read()
        assert b"rror" not in ran.stderr.read()
