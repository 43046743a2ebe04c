"""What `make lowest` installs is what pyproject.toml allows at least."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from kerascope.backend import SUPPORTED

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parents[1]
OTHERS = {*SUPPORTED} - {"jax"}
"""Backends that the lowest versions are not tested with."""


def required(name: str) -> set[str]:
    lines = (REPOSITORY / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return {line.partition("#")[0].strip() for line in lines} - {""}


def package(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None, requirement
    return found[0]


def test_the_lowest_versions_are_those_that_are_allowed() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    extras = {
        name: more for name, more in settings["project"]["optional-dependencies"].items() if name != "dev"
    }
    allowed = {
        *settings["build-system"]["requires"],
        *settings["project"]["dependencies"],
        *(one for name in extras.keys() - OTHERS for one in extras[name]),
    }
    read_only = {package(one) for one in required("demo-data")}
    bounds = {one.replace(">=", "==") for one in allowed if package(one) not in {"kerascope", *read_only}}
    tools = {one for one in required("lowest") if package(one) in map(package, required("test"))} - bounds
    assert required("lowest") == bounds | tools
    assert tools <= required("test")
    assert len({package(one) for one in bounds}) == len(bounds)
