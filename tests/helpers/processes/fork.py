"""Processes that die in the middle of their work, each a fork of one that has imported everything.

    python -m tests.helpers.processes.fork ROOT

It reads a list of tasks from each line, does one after the other, each in a child, and answers with a line:
what became of them. What the first child had to import is imported then, so that the others need not.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

OPTIONS: dict[str, Any] = {"batch_size": 2, "shard_size": 3, "threads": 0, "progress": False}


def work(task: dict[str, Any], root: Path) -> None:
    """Explain or audit the photographs in a folder."""
    import keras

    import kerascope as ks

    probe = ks.Probe(keras.saving.load_model(root / "model.keras", compile=False), batch_size=2)
    options = {**OPTIONS, "overwrite": task.get("overwrite", False), "resume": task.get("resume", False)}
    if task["what"] == "explain":
        ks.explain_dataset(probe, root / "in", task["folder"], "saliency", **options)
    else:
        ks.audit(probe, root / "in", method="saliency", folder=task["folder"], sanity=False, **options)


def count_calls(stop: int) -> list[int]:
    """Count calls of functions of kerascope from now on; at a number the process kills itself."""
    import kerascope as ks

    room, calls = str(Path(ks.__file__).parent), [0]

    def called(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(room):
            calls[0] += 1
            if calls[0] == stop:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(called)
    return calls


def limit(size: int) -> None:
    """Files may have so many bytes from now on, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def limit_at(name: str) -> None:
    """Files may have 100 bytes from the moment on in which a file is written."""
    write = Path.write_bytes

    def written(path: Path, content: Any) -> int:
        if name in path.name:
            limit(100)
        return write(path, content)

    Path.write_bytes = written  # type: ignore[method-assign]


def read_only_at(shard: str, folder: Path) -> None:
    """Folders may not be written any more, from the moment on in which a shard is moved to its place."""
    obey_permissions()
    replace = Path.replace

    def replaced(path: Path, target: Path) -> Path:
        if target.name == shard:
            for one in [folder, *folder.rglob("*")]:
                if one.is_dir():
                    one.chmod(0o555)
        return replace(path, target)

    Path.replace = replaced  # type: ignore[method-assign]


def obey_permissions() -> None:
    """Give up what lets root write where nobody may: the capability CAP_DAC_OVERRIDE."""
    system = ctypes.CDLL(None)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert system.capget(header, sets) == 0
    for place in range(3):
        sets[place] &= ~(1 << 1)
    assert system.capset(header, sets) == 0


def child(task: dict[str, Any], root: Path) -> dict[str, Any]:
    """Do a task; what it said, or how often functions were called."""
    folder, calls = Path(task["folder"]), [0]
    if "limit" in task:
        limit(task["limit"])
    if "limit_at" in task:
        limit_at(task["limit_at"])
    if "read_only_at" in task:
        read_only_at(task["read_only_at"], folder)
    if task.get("hold"):
        from kerascope.dataset.writing.store import Store

        with Store(folder).lock:
            os.kill(os.getpid(), signal.SIGKILL)
    if "stop" in task:
        calls = count_calls(task["stop"])
    said = None
    try:
        work(task, root)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is told)
        said = f"{type(error).__name__}: {error}"
    sys.setprofile(None)
    return {"error": said, "calls": calls[0], "modules": list(sys.modules)}


def run_task(task: dict[str, Any], root: Path) -> dict[str, Any]:
    """A task done in a child: what it said, and the signal that ended it."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as file:
            json.dump(child(task, root), file)
            file.flush()
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    _, status = os.waitpid(process, 0)
    said = json.loads(text) if text else {"error": None, "calls": 0, "modules": []}
    return {**said, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}


def main() -> None:
    """Answer lines until there are none."""
    import kerascope as ks

    assert callable(ks.audit)
    root = Path(sys.argv[1])
    for line in sys.stdin:
        found = []
        for task in json.loads(line):
            one = run_task(task, root)
            for name in one.pop("modules"):
                if name not in sys.modules:
                    with suppress(ImportError):
                        importlib.import_module(name)
            found.append(one)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
