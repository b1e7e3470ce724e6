"""A search of hyperparameters: how its trials ended, as an alert says it."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from twinkle_notifier.exceptions.cancellation import is_pruned
from twinkle_notifier.isolation.safe import is_dict, is_list, is_tuple
from twinkle_notifier.messages.catalog import fact, facts, listed, phrase

_BEST = 5  # trials that are named; a search with several objectives has several best ones


class Search:
    """How many trials of a search ended in this process, and how."""

    def __init__(self, language: str = "en") -> None:
        self.language: str = language
        self.trials: int = 0
        self.failed: int = 0
        self.pruned: int = 0
        self._threads: set[int] = set()  # ids of threads that run a trial now

    @contextmanager
    def trial(self, *, begins: bool) -> Generator[None]:
        """Count what runs within as a trial; as a part of one if not `begins`. Inner blocks do not count."""
        thread = threading.get_ident()
        if thread in self._threads:
            yield
            return
        self._threads.add(thread)
        self.trials += begins
        try:
            yield
        except BaseException as exc:
            self.pruned, self.failed = self.pruned + is_pruned(exc), self.failed + (not is_pruned(exc))
            raise
        finally:
            self._threads.discard(thread)

    def facts(self, *best: tuple[object, object, object]) -> list[str]:
        """Markdown list items: how many trials there were, and the `best`: name, objective, parameters of each."""
        language = self.language
        counts = (("{number} trials", self.trials), ("{number} failed", self.failed), ("{number} pruned", self.pruned))
        shown = listed(language, *(phrase(language, text, number=number) for text, number in counts if number))
        return facts(
            fact(language, "Search", shown),
            *(fact(language, "Best trial", _trial(language, *trial)) for trial in best[:_BEST]),
        )


def _shown(value: object) -> str:
    if is_dict(value):
        return ", ".join(f"{name} {_shown(of)}" for name, of in value.items())
    if is_list(value) or is_tuple(value):
        return " / ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _trial(language: str, name: object, objective: object, parameters: object) -> str:
    said = phrase(language, "{name}, objective {objective}", name=name, objective=_shown(objective))
    return f"{said}, {_shown(parameters)}"
