"""How nearly paths close on a network that was trained."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.demo import digits, train


@pytest.mark.slow
def test_paths_close_on_the_digit_network() -> None:
    """With 50 steps from black, every one of 32 test digits closes within 1 %; a quarter of that was seen."""
    read = digits.load_digits()
    keras.utils.set_random_seed(0)
    model = train.digit_network()
    labels = keras.utils.to_categorical(read.train_labels, train.CLASSES)
    model.fit(read.train_images, labels, batch_size=train.BATCH_SIZE, epochs=2, verbose=0)
    assert train.test(model, read)[1] > 0.8
    for method in (ks.IntegratedGradients(), ks.GuidedIntegratedGradients(), ks.BlurIntegratedGradients()):
        found = method(model, read.test_images[:32])
        assert np.abs(found.completeness_gap).max() < 0.01, method.written()
