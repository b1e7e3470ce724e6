"""The callback that is attached to HF trainers. It imports the framework."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.integrations.transformers import NotifierCallback


class Attached(NotifierCallback):
    """Among the default callbacks of each trainer; it does nothing if the user adds one, at any time."""

    _run_class = AttachedRun
    _gives_way = 2


def attach(module: Any) -> None:
    """Add the callback to the defaults of `module`, before a trainer is constructed: it is made and hooked then."""
    if Attached not in module.DEFAULT_CALLBACKS:
        module.DEFAULT_CALLBACKS.append(Attached)
