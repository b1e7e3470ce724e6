"""What the launcher says: rank, world size, attempt, and what the ranks of one run have in common."""

from __future__ import annotations

import math
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from twinkle_notifier import isolation
from twinkle_notifier.runtime import host
from twinkle_notifier.runtime.host import folder_key, network, process_key, scope
from twinkle_notifier.runtime.process import first_of_forks, is_forked_from

_ASK = 1.0  # seconds for a framework's answer, in a crash
_DIGITS = 10  # of a number that a launcher gives


T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """The place of one process in its run."""

    rank: int
    world_size: int
    local_rank: int
    local_world_size: int
    hostname: str
    pid: int
    python: str

    @classmethod
    def here(cls) -> Where:
        """This process, as torch.distributed (where it is set up) or else the launcher's variables tell it."""
        rank, world_size = _from_torch() or _from_launcher()
        world_size = max(world_size, rank + 1)
        return cls(
            rank=rank,
            world_size=world_size,
            local_rank=_first_number("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID")
            or 0,
            local_world_size=_first_number("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE") or world_size,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            python=sys.version.partition(" ")[0],
        )

    @classmethod
    def alone(cls) -> Where:
        """This process, when nothing is known of others."""
        return cls(0, 1, 0, 1, socket.gethostname(), os.getpid(), sys.version.partition(" ")[0])

    def __str__(self) -> str:
        return f"rank {self.rank} of {self.world_size}"


def _from_torch() -> tuple[int, int] | None:
    distributed = sys.modules.get("torch.distributed")  # never imported by us: if nobody did, there is no group
    if distributed is None:
        return None

    def asked() -> tuple[object, object] | None:
        if distributed.is_available() is not True or distributed.is_initialized() is not True:
            return None
        return distributed.get_rank(), distributed.get_world_size()

    rank, size = _answer(asked) or (None, None)
    return (rank, size) if type(rank) is int and type(size) is int and 0 <= rank < size else None


def _answer(asked: Callable[[], T | None]) -> T | None:
    """What a framework answers; None when it raises, as one does that is half imported, or hangs in a crash."""
    # Else no thread is started for it: since Python 3.12 a fork beside a thread is warned of.
    in_a_crash = isolation.remaining() < math.inf
    return (isolation.call(asked, _ASK) if in_a_crash else isolation.tried(asked)).value


def _from_launcher() -> tuple[int, int]:
    rank = _first_number("RANK", *_srun("SLURM_PROCID"), "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")
    size = _first_number("WORLD_SIZE", *_srun("SLURM_NTASKS"), "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
    if rank is None:  # Lightning's own launcher tells a node and a local rank; every node has as many ranks
        local, node = _first_number("LOCAL_RANK") or 0, _first_number("NODE_RANK", "GROUP_RANK") or 0
        rank = node * (_first_number("LOCAL_WORLD_SIZE") or 0) + local
    return rank, size or 1


def _srun(name: str) -> list[str]:
    """`name` only inside `srun`: a shell that `salloc` opened has SLURM's variables too, and is one process."""
    return [name] if "SLURM_STEP_ID" in os.environ and "SLURM_PROCID" in os.environ else []


def _first_number(*names: str) -> int | None:
    for name in names:
        text = os.environ.get(name, "")
        if text.isdecimal() and len(text) < _DIGITS:
            return int(text)
    return None


def lost_child() -> bool:
    """Whether Lightning's launcher, in this process, has lost a rank to a signal and not yet asked about it.

    It tells of itself by NODE_RANK, which torchrun does not set; whose child it was cannot be seen any more. Nobody
    else's asking is anticipated.
    """
    if "NODE_RANK" not in os.environ or "TORCHELASTIC_RUN_ID" in os.environ:
        return False
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):  # no child, or no waitid on this system
        return False
    return ended is not None and ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED)


@dataclass(frozen=True)
class Attempt:
    """Which start of its run this is, by the launcher's word; nodes may differ in it, so it is for people alone.

    `number` counts from 1, and is 0 when nobody tells. `of` is how many there may be, 0 when that is not known.
    """

    number: int = 0
    of: int = 0

    @classmethod
    def here(cls) -> Attempt:
        """As torchrun tells it, if it may restart at all, else SLURM, which counts only what it has requeued."""
        restarts, limit = _first_number("TORCHELASTIC_RESTART_COUNT"), _first_number("TORCHELASTIC_MAX_RESTARTS")
        if restarts is not None and limit:
            return cls(restarts + 1, limit + 1)
        restarts = _first_number("SLURM_RESTART_COUNT")
        return cls(restarts + 1) if restarts else cls()

    def __str__(self) -> str:
        return f"attempt {self.number}{f' of {self.of}' if self.of else ''}" if self.number else ""

    def is_last(self) -> bool:
        """Whether the launcher will not start this run again."""
        return 0 < self.of <= self.number

    def is_followed(self) -> bool:
        """Whether the launcher will start this run again if it fails."""
        return 0 < self.number < self.of


_SIZES = (  # of the run and of this node, by launchers
    ("WORLD_SIZE", "LOCAL_WORLD_SIZE"),
    ("WORLD_SIZE", "LOCAL_SIZE"),  # DeepSpeed
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE"),
    ("PMI_SIZE", "MPI_LOCALNRANKS"),
)
_HERE = ("", "localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback")


def run_key(where: Where) -> str | None:
    """What the ranks of this run have in common and other runs likely have not; None for a process on its own.

    A run of one node, or whose master is at a loopback address, is told from those of other machines and containers by
    where it is; a run of a scheduler's job from those of others by that job. It only narrows the search: whether a
    claim found under it is of this run is told by its time (see `claims`).
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
    if (job := _ray_job()) is not None:  # nodes of one cluster may be of several jobs of a scheduler
        return f"ray/{job}"
    own = f"world/{(getattr(sys, 'argv', None) or [])[:1]}"  # an embedded interpreter, or one at its end, has none
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
    """`key` of a run, with what tells it from the same key of strangers."""
    one_node = _is_of_one_node()
    loopback = by_address and _is_loopback(os.environ.get("MASTER_ADDR", ""))
    if one_node is False:  # agents on one machine may each have a container of their own
        place = network() if loopback else ""
    else:
        place = scope() if one_node or loopback or unknown_is_here else ""
    return "/".join(filter(None, (scheduler_job(), place, key)))


def _is_of_one_node() -> bool | None:
    """Whether all ranks are on this node; None when the launcher does not tell."""
    sizes = ((_first_number(size), _first_number(local)) for size, local in _SIZES)
    return next((local >= size for size, local in sizes if size and local), None)


def _is_loopback(address: str) -> bool:
    name = address.strip("[]").rstrip(".").lower()
    if name in _HERE or name.endswith(".localhost"):
        return True
    try:
        return socket.inet_aton(name)[0] in (0, 127)
    except (OSError, UnicodeError):
        pass
    try:
        return socket.inet_pton(socket.AF_INET6, name)[:-1] == bytes(15)  # ::1, and :: for any of this machine
    except (OSError, UnicodeError):
        return False


def _family() -> str:
    """The first process of those that forked, or that `multiprocessing` started, down to this one."""
    process: Any = sys.modules.get("multiprocessing.process")
    parent = _answer(lambda: process.parent_process().pid) if process is not None else None
    if type(parent) is int and not is_forked_from(parent):
        return process_key(parent)
    if not first_of_forks() and getattr(process, "_children", None):  # spawned: they know this process as their parent
        return process_key(os.getpid())
    return first_of_forks()


def place() -> str:
    """What the starts of one job, one after the other, have in common, and the jobs of strangers have not.

    The scheduler's job; else, over several nodes, the id and the master that their launcher was given; else the machine
    or container; and in each the working folder. Raises OSError when that is not there.
    """
    path = os.getcwd()
    if job := scheduler_job():
        return f"{job}/{path}"
    if "MASTER_PORT" in os.environ and not _is_of_one_node() and not _is_loopback(os.environ.get("MASTER_ADDR", "")):
        return f"{os.environ.get('TORCHELASTIC_RUN_ID')}/{os.environ.get('MASTER_ADDR')}/{path}"
    return folder_key(path, host.identity())


def running_ray() -> Any:
    """The module ray, if this process belongs to a Ray job; None if not, or if something else is called ray."""
    ray: Any = sys.modules.get("ray")
    return ray if ray is not None and _answer(lambda: ray.is_initialized()) is True else None


def _ray_job() -> str | None:
    """The id of this process's job, which counts anew on each cluster, and the cluster's address."""
    ray = running_ray()

    def asked() -> tuple[object, object]:
        context = ray.get_runtime_context()
        return context.get_job_id(), getattr(context, "gcs_address", "")

    job, address = (_answer(asked) if ray is not None else None) or (None, None)
    if type(job) is not str:
        return None
    return f"{address}/{job}" if type(address) is str else job


# For each scheduler, variables of which the first one that is set counts, and what tells the jobs of an array or of
# several clusters apart. A job of several components has an id for each, and one for all.
_IDS = (
    (
        ("SLURM_HET_JOB_ID", "SLURM_PACK_JOB_ID", "SLURM_JOB_ID", "SLURM_JOBID"),
        ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_CLUSTER_NAME"),
    ),
    (("PBS_JOBID",), ()),
    (("LSB_JOBID",), ("LSB_JOBINDEX",)),
    (("FLUX_JOB_ID",), ()),
    (("COBALT_JOBID",), ()),
    (("OAR_JOB_ID",), ()),
    (("PJM_JOBID",), ()),
    (("LOADL_STEP_ID",), ()),
    (("AWS_BATCH_JOB_ID",), ()),
    (("AZUREML_RUN_ID",), ()),
    (("SKYPILOT_TASK_ID",), ()),
    (("TORCHX_JOB_ID",), ()),
    (("DET_ALLOCATION_ID",), ()),
)


def scheduler_job() -> str:
    """What names the job, by every scheduler that tells; empty when none does.

    A pod's name, or a host's, is not among it: other nodes of a run have others.
    """
    return "/".join([*_told(), *_grid_engine()])


def _told() -> list[str]:
    found: list[str] = []
    for ids, more in _IDS:
        name = next((name for name in ids if os.environ.get(name)), None)
        if name is not None:
            # AWS Batch adds the number of the node to the id: "job#0".
            values = [os.environ[name].partition("#")[0], *(os.environ.get(each, "") for each in more)]
            found.append(f"{ids[-1]}={','.join(values)}")
    return found


def _grid_engine() -> list[str]:
    """Its variable has a name that others use, too, for what need not be equal on all nodes."""
    if not os.environ.get("SGE_TASK_ID") or not os.environ.get("JOB_ID"):
        return []
    return [f"JOB_ID={os.environ['JOB_ID']},{os.environ['SGE_TASK_ID']}"]
