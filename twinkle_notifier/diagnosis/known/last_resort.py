"""What is said when nothing more special holds."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "import-library-missing",
        Advice(
            (
                "the shared library {library} is not found on this node: its package is not installed, or "
                "not in the search path"
            ),
            (
                (
                    "install the package that brings it (apt-file search, conda install), or load its module "
                    "(module load)"
                ),
                "or add its directory to LD_LIBRARY_PATH, in the job's script too",
            ),
        ),
        Advice(
            "该节点上找不到动态库 {library}：没有安装对应的包，或不在搜索路径里",
            (
                "安装提供它的包（apt-file search、conda install），或加载 module（module load）",
                "或把其目录加入 LD_LIBRARY_PATH，作业脚本里也要加",
            ),
        ),
        "https://man7.org/linux/man-pages/man8/ld.so.8.html",
        says=("{library:word}: cannot open shared object file: No such file or directory",),
        types=(
            "ImportError",
            "OSError",
        ),
    ),
    Rule(
        "torch-name-missing",
        Advice(
            (
                "the installed PyTorch has no `torch.{name}`: its version does not fit the code that uses "
                "it, or the name is wrong"
            ),
            (
                (
                    "compare `python -c 'import torch; print(torch.__version__, torch.__file__)'` with what the "
                    "package in the traceback wants"
                ),
            ),
        ),
        Advice(
            "已安装的 PyTorch 没有 `torch.{name}`：版本与使用它的代码不匹配，或名字写错",
            ("对比 `python -c 'import torch; print(torch.__version__, torch.__file__)'` 与 traceback 中的包的要求",),
        ),
        "https://github.com/pytorch/pytorch/releases",
        says=(
            "module 'torch' has no attribute '{name:word}'",
            "module 'torch.library' has no attribute '{name:word}'",
            "module 'torch.nn' has no attribute '{name:word}'",
            "module 'torch.utils' has no attribute '{name:word}'",
            "module 'torch.cuda' has no attribute '{name:word}'",
            "module 'torch.distributed' has no attribute '{name:word}'",
            "module 'torch.amp' has no attribute '{name:word}'",
            "module 'torch.nn.functional' has no attribute '{name:word}'",
            "module 'torch._dynamo' has no attribute '{name:word}'",
            "module 'torch._inductor' has no attribute '{name:word}'",
            "module 'torch.backends' has no attribute '{name:word}'",
            "module 'torch.optim' has no attribute '{name:word}'",
            "module 'torch.utils._pytree' has no attribute '{name:word}'",
            "module 'torch.compiler' has no attribute '{name:word}'",
        ),
        types=("AttributeError",),
    ),
    Rule(
        "memory-of-python",
        Advice(
            (
                "Python itself got no memory for an object: the host memory, or the limit of the job or "
                "container, is used up"
            ),
            (
                "compare free -g, ulimit -v and the container's limit with what the process holds",
                (
                    "lower num_workers, read data in parts (mmap, Arrow, streaming), or ask for more memory "
                    "(--mem in Slurm)"
                ),
            ),
        ),
        Advice(
            "Python 无法为对象分配内存：主机内存、作业或容器的上限已用完",
            (
                "对比 free -g、ulimit -v、容器上限与进程占用",
                "调小 num_workers，分块读取数据（mmap、Arrow、streaming），或申请更多内存（Slurm 的 --mem）",
            ),
        ),
        "https://docs.python.org/3/library/exceptions.html#MemoryError",
        says=("",),
        types=("MemoryError",),
    ),
    Rule(
        "op-not-for-dtype",
        Advice(
            "this PyTorch has no {op} for {dtype} on this device",
            (
                "cast the input of this operation to float32 and its result back: op(x.float()).to(x.dtype)",
                "or upgrade torch: newer releases have more of them for bfloat16 and float16",
            ),
        ),
        Advice(
            "当前 PyTorch 在该设备上没有 {dtype} 的 {op}",
            (
                "把该运算的输入转成 float32，再把结果转回：op(x.float()).to(x.dtype)",
                "或升级 torch：新版本支持更多 bfloat16、float16 的运算",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/tensor_attributes.html",
        says=("\"{op:word}\" not implemented for '{dtype:word}'",),
        unless=(
            "\"{:word}\" not implemented for 'Long'",
            "\"{:word}\" not implemented for 'Int'",
            "\"{:word}\" not implemented for 'Byte'",
        ),
        types=(
            "RuntimeError",
            "NotImplementedError",
        ),
    ),
    Rule(
        "numpy-alias-gone",
        Advice(
            "the code uses an alias as np.float, np.int, np.bool or np.object, which NumPy 1.24 removed",
            (
                (
                    "write float, int, bool or np.float64; or upgrade the package in the traceback's last lines; "
                    "or pip install 'numpy<1.24'"
                ),
            ),
        ),
        Advice(
            "代码用了 np.float、np.int、np.bool、np.object 之类的别名，NumPy 1.24 已移除",
            ("改为 float、int、bool 或 np.float64；或升级 traceback 最后几行的包；或 pip install 'numpy<1.24'",),
        ),
        "https://numpy.org/doc/stable/release/1.24.0-notes.html",
        says=(
            "module 'numpy' has no attribute 'float'",
            "module 'numpy' has no attribute 'int'",
            "module 'numpy' has no attribute 'bool'",
            "module 'numpy' has no attribute 'object'",
            "module 'numpy' has no attribute 'str'",
            "module 'numpy' has no attribute 'complex'",
            "module 'numpy' has no attribute 'long'",
            "module 'numpy' has no attribute 'unicode'",
            "module 'numpy' has no attribute 'typeDict'",
        ),
        types=("AttributeError",),
    ),
    Rule(
        "segfault",
        Advice(
            "native code crashed: often an extension that was built for another torch or CUDA, or a driver",
            (
                "set PYTHONFAULTHANDLER=1 and start again: the output then names the line of Python that crashed",
                "reinstall what was compiled (flash-attn, apex, operators of your own) for this torch",
            ),
        ),
        Advice(
            "原生代码崩溃：常见原因是扩展针对其他 torch 或 CUDA 版本编译，或驱动有问题",
            (
                "设置 PYTHONFAULTHANDLER=1 重跑：输出会指出崩溃的那行 Python 代码",
                "为当前 torch 重新安装编译过的包（flash-attn、apex、自定义算子）",
            ),
        ),
        "https://docs.python.org/3/library/faulthandler.html",
        signals=("SIGSEGV",),
        when=("errors == 0",),
    ),
    Rule(
        "shm-bus-error",
        Advice(
            "the process died of a bus error: /dev/shm or the disk of a mapped file is full, or the file was cut",
            (
                "check `df -h /dev/shm` and the disk of memory-mapped data; in a container raise --shm-size",
                "make sure that no other process rewrites a data or checkpoint file while it is mapped",
            ),
        ),
        Advice(
            "进程因总线错误（SIGBUS）退出：/dev/shm 或映射文件所在磁盘已满，或文件被截短",
            (
                "检查 `df -h /dev/shm` 和映射文件所在磁盘；容器中调大 --shm-size",
                "确保映射期间没有其他进程改写该数据或 checkpoint 文件",
            ),
        ),
        "https://man7.org/linux/man-pages/man2/mmap.2.html",
        signals=("SIGBUS",),
        when=("errors == 0",),
    ),
    Rule(
        "build-other-cpu",
        Advice(
            "a binary used an instruction that this CPU lacks: most likely it was compiled for, or on, another machine",
            ("rebuild or reinstall it here", "clear the TORCHINDUCTOR_CACHE_DIR that nodes share"),
        ),
        Advice(
            "二进制用到了这颗 CPU 不支持的指令：很可能是在别的机器上编译的",
            ("在本机重新编译或安装", "清空节点间共享的编译缓存（TORCHINDUCTOR_CACHE_DIR）"),
        ),
        "https://man7.org/linux/man-pages/man7/signal.7.html",
        signals=("SIGILL",),
        when=("errors == 0",),
    ),
)
