"""`python -m benchmarks.audit --what cost`: an audit of 1,000 digits against its passes, and its memory.

The bare side is the same number of passes of the same model, compiled without kerascope, in batches of 32:
a forward for each that the audit counted without a gradient, a forward with its gradient for each with one.
Both sides take turns in one process, and medians are told. Memory is the most that was resident in processes
of their own, over folders of PNG files. The section "What it costs" of docs/audit-runs.md is written.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from benchmarks.audit.planted import COST, ROOT, page_of_record

ROUNDS = 3
BATCH = 32
SIZES = (1000, 10_000)
_OPTIONS = ("--preprocess", "0-1", "--no-sanity", "--json")
_DRAW = "import kerascope as ks; ks.open_audit(sys.argv[1]).to_html(sys.argv[2])"


def times() -> dict[str, Any]:
    """Seconds of an audit and of its bare passes, medians over rounds."""
    import keras

    import kerascope as ks
    from benchmarks.cost.bare import passes
    from examples.demo import train
    from examples.demo.digits import load_digits

    warnings.simplefilter("ignore")
    digits = load_digits("package")
    model = train.train(digits, 0, 6)
    images, labels = digits.test_images, digits.test_labels
    forward, both = passes(keras.backend.backend(), model, images[:BATCH])
    probe = ks.Probe(model, batch_size=BATCH)
    audits, bare, found = [], [], None
    for turn in range(ROUNDS + 1):
        start = time.perf_counter()
        found = ks.audit(probe, images, labels, sanity=False, progress=False)
        middle = time.perf_counter()
        counts = [found.cost["explain"], found.cost["try"]]
        backwards = sum(one["backwards"] for one in counts)
        forwards = sum(one["forwards"] for one in counts) - backwards
        for _ in range(-(-forwards // BATCH)):
            forward()
        for _ in range(-(-backwards // BATCH)):
            both()
        if turn:  # the first one compiles
            audits.append(middle - start)
            bare.append(time.perf_counter() - middle)
    assert found is not None
    explain, tried = found.cost["explain"], found.cost["try"]
    # A backward pass counts as two forward passes.
    passes_made = sum(one["forwards"] + 2 * one["backwards"] for one in (explain, tried))
    needed = passes_made - len(images)
    return {
        "images": len(images),
        "explain": dict(explain),
        "try": dict(tried),
        "passes": passes_made,
        "needed": needed,
        "audit": round(statistics.median(audits), 2),
        "bare": round(statistics.median(bare), 2),
        "backend": keras.backend.backend(),
    }


def memory(count: int) -> dict[str, Any]:
    """The most that is resident while so many digits are audited from a folder, and what is written."""
    from PIL import Image

    from examples.demo import train
    from examples.demo.digits import load_digits

    digits = load_digits("package")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        model = root / "model.keras"
        train.train(digits, 0, 2).save(model)
        for number in range(count):
            place = number % len(digits.train_images)
            path = root / "digits" / str(digits.train_labels[place]) / f"{number:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((255 * digits.train_images[place, ..., 0]).astype("uint8")).save(path)
        audit = ["audit", root / "model.keras", root / "digits", "--out", root / "out"]
        start = time.perf_counter()
        resident = _peak("from kerascope.cli import main; main()", *audit, *_OPTIONS)
        middle = time.perf_counter()
        drawn = _peak(_DRAW, root / "out", root / "page.html")
        return {
            "images": count,
            "resident": resident,
            "seconds": round(middle - start, 1),
            "page": round((root / "page.html").stat().st_size / 1e6, 1),
            "page_seconds": round(time.perf_counter() - middle, 1),
            "page_resident": drawn,
        }


def _peak(program: str, *arguments: object) -> int:
    """The most that is resident, in MB, while a program runs in a process of its own.

    Told by that process: what the system tells of a child begins with what its parent had.
    """
    told = (
        "import sys\n"
        f"try:\n    {program}\nexcept SystemExit as stopped:\n    assert not stopped.code\n"
        "from benchmarks.cost.memory import resident\nprint(resident('VmHWM'))"
    )
    command = [sys.executable, "-W", "ignore", "-c", told, *map(str, arguments)]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return round(int(ran.stdout.split()[-1]) / 1e6)


def main() -> int:
    found = {"times": times(), "memory": [memory(count) for count in SIZES]}
    COST.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    page_of_record()
    return 0


if __name__ == "__main__":
    sys.exit(main())
