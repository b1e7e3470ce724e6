"""Files on the disk and network storage."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_BEGINS = ("", "[Errno 2] ")

RULES: tuple[Rule, ...] = (
    Rule(
        "save-directory-missing",
        Advice(
            "the directory {path}, into which a file is to be saved, does not exist",
            ("create it first, on each node and rank that saves: os.makedirs(path, exist_ok=True)",),
        ),
        Advice(
            "要保存到的目录 {path} 不存在",
            ("先在每个要保存的节点和 rank 上创建：os.makedirs(path, exist_ok=True)",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.save.html",
        says=("Parent directory {path} does not exist.",),
        types=("RuntimeError",),
    ),
    Rule(
        "disk-not-permitted",
        Advice(
            "this user may not do that to {path}: another owner, or storage that refuses chmod, links or xattrs",
            (
                "see ls -ld of the file and its directory; write to a directory of your own",
                "mounted storage (CIFS, object stores, FUSE): copy without permissions (shutil.copyfile)",
            ),
        ),
        Advice(
            "该用户不能对 {path} 执行此操作：属主不同，或存储不支持 chmod、链接、xattr",
            (
                "查看文件及其目录的 ls -ld；写到自己的目录",
                "挂载的存储（CIFS、对象存储、FUSE）：复制时不带权限（shutil.copyfile）",
            ),
        ),
        "https://man7.org/linux/man-pages/man2/chmod.2.html",
        says=("[Errno 1] Operation not permitted: {path}",),
        types=("PermissionError",),
    ),
    Rule(
        "disk-or-terminal-failed",
        Advice(
            "a read or write failed: the storage has errors, or the terminal that the program prints to is gone",
            (
                "start it in tmux, or with nohup and output to a file, if the connection had closed",
                "else see dmesg -T for errors of disks and mounts, and tell your administrator",
            ),
        ),
        Advice(
            "读写失败：存储出错，或程序输出所在的终端已关闭",
            (
                "如果连接断开过：在 tmux 中启动，或用 nohup 并输出到文件",
                "否则查看 dmesg -T 中磁盘和挂载的错误，并联系管理员",
            ),
        ),
        "https://man7.org/linux/man-pages/man2/write.2.html",
        says=("[Errno 5] Input/output error",),
        unless=("[Errno 5] Input/output error: ",),
        types=("OSError",),
    ),
    Rule(
        "disk-nfs-busy",
        Advice(
            (
                "a file on NFS was deleted while a process still had it open ({path}), so its directory "
                "cannot be removed"
            ),
            ("point TMPDIR to local storage (/tmp); end left-over processes that hold it: lsof +D DIRECTORY",),
        ),
        Advice(
            "NFS 上的文件在仍被打开时删除（{path}），因此目录无法移除",
            ("把 TMPDIR 指到本地盘（/tmp）；结束占用它的残留进程：lsof +D 目录",),
        ),
        "https://nfs.sourceforge.net/#faq_d2",
        says=("[Errno 16] Device or resource busy: '{path}'",),
        types=("OSError",),
    ),
    Rule(
        "checkpoint-rename-race",
        Advice(
            "several ranks or nodes renamed the same temporary checkpoint directory at once",
            ("pip install -U transformers; with storage that all nodes share leave save_on_each_node=False",),
        ),
        Advice(
            "多个 rank 或节点同时重命名同一个临时 checkpoint 目录",
            ("pip install -U transformers；所有节点共享存储时保持 save_on_each_node=False",),
        ),
        "https://github.com/huggingface/transformers/issues/27925",
        says=(
            "[Errno 2] No such file or directory: '{}tmp-checkpoint-{}' -> '",
            "[Errno 39] Directory not empty: '{}tmp-checkpoint-",
        ),
        types=(
            "FileNotFoundError",
            "OSError",
        ),
    ),
    Rule(
        "disk-directory-not-empty",
        Advice(
            "{path} could not be removed or replaced: another process writes there, or NFS keeps open files",
            ("let one rank alone delete checkpoints; check that no two runs share an output directory",),
        ),
        Advice(
            "无法删除或替换 {path}：有其他进程在写入，或 NFS 上有未关闭的文件",
            ("只让一个 rank 删除 checkpoint；确认没有两个任务共用输出目录",),
        ),
        "https://man7.org/linux/man-pages/man2/rmdir.2.html",
        says=("[Errno 39] Directory not empty: {path}",),
        types=("OSError",),
    ),
    Rule(
        "disk-file-exists",
        Advice(
            "{path} exists already: most often another rank or an earlier run created it",
            (
                (
                    "os.makedirs(path, exist_ok=True), or create it on rank 0 alone; give each run its own "
                    "output directory"
                ),
            ),
        ),
        Advice(
            "{path} 已经存在：多为另一个 rank 或之前的任务创建",
            ("os.makedirs(path, exist_ok=True)，或只在 rank 0 创建；每个任务用自己的输出目录",),
        ),
        "https://docs.python.org/3/library/os.html#os.makedirs",
        says=("[Errno 17] File exists: {path}",),
        types=("FileExistsError",),
    ),
    Rule(
        "save-file-refused",
        Advice(
            "torch.save could not create {path}: no right to write there, a full disk or quota, or a directory's name",
            ("`touch PATH` on that node says why; then see `ls -ld`, `df -h`, `df -i`, `quota -s` of its directory",),
        ),
        Advice(
            "torch.save 无法创建 {path}：没有写权限、磁盘或配额已满，或该路径是目录",
            ("在该节点执行 `touch PATH` 看具体原因；再对其目录检查 `ls -ld`、`df -h`、`df -i` 和 `quota -s`",),
        ),
        "https://github.com/pytorch/pytorch/blob/main/caffe2/serialize/inline_container.cc",
        says=(
            "File {path} cannot be opened.",
            "[enforce fail at {}inline_container.cc:{:int}] . File {path} cannot be opened.",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "hdf5-file-missing",
        Advice(
            "there is no HDF5 file {path} on this node",
            ("paths count from the working folder of the process: name it whole, and try `ls -l` of it on that node",),
        ),
        Advice(
            "该节点上没有 HDF5 文件 {path}",
            ("相对路径以进程的工作目录为准：改用绝对路径，并在该节点上用 `ls -l` 确认",),
        ),
        "https://docs.h5py.org/en/stable/high/file.html",
        says=tuple(
            f"{begin}Unable to {{}}open file (unable to open file: name = '{{path}}', errno = 2," for begin in _BEGINS
        ),
        types=("OSError",),
    ),
    Rule(
        "hdf5-directory-missing",
        Advice(
            "the directory of {path}, an HDF5 file that is to be created, does not exist",
            ("create it before: os.makedirs(directory, exist_ok=True); look for a ':' or '/' in the file's name",),
        ),
        Advice(
            "要创建的 HDF5 文件 {path} 所在的目录不存在",
            ("先创建目录：os.makedirs(directory, exist_ok=True)；并检查文件名里是否混入了 ':' 或 '/'",),
        ),
        "https://github.com/h5py/h5py/issues/1900",
        says=tuple(
            f"{begin}Unable to {{}}create file (unable to open file: name = '{{path}}', errno = 2," for begin in _BEGINS
        ),
        types=("OSError",),
    ),
    Rule(
        "lmdb-map-full",
        Advice(
            "the LMDB database has reached its map_size: more does not fit",
            ("open it with a larger one: lmdb.open(path, map_size=1 << 40); it is a limit, not what the file takes",),
        ),
        Advice(
            "LMDB 数据库已达到 map_size 上限，无法再写入",
            ("打开时调大：lmdb.open(path, map_size=1 << 40)；这只是上限，不会立即占用磁盘",),
        ),
        "https://lmdb.readthedocs.io/en/release/#environment-class",
        says=("{:word}: MDB_MAP_FULL: Environment mapsize limit reached",),
        types=("MapFullError",),
    ),
    Rule(
        "lmdb-readers-full",
        Advice(
            "too many processes read the LMDB database at once: max_readers is 126 by default",
            ("open it read-only without locks: lmdb.open(path, readonly=True, lock=False); or raise max_readers",),
        ),
        Advice(
            "同时读取 LMDB 数据库的进程太多：max_readers 默认 126",
            ("只读且不加锁地打开：lmdb.open(path, readonly=True, lock=False)；或调大 max_readers",),
        ),
        "https://lmdb.readthedocs.io/en/release/#environment-class",
        says=("{:word}: MDB_READERS_FULL: Environment maxreaders limit reached",),
        types=("ReadersFullError",),
    ),
    Rule(
        "hdf5-locked",
        Advice(
            "the HDF5 file is locked: another process has it open, or the storage has no locks",
            (
                "end the process that writes it; readers: h5py.File(path, 'r', locking=False)",
                "on NFS or Lustre, if nobody writes the file: export HDF5_USE_FILE_LOCKING=FALSE",
            ),
        ),
        Advice(
            "HDF5 文件被锁：有其他进程打开了它，或存储不支持锁",
            (
                "结束正在写它的进程；读取时：h5py.File(path, 'r', locking=False)",
                "NFS、Lustre 上，确认没有进程写该文件时：export HDF5_USE_FILE_LOCKING=FALSE",
            ),
        ),
        "https://docs.h5py.org/en/stable/high/file.html",
        says=(
            "[Errno 11] Unable to {}open file (unable to lock file",
            "Unable to {}open file (unable to lock file",
            "[Errno {:int}] Unable to {}create file (unable to lock file",
            "Unable to {}create file (unable to lock file",
        ),
        types=(
            "BlockingIOError",
            "OSError",
        ),
    ),
    Rule(
        "hdf5-cut-short",
        Advice(
            "the HDF5 file is cut short or damaged: a save, copy or download of it was not finished",
            ("compare its size with the source's, and fetch or make it again; look for a full disk",),
        ),
        Advice(
            "HDF5 文件不完整或损坏：保存、复制或下载没有完成",
            ("与源文件比较大小，重新获取或生成；检查磁盘是否已满",),
        ),
        "https://docs.h5py.org/en/stable/faq.html",
        says=(
            "Unable to {}open file (truncated file: ",
            "Unable to {}open file (file signature not found)",
            "Unable to {}open file (bad superblock version number)",
        ),
        types=("OSError",),
    ),
    Rule(
        "datasets-disk-space",
        Advice(
            "the datasets package sees too little space on the disk of its cache: it needs {need}",
            (
                "put the cache on another disk: export HF_HOME or HF_DATASETS_CACHE; see df -h there",
                "if there is space enough (some network disks report none), pip install -U datasets",
            ),
        ),
        Advice(
            "datasets 认为缓存所在磁盘空间不足：需要 {need}",
            (
                "把缓存放到其他盘：export HF_HOME 或 HF_DATASETS_CACHE；在那里看 df -h",
                "如果空间足够（有些网络盘报告为 0），pip install -U datasets",
            ),
        ),
        "https://huggingface.co/docs/datasets/cache",
        says=("Not enough disk space. Needed: {need} (",),
        types=("OSError",),
    ),
    Rule(
        "sqlite-disk-full",
        Advice(
            "a SQLite database (of an experiment tracker or a cache) could not be written: the disk is full",
            ("see df -h of its directory, and delete old runs and checkpoints",),
        ),
        Advice(
            "SQLite 数据库（实验记录或缓存）无法写入：磁盘已满",
            ("查看其目录的 df -h，删除旧的任务和 checkpoint",),
        ),
        "https://www.sqlite.org/rescode.html#full",
        says=("database or disk is full",),
        types=("OperationalError",),
    ),
    Rule(
        "sqlite-locked",
        Advice(
            "a SQLite database is locked: several processes write to it, or it lies on network storage",
            (("let rank 0 alone write to it, and put it on local storage; Optuna and MLflow: use a server database"),),
        ),
        Advice(
            "SQLite 数据库被锁：多个进程同时写，或位于网络存储",
            ("只让 rank 0 写入，并放到本地盘；Optuna、MLflow 请用服务端数据库",),
        ),
        "https://www.sqlite.org/rescode.html#busy",
        says=(
            "database is locked",
            "(sqlite3.OperationalError) database is locked",
        ),
        types=("OperationalError",),
    ),
    Rule(
        "checkpoint-archive-kind",
        Advice(
            "the file is a TorchScript archive, or of torch before 1.6 (.tar), which weights_only=True cannot read",
            ("if you trust the file: torch.load(path, weights_only=False); for TorchScript torch.jit.load(path)",),
        ),
        Advice(
            "该文件是 TorchScript 归档，或 torch 1.6 之前的 .tar 格式，weights_only=True 无法读取",
            ("信任该文件时：torch.load(path, weights_only=False)；TorchScript 用 torch.jit.load(path)",),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.load.html",
        says=("Cannot use ``weights_only=True`` with ",),
        types=("RuntimeError",),
    ),
    Rule(
        "safetensors-not-written",
        Advice(
            "safetensors could not write its file: {why}",
            ("try it on that node: `touch` a file in the output directory; `findmnt -T` shows how it is mounted",),
        ),
        Advice(
            "safetensors 无法写入文件：{why}",
            ("在该节点上手动测试：在输出目录里 `touch` 一个文件；用 `findmnt -T` 查看挂载方式",),
        ),
        "https://huggingface.co/docs/safetensors/index#format",
        says=(
            "Error while serializing: I/O error: {why} (os error {code:int})",
            'Error while serializing: IoError(Os { code: {code:int}, kind: {}, message: "{why}" })',
        ),
        types=("SafetensorError",),
    ),
)
