"""Ablation-CAM: a channel's weight is what the score loses without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.method.cam.gradient_free.base import GradientFreeCAM, channels_of
from kerascope.perturb import ChannelMasks, Stream
from kerascope.probe import Answer, AnyProbe, Cut, Internals, Probe, Request, require_probe
from kerascope.probe.execute.readouts import activation
from kerascope.probe.graph.pooled_head import check_pooled_head
from kerascope.target import Target


@dataclass(frozen=True)
class AblationCAM(GradientFreeCAM, name="ablation_cam"):
    r"""Ablation-CAM: channels weighted by what the score loses when the channel is set to zero.

    $$L_{ij} = \mathrm{ReLU}\Big(\sum_c w_c A_{ijc}\Big), \qquad w_c = s - s_{\setminus c}$$

    with the activations $A$ of the layer, the pre-softmax score $s$, and the score $s_{\setminus c}$ with
    channel $c$ of $A$ set to zero everywhere. Only the part of the model behind the layer runs again.
    Where that is a global pooling and one linear layer, and the target a class or a contrast, $w_c$ is
    $\sum_{ij} A_{ijc}\, \partial s / \partial A_{ijc}$ exactly, without another pass;
    see `Explanation.notes`.

    Args:
        baseline: 0, nothing else: a channel is set to zero.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0 (signed with `relu=False`), in units of the
        score times the activation; not normalised.

    Raises:
        ParameterError: `baseline` is given.

    Cost:
        1 forward, and one pass through the part of the model behind the layer for each channel; with a linear
        head 1 forward, and 1 backward per class from the score down to the layer. Where the layer lies
        within a skip connection, or has a class token, or the way behind it cannot be followed, the whole
        model runs for each channel.

    Source:
        Desai and Ramaswamy, Ablation-CAM: Visual Explanations for Deep Convolutional Network via
        Gradient-free Localization, WACV 2020, equations 2 and 3. Deviation: the weight is not divided by the
        score, whose sign would turn the map of a class with a negative score over; the division is the same
        for all channels.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(8, activation="relu"),
        ...     keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> found = ks.AblationCAM(relu=False)(model, images, target=1)
        >>> found.values.shape, found.masks.tolist()
        ((2, 6, 6), [4, 4])
    """

    baseline: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.baseline != 0.0:
            raise errors.ParameterError(
                f"baseline must be 0, since a channel is set to zero; got {self.baseline!r}; leave it out."
            )

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """At once where the head is linear, else with each channel set to zero."""
        probe = require_probe(probe)
        cut = probe.find_cut(images, target, self.layer, pooled=True)
        if target.linear and self._is_linear(probe, images, target, cut):
            found = probe.run(
                self._compute_linear, images, target, Request((cut.layer,), gradients=True), self
            )
            note = "the head is linear: one backward pass gives the contribution of every channel"
            return replace(found, notes=(*found.notes, note))
        first = probe.run(activation, images, target, Request((cut.layer,), spatial=True))
        return self.perturb(probe, first, cut)

    def perturb(self, probe: AnyProbe, first: Answer, cut: Cut) -> Answer:  # type: ignore[override]
        """The scores without each channel."""
        channels = channels_of(first)
        count, space = channels.shape[-1], tuple(range(1, channels.ndim - 1))
        given, rank = channels, channels.ndim - 2
        if cut.pooling is not None:
            # Without a channel, its mean or largest value over space is zero too.
            pooled = channels.mean(axis=space) if cut.pooling == "mean" else channels.max(axis=space)
            rank = len(cut.call.layout.spatial) if cut.call.layout else 0
            given = pooled.reshape(len(pooled), *[1] * rank, count)
        stream = Stream(
            probe,
            first,
            ChannelMasks(count, rank),
            given,
            [np.zeros(given.shape, "float32")],
            resident={},
            memory=self.memory,
            progress=self.progress,
            expected=count,
            title=type(self).__name__,
            cut=cut,
        )
        codes = np.arange(count, dtype="float32")[:, None]
        with stream:
            found = stream.scores(dict.fromkeys(range(len(channels)), codes))
        whole = first.scores.astype("float64").reshape(len(channels), -1)
        weights = np.stack([whole[image][:, None] - found[image].T for image in found])
        behind = f"behind {cut.path!r}" if cut.skippable else "the whole model, which cannot be cut there"
        return self.to_answer(
            stream,
            self.sum_channels(first, channels, weights),
            (f"each channel was set to zero; run again: {behind}",),
        )

    @staticmethod
    def _is_linear(probe: Probe, images: Any, target: Target, cut: Cut) -> bool:
        try:
            check_pooled_head(probe.graph(images), (cut.layer,), target)
        except errors.HeadError:
            return False
        return True

    def _compute_linear(self, internals: Internals) -> Any:
        """The map of one class behind which everything is linear."""
        activations, gradients = internals.activations[0], internals.gradients[0]
        space = tuple(range(1, len(activations.shape) - 1))
        weights = ops.sum(activations * gradients, axis=space, keepdims=True)
        found = ops.sum(weights * activations, axis=-1)
        return ops.relu(found) if self.relu else found
