"""One backend for the whole process, chosen before Keras is imported; on the CPU, and no window."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden" / "maps.npz"
BACKEND = os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# Set a variable yourself to test on an accelerator.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")

# Workers share the cores: with one thread each they do not wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    for threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(threads, "1")

# XLA takes longer to compile the tiny models than to run them; what one worker compiled is there for all.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--skip-once",
        action="store_true",
        help="leave out the tests marked `once`: another backend's process runs them",
    )
    parser.addoption(
        "--every-network",
        action="store_true",
        help="also try those of keras.applications that are only deeper or wider than another one",
    )
    parser.addoption(
        "--seed",
        type=int,
        default=0,
        help="seed of weights, set anew before each test, and of what the slow part trains (default 0)",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Imported here: by now the variables above are set.
    from kerascope.backend import SUPPORTED

    if BACKEND not in SUPPORTED:
        raise pytest.UsageError(f"KERAS_BACKEND must be one of {', '.join(SUPPORTED)}; got {BACKEND!r}.")
    from tests.helpers.processes.work_counters import COUNTER

    COUNTER.start()
    config.pluginmanager.register(COUNTER)


def pytest_report_header() -> list[str]:
    import keras

    import kerascope as ks

    if keras.backend.backend() != BACKEND:
        raise pytest.UsageError(
            f"Keras was imported before KERAS_BACKEND={BACKEND} was set and runs on "
            f"{keras.backend.backend()}: start pytest with the variable in the environment."
        )
    distributions = {"tensorflow": ("tensorflow", "tensorflow-cpu")}.get(BACKEND, (BACKEND,))
    versions = [
        distribution.version
        for distribution in importlib.metadata.distributions()
        if distribution.name.replace("_", "-") in distributions
    ]
    return [
        f"backend: {BACKEND} {' '.join(versions)}, keras {keras.__version__}",
        f"kerascope: {Path(ks.__file__).parent}",
    ]


@pytest.fixture(autouse=True, scope="session")
def _seeded_session(request: pytest.FixtureRequest) -> None:
    _seed(request.config)


@pytest.fixture(autouse=True)
def _seeded_test(request: pytest.FixtureRequest) -> None:
    """Each test has the same networks alone and among others; `--seed 1` shows what holds by chance."""
    _seed(request.config)


def _seed(config: pytest.Config) -> None:
    import keras

    keras.utils.set_random_seed(config.getoption("--seed"))


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """Of what is trained anew: the tests of the slow part that train set it themselves."""
    return int(request.config.getoption("--seed"))


@pytest.fixture(scope="session")
def golden() -> Path:
    """The maps that every backend must give, written by `python -m kerascope.testing`."""
    return GOLDEN


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [] if config.getoption("--every-network") else ["every_network"]
    left_out += ["once"] if config.getoption("--skip-once") else []
    elsewhere = [item for item in items if any(map(item.get_closest_marker, left_out))]
    config.hook.pytest_deselected(items=elsewhere)
    gone = set(elsewhere)
    items[:] = [item for item in items if item not in gone]
    # What takes long comes first, so that no worker is left alone with it at the end.
    items.sort(key=lambda item: not item.get_closest_marker("slow"))
