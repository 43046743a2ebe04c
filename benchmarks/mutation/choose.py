"""Which tests a mutation meets, and in which order."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any


def choose(file: str, source: str, line: int, covered: dict[str, Any]) -> list[list[str]]:
    """The tests of its room, and the others, that run what stands in a line; the cheapest first."""
    reached = reach(source, line)
    masks = [int(mask, 16) for at, mask in covered["lines"].get(file, {}).items() if int(at) in reached]
    seconds: dict[str, float] = covered["seconds"]
    names = [name for place, name in enumerate(seconds) if any(mask >> place & 1 for mask in masks)]
    modules: Counter[str] = Counter()
    for name in names:
        modules[_module(name)] += seconds[name]
    # A module's fixtures are made once, so its tests stay together.
    names.sort(key=lambda name: (modules[_module(name)], _module(name), seconds[name]))
    room = f"tests/{file.partition('/')[0]}/"
    own = [name for name in names if name.startswith(room)]
    return [own, [name for name in names if not name.startswith(room)]]


def reach(source: str, line: int) -> set[int]:
    """The lines of a statement; where it runs on import, those of the functions of its class, or its file."""
    tree = ast.parse(source)
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and line in _lines(node)]
    around.sort(key=lambda node: node.lineno)
    functions = [node for node in around if isinstance(node, ast.FunctionDef)]
    if not functions or line < functions[-1].body[0].lineno:
        classes = [node for node in around if isinstance(node, ast.ClassDef)]
        return _inside(classes[-1]) or _inside(tree) if classes else _inside(tree)
    last = around[-1]
    body = getattr(last, "body", None)
    return set(range(last.lineno, max(body[0].lineno, last.lineno + 1))) if body else set(_lines(last))


def _module(name: str) -> str:
    return name.partition("::")[0]


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _inside(tree: ast.AST) -> set[int]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {line for node in functions for statement in node.body for line in _lines(statement)}
