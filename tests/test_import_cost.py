"""What `import kerascope` must not import; what it costs in seconds is measured in benchmarks/."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Each test starts a process.
pytestmark = pytest.mark.slow

HEAVY = {"keras", "tensorflow", "jax", "torch", "numpy", "scipy", "matplotlib", "PIL", "skimage"}

# What runs anyway, then kerascope, with warnings as errors. Prints the modules that are new.
PROGRAM = """
import sys
{before}
known = set(sys.modules)
{after}
new = sorted(set(sys.modules) - known)
import json
print(json.dumps(new))
"""

# Rooms of kerascope that are imported when they are needed.
LATER = (
    "kerascope.auditing.report",
    "kerascope.auditing.shortcuts.search",
    "kerascope.auditing.shortcuts.kinds",
    "kerascope.cli",
    "examples.demo",
    "kerascope.render",
    "kerascope.testing",
    "kerascope.vis",
)

# The rooms among the public names are for those who ask for them.
EVERY_NAME = """
import kerascope
for name in set(kerascope.__all__) - {"render", "synthetic", "testing"}:
    getattr(kerascope, name)
"""


def new_modules(after: str, before: str = "") -> set[str]:
    """The modules that `after` loads in a new process on top of those that `before` loads."""
    program = PROGRAM.format(before=before, after=after)
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


@pytest.mark.once
def test_importing_kerascope_imports_nothing_heavy() -> None:
    modules = new_modules("import kerascope")
    assert packages(modules) & HEAVY == set()
    outside = packages(modules) - {"kerascope"} - set(sys.stdlib_module_names)
    assert outside == set()


@pytest.mark.once
def test_asking_for_an_unknown_name_imports_nothing_either() -> None:
    modules = new_modules("import kerascope\nassert not hasattr(kerascope, 'GradCan')")
    assert packages(modules) & HEAVY == set()


def test_every_public_name_together_imports_only_kerascope_beside_keras() -> None:
    on_top = new_modules(EVERY_NAME, before="import keras")
    outside = packages(on_top) - {"kerascope"} - set(sys.stdlib_module_names)
    assert outside == set()
    assert {module for module in on_top if module.startswith(LATER)} == set()
