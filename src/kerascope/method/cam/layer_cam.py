"""LayerCAM: positive gradients times activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

from kerascope.method.cam.base import ClassActivationMap


@dataclass(frozen=True)
class LayerCAM(ClassActivationMap, name="layer_cam"):
    r"""LayerCAM: positive gradients times activations, place by place.

    $$L_{ij} = \mathrm{ReLU}\Big(\sum_c \mathrm{ReLU}(g_{ijc}) A_{ijc}\Big), \qquad
      g_{ijc} = \frac{\partial s}{\partial A_{ijc}}$$

    with the activations $A$ of the layer and the pre-softmax score $s$. Made for fine maps of early layers
    too: `LayerCAM(layers=[...], fusion="scaled")`.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0 (signed with `relu=False`: only where
        activations are negative), in units of the score; not normalised.

    Source:
        Jiang et al., LayerCAM: Exploring Hierarchical Class Activation Maps for Localization, IEEE
        Transactions on Image Processing 2021, equations 6 and 7. No deviations.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(),
        ...     keras.layers.Dense(3, activation="softmax", kernel_initializer="ones")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.LayerCAM(relu=False)(model, images, target=1).values.shape
        (2, 6, 6)
    """

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Equations 6 and 7, before the sum."""
        return ops.relu(gradients) * activations
