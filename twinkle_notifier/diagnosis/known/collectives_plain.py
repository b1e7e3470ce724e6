"""NCCL and gloo, in the words of older releases and of one line."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "nccl-invalid-usage",
        Advice(
            ("NCCL was used in a way that it does not allow: most often two ranks on one GPU, or more ranks than GPUs"),
            (
                (
                    "torch.cuda.set_device(int(os.environ['LOCAL_RANK'])) before init_process_group; "
                    "--nproc-per-node no more than the GPUs"
                ),
                "NCCL_DEBUG=WARN names the call",
            ),
        ),
        Advice(
            "NCCL 用法不当：多为两个 rank 用同一张 GPU，或 rank 数多于 GPU",
            (
                (
                    "在 init_process_group 之前 "
                    "torch.cuda.set_device(int(os.environ['LOCAL_RANK']))；--nproc-per-node 不超过 GPU 数"
                ),
                "NCCL_DEBUG=WARN 会指出具体调用",
            ),
        ),
        "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html",
        says=(
            "ncclInvalidUsage: This usually reflects invalid usage of NCCL library",
            "NCCL error in: {}, invalid usage",
            "NCCL error: invalid usage",
            "NCCL Error 5: invalid usage",
        ),
        types=(
            "DistBackendError",
            "RuntimeError",
        ),
    ),
    Rule(
        "nccl-aborted",
        Advice(
            (
                "NCCL was ended on this rank, as a collective failed or another rank did: this error only "
                "follows from that"
            ),
            ("look for the rank that failed first, by time, over the logs of all ranks",),
        ),
        Advice(
            "该 rank 上的 NCCL 被中止：某个集合通信或其他 rank 失败，此错误只是其后果",
            ("在所有 rank 的日志里按时间找出最先失败的 rank",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html",
        says=(
            "NCCL communicator was aborted on rank {:int}.",
            "NCCL communicator was aborted.",
            "Some NCCL operations have failed or timed out.",
        ),
        types=(
            "DistBackendError",
            "RuntimeError",
        ),
    ),
    Rule(
        "nccl-cuda-error-plain",
        Advice(
            (
                "a CUDA call inside NCCL failed: often a GPU that another rank uses, a driver older than "
                "NCCL's CUDA, or no memory left"
            ),
            (("NCCL_DEBUG=INFO names the call; torch.cuda.set_device(local_rank) first; see nvidia-smi on each node"),),
        ),
        Advice(
            "NCCL 内部的 CUDA 调用失败：多为 GPU 被另一个 rank 占用、驱动比 NCCL 的 CUDA 旧，或显存不足",
            ("NCCL_DEBUG=INFO 会指出调用；先 torch.cuda.set_device(local_rank)；在各节点查看 nvidia-smi",),
        ),
        "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html",
        says=(
            "NCCL error in: {}, unhandled cuda error",
            "NCCL error: unhandled cuda error",
            "NCCL Error 1: unhandled cuda error",
        ),
        types=(
            "DistBackendError",
            "RuntimeError",
        ),
    ),
    Rule(
        "nccl-system-error-plain",
        Advice(
            (
                "NCCL failed in a system call or in itself (network, shared memory, limits), or after "
                "another rank failed"
            ),
            (
                "start with NCCL_DEBUG=INFO: the line with WARN names the call; look for a rank that failed before",
                "choose the network: NCCL_SOCKET_IFNAME=eth0; in a container --shm-size=16g --ulimit memlock=-1",
            ),
        ),
        Advice(
            "NCCL 的系统调用或内部失败（网络、共享内存、限制），或因其他 rank 失败",
            (
                "用 NCCL_DEBUG=INFO 启动：WARN 行会指出调用；找更早失败的 rank",
                "指定网卡：NCCL_SOCKET_IFNAME=eth0；容器加 --shm-size=16g --ulimit memlock=-1",
            ),
        ),
        "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html",
        says=(
            "NCCL error in: {}, unhandled system error",
            "NCCL error in: {}, internal error",
            "NCCL Error 2: unhandled system error",
            "NCCL Error 3: internal error",
        ),
        types=(
            "DistBackendError",
            "RuntimeError",
        ),
    ),
    Rule(
        "gloo-host-unknown",
        Advice(
            "gloo could not tell this machine's address: its host name does not resolve to it",
            (
                (
                    "export GLOO_SOCKET_IFNAME=eth0 (ip addr lists them), or add the host name to /etc/hosts "
                    "with its address"
                ),
            ),
        ),
        Advice(
            "gloo 无法确定本机地址：主机名解析不到本机",
            ("export GLOO_SOCKET_IFNAME=eth0（用 ip addr 查看），或在 /etc/hosts 里写上主机名和地址",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html#choosing-the-network-interface-to-use",
        says=(
            "[enforce fail at {}device.cc:{:int}] ifa != nullptr. Unable to resolve hostname",
            "[enforce fail at {}device.cc:{:int}] rp != nullptr. Unable to find address for",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "gloo-peer-unreachable",
        Advice(
            (
                "gloo cannot connect to the rank at {peer} ({why}): it ended, or announced an address that "
                "others do not reach"
            ),
            (
                "export GLOO_SOCKET_IFNAME to the network that the nodes share; 127.0.1.1 comes from /etc/hosts",
                "look for a rank that failed before",
            ),
        ),
        Advice(
            "gloo 连不上 {peer} 的 rank（{why}）：它已退出，或公布了别人到不了的地址",
            (
                "用 GLOO_SOCKET_IFNAME 指定节点共用的网卡；127.0.1.1 来自 /etc/hosts",
                "找更早失败的 rank",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html#choosing-the-network-interface-to-use",
        says=("[{}pair.cc:{:int}] connect [{peer}]:{:int}: {why}",),
        types=("RuntimeError",),
    ),
    Rule(
        "gloo-timeout-plain",
        Advice(
            ("another rank did not join this gloo collective in time: it ended, hangs, is slow or took another path"),
            (
                "look for the rank that failed first, by time; py-spy dump --pid PID of a rank that hangs",
                "slow steps (saving, tokenizing on rank 0): init_process_group(timeout=timedelta(hours=2))",
            ),
        ),
        Advice(
            "另一个 rank 没有按时参加这次 gloo 集合通信：已退出、卡住、太慢或走了别的分支",
            (
                "按时间找出最先失败的 rank；对卡住的 rank 用 py-spy dump --pid PID",
                "慢的步骤（保存、rank 0 上分词）：init_process_group(timeout=timedelta(hours=2))",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html",
        says=(
            "Application timeout caused pair closure",
            "[{}pair.cc:{:int}] Application timeout caused pair closure",
            "[{}unbound_buffer.cc:{:int}] Application timeout caused pair closure",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "gloo-sizes-plain",
        Advice(
            ("two ranks brought tensors of different sizes to one collective: {sent} bytes came instead of {expected}"),
            (
                (
                    "print shape and dtype on each rank before it: uneven last batches, other vocabularies or "
                    "configurations"
                ),
            ),
        ),
        Advice(
            "两个 rank 在同一次集合通信里的张量大小不同：收到 {sent} 字节，应为 {expected}",
            ("在每个 rank 上先打印 shape 和 dtype：最后一个 batch 不齐、词表或配置不同",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html",
        says=("[{}pair.cc:{:int}] op.preamble.length <= op.nbytes. {sent:int} vs {expected:int}",),
        types=("RuntimeError",),
    ),
    Rule(
        "barrier-rank-faulty",
        Advice(
            "rank {missing} came to no barrier: it failed or hangs",
            ("look at the log of rank {missing}; py-spy dump --pid PID if it hangs",),
        ),
        Advice(
            "rank {missing} 没有到达 barrier：已失败或卡住",
            ("查看 rank {missing} 的日志；卡住时用 py-spy dump --pid PID",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.monitored_barrier",
        says=(
            (
                "Rank {:int} successfully reached monitoredBarrier, but received errors while waiting for "
                "send/recv from rank {missing:int}."
            ),
        ),
        types=("RuntimeError",),
    ),
)
