"""The state that a checkpoint holds of this package, and what a resume takes over from it."""

from __future__ import annotations

import os
import re
import stat
import time as clock
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from twinkle_notifier import isolation, system
from twinkle_notifier.alerts import crash_loop
from twinkle_notifier.channels import VARIABLE
from twinkle_notifier.credentials.masking import holds_redacted, redact
from twinkle_notifier.credentials.references import is_reference, resolve
from twinkle_notifier.errors import ArgumentError, CredentialError
from twinkle_notifier.isolation.safe import is_dict, is_list, reason
from twinkle_notifier.messages.sanitize import reply
from twinkle_notifier.notifier import Notifier, class_named
from twinkle_notifier.runtime.log_repeats import log

VERSION: int = 1
_KEY = "twinkle_notifier"
_NEWEST = 1_000_000  # the highest number that can be a version
_REMEMBERED = 50  # alerts that the state lists
_LOOKED_AT = 1000  # entries of alerts; a damaged file may have any number
_BUDGET = 2.0  # seconds for a notifier's own from_dict, or for what a checkpoint holds to be read
_NAME, _REASON = 60, 500  # characters of a name, and of an error, in the log
_VALUES, _LETTERS, _DEPTH = 500, 20_000, 12  # of a notifier's description: values, characters in them, levels
_FIELDS, _LINE = 20, 2_000  # of an alert's entry: fields, characters in one
_LARGEST = 1e300  # of a number; int and float alike
_HOSTS = 4  # that the log names
_PLAIN = re.compile(r"[\w #+,()-]{0,100}")  # the name or number of a room: no host, address, path or command


def fresh() -> dict[str, Any]:
    """The state of a run that has no past."""
    return {"version": VERSION, "notifier": None, "sent": []}


def add_sent(state: dict[str, Any], *, what: str, time: str, incident: str = "") -> None:
    """Note in `state`, in place, that an alert about a failure was sent."""
    entry = {"what": what, "time": time, **({"incident": incident, "at": clock.time()} if incident else {})}
    state["sent"] = [*state["sent"], entry][-_REMEMBERED:]


def times(state: dict[str, Any]) -> list[tuple[str, float]]:
    """The incidents that `state` knows of, and when they were reported, in seconds since 1970."""
    return [(str(e.get("incident")), float(e["at"])) for e in state["sent"] if crash_loop.is_time(e.get("at"))]


def read(data: object) -> dict[str, Any]:
    """The state that a checkpoint holds, whoever wrote it. What cannot be used is left out, with a warning.

    It returns plain JSON values, and not many. None, from a checkpoint without this package's state, gives no warning.
    Never raises.
    """
    if data is None:
        return fresh()
    found = isolation.call(lambda: _read(data), _BUDGET).value
    if found is None:
        log.warning("the notifier's state in the checkpoint is damaged; the run goes on without it")
        return fresh()
    state, version, left_out = found
    if version > VERSION:
        log.warning("the notifier's state in the checkpoint is of version %d, newer than ours (%d)", version, VERSION)
    if left_out:
        log.warning("parts of the notifier's state in the checkpoint are damaged; the run goes on without them")
    return state


def key(place: int) -> str:
    """The key of a callback's state in a checkpoint. `place` counts this package's callbacks in one trainer, from 0."""
    return f"{_KEY}.{place + 1}" if place else _KEY


def is_ours(key: object) -> bool:
    """Whether a checkpoint holds a state of this package under `key`."""
    return type(key) is str and key.split(".")[0] == _KEY


def ours(states: Any) -> dict[str, dict[str, Any] | None]:
    """This package's among the `states` that a checkpoint holds, as `read` gives them.

    They also replace what is in `states`: a trainer copies and writes that, which fails for deeply nested values. Never
    raises.
    """

    def find() -> dict[str, object]:
        found: Mapping[Any, Any] = states if _is(states, Mapping) else {}
        return {name: found[name] for name in found if is_ours(name)}

    answer = isolation.call(find, _BUDGET)
    if not answer.returned:
        log.warning("the checkpoint's states cannot be read (%s); the run goes on without them", reason(answer.error))
    found = {name: None if data is None else read(data) for name, data in (answer.value or {}).items()}
    for name, state in found.items() if is_dict(states) else ():
        dict[object, object].__setitem__(states, name, state)
    return found


def _is(value: Any, kind: type) -> bool:
    return issubclass(type(value), kind)  # not isinstance: an object may lie about its class


def _read(data: Any) -> tuple[dict[str, Any], int, bool] | None:
    """The state, the version that wrote it, and whether something is left out; None when nothing can be used."""
    if not is_dict(data):
        return None
    fields: dict[Any, Any] = dict(dict[object, object].items(data))
    version, state, notifier = fields.get("version"), fresh(), fields.get("notifier")
    sent: Any = fields.get("sent")
    if type(version) is not int or abs(version) > _NEWEST:
        return None
    if is_dict(notifier):
        state["notifier"] = _copied(notifier, _VALUES, _LETTERS)
    entries = [_entry(entry) for entry in list(list[Any].__iter__(sent))[-_LOOKED_AT:]] if is_list(sent) else []
    state["sent"] = [entry for entry, _ in entries if entry is not None][-_REMEMBERED:]
    is_whole = (notifier is None or state["notifier"] is not None) and (sent is None or is_list(sent))
    return state, version, not (is_whole and all(whole for _, whole in entries))


def _entry(data: Any) -> tuple[dict[str, Any] | None, bool]:
    """What can be used of an alert's entry, None if that is nothing; and whether that is all."""
    if not is_dict(data) or dict[object, object].__len__(data) > _FIELDS:
        return None, False
    fields: dict[Any, Any] = dict(dict[object, object].items(data))
    kept = {key: _copied(value, _FIELDS, _LINE) for key, value in fields.items() if type(key) is str}
    usable = {key: value for key, value in kept.items() if value is not None or fields[key] is None}
    if "at" in usable and not crash_loop.is_time(usable["at"]):
        del usable["at"]
    named = all(isinstance(usable.get(key), str) for key in ("what", "time"))
    return usable if named else None, named and len(usable) == len(fields)


def _copied(value: object, values: int, letters: int) -> Any:
    """A copy of at most so many plain JSON `values`, without running their code; None if there are others, or more."""

    def copied(inner: Any, depth: int) -> Any:
        nonlocal values
        values -= 1
        if values < 0 or depth > _DEPTH:
            raise ValueError("it holds more than this package writes")
        if is_dict(inner):
            return {text(key): copied(of, depth + 1) for key, of in dict[object, object].items(inner)}
        if is_list(inner):
            return [copied(of, depth + 1) for of in list[Any].__iter__(inner)]
        if _is(inner, tuple):
            return [copied(of, depth + 1) for of in tuple[Any].__iter__(inner)]
        if inner is None or type(inner) is bool:
            return inner
        if type(inner) in (int, float) and abs(inner) < _LARGEST:  # NaN is not
            return inner
        return text(inner)

    def text(inner: Any) -> str:
        nonlocal letters
        if not _is(inner, str):
            raise ValueError("it is no plain JSON value")
        letters -= str.__len__(inner)
        if letters < 0:
            raise ValueError("it holds more than this package writes")
        return str.__str__(inner)

    try:
        return copied(value, 0)
    except ValueError:
        return None


def from_checkpoint(described: Any, *, save_secrets: bool) -> Notifier | None:
    """The notifier that a checkpoint describes, for a run that has no other; None, with a warning, if it is not used.

    References are resolved only in the fields that its class names in `Notifier.reference_fields`. A literal text that
    may be an address is accepted only with `save_secrets`, as this package writes none without it. A line in the log
    names the class and the host. Never raises.
    """
    if described is None:
        return None
    answer = isolation.call(lambda: _restored(described, save_secrets), _BUDGET)
    name = reply(str(described.get("class", "")) if _is(described, dict) else "", _NAME) or "notifier"
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


def _restored(described: Any, save_secrets: bool) -> tuple[Notifier, list[str]]:
    if not _is(described, dict):
        raise ArgumentError("it is no dict as to_dict() writes it")
    if holds_redacted(described):
        raise ArgumentError(
            "checkpoints hold no secrets. Give the callback a notifier, or use references such as 'env:DING_URL' in it"
        )
    check = _Check(save_secrets)
    notifier = Notifier.from_dict(check.description(described))
    if not _is(notifier, Notifier):
        raise ArgumentError("its _from_dict_impl gives no Notifier")
    return notifier, check.hosts


class _Check:
    """Goes through a description. Its methods return what may be used, and raise NotifierError for the rest."""

    def __init__(self, save_secrets: bool) -> None:
        self.save_secrets = save_secrets
        self.hosts: list[str] = []  # to which its references lead

    def description(self, data: dict[str, Any]) -> dict[str, Any]:
        name = data.get("class")
        if not isinstance(name, str):
            raise ArgumentError("a serialized notifier is a dict whose 'class' names it, as to_dict() writes it")
        kind = class_named(name)
        declared = kind.reference_fields
        names = (declared,) if isinstance(declared, str) else tuple(declared)
        fields = {key: self._value(value, key, key in names) for key, value in data.items() if key != "class"}
        return kind.taken_from_checkpoint({"class": name, **fields})

    def _value(self, value: Any, name: str, declared: bool) -> Any:
        if _is(value, dict) and declared and "class" in value:
            return self.description(value)
        if _is(value, dict):
            for key in value:
                self._text(key, name, False)
            return {key: self._value(inner, f"{name}.{key}", declared) for key, inner in value.items()}
        if _is(value, list):
            return [self._value(inner, name, declared) for inner in value]
        if _is(value, str):
            self._text(value, name, declared)
        return value

    def _text(self, text: str, name: str, declared: bool) -> None:
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
    """Raise CredentialError for a file that may have come with the checkpoint: it would say where alerts go.

    As with ssh's keys: only its owner may read it, or it is root's.
    """
    try:
        found = os.stat(os.path.expanduser(reference.partition(":")[2]))
    except (OSError, ValueError):
        return  # `resolve` will raise
    if not stat.S_ISREG(found.st_mode):
        raise CredentialError(f"{reference} is no file")
    if not system.HAS_OWNERS:
        raise CredentialError(
            f"a checkpoint names {reference}, and this system does not show who else can change that file: give the "
            "callback a notifier"
        )
    forbidden = {0: 0o022, os.getuid(): 0o077}  # where this process is root's, the second counts
    if found.st_uid not in forbidden or found.st_mode & forbidden[found.st_uid]:
        raise CredentialError(
            f"{reference} is a file that others can read, and a checkpoint names it: do `chmod 600` to it if it is "
            "yours, or give the callback a notifier"
        )
