"""Kinds of an end: who stopped a training by a signal, whatever its handler then does."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from twinkle_notifier.exceptions.kind import is_clean_exit, kind_of

Handler = Callable[[int, Any], Any]


class Saves:
    """Handlers as methods, and as an object that is called."""

    def stop(self, number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    def __call__(self, *args: object) -> None:
        self.stop(15, None)


def stop(code: int | str | None, number: int, frame: FrameType | None) -> None:
    save = {"model": [number]}
    sys.exit(code if save else 1)


def with_all(*args: Any, code: int = 0) -> None:
    sys.exit(code)


HANDLERS: dict[str, Handler] = {
    "a function": functools.partial(stop, None),
    "a failure": functools.partial(stop, 1),
    "a text": functools.partial(stop, "saved"),
    "a lambda around it": lambda signum, frame: Saves().stop(signum, None),  # Axolotl's
    "a method": Saves().stop,
    "an object": Saves(),
    "any arguments": with_all,
}


def met(number: int, handler: Handler) -> BaseException:
    """What a training ends with that a signal stops."""
    before = signal.signal(number, handler)
    try:
        signal.raise_signal(number)
        raise AssertionError("the handler returned")
    except SystemExit as error:
        return error
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "preempted")])
@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_a_handler_that_exits(number: int, kind: str, handler: Handler) -> None:
    """By whatever code: the signal says why."""
    assert kind_of(met(number, handler)) == kind


def test_what_no_handler_has_raised() -> None:
    """Also where it is called by hand, as at the end of a loop, or for a signal that means something else."""
    with pytest.raises(SystemExit) as by_hand:
        stop(0, signal.SIGINT, None)
    assert kind_of(by_hand.value) == "exited"
    assert kind_of(met(signal.SIGHUP, Saves().stop)) == "exited"


@pytest.mark.parametrize(
    ("exc", "clean"),
    [
        (SystemExit(), True),
        (SystemExit(None), True),
        (SystemExit(0), True),
        (SystemExit(1), False),
        (SystemExit("0"), False),
        (ValueError(0), False),
        (KeyboardInterrupt(), False),
    ],
    ids=repr,
)
def test_a_clean_exit(exc: BaseException, clean: bool) -> None:
    """Python ends with status 0 by it."""
    assert is_clean_exit(exc) is clean


def test_a_handler_s_exit_with_0_is_not_clean() -> None:
    """For a signal that stops a training."""
    assert not is_clean_exit(met(signal.SIGTERM, Saves().stop))
    assert is_clean_exit(met(signal.SIGHUP, Saves().stop))
