"""All that is told of a command."""

from __future__ import annotations

import time
from dataclasses import replace

from twinkle_notifier.runtime import Attempt
from twinkle_notifier.supervise import memory, torchrun
from twinkle_notifier.supervise.ending import Ending
from twinkle_notifier.supervise.facts import Facts
from twinkle_notifier.supervise.pulse import Pulse
from twinkle_notifier.supervise.teller import Teller
from twinkle_notifier.supervise.watch import Watch
from twinkle_notifier.supervision import Supervision

_ASKED = 600.0  # seconds from a signal to the end that it accounts for


class Telling:
    """Of one command, from its start to its end."""

    def __init__(self, facts: Facts) -> None:
        plan, self._facts = facts.plan, facts
        folder = Supervision(facts.folder) if facts.folder is not None else None
        self._teller = Teller(plan.name, plan.notifier, folder)
        self._watch = Watch(self._teller, plan.stall_after, facts.output, facts.pid, folder, self._ending)
        self._pulse = Pulse(plan.heartbeat) if plan.heartbeat else None

    def begin(self) -> None:
        """The command runs."""
        self._watch.begin()
        if self._pulse is not None:
            self._pulse.begin()

    def ended(self, code: int) -> None:
        """The command has ended."""
        if self._pulse is not None:
            self._pulse.end()
        known = self._watch.end()
        if code:
            self._facts.output.end()
        ending = self._ending(code)
        ending = replace(ending, attempt=self._watch.attempt() or ending.attempt)
        self._tell(ending, known=known and ending.was_asked_for())

    def not_started(self, code: int, said: str) -> None:
        """The command could not even be started."""
        self._tell(replace(self._ending(code), recorded=torchrun.Recorded(said, "")), known=False)

    def _tell(self, ending: Ending, *, known: bool) -> None:
        self._teller.ended(ending, on_success=self._facts.plan.on_success, known=known)

    def _ending(self, code: int) -> Ending:
        facts, kills = self._facts, memory.kills()
        now = facts.ended or time.time()
        asked, asked_at = facts.asked if facts.asked and now - facts.asked[1] < _ASKED else (None, 0.0)
        return Ending(
            facts.plan.name,
            facts.command,
            code,
            now - facts.began,
            now,
            facts.pid,
            asked,
            asked_at,
            kills - facts.kills if kills is not None and facts.kills is not None else None,
            output=facts.output.tail(),
            attempt=Attempt.here(),
        )
