"""A picture: digits under a stretched and a measured map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import kerascope as ks
from benchmarks.one_pass.questions import Questions
from kerascope.placement import PlacementChoice

COUNT = 6
_ROWS: tuple[PlacementChoice, ...] = ("stretched", "measured")


def draw(questions: Questions, file: Path) -> None:
    """Draw the first digit of each of several classes, with HiResCAM under both placements."""
    rows = np.sort(np.unique(questions.targets, return_index=True)[1][:COUNT])
    images = questions.images[rows]
    probe = ks.Probe(questions.model, placement="measured")
    explanation = ks.HiResCAM()(probe, images, list(map(int, questions.targets[rows])))
    figure = Figure(figsize=(1.1 * COUNT, 2.5), dpi=90, layout="constrained")
    panels = figure.subplots(len(_ROWS), COUNT)
    for line, placement in zip(panels, _ROWS, strict=True):
        heatmaps = explanation.heatmaps(placement=placement)
        line[0].set_ylabel(placement, fontsize=9)
        for panel, image, heatmap in zip(line, images, heatmaps, strict=True):
            panel.imshow(heatmap, cmap="inferno", vmin=0, vmax=heatmap.max())
            panel.contour(image[..., 0], [0.5], colors="white", linewidths=0.8)
            panel.set(xticks=[], yticks=[])
    figure.savefig(file)
