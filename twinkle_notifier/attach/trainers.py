"""Our callback among those of each trainer that is made in an attached process, unless the user gave one.

Loaded when the first trainer is made. What is raised here breaks no trainer.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any

from twinkle_notifier import isolation
from twinkle_notifier.isolation.safe import reason

log: logging.Logger = logging.getLogger("twinkle_notifier")


def before(framework: str, module: ModuleType) -> None:
    """A trainer, whose class `module` defines, is about to be constructed: HF's makes its default callbacks then."""
    if framework == "transformers":
        _try(lambda: importlib.import_module("twinkle_notifier.attach.transformers").attach(module))


def after(framework: str, trainer: Any) -> None:
    """`trainer` is constructed: a Lightning one has its callbacks."""
    if framework == "lightning":
        _try(lambda: importlib.import_module("twinkle_notifier.attach.lightning").attach(trainer))


def _try(work: Callable[[], None]) -> None:
    answer = isolation.tried(work)
    if answer.error is not None and not isinstance(answer.error, Exception):
        raise answer.error  # Ctrl-C, or what the user's handler of a signal raises
    if answer.error is not None:
        log.warning("this training is not attached: %s", reason(answer.error))
