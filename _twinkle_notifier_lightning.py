"""What Lightning asks for callbacks whenever a trainer is made: `pyproject.toml` names it as an entry point.

It is no part of the package: a trainer that shall have no callback does not load that, and a package that cannot be
loaded breaks no trainer.
"""

from __future__ import annotations

import os
import sys
from typing import Any

_VARIABLES = ("TWINKLE_NOTIFIER_URL", "TWINKLE_NOTIFIER")
_STARTUP = "_twinkle_notifier_attach"  # is loaded below `twinkle-notifier run`, which adds a callback of its own


def callbacks() -> list[Any]:
    """A callback that gives way to one of the user's, where a notifier may be set up. It never raises."""
    try:
        if _STARTUP in sys.modules or not (any(map(os.environ.get, _VARIABLES)) or _has_file()):
            return []
        from twinkle_notifier.attach import lightning

        return lightning.installed()
    except Exception:  # half an installation, another version of Lightning
        return []


def _has_file() -> bool:
    """Whether `twinkle-notifier init` was run; see `twinkle_notifier.runtime.user_file`."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):
        folder = os.path.join(os.path.expanduser("~"), ".config")
    return os.path.lexists(os.path.join(folder, "twinkle-notifier", "config.toml"))
