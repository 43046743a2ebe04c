"""Mutations, drawn by chance from all that Cosmic Ray makes and that change what the source does."""

from __future__ import annotations

import ast
import json
import random
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOMS = ("method", "probe", "target", "metric", "perturb")
SOURCE = Path("src/kerascope")
# An operator is replaced by one of its own family: float << float fails at once, and 2 is 2 where 2 == 2.
FAMILIES = (
    {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"},
    {"RShift", "LShift", "BitOr", "BitAnd", "BitXor"},
    {"Eq", "NotEq", "Lt", "LtE", "Gt", "GtE"},
    {"Is", "IsNot"},
    {"Delete", "Invert"},
    {"Delete", "Not"},
    {"Delete", "USub"},
)


class Mutation(NamedTuple):
    """A line of a file, numbered from 1, as it stands and as it is mutated."""

    file: str
    operator: str
    line: int
    before: str
    after: str


def draw(out: Path, count: int, seed: int) -> None:
    """Write `count` mutations to a file."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    found = _all()
    random.Random(seed).shuffle(found)
    drawn: list[dict[str, Any]] = []
    for file, operator, occurrence in found:
        if len(drawn) == count:
            break
        if not any(set(operator.split("_")[1:]) <= family for family in FAMILIES):
            continue
        source = (SOURCE / file).read_text()
        mutated = mutate_code(source, get_operator(operator)(), occurrence)
        if _meaning(mutated) in (None, _meaning(source)):
            continue
        pairs = zip(source.splitlines(), mutated.splitlines(), strict=True)
        [line] = [(number, *pair) for number, pair in enumerate(pairs, start=1) if pair[0] != pair[1]]
        drawn.append(Mutation(file, operator, *line)._asdict())
    out.write_text(json.dumps(drawn, indent=1))
    print(f"{len(drawn)} drawn of {len(found)}, some of which change nothing.")


def _all() -> list[tuple[str, str, int]]:
    """File, operator and occurrence of every mutation, in an order that stays."""
    from cosmic_ray.commands import init
    from cosmic_ray.work_db import WorkDB

    with tempfile.TemporaryDirectory() as folder:
        session = WorkDB(Path(folder, "session.sqlite"), WorkDB.Mode.create)
        init([path for room in ROOMS for path in (SOURCE / room).glob("*.py")], session, {})
        made = [item.mutations[0] for item in session.work_items]
        session.close()
    return sorted(
        (Path(one.module_path).relative_to(SOURCE).as_posix(), one.operator_name, one.occurrence)
        for one in made
    )


class _Stripped(ast.NodeTransformer):
    """A module without annotations, decorators, docstrings, and what only a type checker reads."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("annotation", "returns"):
            if hasattr(node, field):
                setattr(node, field, None)
        if hasattr(node, "decorator_list"):
            node.decorator_list = []
        return super().generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if "TYPE_CHECKING" in ast.dump(node.test) else self.generic_visit(node)


def _meaning(source: str | None) -> str | None:
    """Equal for two sources that do the same; None where it is no Python."""
    try:
        return source and ast.dump(_Stripped().visit(ast.parse(source)))
    except SyntaxError:
        return None
