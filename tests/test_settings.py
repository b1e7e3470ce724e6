"""The notifier of the environment: what is kept of it, and how often it is asked for."""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from twinkle_notifier import (
    ArgumentError,
    FanoutNotifier,
    FeishuNotifier,
    Notifier,
    NotifierError,
    TrainingRun,
    WeComNotifier,
    watch,
)
from twinkle_notifier.channels import VARIABLE
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.isolation.background import background
from twinkle_notifier.runtime import user_file
from twinkle_notifier.settings import Configured, notifications, set_up
from twinkle_notifier.testing import RecordingNotifier

URL = "https://oapi.dingtalk.com/robot/send?access_token=tok-0123456789abcdef&secret=SEC0123456789abcdef"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> TrainingRun:
    """A run that has found its notifier there."""
    monkeypatch.setenv(VARIABLE, URL)
    run = TrainingRun(on_end=False)
    run.started()
    return run


def test_no_secret_of_the_environment_is_pickled_or_shown(begun: TrainingRun) -> None:
    """With a run, or with what holds one, such as a callback."""
    for text in (pickle.dumps(begun), repr(vars(begun._configured)).encode()):
        assert b"tok-0123" not in text
        assert b"SEC0123" not in text


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))])
def test_a_copy_asks_the_environment_itself(copied: Callable[[TrainingRun], TrainingRun], begun: TrainingRun) -> None:
    """What it has there is whole."""
    found: Any = copied(begun)._notifier()
    assert found.ding_url == URL.partition("&")[0]
    assert found.secret == "SEC0123456789abcdef"


def test_a_checkpoint_s_literal_secret_is_not_pickled() -> None:
    """One that was saved with it, and is resumed without."""
    run = TrainingRun(on_end=False)
    run.load_state_dict({"version": 1, "notifier": {"class": "DingNotifier", "ding_url": URL}, "sent": []})
    assert b"tok-0123" not in pickle.dumps(run)


class Counted(Notifier):
    """It counts how often it was made, each time in vain."""

    made = 0

    def __init__(self) -> None:
        Counted.made += 1
        raise RuntimeError("its service is away")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    monkeypatch.setattr(Counted, "made", 0)
    monkeypatch.setenv(VARIABLE, '{"class": "Counted"}')
    return Counted


def test_what_cannot_be_made_is_not_made_for_each_block(counted: type[Counted]) -> None:
    """But once more for each alert."""
    for _ in range(20):
        with watch():
            pass
    assert counted.made == 1
    with pytest.raises(ValueError), watch():
        raise ValueError("x")
    assert counted.made == 2


def test_what_cannot_be_made_is_not_made_for_each_checkpoint(counted: type[Counted]) -> None:
    """Nor when the run ends well."""
    run = TrainingRun(name="sft")
    run.started()
    for _ in range(5):
        run.state_dict()
    run.ended()
    assert counted.made == 1
    run.failed(ValueError("x"))
    assert counted.made == 2


class Late(Notifier):
    """It takes long to be made, as on a busy machine."""

    sent: ClassVar[list[str]] = []

    def __init__(self) -> None:
        time.sleep(3)

    def __call__(self, message: str) -> None:
        Late.sent.append(message)


def test_an_alert_waits_longer_for_its_notifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one it would be lost."""
    monkeypatch.setenv(VARIABLE, '{"class": "Late"}')
    with pytest.raises(ValueError), watch(name="sft"):
        raise ValueError("lost")
    assert [text.splitlines()[0] for text in Late.sent] == ["### sft failed: ValueError: lost"]


def write(text: str) -> Path:
    """The user's file."""
    place = user_file.path()
    assert place is not None
    place.parent.mkdir(parents=True)
    place.write_text(text)
    place.chmod(0o600)
    return place


FEISHU = "https://open.feishu.cn/open-apis/bot/v2/hook/tok-0123456789abcdef"


def test_the_environment_goes_before_the_user_s_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours before twinkle-kit's; an empty variable is not set."""
    place = write(f'url = "{FEISHU}"')
    monkeypatch.setenv("TWINKLE_NOTIFIER", " ")
    assert set_up() == (FeishuNotifier(FEISHU), str(place))
    monkeypatch.setenv("TWINKLE_NOTIFIER", '{"class": "ConsoleNotifier"}')
    assert set_up() == (Notifier.from_dict({"class": "ConsoleNotifier"}), "TWINKLE_NOTIFIER")
    monkeypatch.setenv(VARIABLE, URL)
    assert set_up() == (Notifier.from_url(URL), VARIABLE)


def test_a_training_and_a_block_use_the_user_s_file(inbox: Inbox) -> None:
    """Without a line of code or a variable."""
    write(f'url = "{inbox.url}&secret=SEC0123456789abcdef"')
    TrainingRun(name="sft").failed(ValueError("x"))
    with pytest.raises(KeyError), watch():
        raise KeyError("y")
    assert [message.title.rpartition(" failed: ")[2] for message in inbox.messages] == [
        "ValueError: x",
        "KeyError: 'y'",
    ]


def test_what_is_refused_lets_a_training_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """A warning says how to mend it, once."""
    place = write(f'url = "{FEISHU}"')
    place.chmod(0o644)
    for _ in range(2):
        TrainingRun(on_end=False).started()
    assert caplog.text.count(f"run `chmod 600 {place}`") == 1
    assert "tok-0123" not in caplog.text


def test_with_nothing_set_up_one_line_says_how(caplog: pytest.LogCaptureFixture) -> None:
    """And the training goes on."""
    run = TrainingRun(name="sft")
    run.started()
    run.ended()
    [record] = caplog.records
    assert record.getMessage() == (
        "no alert will be sent for this run: give the callback a notifier, or set TWINKLE_NOTIFIER_URL, or run "
        "`twinkle-notifier init`"
    )


@pytest.mark.parametrize("off", ["off", " OFF\n"])
def test_switched_off_nothing_that_is_set_up_sends(
    off: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the file, twinkle-kit's variable nor a checkpoint; no warning complains. What code gives is sent."""
    url = f"{inbox.url}&secret=SEC0123456789abcdef"
    write(f'url = "{url}"')
    monkeypatch.setenv("TWINKLE_NOTIFIER", url)
    saved = TrainingRun(RecordingNotifier()).state_dict()
    monkeypatch.setenv(VARIABLE, off)
    caplog.set_level("INFO")
    run = TrainingRun(name="sft", on_start=True)
    run.load_state_dict(saved)
    run.started()
    outcome = run.failed(ValueError("x"))
    with pytest.raises(KeyError), watch():
        raise KeyError("y")
    assert (background.flush(10), outcome.status, inbox.messages) == (True, "skipped", [])
    said = "no alert will be sent for this run: alerts are switched off: TWINKLE_NOTIFIER_URL is off"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("INFO", said)]
    assert run.state_dict()["notifier"] == saved["notifier"]
    assert TrainingRun(Notifier.from_url(url), name="sft").failed(ValueError("z")).status == "sent"
    assert [message.title for message in inbox.messages] == ["sft failed: ValueError: z"]


@pytest.mark.parametrize(
    ("argument", "variable", "file", "expected"),
    [
        (None, None, "", "all"),
        (None, None, "end_only", "end_only"),
        (None, "failure_only", "end_only", "failure_only"),
        ("all", "failure_only", "end_only", "all"),
        (None, "tok-0123", "end_only", "end_only"),
    ],
)
def test_the_argument_goes_before_the_variable_before_the_file(
    argument: Any, variable: str | None, file: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be used in the variable is left out."""
    write(f'notifications = "{file}"' if file else "")
    if variable is not None:
        monkeypatch.setenv("TWINKLE_NOTIFIER_NOTIFICATIONS", variable)
    assert notifications(argument) == expected


def test_an_argument_that_cannot_work_is_refused() -> None:
    """With those that can."""
    with pytest.raises(ArgumentError, match="give one of all, end_only, failure_only"):
        TrainingRun(notifications="none")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("all", ["sft started", "sft ended", "sft failed"]),
        ("end_only", ["sft ended", "sft failed"]),
        ("failure_only", ["sft failed"]),
    ],
)
def test_which_alerts_a_training_sends(wanted: Any, expected: list[str]) -> None:
    """Of its start, its end and its failure."""
    recorded = RecordingNotifier()
    run = TrainingRun(recorded, name="sft", on_start=True, notifications=wanted)
    run.started()
    run.ended()
    background.flush(10)
    run.failed(ValueError("x"))
    assert [" ".join(message.split()[1:3]).rstrip(":") for message in recorded.messages] == expected


@pytest.mark.parametrize(("wanted", "expected"), [("all", 2), ("end_only", 0), ("failure_only", 1)])
def test_which_alerts_a_stall_sends(wanted: Any, expected: int) -> None:
    """That it has stalled, and that it goes on."""
    recorded = RecordingNotifier()
    run = TrainingRun(recorded, name="sft", on_end=False, notifications=wanted, stall_after=0.1)
    run.started()
    run.beat()
    deadline = time.monotonic() + (30 if expected else 1)
    while not recorded.messages and time.monotonic() < deadline:
        time.sleep(0.01)
    deadline = time.monotonic() + (30 if expected == 2 else 1)
    while len(recorded.messages) < 2 and time.monotonic() < deadline:
        run.beat()
        time.sleep(0.01)
    run.ended()
    background.flush(10)
    assert len(recorded.messages) == expected
    assert [" resumed after " in message for message in recorded.messages] == [False, True][:expected]


GOOD = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0123456789abcdef"
FEISHU = "https://open.feishu.cn/open-apis/bot/v2/hook/0123456789abcdef"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("env:NOT_SET", "the variable NOT_SET is not set"),
        ("file:/nonexistent", "/nonexistent"),
        ("https://hooks.slack.com/workflows/T0/x", "the trigger of a Slack workflow"),
    ],
)
def test_one_wrong_url_of_several_silences_none_of_the_others(
    wrong: str, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says why it is left out. A command that checks the set-up takes it for an error."""
    monkeypatch.setenv(VARIABLE, f"{wrong} {GOOD}")
    made = Configured().get()
    assert isinstance(made, WeComNotifier)
    [warning] = caplog.messages
    assert warning.startswith("one of several chats is left out: ")
    assert why in warning
    with pytest.raises(NotifierError):
        set_up(strict=True)
    monkeypatch.setenv(VARIABLE, wrong)
    assert Configured().get() is None


def user_file_with(text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = user_file.path()
    assert place is not None
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o600)
    monkeypatch.setattr(user_file, "_read", None)
    return place


def test_each_service_mentions_those_whom_it_can_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Feishu calls no mobile numbers, and Bark nobody. Whom none can call, a warning names."""
    urls = f"{GOOD} {FEISHU} https://api.day.app/k3y"
    place = user_file_with(f'url = "{urls}"\nmentions = ["13800000000", "@all", "nobody at all"]\n', monkeypatch)
    made = set_up()[0]
    assert isinstance(made, FanoutNotifier)
    assert [getattr(one, "mentions", None) for one in made.notifiers] == [("13800000000", "@all"), ("@all",), ()]
    assert caplog.messages == [f"{place}: mentions: none of your chats can call nobody at all"]


def test_a_level_of_the_user_file_holds_for_any_notifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for a class of a user's own, which takes none."""

    class Mine(Notifier):
        def __call__(self, message: str) -> None:
            """Nothing."""

        def to_dict(self) -> dict[str, Any]:
            return {"class": "Mine"}

        @classmethod
        def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
            return cls()

    user_file_with('url = \'{"class": "Mine"}\'\nmin_level = "warning"\n', monkeypatch)
    made = set_up()[0]
    assert isinstance(made, Mine)
    assert made.min_level == "warning"


def test_a_mention_for_a_service_that_has_none_is_an_error_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bark calls nobody."""
    with pytest.raises(ArgumentError, match="takes no `mention=`"):
        Notifier.from_url("https://api.day.app/k3y?mention=x")
