"""The table of a model's layers: which of them can be explained, which one is automatic, and why."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsIndex, overload

from kerascope import errors
from kerascope.probe.graph.automatic_layer import Automatic, Measure, find_automatic
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.graph.head import score_sources
from kerascope.probe.graph.head_kind import HeadKind, head_kind

_SIGN = "\N{MULTIPLICATION SIGN}"
_FLATTENED = "the head flattens: Grad-CAM averages places away here; HiResCAM and MultiScaleCAM do not"


@dataclass(frozen=True)
class LayerRow:
    """One layer call of a model, which `layer=` can name.

    Args:
        path: its path, as `layer=` takes it.
        kind: class of the layer or operation.
        shape: shape of its output for one image.
        grid: spatial size that a map at this layer has, or None.
        channels: number of channels there, or None.
        explainable: a map of the model's own score can be made there.
        automatic: it is the one taken when no layer is named.
        note: why it is the automatic one, why it cannot be used, or whose tensor it returns; else empty.
        head: of the automatic one, how its channels reach the score; see `head_kind`. None of others.
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    grid: tuple[int, ...] | None
    channels: int | None
    explainable: bool
    automatic: bool
    note: str
    head: HeadKind | None = None

    @property
    def size(self) -> str:
        """The grid in words, `"7 x 7"`, or `"-"`."""
        return "-" if self.grid is None else f" {_SIGN} ".join(map(str, self.grid))


class LayerTable(tuple[LayerRow, ...]):
    """The rows of a table of layers, in the order of the forward pass, which prints itself.

    As text, and as HTML in a notebook. The automatic layer is marked with a star, and a line below says why
    it is taken; another one says so where the head flattens it. A slice is a table again.
    """

    __slots__ = ()

    @property
    def automatic(self) -> LayerRow | None:
        """The layer that is taken when none is named, or None where there is none."""
        return next((row for row in self if row.automatic), None)

    @overload
    def __getitem__(self, key: SupportsIndex) -> LayerRow: ...
    @overload
    def __getitem__(self, key: slice) -> LayerTable: ...
    def __getitem__(self, key: SupportsIndex | slice) -> LayerRow | LayerTable:
        found = super().__getitem__(key)
        return LayerTable(found) if isinstance(key, slice) else found  # type: ignore[arg-type, return-value]

    def __str__(self) -> str:
        cells = [("", "path", "kind", "grid", "channels", ""), *map(_cells, self)]
        widths = [max(map(len, column)) for column in list(zip(*cells, strict=True))[:5]]
        lines = [
            f"{star:1} {path:{widths[1]}}  {kind:{widths[2]}}  {size:{widths[3]}}  "
            f"{channels:>{widths[4]}}  {note}".rstrip()
            for star, path, kind, size, channels, note in cells
        ]
        return "\n".join([*lines, *self._footer()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        names = ("", "path", "kind", "grid", "channels", "")
        head = "".join(f"<th>{name}</th>" for name in names)
        rows = "".join(
            f"<tr{' style=font-weight:bold' * row.automatic}>"
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(row))
            + "</tr>"
            for row in self
        )
        footer = "".join(f"<p>{html.escape(line)}</p>" for line in self._footer())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{footer}"

    def _footer(self) -> list[str]:
        if self.automatic is None:
            return []
        return [f"* {self.automatic.note}", *([_FLATTENED] if self.automatic.head == "flattened" else [])]


def make_table(graph: Graph, measure: Measure) -> LayerTable:
    """Every call of a graph as a row, in the order of the forward pass.

    Args:
        graph: of the model.
        measure: of all outputs: see `find_automatic`.
    """
    sources = score_sources(graph, range(len(graph.outputs)))
    reached = graph.upstream(sources)
    if "automatic in the table" not in graph.memo:
        graph.memo["automatic in the table"] = _find_automatic(graph, sources, measure)
    found: Automatic | None = graph.memo["automatic in the table"]
    automatic = None if found is None else found.call
    rows = []
    for call in graph.calls:
        obstacle = _obstacle(graph, call, reached)
        note = obstacle or _same_as(graph, call)
        if found is not None and call is automatic:
            note = _why(graph, reached, found)
        rows.append(
            LayerRow(
                graph.name(call),
                type(call.layer.operation).__name__,
                call.shape[1:],
                call.layout.spatial if call.layout else None,
                call.layout.channels if call.layout else None,
                not obstacle,
                call is automatic,
                note,
                head_kind(graph, call, sources) if call is automatic else None,
            )
        )
    return LayerTable(rows)


def _cells(row: LayerRow) -> tuple[str, ...]:
    star, note = ("*", "automatic") if row.automatic else ("", row.note)
    channels = "-" if row.channels is None else str(row.channels)
    return star, row.path, row.kind, row.size, channels, note


def _find_automatic(graph: Graph, sources: Sequence[int], measure: Measure) -> Automatic | None:
    try:
        return find_automatic(graph, sources, measure=measure)
    except errors.NoSpatialExtentError:
        return None


def _why(graph: Graph, reached: set[int] | None, automatic: Automatic) -> str:
    """Why the automatic layer is taken, and what is beside it."""
    last = "the last output with more than one position"
    if any(graph.is_explainable(call) and not call.sees_image for call in graph.calls):
        last += " that the explained input leads to"
    hidden = "; operators in a `call` hide the way to the score"
    beside = " and ".join(repr(graph.name(call)) for call in automatic.beside)
    return (
        f"automatic: {last}{hidden if reached is None else ', on the way to the score'}"
        f"{f'; other branches end in {beside}' if beside else ''}"
    )


def _obstacle(graph: Graph, call: LayerCall, reached: set[int] | None) -> str:
    """Why no map can be made at a call, or an empty text."""
    if call.untappable is not None:
        return call.untappable
    if call.layout is None:
        return f"a vector of {call.shape[1]}" if len(call.shape) == 2 else f"no grid in {call.shape[1:]}"
    if call.layout.positions < 2:
        return "a single position"
    if not call.dtype.startswith(("float", "bfloat")):
        return f"{call.dtype} has no gradient"
    if call.number in graph.dead_tokens or call.producer in graph.dead_tokens:
        return "its patches do not reach the score"
    if graph.has_no_places(call):
        return "its positions are no places of the image"
    # A call that returns a tensor of another one is on the way where that one is.
    known = {call.number, call.producer} if call.producer >= 0 else set[int]()
    if reached is not None and known and not known & reached:
        return "not on the way to the score"
    return ""


def _same_as(graph: Graph, call: LayerCall) -> str:
    """Whose tensor a call returns, where it is not its own."""
    if call.producer == call.number:
        return ""
    return f"same as {graph.name(graph.calls[call.producer])}" if call.producer >= 0 else "same as the input"
