"""What the tests of a run share is made once, and anew where making it failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.processes.once_per_run import once_per_run

pytestmark = pytest.mark.once


def test_it_is_made_once_and_anew_where_that_failed(tmp_path_factory: pytest.TempPathFactory) -> None:
    asked: list[Path] = []

    def make(folder: Path) -> None:
        assert not any(folder.iterdir()), "nothing of an earlier attempt is left"
        asked.append(folder)
        (folder / "file").touch()
        if len(asked) == 1:
            raise OSError("the first attempt fails")

    with pytest.raises(OSError, match="first attempt"):
        once_per_run(tmp_path_factory, "made-once", make)
    folders = [once_per_run(tmp_path_factory, "made-once", make) for _ in range(3)]
    assert asked == [folders[0]] * 2
    assert folders == [folders[0]] * 3
