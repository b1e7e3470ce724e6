"""The notifier that the environment describes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from twinkle_notifier import DingNotifier
from twinkle_notifier.channels.console import ConsoleNotifier
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.settings import set_up

URL = "https://oapi.dingtalk.com/robot/send?access_token=tok-abcdefgh"
OTHER = "https://oapi.dingtalk.com/robot/send?access_token=tok-other"
CONSOLE = '{"class": "ConsoleNotifier"}'
# As twinkle-kit 0.x leaves it to its workers: its `to_dict`, whose time-out is a text.
OF_TWINKLE = json.dumps({"class": "DingNotifier", "ding_url": OTHER, "secret": "SECabc", "timeout": "5.0"})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"TWINKLE_NOTIFIER_URL": URL}, DingNotifier(URL)),
        ({"TWINKLE_NOTIFIER_URL": f" {URL}&secret=SECabc\n"}, DingNotifier(URL, "SECabc")),
        ({"TWINKLE_NOTIFIER_URL": CONSOLE}, ConsoleNotifier()),
        ({"TWINKLE_NOTIFIER_URL": "env:DING", "DING": f"{URL}&secret=SECabc"}, DingNotifier("env:DING")),
        ({"TWINKLE_NOTIFIER_URL": "env:DING", "DING": f" {OF_TWINKLE}\n"}, DingNotifier(OTHER, "SECabc", 5.0)),
        ({"TWINKLE_NOTIFIER": URL}, DingNotifier(URL)),
        ({"TWINKLE_NOTIFIER": OF_TWINKLE}, DingNotifier(OTHER, "SECabc", 5.0)),
        ({"TWINKLE_NOTIFIER_URL": URL, "TWINKLE_NOTIFIER": OF_TWINKLE}, DingNotifier(URL)),
        ({"TWINKLE_NOTIFIER_URL": URL, "TWINKLE_NOTIFIER": '{"class": "TheirNotifier"}'}, DingNotifier(URL)),
        ({"TWINKLE_NOTIFIER_URL": " ", "TWINKLE_NOTIFIER": OF_TWINKLE}, DingNotifier(OTHER, "SECabc", 5.0)),
    ],
)
def test_our_own_variable_counts_before_twinkle_kits(
    variables: dict[str, str], expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes a URL or JSON; what is empty is not set, and what is not needed is not read."""
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    assert set_up()[0] == expected


@pytest.mark.parametrize("variable", ["TWINKLE_NOTIFIER_URL", "TWINKLE_NOTIFIER"])
def test_an_unusable_variable_is_named(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what it holds."""
    monkeypatch.setenv(variable, "https://example.org/SEC0123456789")
    with pytest.raises(ValueError, match=rf"^{variable} holds neither") as caught:
        set_up()[0]
    assert "SEC0" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "is not set"), (" ", "is empty"), ("SEC0123", "holds neither"), ("env:DING", "holds neither")],
)
def test_a_reference_that_leads_nowhere_is_named(text: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what it holds; a reference to a reference is none."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_URL", "env:DING")
    if text is not None:
        monkeypatch.setenv("DING", text)
    with pytest.raises(ValueError, match=f"env:DING[,:]? .*{said}") as caught:
        set_up()[0]
    assert "SEC0" not in str(caught.value)


@pytest.mark.parametrize("variable", ["TWINKLE_NOTIFIER_URL", "TWINKLE_NOTIFIER"])
def test_a_command_and_what_it_starts_inherit_it(variable: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor sends by it, and so does a process within a process of the command."""
    monkeypatch.setenv(variable, f"{inbox.url}&secret=SEC0123456789abcdef")
    inner = "from twinkle_notifier import TrainingRun as T; print(T(name='inner').failed(ValueError('x')).status)"
    for script in (
        "raise SystemExit(3)",
        f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {inner!r}]).returncode)",
    ):
        run = [sys.executable, "-m", "twinkle_notifier", "run", "--name", "outer"]
        done = subprocess.run(
            [*run, "--", sys.executable, "-c", script], cwd="/", capture_output=True, text=True, timeout=180
        )
    assert (done.stdout, done.returncode) == ("sent\n", 0), done.stderr
    assert [message.title for message in inbox.messages] == ["outer failed: exit code 3", "inner failed: ValueError: x"]
