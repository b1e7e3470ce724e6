"""Which job of a scheduler this process belongs to."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

from twinkle_notifier.surroundings import files

_HOSTS = "/etc/hosts"
_OF_A_POD = "# Kubernetes-managed hosts file."  # the kubelet's; of a pod in the node's network it says so, too


class _Scheduler(NamedTuple):
    """A scheduler, and its variables: of the job's id, of its name, of its queue."""

    name: str
    id: str
    job_name: str = ""
    queue: str = ""
    queue_word: str = "queue"


_SCHEDULERS = (
    _Scheduler("SLURM", "SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_JOB_PARTITION", "partition"),
    _Scheduler("PBS", "PBS_JOBID", "PBS_JOBNAME", "PBS_QUEUE"),
    _Scheduler("LSF", "LSB_JOBID", "LSB_JOBNAME", "LSB_QUEUE"),
    _Scheduler("Grid Engine", "JOB_ID", "JOB_NAME", "QUEUE"),
    _Scheduler("Flux", "FLUX_JOB_ID"),
    _Scheduler("OAR", "OAR_JOB_ID", "OAR_JOB_NAME"),
    _Scheduler("AWS Batch", "AWS_BATCH_JOB_ID", "", "AWS_BATCH_JQ_NAME"),
    _Scheduler("SageMaker", "TRAINING_JOB_NAME"),
    _Scheduler("Azure ML", "AZUREML_RUN_ID"),
    _Scheduler("SkyPilot", "SKYPILOT_TASK_ID"),
    _Scheduler("TorchX", "TORCHX_JOB_ID"),
)


def job() -> str:
    """The job, as its scheduler's variables name it; else the pod; empty if there is none."""
    found = next((scheduler for scheduler in _SCHEDULERS if _is_set(scheduler)), None)
    if found is None:
        return _pod()
    more = ", ".join(filter(None, (_get(found.job_name), _queue(found))))
    return f"{found.name} {_id(found)}{f' ({more})' if more else ''}"


def _get(variable: str) -> str:
    return os.environ.get(variable, "").strip() if variable else ""


def _is_set(scheduler: _Scheduler) -> bool:
    # Others use that name, too.
    return bool(_get(scheduler.id)) and (scheduler.id != "JOB_ID" or "SGE_TASK_ID" in os.environ)


def _id(scheduler: _Scheduler) -> str:
    array, task = _get("SLURM_ARRAY_JOB_ID"), _get("SLURM_ARRAY_TASK_ID")
    if scheduler.name == "SLURM" and array and task:
        return f"{array}_{task}"
    number = _get({"LSF": "LSB_JOBINDEX", "Grid Engine": "SGE_TASK_ID"}.get(scheduler.name, ""))
    return _get(scheduler.id) + (f"[{number}]" if number not in ("", "0", "undefined") else "")


def _queue(scheduler: _Scheduler) -> str:
    queue = _get(scheduler.queue)
    return f"{scheduler.queue_word} {queue}" if queue else ""


def _pod() -> str:
    if not _get("KUBERNETES_SERVICE_HOST"):
        return ""
    name = _get("POD_NAME") or _get("MY_POD_NAME") or (_get("HOSTNAME") if _has_its_own_name() else "")
    space = _get("POD_NAMESPACE") or _get("MY_POD_NAMESPACE")
    return f"pod {f'{space}/' if space else ''}{name}" if name else ""  # as kubectl writes it


def _has_its_own_name() -> bool:
    """Whether the host's name is the pod's: in the network of its node it is the node's."""
    with suppress(OSError, ValueError):
        return files.text(_HOSTS, 1 << 20).partition("\n")[0] == _OF_A_POD
    return False
