"""What the launcher says: rank, world size, attempt, and what the ranks of one run have in common."""

from __future__ import annotations

import math
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from twinkle_notifier import isolation
from twinkle_notifier.runtime import host
from twinkle_notifier.runtime.host import folder_key, network, process_key, scope
from twinkle_notifier.runtime.process import first_of_forks, is_forked_from

_ASK = 1.0  # seconds for a framework's answer, in a crash
_DIGITS = 10  # a launcher's number has fewer

T = TypeVar("T")


class Where(NamedTuple):
    """The place of one process in its run."""

    rank: int
    world_size: int
    local_rank: int
    local_world_size: int
    hostname: str
    pid: int
    python: str = sys.version.partition(" ")[0]

    @classmethod
    def here(cls) -> Where:
        """This process, according to torch.distributed if that is set up, else to the launcher's variables."""
        rank, world_size = _from_torch() or _from_launcher()
        world_size = max(world_size, rank + 1)
        local = _first_number("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID")
        local_world_size = _first_number("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE")
        return cls(rank, world_size, local or 0, local_world_size or world_size, socket.gethostname(), os.getpid())

    @classmethod
    def alone(cls) -> Where:
        """This process as the only one of its run."""
        return cls(0, 1, 0, 1, socket.gethostname(), os.getpid())

    def __str__(self) -> str:
        return f"rank {self.rank} of {self.world_size}"


def _from_torch() -> tuple[int, int] | None:
    distributed = sys.modules.get("torch.distributed")  # we never import it: if nobody else did, there is no group
    if distributed is None:
        return None

    def asked() -> tuple[object, object] | None:
        is_there = distributed.is_available() is True and distributed.is_initialized() is True
        return (distributed.get_rank(), distributed.get_world_size()) if is_there else None

    rank, size = _answer(asked) or (None, None)
    return (rank, size) if type(rank) is int and type(size) is int and 0 <= rank < size else None


def _answer(asked: Callable[[], T | None]) -> T | None:
    """What a framework answers; None if it raises, as a half imported one does. In a crash also if it hangs."""
    # Only in a crash in a thread of its own: Python 3.12 warns if a process that has threads forks.
    in_a_crash = isolation.remaining() < math.inf
    return (isolation.call(asked, _ASK) if in_a_crash else isolation.tried(asked)).value


def _from_launcher() -> tuple[int, int]:
    rank = _first_number("RANK", *_srun("SLURM_PROCID"), "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")
    size = _first_number("WORLD_SIZE", *_srun("SLURM_NTASKS"), "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
    if rank is None:  # Lightning's own launcher sets a node and a local rank; every node has as many ranks
        local, node = _first_number("LOCAL_RANK") or 0, _first_number("NODE_RANK", "GROUP_RANK") or 0
        rank = node * (_first_number("LOCAL_WORLD_SIZE") or 0) + local
    return rank, size or 1


def _srun(name: str) -> list[str]:
    """`name`, but only inside `srun`: a shell of `salloc` is one process, and has SLURM's variables, too."""
    return [name] if "SLURM_STEP_ID" in os.environ and "SLURM_PROCID" in os.environ else []


def _first_number(*names: str) -> int | None:
    for name in names:
        text = os.environ.get(name, "")
        if text.isdecimal() and len(text) < _DIGITS:
            return int(text)
    return None


def lost_child() -> bool:
    """Whether Lightning's launcher runs in this process, and a signal killed a rank that it has not waited for yet.

    That launcher is recognized by NODE_RANK, which torchrun does not set. Any child of this process counts: whose it
    was cannot be seen any more. The child is not reaped, so its owner can still wait for it.
    """
    if "NODE_RANK" not in os.environ or "TORCHELASTIC_RUN_ID" in os.environ:
        return False
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):  # no child, or no waitid on this system
        return False
    return ended is not None and ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED)


class Attempt(NamedTuple):
    """Which start of its run this is, according to the launcher. Only for people, as nodes may differ in it.

    `number` counts from 1; `of` is how many starts there may be. Each is 0 if it is not known. `again`: whether another
    follows, where the launcher has decided that; else the numbers say so.
    """

    number: int = 0
    of: int = 0
    again: bool | None = None

    @classmethod
    def here(cls) -> Attempt:
        """According to torchrun, if it may restart at all; else to SLURM, which counts only what it has requeued."""
        restarts, limit = _first_number("TORCHELASTIC_RESTART_COUNT"), _first_number("TORCHELASTIC_MAX_RESTARTS")
        if restarts is not None and limit:
            return cls(restarts + 1, limit + 1)
        restarts = _first_number("SLURM_RESTART_COUNT")
        return cls(restarts + 1) if restarts else cls()

    def __str__(self) -> str:
        return f"attempt {self.number}{f' of {self.of}' if self.of else ''}" if self.number else ""

    def is_last(self) -> bool:
        """Whether the launcher will not start this run again."""
        if self.again is not None:
            return not self.again and max(self.number, self.of) > 1
        return 0 < self.of <= self.number

    def is_followed(self) -> bool:
        """Whether the launcher will start this run again if it fails."""
        return self.again if self.again is not None else 0 < self.number < self.of


_SIZES = (  # variables with the ranks of the run, and of this node
    ("WORLD_SIZE", "LOCAL_WORLD_SIZE"),
    ("WORLD_SIZE", "LOCAL_SIZE"),  # DeepSpeed
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE"),
    ("PMI_SIZE", "MPI_LOCALNRANKS"),
)
_HERE = ("", "localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback")


def run_key(where: Where) -> str | None:
    """A text that all ranks of this run share, and other runs likely do not; None for a process on its own.

    It names the machine or container if the run has one node, or a master at a loopback address; and the scheduler's
    job, if there is one. It only narrows the search: whether a claim that is found by it belongs to this run is decided
    by the claim's time (see `claims`).
    """
    env = os.environ
    if "TORCHELASTIC_RUN_ID" in env:
        return _narrowed(f"torchrun/{env['TORCHELASTIC_RUN_ID']}/{_master()}", by_address=True)
    if _srun("SLURM_PROCID") and _first_number("SLURM_NTASKS") != 1:  # one task is a process like another
        return _narrowed(f"slurm/{env['SLURM_STEP_ID']}")
    if "PMIX_NAMESPACE" in env:
        return _narrowed(f"pmix/{env['PMIX_NAMESPACE']}")
    if "MASTER_PORT" in env:
        return _narrowed(f"master/{_master()}", by_address=True)
    if (job := _ray_job()) is not None:  # without the scheduler's job: one Ray cluster may extend over several
        return f"ray/{job}"
    own = f"world/{(getattr(sys, 'argv', None) or [])[:1]}"  # an embedded interpreter has none, nor has one that ends
    if (size := _from_launcher()[1]) > 1:
        return _narrowed(f"{own}/{size}", unknown_is_here=True)
    if session := env.get("TWINKLE_SESSION_ID"):  # twinkle-kit's; often the id of a process
        return _narrowed(f"session/{session}", unknown_is_here=True)
    if family := _family():
        return _narrowed(f"family/{family}")
    return _narrowed(f"{own}/{where.world_size}", unknown_is_here=True) if where.world_size > 1 else None


def _master() -> str:
    return f"{os.environ.get('MASTER_ADDR')}/{os.environ.get('MASTER_PORT')}"


def _narrowed(key: str, *, by_address: bool = False, unknown_is_here: bool = False) -> str:
    """`key` of a run, with the job and the place that distinguish it from the same key of other runs."""
    one_node = _is_of_one_node()
    loopback = by_address and _is_loopback(os.environ.get("MASTER_ADDR", ""))
    if one_node is False:  # torchrun's agents on one machine may be in different containers
        place = network() if loopback else ""
    else:
        place = scope() if one_node or loopback or unknown_is_here else ""
    return "/".join(filter(None, (scheduler_job(), place, key)))


def _is_of_one_node() -> bool | None:
    """Whether all ranks are on this node; None if the launcher does not say."""
    sizes = ((_first_number(size), _first_number(local)) for size, local in _SIZES)
    return next((local >= size for size, local in sizes if size and local), None)


def _is_loopback(address: str) -> bool:
    name = address.strip("[]").rstrip(".").lower()
    if name in _HERE or name.endswith(".localhost"):
        return True
    with suppress(OSError, UnicodeError):
        return socket.inet_aton(name)[0] in (0, 127)
    with suppress(OSError, UnicodeError):
        return socket.inet_pton(socket.AF_INET6, name)[:-1] == bytes(15)  # ::1, and :: for any of this machine
    return False


def _family() -> str:
    """The key of the first process in the line of forks, or of `multiprocessing`, that led to this one."""
    process: Any = sys.modules.get("multiprocessing.process")
    parent = isolation.tried(lambda: process.parent_process().pid).value
    if type(parent) is int and not is_forked_from(parent):
        return process_key(parent)
    spawned = getattr(process, "_children", None)  # this process is the parent of these
    return first_of_forks() or (process_key(os.getpid()) if spawned else "")


def place() -> str:
    """A text that all starts of one job share, and other jobs do not.

    It names the working folder and the scheduler's job; without one, the id and the master of a launcher of several
    nodes; else the machine or container. Raises OSError if the working folder was deleted.
    """
    path = os.getcwd()
    if job := scheduler_job():
        return f"{job}/{path}"
    if "MASTER_PORT" in os.environ and not _is_of_one_node() and not _is_loopback(os.environ.get("MASTER_ADDR", "")):
        return f"{os.environ.get('TORCHELASTIC_RUN_ID')}/{os.environ.get('MASTER_ADDR')}/{path}"
    return folder_key(path, host.identity())


def running_ray() -> Any:
    """The module ray, if this process belongs to a Ray job; else None, as for another module that is called ray."""
    ray: Any = sys.modules.get("ray")
    return ray if ray is not None and _answer(lambda: ray.is_initialized()) is True else None


def _ray_job() -> str | None:
    """The id of this process's job, with the address of its cluster: each cluster counts anew."""
    ray = running_ray()

    def asked() -> tuple[object, object]:
        context = ray.get_runtime_context()
        return context.get_job_id(), getattr(context, "gcs_address", "")

    job, address = (_answer(asked) if ray is not None else None) or (None, None)
    if type(job) is not str:
        return None
    return f"{address}/{job}" if type(address) is str else job


# For each scheduler: variables of the job's id, of which the first that is set counts, and variables that distinguish
# jobs of an array or of several clusters. A SLURM job of several components has an id for each, and one for all.
_IDS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("SLURM_HET_JOB_ID", "SLURM_PACK_JOB_ID", "SLURM_JOB_ID", "SLURM_JOBID"),
        ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_CLUSTER_NAME"),
    ),
    (("PBS_JOBID",), ()),
    (("LSB_JOBID",), ("LSB_JOBINDEX",)),
    *(((name,), ()) for name in ("FLUX_JOB_ID", "COBALT_JOBID", "OAR_JOB_ID", "PJM_JOBID", "LOADL_STEP_ID")),
    *(((name,), ()) for name in ("AWS_BATCH_JOB_ID", "AZUREML_RUN_ID", "SKYPILOT_TASK_ID", "TORCHX_JOB_ID")),
    (("DET_ALLOCATION_ID",), ()),
    (("JOB_ID",), ("SGE_TASK_ID",)),
)


def scheduler_job() -> str:
    """The job's ids, of all schedulers that set one; empty if none does.

    The names of pods and hosts do not count: they differ between the nodes of a run.
    """
    found: list[str] = []
    for ids, more in _IDS:
        job = next(filter(None, map(os.environ.get, ids)), "").partition("#")[0]  # AWS Batch adds the node: "job#0"
        # JOB_ID alone does not count: others use that name, too, for values that may differ between nodes.
        if job and (ids != ("JOB_ID",) or os.environ.get("SGE_TASK_ID")):
            found.append(f"{ids[-1]}={','.join([job, *(os.environ.get(each, '') for each in more)])}")
    return "/".join(found)
