"""Which checks of the contract a metric of kerascope fails, and why."""

from __future__ import annotations

from collections.abc import Mapping

EXCEPTIONS: Mapping[str, Mapping[str, str]] = {
}
"""Reasons by name of the metric and of the check. They are strict: a check that passes must be taken out."""
