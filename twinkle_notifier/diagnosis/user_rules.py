"""Rules of a user's own, from a TOML file and from installed packages, before those of this package."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import stat
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinkle_notifier import isolation
from twinkle_notifier.diagnosis.rule import Advice, Rule
from twinkle_notifier.diagnosis.table import Table
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.isolation.safe import is_dict, is_list, reason
from twinkle_notifier.runtime.user_file import loads, user_file

VARIABLE = "TWINKLE_NOTIFIER_DIAGNOSIS"
GROUP = "twinkle_notifier.diagnosis"  # of entry points: each gives rules, or a function that does
_BUDGET = 1.0  # seconds for a file, and for all packages
_MOST = 1 << 20  # bytes of a file
_MANY = 1_000  # rules of one source
_TEXTS = ("says", "also", "unless", "types", "modules", "signals", "printed", "when")
_NAMES = ("rule", *_TEXTS, "id", "likely", "next", "source", "zh")

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

log: logging.Logger = logging.getLogger("twinkle_notifier")
_table: Table | None = None
_reading: bool = False


def table() -> Table:
    """All rules: those of the user's file, of installed packages, and of this package. Read once in a process.

    Never raises, and takes 3 s at most; a warning names what cannot be used.
    """
    global _table
    if _table is None:
        known = _known()
        found = Table([*_of_users(), *known])
        if not known:
            log.info("no likely causes: the rules of this package cannot be loaded now")
            return found
        _table = found
    return _table


def ready() -> None:
    """Read all rules, so that a crash need not. Where that fails, alerts go out without advice."""
    global _reading
    if _table is not None or _reading:  # a package's rules may come with a notifier of its own
        return
    _reading = True
    try:
        isolation.tried(_rules)  # in this thread: a child that is forked while another one imports waits for ever
        isolation.tried(lambda: importlib.import_module("importlib.metadata"))
        isolation.tried(table)
    finally:
        _reading = False


def _known() -> tuple[Rule, ...]:
    return isolation.call(_rules, _BUDGET).value or ()


def _rules() -> tuple[Rule, ...]:
    # Not at the top: it would make the import of this package a tenth longer.
    from twinkle_notifier.diagnosis.known import KNOWN

    return KNOWN


def _of_users() -> list[Rule]:
    """Those of the file, then those of packages. One with the id of an earlier one is not used, with a warning."""
    rules: dict[str, Rule] = {}
    for rule in (*_of_file(), *_of_packages()):
        if rules.setdefault(rule.id, rule) is not rule:
            log.warning("a second rule with the id %.60r is not used: give it another", rule.id)
    return list(rules.values())


def _of_file() -> list[Rule]:
    place = os.environ.get(VARIABLE, "").strip() or user_file().diagnosis
    if not place:
        return []
    answer = isolation.call(lambda: read(Path(place).expanduser()), _BUDGET)
    if not answer.returned:
        log.warning("the rules in %s are not used: %s", place, _why(answer.error))
    return answer.value or []


def _why(error: BaseException | None) -> str:
    """What a warning says of `error`, which the file of rules gave."""
    if not isinstance(error, OSError):
        return reason(error)
    said = {errno.ENOENT: "there is no such file", errno.EACCES: "this user may not read it"}
    why = said.get(error.errno or 0, f"it cannot be read ({error.strerror or type(error).__name__})")
    return f"{why}: correct {VARIABLE}, or `diagnosis` in your file"


def _of_packages() -> list[Rule]:
    found: list[Rule] = []
    until = time.monotonic() + _BUDGET  # for all of them
    for entry in isolation.call(_entries, _BUDGET).value or []:
        answer = isolation.call(_loading(entry), max(until - time.monotonic(), 0.0))
        if not answer.returned:
            log.warning("the rules of %s are not used: %s", entry.value, reason(answer.error))
        found += answer.value or []
    return found


def _entries() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # as long to load as all of this package's channels

    return list(entry_points(group=GROUP))


def _loading(entry: EntryPoint) -> Callable[[], list[Rule]]:
    def load() -> list[Rule]:
        given: Any = entry.load()
        if callable(given):
            given = given()
        return _unique([_checked(rule) for rule in islice(given, _MANY)])  # it may never end

    return load


def _checked(rule: object) -> Rule:
    if not isinstance(rule, Rule):
        raise ArgumentError(f"a {type(rule).__name__} is no Rule")
    rule.check()
    return rule


def read(place: Path) -> list[Rule]:
    """The rules in the TOML file `place`.

    Raises:
        ArgumentError: it is no such file, with the rule and what to mend.
        OSError: it cannot be read.
    """
    return parsed(_text(place))


def _text(place: Path) -> str:
    file = os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # may be a pipe
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ArgumentError("it is no file")
        with open(file, "rb", closefd=False) as stream:
            data = stream.read(_MOST + 1)
        if len(data) > _MOST:
            raise ArgumentError(f"it has more than {_MOST:,} bytes")  # half of it would lack rules, in silence
        return data.decode()
    except UnicodeDecodeError:
        raise ArgumentError("it is no UTF-8: save it anew in that encoding") from None
    finally:
        os.close(file)


def parsed(text: str) -> list[Rule]:
    """The rules in `text`, which is TOML with a table ``[[rule]]`` for each. Raises ArgumentError."""
    try:
        found = loads(text)
    except ValueError as error:
        raise ArgumentError(f"it is no TOML ({error})") from None
    given = found.get("rule")
    if not is_list(given) or not all(map(is_dict, given)):
        raise ArgumentError("it holds no [[rule]]")
    if others := [name for name in found if name != "rule"]:
        raise ArgumentError(f"it holds {others[0]!r:.60}: write each rule below a [[rule]]")
    if len(given) > _MANY:
        raise ArgumentError(f"it has more than {_MANY:,} rules")
    return _unique([_rule(at, fields) for at, fields in enumerate(given, 1) if is_dict(fields)])


def _unique(rules: list[Rule]) -> list[Rule]:
    """Raises ArgumentError: two of these have one id, so that one of them would never be told."""
    ids = set[str]()
    for rule in rules:
        if rule.id in ids:
            raise ArgumentError(f"two rules have the id {rule.id!r:.60}: give each its own")
        ids.add(rule.id)
    return rules


def _rule(at: int, fields: Mapping[object, object]) -> Rule:
    name = fields.get("id", f"number {at}")
    if unknown := [str(key) for key in fields if key not in _NAMES]:
        raise ArgumentError(f"rule {name!r:.60} has a field {unknown[0]!r:.60}: there are {', '.join(_NAMES[1:])}")
    texts: dict[str, Any] = {key: _texts(fields, key, name) for key in _TEXTS if key in fields}
    english = _advice(fields, name)
    rule = Rule(name, english, _chinese(fields, name) or english, fields.get("source", ""), **texts)  # type: ignore[arg-type]
    rule.check()
    return rule


def _chinese(fields: Mapping[object, object], name: object) -> Advice | None:
    if "zh" not in fields:
        return None
    given = fields["zh"]
    if not is_dict(given) or not given.keys() <= {"likely", "next"}:
        raise ArgumentError(f"rule {name!r:.60}: `zh` is no table of `likely` and `next`: write them below [rule.zh]")
    return _advice(given, name)


def _advice(fields: Mapping[object, object], name: object) -> Advice:
    likely = fields.get("likely")
    if not isinstance(likely, str):
        raise ArgumentError(f"rule {name!r:.60} has no `likely`: write the likely cause, a text")
    return Advice(likely, _texts(fields, "next", name))


def _texts(fields: Mapping[object, object], key: str, name: object) -> tuple[str, ...]:
    value = fields.get(key, ())
    texts = [value] if isinstance(value, str) else value
    if not is_list(texts) or not all(isinstance(text, str) and text for text in texts):
        raise ArgumentError(f"rule {name!r:.60}: `{key}` is no list of texts")
    return tuple(map(str, texts))
