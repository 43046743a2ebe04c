"""Ctrl-C: that it stops a command at once, what it says, and what is kept."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import kerascope as ks
from tests.helpers.files.photographs import cuttings, network
from tests.helpers.processes import signals

pytestmark = [pytest.mark.once, pytest.mark.slow]

NATIVE = """
import hashlib, os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
from kerascope.cli.interruption import exit_on_interrupt, return_on_interrupt
native = threading.Lock()
native.acquire()
threading.Thread(target=lambda: native.acquire() and os.kill(os.getpid(), signal.SIGINT), daemon=True).start()
with {block}:
    try:
        sys.setswitchinterval(1000)  # no other thread goes on before the native code is reached
        native.release()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # half an hour, in which Python does nothing
    finally:
        print("goes on", flush=True)
"""


def begun(script: str) -> subprocess.Popen[str]:
    """A process of Python."""
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("block", "signals"),
    [
        ("exit_on_interrupt('go on so')", 1),
        ("exit_on_interrupt('go on so', resumable=True)", 1),
        ("exit_on_interrupt('go on'), exit_on_interrupt('go on so')", 1),
        ("return_on_interrupt('go on so')", 2),
    ],
)
def test_native_code_is_stopped(block: str, signals: int) -> None:
    with begun(NATIVE.format(block=block)) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert process.stderr.readline() == "kerascope: interrupted; go on so.\n"
        if signals == 2:
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
        out, err = process.stdout.read(), process.stderr.read()
    assert (process.returncode, out, err) == (130, "", "")


AFTERWARDS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from kerascope.cli.interruption import exit_on_interrupt, return_on_interrupt
with exit_on_interrupt("not this"):
    pass
try:
    with return_on_interrupt("go on") as stopped:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            result = "kept"
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print(stopped.is_set(), result)
"""


def test_afterwards_all_is_as_before() -> None:
    with begun(AFTERWARDS) as process:
        out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "True kept\n", "kerascope: interrupted; go on.\n")


# ---- commands -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.keras"
    keras.utils.set_random_seed(1)
    network().save(path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    cuttings(folder, 12)
    return folder


LISTENING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from kerascope.cli import main
main()
"""
"""The command line, also where it was begun in the background, where a shell has Ctrl-C ignored."""


def interrupted(
    moment: int | str, model: Path, photos: Path, mark: Path, command: str, *options: object
) -> subprocess.CompletedProcess[str]:
    """The command, interrupted at that moment."""
    ran = subprocess.run(
        [sys.executable, "-c", LISTENING, command, model, photos, *map(str, options), *signals.IMPORT],
        capture_output=True,
        text=True,
        check=False,
        env=signals.environment("SIGINT", moment, mark),
    )
    assert ran.returncode == 130, ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stderr.count("kerascope: interrupted; ") == 1
    return ran


@pytest.mark.parametrize("command", ["explain", "audit"])
def test_whole_shards_are_kept(command: str, model: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--shard", 4, "--batch", 2) if command == "explain" else ()
    moment = 1 if command == "explain" else 0
    ran = interrupted(moment, model, photos, tmp_path / "mark", command, "--out", out, *options)
    assert f"in {out}: continue with --resume." in ran.stderr
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == "interrupted"
    assert manifest["counts"]["images"] == 4 * moment
    assert list(out.rglob("*.partial")) == []


def test_a_comparison_is_stopped_within_a_pass(model: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "compare.png"
    ran = interrupted("pass", model, photos, tmp_path / "mark", "compare", "--out", out)
    assert "the picture was not written: run it again." in ran.stderr
    assert not out.exists()


def test_an_evaluation_writes_what_was_measured(model: Path, photos: Path, tmp_path: Path) -> None:
    page, file = tmp_path / "report.html", tmp_path / "report.npz"
    options = (
        "--method",
        "saliency,grad_cam",
        "--target",
        "predicted",
        "--html",
        page,
        "--save",
        file,
        "--json",
    )
    ran = interrupted("map 1", model, photos, tmp_path / "mark", "evaluate", *options)
    assert "writing the measurements; press Ctrl-C again to exit at once." in ran.stderr
    told = json.loads(ran.stdout)
    assert told["complete"] is False
    assert "Saliency()" not in told["unmeasured"]
    assert told["unmeasured"]["GradCAM()"]
    report = ks.load_report(file)
    assert not report.complete
    assert told["statements"] == report.statements()
    assert "better" not in ran.stdout
    assert "<title>Incomplete: " in page.read_text()
