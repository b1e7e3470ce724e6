"""Commands below the real supervisor, as its own tests start them."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_spec = spec_from_file_location("supervised", Path(__file__).parents[1] / "supervise" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_supervised = module_from_spec(_spec)
_spec.loader.exec_module(_supervised)

begin = _supervised.begin
robot = _supervised.robot
