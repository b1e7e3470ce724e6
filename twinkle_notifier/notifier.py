"""The contract of a notifier, and the registry of its classes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeGuard

from twinkle_notifier.credentials.references import is_reference, resolve
from twinkle_notifier.errors import ArgumentError, UnknownNotifierError
from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.message import LEVELS, Level, known_level

_GROUP = "twinkle_notifier.notifiers"  # of entry points

log: logging.Logger = logging.getLogger("twinkle_notifier")

_registry: dict[str, type[Notifier]] = {}
_reader: list[Callable[[str, str], Notifier]] = []  # of pasted texts


class Notifier:
    """Sends a message to people. Subclass it for a channel of your own, which registers it by its name.

    A subclass writes `__call__` and, if it takes arguments, `to_dict` and `_from_dict_impl`.
    """

    # The keys of `to_dict` that may hold a reference (``env:NAME``, ``file:PATH``). In a checkpoint, which others may
    # have written, references in other keys are not looked up.
    reference_fields: ClassVar[tuple[str, ...]] = ()

    # What people call the service, in the log and in lists: "DingTalk". Empty: the name of the class.
    service_name: ClassVar[str] = ""

    # True promises that `__call__` and `to_dict` return or raise within `twinkle_notifier.remaining()` seconds, however
    # slow the network is: an alert then calls them in its own thread. It covers the methods that this class has
    # or inherits. A subclass that overrides one of the two promises again, or is called in a thread of its own.
    ends_in_time: ClassVar[bool] = False

    # The lowest level of an alert that goes to this notifier: "info", "success", "warning" or "error"; None: all. What
    # is below is left out. Only alerts have a level: a text of your own always goes out, as does all by hand.
    min_level: Level | None = None

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:  # only a base of others: no dict names it
            return
        name, module = cls.__name__, cls.__module__
        before = _registry[name].__module__ if name in _registry else module
        if before != module:
            log.warning("the notifier class %s of %s replaces that of %s", name, module, before)
        _registry[name] = cls

    def __call__(self, message: str) -> str | None:
        """Send `message`, which is Markdown; return when the service has accepted it.

        An alert is always a text. The channels of this package send anything else as ``str(message)``. A class that
        has a method `edit` returns the id of the message for it; what others return does not matter.

        Raises:
            DeliveryError: the service has not accepted it, with the reason.
        """
        raise TypeError(f"{type(self).__name__} cannot send: write its __call__(self, message)")

    def edit(self, message_id: str, message: str) -> None:
        """Change the message of that id, which `__call__` has returned, into `message`.

        Optional: a class that writes it has one progress message, which is kept up to date. Else each is a new one.

        Raises:
            DeliveryError: it is not changed. If it is `final` (the message is gone, or too old), a new one is sent.
        """
        raise TypeError(f"{type(self).__name__} cannot change a message: write its edit(self, message_id, message)")

    def check_setup(self) -> None:
        """Check without the network whether this can send. It is called when a run begins, not at its crash.

        By default it looks up the references in `reference_fields`, and checks `min_level`.

        Raises:
            NotifierError: it cannot send, and what to do about it. The text shows no secret.
        """
        described = self.to_dict()
        for name in self.reference_fields:
            look_up(described.get(name))
        checked_level(self.min_level)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values from which `from_dict` restores an equal notifier; ``"class"`` names this class.

        It is faithful, with literal secrets. What this package writes to a disk is redacted first.
        """
        return {"class": type(self).__name__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Notifier:
        """The notifier that `to_dict` described, of the registered class that ``data["class"]`` names.

        A class that is not registered is looked up in the entry points of group ``twinkle_notifier.notifiers``.
        Nothing else is imported, whatever `data` says.

        Raises:
            ValueError: `data` is no description of a notifier.
            UnknownNotifierError: no class of that name is known.
        """
        name = data.get("class") if _is_mapping(data) else None
        if not isinstance(name, str):
            raise ArgumentError("a serialized notifier is a dict whose 'class' names it, as to_dict() writes it")
        try:
            return class_named(name)._from_dict_impl(dict(data))
        except (KeyError, TypeError) as error:
            said = "a field of it is missing, unknown, or of another type"
            raise ArgumentError(f"no {name} can be made of what is not as to_dict() writes it: {said}") from error

    @classmethod
    def from_url(cls, text: str) -> Notifier:
        """The notifier for what a chat's page gave: `text` is a webhook URL, whose host and path name the service.

        It may also be a URL of apprise, a reference (``env:NAME``, ``file:PATH``), which stays one in the notifier, or
        JSON as `to_dict` writes it. Several, parted by spaces, commas or new lines, are a `FanoutNotifier`. The fields
        ``secret`` and ``mention`` (more than once, or with commas) of a URL are taken off and never sent.

        Raises:
            ArgumentError: it is none of these, and which page to copy from. The error shows nothing of `text`.
            CredentialError: a reference leads nowhere.
        """
        return _reader[-1](_checked_text(text), "the text")

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
        """Restore an instance from `data`. By default every other key is an argument of the class."""
        return cls(**{key: value for key, value in data.items() if key != "class"})

    @classmethod
    def taken_from_checkpoint(cls, data: dict[str, Any]) -> dict[str, Any]:
        """What `_from_dict_impl` gets of a checkpoint's `data`, which others may have written."""
        return data


def read_by(reader: Callable[[str, str], Notifier]) -> None:
    """Let `reader` make the notifiers of `Notifier.from_url`: the channels do, which this file does not know."""
    _reader.append(reader)


def _is_mapping(data: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(data, Mapping)


def _checked_text(text: object) -> str:
    if not isinstance(text, str):
        raise ArgumentError("from_url takes a text: a webhook URL, or a reference to one")
    return text


def is_notifier(value: object) -> TypeGuard[Notifier]:
    """Whether `value` is of a class of notifiers. Runs no code of it."""
    return issubclass(type(value), Notifier)


def can_edit(value: object) -> bool:
    """Whether `value` is a notifier whose class writes `Notifier.edit`. Runs no code of it."""
    if not is_notifier(value):
        return False
    own = (safe.class_slot(base, "__dict__") for base in safe.class_slot(type(value), "__mro__"))
    found = next((names["edit"] for names in own if "edit" in names), None)
    return callable(found) and found is not Notifier.__dict__["edit"]


def checked_level(level: object) -> Level | None:
    """`level`, as a `Notifier.min_level`. Raises ArgumentError if it is none."""
    found = known_level(level)
    if found is None and level is not None:
        names = ", ".join(map(repr, LEVELS))
        raise ArgumentError(f"min_level is {level!r}: give one of {names}, or None for everything")
    return found


def keeps_time(notifier: object, method: str) -> bool:
    """Whether the class of `notifier` promises by `Notifier.ends_in_time` that `method` ends. Runs no code of it."""
    own = (safe.class_slot(base, "__dict__") for base in safe.class_slot(type(notifier), "__mro__"))
    return next(
        (names.get("ends_in_time") is True for names in own if "ends_in_time" in names or method in names), False
    )


def registered(name: str) -> type[Notifier] | None:
    """The class registered by this name; None if there is none."""
    return _registry.get(name)


def look_up(value: object) -> None:
    """Look up the references in `value`, at any depth. Raises CredentialError when one leads nowhere here."""
    for inner in safe.items_in(value):
        look_up(inner)
    if is_reference(value):
        resolve(str(value))


def class_named(name: str) -> type[Notifier]:
    """The registered class of that name, or an entry point's. Raises UnknownNotifierError."""
    if name not in _registry:
        from importlib.metadata import entry_points  # no alert needs it, and it takes long to load

        for entry in entry_points(group=_GROUP, name=name):
            found = entry.load()
            if isinstance(found, type) and issubclass(found, Notifier):
                return found
        raise UnknownNotifierError(name, list(_registry))
    return _registry[name]
