"""What the documents say is so: examples run, links lead somewhere, tables name what there is."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import kerascope as ks
from tests.helpers.files.photographs import cuttings, network

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parents[1]
PAGES = [
    *sorted(REPOSITORY.glob("*.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "benchmarks").glob("*.md")),
]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(ks.__path__, "kerascope.")
    if not module.name.startswith("kerascope.backend.") and not module.name.endswith("__main__")
)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_docstrings_run(module: str) -> None:
    keras.utils.set_random_seed(1)  # untrained networks: by chance, one may have nothing to show
    result = doctest.testmod(importlib.import_module(module))
    assert not result.failed, f"{result.failed} of {result.attempted} examples fail"


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/datasets.md", "docs/audit.md"])
def test_the_python_in_a_page_runs(page: str, tmp_path: Path) -> None:
    from examples.demo.digits import load_digits, save_digits
    from examples.demo.train import digit_network

    text = (REPOSITORY / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    (tmp_path / "demo-output").mkdir()
    digit_network().save(tmp_path / "demo-output" / "digits.keras")  # as the demo leaves them
    save_digits(load_digits("package"), tmp_path / "demo-output" / "digits.npz")
    network().save(tmp_path / "model.keras")  # a user's, and photographs
    cuttings(tmp_path / "photos", 6)
    program = tmp_path / "page.py"
    program.write_text("\n".join(blocks), encoding="utf-8")
    ran = subprocess.run([sys.executable, program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert re.match(r"https?://", link) or (page.parent / link).exists(), link


def test_the_readme_lists_the_methods_and_targets_that_there_are() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for name, method in ks.methods().items():
        assert f"`{method.__name__}`" in text, name
    targets = ("Class", "LogOdds", "Top", "Contrast", "Unit", "Output", "Probability")
    for target in targets:
        assert f"`{target}`" in text, target


def test_the_pages_count_what_there_is() -> None:
    metrics = ks.metrics().values()
    without_masks = [kind for kind in metrics if kind.quick is not None and "masks" not in kind.needs]
    counts = {"methods": {len(ks.methods())}, "metrics": {len(metrics), len(without_masks)}}
    lines = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    ours = "\n".join(line for line in lines if "et al." not in line)  # a paper counts its own
    found = re.findall(r"(\d+) (methods|metrics)\b", ours)
    assert found
    for number, what in found:
        assert int(number) in counts[what], f"{number} {what}"


@pytest.mark.parametrize("what", ["design", "methods", "metrics"])
def test_the_table_is_up_to_date(what: str) -> None:
    maker = REPOSITORY / "docs" / f"make_{what}.py"
    page = runpy.run_path(str(maker))["page"]()
    assert (REPOSITORY / "docs" / f"{what}.md").read_text(encoding="utf-8") == page


def test_every_public_name_is_documented_and_exists() -> None:
    for name in ks.__all__:
        assert (getattr(ks, name).__doc__ or "").strip(), name


def test_every_method_and_metric_is_a_public_name() -> None:
    for method in ks.methods().values():
        assert method.__name__ in ks.__all__, f"src/kerascope/__init__.pyi must list {method.__name__}"
    for metric in ks.metrics().values():
        assert hasattr(ks.metric, metric.__name__), (
            f"src/kerascope/metric/__init__.py must list {metric.__name__}"
        )


def test_the_page_on_data_sets_names_every_column_and_option() -> None:
    from kerascope.cli.app import app
    from kerascope.dataset.writing.schema import schema

    text = (REPOSITORY / "docs" / "datasets.md").read_text(encoding="utf-8")
    columns = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE))))
    assert set(schema((1, 1), "float32").names) <= columns
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    assert commands == set(re.findall(r"^\| `kerascope (\w+)", text, flags=re.MULTILINE))
