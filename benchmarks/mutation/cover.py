"""Which tests run which lines, and what each test costs."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.mutation.draw import ROOMS, SOURCE


class _Watch:
    """Tells coverage which test runs, and adds up its seconds of the processor."""

    def __init__(self, switch: object) -> None:
        self.seconds: Counter[str] = Counter()
        self.failed: set[str] = set()
        self._switch = switch

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._switch(item.nodeid)
        start = time.process_time()
        result = yield
        self.seconds[item.nodeid] += time.process_time() - start
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)


def cover(out: Path, arguments: list[str]) -> None:
    """Write the seconds of each test that passes, and which tests run each line, as bits of a number."""
    import coverage

    rooms = [f"{SOURCE}/{room}/*" for room in ROOMS]
    measured = coverage.Coverage(data_file=None, config_file=False, include=rooms)
    watch = _Watch(measured.switch_context)
    measured.start()
    pytest.main(["-q", "-p", "no:cacheprovider", *arguments], plugins=[watch])
    measured.stop()
    tests = [name for name in watch.seconds if name not in watch.failed]
    bits = {name: 1 << place for place, name in enumerate(tests)}
    data = measured.get_data()
    lines = {
        Path(file).relative_to(SOURCE.resolve()).as_posix(): {
            line: hex(sum(bits.get(name, 0) for name in names))
            for line, names in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    seconds = {name: round(watch.seconds[name], 3) for name in tests}
    out.write_text(json.dumps({"seconds": seconds, "lines": lines}))
