"""How a message gets out, and what becomes of one that does not."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from disks import disk_of

from twinkle_notifier import (
    CredentialError,
    DeliveryError,
    DingNotifier,
    Message,
    Notifier,
    NotifierError,
    Outcome,
    TrainingRun,
    counters,
    isolation,
    notify_exception,
    remaining,
)
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.delivery.sender import deliver, flush, send
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background


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


class OddError(DeliveryError):
    """Says what it likes."""

    def __init__(self, **said: Any) -> None:
        self.__dict__.update(said)


class WorseError(DeliveryError):
    """Does what it likes."""

    def __init__(self) -> None: ...

    @property
    def reason(self) -> str:  # type: ignore[override]
        raise SystemExit("reason")


@pytest.mark.parametrize("kind", [DeliveryError, CredentialError, NotifierError])
def test_what_a_notifier_quotes_is_one_harmless_line(kind: type[NotifierError], hostile: str, harm: Any) -> None:
    """A user's notifier may put a service's answer into its error."""
    outcome = send(raising(kind(f"password=SEC0123456789 {hostile}")), "hello", 60)
    assert (outcome.status, harm(outcome.reason)) == ("failed", [])


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (OddError(), Outcome("failed", "OddError")),
        (WorseError(), Outcome("failed", "WorseError")),
        (OddError(fate="sent", reason="x", final=False, retry_after=None), Outcome("failed", "x")),
        (OddError(fate=["failed"], reason=b"x", final="no", retry_after="soon"), Outcome("failed", "b'x'")),
        (DeliveryError("x", retry_after=float("nan")), Outcome("failed", "x")),
        (DeliveryError("x", retry_after=-1), Outcome("failed", "x")),
        (DeliveryError("x", retry_after=10**400), Outcome("failed", "x", retry_after=86400.0)),
        (DeliveryError(None), Outcome("failed", "None")),  # type: ignore[arg-type]
    ],
)
def test_a_delivery_error_of_any_kind_is_an_outcome(error: DeliveryError, outcome: Outcome) -> None:
    """What cannot be used of it is left out; it never counts as sent."""
    assert send(raising(error), "hello", 60) == outcome


def test_a_robot_s_words_hurt_neither_log_nor_delayed_message(
    hostile: str, harm: Any, inbox: Inbox, ding: DingNotifier, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both quote why it was not sent at once."""
    monkeypatch.setattr(background, "_waiting", [])
    inbox.script({"errcode": 123456, "errmsg": hostile})
    assert notify_exception(ding, "step", ValueError("x"), "sft").status == "spooled"
    assert "alert not sent for ValueError" in caplog.text
    assert [said for record in caplog.records if harm(said := record.getMessage())] == []
    assert flush(ding).sent == 1
    [delayed] = [line for line in inbox.messages[0].text.splitlines() if line.startswith("- Delayed: ")]
    assert "it refused the message" in delayed
    assert harm(delayed) == []
    assert len([line for line in inbox.messages[0].text.splitlines() if line.startswith("#")]) == 1


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_another_error_is_told_by_its_type_and_place(kind: type[BaseException]) -> None:
    """Not by its text, which may hold a secret."""
    outcome = send(raising(kind("https://hooks.example/secret-token")), "hello", 60)
    assert (outcome.status, outcome.final) == ("failed", False)
    assert f"Acting raised {kind.__name__} at test_sender.py:" in outcome.reason
    assert "secret" not in outcome.reason


def test_what_is_no_notifier_has_failed() -> None:
    """As a call of it does."""
    assert "TypeError" in send(None, "hello", 60).reason  # type: ignore[arg-type]


def test_no_answer_in_time_is_unknown(hang: threading.Event) -> None:
    """The message may be there."""
    began = time.monotonic()
    assert send(Acting(lambda: hang.wait(60)), "hello", 0.1) == Outcome("unknown", "Acting gave no answer within 0.1 s")
    assert time.monotonic() - began < 30


class Punctual(Acting):
    """Promises that its calls end in time."""

    ends_in_time = True

    def __call__(self, message: str) -> None:
        super().__call__(message)


class Inheriting(Punctual):
    """Writes no method."""

    reference_fields = ("where",)


class Overriding(Punctual):
    """Writes its own, and promises nothing of it."""

    def __call__(self, message: str) -> None:
        super().__call__(message)


class PromisingAgain(Overriding):
    """Knows what it inherits."""

    ends_in_time = True


class Mixed(Overriding, Punctual):
    """Has the `__call__` of its first base."""


class Withdrawing(Punctual):
    """Promises nothing any more."""

    ends_in_time = False


@pytest.mark.parametrize(
    ("kind", "inline"),
    [
        (Acting, False),
        (Punctual, True),
        (Inheriting, True),
        (Overriding, False),
        (PromisingAgain, True),
        (Mixed, False),
        (Withdrawing, False),
    ],
)
def test_a_promise_to_end_in_time_holds_for_the_call_that_made_it(kind: type[Acting], inline: bool) -> None:
    """A notifier that keeps it is called in the alert's thread; an overridden `__call__` has promised nothing."""
    threads: list[int] = []
    notifier = kind(lambda: threads.append(threading.get_ident()))

    def alert() -> int:
        assert send(notifier, "hello", 60) == Outcome("sent")
        return threading.get_ident()

    assert (isolation.call(alert, 60).result() == threads[0]) is inline


def test_a_notifier_of_a_users_own_hears_how_long_it_may_take() -> None:
    """By the same public function as the package's channels; by hand it may take for ever."""
    left: list[float] = []
    notifier = Punctual(lambda: left.append(remaining()))
    assert send(notifier, "hello", 5) == Outcome("sent")
    notifier("by hand")
    assert 0 < left[0] <= 5
    assert left[1] == float("inf")


def test_an_overridden_call_that_hangs_is_left(hang: threading.Event) -> None:
    """Though its base promises that its calls end."""
    outcome = isolation.call(lambda: send(Overriding(lambda: hang.wait(60)), "hello", 0.1), 30).result()
    assert outcome == Outcome("unknown", "Overriding gave no answer within 0.1 s")


# What becomes of one that does not get out


def message(number: int = 0) -> Message:
    return Message(f"### message {number}\n\n- Run: sft", f"d{number}")


def waiting(notifier: Notifier) -> list[str]:
    return [letter.id for spool in Spool.everyone(channel(notifier)) for letter in spool.letters()]


class Flaky(Notifier):
    """Fails while `down` is set."""

    down = True
    told: ClassVar[list[str]] = []

    def __call__(self, message: str) -> None:
        if Flaky.down:
            raise DeliveryError("no network")
        Flaky.told.append(getattr(message, "id", ""))


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> Flaky:
    monkeypatch.setattr(Flaky, "down", True)
    monkeypatch.setattr(Flaky, "told", [])
    monkeypatch.setattr(background, "_waiting", [])
    return Flaky()


def test_what_fails_is_kept_and_goes_out_with_the_next_success(flaky: Flaky) -> None:
    """In the background, so that nobody waits for it."""
    outcome = deliver(flaky, message(0), 10)
    assert outcome.status == "spooled"
    assert outcome.reason.startswith("no network; it is kept on the disk")
    assert waiting(flaky) == ["d0"]
    Flaky.down = False
    assert deliver(flaky, message(1), 10).status == "sent"
    assert background.flush(30)
    assert (Flaky.told, waiting(flaky)) == (["d1", "d0"], [])


def test_who_delivers_what_another_kept_takes_it_away(flaky: Flaky) -> None:
    """It has the same id, on every rank."""
    deliver(flaky, message(0), 10)
    Flaky.down = False
    deliver(flaky, message(0), 10)
    assert background.flush(30)
    assert (Flaky.told, waiting(flaky)) == (["d0"], [])


def test_what_went_to_another_folder_goes_out_too(
    flaky: Flaky, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the shared folder was away for a while."""
    deliver(flaky, message(0), 10)
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "shared"))
    Flaky.down = False
    deliver(flaky, message(1), 10)
    assert background.flush(30)
    assert Flaky.told == ["d1", "d0"]


def test_functions_are_channels_of_their_own() -> None:
    """What one could not send is not for the people of the other."""

    def to_admin(message: str) -> None: ...

    def to_public(message: str) -> None: ...

    assert channel(to_admin) != channel(to_public)
    assert channel(to_admin) == channel(to_admin)


def test_a_process_that_lives_on_tries_again(flaky: Flaky, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without another message."""
    monkeypatch.setattr("twinkle_notifier.delivery.sender._RETRY", 0.2)
    deliver(flaky, message(0), 10)
    Flaky.down = False
    deadline = time.monotonic() + 30
    while waiting(flaky) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert Flaky.told == ["d0"]


def test_an_earlier_run_s_message_goes_out_at_the_next_start(flaky: Flaky) -> None:
    """Through a callback."""
    deliver(flaky, message(0), 10)
    Flaky.down = False
    TrainingRun(flaky).started()
    assert background.flush(30)
    assert Flaky.told == ["d0"]


def test_messages_are_counted(flaky: Flaky, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what became of them."""
    monkeypatch.setattr("twinkle_notifier.delivery.sender._counts", Counter())
    deliver(flaky, message(0), 10)
    deliver(flaky, message(1), 10)
    Flaky.down = False
    deliver(flaky, message(2), 10)
    assert {name: count for name, count in counters().items() if name != "dropped"} == {"spooled": 2, "sent": 1}


def test_where_no_folder_works_a_log_line_says_so(flaky: Flaky, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """Nothing is lost in silence."""

    def none(*_: object) -> Path:
        raise OSError("no folder")

    monkeypatch.setattr("twinkle_notifier.runtime.state_dir.within", none)
    assert deliver(flaky, message(0), 10).status == "failed"
    assert "a message could not be kept either (OSError): ### message 0" in caplog.text


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 KB."""
    with disk_of(tmp_path / "disk", "size=16k") as disk:
        yield disk


def test_a_letter_that_is_too_large_for_a_disk_is_kept_on_another(
    small: Path, flaky: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though a few bytes would have gone there; nothing is left of the first try."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(small))
    long = Message("### long\n\n" + "x" * 17_000, "a1")
    assert deliver(flaky, long, 10).status == "spooled"
    assert waiting(flaky) == ["a1"]
    assert [path for path in small.rglob("*") if path.is_file()] == []
    Flaky.down = False
    assert flush(flaky).sent == 1


@pytest.mark.linux  # it asks /proc for a file's name
def test_a_disk_that_does_not_sync_is_no_reason_to_lose_a_message(
    flaky: Flaky, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As some in user space do not."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "chosen"))
    sync = os.fsync

    def refused(handle: int) -> None:
        if os.readlink(f"/proc/self/fd/{handle}").startswith(str(tmp_path / "chosen")):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(handle)

    monkeypatch.setattr("os.fsync", refused)
    assert deliver(flaky, message(0), 10).status == "spooled"
    assert waiting(flaky) == ["d0"]


def test_what_cannot_be_sent_is_named_in_the_log_once(flaky: Flaky, caplog: pytest.LogCaptureFixture) -> None:
    """And stops nothing."""
    deliver(flaky, message(0), 10)
    [path] = Path(os.environ["TMPDIR"]).rglob("spool/*/d0.json")
    os.mkfifo(path.with_name("pipe.json"))
    Flaky.down = False
    for _ in range(2):
        assert isolation.call(lambda: flush(flaky), 40).result().left == 0
    assert Flaky.told == ["d0"]
    assert caplog.text.count("pipe.json holds no message; it is put aside") == 1


def test_an_end_that_nobody_hears_is_kept(start: Any) -> None:
    """The interpreter does not wait for a robot that never answers."""
    source = """
    import time, twinkle_notifier as t
    class Hanging(t.Notifier):
        def __call__(self, message): time.sleep(60)
    t.TrainingRun(Hanging(), name="sft").ended()
    """
    began = time.monotonic()
    assert start(source).result().returncode == 0
    assert time.monotonic() - began < 30
    [path] = Path(os.environ["TMPDIR"]).rglob("spool/*/*.json")
    assert "sft ended" in json.loads(path.read_bytes())["text"]


def test_a_burst_of_a_hundred_is_accounted_for(
    ding: DingNotifier, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The robot accepts what it takes in a minute, is asked no more, and hears of all others in one digest."""
    statuses = Counter(deliver(ding, message(number), 30).status for number in range(100))
    assert statuses == {"sent": 18, "spooled": 82}
    assert background.flush(30)
    assert (len(inbox.messages), inbox.requests) == (18, 18)
    monkeypatch.setattr("twinkle_notifier.channels.rate_limit._MINUTE", 0.0)  # a minute later
    assert flush(ding).sent == 82
    assert [received.title for received in inbox.messages[18:]] == ["82 messages that had to wait"]
    assert all(f": message {number}\n" in inbox.messages[18].text for number in range(18, 100))
