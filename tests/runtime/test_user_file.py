"""The user's file of settings: what is taken of it, and what is refused."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from twinkle_notifier.runtime import user_file as module
from twinkle_notifier.runtime.user_file import UserFile, path, user_file

Write = Callable[[str], Path]
URL = "https://oapi.dingtalk.com/robot/send?access_token=tok-0123456789abcdef"


@pytest.fixture
def write() -> Write:
    def written(text: str, mode: int = 0o600) -> Path:
        place = path()
        assert place is not None
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
        return place

    return written


def test_all_that_it_may_say(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """Without a line in the log."""
    place = write(
        f'url = "{URL}"\nmentions = ["13800000000", "@all"]\nlanguage = "zh"\nmin_level = "warning"\n'
        'notifications = "failure_only"\n'
    )
    assert user_file() == UserFile(place, URL, ("13800000000", "@all"), "zh", "warning", "failure_only")
    assert caplog.text == ""


def test_without_one_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Most users have none."""
    assert user_file() == UserFile()
    assert caplog.text == ""


@pytest.mark.parametrize("home", ["", "relative"])
def test_a_user_without_a_home_has_none(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor has one whose XDG_CONFIG_HOME is relative."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", home or "/nowhere")
    expected = None if home else Path("/nowhere/.config/twinkle-notifier/config.toml")
    assert path() == expected
    assert user_file() == UserFile()


def test_it_is_read_once_in_a_process(write: Write) -> None:
    """A change counts for the next one, and no disk is asked again in a crash."""
    write('language = "zh"')
    first = user_file()
    write('language = "en"')
    assert user_file() is first


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o602])
def test_one_that_others_can_read_or_write_is_refused(
    mode: int, write: Callable[[str, int], Path], caplog: pytest.LogCaptureFixture
) -> None:
    """With the command that mends it."""
    place = write(f'url = "{URL}"', mode)
    found = user_file()
    assert (found.url, found.path) == ("", place)
    assert f"run `chmod 600 {place}`" in found.problem
    assert [record.getMessage() for record in caplog.records] == [
        f"the settings in {place} are not used: {found.problem}"
    ]


def test_one_of_another_user_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could send the alerts, and what they show, anywhere."""
    write(f'url = "{URL}"')
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert user_file().url == ""
    assert "belongs to another user" in user_file().problem


def test_what_is_no_file_is_refused(write: Write) -> None:
    """A pipe would be waited for."""
    place = write("")
    place.unlink()
    os.mkfifo(place, 0o600)
    assert user_file().problem == "it is no file"


def test_a_disk_that_hangs_holds_nothing_up(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    """Training goes on without the file."""
    write("")
    monkeypatch.setattr(module, "_BUDGET", 0.05)
    monkeypatch.setattr(module, "_bytes", lambda _: __import__("time").sleep(1))
    assert "is its disk there?" in user_file().problem


def test_a_byte_order_mark_is_no_part_of_it(write: Write) -> None:
    """Editors under Windows write one."""
    write('\ufefflanguage = "zh"\n')
    assert (user_file().language, user_file().problem) == ("zh", "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"url = {URL}", "line 1 is no TOML, or not UTF-8"),
        (f'language = "zh"\nurl = "{URL}', "is no TOML"),
        ("\udcff", "it is no TOML, or not UTF-8"),
        ("a = " + "[" * 10_000 + "]" * 10_000, "it is no TOML, or not UTF-8"),
        ("x" * 70_000, "it is larger than 64 KB"),
    ],
)
def test_what_is_no_toml_is_refused(text: str, problem: str, write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """As a whole, with the line where that is known, and nothing of what it holds."""
    write("").write_bytes(text.encode(errors="surrogateescape"))
    assert problem in user_file().problem
    assert user_file().url == ""
    assert "tok-0123" not in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('urls = "tok-0123"', "line 2: there is no setting 'urls'; there are url, mentions, language, min_level, "),
        ("[smtp]\nhost = 'tok-0123'", "line 2: there is no setting 'smtp'"),
        ("url = 7", "line 2: url is not used: write the webhook URL, or a reference to it"),
        ('mentions = "tok-0123"', 'line 2: mentions is not used: write a list of texts: ["13800000000", "@all"]'),
        ('min_level = "tok-0123"', 'line 2: min_level is not used: write one of "info", "success", "warning", "error"'),
        (
            '"notifications" = "none"',
            'line 2: notifications is not used: write one of "all", "end_only", "failure_only"',
        ),
        ("language = []", 'line 2: language is not used: write one of "en", "zh"'),
    ],
)
def test_what_cannot_be_used_is_named(text: str, said: str, write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """With its line, in one warning, without its value; the rest counts."""
    write(
        f"# mine\n{text}\n" if "smtp" in text else f"# mine\n{text}\n" + 'language = "zh"\n' * ("language" not in text)
    )
    found = user_file()
    with_rest = "zh" if "smtp" not in text and "language" not in text else ""
    assert (found.language, found.url, found.problem) == (with_rest, "", "")
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert said in record.getMessage()
    assert "tok-0123" not in caplog.text
