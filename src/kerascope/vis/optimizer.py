"""Gradient descent on an image. Replaces `vis.optimizer`.

The algorithm is as in keras-vis: the gradient of the weighted losses, divided by its root mean square,
moves the image by RMSprop. Deviations, with reasons:

* a step is a share of `input_range` (1/255 of it, RMSprop aside): keras-vis moved by one whatever the
  range, which is the whole range for images from 0 to 1;
* the returned image has the least loss; keras-vis returned the image of the next step;
* the first image is seeded, so that a run can be repeated;
* `wrt_tensor` is the given tensor, also if it is the input, which keras-vis copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import tree

from kerascope import errors
from kerascope.method.gradient.saliency import Saliency
from kerascope.typing import Array
from kerascope.validation import check_whole
from kerascope.vis import grad_modifiers
from kerascope.vis.callbacks import OptimizerCallback, Print
from kerascope.vis.input_modifiers import InputModifier
from kerascope.vis.objective import WeightedLoss, objective_of
from kerascope.vis.regularizers import PixelRange
from kerascope.vis.seed_inputs import batch_of, image_index, is_inside, probe_of, to_shape, unwrap_single
from kerascope.vis.tensor_gradient import gradient_inside
from kerascope.vis.utils import utils

_EPSILON = 1e-7
_DECAY = 0.95


class Optimizer:
    r"""Minimises weighted losses with respect to the image.

    With the gradient $g$ of their sum, $\hat g = g / (\mathrm{rms}(g) + 10^{-7})$,

    $$v \leftarrow 0.95 v + 0.05 \hat g^2, \qquad
      x \leftarrow x - \frac{\mathrm{high} - \mathrm{low}}{255} \, \frac{\hat g}{\sqrt{v + 10^{-7}}}$$

    Args:
        input_tensor: the model's symbolic input, or all of them: `model.inputs`.
        losses: pairs of a loss and its weight; see `kerascope.vis.losses`.
        input_range: least and greatest pixel.
        wrt_tensor: the tensor of the gradient: the input to optimise, one of `model.inputs`, None for the
            only picture among them; or a tensor inside the model, such as `layer.output`, for which the image
            does not change. To optimise such a tensor, use it as `input_tensor`.
        norm_grads: divide the gradient by its root mean square.
        backprop: gradient of rectifiers, `"guided"` or `"deconvnet"`; not in keras-vis, which changed the
            model.

    Attributes:
        input_tensor: symbolic inputs, a single one without a list.
        wrt_tensor: the symbolic tensor of the gradient.
        wrt_tensor_is_input_tensor: `wrt_tensor` is an input, which `minimize` changes.

    Raises:
        ParameterError: no loss has a weight, or `wrt_tensor` is not a symbolic tensor.
        ModelError: the losses or `wrt_tensor` do not depend on this input.
    """

    def __init__(
        self,
        input_tensor: Any,
        losses: Sequence[WeightedLoss],
        input_range: PixelRange = (0, 255),
        wrt_tensor: Any = None,
        norm_grads: bool = True,
        backprop: str | None = None,
    ) -> None:
        if not input_range[0] < input_range[1]:
            raise errors.ParameterError(f"input_range must be (least, greatest); got {input_range!r}.")
        model, self._objective = objective_of(input_tensor, losses, input_range, wrt_tensor)
        inputs = tree.flatten(input_tensor)
        inside = is_inside(inputs, wrt_tensor)
        image = None if inside else wrt_tensor
        self._index = image_index(inputs, image)
        # The model may have new inputs that replace tensors inside another model.
        explained = None if image is None else model.inputs[self._index]
        self._probe = probe_of(model, explained, at_input=not inside, own=True)
        self._method = Saliency(backprop=backprop)
        self.input_tensor = unwrap_single(input_tensor)
        self.wrt_tensor = unwrap_single(wrt_tensor) if inside else inputs[self._index]
        self.wrt_tensor_is_input_tensor = not inside
        self._shapes = [tuple(tensor.shape) for tensor in inputs]
        self.input_range = input_range
        self.norm_grads = norm_grads

    def minimize(
        self,
        seed_input: Any = None,
        max_iter: int = 200,
        input_modifiers: Sequence[InputModifier] | None = None,
        grad_modifier: str | Callable[[Array], Array] | None = None,
        callbacks: Sequence[OptimizerCallback] | None = None,
        verbose: bool = True,
    ) -> tuple[Array, Array, Array]:
        """Minimise the losses.

        Args:
            seed_input: the start image, with or without a batch axis; all inputs if there are several; None
                for noise around the middle of the range.
            max_iter: steps, at least 1.
            input_modifiers: applied to the image before each step, and in reverse order after it.
            grad_modifier: of the normalised gradient, channels last; see `kerascope.vis.grad_modifiers`.
            callbacks: called after each step; see `kerascope.vis.callbacks`.
            verbose: print the losses of each step.

        Returns:
            The image of the least loss, without a batch axis, scaled by `deprocess_input`, in floats; the
            last gradient, and the image or the value of `wrt_tensor` for it, both with a batch axis.

        Raises:
            InputError: the seed does not fit, or the model has an open image size and there is no seed.
            ParameterError: `max_iter` or a modifier is invalid.
            RuleError: `backprop` is given, and no rectifier lies on the way from the image to the losses.

        Cost:
            1 forward and 1 backward per step, and 1 more forward with callbacks.
        """
        check_whole(max_iter, "max_iter")
        batch, leaves = self._seed(seed_input)
        modify = None if grad_modifier is None else grad_modifiers.get(grad_modifier)
        modifiers = list(input_modifiers or ())
        watchers = [*(callbacks or ()), *([Print()] if verbose else [])]
        image = leaves[self._index].astype("float32")
        cache, best, least = np.zeros_like(image), image, np.inf
        rate = (self.input_range[1] - self.input_range[0]) / 255
        for step in range(max_iter):
            before = image
            for modifier in modifiers:
                image = modifier.pre(image)
            leaves[self._index] = image
            inputs = leaves[0] if batch is None else tree.pack_sequence_as(batch, leaves)
            loss, gradient, value = self._compute_gradient(inputs, image)
            if self.norm_grads:
                gradient = gradient / (np.sqrt(np.mean(gradient**2)) + _EPSILON)
            if modify is not None:
                gradient = grad_modifiers.apply_modifier(modify, gradient)
            gradient = to_shape(gradient[0], value.shape[1:])[None]
            if watchers:
                values = self._probe.scores(inputs, self._objective.split())[0]
                named_losses = [
                    (term.name, float(number))
                    for term, number in zip(self._objective.terms, values, strict=True)
                ]
                for watcher in watchers:
                    watcher.callback(step, named_losses, loss, gradient, value)
            if self.wrt_tensor_is_input_tensor:
                cache = _DECAY * cache + (1 - _DECAY) * gradient**2
                image = image - rate * gradient / np.sqrt(cache + _EPSILON)
            for modifier in reversed(modifiers):
                image = modifier.post(image)
            if loss < least:
                best, least = before, loss
        for watcher in watchers:
            watcher.on_end()
        return utils.deprocess_input(best[0], self.input_range), gradient, value

    def _compute_gradient(self, inputs: Any, image: Array) -> tuple[float, Array, Array]:
        """Return the loss, its gradient (1, *spatial, C), and the value of `wrt_tensor`."""
        if not self.wrt_tensor_is_input_tensor:
            return gradient_inside(self._probe, inputs, self._objective, self._method.backprop)
        answer = self._method.attribute(self._probe, inputs, self._objective)
        assert answer.values is not None
        return float(answer.scores[0]), answer.values[0][None], image

    def _seed(self, seed_input: Any) -> tuple[Any, list[Array]]:
        """Return the structure of the model's inputs, None for a single input, and its arrays."""
        if seed_input is not None:
            batch = batch_of(self.input_tensor, seed_input)
            return (batch if tree.is_nested(batch) else None), [
                np.asarray(leaf) for leaf in tree.flatten(batch)
            ]
        shape = self._shapes[0][1:]
        if len(self._shapes) > 1 or None in shape:
            raise errors.InputError(
                "seed_input must be given for a model with several inputs or an open image size; the "
                f"inputs are {self._shapes}."
            )
        low, high = self.input_range
        noise = utils.random_array((1, *shape), (low + high) / 2, 0.05 * (high - low), seed=0)
        return None, [noise.astype("float32")]
