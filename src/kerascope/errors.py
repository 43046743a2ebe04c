"""Errors and warnings of kerascope, as one tree each.

    KerascopeError
    |-- ModelError (TypeError)                 not a usable model: no Keras model, or not built
    |   |-- BusyModelError (RuntimeError)      the model was trained while it was running
    |   |-- BackendError (RuntimeError)        Keras runs on a backend that kerascope does not know
    |   `-- UnsafeModelError                   a model file holds code, or refers to other files
    |-- BlackBoxError (RuntimeError)           a black box failed, or returned no score
    |-- MemoryBudgetError (MemoryError)        one image needs more memory than allowed
    |-- InputError (ValueError)                images of the wrong rank, size, type, or with NaN
    |   `-- PhotographError                    a file is not a picture, damaged, or too large
    |-- TargetError (ValueError)               the explained number does not exist
    |   `-- UnknownClassError (LookupError)    no class has this name
    |-- LayerError (ValueError)                a layer cannot be used
    |   |-- UnknownLayerError (LookupError)    no layer has this path
    |   |-- AmbiguousLayerError                the path fits several layers, or several runs of one layer
    |   |-- NoSpatialExtentError               the layer has no height and width
    |   |-- UntappableLayerError               the output of the layer cannot be read, as in a loop
    |   |-- DisconnectedError                  the score does not depend on the layer
    |   `-- HeadError                          the head of the model does not fit the method
    |-- RuleError (ValueError)                 a gradient rule applies to no layer
    |-- ParameterError (ValueError)            a parameter has an invalid value
    |-- UnknownMethodError (LookupError)       no method has this name
    |-- NonFiniteScoreError (ArithmeticError)  scores of the model are NaN or infinite
    |-- ObjectiveError (ArithmeticError)       the maximised objective is NaN or infinite
    |-- ExplanationError (ValueError)          an explanation cannot be drawn, saved or read
    |-- DatasetError (ValueError)              images cannot be found, or results not written or read
    |   |-- LockedError (RuntimeError)         another run writes to the folder
    |   `-- UnreadableError                    a table, list, archive or folder cannot be read
    |-- WorkerError (RuntimeError)             workers of a cluster die, or the cluster has no room
    |-- EvaluationError (ValueError)           an explanation cannot be measured, or a report not read
    |   `-- UnknownMetricError (LookupError)   no metric has this name
    `-- MissingPackageError (ImportError)      an optional package is not installed

    KerascopeWarning (UserWarning)             a doubtful result; also stored in `Explanation.warnings`
    |-- ProbabilityWarning                     a probability is explained instead of a score
    |-- ConstantOutputWarning                  the output cannot vary: a softmax over one number
    |-- FlatMapWarning                         a map varies by 5 % at most
    |-- NonFiniteMapWarning                    a map holds NaN or infinity
    |-- NonFiniteScoreWarning                  the explained score of a finite map is not finite
    |-- FlattenedHeadWarning                   a gradient is averaged over positions before a Flatten
    |-- CompletenessWarning                    values do not sum to the change of the score
    |-- PreprocessingWarning                   the preprocessing of the model is unknown, and assumed
    |-- RangeWarning                           the range of pixels is unknown, and assumed
    |-- StuckWarning                           maximisation did not raise a score
    |-- InterruptedWarning                     a run was interrupted; the result is partial
    |-- ExcludedWarning                        scores under some masks are NaN or infinite, and ignored
    `-- EvaluationWarning                      a measurement is doubtful, or missing for some images

Every message says what must hold, what was received, and what to do. Each error also inherits from a suitable
built-in exception.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class KerascopeError(Exception):
    """Root of every error that kerascope raises on purpose."""


class ModelError(KerascopeError, TypeError):
    """The model cannot be used: it is not a Keras model, or it is not built."""


class BusyModelError(ModelError, RuntimeError):
    """The model was trained while it was running, so that its weights changed or were missing."""

    def __init__(self) -> None:
        super().__init__(
            "the model must not be trained while it is explained; its weights changed in between; explain it "
            "after the training, in a callback at the end of an epoch, or explain a copy of the model."
        )


class BackendError(ModelError, RuntimeError):
    """Keras runs on a backend that kerascope does not support."""


class UnsafeModelError(ModelError):
    """A model file holds code, or refers to other files; it was not loaded."""


class BlackBoxError(KerascopeError, RuntimeError):
    """A black box failed, or did not return one score per image.

    Attributes:
        result: the explanation from the scores so far, a `kerascope.Explanation`, or None.
    """

    result: Any = None


class MemoryBudgetError(KerascopeError, MemoryError):
    """One image under one mask needs more memory than allowed."""


class InputError(KerascopeError, ValueError):
    """The images do not fit the model: rank, size, channels, type, or NaN and infinite pixels."""


class PhotographError(InputError):
    """A file is not a readable picture: of another kind, damaged, truncated, or too large."""


class TargetError(KerascopeError, ValueError):
    """The explained number does not exist in the outputs of the model."""


class UnknownClassError(TargetError, LookupError):
    """No class has this name."""


class LayerError(KerascopeError, ValueError):
    """A layer of the model cannot be used."""


class UnknownLayerError(LayerError, LookupError):
    """No layer has this path."""


class AmbiguousLayerError(LayerError):
    """The path fits several layers, or one layer that runs several times."""


class NoSpatialExtentError(LayerError):
    """The layer's output has no height and width to draw a map on."""


class UntappableLayerError(LayerError):
    """The output of the layer cannot be read: it runs in a loop, returns integers, or does not run."""


class DisconnectedError(LayerError):
    """The explained score does not depend on the layer."""


class HeadError(LayerError):
    """The head between the layer and the score does not fit the method."""


class RuleError(KerascopeError, ValueError):
    """A gradient rule, as in guided backpropagation, applies to no rectifier."""


class ParameterError(KerascopeError, ValueError):
    """A parameter has an invalid value."""


class UnknownMethodError(KerascopeError, LookupError):
    """No registered method has this name."""


class NonFiniteScoreError(KerascopeError, ArithmeticError):
    """Scores of the model are NaN or infinite, so that nothing can be predicted or explained."""


class ObjectiveError(KerascopeError, ArithmeticError):
    """The maximised objective is NaN or infinite.

    Attributes:
        result: the best images so far, a `kerascope.Maximization`, or None.
    """

    result: Any = None


class ExplanationError(KerascopeError, ValueError):
    """An explanation cannot be drawn, saved or read."""


class DatasetError(KerascopeError, ValueError):
    """Images cannot be found, or a folder of results cannot be written, resumed or read."""


class LockedError(DatasetError, RuntimeError):
    """Another run writes to the folder."""


class UnreadableError(DatasetError):
    """A table, a list, an archive or a folder of images is damaged, missing, or not readable."""


class WorkerError(KerascopeError, RuntimeError):
    """Workers of a cluster die, or the cluster has no room for them."""


class EvaluationError(KerascopeError, ValueError):
    """An explanation cannot be measured, or a report cannot be read."""


class UnknownMetricError(EvaluationError, LookupError):
    """No registered metric has this name."""


class MissingPackageError(KerascopeError, ImportError):
    """An optional package is not installed.

    Args:
        package: name to import, such as `"matplotlib"`.
        extra: extra of kerascope that installs the package, such as `"plot"`.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs the package {package!r}, which is not installed; "
            f'install it with: pip install "kerascope[{extra}]"'
        )


class KerascopeWarning(UserWarning):
    """Root of every warning; warnings are also stored in the explanation."""


class ProbabilityWarning(KerascopeWarning):
    """A probability is explained instead of a pre-softmax score."""


class ConstantOutputWarning(KerascopeWarning):
    """The model's output cannot vary, such as a softmax over one number."""


class FlatMapWarning(KerascopeWarning):
    """A map is constant, or varies by at most 5 % of its largest value."""


class NonFiniteMapWarning(KerascopeWarning):
    """A map holds NaN or infinite values."""


class NonFiniteScoreWarning(KerascopeWarning):
    """A score is NaN or infinite, so that its map is meaningless."""


class FlattenedHeadWarning(KerascopeWarning):
    """A gradient is averaged over positions of a layer that the head distinguishes after a Flatten."""


class CompletenessWarning(KerascopeWarning):
    """Values differ by more than 5 % from the change of the score that they should sum to."""


class PreprocessingWarning(KerascopeWarning):
    """The preprocessing of the model is unknown; a convention is assumed."""


class RangeWarning(KerascopeWarning):
    """The range of the pixels is unknown; one is assumed."""


class StuckWarning(KerascopeWarning):
    """Maximisation did not raise a score: no gradient reached the image."""


class InterruptedWarning(KerascopeWarning):
    """A run was interrupted; the result is partial."""


class ExcludedWarning(KerascopeWarning):
    """Scores under some masks are NaN or infinite; these masks are ignored."""


class EvaluationWarning(KerascopeWarning):
    """A measurement is doubtful, or missing for some of the images."""


def nearest(name: str, names: Iterable[str], count: int = 3) -> str:
    """Return a clause that suggests the names most like `name`, or lists the first few."""
    names = list(names)
    by_lowercase: dict[str, str] = {known.lower(): known for known in reversed(names)}
    matches = difflib.get_close_matches(name.lower(), by_lowercase, n=count, cutoff=0.5)
    if matches:
        return "did you mean " + " or ".join(repr(by_lowercase[match]) for match in matches) + "?"
    first = ", ".join(repr(known) for known in names[:8])
    return f"known are: {first}{', ...' if len(names) > 8 else ''}"
