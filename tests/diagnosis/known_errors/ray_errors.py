"""Ray: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "ray-disk-full": Case(
        hits=(
            raised(
                "ray.exceptions.OutOfDiskError",
                "Local disk is full\nThe object cannot be created because the local object store is full and the local disk's"
                " utilization is over capacity (95% by default).Tip: Use `df` on this node to check disk usage.",
            ),
            raised(
                "OutOfDiskError",
                "The object cannot be created because the local object store is full and the local disk's utilization is"
                " over capacity (95% by default).",
            ),
        ),
        misses=(
            raised("OSError", "Local disk is full"),
            raised("ray.exceptions.OutOfDiskError", "the raylet said: Local disk is full"),
            raised(
                "ray.exceptions.ObjectStoreFullError",
                "The local object store is full of objects that are still in scope and cannot be evicted.",
            ),
        ),
    ),
    "ray-actor-creation": Case(
        hits=(
            raised(
                "ray.exceptions.ActorDiedError",
                (
                    "The actor died because of an error raised in its creation task, ray::WorkerDict.__init__() "
                    '(pid=1, ip=10.0.0.1)\n  File "x.py", line 1\nLookupError: bad config'
                ),
            ),
            raised(
                "ray.exceptions.RayActorError",
                "The actor died because of an error raised in its creation task, ray::A.__init__() (pid=7)",
            ),
        ),
        misses=(
            raised(
                "ray.exceptions.ActorDiedError",
                (
                    "an earlier attempt said: The actor died because of an error raised in its creation task, "
                    'ray::WorkerDict.__init__() (pid=1, ip=10.0.0.1)   File "x.py", line 1 LookupError: bad config'
                ),
            ),
            raised(
                "KeyError",
                (
                    "The actor died because of an error raised in its creation task, ray::WorkerDict.__init__() "
                    '(pid=1, ip=10.0.0.1)\n  File "x.py", line 1\nLookupError: bad config'
                ),
            ),
        ),
    ),
    "ray-actor-killed-by-program": Case(
        hits=(
            raised(
                "ray.exceptions.ActorDiedError",
                (
                    "The actor died unexpectedly before finishing this task.\n	class_name: x\nThe actor is dead "
                    "because its owner has died. Owner Id: 01"
                ),
            ),
            raised(
                "ray.exceptions.RayActorError",
                (
                    "The actor died unexpectedly before finishing this task.\n	class_name: A\nThe actor is dead "
                    "because it was killed by `ray.kill`."
                ),
            ),
        ),
        misses=(
            raised(
                "ray.exceptions.ActorDiedError",
                (
                    "an earlier attempt said: The actor died unexpectedly before finishing this task. "
                    "	class_name: x The actor is dead because its owner has died. Owner Id: 01"
                ),
            ),
            raised(
                "KeyError",
                (
                    "The actor died unexpectedly before finishing this task.\n	class_name: x\nThe actor is dead "
                    "because its owner has died. Owner Id: 01"
                ),
            ),
        ),
    ),
    "ray-object-lost": Case(
        hits=(
            raised(
                "ray.exceptions.ObjectLostError",
                (
                    "Failed to retrieve object 00ffff. To see information about where this ObjectRef was created "
                    "in Python, set the environment variable RAY_record_ref_creation_sites=1"
                ),
            ),
            raised(
                "ray.exceptions.OwnerDiedError",
                "Failed to retrieve object 00ffff. To see information about where this ObjectRef was created",
            ),
        ),
        misses=(
            raised(
                "ray.exceptions.ObjectLostError",
                (
                    "an earlier attempt said: Failed to retrieve object 00ffff. To see information about where "
                    "this ObjectRef was created in Python, set the environment variable "
                    "RAY_record_ref_creation_sites=1"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Failed to retrieve object 00ffff. To see information about where this ObjectRef was created "
                    "in Python, set the environment variable RAY_record_ref_creation_sites=1"
                ),
            ),
        ),
    ),
    "ray-raylet-died": Case(
        hits=(
            raised(
                "ray.exceptions.LocalRayletDiedError",
                "The task's local raylet died. Check raylet.out for more information.",
            ),
            raised("ray.exceptions.RaySystemError", "System error: Broken pipe"),
        ),
        misses=(
            raised(
                "ray.exceptions.LocalRayletDiedError",
                "an earlier attempt said: The task's local raylet died. Check raylet.out for more information.",
            ),
            raised("KeyError", "The task's local raylet died. Check raylet.out for more information."),
        ),
    ),
    "ray-environment": Case(
        hits=(
            raised(
                "ray.exceptions.RuntimeEnvSetupError",
                "Failed to set up runtime environment.\nFailed to download runtime_env file package",
            ),
            raised("ray.exceptions.RuntimeEnvSetupError", "Failed to set up runtime environment.\nTimeout of 600s"),
        ),
        misses=(
            raised(
                "ray.exceptions.RuntimeEnvSetupError",
                (
                    "an earlier attempt said: Failed to set up runtime environment. Failed to download "
                    "runtime_env file package"
                ),
            ),
            raised("KeyError", "Failed to set up runtime environment.\nFailed to download runtime_env file package"),
        ),
    ),
    "ray-get-timeout": Case(
        hits=(
            raised("ray.exceptions.GetTimeoutError", "Get timed out: some object(s) not ready."),
            raised("ray.exceptions.GetTimeoutError", "Get timed out: some object(s) not ready. (timeout 30)"),
        ),
        misses=(
            raised(
                "ray.exceptions.GetTimeoutError", "an earlier attempt said: Get timed out: some object(s) not ready."
            ),
            raised("KeyError", "Get timed out: some object(s) not ready."),
        ),
    ),
    "ray-actor-unschedulable": Case(
        hits=(
            raised(
                "ray.exceptions.ActorUnschedulableError",
                "The actor is not schedulable: The actor placement group cannot be scheduled",
            ),
            raised(
                "ray.exceptions.ActorUnschedulableError",
                (
                    "The actor is not schedulable: The node specified via NodeAffinitySchedulingStrategy doesn't "
                    "exist any more"
                ),
            ),
        ),
        misses=(
            raised(
                "ray.exceptions.ActorUnschedulableError",
                (
                    "an earlier attempt said: The actor is not schedulable: The actor placement group cannot be "
                    "scheduled"
                ),
            ),
            raised("KeyError", "The actor is not schedulable: The actor placement group cannot be scheduled"),
        ),
    ),
    "ray-actor-unavailable": Case(
        hits=(
            raised(
                "ray.exceptions.ActorUnavailableError",
                (
                    "The actor x is unavailable: The actor is temporarily unavailable: RpcError: RPC error: "
                    "keepalive watchdog timeout rpc_code: 14."
                ),
            ),
            raised("ray.exceptions.ActorUnavailableError", "The actor 0f12 is unavailable: The actor is restarting."),
        ),
        misses=(
            raised(
                "ray.exceptions.ActorUnavailableError",
                (
                    "an earlier attempt said: The actor x is unavailable: The actor is temporarily unavailable: "
                    "RpcError: RPC error: keepalive watchdog timeout rpc_code: 14."
                ),
            ),
            raised(
                "KeyError",
                (
                    "The actor x is unavailable: The actor is temporarily unavailable: RpcError: RPC error: "
                    "keepalive watchdog timeout rpc_code: 14."
                ),
            ),
        ),
    ),
    "ray-versions": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.10.12\nThis "
                    "process on node 10.0.0.2 was started with:\n    Ray: 2.10.0\n    Python: 3.10.12"
                ),
            ),
            raised(
                "RuntimeError", "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.10.12"
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Version mismatch: The cluster was started with:     Ray: 2.9.0     "
                    "Python: 3.10.12 This process on node 10.0.0.2 was started with:     Ray: 2.10.0     Python: "
                    "3.10.12"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.10.12\nThis "
                    "process on node 10.0.0.2 was started with:\n    Ray: 2.10.0\n    Python: 3.10.12"
                ),
            ),
        ),
    ),
    "ray-start-failed": Case(
        hits=(
            raised(
                "Exception",
                (
                    "The current node timed out during startup. This could happen because some of the Ray "
                    "processes failed to startup."
                ),
            ),
            raised("RuntimeError", "Failed to start GCS. Last 0 lines of error files:"),
        ),
        misses=(
            raised("RuntimeError", "the current node timed out during startup"),
            raised("Exception", "see: Failed to start GCS."),
        ),
    ),
    "ray-driver-without-gpu": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "Ray does not allocate any GPUs on the driver node. Consider adjusting the Ray placement "
                    "group or running the driver on a GPU node."
                ),
            ),
            raised(
                "ValueError",
                (
                    "Current node has no GPU available. current_node_resource={'CPU': 8.0}. vLLM engine cannot "
                    "start without GPU."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Ray does not allocate any GPUs on the driver node. Consider "
                    "adjusting the Ray placement group or running the driver on a GPU node."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Ray does not allocate any GPUs on the driver node. Consider adjusting the Ray placement "
                    "group or running the driver on a GPU node."
                ),
            ),
        ),
    ),
    "ray-worker-terminated": Case(
        hits=tuple(
            raised(
                f"ray.exceptions.{kind}",
                "The actor died unexpectedly before finishing this task.\nThe actor is dead because its worker process has died."
                " Worker exit type: SYSTEM_ERROR Worker exit detail: Worker exits unexpectedly by a signal. SystemExit is raised"
                " (sys.exit is called). Exit code: 1. The process receives a SIGTERM.",
            )
            for kind in ("ActorDiedError", "RayActorError")
        ),
        misses=(
            raised(
                "ray.exceptions.ActorDiedError",
                "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: "
                "Worker unexpectedly exits with a connection error code 2. End of file. Some causes: SIGTERM",
            ),
            raised("RuntimeError", "Worker exits unexpectedly by a signal. The process receives a SIGTERM."),
        ),
    ),
}
