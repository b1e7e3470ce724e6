"""Processes that crash or are refused without a Python error."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "openmp-twice",
        Advice(
            "two copies of the OpenMP library are loaded (libiomp5), as by conda's MKL and pip's torch",
            (
                "install numpy and torch from one source (all pip or all conda)",
                "KMP_DUPLICATE_LIB_OK=TRUE only hides it: the run may then crash, or compute wrong numbers",
            ),
        ),
        Advice(
            "加载了两份 OpenMP 库（libiomp5），例如 conda 的 MKL 与 pip 的 torch",
            (
                "numpy 和 torch 用同一来源安装（都用 pip 或都用 conda）",
                "KMP_DUPLICATE_LIB_OK=TRUE 只是掩盖问题：之后可能崩溃，或算出错误的结果",
            ),
        ),
        "https://github.com/pytorch/pytorch/issues/13806",
        printed=("OMP: Error #15: Initializing ",),
    ),
    Rule(
        "mkl-threading",
        Advice(
            "MKL and OpenMP of different makers were loaded, as torch and NumPy come from different sources",
            ("export MKL_THREADING_LAYER=GNU (or MKL_SERVICE_FORCE_INTEL=1), or import numpy before torch",),
        ),
        Advice(
            "加载了不同厂家的 MKL 和 OpenMP，因为 torch 与 NumPy 来源不同",
            ("export MKL_THREADING_LAYER=GNU（或 MKL_SERVICE_FORCE_INTEL=1），或先 import numpy 再 import torch",),
        ),
        "https://github.com/pytorch/pytorch/issues/37377",
        printed=("Error: mkl-service + Intel(R) MKL: MKL_THREADING_LAYER=INTEL is incompatible with ",),
    ),
    Rule(
        "mkl-library-missing",
        Advice(
            "a part of MKL cannot be loaded: it is of another version, or was removed",
            (
                (
                    "conda install --force-reinstall mkl numpy; or pip install --force-reinstall numpy torch in "
                    "a new environment"
                ),
            ),
        ),
        Advice(
            "MKL 的某个部分无法加载：版本不同或被删除",
            ("conda install --force-reinstall mkl numpy；或在新环境里 pip install --force-reinstall numpy torch",),
        ),
        "https://www.intel.com/content/www/us/en/docs/onemkl/developer-guide-linux/current/overview.html",
        printed=(
            "Intel MKL FATAL ERROR: ",
            "INTEL MKL ERROR: ",
            "Intel oneMKL FATAL ERROR: ",
        ),
    ),
    Rule(
        "python-module-missing",
        Advice(
            "the Python that was started does not have the module {name}: another environment, or not installed",
            (
                (
                    "print `which python` in the job's script, and activate the environment there; python -m pip "
                    "show {name}"
                ),
            ),
        ),
        Advice(
            "启动的 Python 里没有模块 {name}：环境不对，或没有安装",
            ("在作业脚本里打印 `which python` 并激活环境；python -m pip show {name}",),
        ),
        "https://docs.python.org/3/using/cmdline.html#cmdoption-m",
        printed=(
            "{:word}: No module named {name:word}",
            "{:word}: Error while finding module specification for '{name:word}'",
        ),
    ),
    Rule(
        "python-script-missing",
        Advice(
            "there is no script {path} where the command looks for it",
            (("give an absolute path, or cd to the project first; in Slurm a job starts in the directory of sbatch"),),
        ),
        Advice(
            "命令指定的位置没有脚本 {path}",
            ("使用绝对路径，或先 cd 到项目目录；Slurm 作业从 sbatch 所在目录启动",),
        ),
        "https://docs.python.org/3/using/cmdline.html",
        printed=("{:word}: can't open file {path}: [Errno 2] No such file or directory",),
    ),
    Rule(
        "slurm-launch-failed",
        Advice(
            "SLURM could not start the task on {node}: {why}",
            (
                (
                    "start the job anew without that node (--exclude={node}), and tell the administrator: clock, "
                    "munge or slurmd there"
                ),
            ),
        ),
        Advice(
            "SLURM 无法在 {node} 上启动任务：{why}",
            ("排除该节点重新提交（--exclude={node}），并告知管理员：那里的时钟、munge 或 slurmd",),
        ),
        "https://slurm.schedmd.com/troubleshoot.html",
        printed=(
            "srun: error: Task launch for {:word} failed on node {node:word}: {why}",
            "srun: error: Task launch for StepId={:word} failed on node {node:word}: {why}",
        ),
    ),
    Rule(
        "slurm-account",
        Advice(
            "SLURM refuses the job: this account, partition or QOS is not one that you may use",
            ("sacctmgr show assoc user=$USER lists what you may use; set --account, --partition and --qos",),
        ),
        Advice(
            "SLURM 拒绝该作业：account、partition 或 QOS 不在你的权限内",
            ("用 sacctmgr show assoc user=$USER 查看；设置 --account、--partition、--qos",),
        ),
        "https://slurm.schedmd.com/sbatch.html",
        printed=(
            ("srun: error: Unable to allocate resources: Invalid account or account/partition combination specified"),
            "srun: error: Unable to allocate resources: Invalid partition name specified",
            "srun: error: Unable to allocate resources: Invalid qos specification",
            "srun: error: Unable to allocate resources: User's group not permitted to use this partition",
            ("srun: error: Batch job submission failed: Invalid account or account/partition combination specified"),
            "srun: error: Batch job submission failed: Invalid partition name specified",
            "srun: error: Batch job submission failed: Invalid qos specification",
            "srun: error: Batch job submission failed: User's group not permitted to use this partition",
            ("srun: error: Job submit/allocate failed: Invalid account or account/partition combination specified"),
            "srun: error: Job submit/allocate failed: Invalid partition name specified",
            "srun: error: Job submit/allocate failed: Invalid qos specification",
            "srun: error: Job submit/allocate failed: User's group not permitted to use this partition",
            ("sbatch: error: Unable to allocate resources: Invalid account or account/partition combination specified"),
            "sbatch: error: Unable to allocate resources: Invalid partition name specified",
            "sbatch: error: Unable to allocate resources: Invalid qos specification",
            "sbatch: error: Unable to allocate resources: User's group not permitted to use this partition",
            ("sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified"),
            "sbatch: error: Batch job submission failed: Invalid partition name specified",
            "sbatch: error: Batch job submission failed: Invalid qos specification",
            "sbatch: error: Batch job submission failed: User's group not permitted to use this partition",
            ("sbatch: error: Job submit/allocate failed: Invalid account or account/partition combination specified"),
            "sbatch: error: Job submit/allocate failed: Invalid partition name specified",
            "sbatch: error: Job submit/allocate failed: Invalid qos specification",
            "sbatch: error: Job submit/allocate failed: User's group not permitted to use this partition",
            ("salloc: error: Unable to allocate resources: Invalid account or account/partition combination specified"),
            "salloc: error: Unable to allocate resources: Invalid partition name specified",
            "salloc: error: Unable to allocate resources: Invalid qos specification",
            "salloc: error: Unable to allocate resources: User's group not permitted to use this partition",
            ("salloc: error: Batch job submission failed: Invalid account or account/partition combination specified"),
            "salloc: error: Batch job submission failed: Invalid partition name specified",
            "salloc: error: Batch job submission failed: Invalid qos specification",
            "salloc: error: Batch job submission failed: User's group not permitted to use this partition",
            ("salloc: error: Job submit/allocate failed: Invalid account or account/partition combination specified"),
            "salloc: error: Job submit/allocate failed: Invalid partition name specified",
            "salloc: error: Job submit/allocate failed: Invalid qos specification",
            "salloc: error: Job submit/allocate failed: User's group not permitted to use this partition",
        ),
    ),
    Rule(
        "text-surrogates",
        Advice(
            "a text holds bytes that were no UTF-8 (a file name or an argument), and is now written as UTF-8",
            (
                (
                    "set LANG=C.UTF-8 and PYTHONUTF8=1; rename the file; or write with errors='surrogateescape' "
                    "or 'replace'"
                ),
            ),
        ),
        Advice(
            "文本里含有不是 UTF-8 的字节（文件名或参数），现在要按 UTF-8 写出",
            ("设 LANG=C.UTF-8 和 PYTHONUTF8=1；重命名文件；或写入时用 errors='surrogateescape'、'replace'",),
        ),
        "https://peps.python.org/pep-0383/",
        says=("'utf-8' codec can't encode character{}: surrogates not allowed",),
        types=("UnicodeEncodeError",),
    ),
    Rule(
        "slurm-container",
        Advice(
            "SLURM could not start the container (pyxis): the error of enroot stands above this line",
            ("usual: no ./ or / before the .sqsh, no right to pull the image, or no room for it on the node",),
        ),
        Advice(
            "SLURM 无法启动容器（pyxis）：enroot 的报错在这一行上面",
            ("常见原因：.sqsh 路径前没有 ./ 或 /、无权拉取镜像、节点上空间不足",),
        ),
        "https://github.com/NVIDIA/pyxis/issues/127",
        printed=(
            "slurmstepd: error: pyxis: couldn't start container",
            "slurmstepd: error: pyxis: failed to import docker image",
        ),
    ),
    Rule(
        "segfault-shown",
        Advice(
            "native code crashed; the output shows at which line of Python",
            (
                "look below 'Current thread' in the output: its first line is the call that crashed",
                "reinstall the compiled package of that call for this torch and CUDA",
            ),
        ),
        Advice(
            "原生代码崩溃；输出指出了是哪一行 Python 代码",
            (
                "看输出里 'Current thread' 下面：第一行就是崩溃的调用",
                "为当前的 torch 和 CUDA 重新安装这个调用所属的编译包",
            ),
        ),
        "https://docs.python.org/3/library/faulthandler.html",
        printed=("Fatal Python error: Segmentation fault",),
        signals=("SIGSEGV",),
    ),
)
