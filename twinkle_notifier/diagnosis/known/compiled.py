"""Extensions that are compiled where they run, and attention kernels that do not fit."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_EXTENSION = "https://docs.pytorch.org/docs/stable/cpp_extension.html"
_DEEPSPEED = "https://www.deepspeed.ai/tutorials/advanced-install/"
_NVCC = "https://docs.nvidia.com/cuda/cuda-installation-guide-linux/#host-compiler-support-policy"
_XFORMERS = "https://github.com/facebookresearch/xformers#installing-xformers"
_RUNTIME = ("RuntimeError",)
_NO_KERNEL = "No operator found for `memory_efficient_attention_{}` with inputs:"
_INSTALLED = "The current installed version of {name:word} ({version}) is "

RULES: tuple[Rule, ...] = (
    Rule(
        "extension-ninja-missing",
        Advice(
            "an extension must be compiled, and ninja is not found",
            ("pip install ninja, and have its directory in PATH (`ninja --version` must work in the job)",),
        ),
        Advice(
            "需要编译扩展，但找不到 ninja",
            ("pip install ninja，并确保它所在目录在 PATH 中（作业里能运行 `ninja --version`）",),
        ),
        _EXTENSION,
        says=("Ninja is required to load C++ extensions", "Unable to JIT load the {:word} op due to ninja not being"),
        types=_RUNTIME,
    ),
    Rule(
        "extension-compiler-too-new",
        Advice(
            "nvcc of this CUDA takes gcc up to {most} only, and the system's is newer",
            ("install gcc-{most} and g++-{most}, and set CC, CXX and CUDAHOSTCXX to them", "or use a newer CUDA"),
        ),
        Advice(
            "该 CUDA 的 nvcc 最高只支持 gcc {most}，而系统的 gcc 更新",
            ("安装 gcc-{most} 和 g++-{most}，并把 CC、CXX、CUDAHOSTCXX 指向它们", "或换用更新的 CUDA"),
        ),
        _NVCC,
        says=("{}error: #error -- unsupported GNU version! gcc versions later than {most:int} are not supported!",),
        types=_RUNTIME,
        printed=("{}error: #error -- unsupported GNU version! gcc versions later than {most:int} are not supported!",),
    ),
    Rule(
        "extension-compiler-version",
        Advice(
            "the C++ compiler ({version}) does not fit this CUDA toolkit, so the extension cannot be compiled",
            ("install a g++ that the CUDA version allows (the error names it), and set CC and CXX to it",),
        ),
        Advice(
            "C++ 编译器（{version}）与当前 CUDA toolkit 不匹配，无法编译扩展",
            ("安装该 CUDA 支持的 g++ 版本（报错中有说明），并把 CC、CXX 指向它",),
        ),
        _EXTENSION,
        says=(
            _INSTALLED + "greater than the maximum required version by CUDA",
            _INSTALLED + "less than the minimum required version by CUDA",
        ),
        types=_RUNTIME,
    ),
    Rule(
        "extension-nvcc-missing",
        Advice(
            "the extension must be compiled, and nvcc is not where CUDA_HOME says",
            ("install the CUDA toolkit of torch.version.cuda, and set CUDA_HOME to it", "or take a -devel image"),
        ),
        Advice(
            "需要编译扩展，但 CUDA_HOME 下没有 nvcc",
            ("安装与 torch.version.cuda 一致的 CUDA toolkit 并设置 CUDA_HOME", "或改用带 -devel 的镜像"),
        ),
        _EXTENSION,
        says=("/bin/sh: {}nvcc: not found", "/bin/sh: {}nvcc: No such file or directory"),
        types=_RUNTIME,
    ),
    Rule(
        "extension-arch-unknown",
        Advice(
            "nvcc does not know {arch}: the CUDA toolkit is older than the GPU",
            ("install a toolkit that knows this GPU, and set CUDA_HOME to it", "or lower TORCH_CUDA_ARCH_LIST"),
        ),
        Advice(
            "nvcc 不认识 {arch}：CUDA toolkit 比 GPU 旧",
            ("安装支持这张 GPU 的 toolkit 并设置 CUDA_HOME", "或调低 TORCH_CUDA_ARCH_LIST"),
        ),
        _EXTENSION,
        says=("nvcc fatal{}: Unsupported gpu architecture '{arch:word}'",),
        types=_RUNTIME,
        printed=("nvcc fatal{}: Unsupported gpu architecture '{arch:word}'",),
    ),
    Rule(
        "extension-header-missing",
        Advice(
            "the extension could not be compiled: the header {header} is missing",
            (
                "Python.h: install this Python's python3-dev; cu*.h: install the whole CUDA toolkit, or a -devel image",
                "then delete ~/.cache/torch_extensions, and start again",
            ),
        ),
        Advice(
            "扩展编译失败：缺少头文件 {header}",
            (
                "Python.h：安装对应 Python 的 python3-dev；cu*.h：安装完整的 CUDA toolkit 或用 -devel 镜像",
                "然后删除 ~/.cache/torch_extensions 再启动",
            ),
        ),
        _EXTENSION,
        says=("{}fatal error: {header:word}: No such file or directory",),
        also=("Error building extension '",),
        types=_RUNTIME,
    ),
    Rule(
        "extension-library-missing",
        Advice(
            "the extension could not be linked: the library {library} is not found",
            ("put the CUDA toolkit's lib64 in LIBRARY_PATH, or link the library there (lib{library}.so)",),
        ),
        Advice(
            "扩展链接失败：找不到库 {library}",
            ("把 CUDA toolkit 的 lib64 加入 LIBRARY_PATH，或在其中建立 lib{library}.so 链接",),
        ),
        _EXTENSION,
        says=("{}ld: cannot find -l{library:word}",),
        also=("Error building extension '",),
        types=_RUNTIME,
    ),
    Rule(
        "extension-compiler-killed",
        Advice(
            "the compiler was killed: most likely too many compile jobs for the host's memory",
            ("set MAX_JOBS=2, delete ~/.cache/torch_extensions, and start again",),
        ),
        Advice(
            "编译器被杀死：很可能是并行编译进程太多，主机内存不足",
            ("设置 MAX_JOBS=2，删除 ~/.cache/torch_extensions 后重新启动",),
        ),
        _EXTENSION,
        says=(
            "{}fatal error: Killed signal terminated program cc1plus",
            "{}internal compiler error: Killed (program cc1plus)",
        ),
        types=_RUNTIME,
        printed=(
            "{}fatal error: Killed signal terminated program cc1plus",
            "{}internal compiler error: Killed (program cc1plus)",
        ),
    ),
    Rule(
        "extension-not-compiled",
        Advice(
            "compiling the extension {name} failed; the compiler's own error stands in the output above",
            (
                "search the output for the first 'error:' or 'FAILED:' line: it is the cause",
                "compare nvcc --version with torch.version.cuda, and g++ --version with what that CUDA allows",
                "then delete ~/.cache/torch_extensions, and start again",
            ),
        ),
        Advice(
            "扩展 {name} 在首次使用时编译，但编译失败：编译器的报错在上面的输出里",
            (
                "在输出中找第一处 'error:' 或 'FAILED:'，那就是原因",
                "比较 nvcc --version 与 torch.version.cuda，以及 g++ --version 与该 CUDA 支持的版本",
                "然后删除 ~/.cache/torch_extensions 再启动",
            ),
        ),
        _DEEPSPEED,
        says=("Error building extension '{name}'",),
        types=_RUNTIME,
    ),
    Rule(
        "extension-deepspeed-adam",
        Advice(
            "DeepSpeed's {name} could not be compiled or loaded; the first error stands in the output above",
            (
                "run: python -c 'import deepspeed; deepspeed.ops.op_builder.CPUAdamBuilder().load()' to see that error",
                "compare nvcc --version with torch.version.cuda; or set torch_adam to true in its optimizer's params",
            ),
        ),
        Advice(
            "DeepSpeed 的 {name} 没有编译或加载成功；最早的报错在上面的输出里",
            (
                "运行 python -c 'import deepspeed; deepspeed.ops.op_builder.CPUAdamBuilder().load()' 查看该报错",
                "比较 nvcc --version 与 torch.version.cuda；或在优化器 params 中设置 torch_adam 为 true",
            ),
        ),
        "https://github.com/deepspeedai/DeepSpeed/issues/1846",
        says=("'{name:word}' object has no attribute 'ds_opt_ada",),
        types=("AttributeError",),
    ),
    Rule(
        "extension-architecture",
        Advice(
            "TORCH_CUDA_ARCH_LIST has {arch}, which this PyTorch does not know",
            ("set TORCH_CUDA_ARCH_LIST to your GPU's, as 8.0 or 9.0, or upgrade PyTorch",),
        ),
        Advice(
            "TORCH_CUDA_ARCH_LIST 中的 {arch} 不被当前 PyTorch 支持",
            ("把 TORCH_CUDA_ARCH_LIST 设为你的 GPU 架构，例如 8.0 或 9.0，或升级 PyTorch",),
        ),
        _EXTENSION,
        says=("Unknown CUDA arch ({arch}) or GPU not supported",),
        types=("ValueError",),
    ),
    Rule(
        "extension-mamba-missing",
        Advice(
            "mamba's compiled part (selective_scan_{part}) was not imported: not installed, or built for another torch",
            (
                "import selective_scan_{part} by itself to see why",
                "install mamba-ssm and causal-conv1d with --no-build-isolation",
            ),
        ),
        Advice(
            "mamba 的编译扩展 selective_scan_{part} 没有导入成功：没有安装，或是为其他 torch 版本编译的",
            ("单独 import selective_scan_{part} 查看原因", "加 --no-build-isolation 安装 mamba-ssm 和 causal-conv1d"),
        ),
        "https://github.com/MzeroMiko/VMamba/issues/313",
        says=("name 'selective_scan_{part:word}' is not defined",),
        types=("NameError",),
    ),
    Rule(
        "transformer-engine-broken",
        Advice(
            "Transformer Engine's libraries do not fit each other, this CUDA or this PyTorch",
            ("reinstall it: pip install --no-build-isolation transformer_engine[pytorch], for this torch and CUDA",),
        ),
        Advice(
            "Transformer Engine 的库之间、或与当前 CUDA、PyTorch 不匹配",
            ("针对当前 torch 和 CUDA 重装：pip install --no-build-isolation transformer_engine[pytorch]",),
        ),
        "https://github.com/NVIDIA/TransformerEngine/issues/1981",
        says=(
            "Could not find shared object file for Transformer Engine torch lib.",
            "{}libtransformer_engine.so: undefined symbol: ",
            "{file:word}: undefined symbol: nvte_{}",
        ),
        types=("FileNotFoundError", "OSError", "ImportError"),
    ),
    Rule(
        "xformers-without-cuda",
        Advice(
            "xformers was built for another PyTorch or without CUDA, so it has no kernels here",
            ("pip install xformers in the version for this torch (python -m xformers.info shows both)", "or use SDPA"),
        ),
        Advice(
            "xformers 是为其他 PyTorch 版本编译的或不带 CUDA，因此没有可用的 kernel",
            ("安装与当前 torch 匹配的 xformers（python -m xformers.info 可查看）", "或改用 SDPA"),
        ),
        _XFORMERS,
        says=tuple(_NO_KERNEL.format(way) for way in ("forward", "backward")),
        also=("xFormers wasn't build with CUDA support",),
        types=("NotImplementedError",),
    ),
    Rule(
        "xformers-on-cpu",
        Advice(
            "xformers' attention got tensors on the CPU, and it works on GPUs only",
            ("move the model and its inputs to the GPU before", "or do not enable xformers on a CPU"),
        ),
        Advice(
            "xformers 的注意力收到了 CPU 上的张量，而它只支持 GPU",
            ("先把模型和输入移到 GPU", "在 CPU 上不要启用 xformers"),
        ),
        _XFORMERS,
        says=tuple(_NO_KERNEL.format(way) for way in ("forward", "backward")),
        also=("device=cpu (supported: ",),
        types=("NotImplementedError",),
    ),
    Rule(
        "xformers-no-kernel",
        Advice(
            "xformers has no kernel for these inputs on this GPU: dtype, head size, mask, or a GPU too old or new",
            (
                "read below each kernel's name why it does not fit: float32 needs fp16 or bf16",
                "or use PyTorch's own attention (SDPA) in place of xformers",
            ),
        ),
        Advice(
            "xformers 在这张 GPU 上没有适合这些输入的 kernel：dtype、head 大小、mask，或 GPU 太旧、太新",
            (
                "看每个 kernel 名称下的原因：float32 需要改成 fp16 或 bf16",
                "或用 PyTorch 自带的注意力（SDPA）代替 xformers",
            ),
        ),
        _XFORMERS,
        says=tuple(_NO_KERNEL.format(way) for way in ("forward", "backward")),
        types=("NotImplementedError",),
    ),
)
