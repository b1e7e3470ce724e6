"""Groups of processes: the store, NCCL and gloo in other words: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

_STORE = "torch.distributed.DistStoreError"

_GROUP = "Default process group has not been initialized, please make sure to call init_process_group."

CASES: dict[str, Case] = {
    "rendezvous-old-words": Case(
        hits=(
            raised("RuntimeError", "connect() timed out. Original timeout was 60000 ms."),
            raised(
                "TimeoutError",
                "The client socket has timed out after 300s while trying to connect to (10.0.0.1, 29500).",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "[c10d] The client socket has timed out after 60s while trying to connect to (10.0.0.1, 29500).",
            ),
            raised("KeyError", "connect() timed out. Original timeout was 60000 ms."),
        ),
    ),
    "rendezvous-workers-missing": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Timed out initializing process group in store based barrier on rank: 1, for key: "
                    "store_based_barrier_key:1 (world_size=2, worker_count=1, timeout=0:30:00)"
                ),
            ),
            raised(
                "torch.distributed.DistStoreError",
                (
                    "Timed out initializing process group in store based barrier on rank 0, for key: "
                    "store_based_barrier_key:2 (world_size=16, worker_count=15, num_workers_left=1, "
                    "timeout=0:30:00)"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "Timed out initializing process group in store based barrier on rank: 0, for key: "
                    "store_based_barrier_key:1 (world_size=8, worker_count=16, timeout=0:30:00)"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Timed out initializing process group in store based barrier on rank: 1, for key: "
                    "store_based_barrier_key:1 (world_size=2, worker_count=1, timeout=0:30:00)"
                ),
            ),
        ),
    ),
    "rendezvous-shared": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Timed out initializing process group in store based barrier on rank: 0, for key: "
                    "store_based_barrier_key:1 (world_size=8, worker_count=16, timeout=0:30:00)"
                ),
            ),
            raised(
                "torch.distributed.DistStoreError",
                (
                    "Timed out initializing process group in store based barrier on rank 3, for key: "
                    "store_based_barrier_key:1 (world_size=4, worker_count=5, timeout=0:30:00)"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "Timed out initializing process group in store based barrier on rank: 1, for key: "
                    "store_based_barrier_key:1 (world_size=2, worker_count=1, timeout=0:30:00)"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Timed out initializing process group in store based barrier on rank: 0, for key: k "
                    "(world_size=8, worker_count=16, timeout=0:30:00)"
                ),
            ),
        ),
    ),
    "rendezvous-port-taken-plain": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "The server socket has failed to listen on any local network address. useIpv6: 1, code: -98, "
                    "name: EADDRINUSE"
                ),
            ),
            raised(
                "torch.distributed.DistNetworkError",
                (
                    "The server socket has failed to listen on any local network address. useIpv6: 0, code: -98, "
                    "name: EADDRINUSE, message: address already in use"
                ),
            ),
        ),
        misses=(
            raised("OSError", "see Address already in use"),
            raised("RuntimeError", "Address already in use by customer 4411"),
        ),
    ),
    "rendezvous-port-taken-old": Case(
        hits=(
            raised("RuntimeError", "Address already in use", modules=("torch.distributed.rendezvous",)),
            raised("RuntimeError", "Address already in use", modules=("torch.distributed.distributed_c10d",)),
        ),
        misses=(
            raised("RuntimeError", "Address already in use by customer 4411", modules=("crm",)),
            raised("RuntimeError", "Address already in use"),
        ),
    ),
    "store-connection-ended": Case(
        hits=(
            raised("torch.distributed.DistNetworkError", "Connection reset by peer"),
            raised("torch.distributed.DistNetworkError", "Broken pipe"),
            raised(
                "torch.distributed.DistNetworkError",
                "Connection was likely closed. Did the remote server shutdown or crash?",
            ),
        ),
        misses=(
            raised("RuntimeError", "Connection reset by peer"),
            raised("torch.distributed.DistNetworkError", "a Broken pipe"),
        ),
    ),
    "store-connection-ended-old": Case(
        hits=(
            raised("RuntimeError", "Connection reset by peer", modules=("torch.distributed.distributed_c10d",)),
            raised(
                "RuntimeError", "Broken pipe", modules=("torch.distributed.elastic.rendezvous.c10d_rendezvous_backend",)
            ),
        ),
        misses=(
            raised("RuntimeError", "Connection reset by peer"),
            raised("RuntimeError", "Broken pipe", modules=("labels.client",)),
        ),
    ),
    "store-wait-timeout": Case(
        hits=(
            raised(_STORE, "wait timeout after 1800000ms, keys: /default_pg/0//cuda//timeout_key"),
            raised(_STORE, "Socket Timeout"),
        ),
        misses=(
            raised("RuntimeError", "Socket Timeout"),
            raised(_STORE, "Timed out after 601 seconds waiting for clients. 1/2 clients joined."),
        ),
    ),
    "store-silent": Case(
        hits=(
            raised("RuntimeError", "Socket Timeout", modules=("torch.distributed.distributed_c10d",)),
            raised(
                "RuntimeError",
                "wait timeout after 300000ms, keys: /default_pg/0//worker_count",
                modules=("torch.distributed.c10d_logger",),
            ),
        ),
        misses=(
            raised("KeyError", "Socket Timeout", modules=("torch.distributed",)),
            raised("RuntimeError", "Socket Timeout of the label service", modules=("labels",)),
        ),
    ),
    "launcher-interrupted": Case(
        hits=(
            printed(
                "W1130 12:13:49.388000 124326 torch/distributed/elastic/agent/server/api.py:723] Received 2 death signal, "
                "shutting down workers\nW1130 12:13:49.389000 124326 torch/distributed/elastic/multiprocessing/api.py:900] "
                "Sending process 124533 closing signal SIGINT"
            ),
            killed(
                "SIGINT",
                "W0823 16:54:02.337000 torch/distributed/elastic/agent/server/api.py:688] Received Signals.SIGINT death "
                "signal, shutting down workers\n" + "Sending process 6236 closing signal SIGINT\n" * 8,
            ),
            raised("torch.distributed.elastic.multiprocessing.api.SignalException", "Process 3345 got signal: 2"),
            raised("SignalException", "Process 12 got signal: 2"),
        ),
        misses=(
            printed("torch.distributed.elastic.agent.server.api:Received 12 death signal, shutting down workers"),
            printed("INFO: Sending process 124533 closing signal SIGINT"),
            raised("SignalException", "Process 12 got signal: 23"),
            raised("KeyError", "Process 12 got signal: 2"),
        ),
    ),
    "process-group-missing": Case(
        hits=(
            raised("AssertionError", "DeepSpeed backend not set, please initialize it using init_process_group()"),
            raised(
                "AssertionError",
                "DeepSpeed backend not set, please initialize it using init_process_group()",
                modules=("deepspeed.comm.comm",),
            ),
            raised("ValueError", _GROUP),
            raised("RuntimeError", _GROUP),
        ),
        misses=(
            raised(
                "AssertionError",
                ("an earlier attempt said: DeepSpeed backend not set, please initialize it using init_process_group()"),
            ),
            raised("KeyError", "DeepSpeed backend not set, please initialize it using init_process_group()"),
            raised("AssertionError", "Default process group is not initialized"),
            raised("ValueError", "rank 0: " + _GROUP),
        ),
    ),
    "launcher-variables-missing": Case(
        hits=(
            raised("KeyError", "'LOCAL_RANK'"),
            raised("KeyError", "'RANK'"),
            raised(
                "ValueError",
                (
                    "Error initializing torch.distributed using env:// rendezvous: environment variable "
                    "MASTER_ADDR expected, but not set"
                ),
            ),
        ),
        misses=(
            raised("ValueError", "Error initializing the run"),
            raised("KeyError", "'LOCAL_RANKS'"),
        ),
    ),
}
