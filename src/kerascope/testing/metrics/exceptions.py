"""Which checks of the contract a metric of kerascope fails, and why."""

from __future__ import annotations

from collections.abc import Mapping

EXCEPTIONS: Mapping[str, Mapping[str, str]] = {
    "focus": {
        "image_alone": "a mosaic is made of an image and others",
        "right_beats_wrong": "mosaics are of four classes, and the planted pictures show three",
    },
    "random_logit": {"image_alone": "the other class is drawn by the place of the image"},
}
"""Reasons by name of the metric and of the check. They are strict: a check that passes must be taken out."""
