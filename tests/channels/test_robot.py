"""What a chat robot of any service gets from the shared code: here of one with a few lines of its own."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from twinkle_notifier import CredentialError, DeliveryError, Notifier, UnknownNotifierError
from twinkle_notifier.channels import http
from twinkle_notifier.channels.robot import Draft, Meaning, Refusal, Robot, code_in, object_in
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.inbox.faults import Fault, Faulty, in_turn, says

CODES = {
    1: Meaning("wait a minute", "throttled"),
    2: Meaning(kind="busy"),
    3: Meaning("another machine may", "local"),
    4: Meaning("it is too long", change="shorter"),
    5: Meaning("it is too rich", change="plainer"),
}
URL = "https://pager.example/robot/send?access_token=0123456789abcdef"


class PagerRobot(Robot):
    service = "Pager"
    hosts = ("pager.example",)
    path = "/robot/send"  # as the local robot's
    key = "access_token"
    example = "https://pager.example/robot/send?access_token=..."
    per_minute = 1000
    penalty = 60.0
    size = 2_000
    drops_repeats = False

    def payload(self, text: str, draft: Draft) -> dict[str, Any]:
        return {"plain" if draft.plain else "rich": text}

    def refusal(self, answer: http.Reply) -> Refusal | None:
        found = object_in(answer)
        code = code_in(found, "code")
        if code is None:
            return self.no_robot(answer)
        return Refusal(code, str(found.get("said", "")), CODES.get(code, Meaning())) if code else None


class PagerNotifier(WebhookNotifier):
    service_name = PagerRobot.service
    reference_fields = ("pager_url", "secret")
    _class = "PagerNotifier"
    _fields = ("pager_url", "secret", "timeout", "insecure")
    _robot = PagerRobot

    def __init__(
        self, pager_url: str, secret: str | None = None, timeout: float = 5, *, insecure: bool = False
    ) -> None:
        super().__init__(pager_url, secret, timeout, insecure=insecure)


def bodies(robot: Faulty) -> list[dict[str, str]]:
    return [json.loads(request.body) for request in robot.requests]


def code(number: int) -> Fault:
    return says({"code": number, "said": "no"})


@pytest.mark.parametrize(
    ("number", "fate", "final", "requests", "retry_after"),
    [
        (1, "throttled", False, 1, 60.0),
        (2, "failed", False, 4, None),
        (3, "failed", False, 1, None),
        (4, "failed", True, 2, None),
        (5, "failed", True, 2, None),
        (6, "failed", True, 1, None),
    ],
)
def test_a_refusal_ends_as_its_meaning_says(
    number: int, fate: str, final: bool, requests: int, retry_after: float | None
) -> None:
    """By its kind; each change is tried once, and a busy robot three times more."""
    with Faulty(code(number)) as robot, pytest.raises(DeliveryError) as caught:
        PagerNotifier(robot.url)("### hello")
    error = caught.value
    assert (error.code, error.fate, error.final, error.retry_after) == (number, fate, final, retry_after)
    assert (error.reason, len(robot.requests)) == (
        f"Pager {number}: {CODES.get(number, Meaning()).hint} (no)",
        requests,
    )


def test_a_change_is_in_the_next_try() -> None:
    """Half the length; then plain, as short as before."""
    with Faulty(in_turn(code(4), code(5), code(0))) as robot:
        PagerNotifier(robot.url)("### hello\n\n" + "x " * 2000)
    assert [list(body) for body in bodies(robot)] == [["rich"], ["rich"], ["plain"]]
    sizes = [len(request.body) for request in robot.requests]
    assert 1_500 < sizes[0] <= 2_000
    assert sizes[2] <= sizes[1] + 1 <= 1_001


def test_what_is_no_answer_of_the_service_is_no_success() -> None:
    """And is named by the service's name."""
    with Faulty(says({"errcode": 0})) as robot, pytest.raises(DeliveryError, match="no answer of a Pager robot"):
        PagerNotifier(robot.url)("### hello")


def test_arguments_are_named_as_the_service_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """In dicts, `repr`, pickles and errors."""
    pager = PagerNotifier(f"{URL}&secret=env%3Dx", timeout=2)
    assert Notifier.from_dict(pager.to_dict()) == pager
    assert pager.to_dict() == {"class": "PagerNotifier", "pager_url": URL, "secret": "env=x", "timeout": 2}
    assert repr(pager) == f"PagerNotifier(pager_url='{URL[:-16]}***', secret='***', timeout=2)"
    assert "0123456789abcdef" not in repr(vars(pager))
    with pytest.raises(CredentialError, match="references such as 'env:PAGER_URL', which stay, as its pager_url"):
        pickle.loads(pickle.dumps(pager))("hello")
    with pytest.raises(
        ArgumentError,
        match=r"pager_url is no http\(s\) URL: .* https://pager.example/robot/\.\.\., or name a variable as env:NAME$",
    ):
        PagerNotifier("pager")
    for url, said in (
        ("https://a.example/x", "leads to a.example: is it a Pager"),
        (URL[:-17], "names no access_token"),
    ):
        monkeypatch.setenv("PAGER_URL", url)
        with pytest.raises(ArgumentError, match=f"pager_url {'' if 'leads' in said else 'is cut short: it '}{said}"):
            PagerNotifier("env:PAGER_URL").check_setup()


def test_a_base_of_channels_is_no_channel() -> None:
    """No dict can name it."""
    with pytest.raises(UnknownNotifierError) as caught:
        Notifier.from_dict({"class": "WebhookNotifier"})
    assert "WebhookNotifier" not in str(caught.value).partition("known: ")[2]
    assert PagerNotifier.serves(URL)


class Wordy(PagerRobot):
    def payload(self, text: str, draft: Draft) -> dict[str, Any]:
        return {"rich": text, "edits": draft.edits}


def test_what_leaves_no_room_for_the_text_is_an_error() -> None:
    """It ends, whatever goes with a text: a service may have said an id of any length."""
    with pytest.raises(DeliveryError, match="has more than the 2000 bytes that Pager takes"):
        Wordy(URL, None, 5.0).send("the loss is lost", edits="1" * 4_000)
