"""NCCL between nodes: InfiniBand, RoCE and TCP."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_NCCL = ("DistBackendError", "RuntimeError")
_NO_SOCKET = "Bootstrap : no socket interface found"
_NO_FAMILY = "ncclSocketInit: connecting to address  with family {:int} is neither AF_INET(2) nor AF_INET6(10)"
_SIZES = (
    "NET/IB{}collective mismatch error, local size {mine:int} remote size {other:int}",
    "NET/Socket{}message truncated : receiving {other:int} bytes instead of {mine:int}",
)
_SILENT = tuple(
    f"NET/IB{{}}Got completion from peer {{peer}} with status={status}" for status in ("12 ", "IBV_WC_RETRY_EXC_ERR")
)
_NO_PATH = ("Call to ibv_modify_qp failed with error {why}", "Call to ibv_modify_qp failed with {:int} {why}, on dev ")
_UNLOCKED = tuple(
    f"Call to {call} failed with error Cannot allocate memory"
    for call in ("ibv_reg_mr", "ibv_reg_mr_iova2", "ibv_create_cq", "ibv_create_qp")
)
_REFUSED = (
    "{:word}: Connect to {peer} failed : {why}",
    "{:word}: Connect to {peer} returned {:int}({why})",
    "{:word}: connect to {peer} returned {why}, exceeded error retry count",
)


def warned(*texts: str) -> tuple[str, ...]:
    """How NCCL prints these by itself: a process that ended without an exception leaves them."""
    return tuple(f"{{}} NCCL WARN {text}" for text in texts)


RULES: tuple[Rule, ...] = (
    Rule(
        "nccl-sizes-differ",
        Advice(
            "two ranks brought messages of different sizes to one collective: {mine} and {other} bytes",
            (
                "give all nodes the same NCCL_* variables and the same NCCL (compare `env | grep NCCL`)",
                "else a rank has another shape or dtype: TORCH_DISTRIBUTED_DEBUG=DETAIL names the collective",
            ),
        ),
        Advice(
            "两个 rank 在同一次集合通信中的消息大小不同：{mine} 字节与 {other} 字节",
            (
                "所有节点使用相同的 NCCL_* 环境变量和相同的 NCCL 版本（比较 `env | grep NCCL`）",
                "否则是某个 rank 的 shape 或 dtype 不同：TORCH_DISTRIBUTED_DEBUG=DETAIL 会指出是哪次集合通信",
            ),
        ),
        "https://github.com/NVIDIA/nccl/blob/master/src/transport/net_ib.cc",
        says=_SIZES,
        types=_NCCL,
        printed=warned(*_SIZES),
    ),
    Rule(
        "nccl-ib-no-answer",
        Advice(
            "{peer} did not answer over InfiniBand or RoCE: its rank or node ended, or the link between is broken",
            (
                "look first, by time, for a rank or a node that failed before this",
                "else check the links: `ibstat` and `ibdiagnet` on both nodes; on RoCE also NCCL_IB_GID_INDEX",
                "if it comes under load only, try NCCL_IB_TIMEOUT=22",
            ),
        ),
        Advice(
            "{peer} 在 InfiniBand 或 RoCE 上没有应答：那边的 rank 或节点已退出，或中间链路有故障",
            (
                "先按时间找出更早失败的 rank 或节点",
                "没有的话检查链路：在两个节点上运行 `ibstat`、`ibdiagnet`；RoCE 还要检查 NCCL_IB_GID_INDEX",
                "只在高负载时出现：试试 NCCL_IB_TIMEOUT=22",
            ),
        ),
        "https://github.com/NVIDIA/nccl/issues/1405",
        says=_SILENT,
        types=_NCCL,
        printed=warned(*_SILENT),
    ),
    Rule(
        "nccl-ib-no-path",
        Advice(
            "this node has no InfiniBand or RoCE path to its peer ({why}): a wrong card, port or GID index",
            (
                "name the cards that reach each other: NCCL_IB_HCA=mlx5_0,...; on RoCE NCCL_IB_GID_INDEX (`show_gids`)",
                "check that these ports are up and of one fabric: `ibstat`, `ibv_devinfo`",
                "until then NCCL_IB_DISABLE=1 goes over TCP, but slower",
            ),
        ),
        Advice(
            "该节点到对端没有可用的 InfiniBand 或 RoCE 通路（{why}）：网卡、端口或 GID index 选错",
            (
                "指定互通的网卡：NCCL_IB_HCA=mlx5_0,...；RoCE 设置 NCCL_IB_GID_INDEX（用 `show_gids` 查看）",
                "确认这些端口已启用且属于同一网络：`ibstat`、`ibv_devinfo`",
                "暂时可用 NCCL_IB_DISABLE=1 改走 TCP，但更慢",
            ),
        ),
        "https://github.com/NVIDIA/nccl-tests/issues/185",
        says=_NO_PATH,
        types=_NCCL,
        printed=warned(*_NO_PATH),
    ),
    Rule(
        "nccl-locked-memory",
        Advice(
            "InfiniBand could not lock memory: the limit for it (ulimit -l) is too small in this process",
            ("make it unlimited: limits.conf, slurmd's LimitMEMLOCK, docker run --ulimit memlock=-1; pods: IPC_LOCK",),
        ),
        Advice(
            "InfiniBand 无法锁定内存：该进程的上限（ulimit -l）太小",
            ("改为 unlimited：limits.conf、slurmd 的 LimitMEMLOCK、docker run --ulimit memlock=-1、pod 的 IPC_LOCK",),
        ),
        "https://github.com/NVIDIA/nccl-tests/issues/206",
        says=_UNLOCKED,
        types=_NCCL,
        printed=warned(*_UNLOCKED),
    ),
    Rule(
        "nccl-connect",
        Advice(
            "NCCL cannot connect to {peer} ({why}): a firewall, the wrong network, or the rank there ended",
            ("choose the network that the nodes share: NCCL_SOCKET_IFNAME=eth0; let all ports through between them",),
        ),
        Advice(
            "NCCL 连不上 {peer}（{why}）：防火墙、选错网卡，或那边的 rank 已退出",
            ("用 NCCL_SOCKET_IFNAME=eth0 指定节点间共用的网卡，并放开节点之间的所有端口",),
        ),
        "https://github.com/NVIDIA/nccl/issues/1515",
        says=_REFUSED,
        types=_NCCL,
        printed=warned(*_REFUSED),
    ),
    Rule(
        "nccl-no-interface",
        Advice(
            "NCCL found no network interface to use: NCCL_SOCKET_IFNAME most likely names one that this node lacks",
            ("compare NCCL_SOCKET_IFNAME with the names that `ip -br addr` shows on this node, or unset it",),
        ),
        Advice(
            "NCCL 找不到可用的网卡：NCCL_SOCKET_IFNAME 很可能写了本节点没有的网卡名",
            ("用 `ip -br addr` 查看本节点的网卡名，改正 NCCL_SOCKET_IFNAME，或者取消这个变量",),
        ),
        "https://github.com/NVIDIA/nccl/issues/1837",
        says=(_NO_SOCKET, _NO_FAMILY),
        types=_NCCL,
        printed=("{} NCCL WARN " + _NO_SOCKET, "[{}]:" + _NO_FAMILY, "{} NCCL WARN " + _NO_FAMILY, _NO_FAMILY),
    ),
)
