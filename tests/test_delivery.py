"""How a message gets out, and what becomes of one that does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from twinkle_notifier import DeliveryError, Notifier, Outcome
from twinkle_notifier.delivery import send


class Acting(Notifier):
    """Does `how` when called."""

    def __init__(self, how: Callable[[], object]) -> None:
        self.how = how

    def __call__(self, message: str) -> None:
        self.how()


def raising(error: BaseException) -> Acting:
    def fail() -> None:
        raise error

    return Acting(fail)


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """What hangs on it goes on after the test."""
    event = threading.Event()
    yield event
    event.set()


# One send


def test_what_returns_has_sent() -> None:
    """Whatever it returns; a plain function does, too."""
    messages: list[str] = []
    assert send(messages.append, "hello", 60) == Outcome("sent")
    assert send(lambda _: False, "hello", 60) == Outcome("sent")
    assert messages == ["hello"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DeliveryError("gone", final=True), Outcome("failed", "gone", True)),
        (DeliveryError("too fast", fate="throttled"), Outcome("throttled", "too fast")),
        (DeliveryError("no answer", fate="unknown"), Outcome("unknown", "no answer")),
    ],
)
def test_a_delivery_error_says_what_became_of_it(error: DeliveryError, outcome: Outcome) -> None:
    """Its fate, its reason, and whether it is final."""
    assert send(raising(error), "hello", 60) == outcome


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_another_error_is_told_by_its_type_and_place(kind: type[BaseException]) -> None:
    """Not by its text, which may hold a secret."""
    outcome = send(raising(kind("https://hooks.example/secret-token")), "hello", 60)
    assert (outcome.status, outcome.final) == ("failed", False)
    assert f"Acting raised {kind.__name__} at test_delivery.py:" in outcome.reason
    assert "secret" not in outcome.reason


def test_what_is_no_notifier_has_failed() -> None:
    """As a call of it does."""
    assert "TypeError" in send(None, "hello", 60).reason  # type: ignore[arg-type]


def test_no_answer_in_time_is_unknown(hang: threading.Event) -> None:
    """The message may be there."""
    began = time.monotonic()
    assert send(Acting(lambda: hang.wait(60)), "hello", 0.1) == Outcome("unknown", "Acting gave no answer within 0.1 s")
    assert time.monotonic() - began < 30
