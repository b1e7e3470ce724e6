"""Launchers, rendezvous, ports, schedulers and Ray."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_NETWORK = ("DistNetworkError", "RuntimeError")
_SOCKET = "https://github.com/pytorch/pytorch/blob/main/torch/csrc/distributed/c10d/socket.cpp"
_INIT = "https://docs.pytorch.org/docs/stable/distributed.html#initialization"
_LISTEN = "The server socket has failed to listen on"  # any local network address; tools wrap the line
_SLURM = tuple(begin + " error: *** {} ON {node:word} CANCELLED AT {} DUE TO " for begin in ("slurmstepd:", "[{}]"))
_ACTOR = "The actor is dead because its worker process has died. Worker exit type: {} Worker exit detail: "

RULES: tuple[Rule, ...] = (
    Rule(
        "rendezvous-port-taken",
        Advice(
            "port {port} of this machine is taken: by another run, or by processes that an earlier run left",
            ("see who holds it: ss -ltnp | grep {port}; or give each run its own: --master-port, --standalone",),
        ),
        Advice(
            "本机的端口 {port} 已被占用：另一个任务，或之前的任务残留的进程",
            ("查看占用者：ss -ltnp | grep {port}；或者每个任务用不同的端口：--master-port、--standalone",),
        ),
        _SOCKET,
        says=(
            "{}port: {port:int}, useIpv6: {}, code: {:int}, name: EADDRINUSE",
            *(f"{{}}bind to {host}:{{port:int}} (errno: 98" for host in ("[::]", "0.0.0.0")),  # noqa: S104
        ),
        also=(_LISTEN,),
        types=_NETWORK,
    ),
    Rule(
        "port-taken",
        Advice(
            "a port or socket on which this process wants to listen is taken: another process has it",
            ("see which part listens (traceback) and who holds it (ss -lxtnp); end that, or take another one",),
        ),
        Advice(
            "这个进程要监听的端口（或 socket）已被占用",
            ("从 traceback 看是哪个组件在监听，用 ss -lxtnp 看谁占用；结束占用者，或换一个端口或路径",),
        ),
        "https://docs.python.org/3/library/errno.html#errno.EADDRINUSE",
        says=("[Errno 98] Address already in use", "[Errno 98] error while attempting to bind on address ("),
        types=("OSError",),
    ),
    Rule(
        "rendezvous-silent",
        Advice(
            "nothing answered at {host}, port {port}, for {waited}: no rank 0, a wrong MASTER_ADDR, or a firewall",
            ("see whether rank 0 failed by itself; test with nc -vz {host} {port}; localhost is for one node only",),
        ),
        Advice(
            "{host} 的端口 {port} 在 {waited} 内没有响应：rank 0 不在，MASTER_ADDR 写错，或被防火墙拦截",
            ("先看 rank 0 自己有没有报错；用 nc -vz {host} {port} 测试；多机时 MASTER_ADDR 不能是 localhost",),
        ),
        _SOCKET,
        says=("The client socket has timed out after {waited:word} while trying to connect to ({host}, {port:int})",),
        types=_NETWORK,
    ),
    Rule(
        "rendezvous-unreachable",
        Advice(
            "this node cannot open a connection to {host}, port {port}: unknown name, no route, or nobody listens",
            ("test here: getent hosts {host}; nc -vz {host} {port}; see whether rank 0 still runs",),
        ),
        Advice(
            "本节点连不上 {host} 的端口 {port}：主机名无法解析、没有路由，或没有进程在监听",
            ("在本节点测试：getent hosts {host}；nc -vz {host} {port}；并确认第一个节点的进程还在运行",),
        ),
        _SOCKET,
        says=("The client socket has failed to connect to any network address of ({host}, {port:int}).",),
        types=_NETWORK,
    ),
    Rule(
        "rendezvous-clients-missing",
        Advice(
            "only {joined} of {all} processes came within {seconds} s: others failed, went elsewhere or did not start",
            ("look in the logs of the missing nodes; MASTER_ADDR must be one for all, nodes x processes be {all}",),
        ),
        Advice(
            "{seconds} 秒内只有 {joined}/{all} 个进程加入：其余的没有启动、已失败，或连到了别处",
            ("查看缺席节点的日志；所有节点的 MASTER_ADDR 要一致，节点数 × 每节点进程数应为 {all}",),
        ),
        _INIT,
        says=("Timed out after {seconds:int} seconds waiting for clients. {joined:int}/{all:int} clients joined",),
        types=("DistStoreError", "RuntimeError"),
    ),
    Rule(
        "store-ended",
        Advice(
            "the process that keeps the store (rank 0 or the first torchrun) ended: this error only follows from that",
            ("look for the first error in the logs of rank 0 and of the first node's torchrun",),
        ),
        Advice(
            "保存 store 的进程（rank 0 或第一个节点的 torchrun）已退出，这里的报错只是后果",
            ("在 rank 0 和第一个节点的 torchrun 的日志里找最早的报错",),
        ),
        "https://github.com/pytorch/pytorch/pull/153586",
        says=("Failed to recv, got 0 bytes. Connection was likely closed.", "failed to recv, got 0 bytes"),
        types=_NETWORK,
    ),
    Rule(
        "rendezvous-failed",
        Advice(
            "this node cannot reach the rendezvous endpoint: address, port, firewall, or the first node is not up",
            ("read the inner exception; all nodes need one --rdzv-endpoint and --rdzv-id: test it with nc -vz",),
        ),
        Advice(
            "本节点连不上 rendezvous 端点：地址或端口写错、被防火墙拦截，或第一个节点还没启动",
            ("看内层异常；所有节点的 --rdzv-endpoint 和 --rdzv-id 要一致，并用 nc -vz 测试",),
        ),
        "https://docs.pytorch.org/docs/stable/elastic/rendezvous.html",
        says=("The connection to the C10d store has failed.",),
        types=("RendezvousConnectionError",),
    ),
    Rule(
        "launcher-missing",
        Advice(
            "the variables of a launcher (RANK, WORLD_SIZE, MASTER_ADDR) are not set: the script runs without one",
            ("start it with torchrun --nproc-per-node=N script.py, or set them from the scheduler's variables",),
        ),
        Advice(
            "没有设置启动器的环境变量（RANK、WORLD_SIZE、MASTER_ADDR 等）：脚本不是由启动器启动的",
            ("用 torchrun --nproc-per-node=N script.py 启动，或由调度器的变量设置它们",),
        ),
        _INIT,
        says=(
            "Error initializing torch.distributed using env:// rendezvous: environment variable {:word} expected, but",
            "LOCAL_RANK is not in the environment.",
            *(f"'{name}'" for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")),
        ),
        types=("ValueError", "KeyError", "RuntimeError"),
        modules=("os", "torch.distributed"),  # a KeyError of os.environ, not of any dict
    ),
    Rule(
        "process-group-twice",
        Advice(
            "init_process_group is called twice in one process; a Trainer, Accelerator or DeepSpeed may have called it",
            ("call it only if not torch.distributed.is_initialized()",),
        ),
        Advice(
            "同一个进程里调用了两次 init_process_group；Trainer、Accelerator 或 DeepSpeed 可能已经调用过",
            ("先判断 torch.distributed.is_initialized()，没有初始化时才调用",),
        ),
        _INIT,
        says=("trying to initialize the default process group twice!",),
        types=("ValueError", "RuntimeError"),
    ),
    Rule(
        "process-group-no-backend",
        Advice(
            "the process group has no backend for {device}, but a collective got a tensor there",
            ("move the tensor first; or init_process_group('cpu:gloo,cuda:nccl'), as FSDP's CPU offload needs it",),
        ),
        Advice(
            "进程组没有 {device} 的后端，集合通信却收到了 {device} 上的张量",
            ("先移动张量；或用 init_process_group('cpu:gloo,cuda:nccl')，FSDP 的 CPU offload 需要它",),
        ),
        "https://github.com/rwth-i6/returnn/issues/1724",
        says=("No backend type associated with device type {device:word}",),
        types=("RuntimeError",),
    ),
    Rule(
        "nccl-unavailable",
        Advice(
            "the nccl backend is asked for, but this process sees no GPU, or its torch was built without NCCL",
            ("check torch.cuda.is_available(), torch.version.cuda and CUDA_VISIBLE_DEVICES; without GPUs use gloo",),
        ),
        Advice(
            "指定了 nccl 后端，但这个进程看不到 GPU，或安装的 torch 不带 NCCL",
            ("检查 torch.cuda.is_available()、torch.version.cuda 和 CUDA_VISIBLE_DEVICES；没有 GPU 时用 gloo",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html#backends",
        says=("ProcessGroupNCCL is only supported with GPUs", "Distributed package doesn't have NCCL built in"),
        types=("ValueError", "RuntimeError"),
    ),
    Rule(
        "slurm-time-limit",
        Advice(
            "SLURM ended the job on {node}: its time limit was reached",
            ("resume from the last checkpoint with a longer --time; #SBATCH --signal=B:USR1@300 warns before",),
        ),
        Advice(
            "作业达到时间上限，被 SLURM 结束（节点 {node}）",
            ("加大 --time，从最近的 checkpoint 恢复；#SBATCH --signal=B:USR1@300 可提前 5 分钟通知",),
        ),
        "https://slurm.schedmd.com/sbatch.html",
        printed=tuple(begin + "TIME LIMIT ***" for begin in _SLURM),
    ),
    Rule(
        "slurm-ended-by-cluster",
        Advice(
            "SLURM ended the job on {node}, not the training itself: {reason}",
            ("submit again and resume from the last checkpoint; sbatch --requeue lets SLURM queue it again",),
        ),
        Advice(
            "作业被 SLURM 结束（节点 {node}），不是训练本身出错：{reason}",
            ("重新提交，从最近的 checkpoint 恢复；sbatch --requeue 可自动重新排队",),
        ),
        "https://slurm.schedmd.com/preempt.html",
        printed=tuple(begin + "{reason} ***" for begin in _SLURM),
    ),
    Rule(
        "slurm-memory",
        Advice(
            "the job used more host memory than SLURM gave it; the kernel ended a process (oom_kill: {kills})",
            ("raise --mem or --mem-per-cpu (see sacct --format=MaxRSS,ReqMem), or run fewer DataLoader workers",),
        ),
        Advice(
            "作业用的内存超过了 SLURM 分配的上限，有进程被内核杀掉（oom_kill：{kills}）",
            ("加大 --mem 或 --mem-per-cpu（峰值见 sacct --format=MaxRSS,ReqMem），或减少 DataLoader worker",),
        ),
        "https://github.com/nextflow-io/nextflow/issues/5932",
        printed=(
            "slurmstepd: error: Detected {kills:int} oom_kill event",
            "slurmstepd: error: Detected {kills:int} oom-kill event",
            "[{}] error: Detected {kills:int} oom_kill event",
        ),
    ),
    Rule(
        "slurm-request",
        Advice(
            "no node of the partition, or of this job, can give what srun asks for: GPUs, CPUs, memory or tasks",
            ("compare the request with sinfo -o '%P %c %m %G'; in a job srun gets no more than sbatch was given",),
        ),
        Advice(
            "该分区（或当前作业）的节点满足不了 srun 的请求：GPU、CPU、内存或 task 数",
            ("用 sinfo -o '%P %c %m %G' 核对；作业内的 srun 不能超过 sbatch 申请的资源",),
        ),
        "https://slurm.schedmd.com/faq.html",
        printed=(
            "srun: error: Unable to allocate resources: Requested node configuration is not available",
            "srun: error: Unable to create step for job {:int}: Requested node configuration is not available",
            "srun: error: Unable to create step for job {:int}: More processors requested than permitted",
        ),
    ),
    Rule(
        "lightning-slurm-tasks",
        Advice(
            "the Trainer has devices={devices}, but SLURM starts {tasks} tasks on each node",
            ("set #SBATCH --ntasks-per-node={devices}, or devices={tasks}",),
        ),
        Advice(
            "Trainer 设置了 devices={devices}，但 SLURM 每个节点启动 {tasks} 个 task",
            ("设置 #SBATCH --ntasks-per-node={devices}，或 devices={tasks}",),
        ),
        "https://lightning.ai/docs/pytorch/stable/clouds/cluster_advanced.html",
        says=(
            "You set `devices={devices:int}` in Lightning, but the number of tasks per node configured in SLURM"
            " `--ntasks-per-node={tasks:int}` does not match",
        ),
        types=("ValueError",),
    ),
    Rule(
        "mpi-slots",
        Advice(
            "mpirun is to start {asked} processes, but its hosts have fewer slots",
            ("give slots=N in the hostfile or --host name:N (under SLURM --ntasks), or lower -np",),
        ),
        Advice(
            "mpirun 要启动 {asked} 个进程，但主机的 slot 数不够",
            ("在 hostfile 中写 slots=N 或 --host name:N（SLURM 下是 --ntasks），或减小 -np",),
        ),
        "https://docs.open-mpi.org/en/main/launching-apps/scheduling.html",
        printed=("There are not enough slots available in the system to satisfy the {asked:int}",),
    ),
    Rule(
        "ray-node-memory",
        Advice(
            "Ray ended this worker, since its node ran out of host memory",
            ("run fewer tasks at once: more num_cpus or memory= for each; the message lists the largest processes",),
        ),
        Advice(
            "节点内存不足，Ray 结束了这个 worker",
            ("减少并发：给每个任务设置更大的 num_cpus 或 memory=；报错里列出了占用最多的进程",),
        ),
        "https://docs.ray.io/en/latest/ray-core/scheduling/ray-oom-prevention.html",
        says=(
            "Task was killed due to the node running low on memory",
            "{:int} worker(s) were killed due to the node running low on memory",
            _ACTOR + "Task was killed due to the node running low on memory",
        ),
        types=("OutOfMemoryError", "RayActorError", "ActorDiedError"),
    ),
    Rule(
        "ray-no-cluster",
        Advice(
            "no Ray cluster answers at the address that ray.init got (address=, or RAY_ADDRESS)",
            ("see ray status on the head node; start it with ray start --head, or call ray.init() without an address",),
        ),
        Advice(
            "ray.init 指定的地址（address= 或 RAY_ADDRESS）上没有 Ray 集群",
            ("在 head 节点用 ray status 查看；用 ray start --head 启动，或者调用 ray.init() 时不写地址",),
        ),
        "https://docs.ray.io/en/latest/ray-core/starting-ray.html",
        says=("Could not find any running Ray instance.", "Failed to connect to Ray cluster at {:word}"),
        types=("ConnectionError",),
    ),
    Rule(
        "ray-actor-node-lost",
        Advice(
            "the node on which the actor ran is gone: it was stopped, taken back or does not answer",
            ("look at that node: preemption, restarts, out of memory; set max_restarts and resume from a checkpoint",),
        ),
        Advice(
            "actor 所在的节点已失联：被停止、被回收或无响应",
            ("检查该节点：抢占、重启、内存耗尽；设置 max_restarts，并从 checkpoint 恢复",),
        ),
        "https://docs.ray.io/en/latest/ray-core/fault_tolerance/nodes.html",
        says=(
            "The actor died because its node has died. Node Id: {:word}",
            "The actor is dead because its node has died. Node Id: {:word}",
        ),
        types=("RayActorError", "ActorDiedError"),
    ),
    Rule(
        "ray-worker-killed",
        Advice(
            "the worker's process ended without a Python error: killed (often for memory), crashed, or it called exit",
            ("on its node read /tmp/ray/session_latest/logs/worker-*, and look for the OOM killer in dmesg -T",),
        ),
        Advice(
            "worker 进程没有抛出 Python 异常就退出了：被杀掉（多为内存不足）、崩溃或调用了 exit",
            ("在它的节点上查看 /tmp/ray/session_latest/logs/worker-*，并用 dmesg -T 看是否有 OOM killer",),
        ),
        "https://docs.ray.io/en/latest/ray-core/fault_tolerance/actors.html",
        says=(
            _ACTOR + "Worker unexpectedly exits with a connection error code",
            "The worker died unexpectedly while executing this task.",
        ),
        types=("RayActorError", "ActorDiedError", "WorkerCrashedError"),
    ),
)
