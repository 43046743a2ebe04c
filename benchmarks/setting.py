"""What is measured, and the child processes that measure it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import numpy as np

BACKENDS = ("tensorflow", "jax", "torch")
REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Setting:
    """One backend and one model.

    Args:
        backend: one of `BACKENDS`.
        model: name of a model in `keras.applications`.
        size: height and width of the images.
        batch: how many images.
        repeats: how many rounds.
        peers: measure other packages too, where they are installed.
        seed: of the weights and the images.
    """

    backend: str
    model: str
    size: int = 224
    batch: int = 8
    repeats: int = 15
    peers: bool = False
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


def child(module: str, setting: Setting, *arguments: str) -> dict[str, Any]:
    """Run a module of this package in a process of its own; its last line is its answer in JSON.

    Raises:
        subprocess.CalledProcessError: the child failed; what it said is on stderr.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}", json.dumps(asdict(setting)), *arguments]
    environment = os.environ | {
        "KERAS_BACKEND": setting.backend,
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }
    ran = subprocess.run(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def asked() -> tuple[Setting, list[str]]:
    """What `child` asked this process for."""
    return Setting(**json.loads(sys.argv[1])), sys.argv[2:]


def answer(found: dict[str, Any]) -> None:
    """Tell `child`."""
    print(json.dumps(found), flush=True)
