"""From where on something of the machine is out of order. A healthy machine under full load is below each of these."""

from __future__ import annotations

# A disk. A large one may have one percent left for months, and a small one has little by design: both must hold.
DISK_LEFT = 1 << 30  # bytes: no checkpoint of a model that needs a GPU fits
DISK_SHARE = 0.05  # of its size: what ext4 keeps for root
FILES_LEFT, FILES_SHARE = 1_000, 0.01  # inodes: a disk without them is full, whatever room it has

# Memory. What the kernel can take back (caches) counts as left.
MEMORY_SHARE = 0.03  # of the host's, or of the control group's limit: the out-of-memory killer is near
SWAP_SHARE = 0.05  # of the swap. It is often full after months, so it counts only beside little memory:
SWAP_BESIDE = 0.10  # of the host's memory

# A GPU. Bits of NVML's reasons why it is slower than it could be (nvmlClocksEventReasons). The limit of power that the
# driver keeps (0x4) is none: a GPU that works hard is there all the time.
THERMAL = 0x20 | 0x40  # by the driver, by the hardware
POWER_BRAKE = 0x80  # the power supply asks for it
HARDWARE = 0x8  # the hardware halves the clock at least, be it for one of the two or for a peak of power

# The kernel's log, in seconds. A lost GPU may be noticed much later: by a collective's time-out.
RECENT = 600.0  # for all but Xids
XIDS_AT_MOST = 86_400.0  # for Xids: since the run began, but not longer
