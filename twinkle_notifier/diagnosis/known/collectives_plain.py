"""NCCL and gloo, where the error says little, and in the words of older releases."""

from __future__ import annotations

from twinkle_notifier.diagnosis.known.nccl_network import warned
from twinkle_notifier.diagnosis.rule import Advice, Rule

_NCCL = ("DistBackendError", "RuntimeError")
_HELP = "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html"
_SIZES = "{}pair.cc:{:int}] op.preamble.length <= op.nbytes. {sent:int} vs {expected:int}"
_KERNEL = tuple(
    f"Cuda failure {number}'{{why}}{end}'"
    for number in ("", "{:int} ")
    for end in ("memory access was encountered", "-side assert triggered", " launch failure")
)

RULES: tuple[Rule, ...] = (
    Rule(
        "nccl-after-kernel",
        Advice(
            "a kernel had failed before ({why}): NCCL only met that failure",
            (
                "look for the first error of this rank: an assert of the device, or the traceback of another thread",
                "CUDA_LAUNCH_BLOCKING=1 shows the operation that fails",
            ),
        ),
        Advice(
            "在此之前已有 kernel 出错（{why}），NCCL 只是碰到了这个错误",
            (
                "查找该 rank 最早的报错：device-side assert，或其他线程的 traceback",
                "设置 CUDA_LAUNCH_BLOCKING=1 可以定位出错的算子",
            ),
        ),
        "https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html",
        says=_KERNEL,
        types=_NCCL,
        printed=warned(*_KERNEL),
    ),
    Rule(
        "nccl-library-older",
        Advice(
            "the NCCL that was loaded ({version}) is older than the one that this torch was built with",
            (
                "unset LD_LIBRARY_PATH and LD_PRELOAD: another libnccl.so.2 (the system's or conda's) comes first",
                "else reinstall torch in a new environment: pip brings the nvidia-nccl package that fits",
            ),
        ),
        Advice(
            "加载到的 NCCL（{version}）比当前 torch 编译时用的版本旧",
            (
                "清空 LD_LIBRARY_PATH 和 LD_PRELOAD：系统或 conda 的 libnccl.so.2 被优先加载了",
                "否则在新环境里重装 torch：pip 会装上匹配的 nvidia-nccl 包",
            ),
        ),
        "https://github.com/SpursGoZmy/Table-LLaVA/issues/4",
        says=("Invalid config {:word} attribute value -2147483648",),  # NCCL's own mark for "not set", unknown to it
        also=("NCCL error in: {}, NCCL version {version:word}",),
        types=_NCCL,
    ),
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
        _HELP,
        says=(
            "ncclInvalidUsage: This usually reflects invalid usage of NCCL library",
            "NCCL error in: {}, invalid usage",
            "NCCL error: invalid usage",
            "NCCL Error 5: invalid usage",
        ),
        types=_NCCL,
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
        types=_NCCL,
    ),
    Rule(
        "nccl-cuda-error",
        Advice(
            "a CUDA call inside NCCL failed: a GPU shared with another rank, no memory left, or a driver too old",
            (
                "read the line under 'Last error', if there is one; else NCCL_DEBUG=INFO names the call",
                "look for an earlier CUDA error in this rank's log, and for Xid in dmesg",
                "call torch.cuda.set_device(local_rank) before the first collective; see nvidia-smi on each node",
            ),
        ),
        Advice(
            "NCCL 内部的 CUDA 调用失败：多个 rank 共用一张 GPU、显存不足，或驱动太旧",
            (
                "有 'Last error' 时看它下面一行；没有的话，NCCL_DEBUG=INFO 会指出是哪个调用",
                "查看这个 rank 的日志里更早的 CUDA 报错，以及 dmesg 里的 Xid",
                "在第一次集合通信之前调用 torch.cuda.set_device(local_rank)；在各节点查看 nvidia-smi",
            ),
        ),
        _HELP,
        says=(
            "ncclUnhandledCudaError: Call to CUDA function failed",
            "NCCL error in: {}, unhandled cuda error",
            "NCCL error: unhandled cuda error",
            "NCCL Error 1: unhandled cuda error",
        ),
        types=_NCCL,
    ),
    Rule(
        "nccl-failed",
        Advice(
            "NCCL failed in a system call or in itself (network, shared memory, limits), or after another rank failed",
            (
                "look for the rank that failed first, by time, over the logs of all ranks",
                "read the line under 'Last error'; if there is none, run again with NCCL_DEBUG=WARN",
            ),
        ),
        Advice(
            "NCCL 的系统调用或内部检查失败（网络、共享内存、系统限制），也可能是别的 rank 先失败了",
            (
                "在所有 rank 的日志里按时间找出最先失败的 rank，看它的报错",
                "看 'Last error' 下面一行；没有的话，设置 NCCL_DEBUG=WARN 重跑",
            ),
        ),
        _HELP,
        says=(
            "ncclSystemError: System call (e.g. socket, malloc) or external library call failed",
            "ncclSystemError: System call (socket, malloc, munmap, etc) failed",
            "ncclInternalError: Internal check failed",
            "NCCL error in: {}, unhandled system error",
            "NCCL error in: {}, internal error",
            "NCCL error: unhandled system error",
            "NCCL error: internal error",
            "NCCL Error 2: unhandled system error",
            "NCCL Error 3: internal error",
        ),
        types=_NCCL,
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
        "gloo-sizes-differ",
        Advice(
            "two ranks brought tensors of different sizes to one collective: {sent} bytes came instead of {expected}",
            ("print the shapes on all ranks, or run with TORCH_DISTRIBUTED_DEBUG=DETAIL; then pad them to one size",),
        ),
        Advice(
            "两个 rank 在同一次集合通信中的张量大小不同：收到 {sent} 字节，应为 {expected} 字节",
            ("打印各 rank 的形状，或设置 TORCH_DISTRIBUTED_DEBUG=DETAIL 重跑；然后补齐到同一大小",),
        ),
        "https://github.com/facebookincubator/gloo/blob/main/gloo/transport/tcp/pair.cc",
        says=(f"[enforce fail at {_SIZES}", f"[{_SIZES}"),
        printed=(f"what():  [enforce fail at {_SIZES}",),
        types=("RuntimeError",),
    ),
    Rule(
        "barrier-rank-faulty",
        Advice(
            "rank {missing} did not answer in this barrier: it failed or hangs",
            ("look at the log of rank {missing}; py-spy dump --pid PID if it hangs",),
        ),
        Advice(
            "rank {missing} 在 barrier 中没有应答：已失败或卡住",
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
