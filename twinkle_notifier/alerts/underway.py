"""The trainings that go on in this process: an alert of code around one says how far that got."""

from __future__ import annotations

import weakref
from threading import Thread, current_thread
from typing import NamedTuple, Protocol

from twinkle_notifier.alerts import dedupe
from twinkle_notifier.alerts.dedupe import Block
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.runtime.process import Instant


class Training(Protocol):
    """A `TrainingRun`."""

    def so_far(self) -> Progress:
        """How far it got."""
        ...

    def pause(self) -> None:
        """It is over."""
        ...


class _Begin(NamedTuple):
    thread: weakref.ref[Thread]  # not its number, which the next thread may get
    at: Instant
    block: Block | None  # of `watch`, the innermost around it


_begins: weakref.WeakKeyDictionary[Training, _Begin] = weakref.WeakKeyDictionary()  # the latest comes last


class Underway:
    """A training that went on when this was made; it may be gone since."""

    def __init__(self, run: Training) -> None:
        self._run = weakref.ref(run)

    def progress(self) -> Progress | None:
        """How far it got, None if it is gone. This asks the trainer: give it a bound."""
        run = self._run()
        return run.so_far() if run is not None else None


def begin(run: Training) -> None:
    """The training begins (again), in this thread."""
    _begins.pop(run, None)  # so that it comes last
    _begins[run] = _Begin(weakref.ref(current_thread()), Instant.now(), dedupe.innermost.get())


def end(run: Training) -> None:
    """The training is over."""
    _begins.pop(run, None)


def goes_on(run: Training | None = None) -> bool:
    """Whether this training goes on; without one, whether any does."""
    return run in _begins if run is not None else bool(_all())


def innermost() -> Underway | None:
    """The last training that began in this thread and goes on; where there is none, the only one of the process."""
    known = _all()
    of_thread = [run for run, began in known if began.thread() is current_thread()]
    found = of_thread or [run for run, _ in known if len(known) == 1]
    return Underway(found[-1]) if found else None


def stop(block: Block, within: Block | None) -> None:
    """An exception leaves `block`: the trainings that began in this thread since it was entered are over.

    `within`: the block that has been the innermost one since. A training of another asyncio task is not within it.
    """
    for run, began in _all():
        if began.thread() is current_thread() and began.at.after(block.entered) and _is_within(began.block, within):
            run.pause()


def _is_within(block: Block | None, outer: Block | None) -> bool:
    while block is not None and block is not outer:
        block = block.around
    return block is outer


def _all() -> list[tuple[Training, _Begin]]:
    runs = [run for known in _begins.keyrefs() if (run := known()) is not None]  # another thread may end one meanwhile
    return [(run, began) for run in runs if (began := _begins.get(run)) is not None]
