"""Whether an exception was met before, without holding it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from twinkle_notifier.alerts.dedupe import Seen
from twinkle_notifier.runtime.process import Instant, process_start

SHARED = ("x",)


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def meet(seen: Seen, channel: str, error: BaseException, since: Instant | None = None) -> bool:
    """Whether it was reported before; it is from now on."""
    told = seen.reported(channel, error, since or process_start()) is not None
    seen.add(channel, error, "incident")
    return told


@pytest.mark.parametrize("error", [ValueError("x"), ValueError()])
def test_the_same_exception_is_known_further_out(error: ValueError) -> None:
    """Through as many handlers as it passes, with and without arguments."""
    seen, answers = Seen(), []

    def inner() -> None:
        try:
            raise error
        except ValueError as caught:
            answers.append(meet(seen, "a", caught))
            raise

    def outer() -> None:
        try:
            inner()
        except ValueError as caught:
            answers.append(meet(seen, "a", caught))
            raise caught

    with pytest.raises(ValueError):
        outer()
    answers.append(meet(seen, "a", error))
    assert answers == [False, True, True]


def test_each_channel_meets_it() -> None:
    """One that has reported does not silence another."""
    seen, error = Seen(), raised(ValueError("x"))
    assert [meet(seen, channel, error) for channel in "abab"] == [False, False, True, True]


def test_an_equal_exception_is_another() -> None:
    """Whether it is reported again is not decided here."""
    seen = Seen()
    errors = [raised(ValueError("x")), raised(ValueError("x"))]
    assert [meet(seen, "a", error) for error in errors] == [False, False]


@pytest.mark.parametrize("arguments", [lambda: (f"{0}",), lambda: (), lambda: SHARED], ids=["own", "none", "shared"])
def test_an_address_that_is_used_again_is_another_exception(arguments: Callable[[], tuple[str, ...]]) -> None:
    """Memory is given to the next exception at once, and exceptions may share a tuple of arguments."""

    def one() -> None:
        raise ValueError(*arguments())

    def two() -> None:
        raise ValueError(*arguments())

    def meet_failing(seen: Seen, fail: Callable[[], None]) -> tuple[int, bool]:
        try:
            fail()
        except ValueError as error:
            return id(error), meet(seen, "a", error)
        raise AssertionError

    pairs = [(meet_failing(seen := Seen(), one), meet_failing(seen, two)) for _ in range(100)]
    known = [known for (address, _), (again, known) in pairs if again == address]
    assert known == [False] * len(known)
    assert known, "no address was used again"


def test_frames_are_not_held() -> None:
    """What an exception's frames hold is free when the user lets go of it."""

    class Tensor:
        pass

    def fail() -> None:
        tensor = Tensor()
        held.append(weakref.ref(tensor))
        raise ValueError("x")

    held: list[weakref.ref[Tensor]] = []
    seen = Seen()
    try:
        fail()
    except ValueError as error:
        meet(seen, "a", error)
    assert held[0]() is None


def test_another_cause_is_another_exception() -> None:
    """Though the exception is raised at one line, at an address that is used again."""

    class StepError(Exception):
        pass

    def meet_step(seen: Seen, cause: Exception) -> tuple[int, bool]:
        try:
            try:
                raise cause
            except Exception as inner:
                raise StepError(inner) from inner
        except StepError as error:
            return id(error), meet(seen, "a", error)

    pairs = [(meet_step(seen := Seen(), KeyError("x")), meet_step(seen, OSError("y"))) for _ in range(100)]
    known = [known for (address, _), (again, known) in pairs if again == address]
    assert known == [False] * len(known)
    assert known, "no address was used again"


def test_without_arguments_what_an_earlier_run_met_is_another() -> None:
    """The next `assert` of a notebook's next fit may have the same address and the same way."""
    seen, error = Seen(), raised(AssertionError())
    meet(seen, "a", error)
    assert not meet(seen, "a", error, Instant.now())


def test_an_exception_among_the_arguments_is_not_held() -> None:
    """Nor are its frames, when one error is made from another."""

    class Tensor:
        pass

    def fail() -> None:
        tensor = Tensor()
        held.append(weakref.ref(tensor))
        try:
            raise ValueError("x")
        except ValueError as inner:
            raise RuntimeError(inner) from inner

    held: list[weakref.ref[Tensor]] = []
    seen = Seen()
    try:
        fail()
    except RuntimeError as error:
        seen.add("a", error, "incident")
    gc.collect()
    assert held[0]() is None


def test_one_that_a_context_manager_has_seen_is_known_further_out() -> None:
    """The frame of a generator-based one is in the way out only as long as it catches."""
    seen = Seen()

    @contextmanager
    def telling() -> Iterator[None]:
        try:
            yield
        except ValueError as caught:
            meet(seen, "a", caught)
            raise

    with pytest.raises(ValueError) as met, telling():
        raise ValueError("x")
    assert (meet(seen, "a", met.value), seen.has(met.value)) == (True, True)


def test_one_that_was_given_other_arguments_is_the_one_that_ended_the_process() -> None:
    """Lightning's DDP strategy does that to each exception."""
    seen, error = Seen(), raised(ValueError("x"))
    seen.add("a", error, "incident")
    error.args = ("y",)
    assert seen.has(error)
