"""Workers of a DataLoader and the data that they read: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

from twinkle_notifier.diagnosis.table import Evidence

_COLLATE = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class '{}'>"
_GUARD = (
    "\n        An attempt has been made to start a new process before the\n"
    "        current process has finished its bootstrapping phase.\n\n"
    "        This probably means that you are not using fork to start your\n"
    "        child processes and you have forgotten to use the proper idiom\n"
    "        in the main module:\n\n            if __name__ == '__main__':\n                freeze_support()\n"
)
_DESCRIPTORS = (
    "Too many open files. Communication with the workers is no longer possible. Please increase the limit using `ulimit "
    "-n` in the shell or change the sharing strategy by calling `torch.multiprocessing.set_sharing_strategy('file_system')` "
    "at the beginning of your code"
)
_STARTS = ("torch.utils.data.dataloader", "multiprocessing.popen_spawn_posix", "multiprocessing.reduction")


def _died(pid: int, signal: str, **facts: str) -> Evidence:
    return raised("RuntimeError", f"DataLoader worker (pid {pid}) is killed by signal: {signal}. ", **facts)


def _both(first: Evidence, second: Evidence) -> Evidence:
    """The first, with the second as its cause."""
    return Evidence((*first.errors, *second.errors), facts=second.facts)


_EXITED = raised("RuntimeError", "DataLoader worker (pid(s) 10472) exited unexpectedly")

CASES: dict[str, Case] = {
    "loader-worker-out-of-memory": Case(
        hits=(_died(10472, "Killed", oom_kills="1"), _both(_EXITED, _died(10472, "Killed", oom_kills="3"))),
        misses=(
            _died(10472, "Killed", oom_kills="0"),
            _died(10472, "Killed"),
            _died(10472, "Segmentation fault", oom_kills="1"),
            killed("SIGKILL", oom_kills="1"),
        ),
    ),
    "loader-worker-killed-by-someone": Case(
        hits=(_died(10472, "Killed", oom_kills="0"), _both(_EXITED, _died(7, "Killed", oom_kills="0"))),
        misses=(
            _died(10472, "Killed", oom_kills="2"),
            _died(10472, "Killed"),
            _died(10472, "Terminated", oom_kills="0"),
        ),
    ),
    "loader-worker-killed": Case(
        hits=(_died(10472, "Killed"), _both(_EXITED, _died(10472, "Killed"))),
        misses=(
            _died(10472, "Killed", oom_kills="0"),
            _died(10472, "Aborted"),
            raised("RuntimeError", "see: DataLoader worker (pid 10472) is killed by signal: Killed."),
        ),
    ),
    "loader-worker-segfault": Case(
        hits=(_died(10466, "Segmentation fault"), _both(_EXITED, _died(9, "Segmentation fault"))),
        misses=(_died(10466, "Aborted"), killed("SIGSEGV"), printed("Segmentation fault (core dumped)")),
    ),
    "loader-worker-exited": Case(
        hits=(
            raised("RuntimeError", "DataLoader worker (pid(s) 10495, 10496) exited unexpectedly"),
            raised(
                "RuntimeError",
                "DataLoader worker (pid 10501) exited unexpectedly with exit code 1. Details are lost due to "
                "multiprocessing. Rerunning with num_workers=0 may give better error trace.",
            ),
        ),
        misses=(
            _both(_EXITED, _died(10472, "Killed")),
            raised("RuntimeError", "Pin memory thread exited unexpectedly"),
            raised("ValueError", "DataLoader worker (pid(s) 10495) exited unexpectedly"),
        ),
    ),
    "loader-timeout": Case(
        hits=(
            raised("RuntimeError", "DataLoader timed out after 120 seconds"),
            raised("RuntimeError", "DataLoader timed out after 0.5 seconds"),
        ),
        misses=(
            raised("RuntimeError", "Timed out after 120 seconds"),
            raised("TimeoutError", "DataLoader timed out after 120 seconds"),
        ),
    ),
    "loader-local-function": Case(
        hits=(
            raised("AttributeError", "Can't pickle local object 'main.<locals>.<lambda>'", modules=_STARTS),
            raised("AttributeError", "Can't get local object 'train.<locals>.collate'", modules=_STARTS),
            raised(
                "_pickle.PicklingError",
                "Can't pickle <function <lambda> at 0x7fdd70fc7ec0>: attribute lookup <lambda> on __main__ failed",
                modules=_STARTS,
            ),
            raised(
                "_pickle.PicklingError",
                "Can't pickle local object <function main.<locals>.<lambda> at 0x7f>",
                modules=_STARTS,
            ),
        ),
        misses=(
            raised("AttributeError", "Can't pickle local object 'main.<locals>.f'", modules=("torch.serialization",)),
            raised("AttributeError", "Can't get attribute 'Net' on <module '__main__' (built-in)>", modules=_STARTS),
            raised(
                "_pickle.PicklingError", "Can't pickle <class 'x.A'>: it's not the same object as x.A", modules=_STARTS
            ),
        ),
    ),
    "loader-open-handle": Case(
        hits=(
            raised("TypeError", "cannot pickle '_io.TextIOWrapper' object", modules=_STARTS),
            raised("TypeError", "cannot pickle 'TextIOWrapper' instances", modules=_STARTS),
            raised("TypeError", "h5py objects cannot be pickled", modules=_STARTS),
            raised("TypeError", "cannot pickle 'Environment' object", modules=_STARTS),
        ),
        misses=(
            raised("TypeError", "cannot pickle '_io.TextIOWrapper' object", modules=("torch.serialization",)),
            raised("TypeError", "cannot pickle '_io.TextIOWrapper' object"),
            raised("TypeError", "all of my objects cannot be pickled", modules=_STARTS),
            raised("ValueError", "cannot pickle 'Environment' object", modules=_STARTS),
        ),
    ),
    "loader-too-many-files": Case(
        hits=(
            raised("RuntimeError", "unable to open shared memory objec Too many open files (24)"),
            raised("RuntimeError", _DESCRIPTORS),
            raised("RuntimeError", "received 0 items of ancdata"),
            raised(
                "RuntimeError",
                "unable to open shared memory object </torch_30997_2076642173_1020> in read-write mode: Too many open files (24)",
            ),
        ),
        misses=(
            raised("OSError", "[Errno 24] Too many open files: '/data/1.png'"),
            raised("RuntimeError", f"see {_DESCRIPTORS}"),
            raised(
                "RuntimeError",
                "unable to open shared memory object </torch_1_2_3> in read-write mode: File exists (17)",
            ),
        ),
    ),
    "loader-main-guard": Case(
        hits=(
            raised("RuntimeError", _GUARD),
            raised(
                "RuntimeError", f'{_GUARD}\n        To fix this issue, refer to the "Safe importing of main module"\n'
            ),
        ),
        misses=(
            raised("RuntimeError", "context has already been set"),
            raised("ValueError", _GUARD),
            raised("RuntimeError", "worker: An attempt has been made to start a new process before the"),
        ),
    ),
    "start-method-set-twice": Case(
        hits=(
            raised("RuntimeError", "context has already been set"),
            raised("RuntimeError", "context has already been set", modules=("__mp_main__", "multiprocessing.context")),
        ),
        misses=(
            raised("RuntimeError", "the CUDA context has already been set"),
            raised("ValueError", "context has already been set"),
        ),
    ),
    "loader-empty-dataset": Case(
        hits=(
            raised("ValueError", "num_samples should be a positive integer value, but got num_samples=0"),
            raised(
                "ValueError",
                "num_samples should be a positive integer value, but got num_samples=0",
                modules=("torch.utils.data.sampler",),
            ),
        ),
        misses=(
            raised("ValueError", "num_samples should be a positive integer value, but got num_samples=-1"),
            raised("ValueError", "num_samples should be a positive integer value, but got num_samples=0.5"),
            raised("RuntimeError", "num_samples should be a positive integer value, but got num_samples=0"),
        ),
    ),
    "loader-none-in-batch": Case(
        hits=(
            raised("TypeError", _COLLATE.format("NoneType")),
            raised("TypeError", _COLLATE.format("NoneType"), modules=("torch.utils.data._utils.collate",)),
        ),
        misses=(
            raised("TypeError", _COLLATE.format("PIL.Image.Image")),
            raised("ValueError", _COLLATE.format("NoneType")),
        ),
    ),
    "image-cut-short": Case(
        hits=(
            raised("OSError", "image file is truncated (22 bytes not processed)"),
            raised("OSError", "image file is truncated"),
        ),
        misses=(
            raised("OSError", "the image file is truncated"),
            raised("OSError", "broken data stream when reading image file"),
            raised("ValueError", "image file is truncated (0 bytes not processed)"),
        ),
    ),
    "image-not-an-image": Case(
        hits=(
            raised("PIL.UnidentifiedImageError", "cannot identify image file '/data/train/n01440764/7.JPEG'"),
            raised("PIL.UnidentifiedImageError", "cannot identify image file <_io.BytesIO object at 0x7f1c8c2e5b70>"),
        ),
        misses=(
            raised("ValueError", "cannot identify image file 'a.png'"),
            raised("OSError", "skipped 'cannot identify image file.png'"),
            raised("FileNotFoundError", "[Errno 2] No such file or directory: 'cannot identify image file'"),
        ),
    ),
}
