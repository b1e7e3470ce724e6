"""Runs when a Python starts below `twinkle-notifier run`, whichever version it is: see `twinkle_notifier.attach`."""

import os
import sys

_folder = os.path.dirname(os.path.abspath(__file__))


def _attach():
    if os.environ.get("TWINKLE_NOTIFIER_SUPERVISOR") and os.environ.get("TWINKLE_NOTIFIER_ATTACH") != "0":
        if sys.version_info >= (3, 8):
            import _twinkle_notifier_attach

            _twinkle_notifier_attach.begin()


try:
    _attach()
except Exception:  # a Python that starts is never broken by us
    pass

# The user's own: as if this folder were not there.
sys.path[:] = [path for path in sys.path if path != _folder]
_own = sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # noqa: F401
except ImportError as error:
    if getattr(error, "name", "sitecustomize") != "sitecustomize":
        raise
    sys.modules["sitecustomize"] = _own
