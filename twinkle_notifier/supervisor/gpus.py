"""What NVML says of the GPUs, asked by a process of its own: one that waits for a broken GPU may never end."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec

from twinkle_notifier.runtime.stored import Stored
from twinkle_notifier.surroundings import nvml
from twinkle_notifier.surroundings.gpus import Reading

ASK = 1.5  # seconds, the start of that process included
_END = 0.1  # seconds for it to end once it is killed
_MOST = 64  # lines
# Without the site's start-up files: it gets this process's folders of modules.
_CODE = "import sys; sys.path[:] = sys.argv[2:]; import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"


def ask() -> list[Reading]:
    """A reading of each GPU that has answered within 1.5 s; none where nvidia-ml-py is not installed."""
    if find_spec("pynvml") is None:
        return []
    command = [sys.executable, "-E", "-S", "-c", _CODE, nvml.__file__, *sys.path]
    null = subprocess.DEVNULL
    asked = subprocess.Popen(command, stdin=null, stdout=subprocess.PIPE, stderr=null)  # noqa: S603  a fixed command
    try:
        said = asked.communicate(timeout=ASK)[0]
    except subprocess.TimeoutExpired as late:
        said = late.output or b""
        _end(asked)
    return [reading for reading in map(_reading, said.splitlines()[:_MOST]) if "index" in reading]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    if process.stdout is not None:
        process.stdout.close()
    with suppress(subprocess.TimeoutExpired):  # the kernel may not let it go: it is left behind
        process.wait(_END)


def _reading(line: bytes) -> Reading:
    with suppress(ValueError):
        found: dict[str, object] = Stored.read(b'{"gpu": ' + line + b"}").dict_or_none("gpu") or {}
        return found if type(found.get("index")) is int else {}
    return {}
