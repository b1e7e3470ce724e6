"""What makes each Python below a supervisor run the files of `attach/startup`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "TWINKLE_NOTIFIER_ATTACH"  # "0": no process is attached
NAME = "TWINKLE_NOTIFIER_ATTACH_NAME"  # what the supervisor calls the run: attached callbacks call it so, too
STARTUP = Path(__file__).parents[1] / "attach" / "startup"


def environment(env: Mapping[str, str], name: str = "") -> dict[str, str]:
    """What to change in the environment `env` of a command, so that the Pythons below it are attached.

    `name` is that of the run.
    """
    if env.get(VARIABLE, "").strip() == "0" or os.pathsep in str(STARTUP):  # which would name two other folders
        return {}
    rest = env.get("PYTHONPATH", "")
    path = os.pathsep.join([str(STARTUP), rest] if rest else [str(STARTUP)])
    return {"PYTHONPATH": path, **({NAME: name} if name else {})}
