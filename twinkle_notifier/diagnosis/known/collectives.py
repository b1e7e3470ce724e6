"""NCCL, gloo and collectives."""

from __future__ import annotations

from twinkle_notifier.diagnosis.known.nccl_network import warned
from twinkle_notifier.diagnosis.rule import Advice, Rule

_NCCL = ("DistBackendError", "RuntimeError")
_HELP = "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html"
_WORK = "Watchdog caught collective operation timeout: WorkNCCL(SeqNum={:int}, OpType={op:word}, {}Timeout(ms)={ms:int}"
_SEGMENT = "Error while creating shared memory segment {:word} (size {size:int})"
_EXTENDED = "Error: failed to extend /dev/shm/nccl-{:word} to {size:int} bytes, error: No space left on device"
_TWICE = "Duplicate GPU detected : rank {a:int} and rank {b:int} both on CUDA device {bus:word}"
_VERSIONS = "Mismatched NCCL version detected : rank {a:int} version {first:int} rank {b:int} version {second:int}"
_FULL = ("Cuda failure 2 'out of memory'", "Cuda failure 'out of memory'")
_CLOSED = ("socketProgress: Connection closed by remote peer", "Net : Connection closed by remote peer")

RULES: tuple[Rule, ...] = (
    Rule(
        "nccl-one-device-twice",
        Advice(
            "rank {a} and rank {b} use the same GPU (PCI bus {bus}); NCCL wants one GPU for each rank",
            (
                "call torch.cuda.set_device(local_rank) in each process before the first collective",
                "start no more processes on a node than CUDA_VISIBLE_DEVICES lists GPUs (--nproc-per-node)",
            ),
        ),
        Advice(
            "rank {a} 和 rank {b} 用了同一块 GPU（PCI 总线 {bus}），而 NCCL 要求每个 rank 独占一块",
            (
                "在第一次集合通信之前，每个进程先调用 torch.cuda.set_device(local_rank)",
                "每个节点的进程数（--nproc-per-node）不要超过 CUDA_VISIBLE_DEVICES 中的 GPU 数",
            ),
        ),
        "https://github.com/NVIDIA/nccl/issues/1241",
        says=(_TWICE,),
        types=_NCCL,
        printed=warned(_TWICE),
    ),
    Rule(
        "nccl-versions-differ",
        Advice(
            "the ranks load different NCCL versions: rank {a} has {first}, rank {b} has {second}",
            ("install the same torch wheel on all nodes; look for another libnccl in LD_LIBRARY_PATH or LD_PRELOAD",),
        ),
        Advice(
            "各 rank 加载的 NCCL 版本不同：rank {a} 是 {first}，rank {b} 是 {second}",
            ("所有节点安装同一个 torch 版本，并检查 LD_LIBRARY_PATH、LD_PRELOAD 里是否混入了别的 libnccl",),
        ),
        "https://github.com/NVIDIA/nccl/blob/master/src/init.cc",
        says=(_VERSIONS,),
        types=_NCCL,
        printed=warned(_VERSIONS),
    ),
    Rule(
        "nccl-device-memory",
        Advice(
            "no device memory was left for NCCL, which allocates outside PyTorch's allocator",
            ("leave it a few GiB: a smaller batch, set_per_process_memory_fraction, no other process on this GPU",),
        ),
        Advice(
            "显存不足：NCCL 的缓冲区不经过 PyTorch 的分配器，已经没有空间可用",
            ("给 NCCL 留出几 GiB：减小 batch、set_per_process_memory_fraction、清掉这块 GPU 上的其他进程",),
        ),
        "https://github.com/rwth-i6/returnn/issues/1626",
        says=_FULL,
        types=_NCCL,
        printed=warned(*_FULL),
    ),
    Rule(
        "nccl-shared-memory",
        Advice(
            "a shared memory segment of NCCL, {size} bytes, does not fit into /dev/shm",
            (
                "start the container with --shm-size=8g or --ipc=host; in Kubernetes mount a memory volume at /dev/shm",
                "delete what ended runs left there: ls -l /dev/shm/nccl-*",
            ),
        ),
        Advice(
            "NCCL 的共享内存段（{size} 字节）在 /dev/shm 里放不下",
            (
                "启动容器时加 --shm-size=8g 或 --ipc=host；Kubernetes 中把 medium: Memory 的 emptyDir 挂载到 /dev/shm",
                "删除之前的任务留下的文件：ls -l /dev/shm/nccl-*",
            ),
        ),
        _HELP + "#shared-memory",
        says=(_SEGMENT, _EXTENDED),
        unless=("{}Error while creating shared memory segment {} error: Permission denied",),
        types=_NCCL,
        printed=(_SEGMENT, "{} NCCL WARN " + _SEGMENT, "{} NCCL WARN " + _EXTENDED),
    ),
    Rule(
        "nccl-peer-access",
        Advice(
            "NCCL tried direct access between two GPUs that do not support it",
            ("start with NCCL_P2P_DISABLE=1; if that does not help (NCCL 2.24 or newer), NCCL_CUMEM_HOST_ENABLE=0",),
        ),
        Advice(
            "NCCL 尝试在两块不支持 P2P 的 GPU 之间直接访问",
            ("设置 NCCL_P2P_DISABLE=1 后重新启动；NCCL 2.24 及以上若仍报错，再设置 NCCL_CUMEM_HOST_ENABLE=0",),
        ),
        "https://github.com/hiyouga/EasyR1/issues/579",
        says=(
            "Cuda failure 217 'peer access is not supported between these two devices'",
            "Cuda failure 'peer access is not supported between these two devices'",
        ),
        types=_NCCL,
    ),
    Rule(
        "nccl-other-rank-ended",
        Advice(
            "another rank ended, or its node lost the network: this error only follows from that",
            (
                "look for the rank that failed first, by time, over the logs of all ranks",
                "only if no rank failed by itself, check the link to the node that 'Last error' names",
            ),
        ),
        Advice(
            "另一个 rank 已经退出，或者它所在的节点断网；这里的报错只是后果",
            (
                "在所有 rank 的日志里按时间找出最先失败的 rank，看它的报错",
                "确认没有 rank 自己出错之后，再检查到 'Last error' 中那个节点的网络",
            ),
        ),
        "https://github.com/NVIDIA/nccl/issues/795",
        says=(
            "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely",
            *_CLOSED,
        ),
        printed=(
            "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting",
            *warned(*_CLOSED),
        ),
        types=_NCCL,
    ),
    Rule(
        "nccl-timeout",
        Advice(
            "rank {rank} waited {ms} ms in {op}; another rank did not join: it ended, hangs, is slow or branched off",
            (
                "look first for a rank that failed by itself; else see where each rank stands: py-spy dump --pid PID",
                "if a rank only works alone for long (data, evaluation, saving), raise init_process_group(timeout=...)",
            ),
        ),
        Advice(
            "rank {rank} 在 {op} 中等了 {ms} ms，有别的 rank 没有参与：已退出、卡住、太慢或走了别的分支",
            (
                "先找有没有自己报错的 rank；没有的话，用 py-spy dump --pid PID 看每个 rank 停在哪里",
                "如果只是某个 rank 单独工作太久（数据处理、评估、保存），加大 init_process_group 的 timeout",
            ),
        ),
        "https://github.com/pytorch/pytorch/issues/118369",
        says=(
            "[Rank {rank:int}] " + _WORK,
            "NCCL communicator was aborted on rank {rank:int}.  Original reason for failure was: {}] " + _WORK,
        ),
        printed=(
            "what():  [Rank {rank:int}] " + _WORK,
            "what():  {}with exception: [Rank {rank:int}] " + _WORK,
            "[rank{:int}]:[E{}] [Rank {rank:int}] " + _WORK,
            "[E ProcessGroupNCCL.cpp:{:int}] [Rank {rank:int}] " + _WORK,
        ),
        types=_NCCL,
    ),
    Rule(
        "nccl-first-collective",
        Advice(
            "rank {root} did not come to the first collective of this group: it ended or is still busy before it",
            ("look in its log for its own error; if it only works for long, raise init_process_group(timeout=...)",),
        ),
        Advice(
            "rank {root} 没有到达这个组的第一次集合通信：它已退出，或还在忙别的",
            ("在它的日志里找它自己的报错；如果只是耗时（如下载），加大 init_process_group 的 timeout",),
        ),
        "https://github.com/pytorch/pytorch/issues/82091",
        says=(
            "[{:int}] is setting up NCCL communicator and retrieving ncclUniqueId from [{root:int}] via c10d",
            "[{:int}] is setting up NCCL communicator and retreiving ncclUniqueId from [{root:int}] via c10d",
        ),
        types=_NCCL,
    ),
    Rule(
        "collectives-differ",
        Advice(
            "rank {rank} calls {op} while another rank calls something else, or the same with another shape or dtype",
            (
                "compare the two fingerprints: the end of the message tells in what they differ",
                "look for a collective that only some ranks reach: if rank == 0, early exits, uneven batch counts",
            ),
        ),
        Advice(
            "rank {rank} 调用 {op} 时，另一个 rank 调用的是别的操作，或形状、dtype 不同",
            (
                "对比报错里的两个 fingerprint，差别写在报错末尾",
                "检查只有部分 rank 会执行到的集合通信：if rank == 0、提前退出、各 rank 的 batch 数不等",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html#debugging-torch-distributed-applications",
        says=(
            "Detected mismatch between collectives on ranks. Rank {rank:int} is running collective:"
            " CollectiveFingerPrint({}OpType={op:word}",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "barrier-ranks-missing",
        Advice(
            "rank {missing} did not reach this collective within {ms} ms: it ended, hangs or took another path",
            ("look in the log of rank {missing}; if it still runs, see where it stands: py-spy dump --pid PID",),
        ),
        Advice(
            "rank {missing} 在 {ms} ms 内没有到达这次集合通信：已退出、卡住或走了别的分支",
            ("查看 rank {missing} 的日志；如果它还在运行，用 py-spy dump --pid PID 看它停在哪里",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html#debugging-torch-distributed-applications",
        says=(
            "[Rank {:int}]: Rank {missing:int} failed to pass monitoredBarrier in {ms:int} ms",
            "[Rank {:int}]: Ranks {missing} failed to pass monitoredBarrier in {ms:int} ms",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "gloo-peer-ended",
        Advice(
            "a rank at {peer} ended: this error only follows from its failure",
            ("look for the rank that failed first, by time, over the logs of all ranks; also for one that was killed",),
        ),
        Advice(
            "{peer} 上的 rank 已经退出，这里的报错只是后果",
            ("在所有 rank 的日志里按时间找出最先失败的 rank，也看有没有被杀掉的进程",),
        ),
        "https://github.com/facebookincubator/gloo/blob/main/gloo/transport/tcp/pair.cc",
        says=(
            "[{}pair.cc:{:int}] Connection closed by peer [{peer}]:",
            "[{}pair.cc:{:int}] Read error [{peer}]:{:int}: Connection reset by peer",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "gloo-timeout",
        Advice(
            "another rank did not join this collective within {ms} ms: it ended, hangs, is slow or took another path",
            (
                "look first for a rank that failed by itself; else see where each rank stands: py-spy dump --pid PID",
                "run again with TORCH_DISTRIBUTED_DEBUG=DETAIL: it names the missing ranks and collectives that differ",
            ),
        ),
        Advice(
            "有别的 rank 在 {ms} ms 内没有参与这次集合通信：已退出、卡住、太慢或走了别的分支",
            (
                "先找有没有自己报错的 rank；没有的话，用 py-spy dump --pid PID 看每个 rank 停在哪里",
                "设置 TORCH_DISTRIBUTED_DEBUG=DETAIL 重跑：它会指出缺席的 rank 和不一致的集合通信",
            ),
        ),
        "https://github.com/facebookincubator/gloo/blob/main/gloo/transport/tcp/unbound_buffer.cc",
        says=(
            "[{}unbound_buffer.cc:{:int}] Timed out waiting {ms:int}ms for recv operation to complete",
            "[{}unbound_buffer.cc:{:int}] Timed out waiting {ms:int}ms for send operation to complete",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "gloo-no-interface",
        Advice(
            "GLOO_SOCKET_IFNAME names {name}, an interface that this node does not have or that has no address",
            ("choose one of the names that `ip -br addr` shows on this node, or unset GLOO_SOCKET_IFNAME",),
        ),
        Advice(
            "GLOO_SOCKET_IFNAME 指定的网卡 {name} 在本节点不存在或没有地址",
            ("用 `ip -br addr` 查看本节点的网卡名并改正，或者取消 GLOO_SOCKET_IFNAME",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html#choosing-the-network-interface-to-use",
        says=("[enforce fail at {}device.cc:{:int}] ifa != nullptr. Unable to find address for: {name:word}",),
        types=("RuntimeError",),
    ),
    Rule(
        "gloo-connect",
        Advice(
            "gloo could not connect the ranks: a node announced an address that others do not reach, or a rank ended",
            ("set GLOO_SOCKET_IFNAME to the interface that the nodes share; look for 127.0.1.1 in /etc/hosts",),
        ),
        Advice(
            "gloo 无法在 rank 之间建立连接：某个节点公布的地址别的节点连不上，或某个 rank 已退出",
            ("把 GLOO_SOCKET_IFNAME 设为各节点互通的网卡；/etc/hosts 不要把本机名解析到 127.0.1.1",),
        ),
        "https://docs.pytorch.org/docs/stable/distributed.html#choosing-the-network-interface-to-use",
        says=("Gloo connectFullMesh failed with",),
        types=("RuntimeError",),
    ),
)
