"""The changes between two audits by several labels, label by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerascope.auditing.changes.audit_changes import AuditChanges


@dataclass(frozen=True, eq=False)
class LabelChanges:
    """The changes between two audits by several labels.

    Args:
        labels: the changes of each label that is in both, by name.
        left: names of labels that are in the earlier one only.
        came: names of labels that are in the later one only.
    """

    labels: Mapping[str, AuditChanges]
    left: tuple[str, ...]
    came: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As values of JSON; findings as sentences."""
        labels = {label: changes.to_json() for label, changes in self.labels.items()}
        return {"labels": labels, "left": list(self.left), "came": list(self.came)}

    def __str__(self) -> str:
        lines = [f"{label}\n{changes}" for label, changes in self.labels.items()]
        only = (("before", self.left), ("now", self.came))
        return "\n".join([*lines, *(f"only {when}: {', '.join(names)}" for when, names in only if names)])
