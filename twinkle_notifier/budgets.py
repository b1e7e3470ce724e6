"""How long things may take, in seconds: the budgets that depend on each other. tests/test_budgets.py checks how.

An exception in one rank, from the call of `notify_exception` to its return at `PATIENCE`::

    0       4               12              20 21   23 24 25
    |-see---|               |               |  |     |  |  |
    |----prepare the alert--|-----send------|-disk---|     |   no other rank has met it
    |----wait for another rank's alert---------|-send--disk|   another rank had claimed it, and failed

- The pipeline describes the exception (`EVENT`), opens the store (`STORE_OPEN`), gathers the ranks that met the same
  (`GATHER`), and begins to send. If it has not begun after `WALK`, a bare message is sent in its place.
- A send takes `CRASH_BUDGET`. A message that could not be sent is kept on the disk, within `DISK`.
- A pipeline that waits for another rank is not late. Any other has begun to send by `LAST_SEND`.
- `RETURN` is left for the bare message of a pipeline that hangs.

The rank that sends holds a claim. The others take it for dead when the claim is older than `LEASE`: that is longer than
a send and the disk together. The verdict of a node on an incident holds for its ranks for `NODE_WORD`, which is longer
than `PATIENCE`.

At the interpreter's end the background has `EXIT_BUDGET`; work that is not done by then is kept within `DISK`.

A stall has `STALL` in all: the wait for another rank that reports it, the gathering, the reading of other ranks'
reports, and the send. The claim is renewed between these, so each of them is shorter than `LEASE`.

A supervisor has `SUPERVISOR` for the alert of the command's end: a process that outlives the command may hold a claim
(`LEASE`), the node on which the failure began goes first (`FIRST_NODE`), another node may be sending (`PATIENCE`), and
then it sends. A command that was asked to end has `ASKED` before its alert: schedulers kill it and its supervisor after
`SCHEDULER_KILLS`.

A budget on which no other depends is in the module that uses it.
"""

from __future__ import annotations

# One exception
PATIENCE = 25.0  # that a process waits, in all, until it or another rank has sent the alert
RETURN = 1.0  # of it, left to keep the message on the disk when the pipeline hangs
CRASH_BUDGET = 8.0  # one send while a run is crashing, all tries together
DISK = 3.0  # to keep a message, or for any other use of a disk, which may be a dead mount
EVENT = 4.0  # to describe the exception; its source files may be on a disk that is gone
STORE_OPEN = 3.0  # to open a store
STORE_RESERVE = 10.0  # left for the send by stores that hang one after the other
GATHER = 1.0  # for the other ranks to meet the same
WALK = 12.0  # that the pipeline may take, without waiting for another rank, before it begins to send
LAST_SEND = 21.0  # after which a pipeline that does not wait for another rank has begun to send
PROGRESS = 2.0  # to ask a trainer how far it got; a tensor on a broken GPU may never answer

# Claims
LEASE = 12.0  # that a claim holds without a sign of life of its rank
NODE_WORD = 30.0  # that a node's verdict on an incident holds; then the run's store is asked anew
SECONDARY_NODE_WORD = 5.0  # the same for a secondary error: the root cause is to blame for `AFTERMATH` only
AFTERMATH = 60.0  # after which a rank that met an error and went on is not to blame for others any more

# The background
BACKGROUND_BUDGET = 30.0  # one task that nobody waits for
EXIT_BUDGET = 2.0  # that the end of the interpreter waits for the background

# Stalls
STALL = 75.0  # all that is done for the alert of a stall
STALL_GATHER = 10.0  # for the other ranks to find that they make no progress either, at most
STALL_READ = 8.0  # to read the other ranks' reports
COLLECTIVES = 2.0  # to read torch's flight recorder
STACKS = 4.0  # to read the stacks of one kind of threads: the one that trains, or the others

# The supervisor
SUPERVISOR = 60.0  # for the alert of the command's end, all waiting for other ranks and nodes included
FIRST_NODE = 10.0  # for the node on which a failure began to report it
ASKED = 10.0  # that a command which was asked to end may take before the alert
SCHEDULER_KILLS = 30.0  # after which SLURM and Kubernetes kill what they asked to end
TORCHRUN_WAITS = 30.0  # that torchrun waits for its ranks to end
TOGETHER = 60.0  # between the first and the last end of processes that belong together
