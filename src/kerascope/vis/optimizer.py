"""Gradient descent on an image. Stands for `vis.optimizer`.

The algorithm is that of keras-vis: the gradient of the weighted losses, divided by its root mean square,
moves the image by RMSprop. Deviations, with reasons:

* a step is a share of `input_range` (1/255 of it, RMSprop aside): keras-vis moved by one whatever the
  range, which is the whole range for images from 0 to 1;
* the image that is returned is the one with the least loss itself, not the one a step later;
* the first image is drawn from a seed, so that a run can be repeated;
* `wrt_tensor` is the tensor that was named, also where that is the input, of which keras-vis made a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import tree

from kerascope import errors
from kerascope.method.gradient.saliency import Saliency
from kerascope.typing import Array
from kerascope.vis import grad_modifiers
from kerascope.vis.callbacks import OptimizerCallback, Print
from kerascope.vis.input_modifiers import InputModifier
from kerascope.vis.inside import gradient_inside
from kerascope.vis.objective import WeightedLoss, objective_of
from kerascope.vis.regularizers import Range
from kerascope.vis.seed import as_given, batch_of, image_place, is_inside, probe_of, unlisted
from kerascope.vis.utils import utils

_EPSILON = 1e-7
_DECAY = 0.95


class Optimizer:
    r"""Minimises weighted losses by the image.

    With the gradient $g$ of their sum, $\hat g = g / (\mathrm{rms}(g) + 10^{-7})$,

    $$v \leftarrow 0.95 v + 0.05 \hat g^2, \qquad
      x \leftarrow x - \frac{\mathrm{high} - \mathrm{low}}{255} \, \frac{\hat g}{\sqrt{v + 10^{-7}}}$$

    Args:
        input_tensor: the model's symbolic input, or all of them: `model.inputs`.
        losses: pairs of a loss and its weight; see `kerascope.vis.losses`.
        input_range: least and greatest pixel.
        wrt_tensor: what the gradient is taken at: the input to optimise, one of `model.inputs`, None for the
            only picture among them; or a tensor inside the model, such as `layer.output`, and then the image
            stays as it is. To optimise such a tensor, give it as `input_tensor`.
        norm_grads: divide the gradient by its root mean square.
        backprop: what rectifiers hand back, `"guided"` or `"deconvnet"`; not in keras-vis, which changed the
            model for it.

    Attributes:
        input_tensor: as it was given; a single one without the list around it.
        wrt_tensor: the symbolic tensor that the gradient is taken at.
        wrt_tensor_is_input_tensor: it is an input, which `minimize` changes.

    Raises:
        ParameterError: no loss has a weight, or `wrt_tensor` is no symbolic tensor.
        ModelError: the losses or `wrt_tensor` are not made from this input.
    """

    def __init__(
        self,
        input_tensor: Any,
        losses: Sequence[WeightedLoss],
        input_range: Range = (0, 255),
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
        self._place = image_place(inputs, image)
        # The model may have inputs of its own, in the places of tensors inside another one.
        chosen = None if image is None else model.inputs[self._place]
        self._probe = probe_of(model, chosen, at_input=not inside, own=True)
        self._method = Saliency(backprop=backprop)
        self.input_tensor = unlisted(input_tensor)
        self.wrt_tensor = unlisted(wrt_tensor) if inside else inputs[self._place]
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
        """Descend.

        Args:
            seed_input: the image to start from, with or without a batch axis; all inputs, where there are
                several; None for noise around the middle of the range.
            max_iter: steps, at least 1.
            input_modifiers: done to the image before each step in their order, and after it in reverse.
            grad_modifier: of the normalised gradient, channels last; see `kerascope.vis.grad_modifiers`.
            callbacks: told about each step; see `kerascope.vis.callbacks`.
            verbose: print the losses of each step.

        Returns:
            The image of the least loss, without a batch axis, as `deprocess_input` shows it, in floats; the
            last gradient, and the image or the value of `wrt_tensor` that it was taken at, with a batch axis.

        Raises:
            InputError: the seed does not fit, or the model's image size is open and no seed is given.
            ParameterError: `max_iter` or a modifier is not one.
            RuleError: `backprop` is given, and no rectifier lies on the way from the image to the losses.

        Cost:
            1 forward and 1 backward per step, and 1 forward more where somebody watches.
        """
        check_max_iter(max_iter)
        batch, leaves = self._seed(seed_input)
        modify = None if grad_modifier is None else grad_modifiers.get(grad_modifier)
        modifiers = list(input_modifiers or ())
        watching = [*(callbacks or ()), *([Print()] if verbose else [])]
        image = leaves[self._place].astype("float32")
        cache, best, least = np.zeros_like(image), image, np.inf
        rate = (self.input_range[1] - self.input_range[0]) / 255
        for step in range(max_iter):
            before = image
            for modifier in modifiers:
                image = modifier.pre(image)
            leaves[self._place] = image
            inputs = leaves[0] if batch is None else tree.pack_sequence_as(batch, leaves)
            loss, gradient, seen = self._asked(inputs, image)
            if self.norm_grads:
                gradient = gradient / (np.sqrt(np.mean(gradient**2)) + _EPSILON)
            if modify is not None:
                gradient = grad_modifiers.applied(modify, gradient)
            gradient = as_given(gradient[0], seen.shape[1:])[None]
            if watching:
                values = self._probe.scores(inputs, self._objective.each())[0]
                named = [
                    (term.name, float(value))
                    for term, value in zip(self._objective.terms, values, strict=True)
                ]
                for watcher in watching:
                    watcher.callback(step, named, loss, gradient, seen)
            if self.wrt_tensor_is_input_tensor:
                cache = _DECAY * cache + (1 - _DECAY) * gradient**2
                image = image - rate * gradient / np.sqrt(cache + _EPSILON)
            for modifier in reversed(modifiers):
                image = modifier.post(image)
            if loss < least:
                best, least = before, loss
        for watcher in watching:
            watcher.on_end()
        return utils.deprocess_input(best[0], self.input_range), gradient, seen

    def _asked(self, inputs: Any, image: Array) -> tuple[float, Array, Array]:
        """The loss, its gradient (1, *spatial, C), and what that is taken at, as the model has it."""
        if not self.wrt_tensor_is_input_tensor:
            return gradient_inside(self._probe, inputs, self._objective, self._method.backprop)
        answer = self._method.attribute(self._probe, inputs, self._objective)
        assert answer.values is not None
        return float(answer.scores[0]), answer.values[0][None], image

    def _seed(self, seed_input: Any) -> tuple[Any, list[Array]]:
        """The structure of the model's inputs, None for a single one, and the arrays in it."""
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


def check_max_iter(max_iter: Any) -> None:
    """Check the number of steps, here and where `ks.Maximize` takes them.

    Raises:
        ParameterError: it is none.
    """
    if isinstance(max_iter, bool) or not isinstance(max_iter, int | np.integer) or max_iter < 1:
        raise errors.ParameterError(f"max_iter must be a whole number of at least 1; got {max_iter!r}.")
