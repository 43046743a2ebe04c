"""Who competes: the bare passes, every method of kerascope, and peers where they are installed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from benchmarks.cost import bare, peers
from benchmarks.cost.bare import Call
from benchmarks.cost.setting import Setting
from benchmarks.report.measurements import CAM, CURVES, FLOOR, FORWARD, MASKS, REPEATED, STEP, times

if TYPE_CHECKING:
    import keras
    import numpy as np

    import kerascope as ks

MOST = 45
"""Passes per image of a method that is measured without being asked for."""
COUNTS = {"integrated_gradients": 10, "smooth_grad": 20}
"""How many times a method does the same here; the peers do as many."""
NAMED = {"score_cam": 32, "occlusion": 49}
"""The same of methods that take part where they are named, with their peers."""
LEAST = 10
"""The same of other methods."""
MASKED = 128
"""Masks of methods that take a number of them."""
CURVE = 50
"""Steps of deletion, and of insertion."""
REPEATS = {"score_cam": "channels"}
"""The parameter that says how many times a method does the same, where it is none of `PARAMETERS`."""
PARAMETERS = ("masks", "steps", "samples")
FEWER: dict[str, dict[str, Any]] = {"occlusion": {"window": 0.25, "stride": 0.125}}
"""Parameters that make a method take fewer masks, where no number says so."""


@dataclass(frozen=True)
class Contestant:
    """Something that is called again and again.

    Args:
        name: what the tables call it.
        by: the package that it comes from, with its version.
        call: does the work once and brings the result to the host.
        probe: what counts its work, for kerascope's.
        declared: the forward and backward passes per image that it says it costs.
        kind: which promise is about it; see `benchmarks.report.measurements`.
        sized: how many masks it takes depends on the layer or the images, and its first answer tells.
    """

    name: str
    by: str
    call: Call
    probe: ks.Probe | None = None
    declared: tuple[float, float] = (0, 0)
    kind: str | None = None
    sized: bool = False


def plain(setting: Setting, model: keras.Model, images: np.ndarray[Any, Any]) -> list[Contestant]:
    """What the others are measured against; the forward pass twice, to show what a ratio of 1 looks like."""
    forward, floor = bare.passes(setting.backend, model, images)
    return [
        Contestant(FORWARD, "bare", forward),
        Contestant(f"{FORWARD} again", "bare", forward),
        Contestant(FLOOR, "bare", floor),
    ]


def looped(forward: Contestant) -> Contestant:
    """The bare forward pass as many times as a method with masks does it: a call as long as theirs."""

    def call() -> None:
        for _ in range(MASKED):
            forward.call()

    return Contestant(times(FORWARD, MASKED), "bare", call)


def ours(
    setting: Setting, model: keras.Model, images: np.ndarray[Any, Any]
) -> tuple[list[Contestant], dict[str, str]]:
    """Every method that takes few passes, some in another way too, and a step of maximisation.

    What does the same many times (`PARAMETERS`) does it `COUNTS` times here. What takes more passes
    than `MOST` even so is left out, with the reason, unless it is asked for by name.
    """
    import kerascope as ks

    found: list[Contestant] = []
    absent: dict[str, str] = {}
    for name, kind in ks.methods().items():
        if setting.methods and name not in setting.methods:
            continue
        try:
            method, count = _affordable(name, kind)
        except Exception as error:  # noqa: BLE001 - it needs a parameter, or a package that is not there
            absent[f"kerascope {name}"] = f"{type(error).__name__}: {error}"
            continue
        passes = method.forwards + method.backwards
        if passes > MOST and not setting.methods:
            absent[f"kerascope {name}"] = f"{passes:g} passes an image; measured with --methods {name}"
            continue
        title = name if count is None else times(name, count)
        found.append(_contestant(setting, model, images, title, method, kind=_kind(method, count)))
    if not setting.methods or "grad_cam" in setting.methods:
        found.append(
            _contestant(setting, model, images, "grad_cam of Top(5)", ks.GradCAM(), ks.Top(5), classes=5)
        )
        if "layers" in {field.name for field in fields(ks.GradCAM)}:
            fused: Any = ks.GradCAM
            found.append(
                _contestant(setting, model, images, "grad_cam of 3 layers", fused(layers=stages(model, 3)))
            )
    if not setting.methods or "maximization" in setting.methods:
        found.append(_maximization(STEP, setting, model))
        found.append(_maximization(f"{STEP}, turned", setting, model, transforms=ks.Transforms(rotate=5)))
    if "deletion_insertion" in setting.methods:
        found.append(_deletion_insertion(setting, model, images))
    return found, absent


def repeated(
    setting: Setting, model: keras.Model, images: np.ndarray[Any, Any], name: str, count: int
) -> Contestant | None:
    """A method that does the same many times, so many times; None where there is none of the name."""
    import kerascope as ks

    if name not in ks.methods():
        return None
    method = ks.methods()[name]()
    method = replace(method, **{_repeats(method) or "": count})
    return _contestant(setting, model, images, times(name, count), method, kind=REPEATED)


def stages(model: keras.Model, count: int) -> list[str]:
    """The last layer of each of the smallest grids, in the order of the forward pass."""
    import kerascope as ks

    rows = ks.Probe(model).layers()
    last = {row.grid: row.path for row in rows if row.grid and max(row.grid) > 1 and not row.note}
    return list(last.values())[-count:]


def _affordable(name: str, kind: type[ks.Method]) -> tuple[ks.Method, int | None]:
    """The method with its defaults, and where it does the same many times, fewer times; and how many."""
    method = kind(**FEWER.get(name, {}))
    parameter = _repeats(method)
    if parameter is None:
        return method, None
    count = (COUNTS | NAMED).get(name, MASKED if parameter == "masks" else LEAST)
    return replace(method, **{parameter: count}), count


def _repeats(method: ks.Method) -> str | None:
    """The parameter that says how many times a method does the same."""
    taken = {field.name for field in fields(method)}
    if method.name in REPEATS:
        return REPEATS[method.name]
    return next((name for name in PARAMETERS if name in taken), None)


def _kind(method: ks.Method, count: int | None) -> str | None:
    # What asks the part behind a layer only has a promise of its own.
    if "masks" in method.tags:
        return MASKS if method.name != "ablation_cam" else None
    if "layer" in method.tags and not {"input", "pixels"} & method.tags:
        return CAM if method.forwards == 1 and method.backwards <= 1 else None
    return REPEATED if count is not None and method.backwards >= count else None


def _contestant(
    setting: Setting,
    model: keras.Model,
    images: np.ndarray[Any, Any],
    title: str,
    method: ks.Method,
    target: Any = None,
    classes: int = 1,
    kind: str | None = None,
) -> Contestant:
    import kerascope as ks

    # A probe of its own, so that its counts are its own.
    probe = ks.Probe(model, batch_size=setting.batch)
    declared = (method.forwards, method.backwards * classes)
    sized = "sized" in method.tags
    return Contestant(title, "kerascope", lambda: method(probe, images, target), probe, declared, kind, sized)


def _deletion_insertion(setting: Setting, model: keras.Model, images: np.ndarray[Any, Any]) -> Contestant:
    """Both curves of one map, with the pass about the images themselves, the ranks and the blur."""
    import kerascope as ks
    from kerascope.metric import Deletion, EvalBatch, EvalItem, Insertion

    probe = ks.Probe(model, batch_size=setting.batch)
    explanation = ks.RandomMap()(probe, images)

    def call() -> None:
        item = EvalItem(EvalBatch(probe, images, None), explanation)
        for metric in (Deletion(steps=CURVE), Insertion(steps=CURVE)):
            metric.apply(item)

    name = times("deletion and insertion", CURVE)
    return Contestant(name, "kerascope", call, probe, (2 * CURVE + 1, 0), CURVES)


def _maximization(name: str, setting: Setting, model: keras.Model, **parameters: Any) -> Contestant:
    """One step of activation maximisation, as many images as the others explain."""
    import kerascope as ks
    from kerascope.maximization.canvas import Canvas
    from kerascope.maximization.targets import split_targets

    probe = ks.Probe(model, batch_size=setting.batch)
    configuration = ks.Maximize(copies=setting.batch, input_range=(-1, 1), **parameters)
    targets = [target for target in split_targets(0) for _ in range(setting.batch)]
    canvas = Canvas.of(probe, setting.batch, None, configuration.input_range, None)
    optimization = configuration.start(probe, targets, canvas, range(setting.batch), setting.batch)
    return Contestant(
        name, "kerascope", lambda: optimization.step(configuration.learning_rate), probe, (1, 1)
    )


def others(
    setting: Setting, model: keras.Model, images: np.ndarray[Any, Any]
) -> tuple[list[Contestant], dict[str, str]]:
    """The peers of this backend, and those that are not installed with the reason."""
    named = NAMED if setting.methods else {}
    found, absent = peers.peers(setting, model, images, COUNTS | named)
    return [Contestant(name, by, call) for (name, by), call in found.items()], absent
