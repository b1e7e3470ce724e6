"""What a thread does right now."""

from __future__ import annotations

import linecache
import queue
import re
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from twinkle_notifier.stalls.stacks import Doing, doing


def fetch(box: queue.Queue[int], depth: int) -> None:
    if depth:
        fetch(box, depth - 1)
        return
    box.get()  # password = "hunter2-hunter2"


@contextmanager
def waiting(depth: int = 0) -> Iterator[int]:
    """A thread that waits for a queue, by its number."""
    box: queue.Queue[int] = queue.Queue()
    thread = threading.Thread(target=fetch, args=(box, depth), name="loader")
    thread.start()
    assert thread.ident
    while "in wait" not in doing(thread.ident).library:
        time.sleep(0.01)
    try:
        yield thread.ident
    finally:
        box.put(5)
        thread.join()


def test_the_place_is_the_users_and_the_librarys() -> None:
    """With the stack, innermost last, and the other threads beside it; without a secret in a line of code."""
    with waiting() as thread:
        found = doing(thread)
    assert re.fullmatch(r"test_stacks.py:\d+ in fetch, then threading.py:\d+ in wait", found.place())
    assert found.group() == (found.own, "threading.py wait")
    assert not found.waits
    assert found.stack.index(", in fetch\n    box.get()  # password = ") < found.stack.index(", in wait\n")
    assert "hunter2" not in found.stack
    assert "Thread MainThread:\n  [" in found.others
    assert "loader" not in found.others


def test_a_long_stack_keeps_its_end() -> None:
    """A recursion is shown once; of much else the innermost calls stay."""
    with waiting(500) as thread:
        found = doing(thread)
    assert re.search(r"  \[this frame 49\d more times\]\n", found.stack)
    assert found.stack.rstrip().endswith("waiter.acquire()")
    assert len(found.stack) < 5_200


def test_many_threads_are_not_all_shown() -> None:
    """The first few; how much more there was is said."""
    with ExitStack() as threads:
        others = [threads.enter_context(waiting()) for _ in range(30)]
        found = doing(others[0])
    assert found.others.count("Thread loader:") in range(2, 10)
    assert re.search(r"\n  \[\d+ characters left out\]$", found.others)


def test_a_dead_disk_costs_the_lines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source files that give no answer, as those of a run that hangs for the same reason."""
    monkeypatch.setattr("twinkle_notifier.stalls.stacks.STACKS", 0.2)
    with waiting() as thread:
        monkeypatch.setattr(linecache, "checkcache", lambda _: time.sleep(5))
        found = doing(thread)
    assert re.search(r"  test_stacks.py:\d+ in fetch\n(.*\n)*  threading.py:\d+ in wait$", found.stack)


def test_a_thread_that_is_gone_is_nowhere() -> None:
    """Nothing raises."""
    assert doing(-1) == Doing("", "", False, "", doing(-1).others)
    assert doing(-1).place() == "outside of Python"


class Tensor:
    """Something large."""


def test_a_look_keeps_no_variable_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes to read the source."""
    box: queue.Queue[int] = queue.Queue()
    left: list[weakref.ref[Tensor]] = []

    def step() -> None:
        tensor = Tensor()
        left.append(weakref.ref(tensor))
        box.get()

    thread = threading.Thread(target=step)
    thread.start()
    assert thread.ident
    reading, end = threading.Event(), threading.Event()
    monkeypatch.setattr(linecache, "checkcache", lambda _: (reading.set(), end.wait(10)))
    look = threading.Thread(target=doing, args=(thread.ident,))
    look.start()
    assert reading.wait(10)
    box.put(5)
    thread.join()
    assert left[0]() is None
    end.set()
    look.join()
