"""What a checkpoint holds of us, and what a resume makes of it."""

from __future__ import annotations

import logging
import time as clock
from typing import Any

from twinkle_notifier import foreign
from twinkle_notifier.credentials import holds_redacted
from twinkle_notifier.errors import reason
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.references import is_reference, resolve

VERSION = 1
_REMEMBERED = 50  # messages that the state lists
_BUDGET = 2.0  # seconds for a notifier's own from_dict

log = logging.getLogger("twinkle_notifier")


def fresh() -> dict[str, Any]:
    """The state of a run that has no past."""
    return {"version": VERSION, "notifier": None, "sent": []}


def add_sent(state: dict[str, Any], *, what: str, time: str, incident: str = "") -> None:
    """Note a message in `state`, in place."""
    entry = {"what": what, "time": time, **({"incident": incident, "at": clock.time()} if incident else {})}
    state["sent"] = [*state["sent"], entry][-_REMEMBERED:]


def times(state: dict[str, Any]) -> list[tuple[str, float]]:
    """The incidents that `state` knows of, and when they were told, in seconds since 1970."""
    return [(str(e.get("incident")), e["at"]) for e in state["sent"] if isinstance(e.get("at"), float)]


def read(data: object) -> dict[str, Any]:
    """The state that a checkpoint held, whoever wrote it: what cannot be used is left out, with a warning.

    None, from a checkpoint that does not know us, is no reason to warn.
    """
    state = fresh()
    if data is None:
        return state
    if not isinstance(data, dict) or not isinstance(data.get("version"), int):
        log.warning("the notifier's state in the checkpoint is damaged; the run goes on without it")
        return state
    if data["version"] > VERSION:
        log.warning(
            "the notifier's state in the checkpoint is of version %d, newer than ours (%d)", data["version"], VERSION
        )
    if isinstance(data.get("notifier"), dict):
        state["notifier"] = data["notifier"]
    if isinstance(data.get("sent"), list):
        state["sent"] = [entry for entry in data["sent"] if _is_entry(entry)][-_REMEMBERED:]
    return state


def _resolved(value: Any) -> bool:
    """True; raises CredentialError when a reference in `value` leads nowhere on this machine."""
    if isinstance(value, dict | list):
        return all(_resolved(item) for item in (value.values() if isinstance(value, dict) else value))
    return bool(resolve(value)) if is_reference(value) else True


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("what", "time"))


def restored(state: dict[str, Any]) -> Notifier | None:
    """The notifier of a checkpoint, for a run that was given none; None, with a warning, when it cannot work."""
    data = state["notifier"]
    if data is None:
        return None
    if holds_redacted(data):
        log.warning(
            "the checkpoint's %s cannot be used: checkpoints hold no secrets. Give the callback a notifier, "
            "or use references such as 'env:DING_URL' in it",
            data.get("class"),
        )
        return None
    answer = foreign.call(lambda: _resolved(data) and Notifier.from_dict(data), _BUDGET)
    if isinstance(answer.value, Notifier):
        return answer.value
    log.warning("the checkpoint's %s cannot be restored (%s)", data.get("class"), reason(answer.error))
    return None
