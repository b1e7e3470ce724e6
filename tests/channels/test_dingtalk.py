"""DingNotifier against the strict local robot, over real sockets."""

from __future__ import annotations

import copy
import json
import logging
import multiprocessing
import pickle
import random
import re
import socket
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier import (
    CredentialError,
    DeliveryError,
    DingNotifier,
    Message,
    Notifier,
    checkpoint,
    notify_exception,
)
from twinkle_notifier.credentials.references import is_reference
from twinkle_notifier.delivery.descriptor import channel, describe
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.inbox import Inbox
from twinkle_notifier.inbox.faults import Faulty, Visit, refusing

URL = "https://oapi.dingtalk.com/robot/send?access_token=tok-abcdefgh"
OK = {"errcode": 0, "errmsg": "ok"}


def refused(ding: DingNotifier, message: str = "### hello") -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        ding(message)
    return caught.value


def test_sends_signed_markdown(ding: DingNotifier, inbox: Inbox) -> None:
    """The documented message arrives as it was given, under its heading."""
    ding("### Training Complete\n\n- Steps: 1000\n- Loss: 0.25")
    [message] = inbox.messages
    assert (message.kind, message.title) == ("markdown", "Training Complete")
    assert message.text == "### Training Complete\n\n- Steps: 1000\n- Loss: 0.25"


def test_sends_without_signature_or_proxy_of_characters() -> None:
    """An unsigned robot takes it; Chinese text goes as UTF-8, not escaped."""
    with Inbox() as inbox:
        DingNotifier(inbox.url)("### 训练完成")
        assert inbox.messages[0].title == "训练完成"
        assert inbox.messages[0].size < 200


def test_repeats_carry_the_same_id(ding: DingNotifier, inbox: Inbox) -> None:
    """A message with an id is dropped by the service when it comes again; messages without one are not."""
    ding(Message("### hello", "id-1"))
    ding(Message("### hello", "id-1"))
    ding("### hello")
    ding("### hello")
    assert (len(inbox.messages), inbox.repeats) == (3, 1)


@pytest.mark.parametrize(
    ("code", "said", "advice", "fate", "final"),
    [
        (130101, "send too fast", "none for 10 minutes", "throttled", False),
        (410100, "too fast", "none for 10 minutes", "throttled", False),
        (90030, "cap", "messages of the day", "throttled", False),
        (310000, "keywords not in content", "one of its keywords", "failed", True),
        (310000, "消息不包含关键词", "one of its keywords", "failed", True),
        (310000, "sign not match", "the signature is wrong", "failed", True),
        (310000, "ip 10.1.2.3 not in whitelist", "listed addresses", "failed", False),
        (300001, "token is not exist", "access token is wrong", "failed", True),
        (300005, "token is not exist", "access token is wrong", "failed", True),
        (400101, "", "access token is wrong", "failed", True),
        (400013, "", "the group is gone", "failed", True),
        (400102, "", "switched off", "failed", True),
        (400106, "", "not in the group", "failed", True),
        (400105, "", "malformed", "failed", True),
        (40035, "", "malformed", "failed", True),
        (43002, "", "malformed", "failed", True),
        (43004, "", "malformed", "failed", True),
        (123456, "something new", "refused the message", "failed", True),
    ],
)
def test_refusals_say_what_to_do(
    ding: DingNotifier, inbox: Inbox, code: int, said: str, advice: str, fate: str, final: bool
) -> None:
    """One request, and an error with the service's code and a mend."""
    inbox.script({"errcode": code, "errmsg": said})
    error = refused(ding)
    assert (error.code, error.fate, error.final, inbox.requests) == (code, fate, final, 1)
    assert advice in error.reason
    assert str(code) in error.reason


MISMATCH = (
    "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中，请确认机器人的密钥"
)
EXPIRED = "description:机器人发送签名过期;solution:签名生成时间和发送时间请保持在 timestampms 以内;"


@pytest.mark.parametrize(
    ("said", "signed", "advice", "final"),
    [
        (MISMATCH, True, "the signature is wrong", True),
        (EXPIRED, True, "the clocks are apart", False),
        ("sign not match, more: [https://ding-doc.dingtalk.com]", True, "the signature is wrong", True),
        ("invalid timestamp, more: [https://ding-doc.dingtalk.com]", True, "the clocks are apart", False),
        (MISMATCH, False, "the robot is in signed mode, and no secret is given", True),
        (EXPIRED, False, "the robot is in signed mode, and no secret is given", True),
        ("sign not match", False, "the robot is in signed mode, and no secret is given", True),
        ("invalid timestamp", False, "the robot is in signed mode, and no secret is given", True),
        ("keywords not in content", False, "the robot wants one of its keywords", True),
    ],
)
def test_a_refused_signature_is_told_by_its_cause(
    inbox: Inbox, said: str, signed: bool, advice: str, final: bool
) -> None:
    """A wrong secret, a clock, or no secret at all, in DingTalk's own words, which name signature and time in each."""
    inbox.script({"errcode": 310000, "errmsg": said}, {"errcode": 310000, "errmsg": said})
    error = refused(DingNotifier(inbox.url, "SEC0123456789abcdef" if signed else None))
    assert error.reason.startswith(f"DingTalk 310000: {advice}")
    assert (error.final, inbox.requests) == (final, 1 if "clocks" not in advice else inbox.requests)


def test_a_signed_robot_asks_for_its_secret(inbox: Inbox) -> None:
    """Whoever gave none reads what to give; one request, as no other can fare better."""
    error = refused(DingNotifier(inbox.url))
    assert "give its secret (SEC...) as `secret`" in error.reason
    assert (error.code, error.final, inbox.requests) == (310000, True, 1)


@pytest.mark.parametrize("status", [b"404 Not Found", b"403 Forbidden", b"200 OK", b"302 Found"])
def test_where_no_robot_answers_no_code_is_named(status: bytes) -> None:
    """The error has the status, and what may be wrong."""
    page = b"HTTP/1.1 " + status + b"\r\nContent-Length: 4\r\n\r\n<p>x"
    with Faulty(lambda visit: visit.send(page)) as proxy:
        error = refused(DingNotifier(proxy.url))
    said = f"no answer of a DingTalk robot, but HTTP {status[:3].decode()}: is the URL right, is there a proxy?"
    assert (error.reason, error.code) == (said, None)


@pytest.mark.parametrize(
    "answer", [{}, {"errcode": "0"}, {"errcode": False}, {"errcode": None}, {"errmsg": "ok"}, [], "ok"]
)
def test_only_errcode_zero_is_success(ding: DingNotifier, inbox: Inbox, answer: Any) -> None:
    """Anything else, though it came with HTTP 200, is no success."""
    inbox.script(answer)
    assert "no answer of a DingTalk robot" in refused(ding).reason


def test_a_page_in_the_way_is_no_success(inbox: Inbox) -> None:
    """A proxy's or a wrong path's HTML is not taken for the robot's answer."""
    error = refused(DingNotifier(inbox.url.replace("robot/send", "robot")))
    assert "HTTP 404" in error.reason


def test_an_answer_of_brackets_is_no_success() -> None:
    """Though they are nested deeper than a parser goes."""

    def brackets(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + b"[" * 65_536)

    with Faulty(brackets) as robot:
        assert "no answer of a DingTalk robot" in refused(DingNotifier(robot.url)).reason


def test_what_a_robot_answers_is_one_harmless_line(ding: DingNotifier, inbox: Inbox, hostile: str, harm: Any) -> None:
    """Whoever stands in its place may say anything."""
    inbox.script({"errcode": 310000, "errmsg": f"sign {hostile}"})
    reason = refused(ding).reason
    assert harm(reason) == []
    assert reason.startswith("DingTalk 310000: the signature is wrong")


@pytest.mark.parametrize("form", ["{}", "\x1b[31m{}", "{0[0]}\x1b[0m{0[1]}", "x" * 292 + " {}", " " * 49_995 + "{}"])
def test_a_robot_that_repeats_the_secret_is_not_quoted(ding: DingNotifier, inbox: Inbox, form: str) -> None:
    """Not in colours, nor the half of it that stands before a cut."""
    secret = ding.secret or ""
    for text in (secret, "tok-0123456789abcdef"):
        parts = form.format((text[:5], text[5:])) if "[0]" in form else form.format(text)
        inbox.script({"errcode": 1, "errmsg": parts})
        assert text[:5] not in refused(ding).reason


@pytest.mark.parametrize("answer", [{"errcode": 10**400}, {"errcode": 1, "errmsg": [["@all"]]}, {"errcode": -(2**40)}])
def test_an_answer_of_other_types_is_not_quoted(ding: DingNotifier, inbox: Inbox, answer: Any, harm: Any) -> None:
    """It is a refusal all the same."""
    inbox.script(answer)
    error = refused(ding)
    assert (error.fate, len(error.reason) < 200, harm(error.reason)) == ("failed", True, [])


@pytest.mark.parametrize(
    "date", ["", "x", "Mon, 99 Xxx 99999 99:99:99 +9999", "Thu, 01 Jan 0001 00:00:00 -0000", "9" * 900]
)
def test_a_clock_that_cannot_be_read_is_no_reason_to_fail_otherwise(date: str) -> None:
    """The error is the refusal as it is."""
    answer = json.dumps({"errcode": 310000, "errmsg": "invalid timestamp"})
    said = f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode()
    with Faulty(lambda visit: visit.send(said)) as robot:
        assert refused(DingNotifier(robot.url, "SEC0123456789")).code == 310000


def test_the_log_says_how_a_missing_secret_is_given(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    """No part of the advice is taken for a secret."""
    inbox.script({"errcode": 310000, "errmsg": "sign not match"})
    notify_exception(DingNotifier(inbox.url), "fit", ValueError("x"), "sft")
    assert "or append `&secret=` and the secret to its webhook URL" in caplog.text


def test_a_busy_robot_leaves_the_program_s_random_numbers(ding: DingNotifier, inbox: Inbox) -> None:
    """They belong to the training, whose checkpoints hold where they stand."""
    before = random.getstate()
    inbox.script({"errcode": -1, "errmsg": "busy"})
    ding("### hello")
    assert (inbox.requests, random.getstate()) == (2, before)


def test_busy_is_tried_again(ding: DingNotifier, inbox: Inbox) -> None:
    """Three times, by the same id."""
    busy = {"errcode": -1, "errmsg": "busy"}
    inbox.script(busy, busy, busy)
    ding("### hello")
    assert (len(inbox.messages), inbox.requests) == (1, 4)
    inbox.script(busy, busy, busy, busy)
    assert refused(ding).code == -1


@pytest.mark.parametrize("code", [460101, 101002])
def test_too_long_is_cut_once(ding: DingNotifier, inbox: Inbox, code: int) -> None:
    """The second try has half the length; the second refusal is final."""
    inbox.script({"errcode": code, "errmsg": "too long"})
    ding("### hello\n\n" + "0123456789 " * 3000)
    assert inbox.messages[0].size <= 9000
    inbox.script(*[{"errcode": code, "errmsg": "too long"}] * 2)
    assert refused(ding).code == code


@pytest.mark.parametrize("code", [430101, 430104])
def test_unsafe_content_goes_as_text_once(ding: DingNotifier, inbox: Inbox, code: int) -> None:
    """The second try is plain text."""
    inbox.script({"errcode": code, "errmsg": "unsafe"})
    ding("### hello")
    assert inbox.messages[0].kind == "text"


def test_a_wrong_clock_is_set_by_the_server_once(inbox: Inbox, ding: DingNotifier) -> None:
    """The second try is signed for the server's time; a clock that already agrees is not tried again."""
    inbox.script({"errcode": 310000, "errmsg": "invalid timestamp"})
    ding("### hello")
    assert (len(inbox.messages), inbox.requests) == (1, 2)


@pytest.mark.parametrize("text", ["x" * 50_000, "训练" * 20_000, '"\n' * 20_000, "\ud800" * 9000])
def test_long_messages_are_cut_to_the_limit(ding: DingNotifier, inbox: Inbox, text: str) -> None:
    """The request never exceeds 18,000 bytes, and uses most of them."""
    ding(f"### hello\n\n{text}\n\nthe end")
    [message] = inbox.messages
    assert 17_000 < message.size <= 18_000 or text[0] == "\ud800"
    assert message.text.startswith("### hello")
    assert message.text.endswith("the end")


def test_a_long_report_keeps_its_facts_and_both_ends(ding: DingNotifier, inbox: Inbox) -> None:
    """Within the limit, though each line becomes a quotation."""
    frames = "\n".join(f'  File "训练.py", line {n}, in __init__' for n in range(3000))
    ding(f"### sft failed\n\n- Run: sft\n- Rank: 3\n\n```\nTraceback:\n{frames}\nValueError: lost\n```")
    [message] = inbox.messages
    assert 16_000 < message.size <= 18_000
    assert message.text.startswith("### sft failed\n\n- Run: sft\n- Rank: 3\n\n> Traceback:  \n> ")
    assert message.text.endswith("> ValueError: lost")


def test_its_own_secrets_are_not_in_the_message(ding: DingNotifier, inbox: Inbox) -> None:
    """Nor in the preview; raw or as a URL has them."""
    ding(f"### cannot reach {inbox.url}\n\nsigned with {ding.secret}")
    assert ding.secret is not None
    [message] = inbox.messages
    assert [part for part in ("tok-0123456789abcdef", ding.secret) if part in message.text + message.title] == []
    assert message.text.endswith("access_token=***\n\nsigned with ***")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"ding_url": ""}, "ding_url"),
        ({"ding_url": "  "}, "ding_url"),
        ({"ding_url": None}, "ding_url"),
        ({"ding_url": "oapi.dingtalk.com/robot/send?access_token=tok-abcdefgh"}, "ding_url"),
        ({"ding_url": "ftp://oapi.dingtalk.com/robot/send?access_token=tok-abcdefgh"}, "ding_url"),
        ({"ding_url": "http://[oapi/robot/send?access_token=tok-abcdefgh"}, "ding_url"),
        ({"ding_url": "http://host:port/robot/send?access_token=tok-abcdefgh"}, "ding_url"),
        ({"ding_url": URL.replace("https", "http")}, "ding_url is http:// to another machine"),
        ({"ding_url": "http://10.0.0.1/robot/send?access_token=tok-abcdefgh"}, "insecure=True"),
        ({"ding_url": "http://localhost.evil.org/robot/send?access_token=tok-abcdefgh"}, "insecure=True"),
        ({"ding_url": "http://127.0.0.1.evil.org/robot/send?access_token=tok-abcdefgh"}, "insecure=True"),
        ({"ding_url": "http://127.0.0.1@evil.org/robot/send?access_token=tok-abcdefgh"}, "insecure=True"),
        ({"ding_url": URL, "insecure": "no"}, "insecure"),
        ({"ding_url": URL, "secret": 5}, "secret takes text, and was given a value of type int"),
        ({"ding_url": URL, "timeout": 0}, "timeout"),
        ({"ding_url": URL, "timeout": -1}, "timeout"),
        ({"ding_url": URL, "timeout": "5"}, "timeout"),
        ({"ding_url": URL, "timeout": True}, "timeout"),
        ({"ding_url": URL, "timeout": float("nan")}, "timeout"),
        ({"ding_url": URL, "timeout": float("inf")}, "timeout"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], named: str) -> None:
    """At construction, by name, and without a token."""
    with pytest.raises(ValueError, match=named) as caught:
        DingNotifier(**arguments)
    assert "tok-" not in str(caught.value)
    assert caught.value.__context__ is None or "tok-" not in str(caught.value.__context__)


def test_people_are_called_in_the_text_and_in_the_request(inbox: Inbox) -> None:
    """DingTalk wants them in both; everybody is called by a flag alone."""
    for mentions in (("13800000000", "+852-60000000", "@zhang.san", "0123456"), ("@all",)):
        notifier = DingNotifier(inbox.url, "SEC0123456789abcdef", mentions=mentions)
        notifier(Message("### sft failed\n\n- Run: sft", mentions[0].strip("@"), "error"))
    people, everybody = inbox.messages
    numbers, others = ["13800000000", "+852-60000000"], ["zhang.san", "0123456"]
    assert people.payload["at"] == {"atMobiles": numbers, "atUserIds": others, "isAtAll": False}
    assert people.text.endswith("\n- Run: sft\n\n@13800000000 @+852-60000000 @zhang.san @0123456")
    assert everybody.payload["at"] == {"atMobiles": [], "atUserIds": [], "isAtAll": True}
    assert everybody.text.endswith("- Run: sft")


def test_html_is_text(ding: DingNotifier, inbox: Inbox) -> None:
    """A phone would show nothing of a message with HTML."""
    ding("### a <b>\n\n- At: f in <module>\n\n```\nif a < b -> <c>\n```")
    [message] = inbox.messages
    quoted = "### a &lt;b&gt;\n\n- At: f in &lt;module&gt;\n\n> if a &lt; b -&gt; &lt;c&gt;"
    assert (message.title, message.text) == ("a <b>", quoted)


def test_webhook_url_is_another_name_of_ding_url() -> None:
    """Also in a dict."""
    assert DingNotifier(webhook_url=URL) == DingNotifier(URL)
    assert Notifier.from_dict({"class": "DingNotifier", "webhook_url": URL}) == DingNotifier(URL)
    with pytest.raises(ArgumentError, match="ding_url and webhook_url are one"):
        DingNotifier(URL, webhook_url=URL)


def test_restores_an_equal_notifier() -> None:
    """to_dict is faithful, and from_dict finds the class by its name."""
    ding = DingNotifier(URL, "SECabc", 3.0)
    assert Notifier.from_dict(ding.to_dict()) == ding
    assert ding.to_dict() == {"class": "DingNotifier", "ding_url": URL, "secret": "SECabc", "timeout": 3.0}


@pytest.mark.parametrize(("timeout", "seconds"), [("5.0", 5.0), ("3", 3.0), (" 0.5 ", 0.5), (7, 7)])
def test_a_time_out_may_be_a_text_in_a_dict(timeout: Any, seconds: float) -> None:
    """As twinkle-kit's own `to_dict` writes it."""
    ding = Notifier.from_dict({"class": "DingNotifier", "ding_url": URL, "secret": None, "timeout": timeout})
    assert ding == DingNotifier(URL, timeout=seconds)


@pytest.mark.parametrize("timeout", ["soon", "", "nan", "inf", "-1", "0", "5 s", "1e999", [5], None])
def test_another_text_is_no_time_out(timeout: Any) -> None:
    """It is refused by name."""
    with pytest.raises(ValueError, match="timeout"):
        Notifier.from_dict({"class": "DingNotifier", "ding_url": URL, "timeout": timeout})


SIGNED = DingNotifier(URL, "SECabc+d/e")


@pytest.mark.parametrize(
    "url",
    [
        f"{URL}&secret=SECabc+d/e",
        f"{URL}&secret=SECabc%2Bd%2Fe",
        f" {URL}&secret=SECabc%2bd/e\n",
        URL.replace("?", "?secret=SECabc+d/e&"),
        f"{URL}&secret=&secret=SECabc+d/e",
    ],
)
def test_a_secret_may_be_appended_to_the_url(url: str) -> None:
    """It is one pasted text; the notifier, its channel and what is kept of it are as with a secret given apart."""
    ding = DingNotifier(url)
    assert ding == SIGNED
    assert ding.to_dict() == SIGNED.to_dict()
    assert (ding.ding_url, ding.secret, repr(ding)) == (URL, "SECabc+d/e", repr(SIGNED))
    assert channel(ding) == channel(SIGNED)
    assert Notifier.from_dict({"class": "DingNotifier", "ding_url": url}) == SIGNED
    for kept in (describe(ding, save_secrets=False), pickle.dumps(ding), vars(ding)):
        assert "SECabc" not in str(kept)


def test_a_secret_given_apart_counts_before_an_appended_one() -> None:
    """Nor does the URL hold the other; an empty one, of a variable that is not set, is none."""
    ding = DingNotifier(f"{URL}&secret=SECother", "SECmine")
    assert (ding.ding_url, ding.secret) == (URL, "SECmine")
    assert DingNotifier(f"{URL}&secret=").secret is None
    with pytest.raises(ValueError, match="give a reference as `secret`"):
        DingNotifier(f"{URL}&secret=env:DING_SECRET")


def test_channels_of_todays_forms_are_the_same_for_ever() -> None:
    """They are in the claims of runs and in the names of folders where messages wait."""
    forms = [DingNotifier(URL), DingNotifier(URL, "SECabc"), DingNotifier("env:DING_URL", "env:DING_SECRET")]
    odd = DingNotifier(f"{URL}&x=%41&&b=+;c")
    assert odd.ding_url == f"{URL}&x=%41&&b=+;c"
    assert [channel(ding) for ding in [*forms, odd]] == ["627798c4", "02ea8060", "203c886b", "5bb66174"]


@pytest.mark.parametrize("how", ["literal", "env", "file"])
def test_an_appended_secret_signs_and_stays_unseen(
    how: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The robot gets a signature, and no secret in the URL; no error or log line shows one."""
    caplog.set_level(logging.DEBUG)
    pasted = f"{inbox.url}&secret=SEC0123456789abcdef"
    monkeypatch.setenv("DING_TEST_URL", pasted)
    (tmp_path / "url").write_text(pasted)
    ding = DingNotifier({"literal": pasted, "env": "env:DING_TEST_URL", "file": f"file:{tmp_path / 'url'}"}[how])
    ding(f"### hello\n\n{pasted}")
    assert [(message.title, "SEC0" in message.text) for message in inbox.messages] == [("hello", False)]
    inbox.script({"errcode": 310000, "errmsg": "sign not match for SEC0123456789abcdef"})
    assert "SEC0" not in refused(ding).reason + caplog.text + repr(ding)
    seen: list[str] = []

    def watched(visit: Visit) -> None:
        seen.append(visit.request.path)
        visit.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with Faulty(watched) as spy:
        monkeypatch.setenv("DING_TEST_URL", f"{spy.url}&secret=SEC0123456789abcdef")
        refused(DingNotifier("env:DING_TEST_URL"))
    assert "&sign=" in seen[0]
    assert "secret" not in seen[0]


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.8.9.1", "[::1]:8080", "localhost", "LOCALHOST:80"])
def test_http_is_for_this_machine(host: str) -> None:
    """Where nobody listens on the way."""
    assert DingNotifier(f"http://{host}/robot/send?access_token=x").ding_url.startswith("http://")


def test_http_elsewhere_is_for_those_who_insist() -> None:
    """Only then does it show in what describes the notifier."""
    ding = DingNotifier("http://proxy.corp/robot/send?access_token=tok-abcdefgh", insecure=True)
    assert ding.to_dict()["insecure"] is True
    assert "insecure=True" in repr(ding)
    assert Notifier.from_dict(ding.to_dict()) == ding


def test_a_reference_to_http_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is looked up."""
    monkeypatch.setenv("DING_TEST_URL", URL.replace("https", "http"))
    with pytest.raises(ArgumentError, match="insecure=True") as caught:
        DingNotifier("env:DING_TEST_URL")("### hello")
    assert "tok-" not in str(caught.value)


def test_a_pickle_holds_no_literal_secret() -> None:
    """References stay; what was taken out is missed, with advice, when a message is to be sent."""
    ding = DingNotifier(URL, "env:DING_SECRET", 3.0)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(ding, protocol)
        assert b"tok-" not in data
        restored = pickle.loads(data)
        assert (restored.ding_url, restored.secret, restored.timeout) == ("***", "env:DING_SECRET", 3.0)
        with pytest.raises(CredentialError, match="references such as"):
            restored("### hello")


def test_copies_keep_their_secrets() -> None:
    """As a Trainer copies its callbacks."""
    ding = DingNotifier(URL, "SEC0123456789abcdef")
    assert copy.copy(ding) == copy.deepcopy([ding])[0] == ding
    assert copy.deepcopy(ding).secret == "SEC0123456789abcdef"


def test_a_spawned_child_can_send(inbox: Inbox, ding: DingNotifier) -> None:
    """It gets the notifier through a pipe, secrets and all; through a queue it gets none."""
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=ding, args=("### from the child",))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert [message.title for message in inbox.messages] == ["from the child"]
    assert pickle.loads(pickle.dumps(ding)).secret == "***"


def test_a_debugger_shows_no_secret() -> None:
    """What `vars` gives, at any depth that `repr` shows."""
    ding = DingNotifier(URL, "SEC0123456789abcdef")
    assert repr(vars(ding)) == "{'insecure': False, '_ding_url': ***, '_secret': ***, 'timeout': 5.0}"
    assert (type(ding.ding_url), ding.ding_url, ding.secret) == (str, URL, "SEC0123456789abcdef")
    assert "env:A" in repr(vars(DingNotifier("env:A")))


URLS = st.builds(
    "https://{}/robot/send?access_token={}".format, st.sampled_from(["oapi.dingtalk.com", "a.b"]), st.uuids()
)
REFERENCES = st.sampled_from(["env:A", "file:/run/secrets/a"])


@given(URLS | REFERENCES, st.none() | st.text("abcSEC019", min_size=1) | REFERENCES, st.floats(0.1, 60), st.booleans())
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_any_notifier_makes_the_round_trip(url: str, secret: str | None, timeout: float, insecure: bool) -> None:
    """Through a dict, through JSON, and through a checkpoint's state, which holds no literal secret."""
    ding = DingNotifier(url, secret, timeout, insecure=insecure)
    assert Notifier.from_dict(json.loads(json.dumps(ding.to_dict()))) == ding
    saved = {**checkpoint.fresh(), "notifier": describe(ding, save_secrets=False)}
    assert checkpoint.read(json.loads(json.dumps(saved))) == saved
    for name, given_value in (("ding_url", url), ("secret", secret)):
        stays = given_value is None or is_reference(given_value)
        assert saved["notifier"][name] == (given_value if stays else "***")


def test_references_are_kept_and_resolved_when_needed(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They may lead nowhere until a message is sent; then the error names the variable."""
    path = tmp_path / "secret"
    ding = DingNotifier("env:DING_TEST_URL", f"file:{path}")
    assert ding.to_dict()["ding_url"] == "env:DING_TEST_URL"
    with pytest.raises(CredentialError, match=str(path)):
        ding("x")
    path.write_text("SEC0123456789abcdef\n")
    with pytest.raises(CredentialError, match="DING_TEST_URL"):
        ding("x")
    monkeypatch.setenv("DING_TEST_URL", inbox.url)
    ding("### hello")
    assert [message.title for message in inbox.messages] == ["hello"]


def test_no_secret_is_shown(inbox: Inbox, ding: DingNotifier, caplog: pytest.LogCaptureFixture) -> None:
    """Not in repr, in errors and what they hold on to, nor in a debug log."""
    caplog.set_level(logging.DEBUG)
    ding("### hello")
    shown = [repr(ding), str(ding), caplog.text, *(str(record.args) for record in caplog.records)]
    inbox.script({"errcode": 310000, "errmsg": f"sign not match for {ding.secret}"})
    errors: list[BaseException] = [refused(ding)]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        errors.append(refused(DingNotifier(re.sub(r":\d+/", f":{closed.getsockname()[1]}/", inbox.url))))
    while errors:
        error = errors.pop()
        shown += [str(error), repr(error)]
        errors += [link for link in (error.__cause__, error.__context__) if link]
    assert any("cannot connect to 127.0.0.1" in text for text in shown)
    assert not [text for text in shown if "tok-" in text or "SEC0" in text or re.search(r"sign=[^*]", text)]


def frames(traceback: TracebackType | None) -> list[TracebackType]:
    return [traceback, *frames(traceback.tb_next)] if traceback else []


def below(error: BaseException | None) -> list[TracebackType]:
    """The frames of `error` and of what hangs on to it, but those of this file."""
    if error is None:
        return []
    own = [level for level in frames(error.__traceback__) if level.tb_frame.f_code.co_filename != __file__]
    return [*own, *below(error.__cause__ or error.__context__)]


def test_the_frames_of_an_error_hold_no_secret(
    ding: DingNotifier, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debuggers, and what reports errors, show a frame's variables."""
    inbox.script({"errcode": 310000, "errmsg": "sign not match"})
    errors: list[BaseException] = [refused(ding)]
    with refusing() as url:
        errors.append(refused(DingNotifier(url, "SEC0123456789abcdef")))
    monkeypatch.setenv("DING_TEST_URL", URL.replace("https", "http"))
    with pytest.raises(ArgumentError) as caught:
        DingNotifier("env:DING_TEST_URL")("### hello")
    for error in [*errors, caught.value]:
        levels = below(error)
        assert [level.tb_frame.f_code.co_name for level in levels] == ["__call__", "_shielded"]
        assert not [level for level in levels if re.search("tok-|SEC0", repr(level.tb_frame.f_locals))]
