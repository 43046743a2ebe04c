"""Files of the first format still load, and are written completely or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kerascope as ks

pytestmark = pytest.mark.once

GOLDEN = Path(__file__).parent / "golden"


def test_an_explanation_of_the_first_format_loads() -> None:
    explanation = ks.load(GOLDEN / "explanation_1.npz")
    assert (explanation.method, explanation.input_size) == ("Saliency()", (6, 6))
    assert explanation.class_names == ("a", "b", "c")
    assert explanation.targets.tolist() == [0, 1]
    assert np.isfinite(explanation.values).all()
    assert explanation.images is not None


def test_a_report_of_the_first_format_loads() -> None:
    report = ks.load_report(GOLDEN / "report_1.npz")
    assert report.methods == ("Saliency()", "RandomMap()")
    assert report.controls == {"RandomMap()"}
    assert [(column.name, column.bounds) for column in report.columns] == [
        ("deletion", (0.0, 1.0)),
        ("sparseness", (0.0, 1.0)),
    ]
    positions, means = report.curves["deletion"]
    assert means.shape == (2, len(positions))
    assert np.isfinite(report.values).all()


def test_a_file_is_replaced_only_by_a_complete_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explanation = ks.load(GOLDEN / "explanation_1.npz")
    path = explanation.save(tmp_path / "map")
    content = path.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        explanation.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["map.npz"]
    assert path.read_bytes() == content
