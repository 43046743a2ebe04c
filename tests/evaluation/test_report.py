"""Reports: what they say of numbers that are known, and the forms that they take."""

from __future__ import annotations

import html.parser
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.evaluation import ReportColumn
from kerascope.evaluation.output import text as report_text

pytestmark = pytest.mark.once

COUNT = 30
NAN = float("nan")
METHODS = ("LayerCAM()", "GradCAM()", "Saliency()", "RandomMap()")


def report(count: int = COUNT, **changed: Any) -> ks.Report:
    """On deletion LayerCAM and GradCAM are alike and Saliency is no better than chance; insertion tells
    LayerCAM from GradCAM; sparseness has no direction."""
    generator = np.random.default_rng(8)
    noise = generator.normal(0, 0.02, (4, 3, count))
    middle = np.asarray([[0.2, 0.9, 0.5], [0.2, 0.8, 0.4], [0.6, 0.5, 0.6], [0.6, 0.4, 0.1]])
    values = middle[:, :, None] + noise
    values[2, 1, 0] = NAN
    places = np.linspace(0, 1, 5)
    given: dict[str, Any] = {
        "methods": METHODS,
        "controls": frozenset({"RandomMap()"}),
        "columns": (
            ReportColumn("deletion", "deletion", "faithfulness", "lower", (0.0, 1.0)),
            ReportColumn("insertion", "insertion", "faithfulness", "higher", (0.0, 1.0)),
            ReportColumn("sparseness", "sparseness", "complexity", None, (0.0, None)),
        ),
        "values": values,
        "shown": np.isfinite(values[:, 1]),
        "curves": {"deletion": (places, np.linspace(1, [0.1, 0.1, 0.4, 0.4], 5).T)},
        "example_pictures": generator.integers(0, 255, (2, 8, 8, 3)).astype("uint8"),
        "example_maps": generator.random((4, 2, 8, 8)).astype("float32"),
        "example_titles": ("cat", "dog"),
        "forwards": np.asarray([1.0, 1.0, 1.0, 0.0]),
        "measuring": np.ones((4, 3)),
        "target": "predicted class",
        "level": "quick",
        "seed": 0,
        "model": "small",
        "notes": ("Deletion(steps=10)",),
        "warnings": ("one is doubtful",),
        "versions": {"kerascope": "1"},
    }
    return ks.Report(**given | changed)


def test_statements_are_made_where_intervals_separate_and_nowhere_else() -> None:
    assert report().statements() == [
        "GradCAM() better than Saliency() on deletion (p < .05)"
        if report().ranks[0][1, 0] == 1
        else "LayerCAM() better than Saliency() on deletion (p < .05)",
        "no difference shown between "
        + ("GradCAM() and LayerCAM()" if report().ranks[0][1, 0] == 1 else "LayerCAM() and GradCAM()")
        + " on deletion with 30 images",
        "Saliency() not shown better than RandomMap() on deletion with 30 images",
        "LayerCAM() better than GradCAM() and Saliency() on insertion (p < .05)",
    ]


def test_too_few_images_show_nothing() -> None:
    found = report(5).statements()
    assert found
    assert not [text for text in found if "better than" in text and "not shown" not in text]
    assert any("no difference shown between" in text and text.endswith("with 5 images") for text in found)


def test_of_many_methods_the_first_few_are_named() -> None:
    values = np.random.default_rng(0).normal(size=(12, 1, COUNT)) * 1e-3 + np.arange(12)[:, None, None]
    many = report(
        methods=tuple(f"M{number}()" for number in range(12)),
        controls=frozenset(),
        columns=report().columns[:1],
        values=values,
    )
    assert many.statements() == [
        "M0() better than M1(), M2(), M3(), M4(), M5() and 6 others on deletion (p < .05)"
    ]


def test_means_intervals_and_ranks() -> None:
    one = report()
    assert one.means[2, 1] == pytest.approx(np.nanmean(one.values[2, 1]))
    assert one.counts[2, 1] == COUNT - 1
    low, high = one.intervals
    assert (low < one.means).all()
    assert (one.means < high).all()
    assert one.ranks[0][:, 1].tolist() == [1, 2, 3, 4]
    assert np.isnan(one.ranks[0][:, 2]).all()
    assert one.mean_ranks[0] < one.mean_ranks[2]
    with pytest.raises(errors.UnknownMetricError, match="'deletion'"):
        one.column("deletoin")


def test_a_data_frame_is_tidy() -> None:
    one = report()
    frame = one.to_dataframe()
    assert frame.shape == (12, 12)
    row = frame[(frame.method == "GradCAM()") & (frame.metric == "insertion")].iloc[0]
    assert row["mean"] == one.means[1, 1]
    assert (row["rank"], row["count"], bool(row["control"])) == (2, COUNT, False)
    each = one.to_dataframe(per_image=True)
    assert len(each) == 12 * COUNT
    wide = each.pivot_table(index=["method", "metric"], columns="image", values="value", dropna=False)
    np.testing.assert_array_equal(wide.loc[("Saliency()", "deletion")], one.values[2, 0])
    assert each.value.isna().sum() == 1


def test_markdown_marks_the_best_and_the_controls() -> None:
    lines = report().markdown().splitlines()
    assert "| method | deletion ↓ | insertion ↑ |" in lines
    table = [line for line in lines if line.startswith("|")][:6]
    insertion = {cells[1].strip(): cells[3].strip() for cells in (line.split("|") for line in table[2:])}
    assert insertion["`LayerCAM()`"].startswith("**0.898 (")
    assert insertion["`GradCAM()`"].startswith("0.797 (")
    assert "*`RandomMap()`*" in insertion
    assert "- one is doubtful" in lines
    assert any(line.startswith("- LayerCAM() better than GradCAM() and Saliency()") for line in lines)
    assert {line.count("|") for line in table} == {4}


class Reader(html.parser.HTMLParser):
    """Tags that are open, addresses, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "link", "br", "wbr"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    one = report(model="<script>alert(1)</script>", warnings=("<b>bold</b>",))
    text = one.html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    read = Reader(text)
    assert read.open == []
    assert "<script" not in text
    assert "<b>" not in text
    icon, *pictures = read.addresses
    assert icon == "data:,"  # none, which a browser would ask for otherwise
    assert len(pictures) == 1 + 2 * 4  # a figure of curves, and two maps by each method
    assert all(address.startswith("data:image/") for address in pictures)
    words = " ".join(read.words)
    for statement in one.statements():
        assert statement in words
    assert "cat" in words
    assert "rank 1 (1 to 1)" in words  # on insertion
    assert "Best mean ranks of 4 over all metrics" in words
    assert "3 methods and\n1 control on 30 images" in words


def test_the_page_of_no_pictures_and_no_curves_has_neither() -> None:
    bare = replace(report(), curves={}, example_pictures=np.zeros((0, 1, 1, 3), "uint8"))
    text = bare.html()
    assert "data:image" not in text
    assert "<h2>Maps" not in text
    assert "<h2>Curves" not in text


def test_the_figure_has_a_panel_for_each_metric() -> None:
    one = report()
    figure = one.plot()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [panel.get_title() for panel in panels] == ["deletion ↓", "insertion ↑", "sparseness"]
    names = [label.get_text() for label in panels[0].get_yticklabels()]
    assert sorted(names) == sorted(METHODS)
    points = {
        names[round(float(line.get_ydata()[0]))]: float(line.get_xdata()[0])
        for line in panels[1].lines
        if line.get_marker() == "o"
    }
    assert points["GradCAM()"] == pytest.approx(one.means[1, 1])
    many = replace(one, values=np.concatenate([one.values] * 2, axis=1), columns=one.columns * 2)
    assert sum(axes.get_visible() for axes in many.plot().axes) == 6


def test_words_for_a_terminal_and_a_notebook() -> None:
    one = report()
    text = str(one)
    assert text.splitlines()[0] == repr(one)
    assert "~ RandomMap()" in text
    assert "FAITHFULNESS" in text
    assert report_text.summary(one).endswith(
        ("Saliency() 3.0, RandomMap() 4.0", "Saliency() 3.5, RandomMap() 3.5")
    )
    order = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and "()" in line]
    assert order[0] in ("LayerCAM()", "GradCAM()")
    assert "<i>RandomMap()</i>" in one._repr_html_()
    assert report_text.format_number(NAN) == "-"
    assert report_text.format_number(0.00012) == "1.20e-04"
    assert report_text.format_number(0.0) == "0"


def test_a_saved_report_is_the_same(tmp_path: Path) -> None:
    one = report()
    path = one.save(tmp_path / "found")
    assert path == tmp_path / "found.npz"
    again = ks.load_report(path)
    for name, value in vars(one).items():
        other = getattr(again, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(other, value)
            assert other.dtype == value.dtype
        elif name == "curves":
            assert list(other) == list(value)
            np.testing.assert_array_equal(other["deletion"][1], value["deletion"][1])
        elif not name.startswith("_") and name not in ("means", "intervals", "ranks"):
            assert other == value, name
    assert again.markdown() == one.markdown()
    assert again.html() == one.html()


def test_files_that_are_no_reports_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ks.load_report(tmp_path / "nothing.npz")
    path = report().save(tmp_path / "found.npz")
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:-200])
    with pytest.raises(errors.EvaluationError, match="cannot be read as one"):
        ks.load_report(tmp_path / "cut.npz")
    with np.load(path) as file:
        arrays = dict(file)
    meta = json.loads(str(arrays["meta"]))
    arrays["meta"] = np.asarray(json.dumps(meta | {"format": 99}))
    np.savez(tmp_path / "later.npz", **arrays)
    with pytest.raises(errors.EvaluationError, match="format 99; install a newer"):
        ks.load_report(tmp_path / "later.npz")


class Trap:
    """Would make a file when it is read by a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_no_code_in_a_file_is_run(tmp_path: Path) -> None:
    path = report().save(tmp_path / "found.npz")
    with np.load(path) as file:
        arrays = dict(file)
    arrays["values"] = np.asarray([Trap(tmp_path / "sprung")], dtype=object)
    np.savez(path, **arrays)
    with pytest.raises(errors.EvaluationError, match="cannot be read as one"):
        ks.load_report(path)
    assert not (tmp_path / "sprung").exists()


def test_an_incomplete_report_says_so_first_and_ranks_what_was_measured_of_all(tmp_path: Path) -> None:
    values = report().values.copy()
    values[3, 0] = NAN
    one = report(values=values, unmeasured={"RandomMap()": ["deletion"]})
    kept = ks.load_report(one.save(tmp_path / "report.npz"))
    assert not kept.complete
    assert report().complete
    for found in (one, kept):
        said = "Incomplete: the run was interrupted; 3 of 4 methods and controls were measured"
        assert found.statements()[0].startswith(f"{said}, RandomMap() in part")
        assert not any("deletion" in text for text in found.statements()[1:])
        np.testing.assert_array_equal(found.mean_ranks, found.ranks[0][:, 1])  # by insertion alone
        assert "over the metrics that were measured for all" in report_text.summary(found)
        assert str(found).splitlines()[1].startswith(said)
        assert found.markdown().startswith(f"**{said}")
        assert f"<caption>{said}" in found._repr_html_()
        page = found.html()
        assert page.index("Incomplete") < page.index("<title>") + 20
        assert page.index(said) < page.index("Best mean ranks")
        assert found.plot().get_suptitle() == "incomplete: interrupted"
    nothing = report(unmeasured={"RandomMap()": ["deletion", "insertion", "sparseness"]})
    assert report_text.summary(nothing) == ""
    assert "better" not in " ".join(nothing.statements())
    assert "No metric here has a direction" not in nothing.html()
