"""The contract of a notifier, and the registry of its classes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from twinkle_notifier.credentials.references import is_reference, resolve
from twinkle_notifier.errors import ArgumentError, UnknownNotifierError

_GROUP = "twinkle_notifier.notifiers"  # of entry points

log: logging.Logger = logging.getLogger("twinkle_notifier")

_registry: dict[str, type[Notifier]] = {}


class Notifier:
    """Sends a message to people. Subclass it for a channel of your own; that alone registers it by its name.

    A subclass writes `__call__` and, if it takes arguments, `to_dict` and `_from_dict_impl`.
    """

    # The keys of `to_dict` that may hold a reference (``env:NAME``, ``file:PATH``). In a checkpoint, which others may
    # have written, references elsewhere are not looked up.
    reference_fields: ClassVar[tuple[str, ...]] = ()

    # What people call the service, in the log and in lists: "DingTalk". Empty: the name of the class.
    service_name: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name, module = cls.__name__, cls.__module__
        before = _registry[name].__module__ if name in _registry else module
        if before != module:
            log.warning("the notifier class %s of %s replaces that of %s", name, module, before)
        _registry[name] = cls

    def __call__(self, message: str) -> None:
        """Send `message`, which is Markdown; return when the service has accepted it.

        The channels of this package send what is no text as ``str(message)``. An alert is always a text.

        Raises:
            DeliveryError: it was not accepted, with the reason.
        """
        raise TypeError(f"{type(self).__name__} cannot send: write its __call__(self, message)")

    def check_setup(self) -> None:
        """Look whether it can send, as far as that shows without the network: when a run begins, not at its crash.

        By default, whether the references in `reference_fields` lead somewhere.

        Raises:
            NotifierError: it cannot send, and what to do about it. The text shows no secret.
        """
        described = self.to_dict()
        for name in self.reference_fields:
            _look_up(described.get(name))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values from which `from_dict` restores an equal notifier; ``"class"`` names this class.

        It is faithful: literal secrets are in it. What this package writes to a disk is redacted first.
        """
        return {"class": type(self).__name__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Notifier:
        """The notifier that `to_dict` described, of whichever registered class ``data["class"]`` names.

        A class that is not registered is looked for among the entry points of group ``twinkle_notifier.notifiers``.
        Nothing else is imported, whatever `data` says.

        Raises:
            ValueError: `data` is no description of a notifier.
            UnknownNotifierError: no class of that name is known.
        """
        name = data.get("class") if isinstance(data, Mapping) else None
        if not isinstance(name, str):
            raise ArgumentError("a serialized notifier is a dict whose 'class' names it, as to_dict() writes it")
        try:
            return _class_named(name)._from_dict_impl(dict(data))
        except (KeyError, TypeError) as error:
            said = "a field of it is missing, unknown, or of another type"
            raise ArgumentError(f"no {name} can be made of what is not as to_dict() writes it: {said}") from error

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
        """Restore an instance from `data`. By default every other key is an argument of the class."""
        return cls(**{key: value for key, value in data.items() if key != "class"})

    @classmethod
    def _taken_from_checkpoint(cls, data: dict[str, Any]) -> dict[str, Any]:
        """What `_from_dict_impl` gets of `data` that a checkpoint holds, which others may have written."""
        return data


def registered(name: str) -> type[Notifier] | None:
    """The class that is registered by this name; None if none is."""
    return _registry.get(name)


def _look_up(value: object) -> None:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _look_up(inner)
    elif is_reference(value):
        resolve(str(value))


def _class_named(name: str) -> type[Notifier]:
    if name not in _registry:
        from importlib.metadata import entry_points  # no alert needs this, and it takes long to load

        for entry in entry_points(group=_GROUP, name=name):
            found = entry.load()
            if isinstance(found, type) and issubclass(found, Notifier):
                return found
        raise UnknownNotifierError(name, list(_registry))
    return _registry[name]
