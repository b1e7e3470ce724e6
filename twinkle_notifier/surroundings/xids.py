"""What NVIDIA's driver reports to the kernel's log by a number, the Xid, and whose fault that is.

Source: NVIDIA's Xid catalog, https://docs.nvidia.com/deploy/xid-errors/. A number that is missing here can be of
either.
"""

from __future__ import annotations

import re

from twinkle_notifier.surroundings.trouble import Trouble

OF_MACHINE: dict[int, Trouble] = {
    48: Trouble("a double-bit ECC error in its memory"),
    61: Trouble("its micro-controller stopped at a breakpoint"),
    62: Trouble("its micro-controller halted"),
    63: Trouble(
        "a broken part of its memory is to be put out of use, which needs a reset of the GPU or a reboot (older GPUs: "
        "a reload of the driver)"
    ),
    64: Trouble("a broken part of its memory could not be put out of use"),
    74: Trouble("an error of its NVLink"),
    79: Trouble("the GPU has fallen off the bus"),
    92: Trouble("many single-bit ECC errors"),
    94: Trouble("an uncorrectable ECC error, which ended the program that met it"),
    95: Trouble("an uncorrectable ECC error, which may have reached other programs"),
    140: Trouble("an ECC error that its driver could not recover: it needs a reset"),
    156: Trouble("a broken part of it is to be put out of use: it needs a reset"),
    157: Trouble("a broken part of it could not be put out of use"),
}
OF_PROGRAM: dict[int, Trouble] = {
    13: Trouble(
        "a wrong instruction or address in a kernel: the program's fault as a rule, but the hardware does it, too"
    ),
    31: Trouble("the program used memory that is not its own"),
    43: Trouble("the driver stopped the program's work"),
}
# The hardware's, the driver's or a program's.
OF_EITHER: dict[int, Trouble] = {
    46: Trouble("the GPU stopped processing"),
    119: Trouble("its system processor (GSP) did not answer the driver"),
    120: Trouble("its system processor (GSP) failed"),
    **dict.fromkeys(range(144, 151), Trouble("an error of its NVLink")),
    158: Trouble("it did not answer in time: it needs a reset"),
}
CLEANED_UP = 45  # after any other Xid, but also after Ctrl-C or a kill: it says nothing
RECOVERY = 154  # what the Xids before it make necessary has changed
_CHANGED = re.compile(r"recovery action changed from [^)]{1,60}\) to \w{1,12} \(([^)]{1,40})\)")
_ACTIONS = {
    "GPU Reset Required": Trouble("it needs a reset to work again"),
    "Node Reboot Required": Trouble("it needs a reboot of the node to work again"),
    "Drain and Reset": Trouble("its programs have to end, then it needs a reset to work again"),
}


def meaning(number: int, text: str) -> Trouble | None:
    """What the Xid of the record `text` means; None if that is not known, or if after `RECOVERY` it needs nothing."""
    if number == RECOVERY:
        return _needed(text)
    return OF_MACHINE.get(number) or OF_PROGRAM.get(number) or OF_EITHER.get(number)


def _needed(text: str) -> Trouble | None:
    changed = _CHANGED.search(text)
    action = changed[1] if changed is not None else "?"
    if action == "None":
        return None
    return _ACTIONS.get(action) or Trouble("to work again it needs: {action}", {"action": action})
