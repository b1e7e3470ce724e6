"""Axolotl's plug-in, called as it does; the real one is driven by `make trainers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("pydantic")

from stand_ins import AXOLOTL

Run = Callable[..., Any]
PLUGIN = """
from types import SimpleNamespace
from twinkle_notifier.integrations.axolotl import NotifierPlugin
plugin = NotifierPlugin()
"""
# `axolotl/integrations/config.py` makes its schema so.
SCHEMA = """
module, name = plugin.get_input_args().rsplit(".", 1)
space = {}
exec(f"from {module} import {name}\\nclass Schema({name}): pass", space)
"""


def test_the_file_s_arguments_are_the_callback_s(run: Run) -> None:
    """What the file leaves out is what is set up."""
    train = """
for text in ({"name": "sft", "stall_after": 600, "language": "zh"}, None):
    cfg = space["Schema"](twinkle_notifier=text).model_dump(exclude_none=True)
    (callback,) = plugin.add_callbacks_pre_trainer(cfg=SimpleNamespace(**{"twinkle_notifier": None, **cfg}), model=None)
    print(callback.run.name, callback.run.stall_after, callback.run.language)
"""
    done = run(AXOLOTL + PLUGIN + SCHEMA + train, TWINKLE_NOTIFIER_NAME="mine")
    assert done.stdout.splitlines() == ["sft 600.0 zh", "mine None en"], done.stderr


def test_the_file_has_each_argument_that_a_file_can_have(run: Run) -> None:
    """With the same defaults. A notifier holds a secret, and a store is an object."""
    compare = """
import inspect
from twinkle_notifier.integrations import RunCallback
from twinkle_notifier.integrations.axolotl import Settings
taken = inspect.signature(RunCallback).parameters.values()
print({one.name: one.default for one in taken if one.name not in ("notifier", "store")} == dict(Settings()))
"""
    done = run(AXOLOTL + PLUGIN + compare)
    assert done.stdout.splitlines() == ["True"], done.stderr


def test_rules_of_the_file_are_the_callback_s(run: Run) -> None:
    """In both forms that docs/rules.md has; one that is wrong is refused before the training begins."""
    train = """
for rules in (["loss > 9 => high", {"condition": "lr < 0", "title": "low"}], [], ["loss >"]):
    cfg = space["Schema"](twinkle_notifier={"rules": rules}).model_dump(exclude_none=True)
    (callback,) = plugin.add_callbacks_pre_trainer(cfg=SimpleNamespace(**cfg), model=None)
    print([rule.text for rule in callback.run._rules._rules or ()])
"""
    done = run(AXOLOTL + PLUGIN + SCHEMA + train)
    assert done.stdout.splitlines() == ["['loss > 9', 'lr < 0']", "[]"], done.stderr
    assert done.returncode == 1
    assert "the condition ends too early" in done.stderr, done.stderr


@pytest.mark.parametrize(("key", "value"), [("url", "'https://a'"), ("stall_after", "-1"), ("language", "'fr'")])
def test_a_wrong_key_or_value_is_refused(run: Run, key: str, value: str) -> None:
    """A URL, too: Axolotl writes its configuration beside the model."""
    done = run(AXOLOTL + PLUGIN + SCHEMA + f"space['Schema'](twinkle_notifier={{'{key}': {value}}})")
    assert done.returncode == 1
    assert f"twinkle_notifier.{key}" in done.stderr, done.stderr
