"""`python -m benchmarks.one_pass`: which map of one pass shows most, on networks that are small and large.

Each setting is asked with each seed, and what was measured is kept in a file, so that a run that is stopped
goes on where it was. `--table` writes docs/leaderboard/one_pass.md from that file. A seed draws weights,
pictures and grounds; seeds 0 to 4 are those by which the method was chosen, 5 to 9 those of the table.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

import kerascope as ks
from benchmarks.one_pass import large, small
from benchmarks.one_pass.questions import Questions
from benchmarks.one_pass.tables import table
from kerascope.metric.localisation import EnergyPointingGame

DOCS = Path(__file__).parents[2] / "docs" / "leaderboard" / "one_pass.md"

SETTINGS: dict[str, Callable[[int], Questions]] = {
    **{
        f"{name}, {head}, {padding}": partial(build, head=head, padding=padding)
        for name, build, both in (
            ("digits", small.of_digits, ("valid", "same")),
            ("shapes", small.of_shapes, ("valid", "same")),
        )
        for head in ("flatten", "pool")
        for padding in both
    },
    "shapes, CIFAR network": small.of_colours,
    "scenes of pieces": small.of_scenes,
    "EfficientNet-Lite0, photographs": large.lite_on_photographs,
    "EfficientNet-Lite0, objects": large.lite_on_objects,
    "EfficientNet-Lite0, scenes": large.lite_on_scenes,
    "DINOv2, objects": large.dino_on_objects,
    "DINOv2, scenes": large.dino_on_scenes,
}


def methods(layers: tuple[str, ...]) -> dict[str, ks.Method]:
    """What is compared, by its title: maps of one pass, one of many, and controls."""
    several = len(layers) > 1
    return {
        "auto (multi-scale CAM)": ks.Auto(),
        "fast (HiResCAM)": ks.Fast(),
        "Grad-CAM": ks.GradCAM(),
        "LayerCAM": ks.LayerCAM(),
        **({"LayerCAM, scales fused": ks.LayerCAM(layers=layers, fusion="scaled")} if several else {}),
        **({"HiResCAM, product of scales": ks.HiResCAM(layers=layers, fusion="product")} if several else {}),
        "saliency": ks.Saliency(),
        "input x gradient": ks.InputXGradient(),
        "guided backpropagation": ks.GuidedBackprop(),
        "integrated gradients, 50 steps": ks.IntegratedGradients(),
        "chance": ks.RandomMap(),
        "centre": ks.CentreGaussian(),
        "edges": ks.EdgeMap(),
    }


MANY = "integrated gradients, 50 steps"
CHECKED = 16


def measured(questions: Questions, seed: int, dear: bool) -> dict[str, dict[str, float]]:
    """Each method's means over the images, NaN where a measure does not apply."""
    probe = ks.Probe(questions.model, batch_size=32)
    targets = [int(one) for one in questions.targets]
    scales = tuple(str(one) for one in probe.scales(questions.images[:1], 0).layers)
    chosen = methods(scales)
    if not dear:
        del chosen[MANY]
    found: dict[str, dict[str, float]] = {}
    every = slice(questions.curves)
    for title, method in chosen.items():
        start = time.perf_counter()
        try:
            explanation = method(probe, questions.images, targets)
        except ks.errors.KerascopeError as error:
            print(f"    {title}: {error}", flush=True)
            continue
        row = {"seconds": (time.perf_counter() - start) / len(targets), "images": len(targets)}
        maps = explanation.heatmaps()
        row["blank"] = float(explanation.flat.mean())
        row["pointing"] = _mean(ks.metric.PointingGame().score_map, maps, questions.masks)
        row["energy"] = _mean(EnergyPointingGame().score_map, maps, questions.masks)
        if questions.tiles is not None:
            row["focus"] = _mean(EnergyPointingGame().score_map, maps, questions.tiles)
        found[title] = row
    if questions.curves != 0:
        names: dict[str, ks.metric.Metric] = {
            "deletion": ks.metric.Deletion(steps=questions.steps, baseline=questions.ground),
            "insertion": ks.metric.Insertion(steps=questions.steps, baseline=questions.ground),
            "patches": ks.metric.RegionPerturbation(regions=100, steps=questions.steps),
        }
        report = ks.evaluate(
            [chosen[title] for title in found],
            probe,
            questions.images[every],
            metrics=list(names.values()),
            target=targets[every],
            controls=(),
            progress=False,
        )
        for title, values in zip(found, np.nanmean(report.values, axis=2), strict=True):
            found[title] |= dict(zip(names, map(float, values), strict=True))
            found[title]["difference"] = found[title]["insertion"] - found[title]["deletion"]
    if questions.sane:
        for title, method in chosen.items():
            if title in found and title not in (MANY, "chance", "centre", "edges"):
                check = ks.sanity(method, probe, questions.images[:CHECKED], seed=seed).check("cascading")
                found[title]["kept"] = float(np.nanmean(check.retention))
    return found


def _mean(score_map: Any, maps: Any, masks: Any) -> float:
    """Blank maps count as misses."""
    values = [
        score_map(heatmap, mask) if heatmap.max() > max(0.0, heatmap.min()) else 0.0
        for heatmap, mask in zip(maps, masks, strict=True)
        if mask.any()
    ]
    return float(np.mean(values))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one_pass", description=__doc__)
    add = parser.add_argument
    add("settings", nargs="*", default=list(SETTINGS), help="beginnings of names; default: all")
    add("--seeds", nargs="*", type=int, default=list(range(5, 10)), help="default: 5 to 9")
    add("--out", type=Path, default=Path("benchmarks/results/one_pass.json"), help="what was measured")
    add("--table", action="store_true", help=f"write {DOCS.name} from what was measured, and measure nothing")
    chosen = parser.parse_args()
    known = json.loads(chosen.out.read_text(encoding="utf-8")) if chosen.out.exists() else {}
    if chosen.table:
        DOCS.write_text(table(known, sorted({int(key.split("|")[1]) for key in known})), encoding="utf-8")
        return 0
    warnings.simplefilter("ignore", ks.errors.KerascopeWarning)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    for seed in chosen.seeds:
        for name, build in SETTINGS.items():
            key = f"{name}|{seed}"
            if key in known or not any(name.startswith(one) for one in chosen.settings):
                continue
            start = time.monotonic()
            questions = build(seed)
            known = json.loads(chosen.out.read_text(encoding="utf-8")) if chosen.out.exists() else known
            known[key] = measured(questions, seed, dear="DINO" not in name or "objects" in name)
            chosen.out.write_text(json.dumps(known, indent=1), encoding="utf-8")
            print(f"{key}: {time.monotonic() - start:.0f} s, Keras {keras.__version__}", flush=True)
            keras.utils.clear_session()
    return 0


if __name__ == "__main__":
    sys.exit(main())
