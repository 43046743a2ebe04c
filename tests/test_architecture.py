"""The import graph: arrows one way, each library in its room. Sources are read, never run."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Room:
    """What a file or folder directly under kerascope/ may import, beside the standard library."""

    rooms: str = ""
    packages: str = ""
    lazily: str = ""  # rooms and packages that may be imported inside a function or for a type only


# Only backend may know tensorflow, jax and torch; only rooms that ask a model may know Keras; what
# holds or draws results knows NumPy alone. A row may name rooms above it, so arrows run one way; a
# new room gets a row here. "kerascope" stands for the public names.
ROOMS = {
    "errors": Room(),
    "typing": Room("", "numpy"),
    "validation": Room("errors", "numpy"),
    "progress": Room(lazily="rich"),
    "registry": Room("errors"),
    "resize": Room("errors typing", "numpy"),
    "placement": Room("errors typing resize", "numpy"),
    "persistence": Room("errors typing", "numpy"),
    "layout": Room("errors typing", "keras numpy"),
    "backend": Room("errors typing validation", "keras numpy tensorflow jax torch"),
    "explanation": Room("errors typing persistence resize placement", "numpy", lazily="render matplotlib"),
    "target": Room("errors typing validation layout", "keras numpy"),
    "rule": Room("errors backend", "keras"),
    "probe": Room("errors typing validation layout placement backend rule target", "keras numpy"),
    "perturb": Room(
        "errors typing validation progress resize layout placement target probe explanation",
        "keras numpy",
        lazily="scipy skimage",
    ),
    "provenance": Room("", "keras"),
    "model_file": Room("errors", "h5py keras"),
    "method": Room(
        "errors typing validation registry progress resize layout placement backend rule target probe "
        "perturb explanation provenance",
        "keras numpy",
        lazily="scipy skimage sklearn",
    ),
    "render": Room(
        "errors typing validation resize placement explanation", "numpy matplotlib PIL", lazily="jinja2"
    ),
    "dataset": Room(
        "errors typing persistence validation progress model_file resize layout placement target probe "
        "explanation provenance method",
        "keras numpy pyarrow",
        lazily="render PIL filelock pydicom ray",
    ),
    "metric": Room(
        "errors typing validation registry resize dataset target probe perturb explanation provenance method",
        "keras numpy scipy",
        lazily="skimage",
    ),
    "evaluation": Room(
        "errors typing persistence validation progress target probe perturb explanation provenance render "
        "method metric dataset",
        "keras numpy scipy",
        lazily="matplotlib pandas PIL",
    ),
    "auditing": Room(
        "errors typing persistence validation progress resize target probe explanation provenance method "
        "dataset",
        "keras numpy",
        lazily="evaluation render PIL pyarrow scipy sklearn",
    ),
    "maximization": Room(
        "errors typing validation layout backend target probe provenance",
        "keras numpy",
        lazily="render matplotlib",
    ),
    "vis": Room(
        "errors typing validation rule target probe explanation provenance method maximization",
        "keras numpy",
        lazily="render PIL",
    ),
    "synthetic": Room("typing validation", "keras numpy", lazily="scipy"),
    "kerascope": Room(
        "registry",
        lazily="errors target probe explanation render method dataset metric evaluation auditing "
        "maximization synthetic testing",
    ),
    "testing": Room(
        "errors typing validation resize layout backend target probe explanation method metric kerascope",
        "keras numpy pytest",
        lazily="scipy skimage",
    ),
    "cli": Room(
        "errors typing persistence validation model_file backend target probe method dataset kerascope",
        "h5py keras numpy typer",
        lazily="render matplotlib",
    ),
    "__main__": Room("cli"),
}

# The same one level down: of the folders and files of a room, each may import only those named before it.
INSIDE = {
    "probe": "layer_ref inputs intercept fingerprint graph placing input_range execute protocol "
    "black_box probe",
    "perturb": "memory resampling mask inpainting step stream host_images pixels baseline "
    "segmentation hierarchy variants",
    "method": "base gradient path masks segments cam wrappers controls auto by_name",
    "dataset": "readable_text photograph_errors result_folder labels decoding reading classes preparing "
    "folder_arrays mosaic options writing results running run",
    "testing": "models oracles fast_settings fixture target_cases choose_once value_checks identities "
    "registry check golden checks causes metrics contract __main__",
    "auditing": "description duplicates data shortcuts result report changes preconditions options pipeline "
    "multilabel audit",
    "target": "base indices value function classes conversion wrappers contrast detection segmentation "
    "sequence similarity unit",
    "render": "colour hatching smooth text html display overlay panels page drawing figure gallery sheet",
    "maximization": "parametrization penalties transforms targets ascent canvas optimization result "
    "configuration",
    "vis": "utils filters losses regularizers seed_inputs callbacks input_modifiers grad_modifiers "
    "backprop_modifiers backend objective tensor_gradient maximization optimizer visualization",
    "cli": "interruption console saved_loss keras2 loading arguments images output_files commands app",
    "metric": "statistics similarity probability context base faithfulness axioms complexity focus "
    "localisation randomisation robustness",
    "evaluation": "statistics inputs output report measurement_table evaluate recommend sanity",
}


@dataclass(frozen=True)
class Import:
    """One imported module, and where."""

    place: str  # file:line
    importer: str  # dotted name of the importing module
    imported: str  # dotted name
    lazy: bool  # inside a function
    typing_only: bool  # under `if TYPE_CHECKING:`


class Reader(ast.NodeVisitor):
    """Collects the imports of one file, also those that go through importlib or an attribute."""

    def __init__(self, file: Path, module: str, is_package: bool, shown: str) -> None:
        self.module, self.shown = module, shown
        self.package = module if is_package else module.rpartition(".")[0]
        self.depth, self.typing_depth = 0, int(file.suffix == ".pyi")
        self.imports: list[Import] = []
        self.visit(ast.parse(file.read_text(encoding="utf-8"), filename=shown))

    def add(self, node: ast.AST, imported: str) -> None:
        package, _, name = imported.partition(".")
        if package == self.module.split(".")[0] and (not name or name.startswith("__")):
            return  # the package itself, which is loaded anyway, or its __version__
        place = f"{self.shown}:{getattr(node, 'lineno', 0)}"
        lazy, typing_only = self.depth > 0, self.typing_depth > 0
        self.imports.append(Import(place, self.module, imported, lazy, typing_only))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        above = self.package.split(".")[: len(self.package.split(".")) - node.level + 1]
        base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
        for alias in node.names:
            self.add(node, f"{base}.{alias.name}")

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else None
        called = node.func.id if isinstance(node.func, ast.Name) else called
        if called in ("import_module", "__import__") and node.args:
            name = node.args[0]
            if isinstance(name, ast.JoinedStr):  # what stands before the first {}
                name = name.values[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self.add(node, name.value.rstrip("."))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.value.id == self.module.split(".")[0]:
            self.add(node, f"{node.value.id}.{node.attr}")
        if isinstance(node.value, ast.Name) and (node.value.id, node.attr) == ("keras", "src"):
            self.add(node, "keras.src")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        typing_only = "TYPE_CHECKING" in ast.unparse(node.test)
        self.typing_depth += typing_only
        for child in node.body:
            self.visit(child)
        self.typing_depth -= typing_only
        for child in node.orelse:
            self.visit(child)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (ast's name)


def modules_of(package: Path) -> dict[str, Path]:
    """Dotted module name to file, for every module of a package."""
    names = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def imports_of(package: Path) -> list[Import]:
    """Every import in a package, its own modules resolved as far as they are files."""
    modules = modules_of(package)
    found: list[Import] = []
    for module, file in modules.items():
        for source in filter(Path.exists, (file, file.with_suffix(".pyi"))):
            shown = source.relative_to(package.parent).as_posix()
            found += Reader(source, module, file.name == "__init__.py", shown).imports
    return found


def room_of(name: str, package: Path) -> str:
    """The room of a module, or of what is imported from it; the package's own for a public name."""
    room = name.split(".")[1] if "." in name else package.name
    is_room = (package / room).is_dir() or (package / f"{room}.py").is_file()
    return room if is_room else package.name


def offences(package: Path, rooms: dict[str, Room]) -> list[str]:
    """One line per import that the table does not allow, starting with file:line."""
    found = (offence(one, package, rooms) for one in imports_of(package))
    return list(dict.fromkeys(filter(None, found)))


def offence(one: Import, package: Path, rooms: dict[str, Room]) -> str | None:
    importer = room_of(one.importer, package)
    imported = one.imported.split(".")[0]
    if f"{one.imported}.".startswith("keras.src."):
        return f"{one.place}: keras.src is private"
    if imported in sys.stdlib_module_names:
        return None
    if imported == package.name:
        imported = room_of(one.imported, package)
    if importer not in rooms:
        return f"{one.place}: room {importer} has no row in ROOMS"
    room = rooms[importer]
    if imported in {importer, *room.rooms.split(), *room.packages.split()}:
        return None
    if imported not in room.lazily.split():
        return f"{one.place}: {importer} may not import {imported}"
    if one.lazy or one.typing_only:
        return None
    return f"{one.place}: {importer} may import {imported} inside a function only"


def offences_inside(package: Path, inside: dict[str, str]) -> list[str]:
    """One line per import within a room that points at a part which its row names later, or not at all."""
    modules = modules_of(package)
    found = []
    for imported in imports_of(package):
        room, importer = part_of(imported.importer, modules)
        other, target = part_of(imported.imported, modules)
        if room != other or room not in inside or imported.lazy or imported.typing_only:
            continue
        allowed, _, _ = f" {inside[room]} ".partition(f" {importer} ")
        if importer and importer != target and target not in allowed.split():
            found.append(f"{imported.place}: {room}/{importer} may not import {room}/{target}")
    return found


def part_of(name: str, modules: dict[str, Path]) -> tuple[str, str]:
    """The room of an import, and the folder or file in that room; an empty one for the room itself."""
    while name not in modules and "." in name:
        name = name.rpartition(".")[0]
    _, room, part, *_ = [*name.split("."), "", ""]
    return room, part


def installed_package() -> Path:
    specification = importlib.util.find_spec("kerascope")
    assert specification is not None
    assert specification.submodule_search_locations is not None
    return Path(specification.submodule_search_locations[0])


def test_every_import_is_one_that_its_room_may_make() -> None:
    found = offences(installed_package(), ROOMS)
    assert not found, "\n" + "\n".join(found)


def test_the_table_of_rooms_points_one_way() -> None:
    above: set[str] = set()
    for name, room in ROOMS.items():
        assert set(room.rooms.split()) <= above, name
        above.add(name)


def test_folders_and_files_of_a_room_point_one_way() -> None:
    found = offences_inside(installed_package(), INSIDE)
    assert not found, "\n" + "\n".join(found)


def test_every_room_with_folders_has_a_row() -> None:
    rooms = {
        folder.parent.name for folder in installed_package().glob("*/*") if (folder / "__init__.py").is_file()
    }
    assert rooms <= set(INSIDE), f"INSIDE must have a row for {sorted(rooms - set(INSIDE))}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    package = installed_package()
    modules = modules_of(package)
    arrows: dict[str, set[str]] = {}
    for found in imports_of(package):
        if not found.lazy and not found.typing_only:
            name = found.imported
            imported = name if name in modules else name.rpartition(".")[0]
            # A package's own __init__ runs first in any case; that is no arrow of the source.
            if imported in modules and imported not in (found.importer, package.name):
                arrows.setdefault(found.importer, set()).add(imported)
    graphlib.TopologicalSorter(arrows).prepare()  # CycleError shows the cycle


def test_tests_and_benchmarks_leave_keras_src_alone_too() -> None:
    found = [
        one.place
        for folder in ("tests", "benchmarks", "examples")
        for file in sorted((REPOSITORY / folder).rglob("*.py"))
        for one in Reader(file, file.stem, False, file.relative_to(REPOSITORY).as_posix()).imports
        if f"{one.imported}.".startswith("keras.src.")
    ]
    assert not found, "keras.src is private: " + ", ".join(found)


@pytest.mark.parametrize(
    ("file", "line", "offence"),
    [
        ("probe/tap.py", "import torch", "probe may not import torch"),
        ("probe/tap.py", "def f():\n    import jax.numpy", "probe may not import jax"),
        ("probe/tap.py", "from kerascope.method import cam", "probe may not import method"),
        ("probe/tap.py", "from ..method import cam", "probe may not import method"),
        ("probe/tap.py", "from kerascope import method", "probe may not import method"),
        ("probe/tap.py", "from kerascope import GradCAM", "probe may not import kerascope"),
        ("probe/tap.py", "import kerascope\nkerascope.GradCAM", "probe may not import kerascope"),
        ("probe/tap.py", "from keras.src import ops", "keras.src is private"),
        ("probe/tap.py", "import keras\nkeras.src.ops", "keras.src is private"),
        ("probe/tap.py", "import importlib\nimportlib.import_module('torch')", "torch"),
        ("probe/tap.py", "__import__(f'kerascope.method.{x}')", "may not import method"),
        ("explanation.py", "import keras", "explanation may not import keras"),
        ("__init__.pyi", "from kerascope.backend import torch", "kerascope may not import backend"),
        (
            "explanation.py",
            "from kerascope import render",
            "may import render inside a function only",
        ),
    ],
)
def test_an_offence_is_found(tmp_path: Path, file: str, line: str, offence: str) -> None:
    package = planted(tmp_path, file, line)
    (found,) = offences(package, ROOMS)
    assert found.startswith(f"kerascope/{file}:{1 + line.count(chr(10))}: ")
    assert offence in found


def test_a_room_without_a_row_is_found(tmp_path: Path) -> None:
    package = planted(tmp_path, "cellar.py", "import os\nimport keras")
    assert offences(package, ROOMS) == ["kerascope/cellar.py:2: room cellar has no row in ROOMS"]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("backend/torch.py", "import torch"),
        ("probe/tap.py", "from kerascope import backend, errors"),
        ("probe/tap.py", "from .layers import find"),
        ("probe/tap.py", "import kerascope\nkerascope.__version__"),
        ("explanation.py", "def plot():\n    from kerascope.render import figure"),
        ("explanation.py", "if TYPE_CHECKING:\n    from kerascope import render"),
        ("__init__.pyi", "from kerascope.probe import Probe as Probe"),
        ("__init__.py", "def __getattr__(name):\n    from kerascope.probe import Probe"),
    ],
)
def test_what_is_allowed_is_no_offence(tmp_path: Path, file: str, line: str) -> None:
    package = planted(tmp_path, file, line)
    assert offences(package, ROOMS) == []


def planted(folder: Path, file: str, line: str) -> Path:
    """A package with empty rooms and one line in one file."""
    package = folder / "kerascope"
    for room in ("backend", "probe", "method", "render"):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    (package / "errors.py").touch()
    (package / "__init__.py").touch()
    (package / file).write_text(line, encoding="utf-8")
    return package
