"""Files on the disk and network storage: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "save-directory-missing": Case(
        hits=(
            raised("RuntimeError", "Parent directory /out/ckpt does not exist."),
            raised("RuntimeError", "Parent directory checkpoints does not exist."),
        ),
        misses=(
            raised("RuntimeError", "an earlier attempt said: Parent directory /out/ckpt does not exist."),
            raised("KeyError", "Parent directory /out/ckpt does not exist."),
        ),
    ),
    "disk-not-permitted": Case(
        hits=(
            raised("PermissionError", "[Errno 1] Operation not permitted: '/data/x'"),
            raised("PermissionError", "[Errno 1] Operation not permitted: '/mnt/out/checkpoint-100'"),
        ),
        misses=(
            raised("PermissionError", "an earlier attempt said: [Errno 1] Operation not permitted: '/data/x'"),
            raised("KeyError", "[Errno 1] Operation not permitted: '/data/x'"),
        ),
    ),
    "disk-or-terminal-failed": Case(
        hits=(
            raised("OSError", "[Errno 5] Input/output error"),
            raised("OSError", "[Errno 5] Input/output error", modules=("tqdm.std",)),
        ),
        misses=(
            raised("OSError", "[Errno 5] Input/output error: '/mnt/x'"),
            raised("OSError", "log: [Errno 5] Input/output error"),
        ),
    ),
    "disk-nfs-busy": Case(
        hits=(
            raised("OSError", "[Errno 16] Device or resource busy: '.nfs00000000012345'"),
            raised("OSError", "[Errno 16] Device or resource busy: '/home/u/tmp/pymp-x/.nfs0000001'"),
        ),
        misses=(
            raised("OSError", "an earlier attempt said: [Errno 16] Device or resource busy: '.nfs00000000012345'"),
            raised("KeyError", "[Errno 16] Device or resource busy: '.nfs00000000012345'"),
        ),
    ),
    "checkpoint-rename-race": Case(
        hits=(
            raised(
                "FileNotFoundError",
                "[Errno 2] No such file or directory: '/out/tmp-checkpoint-500' -> '/out/checkpoint-500'",
            ),
            raised(
                "OSError", "[Errno 39] Directory not empty: '/scratch/tmp-checkpoint-500' -> '/scratch/checkpoint-500'"
            ),
        ),
        misses=(
            raised(
                "FileNotFoundError",
                (
                    "an earlier attempt said: [Errno 2] No such file or directory: '/out/tmp-checkpoint-500' -> "
                    "'/out/checkpoint-500'"
                ),
            ),
            raised(
                "KeyError", "[Errno 2] No such file or directory: '/out/tmp-checkpoint-500' -> '/out/checkpoint-500'"
            ),
        ),
    ),
    "disk-directory-not-empty": Case(
        hits=(
            raised("OSError", "[Errno 39] Directory not empty: '/scratch/ckpt/checkpoint-500'"),
            raised("OSError", "[Errno 39] Directory not empty: 'runs/a'"),
        ),
        misses=(
            raised(
                "OSError", "an earlier attempt said: [Errno 39] Directory not empty: '/scratch/ckpt/checkpoint-500'"
            ),
            raised("KeyError", "[Errno 39] Directory not empty: '/scratch/ckpt/checkpoint-500'"),
        ),
    ),
    "disk-file-exists": Case(
        hits=(
            raised("FileExistsError", "[Errno 17] File exists: '/out/checkpoint-100'"),
            raised("FileExistsError", "[Errno 17] File exists: 'runs/exp1'"),
        ),
        misses=(
            raised("FileExistsError", "an earlier attempt said: [Errno 17] File exists: '/out/checkpoint-100'"),
            raised("KeyError", "[Errno 17] File exists: '/out/checkpoint-100'"),
        ),
    ),
    "hdf5-locked": Case(
        hits=(
            raised(
                "OSError",
                "Unable to create file (unable to lock file, errno = 5, error message = 'Input/output error')",
            ),
            raised(
                "OSError",
                "Unable to create file (unable to lock file, errno = 524, error message = 'Unknown error 524')",
            ),
            raised(
                "BlockingIOError",
                (
                    "[Errno 11] Unable to synchronously open file (unable to lock file, errno = 11, error "
                    "message = 'Resource temporarily unavailable')"
                ),
            ),
            raised(
                "BlockingIOError",
                (
                    "[Errno 11] Unable to open file (unable to lock file, errno = 11, error message = 'Resource "
                    "temporarily unavailable')"
                ),
            ),
        ),
        misses=(
            raised("OSError", "Unable to create file (unable to truncate a file which is already open)"),
            raised(
                "BlockingIOError",
                (
                    "an earlier attempt said: [Errno 11] Unable to synchronously open file (unable to lock file, "
                    "errno = 11, error message = 'Resource temporarily unavailable')"
                ),
            ),
            raised(
                "KeyError",
                (
                    "[Errno 11] Unable to synchronously open file (unable to lock file, errno = 11, error "
                    "message = 'Resource temporarily unavailable')"
                ),
            ),
        ),
    ),
    "hdf5-cut-short": Case(
        hits=(
            raised(
                "OSError",
                (
                    "Unable to synchronously open file (truncated file: eof = 1048576, sblock->base_addr = 0, "
                    "stored_eof = 2097152)"
                ),
            ),
            raised("OSError", "Unable to open file (file signature not found)"),
        ),
        misses=(
            raised(
                "OSError",
                (
                    "an earlier attempt said: Unable to synchronously open file (truncated file: eof = 1048576, "
                    "sblock->base_addr = 0, stored_eof = 2097152)"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Unable to synchronously open file (truncated file: eof = 1048576, sblock->base_addr = 0, "
                    "stored_eof = 2097152)"
                ),
            ),
        ),
    ),
    "datasets-disk-space": Case(
        hits=(
            raised(
                "OSError",
                (
                    "Not enough disk space. Needed: 250.91 GiB (download: 75.1 GiB, generated: 175 GiB, "
                    "post-processed: Unknown size)"
                ),
            ),
            raised(
                "OSError",
                (
                    "Not enough disk space. Needed: Unknown size (download: Unknown size, generated: Unknown "
                    "size, post-processed: Unknown size)"
                ),
            ),
        ),
        misses=(
            raised(
                "OSError",
                (
                    "an earlier attempt said: Not enough disk space. Needed: 250.91 GiB (download: 75.1 GiB, "
                    "generated: 175 GiB, post-processed: Unknown size)"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Not enough disk space. Needed: 250.91 GiB (download: 75.1 GiB, generated: 175 GiB, "
                    "post-processed: Unknown size)"
                ),
            ),
        ),
    ),
    "sqlite-disk-full": Case(
        hits=(
            raised("sqlite3.OperationalError", "database or disk is full"),
            raised(
                "sqlalchemy.exc.OperationalError",
                (
                    "(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT INTO metrics]\ndatabase or "
                    "disk is full"
                ),
            ),
        ),
        misses=(
            raised("ValueError", "database or disk is full"),
            raised("sqlite3.OperationalError", "database is locked"),
        ),
    ),
    "sqlite-locked": Case(
        hits=(
            raised("sqlite3.OperationalError", "database is locked"),
            raised(
                "sqlalchemy.exc.OperationalError",
                "(sqlite3.OperationalError) database is locked\n[SQL: UPDATE trials SET state=?]",
            ),
        ),
        misses=(
            raised("sqlite3.OperationalError", "an earlier attempt said: database is locked"),
            raised("KeyError", "database is locked"),
        ),
    ),
    "save-file-refused": Case(
        hits=(
            raised("RuntimeError", "File my_out/checkpoints/checkpoint_0.pt cannot be opened."),
            raised("RuntimeError", "[enforce fail at inline_container.cc:672] . File /data/model.pt cannot be opened."),
        ),
        misses=(
            raised("OSError", "File /data/model.pt cannot be opened."),
            raised("RuntimeError", "The File /data/model.pt cannot be opened."),
            raised("RuntimeError", "Parent directory /data/run does not exist."),
        ),
    ),
    "hdf5-file-missing": Case(
        hits=(
            raised(
                "FileNotFoundError",
                "[Errno 2] Unable to synchronously open file (unable to open file: name = 'data/train.h5', errno = 2, error "
                "message = 'No such file or directory', flags = 0, o_flags = 0)",
            ),
            raised(
                "OSError",
                "Unable to open file (unable to open file: name = 'data/train.h5', errno = 2, error message = 'No such file or "
                "directory', flags = 0, o_flags = 0)",
            ),
        ),
        misses=(
            raised(
                "OSError", "Unable to open file (unable to open file: name = 'data/train.h5', errno = 21, error message"
            ),
            raised(
                "OSError", "Unable to create file (unable to open file: name = 'a/b.h5', errno = 2, error message = 'No"
            ),
        ),
    ),
    "hdf5-directory-missing": Case(
        hits=(
            raised(
                "OSError",
                "Unable to create file (unable to open file: name = 'models/weights_01-0.8518.hdf5', errno = 2, error message "
                "= 'No such file or directory', flags = 13, o_flags = 242)",
            ),
            raised(
                "FileNotFoundError",
                "[Errno 2] Unable to synchronously create file (unable to open file: name = 'out/a.h5', errno = 2, error "
                "message = 'No such file or directory', flags = 13, o_flags = 242)",
            ),
        ),
        misses=(
            raised(
                "OSError", "Unable to open file (unable to open file: name = 'data/train.h5', errno = 2, error message"
            ),
            raised(
                "OSError",
                "Unable to create file (unable to open file: name = 'test', errno = 17, error message = 'File",
            ),
        ),
    ),
    "lmdb-map-full": Case(
        hits=(
            raised("lmdb.MapFullError", "mdb_put: MDB_MAP_FULL: Environment mapsize limit reached"),
            raised("lmdb.MapFullError", "mdb_txn_commit: MDB_MAP_FULL: Environment mapsize limit reached"),
        ),
        misses=(
            raised("lmdb.DbsFullError", "mdb_dbi_open: MDB_DBS_FULL: Environment maxdbs limit reached"),
            raised("ValueError", "mdb_put: MDB_MAP_FULL: Environment mapsize limit reached"),
        ),
    ),
    "lmdb-readers-full": Case(
        hits=(
            raised("lmdb.ReadersFullError", "mdb_txn_begin: MDB_READERS_FULL: Environment maxreaders limit reached"),
            raised("lmdb.ReadersFullError", "mdb_cursor_open: MDB_READERS_FULL: Environment maxreaders limit reached"),
        ),
        misses=(
            raised("lmdb.MapFullError", "mdb_put: MDB_MAP_FULL: Environment mapsize limit reached"),
            raised("ValueError", "mdb_txn_begin: MDB_READERS_FULL: Environment maxreaders limit reached"),
        ),
    ),
    "checkpoint-archive-kind": Case(
        hits=(
            raised(
                "RuntimeError",
                "Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``. In PyTorch 2.6, we changed",
            ),
            raised(
                "RuntimeError",
                "Cannot use ``weights_only=True`` with files saved in the legacy .tar format. In PyTorch",
            ),
        ),
        misses=(
            raised(
                "ValueError", "Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``."
            ),
            raised("RuntimeError", "Cannot use weights_only here"),
        ),
    ),
    "safetensors-not-written": Case(
        hits=(
            raised(
                "safetensors_rust.SafetensorError",
                'Error while serializing: IoError(Os { code: 30, kind: ReadOnlyFilesystem, message: "Read-only file system" })',
            ),
            raised(
                "safetensors_rust.SafetensorError",
                "Error while serializing: I/O error: Permission denied (os error 13)",
            ),
        ),
        misses=(
            raised(
                "safetensors_rust.SafetensorError",
                "Error while serializing: I/O error: No space left on device (os error 28)",
            ),
            raised("OSError", "Error while serializing: I/O error: Permission denied (os error 13)"),
            raised("safetensors_rust.SafetensorError", "Error while serializing: InvalidTensorView(F32, [2], 4)"),
        ),
    ),
}
