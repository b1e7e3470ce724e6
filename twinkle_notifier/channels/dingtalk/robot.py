"""What `DingNotifier` does with a robot: one message, and all that may become of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from twinkle_notifier import isolation
from twinkle_notifier.channels import http
from twinkle_notifier.channels.rate_limit import Rate
from twinkle_notifier.credentials.masking import mask, secrets_in_url
from twinkle_notifier.errors import DeliveryError
from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.sanitize import reply

_TITLE = 64  # characters
_BODY = 18_000  # bytes of a request; DingTalk takes 20,000
_BUSY_RETRIES = 3
_PER_MINUTE = 18  # messages; DingTalk takes 20, and a retry may count
_SAID = 300  # characters of the robot's own words
_CODES = 2**31  # what is beyond it is no code
_PENALTY = 600.0  # seconds that a robot which was sent more takes none

_random = random.SystemRandom()  # that of the program is as it left it, for its checkpoints
_BUSY = -1
_TOO_LONG = (460101, 101002)  # the second in 2019
_UNSAFE = range(430101, 430105)
_REFUSED = 310000
_THROTTLED = {
    130101: "more than 20 messages a minute: the robot takes none for 10 minutes",
    410100: "more than 20 messages a minute: the robot takes none for 10 minutes",
    90030: "the robot has used up its messages of the day",
}
_FINAL = {
    300001: "the access token is wrong: copy the webhook URL from the robot's settings again",
    300005: "the access token is wrong: copy the webhook URL from the robot's settings again",
    400101: "the access token is wrong: copy the webhook URL from the robot's settings again",
    400013: "the group is gone: make a robot in another group",
    400102: "the robot is switched off: switch it on in the group's settings",
    400106: "the robot is not in the group any more: add it again",
    400105: "the request is malformed: report it as a bug of twinkle_notifier",
    40035: "the request is malformed: report it as a bug of twinkle_notifier",
    43002: "the request is malformed: report it as a bug of twinkle_notifier",
    43004: "the request is malformed: report it as a bug of twinkle_notifier",
}
# What a 310000 means, by the robot's words, which are English or Chinese. The first that matches: its words about a
# wrong signature name the timestamp, too ("机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳 ..."), and
# those about an old one the signature ("机器人发送签名过期;solution: ... timestampms ...").
_REFUSALS = (
    ("keyword", r"keyword|关键词"),
    ("signature", r"sign\w* (?:does )?not match|签名不匹配"),
    ("clock", r"timestamp|时间戳|签名过期"),
    ("signature", r"sign|签名"),
    ("address", r"\bip\b|白名单"),
)
_REFUSAL_HINTS = {
    "keyword": "the robot wants one of its keywords in the message: name the run so that it holds one",
    "signature": "the signature is wrong: give the robot's own secret (SEC...) as `secret`",
    "clock": "the clocks are apart: set this machine's clock",
    "address": "the robot takes messages from listed addresses only: add this machine's",
    "unsigned": "the robot is in signed mode, and no secret is given: give its secret (SEC...) as `secret`, or append "
    "`&secret=` and the secret to its webhook URL",
}


def shown(url: str) -> str:
    """`url` without what grants access."""
    return mask(url, secrets_in_url(url))


@dataclass(frozen=True)
class _Refusal:
    """What a robot answered instead of yes, and when by its own clock."""

    code: int | None
    reason: str
    date: str | None = None


class Send:
    """One message, and what is changed about it from one try to the next. Each change is made once."""

    def __init__(self, url: str, secret: str | None, timeout: float, message: str) -> None:
        self._url, self._secret, self._timeout, self._message = url, secret, timeout, message
        self._uuid = getattr(message, "id", None) or uuid.uuid4().hex
        self._clock_ahead = 0.0  # seconds that the server's clock is ahead of ours
        self._limit = _BODY
        self._plain = False
        self._busy = 0
        self._secrets = [*secrets_in_url(url), *([secret] if secret else [])]

    def run(self) -> None:
        """Return when the robot has accepted it. Raises DeliveryError if it does not."""
        rate = Rate(self._url, _PER_MINUTE, _PENALTY)
        if wait := rate.take():
            raise DeliveryError(
                f"the robot takes {_PER_MINUTE} messages a minute: the next may go in {wait:.0f} s",
                fate="throttled",
                retry_after=wait,
            )
        while (refusal := self._try()) is not None:
            if not self._mended(refusal):
                throttled = refusal.code in _THROTTLED
                if throttled:
                    rate.exceeded()
                elsewhere = throttled or refusal.code in (None, _BUSY) or self._is_of_this_machine(refusal)
                raise DeliveryError(
                    _advice(refusal, self._secrets, signed=self._secret is not None),
                    fate="throttled" if throttled else "failed",
                    final=not elsewhere,
                    code=refusal.code,
                    retry_after=_PENALTY if throttled else None,
                )

    def _try(self) -> _Refusal | None:
        return _refusal(
            http.post(self._signed_url(), self._body(), timeout=self._timeout, secrets=self._secrets, repeatable=True)
        )

    def _mended(self, refusal: _Refusal) -> bool:
        """Whether another try can fare better."""
        if refusal.code == _BUSY and self._busy < _BUSY_RETRIES:
            self._busy += 1
            pause = _random.uniform(0.1, 0.3) * 2**self._busy
            if pause > isolation.remaining():
                return False
            time.sleep(pause)
            return True
        if refusal.code in _TOO_LONG and self._limit == _BODY:
            self._limit //= 2
            return True
        if refusal.code in _UNSAFE and not self._plain:
            self._plain = True
            return True
        if _meaning(refusal, signed=self._secret is not None) == "clock" and not self._clock_ahead:
            self._clock_ahead = _ahead(refusal.date)
            return bool(self._clock_ahead)
        return False

    def _is_of_this_machine(self, refusal: _Refusal) -> bool:
        """Whether another machine's address or clock may fare better."""
        return _meaning(refusal, signed=self._secret is not None) in ("clock", "address")

    def _body(self) -> bytes:
        """The request as UTF-8, not escaped, within the limit."""
        message = mask(self._message, self._secrets)
        title, room = markdown.title(message, _TITLE), self._limit
        while len(body := _encoded(self._payload(title, self._fitted(message, room)))) > self._limit:
            room = min(room - 1, room * self._limit // len(body))  # quotes and newlines take two bytes each in JSON
        return body

    def _fitted(self, message: str, room: int) -> str:
        short = markdown.cut(message, room)
        return short if self._plain else markdown.unfenced(short)

    def _payload(self, title: str, text: str) -> dict[str, Any]:
        if self._plain:
            return {"msgtype": "text", "text": {"content": text}, "msgUuid": self._uuid}
        return {"msgtype": "markdown", "markdown": {"title": title, "text": text}, "msgUuid": self._uuid}

    def _signed_url(self) -> str:
        if self._secret is None:
            return self._url
        millis = round((time.time() + self._clock_ahead) * 1000)
        parts = urlsplit(self._url)
        kept = [(key, value) for key, value in parse_qsl(parts.query) if key not in ("timestamp", "sign")]
        signed = [*kept, ("timestamp", str(millis)), ("sign", signature(self._secret, millis))]
        return urlunsplit(parts._replace(query=urlencode(signed, quote_via=quote)))


def signature(secret: str, millis: int) -> str:
    """DingTalk's signature for a request made at `millis` since 1970, before URL encoding."""
    digest = hmac.new(secret.encode(), f"{millis}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _encoded(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")


def _refusal(answered: http.Reply) -> _Refusal | None:
    """None when the robot has accepted the message: a JSON object in which errcode is present and 0."""
    try:
        answer: dict[str, Any] | None = json.loads(answered.body)
    except (ValueError, RecursionError):  # "[" a thousand times
        answer = None
    code = answer.get("errcode") if isinstance(answer, dict) else None
    if isinstance(code, bool) or not isinstance(code, int) or abs(code) > _CODES:
        return _Refusal(
            None, f"no answer of a DingTalk robot, but HTTP {answered.status}: is the URL right, is there a proxy?"
        )
    assert isinstance(answer, dict)
    said = answer.get("errmsg", "")
    return None if code == 0 else _Refusal(code, said if isinstance(said, str) else "", answered.headers.get("Date"))


def _meaning(refusal: _Refusal, *, signed: bool) -> str:
    """Which of `_REFUSAL_HINTS` a 310000 stands for; empty if none, or if it is another code."""
    if refusal.code != _REFUSED:
        return ""
    found = next((kind for kind, words in _REFUSALS if re.search(words, refusal.reason, re.IGNORECASE)), "")
    return "unsigned" if found in ("signature", "clock") and not signed else found


def _advice(refusal: _Refusal, secrets: Sequence[str], *, signed: bool) -> str:
    """What to do, and what the robot said. Whoever stands in its place may say anything."""
    if refusal.code is None:
        return refusal.reason
    hint = _THROTTLED.get(refusal.code) or _FINAL.get(refusal.code)
    hint = hint or _REFUSAL_HINTS.get(_meaning(refusal, signed=signed), "it refused the message")
    return f"DingTalk {refusal.code}: {hint} ({reply(refusal.reason, _SAID, secrets)})"


def _ahead(date: str | None) -> float:
    """Seconds that the server's clock is ahead; 0 when it does not say."""
    at = http.date(date or "")
    return 0.0 if at is None else at - time.time()
