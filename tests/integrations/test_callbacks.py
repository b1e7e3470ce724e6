"""What the callbacks of all frameworks share."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twinkle_notifier.integrations import RunCallback


class Hooked(RunCallback):
    """An adapter's callback."""

    _twinkle_hooks = ("on_step",)
    _twinkle_hooks_once = ("on_log",)
    called: list[str]

    def on_step(self) -> None:
        self.called.append("ours")

    def on_log(self) -> None:
        self._twinkle_ran.add("on_log")
        self.called.append("ours")


def test_our_hook_is_called_once_however_deep_a_subclass_is() -> None:
    """Beside that of the class or of a mixin which has its own in its place."""

    class Mixin:
        def on_step(self) -> None:
            self.called.append("mixin")  # type: ignore[attr-defined]

    class Own(Hooked):
        def on_step(self) -> None:
            self.called.append("own")

    kinds: list[Any] = [type("Below", (Own,), {}), type("Mixed", (Mixin, Hooked), {}), type("Plain", (Hooked,), {})]
    made = [kind() for kind in kinds]
    for callback in made:
        callback.called = []
        callback.on_step()
    assert [callback.called for callback in made] == [["ours", "own"], ["ours", "mixin"], ["ours"]]


def test_a_hook_that_counts_runs_once_however_many_subclasses_call_it() -> None:
    """Also where only the innermost calls it, or none does, or one raises before it would."""

    class Calls(Hooked):
        def on_log(self) -> None:
            super().on_log()
            self.called.append("calls")

    class Silent(Hooked):
        def on_log(self) -> None:
            self.called.append("silent")

    class Twice(Calls):
        def on_log(self) -> None:
            super().on_log()
            super().on_log()

    class OverSilent(Silent):
        def on_log(self) -> None:
            super().on_log()
            self.called.append("over")

    class Raises(Calls):
        def on_log(self) -> None:
            raise ValueError

    called: dict[str, list[str]] = {}
    for kind in (Calls, Silent, OverSilent, type("Plain", (Calls,), {}), Twice, Raises):
        callback: Any = kind()
        callback.called = []
        with suppress(ValueError):
            callback.on_log()
        called[kind.__name__] = callback.called
    assert called == {
        "Calls": ["ours", "calls"],
        "Silent": ["silent", "ours"],
        "OverSilent": ["silent", "ours", "over"],
        "Plain": ["ours", "calls"],
        "Twice": ["ours", "calls"] * 2,  # as it says
        "Raises": ["ours"],
    }
