"""What the tests of the supervisor share."""

from __future__ import annotations

from supervised import begin, robot

__all__ = ["begin", "robot"]
