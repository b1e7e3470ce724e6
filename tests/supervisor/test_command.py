"""How the processes of a command get the notifier of ``--to``."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from twinkle_notifier import DingNotifier
from twinkle_notifier.channels import from_text
from twinkle_notifier.supervisor.command import notifier_environment

URL = "https://oapi.dingtalk.com/robot/send?access_token=tok-0123456789abcdef"


@pytest.mark.parametrize(
    "to",
    [
        URL,
        f"{URL}&secret=SEC0123",
        f'{{"class": "DingNotifier", "ding_url": "{URL}", "secret": "SEC0123"}}',
        '{"class": "DingNotifier", "ding_url": "env:DING_URL", "secret": "env:DING_SECRET", "timeout": 3}',
    ],
)
def test_a_literal_waits_in_a_file_of_its_owner(to: str, tmp_path: Path) -> None:
    """It makes the same notifier, and the environment does not show it."""
    notifier = from_text(to, "--to")
    env = notifier_environment({}, to, notifier, tmp_path)
    assert env == {"TWINKLE_NOTIFIER_URL": f"file:{tmp_path / 'to.json'}"}
    assert stat.S_IMODE((tmp_path / "to.json").stat().st_mode) == 0o600
    assert from_text(env["TWINKLE_NOTIFIER_URL"], "x").to_dict() == notifier.to_dict()


def test_a_reference_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's by a path that leads there from every folder."""
    monkeypatch.chdir(tmp_path)
    notifier = DingNotifier(URL)
    assert notifier_environment({}, "env:DING_URL", notifier, tmp_path) == {"TWINKLE_NOTIFIER_URL": "env:DING_URL"}
    assert notifier_environment({}, "file:ding", notifier, tmp_path) == {
        "TWINKLE_NOTIFIER_URL": f"file:{tmp_path}/ding"
    }
    assert not (tmp_path / "to.json").exists()


@pytest.mark.parametrize("env", [{"TWINKLE_NOTIFIER_URL": "env:MINE"}, {"TWINKLE_NOTIFIER": "env:MINE"}])
def test_what_the_environment_says_stays(env: dict[str, str], tmp_path: Path) -> None:
    """Users' own scripts go by it."""
    assert notifier_environment(env, URL, DingNotifier(URL), tmp_path) == {}


def test_without_a_disk_they_have_none(tmp_path: Path) -> None:
    """The supervisor tells what it can from outside."""
    assert notifier_environment({}, URL, DingNotifier(URL), tmp_path / "gone") == {}
    assert notifier_environment({}, "", None, tmp_path) == {}
