"""The house style of names and sizes, so far as a program can read it. Sources are read, never run."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "src" / "kerascope"
FILES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(PACKAGE.rglob("*.py"))}

IRREGULAR = """
asked become begun bent bought bound broken brought built caught chosen dealt done drawn driven dug fallen
fed forgotten fought found frozen given gone grown heard held hidden hung kept known laid led left lent lit
lost made meant met paid redrawn rung said seen sent shown sold sought spent spoken spread stood sworn taken
thought thrown told torn understood won worn woven written
"""
"""Participles without -ed, except those that are verbs too, as `read`, `set` and `cut`."""
NO_PARTICIPLES = "bed embed exceed feed indeed need proceed red seed shed speed succeed"
PREPOSITIONS = "about at by for from in of off on to with"
NAMED_ELSEWHERE = {"vis": "keras-vis", "testing/checks": "sentences", "testing/metrics/checks": "sentences"}
"""Folders whose functions have their names from elsewhere, and from where."""
LOOP_VARIABLES = frozenset({"one"})

FILES_IN_A_FOLDER = 14
LINES_OF_A_FILE = 350
LINES_OF_A_FUNCTION = 60


def shown(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def code_lines(tree: ast.Module, text: str) -> set[int]:
    """The numbers of lines that hold code: neither blank, nor a comment, nor of a docstring."""
    documented = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
            documented |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.splitlines(), 1)
    return {row for row, line in lines if line.strip() and not line.strip().startswith("#")} - documented


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def is_participle(word: str) -> bool:
    regular = len(word) > 3 and word.endswith("ed") and word not in NO_PARTICIPLES.split()
    return regular or word in IRREGULAR.split()


def is_named_by_participle(name: str) -> bool:
    """Whether a name is a participle, with or without a preposition. `masked_score` is a noun."""
    first, *others = name.strip("_").split("_")
    return is_participle(first) and (not others or others[0] in PREPOSITIONS.split())


def has_its_name_from_elsewhere(file: Path, function: ast.FunctionDef) -> bool:
    """An attribute of state, a tiny model under its registered name, an oracle under that of its method."""
    decorators = {re.split(r"[(.]", ast.unparse(decorator))[0] for decorator in function.decorator_list}
    folder = shown(file.parent)
    return bool(
        decorators & {"property", "cached_property", "functools", "tiny"}
        or (folder.startswith("testing/oracles") and not function.name.startswith("_"))
        or any(f"{folder}/".startswith(f"{known}/") for known in NAMED_ELSEWHERE)
    )


def names_of_types(tree: ast.Module) -> Iterator[str]:
    """The classes of a file, and its aliases in CamelCase."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
    for statement in tree.body:
        target = (
            statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        )
        if isinstance(target, ast.Name) and re.match(r"_?[A-Z][a-z]", target.id):
            yield target.id


def test_a_class_name_means_one_thing() -> None:
    places = defaultdict(list)
    for file, tree in FILES.items():
        if not shown(file).startswith("vis/"):
            for name in names_of_types(tree):
                places[name].append(shown(file))
    twice = {name: files for name, files in places.items() if len(files) > 1 and name != "__all__"}
    assert not twice, twice


def test_no_function_is_a_participle() -> None:
    found = [
        f"{shown(file)}:{function.lineno} {function.name}"
        for file, tree in FILES.items()
        for function in functions_of(tree)
        if is_named_by_participle(function.name) and not has_its_name_from_elsewhere(file, function)
    ]
    assert not found, "\n".join(found)


def test_no_loop_variable_is_called_one() -> None:
    found = [
        f"{shown(file)}:{name.lineno}"
        for file, tree in FILES.items()
        for loop in ast.walk(tree)
        if isinstance(loop, ast.For | ast.comprehension)
        for name in ast.walk(loop.target)
        if isinstance(name, ast.Name) and name.id in LOOP_VARIABLES
    ]
    assert not found, "\n".join(found)


def test_folders_and_files_are_small() -> None:
    found = []
    for root in (PACKAGE, REPOSITORY / "tests", REPOSITORY / "benchmarks", REPOSITORY / "examples"):
        for folder in (root, *filter(Path.is_dir, root.rglob("*"))):
            count = len(list(folder.glob("*.py")))
            if count > FILES_IN_A_FOLDER:
                found.append(f"{folder.relative_to(REPOSITORY)} has {count} files")
    for file, tree in FILES.items():
        lines = code_lines(tree, file.read_text(encoding="utf-8"))
        if len(lines) > LINES_OF_A_FILE:
            found.append(f"{shown(file)} has {len(lines)} lines")
        for function in functions_of(tree) if file.parent.name != "commands" else ():
            body = range(function.body[0].lineno, (function.end_lineno or 0) + 1)  # a signature may be long
            if len(lines.intersection(body)) > LINES_OF_A_FUNCTION:
                found.append(
                    f"{shown(file)}:{function.lineno} {function.name} has {len(lines & set(body))} lines"
                )
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("told", True),
        ("_resized", True),
        ("asked_about", True),
        ("masked_score", False),
        ("seed", False),
        ("is_known", False),
        ("compute_masked", False),
        ("read", False),
    ],
)
def test_participles_are_known_from_verbs(name: str, expected: bool) -> None:
    assert is_named_by_participle(name) == expected
