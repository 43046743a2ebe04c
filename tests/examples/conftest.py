"""What tests of the demo are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def torch() -> Any:
    # Only to write files: what is tested reads them without torch.
    return pytest.importorskip("torch")


@pytest.fixture(params=["zip", "legacy"])
def saved(request: pytest.FixtureRequest, torch: Any, tmp_path: Path) -> Callable[[Any], Path]:
    def save(value: Any) -> Path:
        path = tmp_path / "weights.pth"
        torch.save(value, path, _use_new_zipfile_serialization=request.param == "zip")
        return path

    return save
