"""How the processes of a command come to tell those whom ``--to`` names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from twinkle_notifier import isolation
from twinkle_notifier.budgets import DISK
from twinkle_notifier.channels import OF_TWINKLE, VARIABLE
from twinkle_notifier.credentials.references import is_reference
from twinkle_notifier.runtime import state_dir

_FILE = "to.json"


def environment(
    env: Mapping[str, str], to: str, notifier: Callable[[str], object] | None, folder: Path
) -> dict[str, str]:
    """What to add to the environment `env` of a command, so that those inside who are given no notifier have this one.

    A reference is passed on. Anything else, as it may be secret, waits in a file of the mailbox `folder` that only its
    owner can read. What `env` says itself stays.
    """
    if not to or any(env.get(name, "").strip() for name in (VARIABLE, OF_TWINKLE)):
        return {}
    to = to.strip()
    if is_reference(to):
        kind, _, target = to.partition(":")
        # A relative path would lead elsewhere once the command has changed its folder.
        return {VARIABLE: f"file:{os.path.abspath(os.path.expanduser(target))}" if kind == "file" else to}

    def write() -> None:
        content = json.dumps(getattr(notifier, "to_dict", dict)()).encode()
        state_dir.replace(folder / _FILE, content, sync=False)

    return {VARIABLE: f"file:{folder / _FILE}"} if isolation.call(write, DISK).returned else {}
