"""The training that a watchdog watches."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from twinkle_notifier import claims
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery.descriptor import channel
from twinkle_notifier.messages.report import Progress
from twinkle_notifier.runtime.launcher import Where
from twinkle_notifier.runtime.stored import hashed


@dataclass(frozen=True)
class Watched:
    """The training that a watchdog watches: whom to alert, and as which of this process's trainings."""

    notifier: Callable[[str], object] | None
    name: str
    store: Store | None
    mark: claims.Watermark  # when it began
    progress: Callable[[], Progress] | None
    thread: int  # that trains
    number: int  # among those of this process

    @functools.cached_property
    def key(self) -> str:
        """Under which the ranks agree on its stalls; a process on its own may have several trainings at a time."""
        name = hashed(self.name, errors="replace")
        number = f"-{self.number}" if Where.here().world_size == 1 else ""
        return f"stall-{name}-{channel(self.notifier)}{number}" if self.notifier is not None else ""
