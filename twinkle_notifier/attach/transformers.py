"""The callback that is attached to HF trainers. It imports the framework."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.attach.trainers import AttachedRun
from twinkle_notifier.integrations.transformers import NotifierCallback


class Attached(NotifierCallback):
    """Among the default callbacks of each trainer; it gives way to one that the user adds, whenever that is."""

    _run_class = AttachedRun
    _gives_way = True


def attach(module: Any) -> None:
    """Before a trainer, whose class `module` defines, is constructed: making the callback hooks its methods then."""
    if Attached not in module.DEFAULT_CALLBACKS:
        module.DEFAULT_CALLBACKS.append(Attached)
