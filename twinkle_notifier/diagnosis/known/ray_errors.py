"""Ray."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_SPILLING = "https://docs.ray.io/en/latest/ray-core/objects/object-spilling.html"

RULES: tuple[Rule, ...] = (
    Rule(
        "ray-actor-creation",
        Advice(
            "an actor's `__init__` raised: its own error stands below, in the actor's traceback",
            ("read the last line of this error, and of the actor's log in /tmp/ray/session_latest/logs",),
        ),
        Advice(
            "actor 的 `__init__` 抛出了异常：原始错误在下面 actor 的 traceback 里",
            ("看该报错的最后一行，以及 /tmp/ray/session_latest/logs 里该 actor 的日志",),
        ),
        "https://docs.ray.io/en/latest/ray-core/fault_tolerance/actors.html",
        says=("The actor died because of an error raised in its creation task",),
        types=(
            "RayActorError",
            "ActorDiedError",
        ),
    ),
    Rule(
        "ray-actor-killed-by-program",
        Advice(
            "the actor was ended on purpose: ray.kill, ray stop, or its owner ended",
            ("look for an earlier error: of the driver, or of the actor that held this one",),
        ),
        Advice(
            "actor 被主动结束：ray.kill、ray stop，或其所有者已退出",
            ("找更早的报错：driver，或持有该 actor 的进程",),
        ),
        "https://docs.ray.io/en/latest/ray-core/fault_tolerance/actors.html",
        says=(
            "The actor is dead because it was killed by `ray.kill`.",
            "The actor is dead because its owner has died.",
            "The actor is dead because all references to the actor were removed",
            "The actor is dead because its worker process has died. Worker exit type: INTENDED_USER_EXIT",
        ),
        types=(
            "RayActorError",
            "ActorDiedError",
        ),
    ),
    Rule(
        "ray-disk-full",
        Advice(
            "Ray's object store is full, and so is the disk of this node to which it moves objects (95 % by default)",
            (
                "see df -h /tmp on that node, and ray memory; delete the sessions of ended runs: /tmp/ray/session_*",
                "put them on a larger disk: ray start --temp-dir=PATH (or ray.init(_temp_dir=PATH)) on each node",
                "keep fewer objects: smaller blocks, and del the references that are no longer needed",
            ),
        ),
        Advice(
            "Ray 的 object store 已满，用来溢写（spill）对象的本机磁盘也超过上限（默认 95%）",
            (
                "在该节点查看 df -h /tmp 和 ray memory；清理已结束任务的会话目录：/tmp/ray/session_*",
                "放到更大的磁盘：每个节点用 ray start --temp-dir=PATH（或 ray.init(_temp_dir=PATH)）",
                "减少对象：调小数据块，不再需要的引用用 del 释放",
            ),
        ),
        _SPILLING,
        says=(
            "Local disk is full",
            "The object cannot be created because the local object store is full and the local disk's utilization",
        ),
        types=("OutOfDiskError",),
    ),
    Rule(
        "ray-object-lost",
        Advice(
            "an object of Ray is gone: the process or node that made or held it ended",
            (
                "look for that end in the log: memory (ray memory, dmesg), a node that left (ray status)",
                "keep the process that calls ray.put() or .remote() alive until the result is fetched",
            ),
        ),
        Advice(
            "Ray 的对象已丢失：创建或保存它的进程或节点已退出",
            (
                "在日志里找其退出原因：内存（ray memory、dmesg）、离开的节点（ray status）",
                "调用 ray.put() 或 .remote() 的进程要存活到结果被取走",
            ),
        ),
        "https://docs.ray.io/en/latest/ray-core/fault_tolerance/objects.html",
        says=("Failed to retrieve object ",),
        types=(
            "ObjectLostError",
            "OwnerDiedError",
            "ReferenceCountingAssertionError",
            "ObjectFetchTimedOutError",
            "ObjectReconstructionFailedError",
            "ObjectReconstructionFailedMaxAttemptsExceededError",
        ),
    ),
    Rule(
        "ray-raylet-died",
        Advice(
            "Ray's own process on that node (the raylet) ended: the node ran out of memory, or Ray was stopped",
            ("see /tmp/ray/session_latest/logs/raylet.out on that node, and dmesg -T for the OOM killer",),
        ),
        Advice(
            "该节点上 Ray 自身的进程（raylet）已退出：节点内存耗尽，或 Ray 被停止",
            ("查看该节点的 /tmp/ray/session_latest/logs/raylet.out，以及 dmesg -T 中的 OOM killer",),
        ),
        "https://docs.ray.io/en/latest/ray-observability/user-guides/debug-apps/debug-failures.html",
        says=(
            "The task's local raylet died.",
            "System error: Broken pipe",
            "Ray has not been started yet.{}raylet",
            "The node died",
        ),
        types=(
            "LocalRayletDiedError",
            "RaySystemError",
            "NodeDiedError",
        ),
    ),
    Rule(
        "ray-environment",
        Advice(
            (
                "Ray could not set up the environment of the worker (runtime_env): a package, a path or a "
                "download failed"
            ),
            (
                (
                    "read the lines below, and /tmp/ray/session_latest/logs/runtime_env_setup-*.log; try pip "
                    "install by hand on that node"
                ),
            ),
        ),
        Advice(
            "Ray 无法为 worker 建立环境（runtime_env）：包、路径或下载失败",
            ("看下面几行，以及 /tmp/ray/session_latest/logs/runtime_env_setup-*.log；在该节点上手动 pip install",),
        ),
        "https://docs.ray.io/en/latest/ray-core/handling-dependencies.html",
        says=("Failed to set up runtime environment.",),
        types=("RuntimeEnvSetupError",),
    ),
    Rule(
        "ray-get-timeout",
        Advice(
            (
                "a result of Ray did not come within the timeout of ray.get(): the task hangs, waits for "
                "resources, or is slow"
            ),
            (
                (
                    "see with ray status and ray list tasks whether it waits for CPUs or GPUs; py-spy dump --pid "
                    "PID of the worker"
                ),
                "raise the timeout, if it is only slow",
            ),
        ),
        Advice(
            "ray.get() 在超时前没有得到结果：任务卡住、等待资源，或太慢",
            (
                "用 ray status、ray list tasks 看是否在等 CPU/GPU；对 worker 用 py-spy dump --pid PID",
                "只是慢的话调大 timeout",
            ),
        ),
        "https://docs.ray.io/en/latest/ray-core/api/doc/ray.get.html",
        says=("Get timed out: some object(s) not ready.",),
        types=("GetTimeoutError",),
    ),
    Rule(
        "ray-actor-unschedulable",
        Advice(
            "Ray cannot place the actor: its placement group or node is gone, or no node has what it asks for",
            (
                (
                    "see ray status: free CPUs and GPUs, and whether all nodes are there; look for an earlier "
                    "failure of the group"
                ),
            ),
        ),
        Advice(
            "Ray 无法放置该 actor：placement group 或节点已不存在，或没有节点满足要求",
            ("查看 ray status：空闲 CPU/GPU，以及节点是否齐全；找该 group 更早的失败",),
        ),
        "https://docs.ray.io/en/latest/ray-core/scheduling/index.html",
        says=("The actor is not schedulable: ",),
        types=(
            "ActorUnschedulableError",
            "RayActorError",
        ),
    ),
    Rule(
        "ray-actor-unavailable",
        Advice(
            "the actor did not answer: its node lost the network, or its process hangs or is overloaded",
            (
                (
                    "see ray status for nodes that left, and the node's CPU and memory; py-spy dump --pid PID of "
                    "the actor"
                ),
            ),
        ),
        Advice(
            "actor 没有应答：节点断网，或进程卡住、过载",
            ("用 ray status 查看离开的节点，检查该节点的 CPU 和内存；对 actor 用 py-spy dump --pid PID",),
        ),
        "https://docs.ray.io/en/latest/ray-core/fault_tolerance/actors.html",
        says=("The actor {:word} is unavailable: ",),
        types=(
            "ActorUnavailableError",
            "RayActorError",
        ),
    ),
    Rule(
        "ray-versions",
        Advice(
            "this process has another version of Ray or Python than the cluster was started with",
            ("install the same ray and python on each node and in the driver's environment",),
        ),
        Advice(
            "该进程的 Ray 或 Python 版本与集群启动时不同",
            ("在每个节点和 driver 的环境里安装相同的 ray 和 python",),
        ),
        "https://docs.ray.io/en/latest/cluster/faq.html",
        says=("Version mismatch: The cluster was started with:",),
        types=("RuntimeError",),
    ),
    Rule(
        "ray-start-failed",
        Advice(
            (
                "Ray's processes did not come up on this node: left-over processes, a full /tmp, a busy "
                "machine, or a proxy"
            ),
            (
                "see df -h /tmp, and /tmp/ray/session_latest/logs/gcs_server.out and raylet.err",
                "left-over processes: ray stop --force, which ends all of your Ray on this node, other jobs' too",
                "unset http_proxy, or add the node's address to no_proxy",
            ),
        ),
        Advice(
            "该节点上 Ray 的进程没能启动：有残留进程、/tmp 已满、机器繁忙，或代理",
            (
                "查看 df -h /tmp，以及 /tmp/ray/session_latest/logs 里的 gcs_server.out、raylet.err",
                "有残留进程时：ray stop --force（会结束你在该节点上的所有 Ray 进程，包括其他作业的）",
                "unset http_proxy，或把节点地址加入 no_proxy",
            ),
        ),
        "https://docs.ray.io/en/latest/cluster/faq.html",
        says=(
            "The current node timed out during startup.",
            "The current node has not been updated within {:int} seconds",
            "Unable to connect to GCS",
            "Failed to start GCS.",
        ),
        types=(
            "Exception",
            "RuntimeError",
            "ConnectionError",
        ),
    ),
    Rule(
        "ray-driver-without-gpu",
        Advice(
            "vLLM's driver runs on a node of Ray that gives it no GPU",
            (("start it on a GPU node, or let the Ray task or placement group that holds it ask for GPUs (num_gpus)"),),
        ),
        Advice(
            "vLLM 的 driver 运行在 Ray 没有分配 GPU 的节点上",
            ("在 GPU 节点上启动，或让所在的 Ray task、placement group 申请 GPU（num_gpus）",),
        ),
        "https://docs.vllm.ai/en/latest/serving/parallelism_scaling.html",
        says=(
            "Ray does not allocate any GPUs on the driver node.",
            "Current node has no GPU available.",
        ),
        types=("ValueError",),
    ),
    Rule(
        "ray-worker-terminated",
        Advice(
            "the worker's process was told to end (SIGTERM): by the cluster, by `ray stop`, or as the driver ended",
            ("look at why the driver or the job ended: this error only follows from that, or from a preemption",),
        ),
        Advice(
            "worker 进程收到 SIGTERM 被要求结束：来自集群、`ray stop`，或因为 driver 已退出",
            ("查看 driver 或作业为什么结束：这里只是它的后果，或者是抢占",),
        ),
        "https://docs.ray.io/en/latest/ray-core/fault_tolerance/actors.html",
        says=(
            "The actor is dead because its worker process has died. {}Worker exits unexpectedly by a signal. {}SIGTERM",
        ),
        types=("RayActorError", "ActorDiedError"),
    ),
)
