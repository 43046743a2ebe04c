"""The probe of a model: its scores, activations and gradients, by programs that are compiled once."""

from __future__ import annotations

import contextlib
import functools
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerascope import backend, errors
from kerascope.placement import CHOICES, PlacementChoice
from kerascope.probe.black_box import BlackBox, black_box_error
from kerascope.probe.execute import readouts
from kerascope.probe.execute.engine import ProbeEngine
from kerascope.probe.execute.request import Request
from kerascope.probe.execute.result import Answer
from kerascope.probe.graph.table import LayerTable, make_table
from kerascope.probe.inputs import blank_inputs, check_inputs
from kerascope.probe.protocol import AnyProbe
from kerascope.target import OutputKind, TargetLike
from kerascope.typing import Array
from kerascope.validation import check_choice, check_whole


class Probe(ProbeEngine):
    """The scores, activations and gradients of a Keras model, on any backend.

    The model is never changed: not its weights, statistics, seeds, compiled state or attributes. Programs are
    compiled on the first request of a kind and cached; weights are their arguments, so new weights count.
    Images go through in batches whose last one is padded, so that any number of images costs one compilation.
    Fewer images than `batch_size` are padded to the next power of two.

    Args:
        model: a built `keras.Model`: Sequential, Functional, subclassed, nested in any way.
        batch_size: images per pass, at least 1; memory grows with it. A model with a fixed batch size
            overrides it.
        class_names: names of the classes, in the order of the model's outputs.
        input: name or position of the input to explain, for models with several; None for the only one
            with spatial axes.
        output: the kind of the model's only output, or of each by name: `"classes"`, of which one is right
            (softmax); `"labels"`, each true or not by itself (sigmoid); `"binary"`, one number z for two
            classes, 1 where z > 0, else 0; `"regression"`, numbers of no class. None to infer it from the
            last activation, the loss that the model was compiled with, or two names for one number.
        label: name or position of one of several labels, to explain it alone, with the classes 0, no, and
            1, yes, which are called "not snow" and "snow".
        placement: where the cells of a layer lie on the image: `"auto"` measures it where shapes leave doubt
            (see docs/placement.md), once for each layer and size of images; `"measured"` always measures;
            `"stretched"` never does, and stretches every grid over the image.
        compile: compile the programs; None for yes on TensorFlow (`tf.function`) and JAX (`jax.jit`) and no
            on PyTorch, where True means `torch.compile`.

    Raises:
        ModelError: not a Keras model, or one that was never built; later, `output` does not fit it.
        ParameterError: `output` is not one of these.
        BackendError: Keras runs on an unsupported backend.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> probe = ks.Probe(model)
        >>> probe.scores(np.ones((2, 8, 8, 1)), target=1).shape
        (2,)
        >>> probe.forward_count
        2
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        batch_size: int = 32,
        class_names: Sequence[str] | None = None,
        input: str | int | None = None,
        output: OutputKind | Mapping[str, OutputKind] | None = None,
        label: str | int | None = None,
        placement: PlacementChoice = "auto",
        compile: bool | None = None,
    ) -> None:
        compiles = backend.current().compiles
        if not isinstance(model, keras.Model):
            raise errors.ModelError(
                f"a probe needs a Keras 3 model (keras.Model); got {type(model).__module__}."
                f"{type(model).__qualname__}; load it with keras.saving.load_model, or wrap layers in "
                "keras.Sequential."
            )
        if not model.built:
            raise errors.ModelError(
                f"the model must be built; {model.name!r} has no weights yet; call it on a batch of images, "
                "or call model.build(input_shape), first."
            )
        check_whole(batch_size, "batch_size")
        check_choice(placement, "placement", CHOICES)
        if isinstance(class_names, str):
            raise errors.ParameterError(f"class_names must be a list of names; got the text {class_names!r}.")
        names = None if class_names is None else tuple(map(str, class_names))
        compile = compiles if compile is None else compile
        index = None if label is None else _label_index(label, names)
        super().__init__(model, batch_size, names, input, compile, output, index, placement)

    @classmethod
    def for_model(cls, model: keras.Model) -> Probe:
        """The probe of a bare model: made once, and gone when the model is gone."""
        with _probes_lock:
            probe = _probes.get(model) if isinstance(model, keras.Model) else None
            if probe is None:
                probe = cls(model)
                probe._model = weakref.ref(model)
                _probes[model] = probe
            return probe

    def scores(self, images: Any, target: TargetLike = None) -> Array:
        """The score of a target, without explaining it.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`; None for the predicted class.

        Returns:
            (N,) float32, pre-softmax for classes; (N, K) where the target has a class axis.

        Raises:
            InputError, TargetError: the images or the target do not fit the model.

        Cost:
            1 forward per image.
        """
        return self.run(None, images, target).scores

    def activations(self, images: Any, layer: str | None = None) -> Array:
        """The activations of a layer.

        Args:
            images: (N, ...) as the model takes them.
            layer: path of the layer; None for the automatic one.

        Returns:
            (N, *spatial, C) float32, channels last whatever the layer's data format; a layer without spatial
            axes gives its output as it is.

        Raises:
            InputError, LayerError: the images do not fit, or the layer cannot be read.

        Cost:
            1 forward per image, and to find where cells look: see `placement`.
        """
        return _values(self.run(readouts.activation, images, readouts.Everything(), Request((layer,))))

    def gradients(self, images: Any, target: TargetLike = None, layer: str | None = None) -> Array:
        """d score / d activation of a layer, or d score / d image.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`; None for the predicted class.
            layer: path of the layer; None for the input.

        Returns:
            (N, *spatial, C) float32, signed, channels last; (N, K, *spatial, C) with a class axis.

        Raises:
            InputError, TargetError, LayerError: an argument does not fit the model.
            DisconnectedError: the score does not depend on the layer.

        Cost:
            1 forward and K backwards per image, and to find where a layer's cells look: see `placement`.
        """
        if layer is None:
            return _values(self.run(readouts.image_gradient, images, target, Request(image_gradient=True)))
        return _values(self.run(readouts.gradient, images, target, Request((layer,), gradients=True)))

    def layers(self, images: Any = None) -> LayerTable:
        """The table of the model's layers: see `kerascope.layers`.

        Args:
            images: (N, ...) as the model takes them; None where the model states its full input shape.

        Returns:
            One row per layer call, in the order of the forward pass.

        Cost:
            As `layers` of `kerascope`.
        """
        images = self.blank() if images is None else images
        with contextlib.suppress(errors.KerascopeError):
            self.resolve_layers(images, None, (None,))  # whose positions are places of the image
        batch = check_inputs(self.model, images, self.input)
        with self._lock:
            size = self._size(batch.count)
            graph = self._graph(batch, size)
            target = readouts.Everything()
            measure = functools.partial(self._find_connected, graph, batch, size, target, {})
            return make_table(graph, measure)

    def blank(self, size: int | tuple[int, ...] | None = None) -> Any:
        """One image of zeros in the model's input structure.

        Args:
            size: size of the axes that the model leaves open, such as (H, W), or one number for all.

        Raises:
            InputError: the model does not state its input shape, or `size` does not fit it.
        """
        return blank_inputs(self.model, size)


_probes: weakref.WeakKeyDictionary[keras.Model, Probe] = weakref.WeakKeyDictionary()
_probes_lock = threading.Lock()


def as_probe(model: keras.Model | AnyProbe) -> AnyProbe:
    """A probe or black box as it is; for a bare model, the probe that lives as long as the model does.

    Raises:
        ModelError: neither a probe nor a built Keras model.
    """
    return model if isinstance(model, Probe | BlackBox) else Probe.for_model(model)


def require_probe(probe: AnyProbe) -> Probe:
    """The probe as it is, for uses of a model's layers or gradients.

    Raises:
        ModelError: a black box, which has neither.
    """
    if isinstance(probe, Probe):
        return probe
    raise black_box_error()


def layers(model: keras.Model | Probe, images: Any = None) -> LayerTable:
    """The layers of a model: which can be explained, which one is automatic, and why others cannot be.

    Args:
        model: a Keras model or a `Probe`, which may say which of several inputs is explained.
        images: (N, ...) as the model takes them; only their shape counts. None where the model states its
            full input shape.

    Returns:
        A sequence of rows, one per layer call, in the order of the forward pass, which prints itself as a
        table: path (as `layer=` takes it), kind, grid and channels of a map there, and a note. A star
        marks the automatic layer for the model's own score, of all outputs together, and a line below says
        why, and another one where the head flattens it; targets such as `Region` or `Output` may
        lead to another one.

    Raises:
        ModelError: neither a probe nor a built Keras model.
        InputError: the images do not fit, or are missing where the model leaves its input shape open.

    Cost:
        None: the model is run without data; one with a class token also on one image of noise. Where shapes
        leave doubt whether the automatic layer has places, that is measured: see `Probe.placement`.

    Example:
        >>> import keras, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(name="pool"), keras.layers.Dense(3, name="head")])
        >>> print(ks.layers(model))
          path  kind                    grid   channels
        * conv  Conv2D                  6 × 6         2  automatic
          pool  GlobalAveragePooling2D  -             -  a vector of 2
          head  Dense                   -             -  a vector of 3
        * automatic: the last output with more than one position, on the way to the score
        >>> ks.layers(model).automatic.path
        'conv'
    """
    return require_probe(as_probe(model)).layers(images)


def _label_index(label: str | int, names: tuple[str, ...] | None) -> int:
    """The position of a label among several."""
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise errors.ParameterError(f"label must be the name or the position of a label; got {label!r}.")
    if isinstance(label, str):
        if names is None or names.count(label) != 1:
            raise errors.ParameterError(
                f"label must be one of the names of the labels, or a position; got {label!r}; "
                f"{errors.nearest(label, names) if names else 'give class_names'}"
            )
        return names.index(label)
    return label


def _values(answer: Answer) -> Array:
    assert answer.values is not None
    return answer.values
