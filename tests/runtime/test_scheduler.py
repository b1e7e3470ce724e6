"""Which job of a cluster's scheduler a process belongs to."""

from __future__ import annotations

import pytest

from twinkle_notifier.runtime import launcher
from twinkle_notifier.runtime.launcher import Where, run_key

NODE = {"SLURMD_NODENAME": "n1", "SLURM_NODEID": "1", "PBS_NODENUM": "1", "HOSTNAME": "pod-1", "POD_NAME": "pod-1"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"SLURM_JOB_ID": "7"}, {"SLURM_JOB_ID": "8"}),
        ({"SLURM_JOBID": "7"}, {"SLURM_JOBID": "8"}),
        ({"SLURM_JOB_ID": "7", "SLURM_CLUSTER_NAME": "a"}, {"SLURM_CLUSTER_NAME": "b"}),
        ({"SLURM_JOB_ID": "7", "SLURM_ARRAY_JOB_ID": "6", "SLURM_ARRAY_TASK_ID": "1"}, {"SLURM_ARRAY_TASK_ID": "2"}),
        ({"SLURM_HET_JOB_ID": "7", "SLURM_JOB_ID": "7"}, {"SLURM_HET_JOB_ID": "9"}),
        ({"PBS_JOBID": "7[1].server"}, {"PBS_JOBID": "7[2].server"}),
        ({"LSB_JOBID": "7", "LSB_JOBINDEX": "1"}, {"LSB_JOBINDEX": "2"}),
        ({"JOB_ID": "7", "SGE_TASK_ID": "undefined"}, {"JOB_ID": "8"}),
        ({"JOB_ID": "7", "SGE_TASK_ID": "1"}, {"SGE_TASK_ID": "2"}),
        ({"FLUX_JOB_ID": "f1"}, {"FLUX_JOB_ID": "f2"}),
        ({"COBALT_JOBID": "1"}, {"COBALT_JOBID": "2"}),
        ({"AWS_BATCH_JOB_ID": "a#0"}, {"AWS_BATCH_JOB_ID": "b#0"}),
        ({"TORCHX_JOB_ID": "k8s://a"}, {"TORCHX_JOB_ID": "k8s://b"}),
    ],
)
def test_each_job_has_a_name_of_its_own(
    one: dict[str, str], other: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which tells the runs of one launcher apart, too."""
    torchrun = {"TORCHELASTIC_RUN_ID": "none", "MASTER_ADDR": "n0", "MASTER_PORT": "29500", "WORLD_SIZE": "4"}
    found = []
    for variables in (one, {**one, **NODE}, {**one, **other}):
        with monkeypatch.context() as here:
            for name, value in {**torchrun, "LOCAL_WORLD_SIZE": "2", **variables}.items():
                here.setenv(name, value)
            found.append((launcher.scheduler_job(), run_key(Where.here())))
    assert found[0] == found[1]
    assert found[0][0]
    assert found[0][0] != found[2][0]
    assert found[0][1] != found[2][1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"SLURM_HET_JOB_ID": "7", "SLURM_JOB_ID": "7"}, {"SLURM_JOB_ID": "8"}),
        ({"AWS_BATCH_JOB_ID": "a#0"}, {"AWS_BATCH_JOB_ID": "a#1"}),
    ],
)
def test_what_differs_between_the_nodes_of_a_job_is_no_part_of_it(
    one: dict[str, str], other: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A component's own id, the number of the node."""
    found = []
    for variables in (one, {**one, **other}):
        with monkeypatch.context() as here:
            for name, value in variables.items():
                here.setenv(name, value)
            found.append(launcher.scheduler_job())
    assert found[0] == found[1] != ""


@pytest.mark.parametrize("variables", [{}, {"JOB_ID": "7"}, {"SLURM_JOB_ID": ""}, {"SLURM_CLUSTER_NAME": "a"}, NODE])
def test_without_a_scheduler_there_is_no_job(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor by a variable of another's, or by the name of a pod or host."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launcher.scheduler_job() == ""
