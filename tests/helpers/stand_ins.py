"""Trainers of others that need a GPU or much room, stood in for by modules of the same names and shape.

`make trainers` drives the real ones. Each is source that a script begins with; `happens(step)` is the script's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Names = dict[str, Any]
_STOOD_IN = ("axolotl", "swift")


@contextmanager
def scripts_here() -> Iterator[Callable[[str], Names]]:
    """Runs source in this process, which has loaded the frameworks, and gives its names; the stand-ins go after it."""
    before, path = set(sys.modules), sys.path[:]

    def run(source: str) -> Names:
        names: Names = {"__name__": "script"}
        exec(source, names)
        return names

    yield run
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if any(word in name for word in _STOOD_IN):
            del sys.modules[name]


MODULES = """
import sys
from types import ModuleType, SimpleNamespace

def module(name, **contents):
    made = sys.modules[name] = ModuleType(name)
    vars(made).update(contents, __path__=[])
    return made
"""

# ms-swift 4.6: `swift/utils/utils.py` loads a file so, and `swift/callbacks/mapping.py` has the table.
SWIFT = (
    MODULES
    + """
import importlib.util, os
module("swift")
module("swift.callbacks", callbacks_map={})

def import_external_file(path):
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("_swift_external_1", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""
)

# `swift/megatron/callbacks/base.py` and the loop of `swift/megatron/trainers/base.py`.
SWIFT_MEGATRON = (
    SWIFT
    + """
class MegatronCallback:
    def __init__(self, trainer):
        self.trainer, self.args, self.state = trainer, trainer.args, trainer.state
    def _none(self, **_):
        pass
    on_train_begin = on_train_end = on_step_begin = on_step_end = on_log = on_save = _none
    on_eval_begin = on_eval_end = on_eval_step = on_event_of_tomorrow = _none

module("swift.megatron")
module("swift.megatron.callbacks", MegatronCallback=MegatronCallback, megatron_callbacks_map={})

class BaseMegatronTrainer:
    def __init__(self, callbacks):
        self.args = SimpleNamespace(mcore_model=None, mcore_adapter=None, train_iters=12)
        self.state = SimpleNamespace(
            iteration=0, should_save=False, should_eval=False, max_steps=12, best_model_checkpoint=None
        )
        named = sys.modules["swift.megatron.callbacks"].megatron_callbacks_map
        self.callbacks = [named[name](self) for name in callbacks]

    def call_event(self, event, **given):
        for callback in self.callbacks:
            getattr(callback, event)(**given)

    def train(self, train_dataset, val_dataset):
        self.call_event("on_train_begin")
        while self.state.iteration < self.args.train_iters:
            self.call_event("on_step_begin")
            happens(self.state.iteration)
            self.state.iteration += 1
            self.state.should_save = not self.state.iteration % 3
            self.call_event("on_step_end")
            self._last_logged_metrics = {"loss": 0.5}
            self.call_event("on_log", logs=self._last_logged_metrics)
            if self.state.should_save:
                self.call_event("on_save", output_dir=f"out/checkpoint-{self.state.iteration}")
        self.call_event("on_train_end")
        self.call_event("on_event_of_tomorrow")
"""
)

# LLaMA-Factory 0.9.5: `llamafactory/v1/utils/callbacks` and the loop of `llamafactory/v1/core/base_trainer.py`.
LLAMAFACTORY = (
    MODULES
    + """
class TrainerCallback:
    def _none(self, args, state, **_):
        pass
    on_train_begin = on_train_end = on_epoch_begin = on_epoch_end = _none
    on_step_begin = on_step_end = on_log = on_save = _none

module("llamafactory")
module("llamafactory.v1")
module("llamafactory.v1.utils")
module("llamafactory.v1.utils.callbacks", TrainerCallback=TrainerCallback)

class Handler:
    def __init__(self):
        self.callbacks = []
    def add_callback(self, callback):
        self.callbacks.append(callback)
    def call(self, event, *given, **more):
        for callback in self.callbacks:
            getattr(callback, event)(*given, model=None, **more)

class BaseTrainer:
    def __init__(self):
        self.args = SimpleNamespace(resume_from_checkpoint=None, save_steps=3, output_dir="out")
        self.state = SimpleNamespace(global_step=0, epoch=0, loss=0.0, grad_norm=0.0)
        self.global_step, self.num_training_steps, self.callback_handler = 0, 12, Handler()

    def fit(self):
        call = self.callback_handler.call
        call("on_train_begin", self.args, self.state)
        while self.global_step < self.num_training_steps:
            self.global_step += 1
            self.state.global_step = self.global_step
            call("on_step_begin", self.args, self.state)
            happens(self.global_step - 1)
            self.state.loss = 0.5
            call("on_step_end", self.args, self.state)
            call("on_log", self.args, self.state, logs={"loss": 0.5, "epoch": 0})
        call("on_train_end", self.args, self.state)
"""
)

# Axolotl 0.19: the base class of `axolotl/integrations/base.py`.
AXOLOTL = (
    MODULES
    + """
module("axolotl")
module("axolotl.integrations")
module("axolotl.integrations.base", BasePlugin=type("BasePlugin", (), {}))
"""
)
