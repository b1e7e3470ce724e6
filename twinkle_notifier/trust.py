"""What of a checkpoint's notifier is taken. Others may have written the checkpoint."""

from __future__ import annotations

import logging
import os
import re
import stat
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from twinkle_notifier import isolation
from twinkle_notifier.channels import VARIABLE
from twinkle_notifier.credentials.masking import holds_redacted, redact
from twinkle_notifier.credentials.references import is_reference, resolve
from twinkle_notifier.errors import ArgumentError, CredentialError, reason
from twinkle_notifier.messages.sanitize import reply
from twinkle_notifier.notifier import Notifier, _class_named

_BUDGET = 2.0  # seconds for a notifier's own from_dict, and for its references
_NAME = 60  # characters of a class or a host in the log
_REASON = 500
_HOSTS = 4  # that the log names
_PLAIN = re.compile(r"[\w #+,()-]{0,100}")  # the name or number of a room: no host, address, path or command

log = logging.getLogger("twinkle_notifier")


def from_checkpoint(described: object, *, save_secrets: bool) -> Notifier | None:
    """The notifier that a checkpoint describes, for a run that has no other; None, with a warning, if it is not taken.

    References are looked up only in the fields that its class names in `Notifier.reference_fields`. Literal texts that
    may lead somewhere are taken only with `save_secrets`, as this package writes none there without it. A line in the
    log names the class and the host. Never raises.
    """
    if described is None:
        return None
    answer = isolation.call(lambda: _restored(described, save_secrets), _BUDGET)
    name = reply(str(described.get("class", "")) if isinstance(described, dict) else "", _NAME) or "notifier"
    if answer.value is None:
        log.warning("the checkpoint's %s is not used: %s", name, reply(reason(answer.error), _REASON))
        return None
    notifier, hosts = answer.value
    at = "".join(f" at {reply(host, _NAME)}" for host in hosts[:_HOSTS])
    log.warning(
        "the notifier of this run comes from its checkpoint: %s%s. If that is not yours, give one or set %s",
        name,
        at or ", which names no host",
        VARIABLE,
    )
    return notifier


def _restored(described: object, save_secrets: bool) -> tuple[Notifier, list[str]]:
    if not isinstance(described, dict):
        raise ArgumentError("it is no dict as to_dict() writes it")
    if holds_redacted(described):
        raise ArgumentError(
            "checkpoints hold no secrets. Give the callback a notifier, or use references such as 'env:DING_URL' in it"
        )
    taking = _Taking(save_secrets)
    notifier = Notifier.from_dict(taking.description(described))
    if not isinstance(notifier, Notifier):
        raise ArgumentError("its _from_dict_impl gives no Notifier")
    return notifier, taking.hosts


@dataclass
class _Taking:
    """Goes through a description. Its methods give what is taken of it; they raise NotifierError for what is not."""

    save_secrets: bool
    hosts: list[str] = field(default_factory=list)

    def description(self, data: dict[str, Any]) -> dict[str, Any]:
        name = data.get("class")
        if not isinstance(name, str):
            raise ArgumentError("a serialized notifier is a dict whose 'class' names it, as to_dict() writes it")
        kind = _class_named(name)
        declared = kind.reference_fields
        names = (declared,) if isinstance(declared, str) else tuple(declared)
        fields = {key: self._value(value, key, key in names) for key, value in data.items() if key != "class"}
        return kind._taken_from_checkpoint({"class": name, **fields})

    def _value(self, value: Any, name: str, declared: bool) -> Any:
        if isinstance(value, dict) and declared and "class" in value:
            return self.description(value)
        if isinstance(value, dict):
            for key in value:
                self._check(key, name, False)
            return {key: self._value(inner, f"{name}.{key}", declared) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, name, declared) for inner in value]
        if isinstance(value, str):
            self._check(value, name, declared)
        return value

    def _check(self, text: str, name: str, declared: bool) -> None:
        if is_reference(text.strip()):
            if not declared:
                raise ArgumentError(
                    f"its field {name[:_NAME]!r} holds a reference, and the class does not say that it may. Name the "
                    "field in the class's reference_fields, or give the callback a notifier"
                )
            self._follow(text.strip())
        elif text and not self.save_secrets and (declared or not _is_plain(text, name)):
            raise ArgumentError(
                f"its field {name[:_NAME]!r} holds a literal text that may lead elsewhere. Give the callback a "
                "notifier, or save_secrets=True if you know who wrote the checkpoint"
            )

    def _follow(self, reference: str) -> None:
        if reference.startswith("file:"):
            _check_private(reference)
        text = resolve(reference)
        if "://" in text:
            try:
                self.hosts.append(urlsplit(text).hostname or "")
            except ValueError:
                raise CredentialError(f"{reference} holds no URL") from None


def _is_plain(text: str, name: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and redact(text, name) == text


def _check_private(reference: str) -> None:
    """Raise CredentialError for a file that may have come with the checkpoint, and say where alerts go.

    As ssh does with keys: only its owner may read it, or it is root's.
    """
    try:
        found = os.stat(os.path.expanduser(reference.partition(":")[2]))
    except (OSError, ValueError):
        return  # `resolve` says so
    if not stat.S_ISREG(found.st_mode):
        raise CredentialError(f"{reference} is no file")
    me = os.getuid() if hasattr(os, "getuid") else found.st_uid
    forbidden = {0: 0o022, me: 0o077}  # the second, where this process is root's
    if found.st_uid not in forbidden or found.st_mode & forbidden[found.st_uid]:
        raise CredentialError(
            f"{reference} is a file that others can read, and a checkpoint names it: do `chmod 600` to it if it is "
            "yours, or give the callback a notifier"
        )
