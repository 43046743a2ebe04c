"""The stream: scores of images under masks, in full passes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from kerascope import errors
from kerascope.perturb.mask import Masks
from kerascope.perturb.memory import activation_bytes, budget, format_bytes, picture_bytes
from kerascope.perturb.step import StreamStep, Sums
from kerascope.probe import Answer, AnyProbe, Cut, Probe, Request
from kerascope.progress import Progress
from kerascope.typing import Array

Draw = Callable[[Array], Array]
"""`draw(numbers) -> codes`: the codes (m, d) of masks by their numbers, the same for every image."""

_CHUNK = 1 << 26
"""Bytes of a pass through a part of a model."""


class Stream:
    """Images under masks, in passes of rows: any of the images under any mask.

    A mask comes to all images before the next one does. As a context it draws a progress bar. An interruption
    (`KeyboardInterrupt`) while the model runs, and a black box that fails, end it: known scores count,
    all others are NaN from then on, and `warnings` says so.

    Args:
        probe: of the model, or a black box.
        first: about the images themselves; it pins the target.
        masks: the kind of mask.
        pictures: (N, *spatial, C), the images, or what the layer of `masks` returns of them.
        baselines: what stands where something is removed, each (N, *spatial, C), or None for inpainting.
        resident: what the masks need of the images, (N, ...) each.
        memory: the budget; see `kerascope.perturb.memory`.
        progress: see `kerascope.progress.Progress`.
        expected: about how many masks there will be for each image, or None where that is not known.
        title: of the progress bar.
        note: on the baselines.
        cut: where what a layer returns is replaced, for masks that do so.

    Attributes:
        used: int32 (N,), the number of masks of each image.
        failure: what a black box raised, or None.

    Raises:
        MemoryBudgetError: one row takes more than the budget.
    """

    def __init__(
        self,
        probe: AnyProbe,
        first: Answer,
        masks: Masks,
        pictures: Array,
        baselines: Sequence[Array | None],
        *,
        resident: Mapping[str, Array],
        memory: int | str | None,
        progress: bool | None,
        expected: int | None,
        title: str,
        note: str = "",
        cut: Cut | None = None,
    ) -> None:
        self.first, self.note = first, note
        self.failure: errors.BlackBoxError | None = None
        self.used = np.zeros(len(pictures), "int32")
        self._probe, self._masks, self._cut = probe, masks, cut
        self._pictures = pictures
        self._baselines = _narrow(
            [np.zeros_like(pictures) if baseline is None else baseline for baseline in baselines]
        )
        self._inpaint = tuple(index for index, baseline in enumerate(baselines) if baseline is None)
        self._resident = dict(resident)
        self._excluded = np.zeros(len(pictures), "int64")
        self._interrupted = False
        self._scores = first.scores.astype("float64").reshape(len(pictures), -1)
        # What scores are taken from while they are summed; it cancels.
        self._reference = np.where(np.isfinite(self._scores), self._scores, 0.0)
        self._total = None if expected is None else expected * len(pictures) * len(baselines)
        self._bar = (progress, title)
        self._open = contextlib.ExitStack()
        self._advance: Callable[[int], None] = lambda count: None
        self._images, self._rows = self._plan_sizes(budget(memory), expected)

    @property
    def stopped(self) -> bool:
        """No more masks are scored."""
        return self._interrupted or self.failure is not None

    @property
    def rows(self) -> int:
        """Rows of a pass."""
        return self._rows

    def __enter__(self) -> Self:
        wanted, title = self._bar
        self._advance = self._open.enter_context(Progress(self._total or 0, wanted, title)).advance
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def scores(self, requests: Mapping[int, Array], width: int | None = None) -> dict[int, Array]:
        """Scores under masks, for each image (m, K) float64; the scores under several baselines are averaged.

        `requests` has the codes (m, d) for each image, padded with zeros to `width`, so that one program
        serves all. A score is NaN where it was NaN or infinite, or did not run.
        """
        count = self._scores.shape[1]
        found = {image: np.zeros((len(codes), count)) for image, codes in requests.items()}
        answered = {image: np.zeros(len(codes), "int32") for image, codes in requests.items()}

        def codes(part: Array) -> Array:
            rows = [requests[image][mask] for mask, image in part.tolist()]
            return np.stack([np.pad(row, (0, (width or len(row)) - len(row))) for row in rows])

        for group in self._groups(sorted(requests)):
            order = _interleave({image: range(len(requests[image])) for image in group})
            for pairs, scores in self._passes(group, order, codes):
                for (mask, image), row in zip(pairs.tolist(), scores, strict=True):
                    found[image][mask] += row
                    answered[image][mask] += 1
        for image, times in answered.items():
            self.used[image] += int((times > 0).sum())
            found[image] /= len(self._baselines)
            found[image][times < len(self._baselines)] = np.nan
            self._excluded[image] += int((~np.isfinite(found[image]).all(axis=1) & (times > 0)).sum())
            found[image][~np.isfinite(found[image]).all(axis=1)] = np.nan
        return found

    def sums(self, draw: Draw, start: int, stop: int, images: Sequence[int]) -> dict[int, Sums]:
        """Sums over the masks number `start` to `stop - 1`, made on the device."""
        found: dict[int, Sums] = {}
        for group in self._groups(sorted(images)):
            order = _interleave(dict.fromkeys(group, range(start, stop)))
            drawn: dict[int, Array] = {}

            def codes(part: Array, drawn: dict[int, Array] = drawn) -> Array:
                masks = np.unique(part[:, 0]).tolist()
                for old in [mask for mask in drawn if mask < masks[0]]:
                    del drawn[old]
                new = [mask for mask in masks if mask not in drawn]
                drawn.update(zip(new, draw(np.asarray(new, "int64")) if new else (), strict=True))
                return np.stack([drawn[mask] for mask in part[:, 0].tolist()])

            known = {image: (np.zeros(self._scores.shape[1]), 0) for image in group}
            scored = dict.fromkeys(group, 0)
            device: dict[str, Any] = {}
            for pairs, scores in self._passes(group, order, codes, device):
                for (_, image), row in zip(pairs.tolist(), scores, strict=True):
                    scored[image] += 1
                    if np.isfinite(row).all():
                        change, number = known[image]
                        known[image] = change + row - self._reference[image], number + 1
            for row, image in enumerate(group):
                self.used[image] += -(-scored[image] // len(self._baselines))
                self._excluded[image] += -(-(scored[image] - known[image][1]) // len(self._baselines))
                pixels = int(np.prod(self._pictures.shape[1:-1]))
                found[image] = Sums(
                    np.asarray(device["weight"][row], "float64") if device else np.zeros(pixels),
                    np.asarray(device["total"][row], "float64")
                    if device
                    else np.zeros((len(known[image][0]), pixels)),
                    *known[image],
                )
        return found

    def warnings(self) -> tuple[tuple[type[Warning], str], ...]:
        """The warnings of the run."""
        found: list[tuple[type[Warning], str]] = []
        if self.stopped:
            found.append(
                (
                    errors.InterruptedWarning,
                    (
                        "every mask should be scored; the run was stopped after "
                        f"{_span(self.used)} masks an image, and the map is partial, made of these."
                    ),
                )
            )
        if self._excluded.any():
            found.append(
                (
                    errors.ExcludedWarning,
                    (
                        f"every score should be finite; of {int(self.used.sum())} masks "
                        f"{int(self._excluded.sum())} gave NaN or infinity (images "
                        f"{np.flatnonzero(self._excluded).tolist()[:5]}) and were left out; look for "
                        "overflow, as in float16, or for a logarithm in the target."
                    ),
                )
            )
        return tuple(found)

    def _plan_sizes(self, bytes_: int, expected: int | None) -> tuple[int, int]:
        """How many images are on the device, and how many rows go in a pass."""
        probe, count = self._probe, len(self._pictures)
        most = probe.pass_size(probe.batch_size)
        skippable = () if self._cut is None else self._cut.skippable
        fixed = probe.pass_size(1) > 1
        shape = self._pictures.shape[1:]
        row = picture_bytes(shape[:-1], shape[-1])
        resident = sum(array[:1].nbytes for array in self._resident.values())
        row += resident
        if isinstance(probe, Probe):
            graph = probe.graph(self.first.batch.to_structure())
            row += activation_bytes(graph, {call.number for call in skippable}, kept=not probe.compile)
        if skippable and not fixed:
            # The part of a model behind a cut is small: as many rows as fill a cache.
            most = max(most, _round_to_power_of_two(max(1, _CHUNK // row), down=True))
        wanted = count * len(self._baselines) * (expected or most)
        rows = most if fixed else min(most, _round_to_power_of_two(wanted))
        # One picture, its baselines, and what masks need; sums, and their successors, for each class.
        image = 4 * int(np.prod(shape)) * (1 + len(self._baselines))
        image += resident
        image += 8 * int(np.prod(shape[:-1])) * (1 + self._scores.shape[1])
        least = image + row * (rows if fixed else 1)
        if least > bytes_:
            raise errors.MemoryBudgetError(
                f"memory must hold one image under {f'{rows} masks' if fixed else 'one mask'}, which takes "
                f"about {format_bytes(least)}; got {format_bytes(bytes_)}; allow more, or use smaller images."
            )
        if not fixed:
            rows = min(rows, _round_to_power_of_two((bytes_ - image) // row, down=True))
        images = min(_round_to_power_of_two(count), rows)
        while images > 1 and images * image + rows * row > bytes_:
            images //= 2
        return images, rows

    def _groups(self, images: Sequence[int]) -> Iterator[list[int]]:
        """The images, as many at a time as are on the device."""
        for start in range(0, len(images), self._images):
            yield list(images[start : start + self._images])

    def _passes(
        self,
        group: Sequence[int],
        order: Array,
        codes: Callable[[Array], Array],
        device: dict[str, Any] | None = None,
    ) -> Iterator[tuple[Array, Array]]:
        """Pass by pass the pairs (mask, image), and their scores; with `device`, sums are left in it."""
        if self.stopped or not len(order):
            return
        positions = {image: index for index, image in enumerate(group)}
        baselines = len(self._baselines)
        try:
            run, fixed = self._compile_step(group, device is not None)
            for start in range(0, len(order) * baselines, self._rows):
                numbers = np.arange(start, min(start + self._rows, len(order) * baselines))
                pairs = order[numbers // baselines]
                # The last row again where there are fewer than a pass has.
                filled = np.minimum(np.arange(self._rows), len(numbers) - 1)
                rows = np.asarray([positions[image] for image in pairs[:, 1].tolist()], "int32")
                carried = {
                    **fixed,
                    "rows": rows[filled],
                    "which": (numbers % baselines).astype("int32")[filled],
                    "codes": codes(pairs).astype("float32")[filled],
                }
                if device is not None:
                    carried["real"] = (np.arange(self._rows) < len(numbers)).astype("float32")
                    carried |= device
                result = run(self._tensors(carried), len(numbers))
                # Waits for the device: an interruption comes here, before anything counts.
                scores = np.asarray(self._numbers(result["scores"]), "float64")[: len(numbers)]
                if device is not None:
                    device.update({name: result[name] for name in ("weight", "total")})
                self._advance(len(numbers))
                yield pairs, scores
        except KeyboardInterrupt:
            self._interrupted = True
        except errors.BlackBoxError as failure:
            self.failure = failure
        if device:
            device.update({name: self._numbers(value) for name, value in device.items()})

    def _compile_step(self, group: Sequence[int], summed: bool) -> tuple[Any, dict[str, Any]]:
        """The compiled step for a group of images, and what stays on the device for it."""
        images = np.asarray([*group, *[group[-1]] * (self._images - len(group))])
        numpy = self._probe.numpy
        step = StreamStep(self._masks, tuple(sorted(self._resident)), self._images, self._inpaint, summed)
        batch = self.first.batch
        run = self._probe.routine(
            step.over(numpy),
            batch.to_structure([array[images] for array in batch.arrays]),
            self.first.pinned.take(images),
            step.tensor_names,
            Request() if self._cut is None else Request((self._cut.path,)),
            rows=self._rows,
            replaced=self._cut is not None,
            key=step,
        )
        fixed: dict[str, Any] = {
            "pictures": self._pictures[images].astype("float32"),
            "baselines": np.concatenate([baseline[images] for baseline in self._baselines]).astype("float32"),
            **{name: value[images] for name, value in self._resident.items()},
        }
        if summed:
            pixels = int(np.prod(self._pictures.shape[1:-1]))
            fixed["reference"] = self._reference[images].astype("float32")
            fixed["weight"] = np.zeros((self._images, pixels), "float32")
            fixed["total"] = np.zeros((self._images, self._scores.shape[1], pixels), "float32")
        return run, self._tensors(fixed)

    def _tensors(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        numpy = self._probe.numpy
        return {
            name: numpy.convert_to_tensor(value)
            if isinstance(value, np.ndarray) and numpy is not np
            else value
            for name, value in arrays.items()
        }

    def _numbers(self, tensor: Any) -> Array:
        return np.asarray(
            tensor if isinstance(tensor, np.ndarray) else self._probe.numpy.convert_to_numpy(tensor)
        )


def _narrow(baselines: Sequence[Array]) -> list[Array]:
    """Baselines with axes of 1 where none of them changes: one colour is less work than a picture of it."""
    found = list(baselines)
    rank = found[0].ndim
    for axes in (tuple(range(1, rank - 1)), (rank - 1,)):
        first = tuple(slice(0, 1) if axis in axes else slice(None) for axis in range(rank))
        if all((baseline == baseline[first]).all() for baseline in found):
            found = [baseline[first] for baseline in found]
    return found


def _round_to_power_of_two(count: int, down: bool = False) -> int:
    """The power of two that is not below `count`, or not above it."""
    return 1 << (count.bit_length() - 1 if down else (count - 1).bit_length())


def _interleave(masks: Mapping[int, range]) -> Array:
    """Pairs (mask, image), int64 (T, 2): every image under its first mask, then under the next one."""
    pairs = np.concatenate(
        [np.stack([np.asarray(numbers), np.full(len(numbers), image)], 1) for image, numbers in masks.items()]
    ).astype("int64")
    return pairs[np.argsort(pairs[:, 0], kind="stable")]


def _span(used: Array) -> str:
    low, high = int(used.min()), int(used.max())
    return str(low) if low == high else f"{low} to {high}"
