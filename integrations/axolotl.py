# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
"""Axolotl: a plug-in that adds the HF Trainer's callback, with arguments from the configuration file.

``plugins: [twinkle_notifier.integrations.axolotl.NotifierPlugin]``, and where something is to be other than what is set
up: ``twinkle_notifier: {name: sft, stall_after: 600}``.
"""

from __future__ import annotations

from typing import Any, Literal

from axolotl.integrations.base import BasePlugin
from pydantic import BaseModel, ConfigDict, Field
from twinkle_notifier.integrations.transformers import NotifierCallback


class Settings(BaseModel):
    """The arguments of `TrainingRun` that a file can have.

    A notifier is none of them: Axolotl writes its configuration beside the model and to trackers. Nor is a store, which
    is an object.
    """

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    on_start: bool = False
    on_end: bool = True
    save_secrets: bool = False
    stall_after: float | None = Field(default=None, gt=0)
    notifications: Literal["all", "end_only", "failure_only"] | None = None
    language: Literal["en", "zh"] | None = None
    diagnose: bool | None = None
    rules: list[str | dict[str, Any]] | None = None
    progress_every: str | None = None


class NotifierArgs(BaseModel):
    """What this plug-in adds to Axolotl's configuration."""

    twinkle_notifier: Settings | None = None


class NotifierPlugin(BasePlugin):
    """Adds a `NotifierCallback` to the trainer, by the notifier that is set up by variable or file."""

    def get_input_args(self) -> str:
        """See `BasePlugin`."""
        return f"{NotifierArgs.__module__}.{NotifierArgs.__qualname__}"

    def add_callbacks_pre_trainer(self, cfg: Any, model: Any) -> list[NotifierCallback]:
        """See `BasePlugin`."""
        return [NotifierCallback(**dict(cfg.twinkle_notifier or {}))]
