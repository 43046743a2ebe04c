"""A probe that finds where the cells of layers lie, once for each layer and size of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kerascope.layout import Layout
from kerascope.placement import Placement, stretch
from kerascope.probe.execute.request import CheckedRequest
from kerascope.probe.execute.state import ProbeState
from kerascope.probe.graph.graph import LayerCall
from kerascope.probe.input_range import pixel_range
from kerascope.probe.inputs import input_specs
from kerascope.probe.placing.changes import MOST_ROWS, PASSES, PatchRun
from kerascope.probe.placing.doubt import find_doubt
from kerascope.probe.placing.measure import place


class ProbePlacing(ProbeState):
    """A probe that places the cells of layers: see `Probe`."""

    @property
    def placement_count(self) -> int:
        """Number of images that went forward to find where cells look; `forward_count` is without them."""
        return self._counts["placement"]

    def _unplaced(self, checked: CheckedRequest) -> list[LayerCall]:
        """The calls of a request whose cells must be measured and have not been."""
        graph, batch = checked.graph, checked.batch
        if self.placing == "stretched" or graph.image_layout is None or batch.explained is None:
            return []
        named = (graph.find_call(layer) for layer in (*checked.layers, *checked.target.layers))
        makers = {graph.maker(call): graph.calls[graph.maker(call)] for call in named}
        return [
            call
            for number, call in makers.items()
            if number not in graph.placements
            and call.layout is not None
            and call.layout.positions > 1
            and call.sees_image
            and call.untappable is None
            and (self.placing == "measured" or find_doubt(graph, call) != "none")
        ]

    def _place(self, checked: CheckedRequest, calls: Sequence[LayerCall]) -> None:
        """Measure where the cells of some calls lie, and keep it."""
        graph, batch = checked.graph, checked.batch
        assert batch.explained is not None
        specs = input_specs(self.model)
        fixed = specs[0].shape[0] if specs else None
        variables = self._variables()
        whole_numbers = batch.arrays[batch.explained].dtype.kind != "f"
        run = PatchRun(
            self._run_model,
            self._operations(),
            variables,
            self._backend.state(variables),
            graph,
            batch,
            pixel_range(graph) or (0.0, 255.0 if whole_numbers else 1.0),
            fixed or min(MOST_ROWS, self.batch_size),
            self.compile and self._backend.compiles,
        )
        try:
            changes = run.find_changes(calls)
        except Exception as error:  # noqa: BLE001 (a model that refuses noise has scores of images all the same)
            note = f"where its cells look could not be measured ({type(error).__name__}: {error})"
            found = {
                call.number: _stretch(graph.image or (), call.layout, note) for call in calls if call.layout
            }
        else:
            found = {
                call.number: place(graph, call, change, find_doubt(graph, call))
                for call, change in zip(calls, changes, strict=True)
            }
        self._counts["placement"] += PASSES
        self._cache.add_places(batch, found)


def _stretch(image: tuple[int, ...], layout: Layout, note: str) -> tuple[Layout, Placement]:
    return layout, replace(stretch(layout.spatial, image), note=note)
