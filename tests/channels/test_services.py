"""What holds for each native channel, against its strict local robot, over real sockets."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest

from twinkle_notifier import DeliveryError, Message, Notifier, notify_exception
from twinkle_notifier.channels import SERVICES, from_text
from twinkle_notifier.channels.robot import Draft
from twinkle_notifier.channels.webhook import WebhookNotifier
from twinkle_notifier.delivery.descriptor import describe, for_the_disk
from twinkle_notifier.delivery.sender import deliver
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.robot import Response

TOKEN = "tok-0123456789abcdef"
FACTS = "### sft failed: ValueError: 损失不是数\n\n- Run: sft\n- Error: **ValueError**: 损失不是数\n- Host: node-1\n\n"
CODE = '```\nTraceback (most recent call last):\n  File "train.py", line 4, in step\nValueError: 损失不是数\n```'
LONG = "".join(f'  File "训练.py", line {number}, in 步骤\n    损失.backward()\n' for number in range(500))
MENTIONS = {
    "DingTalk": ("13800000000", "@zhang.san", "@all"),
    "Feishu": ("ou_7d8a6e6df7621556ce0d21922b676706", "@all"),
    "WeCom": ("13800000000", "zhangsan", "@all"),
    "Slack": ("U012AB3CD", "S0123ABCD", "@here", "@all"),
}
CALLED = {
    "DingTalk": ["13800000000", "@all", "zhang.san"],
    "Feishu": ["all", "ou_7d8a6e6df7621556ce0d21922b676706"],
    "WeCom": ["13800000000", "@all", "zhangsan"],
    "Slack": ["!channel", "!here", "!subteam^S0123ABCD", "@U012AB3CD"],
}
HOSTILE = (
    "@all @13900000000 @所有人 <!channel> <@U012AB3CD> <@zhangsan> <at id=all></at> <at user_id='all'>x</at> a & b"
)
REFUSED_FORMS: dict[str, list[Any]] = {
    "DingTalk": [{"errcode": 430101, "errmsg": "unsafe"}],
    "Feishu": [{"code": 11246, "msg": "ErrCode: 200621; ErrMsg: unknown property"}],
    "Slack": [Response("invalid_blocks", 400)],
}
EVERY = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.service_name)
CALLING = pytest.mark.parametrize(
    "service",
    [service for service in SERVICES if service.service_name in MENTIONS],
    ids=lambda service: service.service_name,
)
Service = type[WebhookNotifier]


def called(inbox: Inbox) -> list[str]:
    """Whom all messages together call, as the robots read them."""
    return sorted(name for message in inbox.messages for name in message.mentioned)


def notifier(service: Service, inbox: Inbox, **more: Any) -> Notifier:
    secret = inbox.robots["DingTalk"].secret
    signed = {"secret": secret} if secret and "secret" in service._fields else {}
    return service(inbox.urls[service.service_name], **signed, **more)


@pytest.fixture
def inbox() -> Any:
    with Inbox(token=TOKEN, secret="SEC0123456789abcdef") as running:
        yield running


@EVERY
def test_an_alert_arrives_with_heading_facts_and_code(service: Service, inbox: Inbox) -> None:
    """Accepted by a robot that refuses what its service refuses."""
    notifier(service, inbox)(Message(FACTS + CODE, "id", "error"))
    [message] = inbox.messages
    assert (message.service, message.title) == (service.service_name, "sft failed: ValueError: 损失不是数")
    for part in ("sft", "node-1", "Traceback (most recent call last)", "line 4, in step"):
        assert part in message.text


@EVERY
def test_a_long_traceback_keeps_both_ends(service: Service, inbox: Inbox) -> None:
    """25 KB with Chinese text: heading and facts whole, a note of what is missing, and no fence or card left open."""
    text = FACTS + "```\nTraceback (most recent call last):\n" + LONG + "ValueError: 损失不是数\n```"
    assert len(text.encode()) > 25_000
    mentions = {"mentions": MENTIONS[service.service_name]} if service.service_name in MENTIONS else {}
    notifier(service, inbox, **mentions)(Message(text, "id", "error"))
    message = inbox.messages[0]
    assert message.title.startswith("sft failed: ValueError: 损失不是数")
    assert message.text.count("```") % 2 == 0
    assert called(inbox) == CALLED.get(service.service_name, [])
    for part in ("node-1", "Traceback (most recent call last)", "line 0,", "bytes left out", "line 499,"):
        assert part in message.text


@EVERY
@pytest.mark.parametrize(
    "text", ["hello", "### hello", "a & b < c > d", "*a* _b_ `c`", "- x: y", "```\ncode\n```", "."]
)
def test_any_markdown_is_accepted(service: Service, inbox: Inbox, text: str) -> None:
    """A user's own message has no heading, no facts, or nothing else."""
    notifier(service, inbox)(text)
    assert len(inbox.messages) == 1


@EVERY
@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ([[TOKEN]], "list"),
        ({TOKEN: TOKEN}, "dict"),
        ([], "list"),
        ({}, "dict"),
        (3141592, "int"),
        (TOKEN.encode(), "bytes"),
    ],
)
def test_what_is_no_text_is_named_by_its_type(service: Service, url: Any, kind: str) -> None:
    """As an argument and in a dict; its value may be a secret, and stays out."""
    name = service._fields[0]
    said = f"{name} takes text, and was given a value of type {kind}: give the robot's webhook URL, or a reference"
    made = {"class": service.__name__, name: url}
    for make in (lambda: service(url), lambda: Notifier.from_dict(made)):
        with pytest.raises(ArgumentError) as caught:
            make()
        assert str(caught.value).startswith(said)
        assert TOKEN not in str(caught.value)
        assert "3141592" not in str(caught.value)


@EVERY
def test_an_empty_message_is_refused_here(service: Service, inbox: Inbox) -> None:
    """No service takes one."""
    with pytest.raises(ArgumentError, match="empty"):
        notifier(service, inbox)("  \n")
    assert inbox.requests == 0


@EVERY
def test_a_notifier_restores_equal(service: Service, inbox: Inbox) -> None:
    """From its dict; and a pasted URL gives the same."""
    made = notifier(service, inbox, timeout=3.0)
    assert Notifier.from_dict(made.to_dict()) == made
    assert type(from_text(inbox.urls[service.service_name], "the URL")) is service
    assert "mentions" not in made.to_dict()


@CALLING
@pytest.mark.parametrize(("level", "calls"), [("error", 1), ("warning", 1), ("success", 0), ("info", 0)])
def test_failures_and_stalls_call_people(service: Service, inbox: Inbox, level: Any, calls: int) -> None:
    """In the service's own way, as its robot reads it; an end calls nobody."""
    notifier(service, inbox, mentions=MENTIONS[service.service_name])(Message(FACTS + CODE, "id", level))
    assert called(inbox) == CALLED[service.service_name] * calls


@CALLING
def test_a_text_is_no_alert_and_calls_nobody(service: Service, inbox: Inbox) -> None:
    """Nor does a notifier without mentions call anybody; and a level that is not known is information."""
    notifier(service, inbox, mentions=MENTIONS[service.service_name])("### hello")
    notifier(service, inbox)(Message("### failed", "id", "error"))
    notifier(service, inbox, mentions=MENTIONS[service.service_name])(Message("### hello", "id-2", "fatal"))  # type: ignore[arg-type]
    assert (len(inbox.messages), called(inbox)) == (3, [])


@CALLING
@pytest.mark.parametrize("plain", [False, True])
def test_the_text_of_an_exception_calls_nobody(service: Service, inbox: Inbox, plain: bool) -> None:
    """Only whom the notifier names; also in the form that follows a refused one."""
    mentions = MENTIONS[service.service_name][:1]
    if plain:
        inbox.robots[service.service_name].script(*REFUSED_FORMS.get(service.service_name, []))
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        outcome = notify_exception(notifier(service, inbox, mentions=mentions), HOSTILE, error, HOSTILE)
    first = "@U012AB3CD" if service.service_name == "Slack" else mentions[0]
    assert (outcome.status, called(inbox)) == ("sent", [first])


@CALLING
@pytest.mark.parametrize(
    "wrong",
    [
        "@all",
        [5],
        ["张三"],
        [""],
        ["a b"],
        ["138-0000-0000"],
        ["zhang@example.org/x"],
        ["<@U012AB3CD>"],
        ["env:X"],
        ["a"] * 51,
        None,
    ],
)
def test_a_wrong_mention_says_how_to_write_it(service: Service, inbox: Inbox, wrong: Any) -> None:
    """When the notifier is made, not in the crash."""
    with pytest.raises(ArgumentError, match=r"mentions(\[0\])? is no.*: write .*such as mentions=\("):
        notifier(service, inbox, mentions=wrong)


@CALLING
def test_mentions_restore(service: Service, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a dict, a pickle, and what a checkpoint or the spool holds, which takes literal secrets out."""
    monkeypatch.setenv("CHAT_URL", inbox.urls[service.service_name])
    made = service("env:CHAT_URL", mentions=MENTIONS[service.service_name])
    described = describe(made, save_secrets=False)
    assert described is not None
    assert described["mentions"] == [*made.mentions]
    assert Notifier.from_dict(json.loads(json.dumps(described))) == made
    assert pickle.loads(pickle.dumps(made)).mentions == made.mentions
    assert made != service("env:CHAT_URL")
    kept, _ = for_the_disk(made, Message(f"of {made.mentions[0]}", "id", "warning"))
    assert (str(kept), kept.level) == (f"of {made.mentions[0]}", "warning")
    assert "mentions" not in vars(service("env:CHAT_URL"))  # so that a pickle without them is as before


@EVERY
def test_no_secret_is_shown(service: Service, inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the log at DEBUG, nor in repr, pickle or errors."""
    made = notifier(service, inbox)
    with caplog.at_level(logging.DEBUG):
        made("### hello")
    wrong = service(inbox.urls[service.service_name].replace(TOKEN, TOKEN[::-1]))
    with pytest.raises(DeliveryError) as caught:
        wrong("### hello")
    shown = f"{caplog.text}{made!r}{pickle.dumps(made)!r}{caught.value}{caught.value!r}"
    assert [secret for secret in (TOKEN, TOKEN[::-1], "SEC0123456789abcdef") if secret in shown] == []
    assert caught.value.final


@EVERY
def test_no_secret_is_on_the_disk(
    service: Service, inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in what a message that waits leaves there, nor in what a checkpoint takes; searched byte by byte."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_DIR", str(tmp_path / "kept"))
    made = notifier(service, inbox)
    inbox.close()
    outcome = deliver(made, Message(f"### failed\n\nwith {TOKEN}", "id", "error"), 5.0)
    files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() for path in files) + json.dumps(describe(made, save_secrets=False)).encode()
    assert (outcome.status, b"### failed" in kept) == ("spooled", True)
    assert [secret for secret in (TOKEN, "SEC0123456789abcdef") if secret.encode() in kept] == []


@EVERY
def test_a_page_in_the_way_is_no_success(service: Service) -> None:
    """A proxy's login, say, with HTTP 200."""
    from twinkle_notifier.inbox.faults import Faulty, page

    with Faulty(page) as robot:
        path = service._robot.path
        url = robot.url.partition("/robot/")[0] + path + (f"A/B/{TOKEN}" if path.endswith("/") else f"?key={TOKEN}")
        with pytest.raises(DeliveryError, match=f"no answer of a {service.service_name} robot"):
            service(url)("### hello")


@EVERY
@pytest.mark.parametrize("count", [24, pytest.param(100, marks=pytest.mark.stress)])
def test_a_burst_never_meets_the_services_own_limit(service: Service, inbox: Inbox, count: int) -> None:
    """What goes beyond is refused here, with the seconds to wait, for the spool to keep."""
    made, held = notifier(service, inbox), []
    for number in range(count):
        try:
            made(f"### message {number}")
        except DeliveryError as error:
            held.append(error)
    assert {error.fate for error in held} <= {"throttled"}
    assert all(error.retry_after for error in held)
    assert len(inbox.messages) + len(held) == count
    assert inbox.requests == len(inbox.messages)


@EVERY
@pytest.mark.parametrize("cut", ["path", "host"])
def test_a_cut_url_says_what_to_copy(service: Service, cut: str) -> None:
    """Found when the training starts, not in the crash."""
    robot = service._robot
    url = f"https://{robot.hosts[0]}{robot.path}" if cut == "path" else f"https://example.org{'/x' * 20}"
    with pytest.raises(ArgumentError, match="webhook URL"):
        service(url).check_setup()


@EVERY
@pytest.mark.parametrize(
    "text",
    [
        "UnicodeEncodeError: 'ascii' codec can't encode character '\\u8bad' in position 0",
        "C:\\Users\\ubcde\\train.py, C:\\udead",
        "\x1b[31mred\x1b[0m \x1b]0;title\x07build\x00 failed\x08\r\nnext",
        "bell \x07, delete \x7f, \x85, \x9b31m, half a character \ud800",
    ],
)
def test_no_text_is_one_that_a_service_refuses(service: Service, inbox: Inbox, text: str) -> None:
    """Errors of Python show escapes, and logs have a terminal's colours. WeCom takes neither, also in a mention."""
    mentions = {"mentions": ("@all",)} if service.service_name in MENTIONS else {}
    notifier(service, inbox, **mentions)(Message(f"### {text}\n\n- Error: {text}\n\n```\n{text}\n```", "id", "error"))
    assert inbox.requests == len(inbox.messages) >= 1
    assert not any(letter in inbox.messages[0].text for letter in "\x00\x07\x08\x1b\x7f\x9b")


@EVERY
def test_a_robot_that_answers_429_is_left_alone_for_as_long_as_it_asks(service: Service, inbox: Inbox) -> None:
    """By every later message; the first is kept, with the time."""
    inbox.robots[service.service_name].script(Response("slow down", 429, {"Retry-After": "300"}))
    told = notifier(service, inbox)
    first, second = (deliver(told, Message(f"### {text}", text), 5) for text in ("one", "two"))
    assert [first.status, second.status] == ["spooled", "spooled"]
    assert first.retry_after == 300
    assert 290 < (second.retry_after or 0) <= 300
    assert inbox.requests == 1


@CALLING
@pytest.mark.parametrize("exc", [KeyboardInterrupt(), SystemExit(143)])
def test_ctrl_c_and_a_preemption_call_nobody(service: Service, inbox: Inbox, exc: BaseException) -> None:
    """They are no failures; a failure calls."""
    told = notifier(service, inbox, mentions=("@all",))
    assert notify_exception(told, "fit", exc, "sft").status == "sent"
    assert called(inbox) == []
    assert notify_exception(told, "fit", ValueError("x"), "sft").status == "sent"
    assert called(inbox) != []


@EVERY
def test_what_grants_access_is_never_shown(service: Service) -> None:
    """However short it is, wherever it stands, and also if it was given in place of another argument."""
    url = f"https://user:pw@{service._robot.hosts[0]}{service._robot.path}"
    made = service(f"{url}k3y" if url.endswith("/") else f"{url}?{service._robot.key}=k3y-long-enough")
    assert not any(secret in repr(made) for secret in ("k3y", "user", "pw"))
    for wrong in ({"timeout": "xoxb-123456"}, {"insecure": "xoxb-123456"}):
        with pytest.raises(ArgumentError) as caught:
            service(f"{url}k3y", **wrong)
        assert "xoxb" not in str(caught.value)


FRAME = '  File "/home/me/project/module_{}.py", line {}, in forward\n    return self.layers["block"](x, mask=mask)\n'


@EVERY
def test_a_text_just_over_the_limit_is_fitted_in_a_few_tries(
    service: Service, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try cuts the whole text anew. In JSON it takes more bytes than by itself: a byte less each time is too slow."""
    robot, tries = service._robot(inbox.urls[service.service_name], None, 5.0), list[int]()
    payload = robot.payload

    def request(text: str) -> tuple[Draft, int]:
        draft = Draft(text, "x" * 32, robot.size, "error", urgent=True)
        return draft, len(json.dumps(payload(text, draft), ensure_ascii=False).encode())

    def counted(text: str, draft: Draft) -> dict[str, Any]:
        tries[-1] += 1
        return payload(text, draft)

    monkeypatch.setattr(robot, "payload", counted)
    for over in (1, 40, 400):
        text = FACTS + CODE.removesuffix("```")
        while request(text + "```")[1] <= robot.size + over:
            text += FRAME.format(len(text), over)
        tries.append(0)
        assert len(robot._body(request(text + "```")[0])) <= robot.size
    assert min(tries) > 1
    assert max(tries) < 50
