"""The audit of a whole data set: what a model looks at, and what it rests on though it should not.

    run.py            `audit`: looked over; making.py: the parts in their order; by_label.py: label by label
    describing.py     what is noted of each image, in the stream that explains it; traits.py, objects.py
    material.py       what was noted, as arrays; pictures and images when they are asked for
    strategies.py     clusters of the images of a class
    suspects/         kinds of shortcut, one a file
    search.py         suspects tried in laboratory.py and judged together; finding.py, regions.py
    copies.py         what is there again, or in the training data; training.py, likeness.py, pairs.py
    duplicates.py     what is told of it; duplicates_page.py: in a report
    classes.py        what is told of each class; health.py: of the maps; responses.py: of the scores
    outcome.py        `Audit`, in a folder; label_audits.py: one for each label; companions.py
    verdict.py        its words, the same in summary, page and command line
    reading.py        read again; plain.py: as JSON
    page.py           its report; changes.py: two audits compared

scikit-learn, Jinja2 and Pillow are imported when they are needed.
"""

from kerascope.auditing.audit import audit
from kerascope.auditing.changes.audit_changes import AuditChanges
from kerascope.auditing.changes.compare_audits import compare_audits
from kerascope.auditing.changes.label_changes import LabelChanges
from kerascope.auditing.description.object_masks import Objects
from kerascope.auditing.result.label_audits import LabelAudits
from kerascope.auditing.result.open_audit import open_audit
from kerascope.auditing.result.audit_result import Audit, ClassAudit, Strategy
from kerascope.auditing.shortcuts.finding import Finding, Measured, Trial

__all__ = [
    "Audit",
    "AuditChanges",
    "ClassAudit",
    "Finding",
    "LabelAudits",
    "LabelChanges",
    "Measured",
    "Objects",
    "Strategy",
    "Trial",
    "audit",
    "compare_audits",
    "open_audit",
]
