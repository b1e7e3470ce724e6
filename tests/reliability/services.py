"""Which service the trials are about: that of the variable CHANNEL, else DingTalk; and how it refuses."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from twinkle_notifier.inbox import bark, dingtalk, faults, feishu, slack, telegram, wecom
from twinkle_notifier.inbox.faults import Fault
from twinkle_notifier.inbox.robot import Robot


@dataclass(frozen=True)
class Refusal:
    """One answer that accepts nothing, and what must come of the message then."""

    name: str
    answer: Fault
    status: str
    requests: int = 1
    final: bool = False


@dataclass(frozen=True)
class Service:
    """One service: its strict robot, our class for it, whether it drops repeats, and its refusals."""

    robot: type[Robot]
    notifier: str
    refusals: tuple[Refusal, ...]
    drops_repeats: bool = False
    at_once: int = 16  # messages that its rate lets through in the 8 s of a send


def _code(field: str, number: int, what: str, status: str, requests: int = 1, *, final: bool = False) -> Refusal:
    return Refusal(f"{field} {number} ({what})", faults.says({field: number}), status, requests, final)


def _word(code: int, word: str, status: str, requests: int = 1, *, final: bool = False) -> Refusal:
    return Refusal(f"HTTP {code} `{word}`", faults.answer(code, word.encode()), status, requests, final)


def _answer(code: int, said: str, status: str, requests: int = 1, *, final: bool = False) -> Refusal:
    body = json.dumps({"code": code, "message": said}).encode()
    return Refusal(f"HTTP {code} ({said})", faults.answer(code, body), status, requests, final)


def _said(code: int, said: str, status: str, requests: int = 1, *, final: bool = False) -> Refusal:
    body = json.dumps({"ok": False, "error_code": code, "description": said}).encode()
    return Refusal(f"HTTP {code} ({said})", faults.answer(code, body), status, requests, final)


SERVICES = {
    "dingtalk": Service(
        dingtalk.Robot,
        "DingNotifier",
        (
            _code("errcode", -1, "busy", "failed", 4),
            _code("errcode", 130101, "too many", "throttled"),
            _code("errcode", 300001, "token", "failed", final=True),
            _code("errcode", 4711, "not known", "failed", final=True),
        ),
        drops_repeats=True,
    ),
    "feishu": Service(
        feishu.Robot,
        "FeishuNotifier",
        (
            _code("code", 11232, "too many", "throttled"),
            _code("code", 19001, "token", "failed", final=True),
            _code("code", 19022, "address", "failed"),
            _code("code", 4711, "not known", "failed", final=True),
        ),
    ),
    "wecom": Service(
        wecom.Robot,
        "WeComNotifier",
        (
            _code("errcode", -1, "busy", "failed", 4),
            _code("errcode", 45009, "too many", "throttled"),
            _code("errcode", 93000, "key", "failed", final=True),
            _code("errcode", 4711, "not known", "failed", final=True),
        ),
    ),
    "slack": Service(
        slack.Robot,
        "SlackNotifier",
        (
            _word(429, "rate_limited", "throttled", 3),
            _word(404, "no_service", "failed", final=True),
            _word(410, "channel_is_archived", "failed", final=True),
            _word(400, "not_known", "failed", final=True),
        ),
        at_once=4,
    ),
    "bark": Service(
        bark.Robot,
        "BarkNotifier",
        (
            _answer(400, "failed to get device token", "failed", final=True),
            _answer(429, "Too Many Requests", "throttled", 3),
            _answer(500, "push failed", "failed", 3),
        ),
        drops_repeats=True,
    ),
    "telegram": Service(
        telegram.Robot,
        "TelegramNotifier",
        (
            _said(401, "Unauthorized", "failed", final=True),
            _said(403, "Forbidden: bot was blocked by the user", "failed", final=True),
            _said(429, "Too Many Requests: retry after 5", "throttled", 3),
            _said(502, "Bad Gateway", "failed", 3),
        ),
        at_once=4,
    ),
}
CHANNEL = os.environ.get("CHANNEL", "dingtalk")
SERVICE = SERVICES[CHANNEL]
TOKEN = "tok-0123456789abcdef"
WEBHOOK = SERVICE.robot(TOKEN).webhook
