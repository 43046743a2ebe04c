"""The arguments and options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

ModelArgument = Annotated[
    Path, typer.Argument(help="Saved model, .keras or .h5.", metavar="MODEL", show_default=False)
]
PathsArgument = Annotated[
    list[str],
    typer.Argument(
        help="Pictures, folders (with a subfolder per class, or without), glob patterns, lists (.txt, .csv), "
        "Parquet tables, WebDatasets (.tar), or their URLs (s3://bucket/photos).",
        metavar="PATH...",
        show_default=False,
    ),
]
UnsafeOption = Annotated[
    bool,
    typer.Option(
        "--unsafe",
        help="Allow the model file to run its own code, such as a Lambda layer. Only for trusted files.",
    ),
]
ImportOption = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        help="Python module to import first, which registers layers of the model. Repeatable.",
        metavar="MODULE",
    ),
]
OutputKindOption = Annotated[
    Literal["classes", "labels", "binary", "regression"] | None,
    typer.Option(
        "--model-output",
        help="Kind of the model's output: a score per class, a score per independent label, one score for "
        "two classes (binary), or a value (regression). Default: detected from the last layer.",
    ),
]
ClassesOption = Annotated[
    Path | None,
    typer.Option(
        help="Class names in the order of the model's outputs: a text file with one per line, a JSON list, "
        "or an ImageNet class index.",
        metavar="FILE",
    ),
]
PreprocessOption = Annotated[
    str,
    typer.Option(
        help="Preprocessing of the model: auto (detected and printed), 0-255, 0-1, -1-1, caffe, torch, "
        "efficientnet-lite, or a JSON file.",
        metavar="NAME",
    ),
]
FitOption = Annotated[
    str | None,
    typer.Option(
        help="How photographs are fitted to the model's shape: stretch, crop (centre), or pad. Default: "
        "detected and printed.",
        metavar="NAME",
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        help="Image size, such as 224 or 224x320, for models of any size.",
        metavar="SIZE",
    ),
]
BatchOption = Annotated[
    int | None,
    typer.Option(help="Images per batch. Default: 32.", min=1, metavar="N"),
]
TargetOption = Annotated[
    str,
    typer.Option(
        help="Target to explain: predicted, label (of each image), a class name or index, or top5 (the five "
        "highest scores, or any other number).",
        metavar="TARGET",
    ),
]
LayerOption = Annotated[
    str | None,
    typer.Option(
        help="Layer to explain, see kerascope layers. Default: chosen automatically.", metavar="PATH"
    ),
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Parameter of the method, such as masks=500. Repeatable.", metavar="NAME=VALUE"
    ),
]
ImageColumnOption = Annotated[
    str | None,
    typer.Option(help="Image column of a table or list.", metavar="NAME"),
]
LabelColumnOption = Annotated[
    str | None,
    typer.Option(help="Label column of a table or list; '' for none.", metavar="NAME"),
]
FollowLinksOption = Annotated[
    bool,
    typer.Option("--follow-links", help="Follow links out of a folder."),
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")]
OverwriteOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Remove earlier results first, and no other files."),
]
EngineOption = Annotated[
    Literal["local", "ray"],
    typer.Option(help="Run in this process, or on a Ray cluster."),
]
WorkersOption = Annotated[
    int,
    typer.Option(help="Processes on the cluster.", min=1, metavar="N"),
]
WorkerCpusOption = Annotated[
    int,
    typer.Option(help="CPUs per process; more than one to read and draw in parallel.", min=1, metavar="N"),
]
WorkerGpusOption = Annotated[float, typer.Option(help="GPUs per process.", min=0, metavar="N")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
