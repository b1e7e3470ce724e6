"""What is done inside a Python below `twinkle-notifier run`. Standard library alone, Python 3.8 and later."""

import os
import sys

# A trainer's module, and what is done once it is loaded.
_TRAINERS = {
    "transformers.trainer": "transformers",
    "lightning.pytorch.trainer.trainer": "lightning",
    "pytorch_lightning.trainer.trainer": "lightning",
}


def begin():
    """Attach this process. Loads nothing."""
    sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds nothing itself; lets `_loaded` know when a module of `_TRAINERS` has been loaded."""

    def find_spec(self, name, path=None, target=None):
        if name not in _TRAINERS:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)) is not None:
                _when_loaded(spec, name)
                return spec
        return None


def _when_loaded(spec, name):
    loader = spec.loader
    exec_module = loader.exec_module

    def then(module):
        loader.exec_module = exec_module
        exec_module(module)
        _loaded(name, module)

    loader.exec_module = then


def _loaded(name, module):
    """Wrap the trainer's constructor: our package is loaded when the first trainer is made, not before."""
    import functools

    original = module.Trainer.__init__

    @functools.wraps(original)  # its signature is read by command lines of trainers, its source by others
    def __init__(self, *args, **kwargs):
        attached = _attached(_TRAINERS[name])
        if attached is None:
            original(self, *args, **kwargs)
        else:
            attached(module, self, lambda: original(self, *args, **kwargs))

    module.Trainer.__init__ = __init__


def _attached(name):
    try:
        from twinkle_notifier.attach import trainers

        return getattr(trainers, name)
    except Exception:  # another Python, without our package
        return None
