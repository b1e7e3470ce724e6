"""The job that the environment tells of."""

from __future__ import annotations

from pathlib import Path

import pytest

from twinkle_notifier.surroundings.job import job

SLURM = {"SLURM_JOB_ID": "4713", "SLURM_JOB_NAME": "sft", "SLURM_JOB_PARTITION": "gpu"}
ARRAY = {**SLURM, "SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": "3"}
POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "trainer-0"}


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "POD_NAME", "POD_NAMESPACE", "JOB_ID", "AWS_BATCH_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


def found(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return job()


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, ""),
        (SLURM, "SLURM 4713 (sft, partition gpu)"),
        ({"SLURM_JOB_ID": "4713"}, "SLURM 4713"),
        (ARRAY, "SLURM 4711_3 (sft, partition gpu)"),
        ({"PBS_JOBID": "12.server"}, "PBS 12.server"),
        (
            {"PBS_JOBID": "12[3].server", "PBS_JOBNAME": "sft", "PBS_QUEUE": "a100"},
            "PBS 12[3].server (sft, queue a100)",
        ),
        ({"LSB_JOBID": "99", "LSB_JOBINDEX": "0"}, "LSF 99"),
        ({"LSB_JOBID": "99", "LSB_JOBINDEX": "4", "LSB_JOBNAME": "sft[4]"}, "LSF 99[4] (sft[4])"),
        ({"JOB_ID": "7", "SGE_TASK_ID": "undefined", "JOB_NAME": "sft"}, "Grid Engine 7 (sft)"),
        ({"JOB_ID": "7"}, ""),  # anybody's
        ({"AWS_BATCH_JOB_ID": "a1", "AWS_BATCH_JQ_NAME": "spot"}, "AWS Batch a1 (queue spot)"),
        ({**POD, "POD_NAME": "sft-worker-1", "POD_NAMESPACE": "ml"}, "pod ml/sft-worker-1"),
        ({**POD, **SLURM, "POD_NAME": "x"}, "SLURM 4713 (sft, partition gpu)"),
        ({"POD_NAME": "x"}, ""),  # without Kubernetes
    ],
)
def test_the_job_is_named(variables: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its name and queue, where they are known."""
    assert found(variables, monkeypatch) == wanted


@pytest.mark.parametrize(
    ("hosts", "wanted"),
    [
        ("# Kubernetes-managed hosts file.\n127.0.0.1 localhost\n", "pod trainer-0"),
        ("# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n", ""),
        ("127.0.0.1 localhost\n", ""),
    ],
)
def test_a_pod_in_the_network_of_its_node_has_the_name_of_the_node(
    hosts: str, wanted: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The kubelet says so in the file of hosts that it makes."""
    (tmp_path / "hosts").write_text(hosts)
    monkeypatch.setattr("twinkle_notifier.surroundings.job._HOSTS", str(tmp_path / "hosts"))
    assert found(POD, monkeypatch) == wanted
