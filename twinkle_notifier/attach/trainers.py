"""Our callback among those of each trainer that is made in an attached process, unless the user gave one."""

from __future__ import annotations

from typing import Any


def transformers(trainer_class: type, trainer: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments for the constructor of an HF `Trainer`."""
    return args, kwargs


def lightning(trainer_class: type, trainer: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments for the constructor of a Lightning `Trainer`."""
    return args, kwargs
