"""Launchers, rendezvous, ports, schedulers and Ray: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

_NETWORK = "torch.distributed.DistNetworkError"
_STORE = "torch.distributed.DistStoreError"
_LISTEN = "The server socket has failed to listen on any local network address."
_ENV = "Error initializing torch.distributed using env:// rendezvous: environment variable {} expected, but not set"
_DIED = (
    "The actor died unexpectedly before finishing this task.\n\tclass_name: A\n\tactor_id: b85f43cafa99e8b05a72808401000000"
    "\n\tpid: 11678\n\tnamespace: 33808550\n\tip: 192.0.2.2\n{}"
)
_WORKER = "The actor is dead because its worker process has died. Worker exit type: {} Worker exit detail: {}"
_CRASHED = "Worker unexpectedly exits with a connection error code 2. End of file. Some common causes include: (1) OOM"
_MEMORY = "Memory on the node (IP: 192.0.2.2, ID: d21b22503bd66c4d1bf530f4ea16dc305e8021226177c1911a758732) was"


def _ended(reason: str, *, entity: str = "JOB 4512", begin: str = "slurmstepd:") -> str:
    return f"{begin} error: *** {entity} ON gpu-07 CANCELLED AT 2026-03-01T04:12:40{reason} ***"


_BIND = " The server socket has failed to bind to {} (errno: 98 - Address already in use)."

CASES: dict[str, Case] = {
    "rendezvous-port-taken": Case(
        hits=(
            raised(_NETWORK, _LISTEN + " port: 29500, useIpv6: false, code: -98, name: EADDRINUSE, message: address"),
            raised("RuntimeError", _LISTEN + _BIND.format("[::]:29501") + _BIND.format("0.0.0.0:29501")),
            raised(
                "RuntimeError",
                "The server socket has failed to listen on any local network\naddress. The server socket has failed to"
                " bind to [::]:29600 (errno: 98 - Address\nalready in use).",
            ),
        ),
        misses=(
            raised("RuntimeError", "port 29501: failed to bind to [::]:29501 (errno: 98 - Address already in use)"),
            raised(
                _NETWORK, _LISTEN + " port: 80, useIpv6: false, code: -13, name: EACCES, message: permission denied"
            ),
            raised("RuntimeError", "[c10d] " + _LISTEN),
        ),
    ),
    "port-taken": Case(
        hits=(
            raised("OSError", "[Errno 98] Address already in use: '/tmp/notify.sock'"),
            raised("OSError", "[Errno 98] Address already in use"),
            raised(
                "OSError",
                "[Errno 98] error while attempting to bind on address ('0.0.0.0', 6006): address already in use",
            ),
        ),
        misses=(
            raised("OSError", "[Errno 99] Cannot assign requested address"),
            raised("RuntimeError", "[Errno 98] Address already in use"),
        ),
    ),
    "rendezvous-silent": Case(
        hits=(
            raised(
                _NETWORK, "The client socket has timed out after 600000ms while trying to connect to (10.0.0.4, 29500)."
            ),
            raised(
                "RuntimeError", "The client socket has timed out after 900s while trying to connect to (node-0, 29500)."
            ),
        ),
        misses=(
            raised(_NETWORK, "The client socket has timed out"),
            raised(
                "RuntimeError",
                "retrying: The client socket has timed out after 900s while trying to connect to (node-0, 29500).",
            ),
        ),
    ),
    "rendezvous-unreachable": Case(
        hits=(
            raised(
                _NETWORK,
                "The client socket has failed to connect to any network address of (llama2-70b-master-0, 23456). The client"
                " socket has failed to connect to 172-16-100-89.cluster.local:23456 (errno: 113 - No route to host).",
            ),
            raised(
                "RuntimeError",
                "The client socket has failed to connect to any network address of (node-0, 29500). The IPv6 network"
                " addresses of (node-0, 29500) cannot be retrieved (gai error: -2 - Name or service not known).",
            ),
        ),
        misses=(
            raised(
                _NETWORK, "The client socket has failed to connect to [fake-host]:1234 (errno: 113 - No route to host)."
            ),
            raised(
                "ConnectionError", "The client socket has failed to connect to any network address of (node-0, 29500)."
            ),
        ),
    ),
    "rendezvous-clients-missing": Case(
        hits=(
            raised(_STORE, "Timed out after 901 seconds waiting for clients. 8/16 clients joined."),
            raised("RuntimeError", "Timed out after 1801 seconds waiting for clients. 1/2 clients joined."),
        ),
        misses=(
            raised(_STORE, "Timed out after 901 seconds waiting for keys."),
            raised("TimeoutError", "Timed out after 901 seconds waiting for clients. 8/16 clients joined."),
        ),
    ),
    "store-ended": Case(
        hits=(
            raised(
                _NETWORK,
                "Failed to recv, got 0 bytes. Connection was likely closed. Did the remote server shutdown or crash?",
            ),
            raised("RuntimeError", "failed to recv, got 0 bytes"),
        ),
        misses=(
            raised("ConnectionError", "failed to recv, got 0 bytes"),
            raised("RuntimeError", "TCPStore: failed to recv, got 0 bytes"),
        ),
    ),
    "rendezvous-failed": Case(
        hits=(
            raised(
                "torch.distributed.elastic.rendezvous.api.RendezvousConnectionError",
                "The connection to the C10d store has failed. See inner exception for details.",
            ),
            raised("RendezvousConnectionError", "The connection to the C10d store has failed."),
        ),
        misses=(
            raised("RendezvousConnectionError", "The connection to etcd has failed. See inner exception for details."),
            raised("RuntimeError", "The connection to the C10d store has failed. See inner exception for details."),
        ),
    ),
    "launcher-missing": Case(
        hits=(
            raised("ValueError", _ENV.format("RANK"), modules=("torch.distributed.rendezvous",)),
            raised("ValueError", _ENV.format("MASTER_ADDR"), modules=("torch.distributed.distributed_c10d",)),
            raised("KeyError", "'LOCAL_RANK'", modules=("__main__", "os")),
            raised("KeyError", "'RANK'", modules=("os",)),
        ),
        misses=(
            raised("KeyError", "'WORLD_SIZE'", modules=("__main__",)),
            raised("KeyError", "'NODE_RANK'", modules=("os",)),
            raised(
                "ValueError", "Error initializing torch.distributed using tcp:// rendezvous: rank parameter missing"
            ),
        ),
    ),
    "process-group-twice": Case(
        hits=(
            raised("ValueError", "trying to initialize the default process group twice!"),
            raised("RuntimeError", "trying to initialize the default process group twice!"),
        ),
        misses=(
            raised("AssertionError", "trying to initialize the default process group twice!"),
            raised("RuntimeError", "Maybe you called ray.init twice by accident?"),
        ),
    ),
    "process-group-no-backend": Case(
        hits=(
            raised("RuntimeError", "No backend type associated with device type cpu"),
            raised("RuntimeError", "No backend type associated with device type cuda"),
        ),
        misses=(
            raised("RuntimeError", "Could not retrieve or create the backend 2 for device type cpu"),
            raised("ValueError", "No backend type associated with device type cpu"),
        ),
    ),
    "nccl-unavailable": Case(
        hits=(
            raised("ValueError", "ProcessGroupNCCL is only supported with GPUs, no GPUs found!"),
            raised("RuntimeError", "Distributed package doesn't have NCCL built in"),
        ),
        misses=(
            raised("RuntimeError", "Distributed package doesn't have MPI built in. MPI is only included if you build"),
            raised("RuntimeError", "backend: ProcessGroupNCCL is only supported with GPUs, no GPUs found!"),
        ),
    ),
    "slurm-time-limit": Case(
        hits=(
            printed("step 4100 loss 1.9\n" + _ended(" DUE TO TIME LIMIT")),
            printed(_ended(" DUE TO TIME LIMIT", entity="STEP 4512.0", begin="[2026-03-01T04:12:40.784]")),
        ),
        misses=(
            printed(_ended(" DUE TO PREEMPTION")),
            printed(_ended("")),
            printed("INFO: jobs may be CANCELLED AT any time DUE TO TIME LIMIT ***"),
        ),
    ),
    "slurm-ended-by-cluster": Case(
        hits=(
            printed(_ended(" DUE TO PREEMPTION")),
            printed(_ended(" DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS", entity="STEP 4512.0")),
            printed(_ended(" DUE TO JOB REQUEUE", begin="[2026-03-01T04:12:40.784]")),
        ),
        misses=(printed(_ended(" DUE TO TIME LIMIT")), printed(_ended("")), printed("DUE TO PREEMPTION ***")),
    ),
    "slurm-memory": Case(
        hits=(
            printed(
                "slurmstepd: error: Detected 1 oom_kill event in StepId=11300781.0. Some of the step tasks have been OOM"
                " Killed.\nsrun: error: sdumont6156: task 0: Out Of Memory"
            ),
            printed(
                "slurmstepd: error: Detected 2 oom-kill event(s) in step 3495064.0 cgroup. Some of your processes may have"
                " been killed by the cgroup out-of-memory handler."
            ),
            printed(
                "[2026-09-14T17:14:38.784] error: Detected 3 oom_kill events in StepId=22035606.1. Some of the step"
            ),
        ),
        misses=(
            printed("srun: error: nid001277: tasks 1-3: Out Of Memory"),
            printed("watcher: slurmstepd: error: Detected 1 oom_kill event"),
        ),
    ),
    "slurm-request": Case(
        hits=(
            printed("srun: error: Unable to allocate resources: Requested node configuration is not available"),
            printed("srun: error: Unable to create step for job 4359715: More processors requested than permitted"),
        ),
        misses=(
            printed("srun: error: Unable to create step for job 21227175: Memory required by task is not available"),
            printed("srun: error: Unable to allocate resources: Invalid partition name specified"),
        ),
    ),
    "lightning-slurm-tasks": Case(
        hits=(
            raised(
                "ValueError",
                "You set `devices=4` in Lightning, but the number of tasks per node configured in SLURM"
                " `--ntasks-per-node=2` does not match. HINT: Set `devices=2`.",
            ),
            raised(
                "ValueError",
                "You set `devices=8` in Lightning, but the number of tasks per node configured in SLURM"
                " `--ntasks-per-node=1` does not match. HINT: Set `devices=1`.",
            ),
        ),
        misses=(
            raised(
                "ValueError",
                "You set `num_nodes=1` in Lightning, but the number of nodes configured in SLURM `--nodes=2` does not match.",
            ),
            raised(
                "RuntimeError", "You set `--ntasks=2` in your SLURM bash script, but this variable is not supported."
            ),
        ),
    ),
    "mpi-slots": Case(
        hits=(
            printed(
                "------\nThere are not enough slots available in the system to satisfy the 4 slots\nthat were requested"
            ),
            printed(
                "There are not enough slots available in the system to satisfy the 16\nslots that were requested by"
            ),
        ),
        misses=(
            printed("There are not enough slots available in the queue"),
            printed("fixed: There are not enough slots available in the system to satisfy the 4 slots"),
        ),
    ),
    "ray-node-memory": Case(
        hits=(
            raised(
                "ray.exceptions.OutOfMemoryError", f"Task was killed due to the node running low on memory.\n{_MEMORY}"
            ),
            raised(
                "ray.exceptions.OutOfMemoryError",
                f"1 worker(s) were killed due to the node running low on memory. {_MEMORY} 2.35GB used / 23.54GB limit",
            ),
            raised(
                "ray.exceptions.RayActorError",
                _DIED.format(_WORKER.format("USER_ERROR", "Task was killed due to the node running low on memory.")),
            ),
        ),
        misses=(
            raised("torch.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB."),
            raised("ray.exceptions.ActorDiedError", _DIED.format(_WORKER.format("SYSTEM_ERROR", _CRASHED))),
            raised("RuntimeError", "Task was killed due to the node running low on memory."),
        ),
    ),
    "ray-no-cluster": Case(
        hits=(
            raised(
                "ConnectionError",
                "Could not find any running Ray instance. Please specify the one to connect to by setting `--address` flag or"
                " `RAY_ADDRESS` environment variable.",
            ),
            raised("ConnectionError", "Failed to connect to Ray cluster at 10.65.34.215:14589"),
        ),
        misses=(
            raised("ConnectionError", "Found multiple active Ray instances: {'10.0.0.1:6379', '10.0.0.1:6380'}."),
            raised("RuntimeError", "Could not find any running Ray instance."),
        ),
    ),
    "ray-actor-node-lost": Case(
        hits=(
            raised(
                "ray.exceptions.ActorDiedError",
                _DIED.format(
                    "The actor died because its node has died. Node Id: 56b97436e67393f15565e024278867700c2bd0ec\n\tthe"
                    " actor's node was terminated unexpectedly: health check failed due to missing too many heartbeats"
                ),
            ),
            raised(
                "ray.exceptions.RayActorError",
                _DIED.format(
                    "The actor is dead because its node has died. Node Id: 7a29851d9076a261dd0e829c1b9f08ac9fe82ec2"
                ),
            ),
        ),
        misses=(
            raised(
                "ray.exceptions.ActorDiedError",
                _DIED.format("The actor is dead because its owner has died. Owner Id: 1"),
            ),
            raised("ValueError", "The actor died because its node has died. Node Id: 56b97436e67393f15565e02427886770"),
        ),
    ),
    "ray-worker-killed": Case(
        hits=(
            raised("ray.exceptions.ActorDiedError", _DIED.format(_WORKER.format("SYSTEM_ERROR", _CRASHED))),
            raised(
                "ray.exceptions.WorkerCrashedError",
                "The worker died unexpectedly while executing this task. Check python-core-worker-*.log files for more"
                " information.",
            ),
        ),
        misses=(
            raised(
                "ray.exceptions.ActorDiedError",
                _DIED.format("The actor is dead because it was killed by `ray.kill`."),
            ),
            raised(
                "ray.exceptions.ActorDiedError",
                "The actor died because of an error raised in its creation task, ray::A",
            ),
        ),
    ),
}
