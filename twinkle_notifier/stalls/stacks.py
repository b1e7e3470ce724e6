"""What the threads of this process do right now: places in the code, and whole stacks."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NamedTuple

from twinkle_notifier import isolation
from twinkle_notifier.budgets import STACKS
from twinkle_notifier.credentials.scrubber import scrub
from twinkle_notifier.exceptions import traceback_text
from twinkle_notifier.exceptions.frames import FrameSnapshot, is_library, is_ours, library_name
from twinkle_notifier.messages.catalog import phrase
from twinkle_notifier.runtime.stored import Stored
from twinkle_notifier.stalls.recorder import Call, calls

_FRAMES = (10, 40)  # of a stack: the outermost and the innermost
_STACK = 5_000  # characters of the training thread's stack: its end
_OTHER_FRAMES = (0, 4)  # of the stacks of the other threads
_OTHERS = 2_500  # characters of all these stacks
_DEBUGGERS = ("bdb", "pdb", "pydevd", "_pydevd_bundle", "debugpy")  # modules
_current_frames: Callable[[], dict[int, FrameType]] = vars(sys)["_current_frames"]  # by the threads' identifiers
_OURS = "twinkle-notifier"  # what our threads' names begin with


class Doing(NamedTuple):
    """What a process does at one moment."""

    own: str  # the innermost place in the user's code, ``train.py:28 in load``; may be empty
    library: str  # the innermost place, if that is in a library; may be empty
    waits: bool  # whether ranks wait for each other there
    stack: str  # of the training thread, the innermost call last
    others: str  # the ends of the stacks of the other threads
    calls: list[Call] | None = None  # the collectives that it has entered; None where nothing records them

    @classmethod
    def load(cls, fields: Stored) -> Doing:
        """As stored. Raises ValueError."""
        own, library, stack, others = map(fields.text, ("own", "library", "stack", "others"))
        found = fields.objects_or_none("calls")
        calls = None if found is None else list(map(Call.load, found))
        return cls(own, library, fields.flag("waits"), stack, others, calls)

    def place(self, language: str = "en") -> str:
        """Where it is, in one line."""
        if self.own and self.library:
            return phrase(language, "{own}, then {library}", own=self.own, library=self.library)
        return self.own or self.library or phrase(language, "outside of Python")

    def group(self) -> tuple[str, str]:
        """The same for ranks in the same place; lines within one function of a library count as one place."""
        path, _, function = self.library.partition(" in ")
        return self.own, f"{path.rpartition(':')[0]} {function}"


def doing(thread: int) -> Doing:
    """What this process does now, above all in `thread` (its Python identifier). Never raises; takes up to 10 s."""
    stills = {ident: list(_stills(frame)) for ident, frame in _current_frames().items()}
    frames = stills.pop(thread, [])
    own, library, waits = _places(frames)
    stack = isolation.call(lambda: traceback_text.stack(frames, *_FRAMES), STACKS).value
    others = isolation.call(lambda: "\n\n".join(_others(stills)), STACKS).value if stack else ""
    # A stack without source lines is better than none.
    stack = scrub(stack or "\n".join(reversed([f"  {_place(frame)}" for frame in frames])))
    return Doing(own, library, waits, _end(stack, _STACK), _beginning(scrub(others or ""), _OTHERS), calls())


def is_running(thread: int) -> bool:
    """Whether `thread` has not ended."""
    return thread in _current_frames()


def debugged(thread: int) -> bool:
    """Whether a debugger has stopped `thread`, or runs it."""
    modules = {str(still.f_globals["__name__"]).partition(".")[0] for still in _stills(_current_frames().get(thread))}
    return not modules.isdisjoint(_DEBUGGERS)


def _stills(frame: FrameType | None) -> Iterator[FrameSnapshot]:
    """From the innermost outwards."""
    while frame is not None:
        if not is_ours(frame):
            yield FrameSnapshot.of(frame)
        frame = frame.f_back


def _places(frames: list[FrameSnapshot]) -> tuple[str, str, bool]:
    own = next((_place(frame) for frame in frames if not is_library(frame)), "")
    if not frames or not is_library(frames[0]):
        return own, "", False
    module, function = str(frames[0].f_globals["__name__"]), frames[0].f_code.co_name
    # In the second, autograd's own threads reduce the gradients of DDP.
    waits = module.startswith("torch.distributed.") or function == "_engine_run_backward"
    return own, _place(frames[0]), waits


def _place(frame: FrameSnapshot) -> str:
    path = frame.f_code.co_filename
    name = library_name(path) if is_library(frame) else os.path.basename(path)
    return f"{name}:{frame.f_lineno} in {frame.f_code.co_name}"


def _others(stills: dict[int, list[FrameSnapshot]]) -> Iterator[str]:
    names = {one.ident: one.name for one in threading.enumerate()}
    for ident, frames in stills.items():
        name = names.get(ident, "unknown to Python")
        if not name.startswith(_OURS):
            yield f"Thread {name}:\n{traceback_text.stack(frames, *_OTHER_FRAMES)}"


def _beginning(text: str, limit: int) -> str:
    """The first lines of `text` that fit."""
    if len(text) <= limit:
        return text
    return f"{text[:limit].rpartition(chr(10))[0]}\n  [{len(text) - limit} characters left out]"


def _end(text: str, limit: int) -> str:
    """The last lines of `text` that fit."""
    if len(text) <= limit:
        return text
    return f"  [{len(text) - limit} characters left out]\n{text[-limit:].partition(chr(10))[2]}"
