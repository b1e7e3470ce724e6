"""What the local robots of all services have in common: a rate, scripted answers, and what they have accepted."""

from __future__ import annotations

import hmac
import json
import math
import re
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Literal, TypeVar

_MINUTE, _SECOND = 60.0, 1.0
_KEPT = 10_000  # messages

T = TypeVar("T")
Answer = dict[str, Any]
Json = dict[str, Any] | list[Any] | str | bool | float | None  # what may have come
Result = Literal["accepted", "repeated", "refused"]  # a repeat is accepted, and shown to nobody


@dataclass(frozen=True)
class Request:
    """A POST, as it came."""

    path: str
    query: Mapping[str, str]
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Response:
    """What a robot answers: a status, and a JSON object or a word."""

    content: Answer | str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Received:
    """A message that a robot has accepted.

    `payload`: the whole of it, as it came. `mentioned`: whom it calls, as the service writes them.
    """

    kind: str
    title: str
    text: str
    msg_uuid: str
    size: int
    at: float
    service: str = "DingTalk"
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    mentioned: tuple[str, ...] = ()


class Running:
    """What a user gets of a robot that listens on the loopback, from construction until `close`."""

    _robot: Robot

    @property
    def messages(self) -> list[Received]:
        """What was accepted, in order, each message once."""
        return list(self._robot.messages)

    @property
    def repeats(self) -> int:
        """The number of requests that repeated an accepted message's ``msgUuid``, and were dropped for it."""
        return self._robot.repeats

    def close(self) -> None:
        """Stop listening."""
        raise NotImplementedError

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, _type: object, _exc: BaseException | None, _traceback: TracebackType | None) -> None:
        self.close()


def _keep_nothing(robot: Robot, request: Request, response: Response, result: Result) -> None:
    """For a robot without a page."""


class Robot(ABC):
    """One robot of one service: its security settings, its rate, and what it has accepted.

    Args:
        token: what a request must name.
        secret: the signing secret, for signed mode.
        keywords: one of them must be in each message, if there are any.
        rate: messages a minute; None for the service's own rate.
        penalty: seconds for which it refuses all after one more than that; None for the service's own.
    """

    service: ClassVar[str]
    path: ClassVar[str]  # of its URL; what ends with a slash is followed by the token
    scheme: ClassVar[str] = "http"  # of the URL that a notifier takes; empty where none leads here
    own_rate: ClassVar[int]
    own_penalty: ClassVar[float]
    per_second: ClassVar[int] = 0  # 0: as many as in a minute
    without_post: ClassVar[Response]  # what it answers to a GET

    def __init__(
        self,
        token: str,
        secret: str | None = None,
        keywords: Sequence[str] = (),
        rate: int | None = None,
        penalty: float | None = None,
    ) -> None:
        self.token: str = token
        self.secret: str | None = secret
        self.keywords: tuple[str, ...] = tuple(keywords)
        self.rate: int = self.own_rate if rate is None else rate
        self.penalty: float = self.own_penalty if penalty is None else penalty
        self.messages: list[Received] = []
        self.most_bytes: float = math.inf  # of the requests whose messages are kept
        self.requests: int = 0
        self.repeats: int = 0
        self.clock: Callable[[], float] = time.time  # the service's, by which it judges a signature
        self.on_answer: Callable[[Robot, Request, Response, Result], object] = _keep_nothing
        self._scripted: deque[Answer | Response] = deque()
        self._accepted: deque[float] = deque()
        self._bytes = 0
        self._closed_until = 0.0
        self._lock = threading.Lock()

    @property
    @abstractmethod
    def webhook(self) -> str:
        """Path and query of its webhook URL."""

    @abstractmethod
    def refusal(self, request: Request) -> Response | None:
        """What the service answers to a request that breaks its rules; None if it breaks none."""

    @abstractmethod
    def received(self, payload: dict[str, Any], request: Request) -> Received:
        """The message in an accepted request."""

    @abstractmethod
    def accepted(self) -> Response:
        """What the service says of a message that it accepts."""

    @abstractmethod
    def too_fast(self) -> Response:
        """What the service says of one message too many."""

    def serves(self, path: str) -> bool:
        """Whether a request to `path` is for this robot."""
        return path.startswith(self.path) if self.path.endswith("/") else path == self.path

    def script(self, *answers: Answer | Response) -> None:
        """Give these answers to the next requests, whatever they hold."""
        self._scripted.extend(answers)

    def answer(self, request: Request) -> Response:
        """What the service would answer; an accepted message is kept, the newest 10,000 within `most_bytes` are."""
        with self._lock:
            self.requests += 1
            response, result = self._answered(request)
            self.on_answer(self, request, response, result)
            return response

    def _answered(self, request: Request) -> tuple[Response, Result]:
        if self._scripted:
            scripted = self._scripted.popleft()
            response = scripted if isinstance(scripted, Response) else Response(scripted)
            return response, "accepted" if response == self.accepted() else "refused"
        refusal = self.refusal(request) or self._over_the_rate()
        return (refusal, "refused") if refusal else (self.accepted(), self._keep(request))

    def _over_the_rate(self) -> Response | None:
        now = time.monotonic()
        while self._accepted and now - self._accepted[0] > _MINUTE:
            self._accepted.popleft()
        in_a_second = sum(now - at < _SECOND for at in self._accepted)
        if now >= self._closed_until and (len(self._accepted) >= self.rate or 0 < self.per_second <= in_a_second):
            self._closed_until = now + self.penalty
        return self.too_fast() if now < self._closed_until else None

    def _keep(self, request: Request) -> Result:
        message = self.received(json.loads(request.body), request)
        if message.msg_uuid and any(other.msg_uuid == message.msg_uuid for other in self.messages):
            self.repeats += 1
            return "repeated"
        self._accepted.append(time.monotonic())
        self.messages.append(message)
        self._bytes += message.size
        while self.messages and (len(self.messages) > _KEPT or self._bytes > self.most_bytes):
            self._bytes -= self.messages.pop(0).size
        return "accepted"


def same(given: str, right: str) -> bool:
    """Whether a secret is right, in the same time whatever was given."""
    return hmac.compare_digest(*(text.encode("utf-8", "backslashreplace") for text in (given, right)))


def number(digits: str) -> int | None:
    """The number that these digits write; None if they write none, or one that no clock shows."""
    return int(digits) if re.fullmatch("[0-9]{1,15}", digits) else None


def object_of(body: bytes) -> dict[str, Any] | None:
    """The JSON object in `body`, which is UTF-8; None for anything else."""
    try:
        payload: Json = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def inside(value: Json, *keys: str) -> Json:
    """What stands in `value` under the first of `keys`, in that under the next, and so on; None if nothing does."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def is_json(content_type: str) -> bool:
    """Whether a request says that it is JSON."""
    return content_type.partition(";")[0].strip() == "application/json"
