"""A notifier that posts to a webhook: its arguments, references to secrets, dicts, pickles, and what may be shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv6Address
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit, urlunsplit

from twinkle_notifier import isolation
from twinkle_notifier.channels import connection
from twinkle_notifier.channels.http import is_here
from twinkle_notifier.channels.robot import Robot
from twinkle_notifier.credentials.references import REDACTED, Secret, is_reference, resolve
from twinkle_notifier.errors import ArgumentError, CredentialError, NotifierError
from twinkle_notifier.isolation.safe import is_list, is_tuple, type_name
from twinkle_notifier.messages.message import Level, as_text
from twinkle_notifier.notifier import Notifier, checked_level

_LOOK_UP = 2.0  # seconds for a file
_MENTIONS = 50  # DingTalk takes no more
_OPTIONAL = ("mentions", "insecure", "min_level")  # left out of a dict where they are empty
_SHORTEST, _LONGEST = 1.0, 60.0  # seconds that a checkpoint may give a request


class WebhookNotifier(Notifier, abstract=True):
    """Sends messages to a robot behind a webhook URL. A subclass names the service; see `DingNotifier`."""

    ends_in_time = True

    _class: ClassVar[str]  # that `to_dict` names, also in a subclass of a user's own
    _fields: ClassVar[tuple[str, ...]]  # the arguments, as a dict holds them; the first is the URL
    _robot: ClassVar[type[Robot]]
    mentions: tuple[str, ...] = ()

    def __init__(
        self,
        webhook_url: str,
        secret: str | None = None,
        timeout: float = 5.0,
        mentions: Sequence[str] = (),
        *,
        insecure: bool = False,
        min_level: Level | None = None,
    ) -> None:
        connection.ready()
        self.insecure: bool = checked_insecure(insecure)
        url, appended = self._parted(self._checked_url(webhook_url, insecure))
        setattr(self, f"_{self._fields[0]}", Secret(url))  # a name that pickles hold
        checked = self._checked_secret(secret) or appended
        self._secret = None if checked is None else Secret(checked)
        self.timeout: float = checked_timeout(timeout)
        if called := self._checked_mentions(mentions):
            self.mentions = called
        if (lowest := checked_level(min_level)) is not None:
            self.min_level: Level | None = lowest

    @property
    def webhook_url(self) -> str:
        """The webhook URL without a secret, or the reference to it, as it was given."""
        return self._url

    @property
    def _url(self) -> str:
        given: Secret = getattr(self, f"_{self._fields[0]}")
        return given.value

    @property
    def secret(self) -> str | None:
        """The signing secret, or the reference to it, as it was given; None if only a reference's URL holds it."""
        return self._secret.value if self._secret else None

    @classmethod
    def serves(cls, url: str) -> bool:
        """Whether `url` is a webhook of this service (or of a local robot, see `twinkle_notifier.inbox`)."""
        return cls._robot.serves(url)

    @classmethod
    def calls_people(cls) -> bool:
        """Whether it takes `mentions`."""
        return "mentions" in cls._fields

    @classmethod
    def can_call(cls, mention: str) -> bool:
        """Whether the service can call `mention`, an entry of `mentions`."""
        return cls._robot.mention.fullmatch(mention.strip().removeprefix("@")) is not None

    def __call__(self, message: str) -> str | None:
        """Send `message`; return when the service has said in its own words that it has it.

        What is no text is sent as ``str(message)``. Returns the message's id, where the service says one.

        Raises:
            DeliveryError: the robot has not accepted it, and what to do about it.
            CredentialError: a reference leads nowhere, or a pickle has left a secret out.

        The traceback of these errors ends here: the frames below hold the token.
        """
        return self._shielded(lambda: self._send(as_text(message)))

    def _shielded(self, send: Callable[[], str | None]) -> str | None:
        try:
            return send()
        except NotifierError as error:
            failed = error
        try:  # outside the except block: there the frames with the token would stay as __context__
            raise failed.with_traceback(None) from None
        finally:
            del failed

    def _send(self, message: str, edits: str = "") -> str | None:
        if not message.strip():
            raise ArgumentError(f"the message is empty: {self._robot.service} takes none")
        url, secret = self._looked_up()
        return self._robot(url, secret, self.timeout, self.mentions).send(message, edits)

    def check_setup(self) -> None:
        """See `Notifier`."""
        name, robot, url = self._fields[0], self._robot, self._looked_up()[0]
        if not robot.serves(url):
            host = urlsplit(url).hostname or "nowhere"
            copy = f"Copy the robot's webhook URL, {robot.example}"
            raise ArgumentError(f"{name} leads to {host}: is it a {robot.service} robot's? {copy}")
        if missing := robot.missing(url):
            raise ArgumentError(f"{name} is cut short: it names no {missing}. Copy the robot's whole webhook URL")

    def _looked_up(self) -> tuple[str, str | None]:
        """The webhook URL and the secret; for references, what they lead to."""
        name = self._fields[0]
        if REDACTED in (self._url, self.secret):
            raise CredentialError(
                f"this {self._class} was unpickled, and pickles hold no secrets: give references such as "
                f"{_reference(name)}, which stay, as its {name} and secret"
            )
        secret = looked_up(self.secret) if self.secret else None
        if not is_reference(self._url):  # it was checked when it was given
            return self._url, secret
        url, appended = self._parted(self._checked_url(looked_up(self._url), self.insecure))
        return url, secret or appended

    def to_dict(self) -> dict[str, Any]:
        """See `Notifier`."""
        url, *others = self._fields
        given = {
            **{name: getattr(self, name) for name in others},
            "mentions": [*self.mentions],
            "min_level": self.min_level,
        }
        shown = {name: value for name, value in given.items() if value or name not in _OPTIONAL}
        return {"class": self._class, url: self._url, **shown}

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
        url, *others = cls._fields
        arguments = {name: data[name] for name in (*others, "min_level") if name in data}
        return cls(
            data[url], **arguments | {"timeout": _seconds(data.get("timeout", 5.0))}
        )  # a subclass may call it else

    @classmethod
    def taken_from_checkpoint(cls, data: dict[str, Any]) -> dict[str, Any]:
        """No plain http to another machine, no URL that cannot be a robot's, and a time-out of 1 to 60 seconds."""
        timeout = _seconds(data.get("timeout", 5.0))
        bounded = min(max(timeout, _SHORTEST), _LONGEST) if type(timeout) in (int, float) else timeout
        taken = {**data, "timeout": bounded}
        if taken.pop("insecure", False) is True:
            raise ArgumentError("it is insecure=True, and only who starts the run may say that")
        url = cls._checked_url(data.get(cls._fields[0]), insecure=False)
        cls._checked_url(looked_up(url), insecure=False)
        return taken

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        connection.ready()  # a spawned rank gets its notifier by a pickle

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.to_dict() == self.to_dict()

    def __hash__(self) -> int:
        return hash((self._url, self.secret, self.timeout))

    def __repr__(self) -> str:
        url = self._url if is_reference(self._url) else self._robot.shown(self._url)
        secret = self.secret if self.secret is None or is_reference(self.secret) else "***"
        given = [f"{self._fields[0]}={url!r}", *([f"secret={secret!r}"] if "secret" in self._fields else [])]
        given += [f"timeout={self.timeout:g}", *([f"mentions={self.mentions!r}"] if self.mentions else [])]
        given += ["insecure=True"] if self.insecure else []
        given += [f"min_level={self.min_level!r}"] if self.min_level else []
        return f"{type(self).__name__}({', '.join(given)})"

    @classmethod
    def _checked_url(cls, url: object, insecure: bool) -> str:
        """`url` without white space around it. Raises ArgumentError if it can be neither a reference nor a robot's."""
        name = cls._fields[0]
        given = checked_text(
            name, url, f"give the robot's webhook URL, or a reference to it such as {_reference(name)}"
        )
        url = given.strip()
        if is_reference(url):
            return url
        scheme, host = _scheme_and_host(url)
        if scheme not in ("http", "https") or not host:
            folder = cls._robot.example.rpartition("/")[0]
            raise ArgumentError(
                f"{name} is no http(s) URL: copy the robot's webhook URL, {folder}/..., or name a variable as env:NAME"
            )
        if scheme == "http" and not insecure and not is_here(host):
            raise ArgumentError(
                f"{name} is http:// to another machine, and anyone on the way could read its token: use https://, or "
                "insist with insecure=True"
            )
        return url

    @classmethod
    def _parted(cls, url: str) -> tuple[str, str | None]:
        """The URL, or the reference to it, and the secret that was appended to it; None if there is none.

        The rest of the URL stays as it is, to the letter.
        """
        if is_reference(url):
            return url, None
        parts = urlsplit(url)
        fields = [field.partition("=") for field in parts.query.split("&")]
        secrets = [unquote(value) for name, _, value in fields if name == "secret"]
        kept = [field for field in fields if field[0] not in ("secret", "mention")]  # these are ours, and never sent
        if kept != fields:
            url = urlunsplit(parts._replace(query="&".join(map("".join, kept))))
        if not secrets:
            return url, None
        secret = next((secret for secret in secrets if secret), None)
        if secret is not None and is_reference(secret):
            raise ArgumentError(f"the secret in {cls._fields[0]} is a reference: give a reference as `secret`")
        return url, cls._checked_secret(secret)

    @classmethod
    def _checked_mentions(cls, mentions: object) -> tuple[str, ...]:
        if not (is_list(mentions) or is_tuple(mentions)) or len(mentions) > _MENTIONS:
            raise ArgumentError(f"mentions is no tuple of up to {_MENTIONS} texts: {cls._robot.mention_help}")
        return tuple(cls._checked_mention(number, mention) for number, mention in enumerate(mentions))

    @classmethod
    def _checked_mention(cls, number: int, mention: object) -> str:
        robot = cls._robot
        if not isinstance(mention, str) or not cls.can_call(mention):
            raise ArgumentError(f"mentions[{number}] is nobody whom {robot.service} can call: {robot.mention_help}")
        return mention.strip()

    @classmethod
    def _checked_secret(cls, secret: object) -> str | None:
        if secret is None or (isinstance(secret, str) and not secret.strip()):
            return None  # an unsigned robot; "" is what an unset setting gives
        reference = _reference(cls._fields[0].replace("url", "secret"))
        remedy = f"give the robot's signing secret, or a reference such as {reference}"
        return checked_text("secret", secret, remedy).strip()


def _reference(name: str) -> str:
    """An example of a reference, as people may write it: ``'env:DING_URL'``."""
    return f"'env:{name.upper()}'"


def checked_text(name: str, value: object, remedy: str) -> str:
    """`value`, if it is a text that is not blank. Raises ArgumentError, with the remedy, if it is not."""
    if isinstance(value, str) and value.strip():
        return value
    of_type = type_name(type(value))
    wrong = (
        "is empty"
        if value is None or isinstance(value, str)
        else f"takes text, and was given a value of type {of_type}"
    )
    raise ArgumentError(f"{name} {wrong}: {remedy}")


def looked_up(value: str) -> str:
    """What `value` leads to, if it is a reference. Raises CredentialError, also when a file's disk does not answer."""
    if not value.startswith("file:"):
        return resolve(value)
    try:
        return isolation.call(lambda: resolve(value), _LOOK_UP).result()
    except TimeoutError:
        raise CredentialError(f"{value} cannot be read within {_LOOK_UP:g} s: is its disk there?") from None


def _scheme_and_host(url: str) -> tuple[str, str]:
    """Both are empty if `url` is none. An error would show it."""
    try:
        parts = urlsplit(url)
        if "[" in parts.netloc:
            IPv6Address(parts.hostname or "")  # before Python 3.11 urlsplit checks nothing in the brackets
        return (parts.scheme, parts.hostname or "") if (parts.port or 1) > 0 else ("", "")
    except ValueError:
        return "", ""


def _seconds(timeout: Any) -> Any:
    """A time-out in a dict, as a number: twinkle-kit's `to_dict` writes a text, ``"5.0"``."""
    if not isinstance(timeout, str):
        return timeout
    try:
        return float(timeout)
    except ValueError:
        return timeout  # `checked_timeout` says so


def _shown(value: object) -> str:
    """`value`, if it is a number; a text may be a secret that was given in its place."""
    return repr(value) if type(value) in (int, float, bool, type(None)) else f"a {type_name(type(value))}"


def checked_insecure(insecure: object) -> bool:
    """`insecure`, if it is True or False. Raises ArgumentError if it is not, as "no" would be true."""
    if not isinstance(insecure, bool):
        raise ArgumentError(f"insecure is {_shown(insecure)}: give True or False")
    return insecure


def checked_timeout(timeout: object) -> float:
    """`timeout`, if it is a number of seconds. Raises ArgumentError if it is not."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):
        raise ArgumentError(f"timeout is {_shown(timeout)}: give the seconds for one request, more than 0")
    return timeout
