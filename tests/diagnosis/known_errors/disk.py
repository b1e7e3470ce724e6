"""Disks and file systems: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

CASES: dict[str, Case] = {
    "disk-quota": Case(
        hits=(
            raised(
                "OSError",
                "[Errno 122] Can't synchronously write data (file write failed: time = Tue Mar  5 18:22:32 2024\n, filename "
                "= '/d/x.h5', file descriptor = 60, errno = 122, error message = 'Disk quota exceeded', buf = 0x55)",
            ),
            raised("OSError", "[Errno 122] Disk quota exceeded: '/home/ann/runs/3/checkpoint-500/optimizer.pt'"),
            raised("OSError", "[Errno 122] Disk quota exceeded"),
            raised("RuntimeError", "write(): fd 41 failed with Disk quota exceeded"),
            raised(
                "safetensors._safetensors_rust.SafetensorError",
                "Error while serializing: I/O error: Disk quota exceeded (os error 122)",
            ),
            raised(
                "safetensors_rust.SafetensorError",
                (
                    "Error while serializing: IoError(Os { code: 122, kind: FilesystemQuotaExceeded, message: "
                    '"Disk quota exceeded" })'
                ),
            ),
            raised(
                "safetensors_rust.SafetensorError",
                (
                    'Error while serializing: IoError(Os { code: 122, kind: QuotaExceeded, message: "Disk quota '
                    'exceeded" })'
                ),
            ),
        ),
        misses=(
            raised("KeyError", "Can't write data (errno = 122, error message = 'Disk quota exceeded')"),
            raised("OSError", "[Errno 28] No space left on device"),
            raised("ValueError", "[Errno 122] Disk quota exceeded"),
            raised("OSError", "upload failed: [Errno 122] Disk quota exceeded"),
            raised(
                "safetensors_rust.SafetensorError",
                (
                    "an earlier attempt said: Error while serializing: IoError(Os { code: 122, kind: "
                    'FilesystemQuotaExceeded, message: "Disk quota exceeded" })'
                ),
            ),
            raised(
                "KeyError",
                (
                    "Error while serializing: IoError(Os { code: 122, kind: FilesystemQuotaExceeded, message: "
                    '"Disk quota exceeded" })'
                ),
            ),
        ),
    ),
    "inotify-limit": Case(
        hits=(
            raised("OSError", "[Errno 28] inotify watch limit reached", modules=("watchdog.observers.inotify_c",)),
            raised("OSError", "[Errno 28] No space left on device", modules=("asyncinotify",)),
        ),
        misses=(
            raised("OSError", "[Errno 28] No space left on device: '/scratch/model.pt'"),
            raised("OSError", "[Errno 24] inotify instance limit reached", modules=("watchdog.observers.inotify_c",)),
        ),
    ),
    "disk-full": Case(
        hits=(
            raised(
                "RuntimeError",
                "Data processing error: CAS service error : IO Error: No space left on device (os error 28)",
            ),
            raised(
                "OSError",
                "Can't write data (file write failed: time = Thu Jan 10 10:56:30 2019\n, filename = '/my_tmp/test.hdf5', file "
                "descriptor = 3, errno = 28, error message = 'No space left on device', buf = 0x7fd2e6650010)",
            ),
            raised("lmdb.DiskError", "mdb_txn_commit: No space left on device"),
            raised(
                "rocksdb.errors.RocksIOError", "IO error: No space left on device: While appending to file: /db/12.sst"
            ),
            raised("OSError", "[Errno 28] No space left on device: '/scratch/run/model.pt'"),
            raised("OSError", "[Errno 28] No space left on device", modules=("torch.serialization",)),
            raised("RuntimeError", "write(): fd 3 failed with No space left on device"),
            raised(
                "safetensors._safetensors_rust.SafetensorError",
                "Error while serializing: I/O error: No space left on device (os error 28)",
            ),
            raised(
                "safetensors_rust.SafetensorError",
                'Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })',
            ),
        ),
        misses=(
            raised(
                "OSError", "Unable to create file (unable to open file: name = 'a.h5', errno = 282, error message = 'x'"
            ),
            raised("lmdb.Error", "/data/train.lmdb: No space left on device"),
            raised("OSError", "[Errno 28] No space left on device", modules=("watchdog.observers.inotify_c",)),
            raised("OSError", "[Errno 28] inotify watch limit reached", modules=("watchdog.observers.inotify_c",)),
            raised("OSError", "[Errno 28] No space left on device: '/dev/shm/cache.bin'"),
            raised("RuntimeError", "unable to write to file </torch_31911_952>: No space left on device (28)"),
            raised("OSError", "[Errno 2] No such file or directory: '[Errno 28] No space left on device'"),
            raised(
                "safetensors_rust.SafetensorError",
                'Error while serializing: IoError(Os { code: 22, kind: InvalidInput, message: "Invalid argument" })',
            ),
        ),
    ),
    "disk-checkpoint-not-written": Case(
        hits=(
            raised(
                "RuntimeError",
                "[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing central directory for archive "
                "model: file write failed",
            ),
            raised("RuntimeError", "[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
            raised(
                "RuntimeError",
                "[enforce fail at inline_container.cc:778] . PytorchStreamWriter failed writing file data/151: file write failed",
            ),
            raised(
                "RuntimeError",
                "[enforce fail at C:\\cb\\pytorch_1000000000000\\work\\caffe2\\serialize\\inline_container.cc:450] . "
                "PytorchStreamWriter failed writing file data/10: file write failed",
            ),
            raised("RuntimeError", "PytorchStreamWriter failed writing file data/16: file write failed"),
            raised("RuntimeError", "basic_ios::clear: iostream error"),
        ),
        misses=(
            raised("RuntimeError", "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate"),
            raised("RuntimeError", "PytorchStreamReader failed reading zip archive: failed finding central directory"),
            raised("RuntimeError", "at byte 3: unexpected pos 576 vs 534"),
            raised(
                "RuntimeError",
                "an earlier attempt said: PytorchStreamWriter failed writing file data/16: file write failed",
            ),
            raised("KeyError", "PytorchStreamWriter failed writing file data/16: file write failed"),
        ),
    ),
    "disk-file-too-large": Case(
        hits=(
            raised("OSError", "[Errno 27] File too large"),
            raised("OSError", "[Errno 27] File too large: '/mnt/usb/a.pt'"),
        ),
        misses=(
            raised("ValueError", "[Errno 27] File too large"),
            raised("OSError", "[Errno 7] Argument list too long: 'python'"),
        ),
    ),
    "disk-read-only": Case(
        hits=(
            raised(
                "OSError",
                "[Errno 30] Unable to synchronously create file (unable to open file: name = '/data/x.h5', errno = 30, error "
                "message = 'Read-only file system', flags = 13, o_flags = 242)",
            ),
            raised("OSError", "[Errno 30] Read-only file system: '/root/.cache/huggingface'"),
            raised("OSError", "[Errno 30] Read-only file system: './logs'"),
        ),
        misses=(
            raised("PermissionError", "[Errno 13] Permission denied: '/root/.cache/huggingface'"),
            raised("RuntimeError", "[Errno 30] Read-only file system: './logs'"),
        ),
    ),
    "disk-stale-handle": Case(
        hits=(
            raised(
                "OSError",
                "[Errno 116] Unable to synchronously create file (unable to fstat file, errno = 116, error message = 'Stale "
                "file handle')",
            ),
            raised(
                "OSError", "[Errno 116] Stale file handle: '/home/x/.cache/huggingface/datasets/text/cache-1.arrow'"
            ),
            raised("OSError", "[Errno 116] Stale file handle"),
        ),
        misses=(
            raised("OSError", "Unable to create file (unable to fstat file, errno = 11, error message = 'Try again')"),
            raised("OSError", "[Errno 2] No such file or directory: 'Stale file handle'"),
            raised("RuntimeError", "NFS: [Errno 116] Stale file handle"),
        ),
    ),
    "disk-mount-gone": Case(
        hits=(
            raised("OSError", "[Errno 107] Transport endpoint is not connected: '/mnt/bucket/train'"),
            raised("ConnectionAbortedError", "[Errno 103] Software caused connection abort: '/mnt/s3/ckpt/last.pt'"),
        ),
        misses=(
            raised("OSError", "[Errno 107] Transport endpoint is not connected"),  # a socket
            raised("ConnectionAbortedError", "[Errno 103] Software caused connection abort"),
            raised("OSError", "[Errno 2] No such file or directory: '/mnt/bucket/train'"),
        ),
    ),
    "disk-server-unreachable": Case(
        hits=(
            raised("TimeoutError", "[Errno 110] Connection timed out: '/mnt/nfs/data/0.tar'"),
            raised("OSError", "[Errno 121] Remote I/O error: '/ceph/run/log.txt'"),
            raised("BrokenPipeError", "[Errno 108] Cannot send after transport endpoint shutdown: '/lustre/run/a.pt'"),
            raised("OSError", "[Errno 112] Host is down: '/mnt/cifs/data'"),
        ),
        misses=(
            raised("TimeoutError", "[Errno 110] Connection timed out"),  # a socket
            raised("ConnectionRefusedError", "[Errno 111] Connection refused"),
            raised("OSError", "mount: [Errno 112] Host is down: '/mnt/cifs/data'"),
        ),
    ),
    "disk-input-output": Case(
        hits=(
            raised(
                "OSError",
                "[Errno 5] Can't synchronously read data (file read failed: time = Tue Mar  5 18:22:32 2024\n, filename = "
                "'/data/x.h5', file descriptor = 60, errno = 5, error message = 'Input/output error', buf = 0x5581)",
            ),
            raised("OSError", "[Errno 5] Input/output error: '/opt/data/private/dataset/k400_frame/train/97nos'"),
            raised("OSError", "[Errno 5] Input/output error: 'val.bin'"),
        ),
        misses=(
            raised("OSError", "[Errno 5] Input/output error"),  # it may be the terminal
            raised("RuntimeError", "[Errno 5] Input/output error: 'val.bin'"),
        ),
    ),
    "disk-no-locks": Case(
        hits=(
            raised("OSError", "[Errno 37] No locks available"),
            raised("OSError", "[Errno 37] No locks available: '/nfs/.cache/huggingface/a.lock'"),
        ),
        misses=(
            raised("BlockingIOError", "[Errno 11] Resource temporarily unavailable"),
            raised("RuntimeError", "[Errno 37] No locks available"),
        ),
    ),
    "disk-name-too-long": Case(
        hits=(
            raised("OSError", f"[Errno 36] File name too long: 'runs/{'lr_0.001-' * 60}'"),
            raised("OSError", "[Errno 36] File name too long"),
        ),
        misses=(
            raised("OSError", "[Errno 2] No such file or directory: 'File name too long'"),
            raised("ValueError", "[Errno 36] File name too long"),
        ),
    ),
    "disk-too-many-files": Case(
        hits=(
            raised(
                "OSError",
                "[Errno 24] Unable to synchronously open file (unable to open file: name = 'data/ep_1.hdf5', errno = 24, error "
                "message = 'Too many open files', flags = 0, o_flags = 0)",
            ),
            raised("OSError", "[Errno 24] Too many open files: '/data/train/1.png'"),
            raised("OSError", "[Errno 24] Too many open files"),
        ),
        misses=(
            raised("OSError", "[Errno 23] Too many open files in system"),
            raised("RuntimeError", "Too many open files. Communication with the workers is no longer possible."),
            printed("make: [Errno 24] Too many open files"),
        ),
    ),
    "disk-permission": Case(
        hits=(
            raised(
                "PermissionError",
                "[Errno 13] Unable to synchronously open file (unable to open file: name = '/data/train.h5', errno = 13, error "
                "message = 'Permission denied', flags = 0, o_flags = 0)",
            ),
            raised(
                "OSError",
                "Unable to create file (unable to open file: name = 'model_data/yolo.h5', errno = 13, error message = "
                "'Permission denied', flags = 13, o_flags = 242)",
            ),
            raised("PermissionError", "[Errno 13] Permission denied: '/data/shared/train.jsonl'"),
            raised("PermissionError", "[Errno 13] Permission denied: 'outputs/run-7'"),
        ),
        misses=(
            raised("PermissionError", "[Errno 13] Permission denied"),  # a socket, or a port below 1024
            raised("PermissionError", "[Errno 1] Operation not permitted: '/data/shared/train.jsonl'"),
            raised("RuntimeError", "ssh: [Errno 13] Permission denied: '/data/shared/train.jsonl'"),
            raised("PermissionError", "[Errno 13] Permission denied: '/dev/nvidiactl'"),  # a container's devices
        ),
    ),
}
