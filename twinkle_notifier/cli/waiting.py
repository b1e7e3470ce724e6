"""What waits to be sent, as people see it before it is: nothing is sent, and no file is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from twinkle_notifier import isolation
from twinkle_notifier.delivery.descriptor import chat, chat_of
from twinkle_notifier.delivery.letter import Letter, clock
from twinkle_notifier.delivery.spool import Spool
from twinkle_notifier.errors import reason
from twinkle_notifier.messages.sanitize import shown_in_log
from twinkle_notifier.notifier import Notifier
from twinkle_notifier.runtime import state_dir
from twinkle_notifier.supervisor import orphans

_HEADLINE = 200  # characters
_LOOK = 5.0  # seconds to look into the other folders, whose disks may hang


@dataclass(frozen=True)
class Waiting:
    """The letters that wait, oldest first, each once, and what stands in the way of others."""

    letters: list[Letter]
    problems: list[str]

    @classmethod
    def of(cls, roots: Sequence[Path]) -> Waiting:
        """In the folders `roots`. Raises no OSError."""
        letters, problems = orphans.listed(roots)
        for spool in Spool.everyone(roots=roots):
            more, other = spool.listed()
            letters, problems = letters + more, problems + other
        each = {(letter.id, letter.goes_to()): letter for letter in letters}
        return cls(sorted(each.values(), key=lambda letter: letter.at), problems)

    def count(self) -> int:
        """How many events they tell of."""
        return sum(letter.count() for letter in self.letters)


def show(letter: Letter, to: Notifier | None) -> list[str]:
    """A line for each event of `letter`: when it was, to which kind of chat it goes, its headline."""
    where = chat(to) if to is not None else chat_of(letter.notifier)
    lines = []
    for event in letter.events:
        times = f" ({event.count} times)" if event.count > 1 else ""
        lines.append(f"{clock(event.at)}  {shown_in_log(where, 60)}  {shown_in_log(event.headline, _HEADLINE)}{times}")
    return lines


def elsewhere() -> list[str]:
    """A line for each other folder than the named one in which something waits. In time, and raises no OSError."""
    answer = isolation.call(lambda: list(map(_waits_in, state_dir.elsewhere())), _LOOK)
    if not answer.returned:
        return [f"what waits in other folders is not known: {reason(answer.error)}"]
    return [said for said in answer.result() if said]


def _waits_in(root: Path) -> str:
    count = Waiting.of([root]).count()
    return f"{count} more wait in {root}: --all sends those, too" if count else ""
