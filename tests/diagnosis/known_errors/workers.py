"""Worker processes and what they are sent: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "loader-worker-aborted": Case(
        hits=(
            raised("RuntimeError", "DataLoader worker (pid 8801) is killed by signal: Aborted. "),
            raised("RuntimeError", "DataLoader worker (pid 77) is killed by signal: Floating point exception. "),
        ),
        misses=(
            raised("RuntimeError", "DataLoader worker (pid 8801) is killed by signal: Terminated. "),
            raised("KeyError", "DataLoader worker (pid 8801) is killed by signal: Aborted. "),
        ),
    ),
    "loader-worker-stopped": Case(
        hits=(
            raised("RuntimeError", "DataLoader worker (pid 8801) is killed by signal: Terminated. "),
            raised("RuntimeError", "DataLoader worker (pid 1234) is killed by signal: Hangup. "),
        ),
        misses=(
            raised("RuntimeError", "DataLoader worker (pid 8801) is killed by signal: Aborted. "),
            raised("KeyError", "DataLoader worker (pid 1234) is killed by signal: Hangup. "),
        ),
    ),
    "pickle-local-function": Case(
        hits=(
            raised("AttributeError", "Can't pickle local object 'main.<locals>.<lambda>'"),
            raised(
                "_pickle.PicklingError",
                "Can't pickle <function <lambda> at 0x7f1a2b3c4d30>: attribute lookup <lambda> on __main__ failed",
            ),
        ),
        misses=(
            raised("AttributeError", "an earlier attempt said: Can't pickle local object 'main.<locals>.<lambda>'"),
            raised("KeyError", "Can't pickle local object 'main.<locals>.<lambda>'"),
        ),
    ),
    "pickle-object-refused": Case(
        hits=(
            raised("TypeError", "cannot pickle '_thread.lock' object"),
            raised("TypeError", "can't pickle Environment objects"),
            raised("TypeError", "h5py objects cannot be pickled"),
        ),
        misses=(
            raised("TypeError", "an earlier attempt said: cannot pickle '_thread.lock' object"),
            raised("KeyError", "cannot pickle '_thread.lock' object"),
        ),
    ),
    "spawned-process-got-nothing": Case(
        hits=(
            raised(
                "EOFError",
                "Ran out of input",
                modules=(
                    "multiprocessing.spawn",
                    "multiprocessing.reduction",
                ),
            ),
            raised("_pickle.UnpicklingError", "pickle data was truncated", modules=("multiprocessing.spawn",)),
        ),
        misses=(
            raised("EOFError", "Ran out of input", modules=("torch.serialization",)),
            raised("ValueError", "Ran out of input", modules=("multiprocessing.spawn",)),
        ),
    ),
    "loader-not-started": Case(
        hits=(
            raised("AttributeError", "'_MultiProcessingDataLoaderIter' object has no attribute '_workers_status'"),
            raised(
                "AttributeError",
                (
                    "'_MultiProcessingDataLoaderIter' object has no attribute '_workers_status'. Did you mean: "
                    "'_workers_done_event'?"
                ),
            ),
        ),
        misses=(
            raised(
                "AttributeError",
                ("an earlier attempt said: '_MultiProcessingDataLoaderIter' object has no attribute '_workers_status'"),
            ),
            raised("KeyError", "'_MultiProcessingDataLoaderIter' object has no attribute '_workers_status'"),
        ),
    ),
    "worker-connection-lost": Case(
        hits=(
            raised(
                "ConnectionResetError",
                "[Errno 104] Connection reset by peer",
                modules=(
                    "multiprocessing.connection",
                    "torch.utils.data._utils.pin_memory",
                    "torch.multiprocessing.reductions",
                ),
            ),
            raised(
                "ConnectionRefusedError",
                "[Errno 111] Connection refused",
                modules=("torch.multiprocessing.reductions",),
            ),
            raised(
                "BrokenPipeError",
                "[Errno 32] Broken pipe",
                modules=(
                    "torch.utils.data.dataloader",
                    "multiprocessing.popen_spawn_win32",
                ),
            ),
        ),
        misses=(
            raised("ConnectionResetError", "[Errno 104] Connection reset by peer", modules=("http.client",)),
            raised("ConnectionRefusedError", "[Errno 111] Connection refused", modules=("urllib3",)),
        ),
    ),
    "shm-object-gone": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "unable to open shared memory object </torch_29919_1396182366> in read-write mode: No such "
                    "file or directory (2)"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "unable to open shared memory object </torch_7_1_2> in read-write mode: No such file or "
                    "directory (2)"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: unable to open shared memory object </torch_29919_1396182366> in "
                    "read-write mode: No such file or directory (2)"
                ),
            ),
            raised(
                "KeyError",
                (
                    "unable to open shared memory object </torch_29919_1396182366> in read-write mode: No such "
                    "file or directory (2)"
                ),
            ),
        ),
    ),
    "process-daemon-children": Case(
        hits=(
            raised("AssertionError", "daemonic processes are not allowed to have children"),
            raised(
                "AssertionError",
                "daemonic processes are not allowed to have children",
                modules=("multiprocessing.process",),
            ),
        ),
        misses=(
            raised("AssertionError", "an earlier attempt said: daemonic processes are not allowed to have children"),
            raised("KeyError", "daemonic processes are not allowed to have children"),
        ),
    ),
    "collate-unknown-type": Case(
        hits=(
            raised(
                "TypeError",
                (
                    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
                    "<class 'PIL.Image.Image'>"
                ),
            ),
            raised(
                "TypeError",
                "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found object",
            ),
        ),
        misses=(
            raised(
                "TypeError",
                (
                    "an earlier attempt said: default_collate: batch must contain tensors, numpy arrays, "
                    "numbers, dicts or lists; found <class 'PIL.Image.Image'>"
                ),
            ),
            raised(
                "KeyError",
                (
                    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
                    "<class 'PIL.Image.Image'>"
                ),
            ),
        ),
    ),
    "loader-arguments": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to "
                    "enable multiprocessing, otherwise set prefetch_factor to None."
                ),
            ),
            raised(
                "ValueError",
                "DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle=True",
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: prefetch_factor option could only be specified in "
                    "multiprocessing.let num_workers > 0 to enable multiprocessing, otherwise set "
                    "prefetch_factor to None."
                ),
            ),
            raised(
                "KeyError",
                (
                    "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to "
                    "enable multiprocessing, otherwise set prefetch_factor to None."
                ),
            ),
        ),
    ),
}
