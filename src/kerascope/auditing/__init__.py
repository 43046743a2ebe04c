"""The audit of a whole data set: what a model looks at, and the shortcuts that it relies on.

    audit.py         `audit`, with options.py and preconditions.py
    pipeline.py      its steps; multilabel.py: label by label
    description/     the columns of each image, its qualities too, computed in the stream that explains it
    data/            the described images as arrays: thumbnails, clusters, labels
    shortcuts/       suspects (kinds/, one a file), interventions, joint trials, verdicts, plans, findings
    duplicates/      copies among the images, and in the training data
    result/          `Audit` and its parts, its sentences and JSON
    report/          its HTML page
    changes/         two audits compared

SciPy, scikit-learn, Jinja2 and Pillow are imported on demand.
"""

from kerascope.auditing.audit import audit
from kerascope.auditing.changes.audit_changes import AuditChanges
from kerascope.auditing.changes.compare_audits import compare_audits
from kerascope.auditing.changes.label_changes import LabelChanges
from kerascope.auditing.description.object_masks import Objects
from kerascope.auditing.result.audit_result import Audit
from kerascope.auditing.result.class_audit import ClassAudit, Strategy
from kerascope.auditing.result.label_audits import LabelAudits
from kerascope.auditing.result.open_audit import open_audit
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.exchange import Exchange
from kerascope.auditing.shortcuts.finding import Finding
from kerascope.auditing.shortcuts.trial import Trial

__all__ = [
    "Audit",
    "AuditChanges",
    "ClassAudit",
    "Estimate",
    "Exchange",
    "Finding",
    "LabelAudits",
    "LabelChanges",
    "Objects",
    "Strategy",
    "Trial",
    "audit",
    "compare_audits",
    "open_audit",
]
