"""What is measured: one backend and one model, on images of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import numpy as np

MODELS = ("MobileNetV2", "ResNet50", "VGG16")


@dataclass(frozen=True)
class Setting:
    """One backend and one model.

    Args:
        backend: one of `kerascope.backend.SUPPORTED`.
        model: name of a model in `keras.applications`.
        size: height and width of the images.
        batch: how many images.
        repeats: how many rounds.
        peers: measure other packages too, where they are installed.
        methods: names of kerascope's methods; empty for all that are registered.
        seed: of the weights, the images and the order within a round.
    """

    backend: str
    model: str
    size: int = 224
    batch: int = 8
    repeats: int = 15
    peers: bool = True
    methods: tuple[str, ...] = ()
    seed: int = 0

    def build(self) -> keras.Model:
        """The model with random weights, its head and all as `keras.applications` makes it."""
        import keras

        if keras.backend.backend() != self.backend:
            raise RuntimeError(f"Keras runs on {keras.backend.backend()}, not on {self.backend}")
        keras.utils.set_random_seed(self.seed)
        make = getattr(keras.applications, self.model)
        model: keras.Model = make(weights=None, input_shape=(self.size, self.size, 3))
        return model

    def images(self) -> np.ndarray[Any, Any]:
        """Noise, from -1 to 1."""
        import numpy as np

        shape = (self.batch, self.size, self.size, 3)
        return np.random.default_rng(self.seed).uniform(-1, 1, shape).astype("float32")
