"""What NVIDIA's driver reports to the kernel's log by a number, the Xid, and whose fault that is.

Source: NVIDIA's Xid catalog, https://docs.nvidia.com/deploy/xid-errors/. A number that is missing here can be of
either.
"""

from __future__ import annotations

from twinkle_notifier.surroundings.trouble import Trouble

OF_MACHINE: dict[int, Trouble] = {
    48: Trouble("a double-bit ECC error in its memory"),
    61: Trouble("its micro-controller stopped at a breakpoint"),
    62: Trouble("its micro-controller halted"),
    63: Trouble("a broken part of its memory was put out of use"),
    64: Trouble("a broken part of its memory could not be put out of use"),
    74: Trouble("an error of its NVLink"),
    79: Trouble("the GPU has fallen off the bus"),
    92: Trouble("many single-bit ECC errors"),
    94: Trouble("an uncorrectable ECC error, which ended the program that met it"),
    95: Trouble("an uncorrectable ECC error, which may have reached other programs"),
    119: Trouble("its system processor (GSP) did not answer the driver"),
    120: Trouble("its system processor (GSP) failed"),
}
OF_PROGRAM: dict[int, Trouble] = {
    13: Trouble("a wrong instruction or address in a kernel of the program"),
    31: Trouble("the program used memory that is not its own"),
    43: Trouble("the driver stopped the program's work"),
    45: Trouble("the driver cleaned up after the program had ended"),
}
