"""What the system refused, and data that cannot be decompressed: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_BIND = "[Errno 99] error while attempting to bind on address ({}): cannot assign requested address"
_ASSIGN, _LONG = "[Errno 99] Cannot assign requested address", "[Errno 7] Argument list too long"
_WRITE, _REMOTE = "write could not complete without blocking", "[Errno 121] Remote I/O error"
_ZLIB, _DATA = "zlib.error", "Error -3 while decompressing data: {}"

CASES: dict[str, Case] = {
    "address-not-here": Case(
        hits=(
            raised("OSError", _BIND.format("'::1', 8000, 0, 0")),
            raised("OSError", _BIND.format("'10.0.3.7', 29500")),
        ),
        misses=(
            raised("OSError", _BIND.format("'::1', 8000, 0, 0").replace("99", "98")),
            raised("ValueError", _BIND.format("'::1', 8000, 0, 0")),
        ),
    ),
    "address-not-assigned": Case(
        hits=(raised("OSError", _ASSIGN), raised("OSError", _ASSIGN, modules=("multiprocessing.connection",))),
        misses=(raised("OSError", "[Errno 98] Address already in use"), raised("OSError", f"after {_ASSIGN}")),
    ),
    "arguments-too-long": Case(
        hits=(raised("OSError", f"{_LONG}: '/bin/sh'"), raised("OSError", _LONG, modules=("subprocess",))),
        misses=(raised("OSError", "[Errno 36] File name too long: '/bin/sh'"), raised("ValueError", _LONG)),
    ),
    "output-not-blocking": Case(
        hits=(raised("BlockingIOError", f"[Errno 11] {_WRITE}"), raised("BlockingIOError", f"[Errno 35] {_WRITE}")),
        misses=(
            raised("BlockingIOError", "[Errno 11] Resource temporarily unavailable"),
            raised("ValueError", f"[Errno 11] {_WRITE}"),
        ),
    ),
    "storage-remote-error": Case(
        hits=(
            raised("OSError", _REMOTE, modules=("torch.utils.data._utils.fetch", "PIL.ImageFile")),
            raised("OSError", _REMOTE, modules=("json.decoder",)),
        ),
        misses=(
            raised("OSError", f"{_REMOTE}: 'logs/train/checkpoints'", modules=("torch.serialization",)),
            raised("OSError", _REMOTE, modules=("smbus2.smbus2",)),  # a device on a bus says so, too
        ),
    ),
    "compressed-otherwise": Case(
        hits=(
            raised(_ZLIB, _DATA.format("incorrect header check")),
            raised(_ZLIB, _DATA.format("unknown compression method")),
        ),
        misses=(
            raised(_ZLIB, _DATA.format("invalid distance too far back")),
            raised("ValueError", _DATA.format("incorrect header check")),
        ),
    ),
    "compressed-damaged": Case(
        hits=(
            raised(_ZLIB, _DATA.format("invalid code lengths set")),
            raised(_ZLIB, "Error -3 while decompressing: invalid stored block lengths"),
            raised(_ZLIB, "Error -5 while decompressing data: incomplete or truncated stream"),
        ),
        misses=(
            raised(_ZLIB, _DATA.format("incorrect header check")),
            raised("struct.error", "unpack requires a buffer of 4 bytes"),
            raised(_ZLIB, "Error -2 while preparing to decompress data: inconsistent stream state"),
        ),
    ),
    "port-needs-root": Case(
        hits=(
            raised(
                "RuntimeError",
                "The server socket has failed to listen on any local network address. The server socket has failed to bind to "
                "[::]:520 (errno: 13 - Permission denied).",
            ),
            raised(
                "torch.distributed.DistNetworkError",
                "The server socket has failed to listen on any local network address. port: 80, useIpv6: false, code: -13, "
                "name: EACCES, message: permission denied",
            ),
            raised(
                "PermissionError",
                "[Errno 13] error while attempting to bind on address ('0.0.0.0', 80): permission denied",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "The server socket has failed to listen on any local network address. The server socket has failed to bind to "
                "[::]:29500 (errno: 13 - Permission denied).",
            ),
            raised(
                "RuntimeError", "The server socket has failed to bind to [::]:520 (errno: 98 - Address already in use)."
            ),
            raised("PermissionError", "[Errno 13] Permission denied"),
        ),
    ),
    "port-out-of-range": Case(
        hits=(
            raised("OverflowError", "bind(): port must be 0-65535."),
            raised("OverflowError", "getsockaddrarg: port must be 0-65535."),
        ),
        misses=(
            raised("ValueError", "bind(): port must be 0-65535."),
            raised("OverflowError", "the value of a port must be 0-65535."),
        ),
    ),
    "system-files-limit": Case(
        hits=(
            raised("OSError", "[Errno 23] Too many open files in system: '/data/x.npy'"),
            raised(
                "RuntimeError",
                "unable to open shared memory object </torch_2133_387> in read-write mode: Too many open files in system (23)",
            ),
        ),
        misses=(
            raised("OSError", "[Errno 24] Too many open files: '/data/x.npy'"),
            raised("ValueError", "[Errno 23] Too many open files in system"),
        ),
    ),
    "temporary-directory-missing": Case(
        hits=(
            raised(
                "RuntimeError",
                'torch_shm_manager at "/opt/conda/lib/python3.11/site-packages/torch/bin/torch_shm_manager": could not generate '
                "a random directory for manager socket",
            ),
            raised(
                "FileNotFoundError", "[Errno 2] No usable temporary directory found in ['/tmp', '/var/tmp', '/work']"
            ),
            raised(
                "FileNotFoundError",
                "[Errno 2] No usable temporary directory found in ['/scratch/1', '/tmp', '/var/tmp']",
            ),
        ),
        misses=(
            raised("RuntimeError", 'torch_shm_manager at "/opt/torch/bin/torch_shm_manager": no response'),
            raised("FileNotFoundError", "[Errno 2] No such file or directory: '/tmp/x'"),
            raised("ValueError", "[Errno 2] No usable temporary directory found in ['/tmp']"),
        ),
    ),
}
