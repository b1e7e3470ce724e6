"""What NVML says of the GPUs, asked by a process of its own: one that waits for a broken GPU may never end."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from typing import IO

from twinkle_notifier.runtime.stored import Stored
from twinkle_notifier.surroundings import nvml
from twinkle_notifier.surroundings.gpus import Reading

_ASK = 1.5  # seconds, the start of that process included
_END = 0.1  # seconds for it to end once it is killed
PATIENCE = 1.8  # seconds for who waits for all of that
_MOST = 64  # lines
_BYTES = 1 << 16  # of them: some hundred for each GPU
# Without the site's start-up files: it gets this process's folders of modules.
_CODE = "import sys; sys.path[:] = sys.argv[2:]; import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"


def ask() -> list[Reading]:
    """A reading of each GPU that has answered within 1.5 s; none where nvidia-ml-py is not installed."""
    if find_spec("pynvml") is None:
        return []
    until = time.monotonic() + _ASK
    command = [sys.executable, "-E", "-S", "-c", _CODE, nvml.__file__, *sys.path]
    null = subprocess.DEVNULL
    asked = subprocess.Popen(command, stdin=null, stdout=subprocess.PIPE, stderr=null)  # noqa: S603  a fixed command
    out = asked.stdout
    if out is None:
        return []
    try:
        said = _said(out, until)
    finally:
        asked.kill()
        out.close()
    with suppress(subprocess.TimeoutExpired):  # the kernel may not let it go: it is left behind
        asked.wait(_END)
    return [reading for reading in map(_reading, said.splitlines()[:_MOST]) if "index" in reading]


def _said(out: IO[bytes], until: float) -> bytes:
    """What comes before `until`, bounded: the library may print what it likes."""
    said, waits = b"", select.poll()
    waits.register(out, select.POLLIN)
    while len(said) < _BYTES and (left := until - time.monotonic()) > 0 and waits.poll(1000 * left):
        data = os.read(out.fileno(), _BYTES)
        if not data:
            break
        said += data
    return said


def _reading(line: bytes) -> Reading:
    with suppress(ValueError):
        found: dict[str, object] = Stored.read(b'{"gpu": ' + line + b"}").dict_or_none("gpu") or {}
        return found if type(found.get("index")) is int else {}
    return {}
