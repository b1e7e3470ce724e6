"""To whom a message goes: to a notifier, or to each of several; and who wants it, by its level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeGuard, cast

from twinkle_notifier import isolation
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation.safe import is_list
from twinkle_notifier.messages.message import LEVELS, Level, Message
from twinkle_notifier.notifier import Notifier, checked_level, is_notifier, keeps_time

_RANKS: dict[str, int] = {level: rank for rank, level in enumerate(LEVELS)}
_HIGHEST = len(LEVELS) - 1
_LOOK_UP = 1.0  # seconds to read an attribute of a user's notifier

Target = Callable[[str], object]


class Several(Notifier, abstract=True):
    """A notifier that is made of others: a base of `FanoutNotifier` and `FallbackNotifier`."""

    reference_fields: ClassVar[tuple[str, ...]] = ("notifiers",)

    # Whether each of `notifiers` gets a message, and is tried again by itself. The sender then does not call this
    # notifier but each of those. Else it is one channel, which the sender calls.
    fans_out: ClassVar[bool]

    def __init__(self, *notifiers: Notifier, min_level: Level | None = None) -> None:
        if not notifiers or not all(map(is_notifier, notifiers)):
            name = type(self).__name__
            raise ArgumentError(f"{name} takes one notifier or more, each a Notifier: {name}(DingNotifier(...), ...)")
        self.notifiers: tuple[Notifier, ...] = notifiers
        self.min_level: Level | None = checked_level(min_level)

    def check_setup(self) -> None:
        """See `Notifier`: each of its notifiers is checked. Raises the error of the first that cannot send."""
        for notifier in self.notifiers:
            notifier.check_setup()

    def to_dict(self) -> dict[str, Any]:
        """See `Notifier`."""
        level = {"min_level": self.min_level} if self.min_level else {}
        described = [notifier.to_dict() for notifier in self.notifiers]
        return {"class": type(self).__name__, "notifiers": described, **level}

    @classmethod
    def _from_dict_impl(cls, data: dict[str, Any]) -> Notifier:
        described: object = data["notifiers"]
        if not is_list(described):
            raise ArgumentError("its notifiers are no list of what to_dict() writes")
        restored = [Notifier.from_dict(cast(Any, each)) for each in described]  # it checks what that is
        return cls(*restored, min_level=data.get("min_level"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Several) or type(other) is not type(self):
            return False
        return (other.notifiers, other.min_level) == (self.notifiers, self.min_level)

    def __hash__(self) -> int:
        return hash((type(self), self.notifiers))

    def __repr__(self) -> str:
        level = [f"min_level={self.min_level!r}"] if self.min_level else []
        return f"{type(self).__name__}({', '.join([*map(repr, self.notifiers), *level])})"


def parts(notifier: object) -> tuple[Notifier, ...]:
    """The notifiers of which `notifier` is made; none, if it is not a `Several`."""
    if not _is_several(notifier):
        return ()
    return isolation.tried(lambda: tuple[Notifier, ...](notifier.notifiers)).value or ()  # a subclass may do anything


def leaves(notifier: object) -> list[object]:
    """All notifiers that send, at any depth."""
    made_of = parts(notifier)
    return [leaf for part in made_of for leaf in leaves(part)] if made_of else [notifier]


def targets(notifier: Target) -> list[Target]:
    """The channels that `notifier` sends to, each with a spool of its own: itself, but for one that fans out."""
    if not fans_out(notifier):
        return [notifier]
    return [target for part in parts(notifier) for target in targets(part)]


def wants(notifier: object, message: str) -> bool:
    """Whether the level of `message` is high enough for `notifier`, and for one that it is made of.

    What has no level is never left out, nor is anything for a `min_level` that is none.
    """
    rank = _RANKS.get(message.level, _HIGHEST) if isinstance(message, Message) else _HIGHEST
    if rank == _HIGHEST:  # most alerts are errors: nobody leaves these out
        return True
    if rank < _RANKS.get(_lowest(notifier), 0):
        return False
    made_of = parts(notifier)
    return not made_of or any(wants(part, message) for part in made_of)


def _lowest(notifier: object) -> str:
    if not is_notifier(notifier):
        return ""
    ask = isolation.call_inline if keeps_time(notifier, "__call__") else isolation.call
    found = ask(lambda: getattr(notifier, "min_level", None), _LOOK_UP).value
    return found if type(found) is str else ""


def fans_out(notifier: object) -> bool:
    """Whether `notifier` is a `Several` each of whose notifiers gets a message."""
    return _is_several(notifier) and notifier.fans_out is True


def _is_several(notifier: object) -> TypeGuard[Several]:
    return issubclass(type(notifier), Several)
