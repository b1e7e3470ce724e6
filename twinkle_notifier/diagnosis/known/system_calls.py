"""What the system refused, and data that cannot be decompressed."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_ZLIB = "https://docs.python.org/3/library/zlib.html"
_DECOMPRESSING = ("Error -3 while decompressing data: ", "Error -3 while decompressing: ")

RULES: tuple[Rule, ...] = (
    Rule(
        "address-not-here",
        Advice(
            "a server was to listen on {address}, which is no address of this machine or container",
            (
                "listen on one of `hostname -I`, 127.0.0.1, or 0.0.0.0 for all; MASTER_ADDR is that of rank 0's node",
                "without IPv6, as in many containers, there is no ::1: name 127.0.0.1 in place of localhost",
            ),
        ),
        Advice(
            "要监听的地址 {address} 不是本机（或容器）的地址",
            (
                "监听 `hostname -I` 列出的地址、127.0.0.1，或用 0.0.0.0 监听全部；MASTER_ADDR 是 rank 0 所在节点的地址",
                "许多容器关闭了 IPv6，没有 ::1：把 localhost 写成 127.0.0.1",
            ),
        ),
        "https://github.com/abetlen/llama-cpp-python/issues/77",
        says=("[Errno 99] error while attempting to bind on address ({address}): cannot assign requested address",),
        types=("OSError",),
    ),
    Rule(
        "address-not-assigned",
        Advice(
            "a socket got no address: the one to listen on is not this machine's, or no local port is free to connect",
            (
                "listening: use one of `hostname -I`, or 0.0.0.0; MASTER_ADDR is the address of rank 0's node",
                "connecting to localhost in a container without IPv6: use 127.0.0.1",
                "thousands of connections: `ss -s` counts them",
            ),
        ),
        Advice(
            "socket 无法取得地址：要监听的不是本机地址，或已没有空闲的本地端口可用于连接",
            (
                "监听时：用 `hostname -I` 列出的地址或 0.0.0.0；MASTER_ADDR 是 rank 0 所在节点的地址",
                "在没有 IPv6 的容器里连接 localhost：改用 127.0.0.1",
                "连接数很多时：用 `ss -s` 查看",
            ),
        ),
        "https://man7.org/linux/man-pages/man7/ip.7.html",
        says=("[Errno 99] Cannot assign requested address", "[Errno 99] cannot assign requested address"),
        types=("OSError",),
    ),
    Rule(
        "arguments-too-long",
        Advice(
            "a process was to start with more arguments and environment than the kernel takes (128 KiB each)",
            (
                "write a long list, as one of files, into a file, and pass its path",
                "else a variable is long: env | awk '{print length, substr($0,1,30)}' | sort -n | tail",
                "many of them: raise the stack, of which they may take a quarter: ulimit -s 65536",
            ),
        ),
        Advice(
            "启动进程时参数和环境变量超过内核上限（单个 128 KiB）",
            (
                "把很长的列表（例如文件列表）写入文件，只传路径",
                "如果命令不长，则是某个环境变量太长：env | awk '{print length, substr($0,1,30)}' | sort -n | tail",
                "总量太大时调大栈（它们最多占四分之一）：ulimit -s 65536",
            ),
        ),
        "https://man7.org/linux/man-pages/man2/execve.2.html",
        says=("[Errno 7] Argument list too long",),
        types=("OSError",),
    ),
    Rule(
        "output-not-blocking",
        Advice(
            "standard output took no more, and was set not to block, often by another program of this terminal or job",
            (
                "write the output to a file: python train.py > train.log 2>&1",
                "or set it back before printing: os.set_blocking(1, True); os.set_blocking(2, True)",
            ),
        ),
        Advice(
            "标准输出已写满且处于非阻塞模式，通常是同一终端或作业里的其他程序设置的",
            (
                "把输出写入文件：python train.py > train.log 2>&1",
                "或在打印前改回来：os.set_blocking(1, True); os.set_blocking(2, True)",
            ),
        ),
        "https://github.com/unbit/uwsgi/issues/2622",
        says=(
            "[Errno 11] write could not complete without blocking",
            "[Errno 35] write could not complete without blocking",
        ),
        types=("BlockingIOError",),
    ),
    Rule(
        "storage-remote-error",
        Advice(
            "the server behind a mounted file system answered a read or write with an error (Remote I/O error)",
            (
                "check the mount on this node: `findmnt`, `ls PATH`, and dmesg for nfs, lustre or fuse",
                "tell the storage's administrators, and start again from the last checkpoint",
            ),
        ),
        Advice(
            "挂载的文件系统背后的服务器在读写时返回错误（Remote I/O error）",
            (
                "在该节点检查挂载：`findmnt`、`ls PATH`，以及 dmesg 中 nfs、lustre、fuse 的记录",
                "联系存储管理员，之后从最近的 checkpoint 恢复",
            ),
        ),
        "https://github.com/facebookresearch/detectron2/issues/1544",
        says=("[Errno 121] Remote I/O error",),
        unless=("[Errno 121] Remote I/O error: ",),
        types=("OSError",),
        modules=("torch", "PIL", "numpy", "cv2", "datasets", "h5py", "pandas", "pyarrow", "json", "pickle", "shutil"),
    ),
    Rule(
        "compressed-otherwise",
        Advice(
            "data is not compressed in the way that it is read: it is another format, or a downloaded error page",
            (
                "see with `file PATH` and `head -c 200 PATH` what it is, and fetch it again if it is HTML or text",
                "zlib.decompress reads no gzip or raw data: gzip.decompress, or wbits=zlib.MAX_WBITS | 32",
            ),
        ),
        Advice(
            "数据的压缩格式与读取方式不符：是别的格式，或下载到的是错误页面",
            (
                "用 `file PATH` 和 `head -c 200 PATH` 查看内容；如果是 HTML 或文本就重新下载",
                "zlib.decompress 不能读 gzip 或裸数据：用 gzip.decompress，或 wbits=zlib.MAX_WBITS | 32",
            ),
        ),
        _ZLIB,
        says=tuple(
            begin + why for begin in _DECOMPRESSING for why in ("incorrect header check", "unknown compression method")
        ),
        types=("error",),
    ),
    Rule(
        "compressed-damaged",
        Advice(
            "compressed data is damaged ({why}): a download or copy broke off, or the disk has errors",
            (
                "find the file in the traceback, and test it: gzip -t, unzip -t, or sha256sum against its source",
                "delete it, also from the cache, and fetch it again",
            ),
        ),
        Advice(
            "压缩数据已损坏（{why}）：下载或复制中断，或磁盘出错",
            (
                "从 traceback 找到该文件并检查：gzip -t、unzip -t，或用 sha256sum 与来源比对",
                "删除它（包括缓存中的）后重新下载",
            ),
        ),
        _ZLIB,
        says=(
            *(begin + "{why}" for begin in _DECOMPRESSING),
            "Error -5 while decompressing data: {why}",
        ),
        types=("error",),
    ),
    Rule(
        "port-needs-root",
        Advice(
            "port {port} is below 1024, and this user may not listen there",
            ("choose a port from 1024 to 65535: --master-port or --rdzv-endpoint, on all nodes the same",),
        ),
        Advice(
            "端口 {port} 小于 1024，当前用户无权监听",
            ("改用 1024 到 65535 之间的端口：--master-port 或 --rdzv-endpoint，所有节点一致",),
        ),
        "https://man7.org/linux/man-pages/man7/ip.7.html",
        says=(
            "{}port: {port:int}, useIpv6: {}, code: {:int}, name: EACCES",
            *(f"{{}}bind to {host}:{{port:int}} (errno: 13" for host in ("[::]", "0.0.0.0")),  # noqa: S104
            "[Errno 13] error while attempting to bind on address ('{}', {port:int}",
        ),
        types=("DistNetworkError", "RuntimeError", "OSError"),
        when=("port < 1024",),
    ),
    Rule(
        "port-out-of-range",
        Advice(
            "a port is larger than 65535: often it was computed from a job's or a user's number",
            ("keep it small, as MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))",),
        ),
        Advice(
            "端口号超过 65535：常见于用作业号或用户号计算端口",
            ("限制在范围内，例如 MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))",),
        ),
        "https://docs.python.org/3/library/socket.html",
        says=("{:word}(): port must be 0-65535", "{:word}: port must be 0-65535"),
        types=("OverflowError",),
    ),
    Rule(
        "system-files-limit",
        Advice(
            "the whole machine has as many files open as its kernel allows (fs.file-max)",
            ("see who holds them: `cat /proc/sys/fs/file-nr`, `lsof`; end left-over processes, or raise fs.file-max",),
        ),
        Advice(
            "整台机器打开的文件数已达内核上限（fs.file-max）",
            ("查看是谁占用：`cat /proc/sys/fs/file-nr`、`lsof | wc -l`；结束残留进程，或调大 fs.file-max",),
        ),
        "https://man7.org/linux/man-pages/man3/errno.3.html",
        says=("[Errno 23] Too many open files in system", "{}Too many open files in system (23)"),
        types=("OSError", "RuntimeError"),
    ),
    Rule(
        "temporary-directory-missing",
        Advice(
            "no directory for temporary files can be written: $TMPDIR and /tmp are missing, full or not this user's",
            ("check `df -h /tmp`, `ls -ld /tmp` and $TMPDIR on that node; set TMPDIR to a directory with room",),
        ),
        Advice(
            "没有可写的临时目录：$TMPDIR 和 /tmp 不存在、已满或无权写入",
            ("在该节点检查 `df -h /tmp`、`ls -ld /tmp` 和 $TMPDIR；把 TMPDIR 设为有空间的目录",),
        ),
        "https://docs.python.org/3/library/tempfile.html#tempfile.gettempdir",
        says=(
            "[Errno 2] No usable temporary directory found in [",
            "torch_shm_manager at {}: could not generate a random directory for manager socket",
        ),
        types=("FileNotFoundError", "RuntimeError"),
    ),
)
