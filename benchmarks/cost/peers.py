"""What other packages take for the same question; each is optional.

Peers get the class that they are to explain, where kerascope finds the predicted one in the same pass, and
are asked for raw maps on the layer's own grid, as kerascope gives them. Grad-CAM is at the layer that
kerascope chooses by itself, the last with a height and width.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.cost.bare import Call
from benchmarks.cost.setting import Setting
from benchmarks.report.measurements import times

if TYPE_CHECKING:
    import keras
    import numpy as np

Named = tuple[str, str]
"""What the tables call a peer, and the package with its version."""


def peers(
    setting: Setting, model: keras.Model, images: np.ndarray[Any, Any], counts: Mapping[str, int]
) -> tuple[dict[Named, Call], dict[str, str]]:
    """The peers of a backend, and the packages that cannot be had with the reason.

    Args:
        setting: those that do the same many times take part where kerascope's method does.
        model: the model.
        images: as the model takes them.
        counts: how many times they do the same, by the name of kerascope's method.
    """
    backend = setting.backend
    chosen = {name: count for name, count in counts.items() if not setting.methods or name in setting.methods}
    packages = {"tensorflow": ("tf-keras-vis", _tf_keras_vis), "torch": ("captum", _captum)}
    if backend not in packages:
        return {}, {}
    package, make = packages[backend]
    try:
        calls = make(model, images, chosen)
        by = f"{package} {importlib.metadata.version(package)}"
    except ImportError as error:
        return {}, {package: f"not installed ({error})"}
    return {(name, by): call for name, call in calls.items()}, {}


def _tf_keras_vis(
    model: keras.Model, images: np.ndarray[Any, Any], counts: Mapping[str, int]
) -> dict[str, Call]:
    from tf_keras_vis.gradcam import Gradcam  # type: ignore[import-untyped]
    from tf_keras_vis.saliency import Saliency  # type: ignore[import-untyped]
    from tf_keras_vis.scorecam import Scorecam  # type: ignore[import-untyped]
    from tf_keras_vis.utils.scores import CategoricalScore  # type: ignore[import-untyped]

    score = CategoricalScore([0] * len(images))
    cam, saliency = Gradcam(model), Saliency(model)
    where = {"penultimate_layer": _last_spatial(model).name, "seek_penultimate_conv_layer": False}
    calls: dict[str, Call] = {
        "Gradcam": lambda: cam(score, images, expand_cam=False, normalize_cam=False, **where),
        "Saliency": lambda: saliency(score, images, normalize_map=False),
    }
    if count := counts.get("smooth_grad"):
        smooth = {"smooth_samples": count, "smooth_noise": 0.15}
        calls[times("SmoothGrad", count)] = lambda: saliency(score, images, normalize_map=False, **smooth)
    if count := counts.get("score_cam"):
        asked = Scorecam(model)
        options = {"max_N": count, "batch_size": len(images), "expand_cam": False, "normalize_cam": False}

        def score_cam() -> Any:
            # Image by image: of several it asks about the channels of all.
            first = CategoricalScore([0])
            return [asked(first, image[None], **options, **where) for image in images]

        calls[times("Scorecam", count)] = score_cam
    return calls


def _captum(model: keras.Model, images: np.ndarray[Any, Any], counts: Mapping[str, int]) -> dict[str, Call]:
    import captum.attr  # type: ignore[import-untyped]
    import keras
    import torch

    layer = _last_spatial(model)

    class Split(torch.nn.Module):
        """The model with its last spatial layer channels-first for a moment, as captum takes it to be."""

        def __init__(self) -> None:
            super().__init__()
            self.trunk = keras.Model(model.inputs, layer.output)
            self.seam = torch.nn.Identity()
            self.top = keras.Model(layer.output, model.output)

        def forward(self, batch: Any) -> Any:
            activations = self.seam(self.trunk(batch, training=False).permute(0, 3, 1, 2))
            return self.top(activations.permute(0, 2, 3, 1), training=False)

    split = Split()
    cam = captum.attr.LayerGradCam(split, split.seam)
    saliency = captum.attr.Saliency(lambda batch: model(batch, training=False))

    def gradcam() -> Any:
        maps = cam.attribute(keras.ops.convert_to_tensor(images), target=0, relu_attributions=True)
        return maps.detach().cpu().numpy()

    def leaf() -> Any:
        return keras.ops.convert_to_tensor(images).requires_grad_()

    def gradient() -> Any:
        return saliency.attribute(leaf(), target=0).cpu().numpy()

    calls: dict[str, Call] = {"LayerGradCam": gradcam, "Saliency": gradient}

    def noisy(count: int) -> Call:
        # One noisy copy of every image in a pass, as kerascope has them.
        tunnel = captum.attr.NoiseTunnel(saliency)
        options = {"nt_samples": count, "nt_samples_batch_size": 1, "stdevs": 0.15}
        return lambda: tunnel.attribute(leaf(), target=0, **options).detach().cpu().numpy()

    def along(count: int) -> Call:
        path = captum.attr.IntegratedGradients(lambda batch: model(batch, training=False))
        options = {"n_steps": count, "internal_batch_size": len(images)}
        return lambda: path.attribute(leaf(), target=0, **options).detach().cpu().numpy()

    if count := counts.get("smooth_grad"):
        calls[times("NoiseTunnel", count)] = noisy(count)
    if counts.get("occlusion"):
        occlusion = captum.attr.Occlusion(lambda batch: model(batch, training=False))
        side, step = (round(share * images.shape[1]) for share in (0.25, 0.125))

        def occluded() -> Any:
            found = occlusion.attribute(
                keras.ops.convert_to_tensor(images),
                sliding_window_shapes=(side, side, images.shape[-1]),
                strides=(step, step, images.shape[-1]),
                target=0,
            )
            return found.cpu().numpy()

        calls[times("Occlusion", counts["occlusion"])] = occluded
    if count := counts.get("integrated_gradients"):
        calls[times("IntegratedGradients", count)] = along(count)
    return calls


def _last_spatial(model: keras.Model) -> keras.Layer:
    """The last layer with a height and width, in the single chain that models of this benchmark end in."""
    shapes = ((layer, layer.output.shape) for layer in reversed(model.layers))
    return next(layer for layer, shape in shapes if len(shape) == 4 and shape[1] > 1)
