"""`python -m benchmarks.audit`: shortcuts planted into small models, and what an audit finds of them.

Each run trains a small network on pictures with a planted shortcut, or with none, and audits it on pictures
that it has not seen. Whether a network rests on what was planted is measured apart from the audit: the same
shortcut is planted into clean pictures of other classes, and it is counted how many it turns. The tables are
written into docs/audit-runs.md.

`--method grad_cam,auto` audits each network by both, and prints what they find side by side.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.audit.page import replace_part

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "audit.json"
COMPARED = ROOT / "benchmarks" / "results" / "audit-compared.json"
COST = ROOT / "benchmarks" / "results" / "audit-cost.json"
RATES = (1.0, 0.9, 0.6)
RESTS = 0.25
"""The share of other classes' pictures that a shortcut must turn for a network to be said to rest on it."""
SMALL = 5
"""Pixels along each side of a small mark."""


@dataclass(frozen=True)
class Case:
    """One run.

    Args:
        data: `"digits"` or `"shapes"`.
        kind: of the shortcut, or None.
        rate: of the pictures of its classes that have it.
        classes: that have it.
        seed: of everything.
        side: pixels along each side of a mark, or None for what is usual.
    """

    data: str
    kind: str | None
    rate: float
    classes: tuple[int, ...]
    seed: int
    side: int | None = None


def cases(clean: int) -> list[Case]:
    """Every kind at every rate, on one class and on several; small marks; clean ones of both data sets."""
    from kerascope.synthetic import shortcuts

    found = []
    for kind in shortcuts.KINDS:
        for rate in RATES:
            for classes in ((3,), (1, 5, 8)):
                found.append(Case("digits", kind, rate, classes, len(found)))
    for kind in ("watermark", "background", "frame"):
        for rate in RATES:
            for repeat in range(2):
                found.append(Case("shapes", kind, rate, (0, 1, 2, 3), 100 + len(found) + repeat))
    # Networks learn a small mark only where it is nearly always there.
    for rate in (1.0, 1.0, 0.9):
        for _ in range(3):
            found.append(Case("digits", "random place", rate, (1, 5, 8), 300 + len(found), SMALL))
    found += [Case(("digits", "shapes")[n % 2], None, 0.0, (), 500 + n) for n in range(clean)]
    return found


def digit_network(images: Any, labels: Any, seed: int) -> Any:
    """Three convolutions and the mean over space, some 90 % right on digits."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=64, epochs=10, verbose=0)
    return model


def made(case: Case) -> tuple[Any, Any, Any, dict[int, float]]:
    """The network; held-out images, labels and places; and by how much it rests on the shortcut, by class."""
    import numpy as np

    from examples.demo.digits import load_digits
    from kerascope.synthetic import shapes, shortcuts

    rests = {}
    if case.data == "digits":
        digits = load_digits("package", case.seed)
        images, labels = digits.train_images, digits.train_labels
        clean, truth = digits.test_images, digits.test_labels
        held = shortcuts.Planted(clean, truth, truth < 0, np.zeros(clean.shape[:3], bool), "", ())
        plant = partial(shortcuts.plant, kind=case.kind or "", side=case.side)
        if case.kind is not None:
            planted = plant(images, labels, classes=case.classes, rate=case.rate, seed=case.seed)
            images, labels = planted.images, planted.labels
            held = plant(clean, truth, classes=case.classes, rate=case.rate, seed=case.seed + 1)
        model = digit_network(images, labels, case.seed)
        before = model.predict(clean, verbose=0).argmax(axis=1)
        for order, label in enumerate(case.classes):
            # As though the pictures of all other classes were of this one, whose turn is the same.
            stand_in = np.where(truth == label, -1, label)
            turns = (-2,) * order
            marked = plant(clean, stand_in, classes=(*turns, label), seed=case.seed + 2)
            others = truth != label
            after = model.predict(marked.images, verbose=0).argmax(axis=1)
            rests[label] = float(((after == label) & others).sum() / others.sum()) - float(
                ((before == label) & others).sum() / others.sum()
            )
        return model, held.images, held, rests
    known = shapes.make(2000, shortcut=case.kind, seed=case.seed, rate=case.rate if case.kind else 1.0)
    test = shapes.make(800, shortcut=case.kind, seed=case.seed + 1000, rate=case.rate if case.kind else 1.0)
    model = shapes.train(known, epochs=30 if case.rate in (0.0, 1.0) else 15, seed=case.seed)
    has = test.masks.any(axis=(1, 2))
    if case.kind is not None:
        # Pictures in which the shortcut alone is drawn at random: does the prediction follow it?
        drawn = shapes.make(500, shortcut=case.kind, seed=case.seed + 2000)
        predicted = model.predict(drawn.images, verbose=0).argmax(axis=1)
        for label in case.classes:
            own = drawn.labels == label
            rests[label] = float((predicted[own] == label).mean() - (predicted[~own] == label).mean())
    held = shortcuts.Planted(test.images, test.labels, has, test.masks, case.kind or "", case.classes)
    return model, held.images, held, rests


def overlap(finding: Any, planted: Any, label: int) -> float | None:
    """The intersection over union of where a finding says it is, and where it was planted."""
    import numpy as np

    height, width = planted.images.shape[1:3]
    if finding.places:
        found = []
        for index, (top, left, bottom, right) in finding.places.items():
            if planted.has[index]:
                box = np.zeros((height, width), bool)
                box[
                    round(top * height) : round(bottom * height), round(left * width) : round(right * width)
                ] = True
                found.append((box & planted.places[index]).sum() / (box | planted.places[index]).sum())
        return float(np.mean(found)) if found else 0.0
    if finding.region is None:
        return None
    own = planted.has & (planted.labels == label)
    true = planted.places[own].mean(axis=0) > 0.5
    return float((finding.region & true).sum() / max((finding.region | true).sum(), 1))


def run(task: tuple[Case, Sequence[str]]) -> list[dict[str, Any]]:
    """Train, audit by each method, and compare with what was planted."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")

    case, methods = task
    start = time.perf_counter()
    model, images, planted, rests = made(case)
    right = float((model.predict(images, verbose=0).argmax(axis=1) == planted.labels).mean())
    known = {
        "case": asdict(case),
        "right": round(right, 4),
        "rests": {str(label): round(value, 3) for label, value in rests.items()},
        "train": round(time.perf_counter() - start, 1),
    }
    return [known | audited(case, method, model, images, planted) for method in methods]


def audited(case: Case, method: str, model: Any, images: Any, planted: Any) -> dict[str, Any]:
    """What an audit finds by a method."""
    import kerascope as ks

    start = time.perf_counter()
    audit = ks.audit(
        model, images, planted.labels, method=method, sanity=False, seed=case.seed, progress=False
    )
    findings: dict[int, list[dict[str, Any]]] = {label: [] for label in case.classes}
    false = []
    for one in audit.confirmed:
        told = {"kind": one.kind, "what": one.what, "effect": round(one.effect, 3)}
        # Of shapes, "nothing" is told by a grey background, or a grey frame: neither planted nor false.
        if case.data == "shapes" and case.kind and one.label == 4:
            continue
        if one.label in case.classes:
            place = overlap(one, planted, one.label)
            findings[one.label].append(told | {"overlap": None if place is None else round(place, 3)})
        else:
            false.append(told | {"label": one.label})
    placed = {
        label: [
            one.kind
            for one in audit.findings
            if one.label == label and (overlap(one, planted, label) or 0) > 0.5
        ]
        for label in case.classes
    }
    return {
        "method": method,
        "suspected": {str(label): kinds for label, kinds in placed.items()},
        "found": {str(label): found for label, found in findings.items()},
        "false": false,
        "tried": sum(one.verdict != "untested" for one in audit.findings),
        "flat": round(audit.health.flat, 3),
        "seconds": round(time.perf_counter() - start, 1),
    }


def _percent(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else "-"


def page(runs: Sequence[dict[str, Any]]) -> str:
    """The tables, as Markdown."""
    planted = [one for one in runs if one["case"]["kind"]]
    clean = [one for one in runs if not one["case"]["kind"]]
    head = f"""Made by `python -m benchmarks.audit`; [audit.md](audit.md) says what is planted, and how it is
counted. {len(runs)} runs, each with a network of its own: {len(planted)} with a shortcut, {len(clean)}
without. Maps are those of `{runs[0].get("method", "grad_cam")}`.

A class counts once. *Rest on it*: planted into clean pictures of other classes, the shortcut turns a quarter
of them or more into the class. *Found*: there is a confirmed finding on the class. *Located*: with an
intersection over union above .5 with the true place; a tint has none.

"""
    columns = ("data", "shortcut", "co-occurrence", "classes", "rest on it")
    columns += ("of these found", "of these located", "found of the others")
    lines = [*head.rstrip().splitlines(), "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    groups: dict[tuple[Any, ...], list[tuple[bool, list[dict[str, Any]]]]] = {}
    for one in planted:
        case = one["case"]
        for label, found in one["found"].items():
            key = (case["data"], _kind(one), case["rate"])
            groups.setdefault(key, []).append((one["rests"][label] >= RESTS, found))
    total = [0, 0, 0, 0, 0]
    for (data, kind, rate), members in groups.items():
        resting = [found for rests, found in members if rests]
        others = [found for rests, found in members if not rests]
        hits = [found for found in resting if found]
        located = [found for found in hits if any((one["overlap"] or 0) > 0.5 for one in found)]
        counted = [found for found in hits if kind != "tint"]
        lines.append(
            f"| {data} | {kind} | {rate:.0%} | {len(members)} | {len(resting)} | "
            f"{_percent(len(hits), len(resting))} | "
            f"{'-' if kind == 'tint' else _percent(len(located), len(hits))} | "
            f"{_percent(sum(bool(found) for found in others), len(others))} |"
        )
        if kind != "tint":
            total[3] += len(located)
            total[4] += len(counted)
        total[0] += len(members)
        total[1] += len(resting)
        total[2] += len(hits)
    false_planted = sum(bool(one["false"]) for one in planted)
    false_clean = sum(bool(one["false"]) for one in clean)
    tried = sum(one["tried"] for one in clean)
    lines += f"""
**Recall** on classes whose network rests on what was planted: {total[2]} of {total[1]}
({total[2] / max(total[1], 1):.0%}); located: {total[3]} of {total[4]}.

**False alarms**: {false_clean} of {len(clean)} clean networks have a confirmed finding ({tried} suspicions
were tried); {false_planted} of {len(planted)} networks with a shortcut have one on another class.
""".splitlines()
    alarms = [(one, found) for one in runs for found in one["false"]]
    if alarms:
        lines += ["", "| data | shortcut | seed | class | finding | effect |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {one['case']['data']} | {one['case']['kind'] or 'none'} | {one['case']['seed']} | "
            f"{found['label']} | {found['what']} | {found['effect']:.2f} |"
            for one, found in alarms
        ]
        lines.append("")
    return "\n".join(lines)


def side_by_side(runs: Sequence[dict[str, Any]]) -> str:
    """What each method finds on the same networks, as Markdown: numbers in the order of the methods."""
    methods = list(dict.fromkeys(one["method"] for one in runs))
    command, each = f"python -m benchmarks.audit --method {','.join(methods)}", len(runs) // len(methods)
    head = f"""## On the same networks

Made by `{command}`. Each of {each} networks was trained once, and
audited with the maps of {" and of ".join(methods)}; where they differ, both numbers are given.
*Suspected there*: something is suspected in the right place, whether or not the network rests on it.
"""
    columns = ("data", "shortcut", "networks", "classes", "suspected there", "rest on it", "of these found")
    columns += ("of these located", "networks with a false alarm", "suspicions tried")
    lines = [*head.splitlines(), "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for group in [*dict.fromkeys(_of(one) for one in runs), ("all", "")]:
        rows = []
        for method in methods:
            own = [one for one in runs if one["method"] == method and group in (_of(one), ("all", ""))]
            classes = [one for run in own for one in _classes(run)]
            hits = [found for found, rests, _ in classes if rests >= RESTS and found]
            placed = sum(any((told["overlap"] or 0) > 0.5 for told in one) for one in hits)
            suspected = sum(bool(kinds) for *_, kinds in classes)
            resting = sum(rests >= RESTS for _, rests, _ in classes)
            false = sum(bool(one["false"]) for one in own)
            tried = sum(one["tried"] for one in own)
            rows.append((len(own), len(classes), suspected, resting, len(hits), placed, false, tried))
        cells = [", ".join(map(str, dict.fromkeys(cell))) for cell in zip(*rows, strict=True)]
        lines.append(f"| {group[0]} | {group[1]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _of(run: dict[str, Any]) -> tuple[str, str]:
    return run["case"]["data"], _kind(run)


def _kind(run: dict[str, Any]) -> str:
    """Of the shortcut, in words."""
    kind, side = run["case"]["kind"] or "none", run["case"]["side"]
    return f"{kind}, {side} pixels" if side else kind


def _classes(run: dict[str, Any]) -> list[tuple[list[dict[str, Any]], float, list[str]]]:
    """Of each class: findings, how much the network rests on the shortcut, what is suspected in its place."""
    return [(found, run["rests"][label], run["suspected"][label]) for label, found in run["found"].items()]


def cost(found: dict[str, Any]) -> str:
    """What an audit costs, as Markdown."""
    times, explain, tried = found["times"], found["times"]["explain"], found["times"]["try"]
    ratio = times["audit"] / times["bare"]
    each = 1000 * (times["audit"] - times["bare"]) / times["images"]
    made, needed = times["passes"], times["needed"]
    lines = f"""## What it costs

Made by `python -m benchmarks.audit --what cost`. {times["images"]:,} digits, the demo's network,
{times["backend"]}: to explain them {explain["forwards"]:,} forwards and
{explain["backwards"]:,} backwards, to try suspects {tried["forwards"]:,} forwards. Counted in passes (a
backward as two), {made / needed:.2f} of what explaining and the interventions need.

In time, an audit takes {times["audit"]:.2f} s, and its passes alone, compiled without kerascope,
{times["bare"]:.2f} s (medians): {ratio:.1f} times as long. The rest is decoding, describing, searching
pictures for patches, clustering and writing, some {each:.0f} ms an image whatever the model.

Folders of digits, each in a process of its own, and the page made from what it left:

| images | resident, MB | seconds | page, MB | to make it, s | resident then, MB |
|---|---|---|---|---|---|""".splitlines()
    lines += [
        f"| {one['images']:,} | {one['resident']:,} | {one['seconds']} | {one['page']} | "
        f"{one['page_seconds']} | {one['page_resident']:,} |"
        for one in found["memory"]
    ]
    return "\n".join(lines) + "\n"


def page_of_record() -> None:
    """Write the parts of the page of which there are runs on record."""
    parts = (("planted", RESULTS, page), ("compared", COMPARED, side_by_side), ("cost", COST, cost))
    for name, record, write in parts:
        if record.exists():
            replace_part(name, write(json.loads(record.read_text(encoding="utf-8"))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all cases in processes of one thread."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__.splitlines()[0])
    parser.add_argument("--clean", type=int, default=60, help="runs without a shortcut")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--only", default="", help="cases in whose description this expression is found")
    parser.add_argument("--method", default="auto", help="of the audit; several, with commas, are compared")
    parser.add_argument(
        "--shift", type=int, default=0, help="added to seeds: other networks than the table's"
    )
    parser.add_argument("--page", action="store_true", help="write the page from the runs on record only")
    options = parser.parse_args(arguments)
    if not options.page:
        wanted = [case for case in cases(options.clean) if re.search(options.only, repr(case))]
        tasks = [
            (replace(case, seed=case.seed + options.shift), options.method.split(",")) for case in wanted
        ]
        os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
        runs = []
        with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=6) as pool:
            for done in pool.imap(run, tasks):
                runs += done
                for one in done:
                    print(json.dumps(one), flush=True)
        several = "," in options.method
        if several:
            print(side_by_side(runs))
        elif options.only or options.shift:
            return 0
        RESULTS.parent.mkdir(exist_ok=True)
        record = COMPARED if several else RESULTS
        record.write_text("[\n" + ",\n".join(json.dumps(one) for one in runs) + "\n]\n", encoding="utf-8")
    page_of_record()
    return 0


if __name__ == "__main__":
    sys.exit(main())
