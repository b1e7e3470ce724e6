"""Disks and file systems."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_ERRNO = "https://man7.org/linux/man-pages/man3/errno.3.html"
_WRITER = "[enforce fail at {}inline_container.cc:{:int}] . "


def _hdf5(code: int) -> str:
    """How HDF5 says it, within a text of its own, as (unable to open file: name = 'a.h5', errno = 28, ...)."""
    return f"{{}}errno = {code}, error message = '"


RULES: tuple[Rule, ...] = (
    Rule(
        "disk-quota",
        Advice(
            "your disk quota is used up: nothing more can be written there",
            (
                "see the usage: `quota -s`, on Lustre `lfs quota -h -u $USER PATH`; count the files, too (inodes)",
                "delete old checkpoints, and keep fewer: save_total_limit in transformers, save_top_k in Lightning",
                "move caches off the home directory: HF_HOME, TORCH_HOME, PIP_CACHE_DIR, TMPDIR",
            ),
        ),
        Advice(
            "磁盘配额（quota）已用完，无法继续写入",
            (
                "查看用量：`quota -s`，Lustre 用 `lfs quota -h -u $USER PATH`；注意文件数（inode）也有配额",
                "删除旧 checkpoint 并减少保留数量：transformers 的 save_total_limit，Lightning 的 save_top_k",
                "把缓存移出家目录：HF_HOME、TORCH_HOME、PIP_CACHE_DIR、TMPDIR",
            ),
        ),
        _ERRNO,
        says=(
            "[Errno 122] Disk quota exceeded",
            _hdf5(122),
            "write(): fd {:int} failed with Disk quota exceeded",
            "Error while serializing: I/O error: Disk quota exceeded (os error 122)",
            "Error while serializing: IoError(Os { code: 122,",
        ),
        types=("OSError", "RuntimeError", "SafetensorError"),
    ),
    Rule(
        "inotify-limit",
        Advice(
            "the limit of watched files (inotify) is reached: the disk is not full",
            ("raise it: sysctl fs.inotify.max_user_watches=524288 (as root), or watch fewer directories",),
        ),
        Advice(
            "监视的文件数（inotify）已达上限，并不是磁盘已满",
            ("调大上限：sysctl fs.inotify.max_user_watches=524288（需 root），或减少监视的目录",),
        ),
        "https://man7.org/linux/man-pages/man7/inotify.7.html",
        says=("[Errno 28] inotify watch limit reached", "[Errno 28] No space left on device"),
        types=("OSError",),
        modules=("watchdog", "inotify", "pyinotify", "asyncinotify"),
    ),
    Rule(
        "disk-full",
        Advice(
            "the disk is full (or has no inodes left): nothing more can be written there",
            (
                "check `df -h PATH` and `df -i PATH` for the output directory, and for TMPDIR and HF_HOME",
                "delete old checkpoints, and keep fewer: save_total_limit in transformers, save_top_k in Lightning",
            ),
        ),
        Advice(
            "磁盘已满（或 inode 用尽），无法继续写入",
            (
                "对输出目录、TMPDIR 和 HF_HOME 检查 `df -h PATH` 与 `df -i PATH`",
                "删除旧 checkpoint 并减少保留数量：transformers 的 save_total_limit，Lightning 的 save_top_k",
            ),
        ),
        _ERRNO,
        says=(
            "[Errno 28] No space left on device",
            _hdf5(28),
            "mdb_{:word}: No space left on device",  # of LMDB
            "Data processing error: {}No space left on device (os error 28)",  # of Xet, the storage of the Hub
            "IO error: No space left on device: ",  # of RocksDB
            "write(): fd {:int} failed with No space left on device",
            "Error while serializing: I/O error: No space left on device (os error 28)",
            "Error while serializing: IoError(Os { code: 28, kind: StorageFull",
        ),
        types=("OSError", "RuntimeError", "SafetensorError", "DiskError", "RocksIOError"),
    ),
    Rule(
        "disk-checkpoint-not-written",
        Advice(
            "torch.save could not write the whole file: most often the disk or the quota is full",
            (
                "check `df -h`, `df -i` and `quota -s` for the output directory",
                "delete the unfinished file: it cannot be loaded; then resume from the checkpoint before it",
            ),
        ),
        Advice(
            "torch.save 没能写完文件：多数情况是磁盘已满或超出配额",
            (
                "对输出目录检查 `df -h`、`df -i` 和 `quota -s`",
                "删除未写完的文件（它无法加载），从上一个 checkpoint 恢复",
            ),
        ),
        "https://github.com/pytorch/pytorch/blob/main/caffe2/serialize/inline_container.cc",
        says=(
            _WRITER + "PytorchStreamWriter failed writing {}: file write failed",
            _WRITER + "unexpected pos {:int} vs {:int}",
            "PytorchStreamWriter failed writing {}: file write failed",
            "basic_ios::clear: iostream error",
            "unexpected pos {:int} vs {:int}",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "disk-file-too-large",
        Advice(
            "the file would be larger than allowed: by `ulimit -f`, or by the file system (FAT has 4 GB at most)",
            (
                "check `ulimit -f`, and `df -T PATH` for the type of the file system",
                "write smaller pieces: max_shard_size in save_pretrained, or a sharded checkpoint",
            ),
        ),
        Advice(
            "文件超出允许的大小：受 `ulimit -f` 或文件系统限制（FAT 最大 4 GB）",
            (
                "检查 `ulimit -f`，并用 `df -T PATH` 查看文件系统类型",
                "分片写入：save_pretrained 的 max_shard_size，或使用分片 checkpoint",
            ),
        ),
        "https://man7.org/linux/man-pages/man2/setrlimit.2.html",
        says=("[Errno 27] File too large",),
        types=("OSError",),
    ),
    Rule(
        "disk-read-only",
        Advice(
            "{path} is on a file system that can only be read",
            (
                "write elsewhere: change the output directory, or HF_HOME, TORCH_HOME, TMPDIR if it is a cache",
                "look at the mount: `findmnt -T PATH`; after errors of a disk the kernel makes it read-only (dmesg)",
            ),
        ),
        Advice(
            "{path} 所在的文件系统是只读的",
            (
                "写到别处：修改输出目录；若是缓存则设置 HF_HOME、TORCH_HOME、TMPDIR",
                "查看挂载：`findmnt -T PATH`；磁盘出错时内核会改为只读挂载（看 dmesg）",
            ),
        ),
        _ERRNO,
        says=(
            "[Errno 30] Read-only file system: {path}",
            "{}(unable to open file: name = '{path}', errno = 30, error message = '",
        ),
        types=("OSError",),
    ),
    Rule(
        "disk-stale-handle",
        Advice(
            "a file on network storage was replaced or deleted by another machine while this process had it open",
            (
                "let one rank alone write or delete it (caches, checkpoints), and the others wait at a barrier",
                "give each node its own cache on a local disk: HF_HOME, HF_DATASETS_CACHE, TRITON_CACHE_DIR",
                "if it stays, the directory must be mounted again on this node",
            ),
        ),
        Advice(
            "网络存储上的文件在打开期间被其他机器替换或删除",
            (
                "只让一个 rank 写入或删除（缓存、checkpoint），其他 rank 在 barrier 等待",
                "让每个节点使用本地盘上的缓存：HF_HOME、HF_DATASETS_CACHE、TRITON_CACHE_DIR",
                "若持续出现，需要在该节点重新挂载目录",
            ),
        ),
        _ERRNO,
        says=("[Errno 116] Stale file handle", "[Errno 116] Stale NFS file handle", _hdf5(116)),
        types=("OSError",),
    ),
    Rule(
        "disk-mount-gone",
        Advice(
            "the mount under {path} is gone: the FUSE process that served it (s3fs, gcsfuse, rclone, JuiceFS) died",
            (
                "mount it again: `fusermount -u MOUNTPOINT`, then the mount command",
                "look why it died: its log, and `dmesg` for the out-of-memory killer",
            ),
        ),
        Advice(
            "{path} 的挂载已失效：提供它的 FUSE 进程（s3fs、gcsfuse、rclone、JuiceFS）已退出",
            (
                "重新挂载：先 `fusermount -u MOUNTPOINT`，再执行挂载命令",
                "查明退出原因：看它的日志，并用 `dmesg` 检查 OOM killer",
            ),
        ),
        "https://github.com/moosefs/moosefs/issues/274",
        says=(
            "[Errno 107] Transport endpoint is not connected: '{path}'",
            "[Errno 103] Software caused connection abort: '{path}'",
        ),
        types=("OSError",),
    ),
    Rule(
        "disk-server-unreachable",
        Advice(
            "the storage server behind {path} did not answer, or dropped this node",
            (
                "check the mount on this node: `findmnt -T PATH`, `ls PATH`, and dmesg for nfs or lustre",
                "tell the storage's administrators, and start again from the last checkpoint",
            ),
        ),
        Advice(
            "{path} 背后的存储服务器没有响应，或已断开本节点",
            (
                "在该节点检查挂载：`findmnt -T PATH`、`ls PATH`，以及 dmesg 中 nfs、lustre 的记录",
                "联系存储管理员，之后从最近的 checkpoint 恢复",
            ),
        ),
        _ERRNO,
        says=(
            "[Errno 108] Cannot send after transport endpoint shutdown: '{path}'",
            "[Errno 110] Connection timed out: '{path}'",
            "[Errno 112] Host is down: '{path}'",
            "[Errno 121] Remote I/O error: '{path}'",
        ),
        types=("OSError",),
    ),
    Rule(
        "disk-input-output",
        Advice(
            "the storage under {path} failed: a bad disk, or a network file system with errors",
            (
                "read the kernel's log: `dmesg -T | tail -50`; try `cp` of the file to another disk",
                "fetch the file again to a healthy disk, and tell the administrators of the storage",
            ),
        ),
        Advice(
            "{path} 所在的存储出错：磁盘损坏，或网络文件系统异常",
            (
                "查看内核日志：`dmesg -T | tail -50`；试着用 `cp` 把文件复制到其他磁盘",
                "把文件重新放到正常的磁盘上，并联系存储管理员",
            ),
        ),
        _ERRNO,
        says=(
            "[Errno 5] Input/output error: '{path}'",
            ", filename = '{path}', file descriptor = {:int}, errno = 5, error message = '",
        ),
        types=("OSError",),
    ),
    Rule(
        "disk-no-locks",
        Advice(
            "the file system under a cache or a data file gives no file locks (as NFS without its lock service)",
            (
                "put the cache on a local disk: HF_HOME, HF_DATASETS_CACHE, TORCH_EXTENSIONS_DIR, TRITON_CACHE_DIR",
                "or ask for the lock service on this node (rpc.statd), or for the mount option local_lock=flock",
            ),
        ),
        Advice(
            "缓存或数据文件所在的文件系统不提供文件锁（例如 NFS 没有锁服务）",
            (
                "把缓存放到本地盘：HF_HOME、HF_DATASETS_CACHE、TORCH_EXTENSIONS_DIR、TRITON_CACHE_DIR",
                "或请管理员启用该节点的锁服务（rpc.statd），或加挂载选项 local_lock=flock",
            ),
        ),
        "https://github.com/huggingface/datasets/issues/6744",
        says=("[Errno 37] No locks available",),
        types=("OSError",),
    ),
    Rule(
        "disk-name-too-long",
        Advice(
            "a file's name is longer than the file system allows (255 bytes): often a run name made of all arguments",
            (
                "shorten the run's name or output directory; put the arguments into a file instead",
                "check that a text (JSON, a prompt) was not passed where a path is expected",
            ),
        ),
        Advice(
            "文件名超出文件系统上限（255 字节）：常因把全部参数拼进了运行名",
            (
                "缩短运行名或输出目录，把参数写进文件",
                "检查是否把一段文本（JSON、prompt）当成路径传入",
            ),
        ),
        "https://man7.org/linux/man-pages/man7/path_resolution.7.html",
        says=("[Errno 36] File name too long",),
        types=("OSError",),
    ),
    Rule(
        "disk-too-many-files",
        Advice(
            "the process has as many files and sockets open as it may (`ulimit -n`)",
            (
                "raise the limit before the start: `ulimit -n 65536`",
                "see what is open: `ls -l /proc/PID/fd`; close files after reading (with open(...))",
                "with DataLoader workers: torch.multiprocessing.set_sharing_strategy('file_system')",
            ),
        ),
        Advice(
            "进程打开的文件和 socket 达到上限（`ulimit -n`）",
            (
                "启动前调大上限：`ulimit -n 65536`",
                "查看打开了什么：`ls -l /proc/PID/fd`；读完及时关闭（with open(...)）",
                "使用 DataLoader worker 时：torch.multiprocessing.set_sharing_strategy('file_system')",
            ),
        ),
        "https://man7.org/linux/man-pages/man2/setrlimit.2.html",
        says=("[Errno 24] Too many open files", _hdf5(24)),
        types=("OSError",),
    ),
    Rule(
        "disk-permission",
        Advice(
            "the user of this process has no right to {path} (to read, write or execute it)",
            (
                "compare `id` with `ls -ld` of the path and of each directory above it",
                "write where you may: the output directory, HF_HOME, TORCH_HOME, TMPDIR; or let the owner give access",
                "files made by root in a container: start it with --user $(id -u):$(id -g), or chown them",
            ),
        ),
        Advice(
            "运行该进程的用户没有 {path} 的权限（读、写或执行）",
            (
                "对比 `id` 与该路径及其各级目录的 `ls -ld`",
                "改写到有权限的位置：输出目录、HF_HOME、TORCH_HOME、TMPDIR；或请所有者授权",
                "若文件由容器内的 root 创建：用 --user $(id -u):$(id -g) 启动容器，或用 chown 修改所有者",
            ),
        ),
        "https://man7.org/linux/man-pages/man7/path_resolution.7.html",
        says=(
            "[Errno 13] Permission denied: {path}",
            "{}(unable to open file: name = '{path}', errno = 13, error message = '",
        ),
        unless=("[Errno 13] Permission denied: '/dev/",),
        types=("PermissionError", "OSError"),
    ),
)
