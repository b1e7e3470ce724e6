"""What the callbacks of all frameworks share."""

from __future__ import annotations

from typing import Any

from twinkle_notifier.integrations import RunCallback


class Hooked(RunCallback):
    """An adapter's callback."""

    _twinkle_hooks = ("on_step",)
    called: list[str]

    def on_step(self) -> None:
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
