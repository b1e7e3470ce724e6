"""Compilers and linkers, in the lines that they print."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_EXTENSION = "https://docs.pytorch.org/docs/stable/cpp_extension.html"
_STANDARD = (
    "{}#error C++17 or later compatible compiler is required to use ",
    "{}#error You need C++17 to compile PyTorch",
)
_PTX = ("ptxas{}: Unsupported .version {asked:number}; current version is '{known:number}'",)

RULES: tuple[Rule, ...] = (
    Rule(
        "extension-standard-old",
        Advice(
            "the package's build asks for an older C++ than this PyTorch needs (C++17)",
            ("take a newer release of the package, or put -std=c++17 in place of c++14 into its setup.py",),
        ),
        Advice(
            "该包的编译选项使用的 C++ 标准太旧，而当前 PyTorch 需要 C++17",
            ("换用该包的新版本，或把它 setup.py 里的 c++14 改成 -std=c++17",),
        ),
        "https://github.com/pytorch/pytorch/blob/v2.6.0/aten/src/ATen/ATen.h",
        says=_STANDARD,
        types=("RuntimeError",),
        printed=_STANDARD,
    ),
    Rule(
        "compile-header-missing",
        Advice(
            "the compiler did not find the header {header}",
            (
                "Python.h: install this Python's python3-dev; cu*.h: the CUDA toolkit, and CPATH=$CUDA_HOME/include",
                "if the source is a main.c or cuda_utils.c in /tmp, Triton compiles its helper: upgrading it may help",
            ),
        ),
        Advice(
            "编译器找不到头文件 {header}",
            (
                "Python.h：安装对应 Python 的 python3-dev；cu*.h：安装 CUDA toolkit，并设置 CPATH=$CUDA_HOME/include",
                "源文件若是 /tmp 下的 main.c 或 cuda_utils.c，是 Triton 在编译辅助模块：升级 Triton 也可能解决",
            ),
        ),
        _EXTENSION,
        printed=("{}: fatal error: {header:word}: No such file or directory",),
    ),
    Rule(
        "compile-library-missing",
        Advice(
            "the linker did not find the library {library}",
            ("for cuda set TRITON_LIBCUDA_PATH to the directory with libcuda.so; for others add it to LIBRARY_PATH",),
        ),
        Advice(
            "链接器找不到库 {library}",
            ("cuda：把 TRITON_LIBCUDA_PATH 设为 libcuda.so 所在目录；其他库：把其目录加入 LIBRARY_PATH",),
        ),
        _EXTENSION,
        printed=("{}ld: cannot find -l{library:word}",),
    ),
    Rule(
        "ptxas-older",
        Advice(
            "the ptxas that runs is too old: the code is PTX {asked}, and it knows {known}",
            ("let Triton or JAX use their own: unset TRITON_PTXAS_PATH, take older CUDAs out of PATH; or update",),
        ),
        Advice(
            "运行的 ptxas 太旧：代码是 PTX {asked}，它只支持到 {known}",
            ("让 Triton 或 JAX 用自带的：取消 TRITON_PTXAS_PATH，并从 PATH 中去掉旧的 CUDA；或升级 CUDA",),
        ),
        "https://docs.nvidia.com/cuda/parallel-thread-execution/#release-notes",
        says=_PTX,
        types=("RuntimeError", "PTXASError", "BackendCompilerFailed", "InductorError", "XlaRuntimeError"),
        printed=_PTX,
    ),
)
