"""An S3 server of this machine, in a process of its own, at a port that is free."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEYS = {
    "AWS_ACCESS_KEY_ID": "a-key",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Variables by which the server is asked; it takes any."""
_SERVE = """
import sys
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def object_store(folder: Path) -> Iterator[str]:
    """The options of addresses in a server that has the files of a folder in the bucket `photos`.

    Args:
        folder: of files; variables as in `KEYS` are set.
    """
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = int(server.stdout.readline())
        _upload(folder, port)
        yield f"endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
        server.stdin.close()


def _upload(folder: Path, port: int) -> None:
    from pyarrow import fs

    store = fs.S3FileSystem(
        endpoint_override=f"127.0.0.1:{port}", scheme="http", region="us-east-1", allow_bucket_creation=True
    )
    store.create_dir("photos")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with store.open_output_stream(f"photos/{path.relative_to(folder).as_posix()}") as file:
                file.write(path.read_bytes())
