"""The job of a cluster's scheduler to which this process belongs, by the variables that are equal on all its nodes."""

from __future__ import annotations

import os

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


def job() -> str:
    """What names the job, by every scheduler that tells; empty when none does.

    A pod's name, or a host's, is not among it: other nodes of a run have others.
    """
    return "/".join([*_told(), *_grid_engine()])


def _told() -> list[str]:
    found = []
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
