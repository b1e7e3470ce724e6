"""DingTalk's custom robots.

Their contract, from DingTalk's pages: POST to ``/robot/send?access_token=T``; at most 20 messages a minute per robot;
20,000 bytes a request; refusals come with HTTP 200; a repeat with the same ``msgUuid`` is dropped.
"""

from __future__ import annotations

from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.channels import connection
from twinkle_notifier.channels.dingtalk import robot
from twinkle_notifier.channels.dingtalk import url as ding_url
from twinkle_notifier.credentials.references import REDACTED, Secret, is_reference, resolve
from twinkle_notifier.errors import ArgumentError, CredentialError, NotifierError
from twinkle_notifier.messages.message import as_text
from twinkle_notifier.notifier import Notifier

_LOOK_UP = 2.0  # seconds for a file
_SHORTEST, _LONGEST = 1.0, 60.0  # seconds that a checkpoint may give a request


class DingNotifier(Notifier):
    """Sends messages to a DingTalk (钉钉) custom robot, as Markdown.

    Args:
        ding_url: the robot's webhook URL with its access token. ``&secret=SEC...`` may be appended to it; that part is
            taken for `secret`, unless that is given, too, and is no part of the URL.
        secret: the signing secret (``SEC...``) of a robot in signed mode.
        timeout: seconds for one HTTP request.
        insecure: let ``http://`` lead to another machine, where anyone on the way can read the token.

    `ding_url` and `secret` may be references, ``env:NAME`` or ``file:PATH``: they are looked up at each message, and
    `to_dict`, checkpoints, pickles and `repr` hold the reference alone. Literal ones are ``***`` in a pickle, unless
    `multiprocessing` hands it to a child that it starts; copies keep them.

    Raises:
        ValueError: an argument that cannot work. The text names the argument and shows no token.
    """

    service_name = "DingTalk"
    reference_fields = ("ding_url", "secret")
    _ends_in_time = True  # by `isolation.remaining`, so that it needs no thread to be called in

    def __init__(
        self, ding_url: str, secret: str | None = None, timeout: float = 5.0, *, insecure: bool = False
    ) -> None:
        connection.ready()
        self.insecure: bool = _checked_insecure(insecure)
        url, appended = _parted(_checked_url(ding_url, insecure))
        self._ding_url = Secret(url)
        checked = _checked_secret(secret) or appended
        self._secret = None if checked is None else Secret(checked)
        self.timeout: float = _checked_timeout(timeout)

    @property
    def ding_url(self) -> str:
        """The webhook URL without a secret, or the reference to it, as it was given."""
        return self._ding_url.value

    @property
    def secret(self) -> str | None:
        """The signing secret, or the reference to it, as it was given; None if only a reference's URL holds it."""
        return self._secret.value if self._secret else None

    @staticmethod
    def serves(url: str) -> bool:
        """Whether `url` is the webhook of a DingTalk robot (or of a local one, see `twinkle_notifier.inbox`)."""
        return ding_url.serves(url)

    def __call__(self, message: str) -> None:
        """Send `message`; return when the robot has said ``errcode`` 0, and nothing else counts as success.

        What is no text is sent as ``str(message)``.
        The chat's preview shows its first heading. What DingTalk cannot show on a phone (code blocks) becomes
        quotations, and what is over its limit of 20,000 bytes loses its middle.

        Raises:
            DeliveryError: the robot has not accepted it, and what to do about it.
            CredentialError: a reference leads nowhere, or a pickle has taken a secret out.

        The traceback of these ends here: the frames below hold the token.
        """
        try:
            self._send(as_text(message))
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
        url, secret = self._looked_up()
        robot.Send(url, secret, self.timeout, message).run()

    def check_setup(self) -> None:
        """See `Notifier`."""
        ding_url.check_service(self._looked_up()[0])

    def _looked_up(self) -> tuple[str, str | None]:
        """The webhook URL and the secret, where they are references: what those lead to."""
        if REDACTED in (self.ding_url, self.secret):
            raise CredentialError(
                "this DingNotifier was unpickled, and pickles hold no secrets: give references such as 'env:DING_URL', "
                "which stay, as its ding_url and secret"
            )
        secret = _looked_up(self.secret) if self.secret else None
        if not is_reference(self.ding_url):  # it was checked when it was given
            return self.ding_url, secret
        url, appended = _parted(_checked_url(_looked_up(self.ding_url), self.insecure))
        return url, secret or appended

    def to_dict(self) -> dict[str, Any]:
        """See `Notifier`."""
        data = {"class": "DingNotifier", "ding_url": self.ding_url, "secret": self.secret, "timeout": self.timeout}
        return {**data, "insecure": True} if self.insecure else data

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> DingNotifier:
        insecure = data.get("insecure", False)
        return cls(data["ding_url"], data.get("secret"), _seconds(data.get("timeout", 5.0)), insecure=insecure)

    @classmethod
    def _taken_from_checkpoint(cls, data: dict[str, Any]) -> dict[str, Any]:
        """No plain http, no URL that cannot be a robot's, and a time-out in which a message can be sent."""
        timeout = _seconds(data.get("timeout", 5.0))
        bounded = min(max(timeout, _SHORTEST), _LONGEST) if type(timeout) in (int, float) else timeout
        taken = {**data, "timeout": bounded}
        if taken.pop("insecure", False) is True:
            raise ArgumentError("it is insecure=True, and only who starts the run may say that")
        url = _checked_url(data.get("ding_url"), insecure=False)
        _checked_url(_looked_up(url), insecure=False)
        return taken

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        connection.ready()  # a spawned rank gets its notifier by a pickle

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.to_dict() == self.to_dict()

    def __hash__(self) -> int:
        return hash((self.ding_url, self.secret, self.timeout))

    def __repr__(self) -> str:
        secret = self.secret if self.secret is None or is_reference(self.secret) else "***"
        url = self.ding_url if is_reference(self.ding_url) else robot.shown(self.ding_url)
        insecure = ", insecure=True" if self.insecure else ""
        return f"{type(self).__name__}(ding_url={url!r}, secret={secret!r}, timeout={self.timeout:g}{insecure})"


def _looked_up(value: str) -> str:
    """What `value` stands for. Raises CredentialError, also when a file's disk gives no answer."""
    if not value.startswith("file:"):
        return resolve(value)
    try:
        return isolation.call(lambda: resolve(value), _LOOK_UP).result()
    except TimeoutError:
        raise CredentialError(f"{value} cannot be read within {_LOOK_UP:g} s: is its disk there?") from None


def _parted(url: str) -> tuple[str, str | None]:
    """The URL, or the reference to it, and the secret that was appended to it; None if there is none."""
    if is_reference(url):
        return url, None
    url, secret = ding_url.parted(url)
    if secret is not None and is_reference(secret):
        raise ArgumentError("the secret in ding_url is a reference: give a reference as `secret`")
    return url, _checked_secret(secret)


def _seconds(timeout: Any) -> Any:
    """A time-out as a dict holds it: twinkle-kit's `to_dict` writes a text, ``"5.0"``."""
    if not isinstance(timeout, str):
        return timeout
    try:
        return float(timeout)
    except ValueError:
        return timeout  # `_checked_timeout` says so


def _checked_url(url: object, insecure: bool) -> str:
    if not isinstance(url, str) or not url.strip():
        raise ArgumentError(
            "ding_url is empty: give the robot's webhook URL, or a reference to it such as 'env:DING_URL'"
        )
    url = url.strip()
    if not is_reference(url):
        ding_url.check(url, insecure)
    return url


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
