"""The audit of a whole data set: what a model looks at, and what it rests on though it should not.

    run.py            `audit`: the parts in their order
    describing.py     what is noted of each image, in the stream that explains it; traits.py, objects.py
    material.py       what was noted, as arrays; pictures and images when they are asked for
    strategies.py     clusters of the images of a class
    suspects/         kinds of shortcut, one a file
    search.py         suspects tried in laboratory.py and judged together; finding.py, regions.py
    classes.py        what is told of each class; health.py: of the maps themselves
    outcome.py        `Audit`, in a folder; reading.py: read again; plain.py: as JSON
    page.py           its report; changes.py: two audits compared

scikit-learn, Jinja2 and Pillow are imported when they are needed.
"""

from kerascope.auditing.changes import AuditChanges, compare_audits
from kerascope.auditing.finding import Finding, Measured, Trial
from kerascope.auditing.objects import Objects
from kerascope.auditing.outcome import Audit, ClassAudit, Strategy
from kerascope.auditing.reading import open_audit
from kerascope.auditing.run import audit

__all__ = [
    "Audit",
    "AuditChanges",
    "ClassAudit",
    "Finding",
    "Measured",
    "Objects",
    "Strategy",
    "Trial",
    "audit",
    "compare_audits",
    "open_audit",
]
