"""DingTalk's custom robots.

Their contract, from DingTalk's pages: POST to ``/robot/send?access_token=T``; at most 20 messages a minute per robot;
20,000 bytes a request; refusals come with HTTP 200; a repeat with the same ``msgUuid`` is dropped.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from twinkle_notifier import foreign
from twinkle_notifier.base import Notifier
from twinkle_notifier.channels import http, markdown
from twinkle_notifier.credentials import REDACTED, Held, is_reference, mask, resolve, secrets_in_url
from twinkle_notifier.errors import ArgumentError, CredentialError, DeliveryError, NotifierError
from twinkle_notifier.rate import Rate

_HOSTS = ("oapi.dingtalk.com", "oapi.dingtalk.io")
_PATH = "/robot/send"
_TITLE = 64  # characters
_BODY = 18_000  # bytes of a request; DingTalk takes 20,000
_BUSY_RETRIES = 3
_PER_MINUTE = 18  # messages; DingTalk takes 20, and a retry may count
_PENALTY = 600.0  # seconds that a robot which was sent more takes none

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
_REFUSAL_HINTS = (
    (r"keyword|关键词", "the robot wants one of its keywords in the message: name the run so that it holds one"),
    (r"timestamp|时间戳", "the clocks are apart: set this machine's clock"),
    (r"sign|签名", "the signature is wrong: give the robot's own secret (SEC...) as `secret`"),
    (r"\bip\b|白名单", "the robot takes messages from listed addresses only: add this machine's"),
)


class DingNotifier(Notifier):
    """Sends messages to a DingTalk (钉钉) custom robot, as Markdown.

    Args:
        ding_url: the robot's webhook URL with its access token.
        secret: the signing secret (``SEC...``) of a robot in signed mode.
        timeout: seconds for one HTTP request.
        insecure: let ``http://`` lead to another machine, where anyone on the way can read the token.

    `ding_url` and `secret` may be references, ``env:NAME`` or ``file:PATH``: they are looked up at each message, and
    `to_dict`, checkpoints, pickles and `repr` hold the reference alone. Literal ones are ``***`` in a pickle, except in
    that which `multiprocessing` hands to a child it starts; copies keep them.

    Raises:
        ValueError: an argument that cannot work. The text names the argument and shows no token.
    """

    def __init__(
        self, ding_url: str, secret: str | None = None, timeout: float = 5.0, *, insecure: bool = False
    ) -> None:
        self.insecure = _checked_insecure(insecure)
        self._ding_url = Held(_checked_url(ding_url, insecure))
        checked = _checked_secret(secret)
        self._secret = None if checked is None else Held(checked)
        self.timeout = _checked_timeout(timeout)

    @property
    def ding_url(self) -> str:
        """The webhook URL, or the reference to it, as it was given."""
        return self._ding_url.value

    @property
    def secret(self) -> str | None:
        """The signing secret, or the reference to it, as it was given."""
        return self._secret.value if self._secret else None

    @staticmethod
    def serves(url: str) -> bool:
        """Whether `url` is the webhook of a DingTalk robot (or of a local one, see `twinkle_notifier.inbox`)."""
        try:
            parts = urlsplit(url)
        except ValueError:  # no URL at all
            return False
        return parts.scheme in ("http", "https") and (parts.hostname in _HOSTS or parts.path == _PATH)

    def __call__(self, message: str) -> None:
        """Send `message`; return when the robot has said ``errcode`` 0, and nothing else counts as success.

        The chat's preview shows its first heading. What DingTalk cannot show on a phone (code blocks) becomes
        quotations, and what is over its limit of 20,000 bytes loses its middle.

        Raises:
            DeliveryError: the robot has not accepted it, and what to do about it.
            CredentialError: a reference leads nowhere, or a pickle has taken a secret out.

        The traceback of these ends here: the frames below hold the token.
        """
        try:
            self._send(message)
            return
        except NotifierError as error:
            failed = error
        try:  # not within the except block: the frames with the token would hang on as __context__
            raise failed.with_traceback(None) from None
        finally:
            del failed

    def _send(self, message: str) -> None:
        if not message.strip():
            raise ArgumentError("the message is empty: DingTalk takes none")
        if REDACTED in (self.ding_url, self.secret):
            raise CredentialError(
                "this DingNotifier was unpickled, and pickles hold no secrets: give references such as 'env:DING_URL', "
                "which stay, as its ding_url and secret"
            )
        secret = resolve(self.secret) if self.secret else None
        _Send(_checked_url(resolve(self.ding_url), self.insecure), secret, self.timeout, message).run()

    def to_dict(self) -> dict[str, Any]:
        """See `Notifier`."""
        data = {"class": "DingNotifier", "ding_url": self.ding_url, "secret": self.secret, "timeout": self.timeout}
        return {**data, "insecure": True} if self.insecure else data

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> DingNotifier:
        insecure = data.get("insecure", False)
        return cls(data["ding_url"], data.get("secret"), data.get("timeout", 5.0), insecure=insecure)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.to_dict() == self.to_dict()

    def __hash__(self) -> int:
        return hash((self.ding_url, self.secret, self.timeout))

    def __repr__(self) -> str:
        secret = self.secret if self.secret is None or is_reference(self.secret) else "***"
        url = mask(self.ding_url, () if is_reference(self.ding_url) else secrets_in_url(self.ding_url))
        insecure = ", insecure=True" if self.insecure else ""
        return f"{type(self).__name__}(ding_url={url!r}, secret={secret!r}, timeout={self.timeout:g}{insecure})"


def _checked_url(url: object, insecure: bool) -> str:
    if not isinstance(url, str) or not url.strip():
        raise ArgumentError(
            "ding_url is empty: give the robot's webhook URL, or a reference to it such as 'env:DING_URL'"
        )
    url = url.strip()
    if is_reference(url):
        return url
    try:
        parts = urlsplit(url)
        if "[" in parts.netloc:
            from ipaddress import IPv6Address

            IPv6Address(parts.hostname or "")  # before Python 3.11 urlsplit lets anything stand in the brackets
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False  # the error would show the URL
    if not usable:
        raise ArgumentError(
            "ding_url is no http(s) URL: copy the robot's webhook URL, https://oapi.dingtalk.com/robot/..."
        )
    if parts.scheme == "http" and not insecure and not _is_here(parts.hostname or ""):
        raise ArgumentError(
            "ding_url is http:// to another machine, and anyone on the way could read its token: use https://, or "
            "insist with insecure=True"
        )
    return url


def _is_here(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # another name
        return False


def _checked_insecure(insecure: object) -> bool:
    if not isinstance(insecure, bool):
        raise ArgumentError(f"insecure is {insecure!r}: give True or False")
    return insecure


def _checked_secret(secret: object) -> str | None:
    if secret is None or secret == "":
        return None  # an unsigned robot; "" is what an unset setting gives
    if not isinstance(secret, str):
        raise ArgumentError(
            "secret is no text: give the robot's signing secret, or a reference such as 'env:DING_SECRET'"
        )
    return secret.strip()


def _checked_timeout(timeout: object) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):
        raise ArgumentError(f"timeout is {timeout!r}: give the seconds for one request, more than 0")
    return timeout


@dataclass(frozen=True)
class _Refusal:
    code: int | None
    reason: str
    date: str | None = None


class _Send:
    """One message, and what is changed about it from one try to the next. Each change is made once."""

    def __init__(self, url: str, secret: str | None, timeout: float, message: str) -> None:
        self._url, self._secret, self._timeout, self._message = url, secret, timeout, message
        self._uuid = getattr(message, "id", None) or uuid.uuid4().hex
        self._clock_ahead = 0.0  # seconds that the server's clock is ahead of ours
        self._limit = _BODY
        self._plain = False
        self._busy = 0

    def run(self) -> None:
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
                elsewhere = throttled or refusal.code in (None, _BUSY) or _is_of_this_machine(refusal)
                raise DeliveryError(
                    mask(f"DingTalk {refusal.code}: {_advice(refusal)}", self._secrets()),
                    fate="throttled" if throttled else "failed",
                    final=not elsewhere,
                    code=refusal.code,
                    retry_after=_PENALTY if throttled else None,
                )

    def _try(self) -> _Refusal | None:
        reply = http.post(
            self._signed_url(), self._body(), timeout=self._timeout, secrets=self._secrets(), repeatable=True
        )
        return _refusal(reply)

    def _mended(self, refusal: _Refusal) -> bool:
        """Whether another try can fare better."""
        if refusal.code == _BUSY and self._busy < _BUSY_RETRIES:
            self._busy += 1
            pause = random.uniform(0.1, 0.3) * 2**self._busy
            if pause > foreign.left():
                return False
            time.sleep(pause)
            return True
        if refusal.code in _TOO_LONG and self._limit == _BODY:
            self._limit //= 2
            return True
        if refusal.code in _UNSAFE and not self._plain:
            self._plain = True
            return True
        if refusal.code == _REFUSED and re.search("timestamp|时间戳", refusal.reason) and not self._clock_ahead:
            self._clock_ahead = _ahead(refusal.date)
            return bool(self._clock_ahead)
        return False

    def _body(self) -> bytes:
        """The request as UTF-8, not escaped, within the limit."""
        message = mask(self._message, self._secrets())
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

    def _secrets(self) -> list[str]:
        return [*secrets_in_url(self._url), *([self._secret] if self._secret else [])]


def signature(secret: str, millis: int) -> str:
    """DingTalk's signature for a request made at `millis` since 1970, before URL encoding."""
    digest = hmac.new(secret.encode(), f"{millis}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _encoded(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")


def _refusal(reply: http.Reply) -> _Refusal | None:
    """None when the robot has accepted the message: a JSON object in which errcode is present and 0."""
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):  # "[" a thousand times
        answer = None
    code = answer.get("errcode") if isinstance(answer, dict) else None
    if isinstance(code, bool) or not isinstance(code, int):
        return _Refusal(
            None, f"HTTP {reply.status}, and no answer of a DingTalk robot: is the URL right, is there a proxy?"
        )
    assert isinstance(answer, dict)
    return None if code == 0 else _Refusal(code, str(answer.get("errmsg", "")), reply.headers.get("Date"))


def _is_of_this_machine(refusal: _Refusal) -> bool:
    """Whether another machine's address or clock may fare better."""
    words = r"timestamp|时间戳|\bip\b|白名单"
    return refusal.code == _REFUSED and re.search(words, refusal.reason, re.IGNORECASE) is not None


def _advice(refusal: _Refusal) -> str:
    said = f" ({refusal.reason[:300]})" if refusal.code is not None else refusal.reason
    hint = _THROTTLED.get(refusal.code or 0) or _FINAL.get(refusal.code or 0, "")
    if refusal.code == _REFUSED:
        hint = next((hint for word, hint in _REFUSAL_HINTS if re.search(word, refusal.reason, re.IGNORECASE)), "")
    return (hint or ("it refused the message" if refusal.code is not None else "")) + said


def _ahead(date: str | None) -> float:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date or "").timestamp() - time.time()
    except ValueError:
        return 0.0
