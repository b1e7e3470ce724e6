"""Describes a notifier, which a user may have written: for claims, checkpoints and the disk; and restores it."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from types import FunctionType
from typing import Any, TypeGuard, TypeVar, cast
from urllib.parse import urlsplit

from twinkle_notifier import isolation
from twinkle_notifier.credentials.masking import holds_redacted, in_authority, mask, redact, secrets_in_url
from twinkle_notifier.credentials.references import REDACTED, is_reference, resolve
from twinkle_notifier.delivery.targets import fans_out, parts
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation import safe
from twinkle_notifier.isolation.safe import is_dict, is_list, reason
from twinkle_notifier.messages.message import Message
from twinkle_notifier.messages.sanitize import reply
from twinkle_notifier.notifier import Notifier, keeps_time, look_up, registered
from twinkle_notifier.runtime.stored import hashed

_BUDGET = 1.0  # seconds for a notifier's own to_dict, or to look up a reference
_NAME, _REASON = 60, 500  # characters of a class, and of an error, in the log
_RESTORING = 2.0  # seconds for a notifier's own from_dict, or for what a file holds to be read
# The name of a class of ours in claims and spool folders on disks, wherever its module lies.
_PINNED = {
    "DingNotifier": "twinkle_notifier.channels.ding.DingNotifier",
    "Deferred": "twinkle_notifier.alerts.deferred.Deferred",
}

T = TypeVar("T")
log: logging.Logger = logging.getLogger("twinkle_notifier")


def channel(notifier: Callable[[str], object]) -> str:
    """Eight digits that identify where `notifier` sends to, the same on every rank. They show none of its secrets.

    They come from its own description and the name of its class or function; for a function, also from the webhooks
    that it was made with. What its references lead to does not count: it may differ from node to node.
    """
    name = _ask(notifier, lambda: _name(notifier)).value
    described = _ask(notifier, lambda: _WRITER.encode(getattr(notifier, "to_dict", dict)())).value
    return hashed(f"{name} {described}", 8, "replace")


def _ask(notifier: object, work: Callable[[], T]) -> isolation.Answer[T]:
    """Do `work`, which describes `notifier`, within a second."""
    return (isolation.call_inline if keeps_time(notifier, "to_dict") else isolation.call)(work, _BUDGET)


def chat(notifier: object) -> str:
    """The kind of chat that `notifier` sends to, as people call it. Runs no code of its class."""
    kind = type(notifier)
    if made_of := parts(notifier):
        return (" and " if fans_out(notifier) else ", else ").join(map(chat, made_of))
    if named := _service_name(kind):
        return named
    name = getattr(notifier, "__qualname__", "") if safe.module_name(kind) == "builtins" else ""  # a function's
    return name if type(name) is str and name else safe.type_name(kind)


def chat_of(described: object) -> str:
    """As `chat`, for the notifier that `described` describes. Nothing is imported for it."""
    name = described.get("class") if is_dict(described) else None
    if not isinstance(name, str):
        return "an unknown notifier"
    known = registered(name)
    return name if known is None else _service_name(known) or name


def _service_name(kind: type) -> str:
    own = (safe.class_slot(base, "__dict__").get("service_name") for base in safe.class_slot(kind, "__mro__"))
    named = next((name for name in own if name is not None), "")
    return named if type(named) is str else ""


def names_place(notifier: object) -> bool:
    """Whether the description of `notifier` says where it sends to. If so, an equal description is the same place."""
    if made_of := parts(notifier):
        return all(map(names_place, made_of))

    def named() -> set[object]:
        to_dict: Callable[[], Iterable[object]] = getattr(notifier, "to_dict", dict[str, object])
        return set(to_dict()) - {"class", "min_level"}

    return bool(_ask(notifier, named).value)


def _name(notifier: object) -> str:
    if type(notifier) is functools.partial:
        return _with_urls(_name(notifier.func), (*notifier.args, *notifier.keywords.values()))
    if type(notifier) is FunctionType:
        kept = [isolation.tried(lambda cell=cell: cell.cell_contents).value for cell in notifier.__closure__ or ()]  # type: ignore[misc]
        values = (*(notifier.__defaults__ or ()), *(notifier.__kwdefaults__ or {}).values(), *kept)
        return _with_urls(_qualified(notifier), values)
    return _qualified(notifier)


def _with_urls(name: str, values: tuple[object, ...]) -> str:
    # Nothing else of a function's values, nor other URLs: a rank or a host differs from rank to rank.
    return " ".join([name, *(value for value in values if type(value) is str and _is_webhook(value))])


def _is_webhook(text: str) -> bool:
    """Whether `text` is a URL that grants access, as each service's webhook does."""
    try:
        return "://" in text and bool("=" in urlsplit(text).query or secrets_in_url(text))
    except ValueError:  # no URL
        return False


def _qualified(notifier: object) -> str:
    own = notifier if hasattr(notifier, "__qualname__") else type(notifier)
    module = str(getattr(own, "__module__", "")).replace("__mp_main__", "__main__")  # as a spawned rank calls it
    name = str(getattr(own, "__qualname__", ""))
    pinned = _PINNED.get(name) if module.startswith("twinkle_notifier.") else None
    return pinned or f"{module}.{name}"


def _kind(value: object) -> str:
    return safe.type_name(type(value))  # its text may hold an address in memory, which differs from rank to rank


_WRITER = json.JSONEncoder(sort_keys=True, default=_kind)


def describe(notifier: object, *, save_secrets: bool) -> dict[str, Any] | None:
    """`notifier` as plain JSON values, without literal secrets unless `save_secrets`; None if it has no description."""

    def described() -> object:
        to_dict = getattr(notifier, "to_dict", None)
        return () if to_dict is None else _plain(to_dict())

    answer = _ask(notifier, described)
    if answer.value == ():  # a function, say
        return None
    data = answer.value
    if not is_dict(data):
        log.warning("%s.to_dict() gave no dict, so checkpoints do not hold it", safe.type_name(type(notifier)))
        return None
    plain = {str(key): value for key, value in data.items()}
    return plain if save_secrets else redact(plain)


def _plain(value: object) -> object:
    """`value` in types that Lightning loads under `weights_only` and JSON writes: anything else breaks a resume."""
    if is_dict(value):
        return {str(key): _plain(item) for key, item in value.items()}
    if _is_collection(value):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    for kind in (bool, int, float, str):  # a plain copy: numpy's float64 derives from float
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else str(value)


def _is_collection(value: object) -> TypeGuard[Collection[object]]:
    return isinstance(value, list | tuple | set | frozenset)


def for_the_disk(notifier: object, message: Message) -> tuple[Message, dict[str, Any] | None]:
    """`message` and the description of `notifier`, both without its secrets. May take seconds."""
    description = describe(notifier, save_secrets=True)
    hidden = Message(
        mask(message, _secrets(description)), message.id, message.level, message.calls
    )  # it may go out to another robot, by --to
    return hidden, redact(description) if description else None


def _secrets(described: object, name: str = "") -> list[str]:
    """The secret texts in a description, looked up where they are references."""
    if is_dict(described):
        return [secret for key, value in described.items() if key != "class" for secret in _secrets(value, str(key))]
    if is_list(described):
        return [secret for value in described for secret in _secrets(value, name)]
    if not isinstance(described, str) or not (is_reference(described) or redact(described, name) == REDACTED):
        return []
    text = isolation.call(lambda: resolve(described), _BUDGET).value or ""
    return [*secrets_in_url(text), *in_authority(text)] if "://" in text else [text]


def restored(described: dict[str, Any] | None) -> Notifier | None:
    """The notifier that a file of ours describes; None, with a warning, when it cannot work. Never raises.

    The file is the user's own, so references in any field are looked up. `checkpoint.from_checkpoint` trusts less.
    """
    if described is None:
        return None
    answer = isolation.call(lambda: _from(described), _RESTORING)
    if isinstance(answer.value, Notifier):
        return answer.value
    given: object = described  # a file may hold anything
    name = reply(safe.text(given.get("class")) if is_dict(given) else "", _NAME) or "notifier"
    if answer.returned:
        log.warning(
            "the %s that was kept cannot be used: what is kept holds no secrets. Give --to, set TWINKLE_NOTIFIER_URL, "
            "or use references such as 'env:DING_URL' in it",
            name,
        )
    else:
        log.warning("the %s that was kept cannot be restored (%s)", name, reply(reason(answer.error), _REASON))
    return None


def _from(described: dict[str, Any]) -> Notifier | None:
    """None when a secret was taken out. Raises CredentialError when a reference leads nowhere on this machine."""
    if holds_redacted(described):
        return None
    look_up(described)
    found = cast(object, Notifier.from_dict(described))  # by a user's own method
    if not isinstance(found, Notifier):
        raise ArgumentError("its _from_dict_impl gives no Notifier")
    return found
