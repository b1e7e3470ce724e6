"""Axolotl's plug-in, called as it does; the real one is driven by `make trainers`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("pydantic")

from pydantic import ValidationError
from stand_ins import AXOLOTL, scripts_here
from twinkle_notifier.integrations import RunCallback

# `axolotl/integrations/config.py` makes its schema so.
SCRIPT = """
from twinkle_notifier.integrations.axolotl import NotifierPlugin, Settings
plugin = NotifierPlugin()
module, name = plugin.get_input_args().rsplit(".", 1)
exec(f"from {module} import {name}\\nclass Schema({name}): pass")
"""


@pytest.fixture
def axolotl() -> Iterator[SimpleNamespace]:
    with scripts_here() as run:
        yield SimpleNamespace(**run(AXOLOTL + SCRIPT))


@pytest.fixture
def callback(axolotl: SimpleNamespace) -> Callable[[object], Any]:
    """What the plug-in adds for that part of the file."""

    def made(text: object) -> Any:
        cfg = {"twinkle_notifier": None, **axolotl.Schema(twinkle_notifier=text).model_dump(exclude_none=True)}
        (added,) = axolotl.plugin.add_callbacks_pre_trainer(cfg=SimpleNamespace(**cfg), model=None)
        return added

    return made


def test_the_file_s_arguments_are_the_callback_s(
    callback: Callable[[object], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the file leaves out is what is set up."""
    monkeypatch.setenv("TWINKLE_NOTIFIER_NAME", "mine")
    runs = [callback(text).run for text in ({"name": "sft", "stall_after": 600, "language": "zh"}, None)]
    assert [(run.name, run.stall_after, run.language) for run in runs] == [("sft", 600.0, "zh"), ("mine", None, "en")]


def test_the_file_has_each_argument_that_a_file_can_have(axolotl: SimpleNamespace) -> None:
    """With the same defaults. A notifier holds a secret, and a store is an object."""
    taken = inspect.signature(RunCallback).parameters.values()
    others = {one.name: one.default for one in taken if one.name not in ("notifier", "store")}
    assert dict(axolotl.Settings()) == others


def test_rules_of_the_file_are_the_callback_s(callback: Callable[[object], Any]) -> None:
    """In both forms that docs/rules.md has; one that is wrong is refused before the training begins."""

    def rules(*texts: object) -> list[str]:
        return [rule.text for rule in callback({"rules": texts}).run._rules._rules or ()]

    assert rules("loss > 9 => high", {"condition": "lr < 0", "title": "low"}) == ["loss > 9", "lr < 0"]
    assert rules() == []
    with pytest.raises(ValueError, match="the condition ends too early"):
        rules("loss >")


@pytest.mark.parametrize(("key", "value"), [("url", "https://a"), ("stall_after", -1), ("language", "fr")])
def test_a_wrong_key_or_value_is_refused(axolotl: SimpleNamespace, key: str, value: object) -> None:
    """A URL, too: Axolotl writes its configuration beside the model."""
    with pytest.raises(ValidationError, match=rf"twinkle_notifier\.{key}"):
        axolotl.Schema(twinkle_notifier={key: value})
