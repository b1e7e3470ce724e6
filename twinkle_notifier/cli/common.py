"""What the commands share."""

from __future__ import annotations

import argparse
from typing import TypeAlias

IN_PS = "Every user of this machine sees a URL here in ps: rather give env:NAME or file:PATH, where it stands"

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
