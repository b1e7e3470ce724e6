"""One message to a chat robot: counted, fitted, signed and sent, and changed once where the robot refuses it.

A service is a subclass of `Robot`, which knows its URL, signature, body, codes and limits: see `dingtalk`.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit, urlunsplit

from twinkle_notifier import isolation
from twinkle_notifier.channels import http
from twinkle_notifier.channels.rate_limit import Rate
from twinkle_notifier.credentials.masking import mask, printable, secrets_in_url
from twinkle_notifier.credentials.references import REDACTED
from twinkle_notifier.errors import DeliveryError
from twinkle_notifier.messages import markdown
from twinkle_notifier.messages.message import Level, is_quiet, level_of, may_call, random_id
from twinkle_notifier.messages.sanitize import reply

_SHORT_WAIT = 1.5  # seconds; a limit by the second is waited for, one by the minute is not
_SAID = 300  # characters of the robot's own words
_CODES = 2**31  # what is beyond it is no code
_PING = 1.5  # seconds; with less left, nobody is mentioned by a request of its own
_LOG = 1.0  # seconds to write a log line
_URGENT = ("error", "warning")
_random = random.SystemRandom()  # that of the program is as it left it, for its checkpoints

log: logging.Logger = logging.getLogger("twinkle_notifier")

# ``final``: the same message is refused until a person mends something. ``throttled``: the robot takes nothing for a
# while. ``busy``: it asks for another try. ``local``: this machine or its network; another may fare better.
Kind = Literal["final", "throttled", "busy", "local"]
# What may help: a body of half the size, `Draft.plain`, or a signature by the robot's own clock.
Change = Literal["shorter", "plainer", "clock"]


NO_ROBOT = "no answer of a {service} robot, but HTTP {status}: is the URL right, is there a proxy?"


class Meaning(NamedTuple):
    """What a refusal means: what a person can do about it, whether it lasts, and what the next try may change."""

    hint: str = "it refused the message"
    kind: Kind = "final"
    change: Change | None = None
    retries: int = 3  # of what is ``busy``


class Refusal(NamedTuple):
    """What a robot answered instead of yes: its code (None: that was no robot), its own words, and their meaning."""

    code: int | None
    said: str
    meaning: Meaning


class Draft(NamedTuple):
    """A message as the next try sends it, without the robot's secrets."""

    text: str
    id: str  # the same for each try of a message; a service may drop repeats by it
    limit: int  # bytes of the body
    level: Level = "info"
    urgent: bool = False  # a failure or a stall
    mentions: tuple[str, ...] = ()  # whom the message calls, without an ``@``
    plain: bool = False  # the robot refused the rich form
    clock_ahead: float | None = None  # seconds that the robot's clock is ahead of ours, where that made it refuse
    busy: int = 0  # tries that met a busy robot
    quiet: bool = False  # no phone need ring
    edits: str = ""  # the id of the message that it changes; empty: it is a new one

    def now(self) -> float:
        """Seconds since 1970 by the robot's clock, as far as that is known."""
        return time.time() + (self.clock_ahead or 0.0)


class Robot(ABC):
    """A robot of one service, behind its webhook URL."""

    service: ClassVar[str]  # as people call it
    hosts: ClassVar[tuple[str, ...]]
    path: ClassVar[str]  # of the URL; what ends with a slash is followed by what grants access
    key: ClassVar[str]  # the field of the URL's query that grants access, or what the end of the path is called
    example: ClassVar[str]  # of a webhook URL
    per_minute: ClassVar[int]  # messages; a little less than the service takes, as a retry may count
    per_second: ClassVar[int] = 0  # messages; 0: as many as in a minute
    penalty: ClassVar[float]  # seconds that a robot which was sent more takes none
    size: ClassVar[int]  # bytes of a body; a little less than the service takes
    drops_repeats: ClassVar[bool]  # whether the service drops a second request with the same `Draft.id`
    mention: ClassVar[re.Pattern[str]] = re.compile("(?!)")  # all of an entry of ``mentions``, without its ``@``
    mention_help: ClassVar[str] = "its robots mention nobody"  # how such an entry is written

    def __init__(self, url: str, secret: str | None, timeout: float, mentions: Sequence[str] = ()) -> None:
        self.url: str = url
        self.secret: str | None = secret
        self._timeout = timeout
        self._mentions = tuple(mention.removeprefix("@") for mention in mentions)
        self._secrets = [*secrets_in_url(url), *([secret] if secret else [])]

    @classmethod
    def serves(cls, url: str) -> bool:
        """Whether `url` is a webhook of this service, or of a local robot that plays it."""
        try:
            parts = urlsplit(url)
        except ValueError:  # no URL at all
            return False
        ours = parts.path.startswith(cls.path) if cls.path.endswith("/") else parts.path == cls.path
        return parts.scheme in ("http", "https") and (parts.hostname in cls.hosts or ours)

    @classmethod
    def missing(cls, url: str) -> str:
        """The part that a URL of this service lacks to grant access, if it was cut short; empty if it has all."""
        parts = urlsplit(url)
        if cls.path.endswith("/"):
            return "" if parts.path.removeprefix(cls.path).strip("/") and parts.path.startswith(cls.path) else cls.key
        return "" if parse_qs(parts.query).get(cls.key) else cls.key

    @classmethod
    def shown(cls, url: str) -> str:
        """`url` without what grants access, and without a user's name and password."""
        parts = urlsplit(mask(url, secrets_in_url(url)))
        user, at, host = parts.netloc.rpartition("@")
        path = parts.path
        if cls.path.endswith("/"):
            path = f"{cls.path if path.startswith(cls.path) else '/'}{REDACTED}"
        return urlunsplit(parts._replace(netloc=f"{REDACTED if user else ''}{at}{host}", path=path))

    def address(self, draft: Draft) -> str:
        """The URL of the next request, with a signature where the service wants it there."""
        return self.url

    @abstractmethod
    def payload(self, text: str, draft: Draft) -> dict[str, Any]:
        """The body of the next request. `text` is as much of the draft's as may fit."""

    @abstractmethod
    def refusal(self, answer: http.Reply) -> Refusal | None:
        """What `answer` refuses; None only if the service has said in its own way that it has the message."""

    def ping(self, draft: Draft) -> dict[str, Any] | None:
        """The body of a second request that calls `Draft.mentions`, for a service whose messages cannot; else None."""
        return None

    def id_in(self, answer: http.Reply) -> str | None:
        """The id of the message in an `answer` that accepts it, for a service that can change messages; else None."""
        return None

    def send(self, message: str, edits: str = "") -> str | None:
        """Return when the robot has accepted `message`, as a new one or as what the message of id `edits` says now.

        Returns its id, if the service says one. Raises DeliveryError if the robot does not accept it.
        """
        spare = self.per_minute // 2 if is_quiet(message) else 0
        rate = Rate(self.url, self.per_minute, self.penalty, self.per_second, spare)
        while wait := rate.take():
            if wait < _SHORT_WAIT and wait + _SHORT_WAIT < isolation.remaining():
                time.sleep(wait)
                continue
            raise DeliveryError(
                f"the robot takes {self.per_minute - spare} messages a minute: the next may go in {wait:.0f} s",
                fate="throttled",
                retry_after=wait,
            )
        key = getattr(message, "id", None) or random_id()
        level = level_of(message)
        urgent = level in _URGENT and may_call(message)
        mentions = self._mentions if urgent else ()
        draft = Draft(printable(mask(message, self._secrets)), key, self.size, level, urgent, mentions)
        draft = draft._replace(quiet=is_quiet(message), edits=edits)
        while (refusal := self.refusal(answer := self._posted_in_rate(draft, rate))) is not None:
            changed = self._changed(draft, refusal.meaning, answer.headers.get("Date", ""))
            if changed is None:
                if refusal.meaning.kind == "throttled":
                    rate.exceeded()
                raise self._error(refusal)
            draft = changed
        if draft.mentions and (ping := self.ping(draft)) is not None:
            self._ping(ping, draft, rate)
        return self.id_in(answer)

    def _ping(self, payload: dict[str, Any], draft: Draft, rate: Rate) -> None:
        """Post `payload`, once. The message has arrived: what fails here is logged, as raising would send it again."""
        if isolation.remaining() < _PING or rate.take():
            why = "there is no time, or no room in the robot's rate"
        else:
            try:
                refusal = self.refusal(self._posted(draft, _encoded(payload)))
                why = "" if refusal is None else self._error(refusal).reason
            except DeliveryError as error:
                why = error.reason
        if why:
            isolation.call(lambda: log.warning("the message was sent, but mentions nobody: %s", why), _LOG)

    def _posted_in_rate(self, draft: Draft, rate: Rate) -> http.Reply:
        try:
            return self._posted(draft, self._body(draft))
        except DeliveryError as error:
            if error.fate == "throttled":  # HTTP 429, whatever the service
                rate.exceeded(error.retry_after)
            raise

    def _posted(self, draft: Draft, body: bytes) -> http.Reply:
        url, repeats = self.address(draft), self.drops_repeats
        return http.post(url, body, timeout=self._timeout, secrets=self._secrets, repeatable=repeats)

    def _body(self, draft: Draft) -> bytes:
        """The request as UTF-8, not escaped, within the limit. Raises DeliveryError if nothing of the text has room."""
        room = min(draft.limit, len(draft.text.encode(errors="replace")))
        while len(body := _encoded(self.payload(markdown.cut(draft.text, room), draft))) > draft.limit:
            # Quotes and newlines take two bytes each in JSON. By a byte at a time it would take seconds.
            room = min(room - room // 32 - 1, room * draft.limit // len(body))
            if room < 0:
                around = f"what goes with the text has more than the {draft.limit} bytes that {self.service} takes"
                raise DeliveryError(around, final=True)
        return body

    def _changed(self, draft: Draft, meaning: Meaning, date: str) -> Draft | None:
        """What to try next; None if nothing else can fare better. Each change is made once."""
        if meaning.kind == "busy" and draft.busy < meaning.retries:
            pause = _random.uniform(0.2, 0.6) * 2**draft.busy
            if pause > isolation.remaining():
                return None
            time.sleep(pause)
            return draft._replace(busy=draft.busy + 1)
        if meaning.change == "shorter" and draft.limit == self.size:
            return draft._replace(limit=draft.limit // 2)
        if meaning.change == "plainer" and not draft.plain:
            return draft._replace(plain=True)
        if meaning.change == "clock" and draft.clock_ahead is None and (at := http.date(date)) is not None:
            return draft._replace(clock_ahead=at - time.time())
        return None

    def _error(self, refusal: Refusal) -> DeliveryError:
        """What to do, and what the robot said: another server in its place may say anything."""
        code, meaning, said = refusal.code, refusal.meaning, reply(refusal.said, _SAID, self._secrets)
        throttled = meaning.kind == "throttled"
        return DeliveryError(
            meaning.hint if code is None else f"{self.service} {code}: {meaning.hint} ({said})",
            fate="throttled" if throttled else "failed",
            final=meaning.kind == "final",
            code=code,
            retry_after=self.penalty if throttled else None,
        )

    def no_robot(self, answer: http.Reply) -> Refusal:
        """What to say of an answer that is none of this service's."""
        hint = NO_ROBOT.format(service=self.service, status=answer.status)
        return Refusal(None, "", Meaning(hint, "local"))


def object_in(answer: http.Reply) -> dict[str, Any]:
    """The JSON object that a service answered; empty for anything else."""
    try:
        found: dict[str, Any] | list[Any] | str | float | None = json.loads(answer.body)
    except (ValueError, RecursionError):  # "[" a thousand times
        return {}
    return found if isinstance(found, dict) else {}


def code_in(found: dict[str, Any], field: str) -> int | None:
    """The number that is the `field` of what a service answered; None if that is no code."""
    code = found.get(field)
    return code if isinstance(code, int) and not isinstance(code, bool) and abs(code) <= _CODES else None


def _encoded(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
