"""Every error and warning that kerascope raises, as one tree each.

    KerascopeError
    |-- ModelError (TypeError)                 what was given cannot be asked: not a Keras model, unbuilt
    |   |-- BusyModelError (RuntimeError)      the model was trained while it was asked
    |   |-- BackendError (RuntimeError)        Keras runs on a backend that kerascope does not know
    |   `-- UnsafeModelError                   a model's file holds code, or reaches outside itself
    |-- BlackBoxError (RuntimeError)           a black box failed, or returned what is no score
    |-- MemoryBudgetError (MemoryError)        one image alone takes more memory than is allowed
    |-- InputError (ValueError)                images of the wrong rank, size, type, or with NaN
    |   `-- PhotographError                    a file is no picture, damaged, or too large
    |-- TargetError (ValueError)               the number to explain does not exist
    |   `-- UnknownClassError (LookupError)    no class of that name
    |-- LayerError (ValueError)                the place inside the model cannot be used
    |   |-- UnknownLayerError (LookupError)    no layer of that path
    |   |-- AmbiguousLayerError                the path fits several layers, or several runs of one layer
    |   |-- NoSpatialExtentError               the layer has no height and width to draw a map on
    |   |-- UntappableLayerError               the layer runs where nothing can be read, as in a loop
    |   |-- DisconnectedError                  the score does not depend on the layer
    |   `-- HeadError                          what lies between layer and score is not what a method needs
    |-- RuleError (ValueError)                 a rule for gradients met nothing that it applies to
    |-- ParameterError (ValueError)            a bad parameter of a method
    |-- UnknownMethodError (LookupError)       no method of that name
    |-- NonFiniteScoreError (ArithmeticError)  the model's scores of an image are NaN or infinite
    |-- ObjectiveError (ArithmeticError)       what is maximised became NaN or infinite
    |-- ExplanationError (ValueError)          an explanation cannot be drawn, saved or read as asked
    |-- DatasetError (ValueError)              images cannot be found; results not be written, resumed or read
    |   |-- LockedError (RuntimeError)         another run writes into the folder
    |   `-- UnreadableError                    a table, list, archive or folder is damaged, or may not be read
    |-- WorkerError (RuntimeError)             workers of a cluster die, or find no room
    |-- EvaluationError (ValueError)           an explanation cannot be measured, or a report not be read
    |   `-- UnknownMetricError (LookupError)   no metric of that name
    `-- MissingPackageError (ImportError)      an optional package is not installed

    KerascopeWarning (UserWarning)             what is doubtful; stored in `Explanation.warnings` too
    |-- ProbabilityWarning                     a probability is explained where a score was wanted
    |-- ConstantOutputWarning                  the output cannot vary: a softmax over one number
    |-- FlatMapWarning                         a map varies by 5 % at most: it shows nothing
    |-- NonFiniteMapWarning                    a map holds NaN or infinity
    |-- NonFiniteScoreWarning                  a map is finite, and what it explains is not
    |-- FlattenedHeadWarning                   a gradient was averaged over places that the head tells apart
    |-- CompletenessWarning                    values do not sum to the change of the score
    |-- PreprocessingWarning                   what the model wants of pixels is not known, and was assumed
    |-- RangeWarning                           the range of pixels is not known, and was assumed
    |-- StuckWarning                           maximisation did not raise a score
    |-- InterruptedWarning                     a run was interrupted: what was found so far is returned
    |-- ExcludedWarning                        scores under some masks were NaN or infinite, and were left out
    `-- EvaluationWarning                      a measurement is doubtful, or has no value for some images

Every message says what must hold, what was got, and what to do. Each error also inherits the built-in
exception that a caller would guess.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class KerascopeError(Exception):
    """Root of every error that kerascope raises on purpose."""


class ModelError(KerascopeError, TypeError):
    """The model cannot be asked: it is not a Keras model, or it was never built."""


class BusyModelError(ModelError, RuntimeError):
    """The model was trained while it was asked, so that its weights were changed or not there."""

    def __init__(self) -> None:
        super().__init__(
            "the model must not be trained while it is asked; its weights changed meanwhile; ask after the "
            "training, in a callback at the end of an epoch, or ask a copy of the model."
        )


class BackendError(ModelError, RuntimeError):
    """Keras runs on a backend that kerascope does not support."""


class UnsafeModelError(ModelError):
    """A model's file holds code of its own, or reaches outside itself; it was not loaded."""


class BlackBoxError(KerascopeError, RuntimeError):
    """A black box failed, or returned something that is no score for each image.

    Attributes:
        result: the explanation from what was asked until then, a `kerascope.Explanation`, or None.
    """

    result: Any = None


class MemoryBudgetError(KerascopeError, MemoryError):
    """One image under one mask alone takes more memory than is allowed."""


class InputError(KerascopeError, ValueError):
    """The images do not fit the model: rank, size, channels, type, or NaN and infinite pixels."""


class PhotographError(InputError):
    """A file is no picture that can be read: of another kind, damaged, cut short, or too large."""


class TargetError(KerascopeError, ValueError):
    """The number to explain does not exist in this model's outputs."""


class UnknownClassError(TargetError, LookupError):
    """No class has this name."""


class LayerError(KerascopeError, ValueError):
    """A place inside the model cannot be used as asked."""


class UnknownLayerError(LayerError, LookupError):
    """No layer has this path."""


class AmbiguousLayerError(LayerError):
    """The path fits several layers, or one layer that runs several times."""


class NoSpatialExtentError(LayerError):
    """The layer's output has no height and width to draw a map on."""


class UntappableLayerError(LayerError):
    """The layer runs where nothing can be read: in a loop, in whole numbers, or not at all."""


class DisconnectedError(LayerError):
    """The explained score does not depend on the layer."""


class HeadError(LayerError):
    """What lies between the layer and the score is not what the method is made for."""


class RuleError(KerascopeError, ValueError):
    """A rule for gradients, as in guided backpropagation, met no rectifier on the way."""


class ParameterError(KerascopeError, ValueError):
    """A method was given a parameter it cannot work with."""


class UnknownMethodError(KerascopeError, LookupError):
    """No registered method has this name."""


class NonFiniteScoreError(KerascopeError, ArithmeticError):
    """The model's scores of an image are NaN or infinite, so that nothing is predicted or explained."""


class ObjectiveError(KerascopeError, ArithmeticError):
    """What is maximised became NaN or infinite.

    Attributes:
        result: the best of the run until then, a `kerascope.Maximization`, or None where there is none.
    """

    result: Any = None


class ExplanationError(KerascopeError, ValueError):
    """An explanation cannot be drawn, saved or read as asked."""


class DatasetError(KerascopeError, ValueError):
    """Images cannot be found, or a folder of results cannot be written, resumed or read."""


class LockedError(DatasetError, RuntimeError):
    """Another run writes into the folder."""


class UnreadableError(DatasetError):
    """A table, a list, an archive or a folder of images is damaged, none at all, or may not be read."""


class WorkerError(KerascopeError, RuntimeError):
    """Workers of a cluster die of their work, or the cluster has no room for them."""


class EvaluationError(KerascopeError, ValueError):
    """An explanation cannot be measured as asked, or a report cannot be read."""


class UnknownMetricError(EvaluationError, LookupError):
    """No registered metric has this name."""


class MissingPackageError(KerascopeError, ImportError):
    """An optional package is needed and not installed.

    Args:
        package: the name to import, such as `"matplotlib"`.
        extra: the extra of kerascope that installs it, such as `"plot"`.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs the package {package!r}, which is not installed; "
            f'install it with: pip install "kerascope[{extra}]"'
        )


class KerascopeWarning(UserWarning):
    """Root of every warning; what was warned about is also stored in the explanation."""


class ProbabilityWarning(KerascopeWarning):
    """A probability is explained where a pre-softmax score was wanted."""


class ConstantOutputWarning(KerascopeWarning):
    """The model's output cannot vary, such as a softmax over one number."""


class FlatMapWarning(KerascopeWarning):
    """A map is constant, or varies by 5 % of its largest value at most, so it shows nothing."""


class NonFiniteMapWarning(KerascopeWarning):
    """A map holds NaN or infinite values."""


class NonFiniteScoreWarning(KerascopeWarning):
    """A score is NaN or infinite: what is finite in the map of it means nothing."""


class FlattenedHeadWarning(KerascopeWarning):
    """A gradient was averaged over a layer's places, which the head tells apart behind a Flatten."""


class CompletenessWarning(KerascopeWarning):
    """Values that should sum to a change of the score miss it by more than 5 %."""


class PreprocessingWarning(KerascopeWarning):
    """What the model wants of its pixels is not known; a convention was assumed."""


class RangeWarning(KerascopeWarning):
    """The model does not say in which range its pixels lie; one was assumed."""


class StuckWarning(KerascopeWarning):
    """Maximisation did not raise a score: no gradient reached the image."""


class InterruptedWarning(KerascopeWarning):
    """A run was interrupted; what was found so far is returned."""


class ExcludedWarning(KerascopeWarning):
    """Scores under some masks were NaN or infinite; these masks were left out."""


class EvaluationWarning(KerascopeWarning):
    """A measurement is doubtful, or has no value for some of the images."""


def nearest(name: str, names: Iterable[str], count: int = 3) -> str:
    """A clause that suggests the names most like `name`, or lists the first few where none is."""
    names = list(names)
    lowered: dict[str, str] = {known.lower(): known for known in reversed(names)}
    close = difflib.get_close_matches(name.lower(), lowered, n=count, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(repr(lowered[known]) for known in close) + "?"
    shown = ", ".join(repr(known) for known in names[:8])
    return f"known are: {shown}{', ...' if len(names) > 8 else ''}"
