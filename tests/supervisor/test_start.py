"""How the command is started."""

from __future__ import annotations

import subprocess
import sys

from twinkle_notifier.stalls import watchdog
from twinkle_notifier.supervisor import command


def test_the_command_s_signals_are_as_without_us() -> None:
    """What is blocked and ignored in it, but for two that glibc keeps for itself."""
    shows = ["grep", "Sig[BI]", "/proc/self/status"]
    run = [sys.executable, "-m", "twinkle_notifier", "run", "--", *shows]
    lines = [subprocess.run(command, stdout=subprocess.PIPE, cwd="/").stdout.split() for command in (shows, run)]
    bare, ours = ([int(mask, 16) & ~(3 << 31) for mask in line[1::2]] for line in lines)
    assert ours == bare


def test_the_variable_for_stalls_is_theirs() -> None:
    """It is named twice, as the supervisor does not import the watchdog."""
    assert command.STALL_AFTER == watchdog.VARIABLE
