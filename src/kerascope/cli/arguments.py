"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

ModelArgument = Annotated[
    Path, typer.Argument(help="A saved model: .keras, or .h5 of old.", metavar="MODEL", show_default=False)
]
PathsArgument = Annotated[
    list[str],
    typer.Argument(
        help="Pictures, folders (a class per subfolder, where they look like that), patterns, lists (.txt, "
        ".csv), Parquet tables, WebDatasets (.tar), or addresses of these (s3://bucket/photos).",
        metavar="PATH...",
        show_default=False,
    ),
]
UnsafeOption = Annotated[
    bool,
    typer.Option(
        "--unsafe",
        help="Let the model file run code of its own, such as a Lambda layer. Only for files that you trust.",
    ),
]
ImportOption = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        help="A Python module to import first, which registers layers of the model; may be repeated.",
        metavar="MODULE",
    ),
]
OutputKindOption = Annotated[
    Literal["classes", "labels", "binary", "regression"] | None,
    typer.Option(
        "--model-output",
        help="What the model's numbers are: scores of classes; of labels, each by itself; one score of two "
        "classes (binary); or of no class (regression). Default: what the model ends in tells.",
    ),
]
ClassesOption = Annotated[
    Path | None,
    typer.Option(
        help="Names of the classes in the order of the model's outputs: a line each, a JSON list, or an "
        "index of ImageNet with its codes.",
        metavar="FILE",
    ),
]
PreprocessOption = Annotated[
    str,
    typer.Option(
        help="What the model is fed: auto (found out and printed), 0-255, 0-1, -1-1, caffe, torch, "
        "efficientnet-lite, or a JSON file.",
        metavar="NAME",
    ),
]
FitOption = Annotated[
    str | None,
    typer.Option(
        help="How a photograph becomes the model's shape: stretch (squeezed), crop (the middle), or pad; "
        "default: found out and printed.",
        metavar="NAME",
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        help="Size of the images, 224 or 224x320, for models that take any.",
        metavar="SIZE",
    ),
]
BatchOption = Annotated[
    int | None,
    typer.Option(help="Images per pass; default 32.", min=1, metavar="N"),
]
TargetOption = Annotated[
    str,
    typer.Option(
        help="What to explain: predicted, label (each image's own), a class by number or name, or top5 "
        "(the best five, or any number).",
        metavar="TARGET",
    ),
]
LayerOption = Annotated[
    str | None,
    typer.Option(
        help="Where, for methods that explain a layer; default: found, see kerascope layers.", metavar="PATH"
    ),
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A parameter of the method, as in masks=500; may be repeated.", metavar="NAME=VALUE"
    ),
]
ImageColumnOption = Annotated[
    str | None,
    typer.Option(help="Column of the images in a table or list.", metavar="NAME"),
]
LabelColumnOption = Annotated[
    str | None,
    typer.Option(help="Column of the labels in a table or list; '' for none.", metavar="NAME"),
]
FollowLinksOption = Annotated[
    bool,
    typer.Option("--follow-links", help="Follow links that lead out of a folder."),
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")]
OverwriteOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Remove earlier results first; nothing that kerascope has not made."),
]
EngineOption = Annotated[
    Literal["local", "ray"],
    typer.Option(help="Where: in this process, or on a Ray cluster."),
]
WorkersOption = Annotated[
    int,
    typer.Option(help="Processes on the cluster.", min=1, metavar="N"),
]
WorkerCpusOption = Annotated[
    int, typer.Option(help="Processors of each; above one for reading and drawing.", min=1, metavar="N")
]
WorkerGpusOption = Annotated[float, typer.Option(help="GPUs of each.", min=0, metavar="N")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
