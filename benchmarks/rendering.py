"""The cost of rendering huge exceptions, beside the standard library, which the peers use: milliseconds and memory.

As a script it renders one case once: ``python rendering.py CASE WAY``.
"""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
import tracemalloc
from collections.abc import Callable

from lab import Options, environment, progress, spread, table

_FRAMES = 10_000
_MEMBERS = 1_000
_SAID = 10_000_000


def deep(functions: int) -> BaseException:
    """An exception through 10,000 frames of so many functions in turn."""
    sys.setrecursionlimit(2 * _FRAMES)
    names: dict[str, Callable[[int], None]] = {}
    for number in range(functions):
        body = f"def f{number}(left):\n    if not left: raise ValueError('deep')\n    f{(number + 1) % functions}(left - 1)"
        exec(compile(body, f"module_{number}.py", "exec"), names)
    return _raised(lambda: names["f0"](_FRAMES))


def group() -> BaseException:
    """A group of 1,000, each with a traceback."""

    def one(number: int) -> None:
        raise ValueError(f"member {number}")

    members = [_raised(lambda number=number: one(number)) for number in range(_MEMBERS)]

    def raising() -> None:
        raise ExceptionGroup("many", [one for one in members if isinstance(one, Exception)])  # noqa: F821  Python 3.11

    return _raised(raising)


def long() -> BaseException:
    """A message of 10 MB, with what looks like secrets and links in it."""
    said = "token=abcdefgh12345678 at https://user:password@host/x \n"

    def raising() -> None:
        raise ValueError(said * (_SAID // len(said)))

    return _raised(raising)


def _raised(work: Callable[[], None]) -> BaseException:
    try:
        work()
    except BaseException as error:
        return error
    raise AssertionError("it raises")


CASES: dict[str, Callable[[], BaseException]] = {
    "10,000 frames of one function": lambda: deep(1),
    "10,000 frames of 40 functions in turn": lambda: deep(40),
    "a group of 1,000": group,
    "a message of 10 MB": long,
}


def ours(exc: BaseException) -> str:
    """The whole message."""
    from twinkle_notifier.messages.report import Progress, Report
    from twinkle_notifier.runtime.launcher import Where

    report = Report.of(exc, name="sft", context="train", where=Where.here(), progress=Progress())
    return report.traced(exc).markdown()


def standard(exc: BaseException) -> str:
    """What the standard library makes of it, which is only the traceback."""
    return "".join(traceback.format_exception(exc))


WAYS = {"twinkle_notifier": ours, "traceback.format_exception": standard}


def once(case: str, way: str) -> None:
    """Seconds, MB of Python's at the peak, and characters."""
    WAYS[way](_raised(lambda: 1 // 0))  # so that nothing is left to load
    exc = CASES[case]()
    began = time.perf_counter()
    text = WAYS[way](exc)
    took = time.perf_counter() - began
    del text
    exc = CASES[case]()  # a new one: the first may keep what was made of it
    tracemalloc.start()
    text = WAYS[way](exc)
    print(took, tracemalloc.get_traced_memory()[1] / 2**20, len(text))


def run(options: Options) -> str:
    """The table of all cases, in turn with the standard library."""
    progress("rendering")
    found: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for _ in range(max(options.times // 2, 1)):
        for case in CASES:
            for way in WAYS:
                found.setdefault((case, way), []).append(_asked(options, case, way))
    rows = []
    for (case, way), figures in found.items():
        seconds, grown, size = zip(*figures, strict=True)
        rows.append((case, way, spread(seconds, 1000), spread(grown, digits=2), f"{size[0] / 1000:,.0f}"))
    return table(("", "by", "ms", "MB at the peak", "thousand characters"), rows)


def _asked(options: Options, case: str, way: str) -> tuple[float, ...]:
    command = [options.peers, __file__, case, way]
    done = subprocess.run(command, env=environment(), check=True, capture_output=True, text=True)
    return tuple(map(float, done.stdout.split()))


if __name__ == "__main__":
    once(*sys.argv[1:])
