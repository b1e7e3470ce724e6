"""Processes that end, and groups that do not meet: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

_CHILD = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError"
_EXITED = "torch.multiprocessing.spawn.ProcessExitedException"
_CALLED = "subprocess.CalledProcessError"
_SIGNAL = "torch.distributed.elastic.multiprocessing.api.SignalException"
_RENDEZVOUS = "torch.distributed.elastic.rendezvous.api."
_NCCL = (
    "NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1691, unhandled system error (run with "
    "NCCL_DEBUG=INFO for details), NCCL version 2.21.5\nncclSystemError: System call (e.g. socket, malloc) or external "
    "library call failed or device error.\nLast error:\n{}"
)


def _failure(rank: int, code: int, said: str = "") -> str:
    names = {-9: "SIGKILL", -11: "SIGSEGV", -7: "SIGBUS", -6: "SIGABRT", -15: "SIGTERM"}
    told = f"Signal {-code} ({names.get(code)}) received by PID {9000 + rank}"
    if code > 0:
        told = "To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html"
    name = f"({names[code]})" if code in names else ""
    return (
        f"[{rank}]:\n  time      : 2026-11-29_07:38:02\n  host      : localhost\n  rank      : {rank} (local_rank: {rank})\n"
        f"  exitcode  : {code} (pid: {9000 + rank}) {name}\n  error_file: <N/A>\n  traceback : {said or told}"
    )


def _failed(*codes: int, said: str = "") -> str:
    """torchrun's table: the root cause, then the others."""
    others = "\n".join(_failure(rank, code) for rank, code in enumerate(codes[1:], 1)) or "  <NO_OTHER_FAILURES>"
    return (
        f"\n{'=' * 60}\ntrain.py FAILED\n{'-' * 60}\nFailures:\n{others}\n{'-' * 60}\n"
        f"Root Cause (first observed failure):\n{_failure(0, codes[0], said)}\n{'=' * 60}"
    )


def _told(code: int) -> str:
    at = "E1129 07:38:02.115000 58 torch/distributed/elastic/multiprocessing/api.py:882] "
    return f"{at}failed (exitcode: {code}) local_rank: 2 (pid: 9002) of binary: /opt/venv/bin/python"


def _died(name: str, *arguments: str) -> str:
    return f"Command '{['/opt/venv/bin/python', 'train.py', *arguments]}' died with <Signals.{name}>."


_MANY = tuple(f"--an_argument_of_the_training_{number}" for number in range(18))
_TRACEBACK = 'Traceback (most recent call last):\n    File "train.py", line 3, in main\n  ValueError: one'

CASES: dict[str, Case] = {
    "worker-out-of-memory": Case(
        hits=(
            raised(_CHILD, _failed(-9, -15), oom_kills="1"),
            raised(_EXITED, "process 1 terminated with signal SIGKILL", oom_kills="2"),
            raised(_CALLED, _died("SIGKILL: 9", *_MANY), oom_kills="1"),
            raised(
                "concurrent.futures.process.BrokenProcessPool",
                "A process in the process pool was terminated abruptly while the future was running or pending.",
                oom_kills="4",
            ),
            killed("SIGKILL", _told(-9), oom_kills="1"),
        ),
        misses=(
            raised(_CHILD, _failed(-9), oom_kills="0"),
            raised(_CHILD, _failed(1, -9), oom_kills="1"),
            raised(_EXITED, "process 1 terminated with signal SIGTERM", oom_kills="1"),
            killed("SIGKILL", _told(-9), oom_kills="0"),
        ),
    ),
    "worker-killed": Case(
        hits=(
            raised(_CHILD, _failed(-9)),
            raised(_CHILD, _failed(-9, -15, -15), oom_kills="0"),
            raised(_EXITED, "process 0 terminated with signal SIGKILL"),
            raised(_CALLED, _died("SIGKILL: 9")),
            raised(_CALLED, "Command 'python train.py' died with <Signals.SIGKILL: 9>."),
            killed("SIGKILL", _told(-9)),
            printed(
                "ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: -9) local_rank: 2 (pid: 41)"
            ),
        ),
        misses=(
            # What failed is rank 0; torchrun ended the other one.
            raised(_CHILD, _failed(1, -9)),
            raised(_CHILD, _failed(-6, -9)),
            raised(_CHILD, _failed(-9, said=_TRACEBACK)),
            raised("RuntimeError", "process 0 terminated with signal SIGKILL"),
            printed(_told(1)),
            printed(f"{_told(-9)}\n  exitcode  : 1 (pid: 9000)"),
            printed("the page says what failed (exitcode: -9) means"),
        ),
    ),
    "worker-segfault": Case(
        hits=(
            raised(_CHILD, _failed(-11, -15)),
            raised(_EXITED, "process 3 terminated with signal SIGSEGV"),
            raised(_CALLED, _died("SIGSEGV: 11", "--lr", "1e-4")),
            printed(_told(-11)),
        ),
        misses=(
            raised(_CHILD, _failed(2, -11)),
            raised(_CHILD, _failed(-1)),
            raised("RuntimeError", "see process 3 terminated with signal SIGSEGV"),
            printed(_told(-1)),
        ),
    ),
    "worker-bus-error": Case(
        hits=(
            raised(_CHILD, _failed(-7)),
            raised(_EXITED, "process 3 terminated with signal SIGBUS"),
            printed(_told(-7)),
        ),
        misses=(
            raised(_CHILD, _failed(1, -7)),
            raised(_EXITED, "process 7 terminated with exit code 7"),
            printed(_told(7)),
        ),
    ),
    "worker-aborted": Case(
        hits=(
            raised(_CHILD, _failed(-6, -15, -6)),
            raised(_EXITED, "process 0 terminated with signal SIGABRT"),
            raised(_CALLED, _died("SIGABRT: 6")),
            printed(_told(-6)),
        ),
        misses=(
            raised(_CHILD, _failed(1, -6)),
            raised(_CHILD, _failed(-11, -6)),
            raised(_CHILD, _failed(-9, -6)),
            printed(_told(6)),
        ),
    ),
    "worker-terminated": Case(
        hits=(
            printed(
                "W1130 12:13:49.388000 124326 torch/distributed/elastic/agent/server/api.py:723] Received 15 death signal, "
                "shutting down workers\nW1130 12:13:49.389000 124326 torch/distributed/elastic/multiprocessing/api.py:900] "
                "Sending process 124533 closing signal SIGTERM"
            ),
            killed(
                "SIGTERM",
                "W0823 16:54:02.337000 torch/distributed/elastic/agent/server/api.py:688] Received Signals.SIGTERM death "
                "signal, shutting down workers\n" + "Sending process 6236 closing signal SIGTERM\n" * 8,
            ),
            raised(_CHILD, _failed(-15, -15)),
            raised(_SIGNAL, "Process 58 got signal: 15"),
            raised(_EXITED, "process 0 terminated with signal SIGTERM"),
        ),
        misses=(
            printed("torch.distributed.elastic.agent.server.api:Received 1 death signal, shutting down workers"),
            printed("INFO: Sending process 124533 closing signal SIGTERM"),
            raised(_CHILD, _failed(-9, -15)),
            raised(_CHILD, _failed(1, -15)),
            raised(_SIGNAL, "Process 58 got signal: 2"),
        ),
    ),
    "launcher-hangup": Case(
        hits=(
            printed(
                "W1130 12:13:49.388000 124326 torch/distributed/elastic/agent/server/api.py:723] Received 1 death signal, "
                "shutting down workers\nW1130 12:13:49.389000 124326 torch/distributed/elastic/multiprocessing/api.py:900] "
                "Sending process 124533 closing signal SIGHUP"
            ),
            killed(
                "SIGHUP",
                "W0823 16:54:02.337000 torch/distributed/elastic/agent/server/api.py:688] Received Signals.SIGHUP death "
                "signal, shutting down workers\n" + "Sending process 6236 closing signal SIGHUP\n" * 8,
            ),
            raised(_SIGNAL, "Process 58 got signal: 1"),
            raised(_SIGNAL, "Process 2120483 got signal: 1\n"),
        ),
        misses=(
            printed("torch.distributed.elastic.agent.server.api:Received 10 death signal, shutting down workers"),
            printed("INFO: Sending process 124533 closing signal SIGHUP"),
            raised(_SIGNAL, "Process 58 got signal: 15"),
            raised("RuntimeError", "Process 58 got signal: 1"),
        ),
    ),
    "pool-worker-died": Case(
        hits=(
            raised(
                "concurrent.futures.process.BrokenProcessPool",
                "A process in the process pool was terminated abruptly while the future was running or pending.",
            ),
            raised(
                "joblib.externals.loky.process_executor.TerminatedWorkerError",
                "A worker process managed by the executor was unexpectedly terminated. This could be caused by a",
            ),
            raised(
                "RuntimeError",
                "One of the subprocesses has abruptly died during map operation.To debug the error, disable multip",
            ),
        ),
        misses=(
            raised("RuntimeError", "Worker: One of the subprocesses has abruptly died during map operation."),
            raised("concurrent.futures.process.BrokenProcessPool", "A task has failed to un-serialize."),
        ),
    ),
    "rendezvous-timeout": Case(
        hits=(raised(_RENDEZVOUS + "RendezvousTimeoutError", ""), raised("RendezvousTimeoutError", " ")),
        misses=(raised(_RENDEZVOUS + "RendezvousStateError", ""), raised("TimeoutError", "")),
    ),
    "rendezvous-closed": Case(
        hits=(raised(_RENDEZVOUS + "RendezvousClosedError", ""), raised("RendezvousClosedError", "\n")),
        misses=(
            raised(_RENDEZVOUS + "RendezvousGracefulExitError", ""),
            raised("RuntimeError", "RendezvousClosedError"),
        ),
    ),
    "rendezvous-endpoint-malformed": Case(
        hits=(
            raised(
                "ValueError",
                "The port number of the rendezvous endpoint 'node01:' must be an integer between 0 and 65536.",
            ),
            raised(
                "ValueError",
                "The hostname of the rendezvous endpoint '$(head):29500' must be a dot-separated list of labels, an IPv4 "
                "address, or an IPv6 address.",
            ),
        ),
        misses=(
            raised("ValueError", "The rendezvous configuration option 'timeout' must have a value specified."),
            raised("ValueError", "see The port number of the rendezvous endpoint 'node01:' must be an integer"),
        ),
    ),
    "launcher-port-taken": Case(
        hits=(
            raised(
                "ConnectionError",
                "Tried to launch distributed communication on port `29500`, but another process is utilizing it. Please "
                "specify a different port (such as using the `--main_process_port` flag or specifying a different",
            ),
            raised(
                "ConnectionError",
                "Tried to launch distributed communication on port `12355`, but another process is utilizing it.",
            ),
        ),
        misses=(
            raised("ConnectionError", "Tried to launch distributed communication on port `29500`"),
            raised(
                "ValueError", "Tried to launch distributed communication on port `1`, but another process is utilizing"
            ),
        ),
    ),
    "launcher-local-rank-argument": Case(
        hits=(
            printed("usage: train.py [-h] [--lr LR]\ntrain.py: error: unrecognized arguments: --local-rank=0"),
            printed("main.py: error: unrecognized arguments: --local_rank=3"),
        ),
        misses=(
            printed("train.py: error: unrecognized arguments: --local-rank-file x"),
            printed("train.py: error: unrecognized arguments: --lr=0"),
        ),
    ),
    "launcher-program-missing": Case(
        hits=(
            printed(
                "slurmstepd: error: execve(): torchrun: No such file or directory\nsrun: error: n1: task 0: Exited"
            ),
            printed("slurmstepd: error: execve(): /w/run.sh: No such file or directory"),
        ),
        misses=(
            printed("slurmstepd: error: execve(): job.sh: Permission denied"),
            printed("the log says: slurmstepd: error: execve(): torchrun: No such file or directory"),
        ),
    ),
    "launcher-command-not-found": Case(
        hits=(
            killed("", "/var/spool/slurmd/job71/slurm_script: line 14: torchrun: command not found", exit_code="127"),
            killed("", "bash: deepspeed: command not found", exit_code="127"),
        ),
        misses=(
            killed("", "bash: deepspeed: command not found", exit_code="1"),
            printed("bash: deepspeed: command not found"),
            killed("", "/var/spool/slurmd/job71/slurm_script: line 2: module: command not found", exit_code="127"),
            killed("", "the log says: torchrun: command not found", exit_code="127"),
        ),
    ),
    "nccl-watchdog-stuck": Case(
        hits=(
            killed(
                "SIGABRT",
                "[rank2]:[E704 13:48:58.260494728 ProcessGroupNCCL.cpp:1746] [PG ID 0 PG GUID 0(default_pg) Rank 2] "
                "ProcessGroupNCCL's watchdog got stuck for 480 seconds without making progress in monitoring enqueued",
            ),
            killed(
                "SIGABRT",
                "[rank1]:[F ProcessGroupNCCL.cpp:1169] [PG 0 Rank 1] [PG 0 Rank 1] ProcessGroupNCCL's watchdog got stuck "
                "for 600 seconds without making progress in monitoring enqueued collectives.",
            ),
        ),
        misses=(
            killed("SIGABRT", "the bootstrap watchdog got stuck for 480 seconds"),
            killed("SIGABRT", "[rank1]:[E ProcessGroupNCCL.cpp:1316] [PG 0 Rank 1] Heartbeat monitor timed out!"),
        ),
    ),
    "store-other-server": Case(
        hits=(
            raised(
                "torch.distributed.DistNetworkError",
                "Ping failed, invalid value returned from server. Expected: 1178, Got: 1213486160",
            ),
            raised("RuntimeError", "Ping failed, invalid value returned from server. Expected: 91, Got: 0"),
        ),
        misses=(
            raised("RuntimeError", "Ping failed, no answer"),
            raised("ValueError", "Ping failed, invalid value returned from server. Expected: 91, Got: 0"),
        ),
    ),
}
