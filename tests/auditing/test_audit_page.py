"""The report of an audit, opened in a browser from disk: what is seen, done with it, and asked for."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope.auditing.report import audit_page
from kerascope.auditing.report.labels_page import render_labels
from kerascope.auditing.result.label_audits import LabelAudits
from tests.evaluation.test_report import report as evaluation
from tests.helpers.networks.bars import planted
from tests.helpers.networks.trained import trained
from tests.helpers.processes.once_per_run import once_per_run

pytestmark = [pytest.mark.once, pytest.mark.slow]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> ks.Audit:
    """A network that relies on a mark in the corner of class 1, audited; three labels are wrong."""

    def make(folder: Path) -> None:
        held = planted(150, "corner", seed=1)
        labels = held.labels.copy()
        labels[:3] = (labels[:3] + 1) % 3  # mistakes to look for
        ks.audit(
            trained("corner"),
            held.images,
            labels,
            method=["grad_cam", "saliency"],
            class_names=["upright", "<b>level</b>", "aslant"],
            folder=folder,
            progress=False,
        )

    return ks.open_audit(once_per_run(tmp_path_factory, "audit-of-the-page", make))


@pytest.fixture(scope="module")
def report(audit: ks.Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audit.to_html(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium is installed (on Debian, its package chromium)")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


class Seen:
    """A page with all that it said and asked for."""

    def __init__(self, browser: Any, report: Path, **options: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1200, "height": 900}, **options)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(report.as_uri())

    def rows(self) -> list[list[str]]:
        found: list[list[str]] = self.page.eval_on_selector_all(
            "#images tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )
        return found


@pytest.fixture
def seen(browser: Any, report: Path) -> Iterator[Seen]:
    opened = Seen(browser, report)
    yield opened
    # Whatever a test has done with it: nothing went wrong, and nothing was asked for.
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith(("data:", report.as_uri()))] == []
    opened.page.close()


def test_findings_are_told_and_shown(seen: Seen, audit: ks.Audit) -> None:
    first = audit.shortcuts[0]
    assert first.exchanges
    card = seen.page.locator("article.card.shortcut").first
    assert "shortcut" in card.inner_text()
    assert "Class <b>level</b> relies on" in card.inner_text()  # names are text, never markup
    assert card.locator(".frame").count() == 3 * len(first.exchanges) + len(first.examples) + len(
        first.contrasts
    )
    # The mark is framed where it is: at the top left.
    box, frame = (
        card.locator(".frame .box").first.bounding_box(),
        card.locator(".frame:has(.box)").first.bounding_box(),
    )
    assert box is not None
    assert frame is not None
    assert box["x"] - frame["x"] < 0.15 * frame["width"]
    assert box["y"] - frame["y"] < 0.15 * frame["height"]
    assert 0.1 < box["width"] / frame["width"] < 0.35


def test_every_picture_that_is_near_is_put_in_and_loads(seen: Seen) -> None:
    seen.page.locator("#every").scroll_into_view_if_needed()
    seen.page.locator("#images .frame img.photograph").nth(20).wait_for()
    broken = seen.page.eval_on_selector_all(
        "img", "all => all.filter(one => one.complete && !one.naturalWidth).length"
    )
    assert broken == 0


def test_the_slider_fades_all_maps(seen: Seen) -> None:
    opacity = "one => Number(getComputedStyle(one).opacity)"
    slider, image = seen.page.locator("#fade"), "article .look img.map"
    assert seen.page.locator(image).first.evaluate(opacity) == pytest.approx(0.65)
    slider.fill("0")
    assert seen.page.locator(image).first.evaluate(opacity) == 0
    slider.focus()
    for _ in range(5):
        seen.page.keyboard.press("ArrowRight")
    assert seen.page.locator(image).first.evaluate(opacity) == pytest.approx(0.05)


def test_images_are_filtered(seen: Seen, audit: ks.Audit) -> None:
    count = seen.page.locator("#count")
    assert count.inner_text() == "150 of 150 images, page 1 of 3"
    seen.page.locator("#of").select_option(label="aslant")
    assert {row[3] for row in seen.rows()} == {"aslant"}
    seen.page.locator("#of").select_option("")
    seen.page.locator("#wrong").check()
    assert len(seen.rows()) == round(150 * (1 - (audit.accuracy or 0)))
    assert all(row[2] != row[3] for row in seen.rows())
    seen.page.locator("#wrong").uncheck()
    seen.page.locator("#text").fill("image 14")
    assert {row[1] for row in seen.rows()} == {"image 14", *(f"image 14{digit}" for digit in range(10))}
    seen.page.locator("#text").fill("")
    seen.page.locator("#finding").select_option("0")
    shown = {row[1] for row in seen.rows()}
    expected = {f"image {index}" for index in (*audit.confirmed[0].examples, *audit.confirmed[0].places)}
    assert shown <= expected
    assert len(shown) == min(50, len(expected))


def test_images_are_sorted_and_turned_over_by_keyboard(seen: Seen) -> None:
    head = seen.page.locator("#images th button[data-column='5']")
    head.focus()
    seen.page.keyboard.press("Enter")
    first = [float(row[4]) for row in seen.rows()]
    assert first == sorted(first)
    assert head.locator("..").get_attribute("aria-sort") == "ascending"
    seen.page.keyboard.press("Enter")
    turned = [float(row[4]) for row in seen.rows()]
    assert turned == sorted(turned, reverse=True)
    assert turned[0] >= first[-1]
    following = seen.page.locator("#next")
    following.focus()
    seen.page.keyboard.press("Space")
    assert seen.page.locator("#count").inner_text().endswith("page 2 of 3")
    assert max(float(row[4]) for row in seen.rows()) <= turned[-1]
    seen.page.locator("#back").click()
    assert seen.page.locator("#back").is_disabled()


def test_classes_are_sorted_and_opened(seen: Seen, audit: ks.Audit) -> None:
    seen.page.locator("#overview th button", has_text="images").click()
    counts = seen.page.eval_on_selector_all(
        "#overview tbody tr", "rows => rows.map(row => Number(row.cells[1].textContent))"
    )
    assert counts == sorted(counts)
    seen.page.locator("#overview a", has_text="aslant").click()
    section = seen.page.locator("details.class[open]")
    assert section.count() == 1
    assert "Strategy 1" in section.inner_text()
    # Not `wait_for_function`: what it asks a second time is refused by the page, as all that is evaluated.
    seen.page.locator("details.class[open] .frame img").nth(3).wait_for()
    assert "recall" in seen.page.locator("#overview").inner_text()


def test_everything_has_a_name_and_a_way_past_the_bar(seen: Seen) -> None:
    nameless = seen.page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, a, summary, img')].filter((one) => {
            if (one.tagName === 'IMG') return !one.hasAttribute('alt');
            const label = one.getAttribute('aria-label') || (one.labels && one.labels[0] &&
            one.labels[0].textContent); return !(label || one.textContent || '').trim();
        }).map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    assert seen.page.locator("html").get_attribute("lang") == "en"
    assert seen.page.locator("h1").count() == 1
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    tree = seen.page.locator("body").aria_snapshot()
    for name in ("navigation", "slider", "searchbox", "combobox", "table"):
        assert name in tree, name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_by_day_and_by_night(browser: Any, report: Path, theme: str) -> None:
    seen = Seen(browser, report, color_scheme=theme)
    assert seen.page.locator("html").get_attribute("data-theme") == theme

    def light(colour: str) -> float:
        values = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for selector in ("body", ".quiet", ".verdict.shortcut", "header.bar a", "thead th", ".wrong"):
        one = seen.page.locator(selector).first
        ink, paper = one.evaluate(
            """(one) => { let back = one; const clear = 'rgba(0, 0, 0, 0)';
            while (back && getComputedStyle(back).backgroundColor === clear) back = back.parentElement;
            return [getComputedStyle(one).color, getComputedStyle(back).backgroundColor]; }"""
        )
        levels = sorted((light(ink), light(paper)))
        assert (levels[1] + 0.05) / (levels[0] + 0.05) >= 4.5, (selector, ink, paper)
    seen.page.locator("#theme").click()
    assert seen.page.locator("html").get_attribute("data-theme") != theme
    seen.page.close()


def test_on_paper_all_is_open_and_controls_are_gone(seen: Seen) -> None:
    seen.page.emulate_media(media="print")
    seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert not seen.page.locator("header.bar").is_visible()
    assert seen.page.locator("details:not([open])").count() == 0
    assert seen.page.locator(".frame[data-index]:not([data-done])").count() == 0
    assert len(seen.page.pdf()) > 20_000


def test_a_page_refuses_all_that_is_elsewhere(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", text)
    # What comes from the data set is JSON without a way out of its element.
    data = text[text.index('<script id="data"') : text.index("</script>", text.index('<script id="data"'))]
    assert "<b>" not in data
    assert "\\u003cb>level" in data


def test_a_page_of_many_images_shows_as_many_of_each_class_and_stays_small(
    audit: ks.Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_page, "MOST", 60)
    monkeypatch.setattr(audit_page, "_SIDES", ((60, 64),))
    shown, rows = audit_page._select_images(audit)
    assert len(shown) == len(rows) == 60
    targets = np.asarray([row[4] for row in rows])
    needed = {index for one in audit.findings for index in one.examples}
    assert needed <= shown
    assert np.bincount(targets).min() >= 15
    text = audit_page.render_audit(audit)
    assert "60 of 150 images are shown" in text
    assert len(text) < 60 * 6000 + 100_000


LONG = "of_the_kind/that-is-long." * 5
UNBROKEN = "x" * 120


@pytest.fixture(scope="module")
def written(audit: ks.Audit, report: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every kind of page; with plain names, and with long ones of classes, paths, methods and the model."""
    folder = tmp_path_factory.mktemp("pages")
    text = report.read_text(encoding="utf-8").replace("aslant", LONG).replace("image 1", f"{UNBROKEN} 1")
    measured = evaluation()
    names = (f"GradCAM(layer={LONG!r})", f"GradCAM(layer={UNBROKEN!r})", *measured.methods[2:])
    long = replace(measured, methods=names, model=UNBROKEN, example_titles=(LONG, UNBROKEN))
    labels = LabelAudits(folder, "small", {"snow": audit, "rain": audit}, "now", {})
    labelled = render_labels(labels, {"snow": "a.html", "rain": "b.html"})
    before, after, control = np.zeros((3, 24, 24, 3), "uint8")
    seen = ks.auditing.Exchange(0, before, after, control, (0.1, 0.9, 0.1), ("aslant", "aslant", "aslant"))
    finding = replace(
        audit.shortcuts[0], verdict="evidence", name="aslant", exchanges=(seen,) * 2, contrasts=(1,)
    )
    evidence = replace(audit, findings=(finding,)).to_html(folder / "evidence").read_text(encoding="utf-8")
    pages = {
        "evidence": evidence,
        "evidence, long names": evidence.replace("aslant", LONG).replace("image 1", f"{UNBROKEN} 1"),
        "audit": report.read_text(encoding="utf-8"),
        "audit, long names": text,
        "evaluation": measured.html(),
        "evaluation, long names": long.html(),
        "labels": labelled,
        "labels, long names": labelled.replace("rain", LONG).replace("snow", UNBROKEN),
    }
    for name, content in pages.items():
        (folder / f"{name}.html").write_text(content, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


KINDS = ["audit", "evaluation", "labels"]


@pytest.mark.parametrize(
    "kind", [f"{kind}{names}" for kind in (*KINDS, "evidence") for names in ("", ", long names")]
)
def test_a_narrow_screen_is_not_scrolled_sideways(browser: Any, written: dict[str, Path], kind: str) -> None:
    seen = Seen(browser, written[kind])
    for width in (360, 1200):
        seen.page.set_viewport_size({"width": width, "height": 900})
        seen.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    # What is wider scrolls in its own box, and no name is cut in the middle of a line.
    cut = seen.page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((one) => !one.title &&
            one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'hidden')
            .map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert cut == []
    assert seen.said == []
    seen.page.close()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_put_into_a_page_does_nothing(
    browser: Any, written: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    """Were there a way to put markup in: no script runs, no address changes, nothing is sent or fetched."""
    path = tmp_path / "page.html"
    markup = (
        "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
        "<base href='http://a.invalid/'><iframe src='http://a.invalid/'></iframe>"
        "<form action='http://a.invalid/'><button id=send></button></form>"
    )
    text = written[kind].read_text(encoding="utf-8")
    path.write_text(text.replace("<main>", f"<main>{markup}"), encoding="utf-8")
    seen = Seen(browser, path)
    with seen.page.expect_console_message(lambda message: "form-action 'none'" in message.text):
        seen.page.evaluate("document.getElementById('send').click()")
    assert seen.page.title() != "run"
    assert seen.page.evaluate("document.baseURI") == path.as_uri()
    assert seen.page.url == path.as_uri()
    refused = " ".join(seen.said)
    for rule in ("base-uri 'none'", "img-src data:", "default-src 'none'"):
        assert rule in refused, rule
    assert ("script-src 'sha256-" in refused) == (kind == "audit")
    assert not [url for url in seen.asked if "invalid" in url]
    seen.page.close()
