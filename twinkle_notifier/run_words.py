"""What a run is called in messages, and the language that they are in."""

from __future__ import annotations

from twinkle_notifier.isolation import safe
from twinkle_notifier.messages.catalog import phrase
from twinkle_notifier.runtime.language import Language, language
from twinkle_notifier.runtime.run_name import default_name


class RunWords:
    """A run with a name and a language, either given or set up."""

    _name: str | None
    _language: Language | None

    @property
    def name(self) -> str:
        """The run's name in messages."""
        return (safe.text(self._name) if self._name is not None else "") or default_name()

    def keep_name(self) -> None:
        """Copies in other processes, which may be called otherwise, have this name, too."""
        self._name = self.name

    @property
    def language(self) -> Language:
        """The language of its messages."""
        return language(self._language)

    def says(self, text: str, **values: object) -> str:
        """For adapters: `text`, one of this package's English ones, in `language`, with `values` in its ``{slots}``."""
        return phrase(self.language, text, **values)

    def _says(self, text: str, what: str = "", **values: object) -> str:
        return phrase(self.language, text, name=self._name_of(what), **values)

    def _name_of(self, what: str) -> str:
        return f"{self.name}: {what}" if what else self.name
