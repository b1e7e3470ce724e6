"""Which language people read: of the argument, the environment, the user's file, the locale."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from twinkle_notifier import ArgumentError, TrainingRun, notify_exception, watch
from twinkle_notifier.runtime import user_file
from twinkle_notifier.runtime.language import VARIABLE, checked, language
from twinkle_notifier.runtime.log_repeats import repeats
from twinkle_notifier.testing import RecordingNotifier


@pytest.fixture(autouse=True)
def no_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", VARIABLE):
        monkeypatch.delenv(name, raising=False)


def with_file(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = user_file.path()
    assert place is not None
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o600)
    monkeypatch.setattr(user_file, "_read", None)


@pytest.mark.parametrize(
    ("locale", "expected"), [("zh_CN.UTF-8", "zh"), ("zh_TW", "zh"), ("C", "en"), ("de_DE", "en"), ("", "en")]
)
def test_the_locale_is_asked_last(locale: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", locale)
    assert language() == expected


def test_the_first_that_says_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument, the variable, the file, the locale."""
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    with_file('language = "en"\n', monkeypatch)
    assert language() == "en"
    monkeypatch.setenv(VARIABLE, "zh_CN")
    assert language() == "zh"
    assert language("en") == "en"
    monkeypatch.setenv(VARIABLE, "klingon")
    assert language() == "en"


def test_a_wrong_variable_is_a_warning_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """With what it may be."""
    monkeypatch.setenv(VARIABLE, "cn")
    for _ in range(3):
        repeats.forget()  # not because the log counts what repeats
        assert language() == "en"
    assert caplog.text.count("TWINKLE_NOTIFIER_LANGUAGE is 'cn': set it to en or zh") == 1


@pytest.mark.parametrize("error", [OSError, SystemExit])
def test_a_handler_that_fails_breaks_no_training(monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    """It is asked once."""
    asked = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            asked.append(record)
            raise error

    monkeypatch.setenv(VARIABLE, "cn")
    monkeypatch.setattr(logging.getLogger("twinkle_notifier"), "handlers", [Handler()])
    for _ in range(2):
        repeats.forget()
        assert language() == "en"
    assert len(asked) == 1


@pytest.mark.parametrize("wrong", ["fr", 3, True])
def test_an_argument_that_is_none_is_an_error(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="give one of en, zh"):
        checked(wrong)
    with pytest.raises(ArgumentError, match="give one of en, zh"):
        TrainingRun(RecordingNotifier(), language=wrong)


def test_an_alert_is_in_its_language() -> None:
    """Of the argument, whichever way it takes."""
    notify_exception(told := RecordingNotifier(), "fit", ValueError("x"), "sft", language="zh")
    TrainingRun(again := RecordingNotifier(), name="sft", language="zh").failed(ValueError("y"))
    with pytest.raises(ValueError, match="z"), watch(block := RecordingNotifier(), "fit", "sft", language="zh"):
        raise ValueError("z")
    for message in (*told.messages, *again.messages, *block.messages):
        assert message.startswith("### sft 失败：ValueError: ")
        assert "\n- 主机: " in message
