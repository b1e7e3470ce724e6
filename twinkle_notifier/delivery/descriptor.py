"""What may be known of a notifier that a user wrote: its own description, for checkpoints, files and claims."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Callable
from enum import Enum
from types import FunctionType
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.credentials.masking import holds_redacted, redact, secrets_in_url
from twinkle_notifier.credentials.references import is_reference, resolve
from twinkle_notifier.isolation import safe
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.sanitize import reply
from twinkle_notifier.notifier import Notifier, registered

_BUDGET = 1.0  # seconds for a notifier's own to_dict
_NAME, _REASON = 60, 500  # characters of a class, and of an error, in the log
_RESTORING = 2.0  # seconds for a notifier's own from_dict, or for what a file holds to be read
_NOTHING = object()
# What claims and spool folders on disks call a class of ours, wherever its module lies.
_PINNED = {"DingNotifier": "twinkle_notifier.channels.ding.DingNotifier"}

log: logging.Logger = logging.getLogger("twinkle_notifier")


def channel(notifier: Callable[[str], object]) -> str:
    """Tells one channel of a run from another, alike on every rank, and shows nothing of its secrets.

    By its own description, and by the name of its class or function; of a function also by the webhooks that it was
    made with. What its references lead to does not count: it may differ from node to node.
    """
    # One of ours does not hang, and can be asked without a thread.
    ours = safe.module_name(type(notifier)).startswith("twinkle_notifier.channels.")
    asked = isolation.call_inline if ours else isolation.call
    name = asked(lambda: _name(notifier), _BUDGET).value
    described = asked(lambda: _WRITER.encode(getattr(notifier, "to_dict", dict)()), _BUDGET).value
    return hashlib.sha256(f"{name} {described}".encode("utf-8", "replace")).hexdigest()[:8]


def chat(notifier: object) -> str:
    """The kind of chat that `notifier` sends to, as people call it. Runs no code of its class."""
    kind = type(notifier)
    named = _service_name(kind)
    return named or (_called(notifier) if safe.module_name(kind) == "builtins" else safe.type_name(kind))


def _service_name(kind: type) -> str:
    own = (safe.class_slot(base, "__dict__").get("service_name") for base in safe.class_slot(kind, "__mro__"))
    named = next((name for name in own if name is not None), "")
    return named if type(named) is str else ""


def _called(function: object) -> str:
    name = getattr(function, "__qualname__", "")
    return name if type(name) is str and name else safe.type_name(type(function))


def chat_of(described: object) -> str:
    """The kind of chat to which the notifier sends that `described` describes; nothing is imported for it."""
    name = described.get("class") if isinstance(described, dict) else None
    if not isinstance(name, str):
        return "an unknown notifier"
    known = registered(name)
    return name if known is None else _service_name(known) or name


def names_place(notifier: object) -> bool:
    """Whether its description says where it sends to: then two that are described alike send to the same people."""
    described = isolation.call(lambda: len(getattr(notifier, "to_dict", dict)()), _BUDGET).value
    return described is not None and described > 1  # more than its class


def _name(notifier: object) -> str:
    if type(notifier) is functools.partial:
        return _with_urls(_name(notifier.func), (*notifier.args, *notifier.keywords.values()))
    if type(notifier) is FunctionType:
        kept = [isolation.tried(lambda cell=cell: cell.cell_contents).value for cell in notifier.__closure__ or ()]  # type: ignore[misc]
        values = (*(notifier.__defaults__ or ()), *(notifier.__kwdefaults__ or {}).values(), *kept)
        return _with_urls(_qualified(notifier), values)
    return _qualified(notifier)


def _with_urls(name: str, values: tuple[object, ...]) -> str:
    # Nothing else that a function was made with, nor other URLs: a rank, or a host, is another on each rank.
    return " ".join([name, *(value for value in values if type(value) is str and _is_webhook(value))])


def _is_webhook(text: str) -> bool:
    """Whether it is a URL that grants access, as each service's webhook does."""
    try:
        return "://" in text and bool(secrets_in_url(text))
    except ValueError:  # no URL
        return False


def _qualified(notifier: object) -> str:
    own = notifier if hasattr(notifier, "__qualname__") else type(notifier)
    module = str(getattr(own, "__module__", "")).replace("__mp_main__", "__main__")  # as a spawned rank calls it
    name = str(getattr(own, "__qualname__", ""))
    pinned = _PINNED.get(name) if module.startswith("twinkle_notifier.") else None
    return pinned or f"{module}.{name}"


def _kind(value: object) -> str:
    return safe.type_name(type(value))  # its text may hold an address, which each rank has its own


_WRITER = json.JSONEncoder(sort_keys=True, default=_kind)


def describe(notifier: object, *, save_secrets: bool) -> dict[str, Any] | None:
    """`notifier` as plain JSON values, without literal secrets unless `save_secrets`; None if it cannot be told."""

    def described() -> Any:
        to_dict = getattr(notifier, "to_dict", None)
        return _plain(to_dict()) if to_dict is not None else _NOTHING

    answer = isolation.call(described, _BUDGET)
    if answer.value is _NOTHING:
        return None
    if not isinstance(answer.value, dict):
        kind = safe.type_name(type(notifier))
        log.warning("%s.to_dict() gave no dict, so checkpoints do not hold it", kind)
        return None
    data: dict[str, Any] = answer.value
    return data if save_secrets else redact(data)


def _plain(value: Any) -> Any:
    """`value` in types that Lightning loads under `weights_only` and JSON writes: anything else breaks a resume."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    for kind in (bool, int, float, str):  # a plain copy: numpy's float64 derives from float
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else str(value)


def _resolved(value: Any) -> bool:
    """True; raises CredentialError when a reference in `value` leads nowhere on this machine."""
    if isinstance(value, dict | list):
        return all(_resolved(item) for item in (value.values() if isinstance(value, dict) else value))
    return bool(resolve(value)) if is_reference(value) else True


def restored(state: dict[str, Any]) -> Notifier | None:
    """The notifier that one of our own files describes; None, with a warning, when it cannot work. Never raises.

    The file is the user's: its references are looked up, whichever field they are in. For what a checkpoint says, see
    `trust.from_checkpoint`.
    """
    data = state["notifier"]
    if data is None:
        return None
    answer = isolation.call(lambda: _usable(data) and Notifier.from_dict(data), _RESTORING)
    if isinstance(answer.value, Notifier):
        return answer.value
    redacted = answer.value is False
    name = reply(safe.text(data.get("class")) if isinstance(data, dict) else "", _NAME) or "notifier"
    if redacted:
        log.warning(
            "the %s that was kept cannot be used: what is kept holds no secrets. Give --to, set TWINKLE_NOTIFIER_URL, "
            "or use references such as 'env:DING_URL' in it",
            name,
        )
    else:
        log.warning("the %s that was kept cannot be restored (%s)", name, reply(reason(answer.error), _REASON))
    return None


def _usable(data: object) -> bool:
    """Whether nothing is taken out of it. Raises CredentialError when a reference leads nowhere on this machine."""
    return not holds_redacted(data) and _resolved(data)
