"""NCCL between nodes: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

_NCCL = (
    "NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1691, unhandled system error (run with "
    "NCCL_DEBUG=INFO for details), NCCL version 2.21.5\nncclSystemError: System call (e.g. socket, malloc) or external "
    "library call failed or device error.\nLast error:\n{}"
)
_DIST = "torch.distributed.DistBackendError"
_LOG = "node-10-10-23-10:1307367:1307586 [0] "
_FOLLOWS = f"\n{_LOG}NCCL INFO include/net.h:32 -> 5\n{_LOG}NCCL INFO proxy.cc:684 -> 5 [Proxy Thread]"


def _internal(last: str) -> str:
    return (
        "NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.hpp:268, internal error - please report this issue to"
        f" the NCCL developers, NCCL version 2.21.5\nncclInternalError: Internal check failed.\nLast error:\n{last}"
    )


CASES: dict[str, Case] = {
    "nccl-sizes-differ": Case(
        hits=(
            printed(
                f"{_LOG}transport/net_ib.cc:1038 NCCL WARN NET/IB : req 0/1 tag 0 peer 10.10.23.6<58683> collective "
                f"mismatch error, local size 496640 remote size 65536{_FOLLOWS}"
            ),
            printed(
                f"{_LOG}transport/net_socket.cc:508 NCCL WARN NET/Socket : peer 10.0.0.2<40122> message truncated : "
                "receiving 65536 bytes instead of 32768. If you believe your socket network is in healthy state,"
            ),
            raised(
                "torch.distributed.DistBackendError",
                "NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.cpp:77, invalid usage (run with NCCL_DEBUG="
                "WARN for details), NCCL version 2.21.5\nncclInvalidUsage: This usually reflects invalid usage of NCCL "
                "library.\nLast error:\nNET/IB : req 0/1 tag 1a peer 10.0.0.2<40122> collective mismatch error, local size "
                "16 remote size 8",
            ),
        ),
        misses=(
            printed(f"{_LOG}NCCL INFO NET/IB : req 0/1 tag 0 peer 10.10.23.6<58683> collective mismatch error, local"),
            raised("ValueError", "NET/IB : collective mismatch error, local size 496640 remote size 65536"),
            printed(f"see the advice for: collective mismatch error, local size 496640 remote size 65536{_FOLLOWS}"),
        ),
    ),
    "nccl-ib-no-answer": Case(
        hits=(
            printed(
                f"{_LOG}ib_plugin.c:1615 NCCL WARN NET/IB : Got completion from peer 172.36.143.59<44206> with status=12 "
                f"opcode=129 len=65536 vendor err 129 (Recv) localGid ::ffff:29.87.88.182{_FOLLOWS}"
            ),
            raised(
                "torch.distributed.DistBackendError",
                "NCCL error in: ../torch/csrc/distributed/c10d/NCCLUtils.hpp:219, remote process exited or there was a "
                "network error, NCCL version 2.21.5\nncclRemoteError: A call failed possibly due to a network error or a "
                "remote process exiting prematurely.\nLast error:\nNET/IB: Got completion from peer 10.0.1.2<52146> with "
                "status=12 opcode=0 len=0 vendor err 129 (Recv) hca mlx5_0",
            ),
            printed(
                f"{_LOG}transport/net_ib/p2p.cc:612 NCCL WARN NET/IB: Got completion from peer 10.0.1.2<52146> with status="
                "IBV_WC_RETRY_EXC_ERR(12) opcode=IBV_WC_SEND(0) vendor_err=129  hca mlx5_0"
            ),
        ),
        misses=(
            printed(
                f"{_LOG}NCCL WARN NET/IB : Got completion from peer 10.0.1.2<52146> with status=4 opcode=0 len=0 vendor"
            ),
            printed(
                f"{_LOG}NCCL WARN NET/IB : Got completion from peer 10.0.1.2<52146> with status=121 opcode=0 len=0"
            ),
            raised("OSError", "NET/IB: Got completion from peer 10.0.1.2<52146> with status=12 opcode=0"),
        ),
    ),
    "nccl-ib-no-path": Case(
        hits=(
            printed("misc/ibvwrap.cc:187 NCCL WARN Call to ibv_modify_qp failed with error Network is unreachable"),
            printed(
                f"{_LOG}misc/ibvwrap.cc:262 NCCL WARN Call to ibv_modify_qp failed with error No such device{_FOLLOWS}"
            ),
            printed(
                f"{_LOG}misc/ibvwrap.cc:290 NCCL WARN Call to ibv_modify_qp failed with 110 Connection timed out, on dev "
                "mlx5_0:1, curr state INIT, next state RTR, local GID index 3, local GID fe80::1, remote GID fe80::2"
            ),
            raised(
                "torch.distributed.DistBackendError",
                _NCCL.format("Call to ibv_modify_qp failed with error Invalid argument"),
            ),
        ),
        misses=(
            printed(
                f"{_LOG}NCCL INFO Call to ibv_modify_qp failed with 110 Connection timed out, on dev mlx5_0:1, retrying"
            ),
            raised("OSError", "Call to ibv_modify_qp failed with error Network is unreachable"),
            printed(f"{_LOG}NCCL WARN Call to ibv_query_device failed with error No such device"),
        ),
    ),
    "nccl-locked-memory": Case(
        hits=(
            printed(
                f"{_LOG}misc/ibvwrap.cc:130 NCCL WARN Call to ibv_reg_mr_iova2 failed with error Cannot allocate memory"
            ),
            raised(
                "torch.distributed.DistBackendError",
                _NCCL.format("Call to ibv_create_cq failed with error Cannot allocate memory"),
            ),
            raised("RuntimeError", _NCCL.format("Call to ibv_reg_mr_iova2 failed with error Cannot allocate memory")),
        ),
        misses=(
            printed(f"{_LOG}NCCL INFO Call to ibv_reg_mr failed with error Cannot allocate memory"),
            raised("RuntimeError", _NCCL.format("Call to ibv_modify_qp failed with error Connection timed out")),
            raised("OSError", "Call to ibv_reg_mr failed with error Cannot allocate memory"),
        ),
    ),
    "nccl-connect": Case(
        hits=(
            printed(
                f"{_LOG}misc/socket.cc:538 NCCL WARN socketStartConnect: Connect to 10.1.1.2<55012> failed : Connection refused"
            ),
            raised(
                "torch.distributed.DistBackendError",
                _NCCL.format(
                    "socketStartConnect: Connect to 10.0.0.2<45763> failed : Software caused connection abort"
                ),
            ),
            raised(
                "RuntimeError",
                _NCCL.format(
                    "socketPollConnect: Connect to 10.0.0.4<56849> returned 113(No route to host) errno 115(Operation now"
                ),
            ),
            raised(
                "torch.distributed.DistBackendError",
                "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely."
                "\nLast error:\nncclOsSocketPollConnect: connect to 10.82.101.249<37857> returned Connection refused, "
                "exceeded error retry count after 35 attempts",
            ),
        ),
        misses=(
            printed(f"{_LOG}NCCL INFO socketStartConnect: Connect to 10.1.1.2<55012> failed : Connection refused"),
            raised("RuntimeError", _NCCL.format("socketTryAccept: exceeded error retry count after 35 attempts, x")),
            raised("OSError", "socketStartConnect: Connect to 10.0.0.2<45763> failed : Connection refused"),
        ),
    ),
    "nccl-no-interface": Case(
        hits=(
            raised(_DIST, _internal("Bootstrap : no socket interface found")),
            raised(
                "RuntimeError",
                _internal(
                    "ncclSocketInit: connecting to address  with family 59936 is neither AF_INET(2) nor AF_INET6(10)"
                ),
            ),
            printed(
                "[trainer1|1]:ncclInternalError: Internal check failed.\n[trainer1|1]:Last error:\n"
                "[trainer1|1]:ncclSocketInit: connecting to address  with family 21845 is neither AF_INET(2) nor"
                " AF_INET6(10)"
            ),
            printed("node7:41:41 [0] bootstrap.cc:45 NCCL WARN Bootstrap : no socket interface found"),
        ),
        misses=(
            raised(_DIST, _internal("Socket recv failed while polling for opId=0x7f6f18cb7f40")),
            raised("RuntimeError", "NCCL_SOCKET_IFNAME is not set; Bootstrap : no socket interface found"),
            printed("node7:41:41 [0] NCCL INFO Bootstrap : Using eth0:10.0.0.4<0>"),
            printed("see the page on 'Bootstrap : no socket interface found'"),
        ),
    ),
}
