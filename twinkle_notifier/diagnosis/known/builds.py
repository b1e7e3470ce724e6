"""Packages that are missing, or built for something else."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_COMPILED = ("RuntimeError", "BackendCompilerFailed", "InductorError")  # torch.compile wraps what Triton raises
_FLASH = "https://github.com/Dao-AILab/flash-attention#installation-and-features"
_BITSANDBYTES = "https://huggingface.co/docs/bitsandbytes/main/en/installation"
_EXTENSION = "https://github.com/pytorch/pytorch/blob/main/torch/utils/cpp_extension.py"
_LATEST = ("", "the latest version of ")
_REQUIRED = "{need:word}' not found (required by "
_CONFIGS = "No valid triton configs. OutOfResources: "
_TOGGLED = "FlashAttention{version:int} has been toggled on, but it cannot be used due to the following error: "
_SHARED = "out of resource: shared memory, Required: {asked:int}, Hardware limit: {limit:int}"
_LIBRARIES = (
    *("cudart", "cublas", "cublasLt", "cudnn", "nccl", "cusparse", "cusparseLt", "cufft", "nvJitLink", "nvrtc"),
    *("cudnn_adv", "cudnn_ops", "cudnn_graph", "curand", "cusolver", "cupti"),
)
_PTXAS = tuple(
    f"{program} fatal{{}}: Value 'sm_{{arch:int}}{features}' is not defined for option"
    for program in ("ptxas", "ptxas-blackwell")
    for features in ("", "a", "f")
)
_NO_SYMBOL = "Invalid handle. Cannot load symbol cudnn{}"

RULES: tuple[Rule, ...] = (
    Rule(
        "build-torch-without-cuda",
        Advice(
            "the installed PyTorch is a build for the CPU", ("install a CUDA build: pytorch.org/get-started/locally",)
        ),
        Advice("安装的是 CPU 版 PyTorch", ("安装 CUDA 版，见 pytorch.org/get-started/locally",)),
        "https://pytorch.org/get-started/locally/",
        says=("Torch not compiled with CUDA enabled", "PyTorch was compiled without CUDA support"),
        types=("AssertionError", "RuntimeError"),
    ),
    Rule(
        "build-no-kernel-image",
        Advice(
            "PyTorch, or an extension, has no kernels for this GPU: it is too new or too old for the build",
            ("compare torch.cuda.get_arch_list() with nvidia-smi, and install a build that has this GPU",),
        ),
        Advice(
            "PyTorch（或某个扩展）没有针对这张 GPU 的 kernel：卡太新或太旧",
            ("查看 torch.cuda.get_arch_list()，安装支持这张 GPU 架构的版本",),
        ),
        "https://github.com/pytorch/pytorch/blob/main/RELEASE.md",
        says=(
            "CUDA error: no kernel image is available for execution on the device",
            "HIP error: invalid device function",
            "HIP error: no kernel image is available for execution on the device",
            "cuDNN version {version:int} is not compatible with devices with SM < 7.5.",
        ),
        types=("AcceleratorError", "RuntimeError"),
    ),
    Rule(
        "build-cuda-library-mixed",
        Advice(
            "PyTorch got a CUDA, cuDNN or NCCL library that is not the one it brings, often from LD_LIBRARY_PATH",
            ("unset LD_LIBRARY_PATH and try again", "else reinstall torch in a new environment"),
        ),
        Advice(
            "PyTorch 加载到的 CUDA、cuDNN 或 NCCL 库不是它自带的，常见于 LD_LIBRARY_PATH",
            ("清空 LD_LIBRARY_PATH 再试", "否则在新环境里重装 torch"),
        ),
        "https://github.com/pytorch/pytorch/issues/111469",
        says=(
            *(f"{{file:word}}: undefined symbol: {symbol}{{}}" for symbol in ("__nvJitLink", "nccl")),
            "{}libcublas.so.{version:word}: undefined symbol: cublasLt",
            "cuDNN version incompatibility: PyTorch was compiled ",
        ),
        types=("ImportError", "OSError", "RuntimeError"),
        signals=("", "SIGABRT"),  # cuDNN aborts
        printed=("Could not load library libcudnn{name}. Error: ", "Unable to load any of {libcudnn{}", _NO_SYMBOL),
    ),
    Rule(
        "build-other-torch",
        Advice(
            "the extension that the error names was built for another PyTorch version",
            ("reinstall it for this torch: a matching wheel, or --no-build-isolation --no-cache-dir",),
        ),
        Advice(
            "报错中的扩展是用另一个 PyTorch 版本编译的",
            ("按当前 torch 版本重装该扩展（匹配的 wheel，或加 --no-build-isolation --no-cache-dir 重新编译）",),
        ),
        "https://github.com/Dao-AILab/flash-attention/issues/931",
        says=tuple(f"{{file:word}}: undefined symbol: {s}{{}}" for s in ("_ZN3c10", "_ZNK3c10", "_ZN2at", "_ZN5torch")),
        types=("ImportError", "OSError"),
    ),
    Rule(
        "build-cuda-library-missing",
        Advice(
            "a CUDA library is not found: a package is built for another CUDA, or an nvidia-* package is missing",
            ("install the package's build for torch.version.cuda", "or reinstall torch and what it needs"),
        ),
        Advice(
            "找不到 CUDA 动态库：某个包对应别的 CUDA 版本，或缺少 nvidia-* 包",
            ("安装与 torch.version.cuda 对应的包", "或重新安装 torch 及其依赖"),
        ),
        "https://pytorch.org/get-started/locally/",
        says=tuple(f"lib{name}.so.{{version:word}}: cannot open shared object file: " for name in _LIBRARIES),
        types=("ImportError", "OSError"),
    ),
    Rule(
        "build-glibc-too-old",
        Advice(
            "a package needs glibc {need}, and this system has an older one",
            ("run in a container, or on a node, with a newer Linux", "or install an older release of that package"),
        ),
        Advice(
            "某个包需要 glibc {need}，而系统的 glibc 更旧",
            ("换用更新系统的容器或节点", "或安装该包的旧版本"),
        ),
        "https://peps.python.org/pep-0600/",
        says=("{library:word}: version `GLIBC_" + _REQUIRED,),
        types=("ImportError", "OSError"),
        printed=("{program:word}: {library:word}: version `GLIBC_" + _REQUIRED,),
    ),
    Rule(
        "build-libstdcxx-too-old",
        Advice(
            "an old libstdc++ was loaded before the newer one that a package needs",
            ("conda install -c conda-forge libstdcxx-ng", "put $CONDA_PREFIX/lib first in LD_LIBRARY_PATH"),
        ),
        Advice(
            "先加载了旧的 libstdc++，不满足某个包的要求",
            ("conda install -c conda-forge libstdcxx-ng", "把 $CONDA_PREFIX/lib 放到 LD_LIBRARY_PATH 最前面"),
        ),
        "https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html",
        says=tuple("{library:word}: version `" + name + "_" + _REQUIRED for name in ("GLIBCXX", "CXXABI")),
        types=("ImportError", "OSError"),
    ),
    Rule(
        "build-torchvision-other-torch",
        Advice("torchvision was built for another PyTorch", ("pip install -U torch torchvision, both from one index",)),
        Advice("torchvision 与 PyTorch 版本不匹配", ("从同一个 index 一起安装：pip install -U torch torchvision",)),
        "https://github.com/pytorch/vision#installation",
        says=(
            "operator torchvision::nms does not exist",
            "Couldn't load custom C++ ops. This can happen if your PyTorch",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "build-other-numpy",
        Advice(
            "a package was built for another NumPy version, as 1.x against 2.x",
            ("upgrade the package whose import fails in the traceback", "or pin numpy<2 until it supports 2.x"),
        ),
        Advice(
            "某个包是用另一个 NumPy 版本编译的（例如 1.x 与 2.x）",
            ("升级 traceback 里导入失败的那个包", "或在它支持 2.x 之前固定 numpy<2"),
        ),
        "https://numpy.org/doc/stable/user/troubleshooting-importerror.html",
        says=(
            "A module that was compiled using NumPy 1.x cannot be run in",
            "numpy.dtype size changed, may indicate binary incompatibility.",
        ),
        types=("ImportError", "ValueError"),
        printed=(
            "A module that was compiled using NumPy 1.x cannot be run in",
            "We expect that some modules will need time to support NumPy 2.",
        ),
    ),
    Rule(
        "build-flash-attn-missing",
        Advice(
            "flash_attn is not installed, but the model asks for it",
            ("pip install flash-attn --no-build-isolation", "or set attn_implementation='sdpa'"),
        ),
        Advice(
            "模型要求 flash_attn，但没有安装",
            ("pip install flash-attn --no-build-isolation", "或设置 attn_implementation='sdpa'"),
        ),
        _FLASH,
        says=(_TOGGLED + "the package", "No module named 'flash_attn'", "No module named 'flash_attn_2_cuda'"),
        types=("ImportError",),
    ),
    Rule(
        "build-flash-attn-gpu",
        Advice("this GPU is too old for FlashAttention", ("set attn_implementation='sdpa'",)),
        Advice("这张 GPU 太旧，不支持 FlashAttention", ("设置 attn_implementation='sdpa'",)),
        _FLASH,
        says=(
            "FlashAttention only supports Ampere GPUs or newer.",
            _TOGGLED + "FlashAttention{same:int} requires compute",
        ),
        types=("RuntimeError", "ImportError"),
    ),
    Rule(
        "build-bitsandbytes-missing",
        Advice("bitsandbytes is not installed, or too old", ("pip install -U bitsandbytes",)),
        Advice("没有安装 bitsandbytes，或版本太旧", ("pip install -U bitsandbytes",)),
        _BITSANDBYTES,
        says=(
            *(
                f"Using `bitsandbytes` {n}-bit quantization requires {what}bitsandbytes"
                for n in (4, 8)
                for what in _LATEST
            ),
            "No package metadata was found for bitsandbytes",
            "You need to install `bitsandbytes` in order to use bitsandbytes optimizers",
        ),
        types=("ImportError", "PackageNotFoundError"),
    ),
    Rule(
        "build-deepspeed-missing",
        Advice("DeepSpeed is not installed", ("pip install deepspeed",)),
        Advice("没有安装 DeepSpeed", ("pip install deepspeed",)),
        "https://www.deepspeed.ai/tutorials/advanced-install/",
        says=(
            "DeepSpeed is not installed => run `pip install deepspeed` or build it from source.",
            "To use the `DeepSpeedStrategy`, you must have DeepSpeed installed.",
            "No module named 'deepspeed'",
        ),
        types=("ImportError", "MisconfigurationException"),
    ),
    Rule(
        "build-apex-missing",
        Advice(
            "NVIDIA's apex, or its CUDA part, is not installed; the package of that name on PyPI is another one",
            ("use torch.amp and torch.optim in its place", "or build it from https://github.com/NVIDIA/apex"),
        ),
        Advice(
            "没有安装 NVIDIA apex（或其 CUDA 扩展）；PyPI 上的同名包不是它",
            ("改用 torch.amp 和 torch.optim", "或从 https://github.com/NVIDIA/apex 编译安装"),
        ),
        "https://github.com/NVIDIA/apex#installation",
        says=tuple(f"No module named '{name}'" for name in ("apex", "amp_C", "fused_layer_norm_cuda")),
        types=("ImportError",),
    ),
    Rule(
        "build-cuda-home-missing",
        Advice(
            "an extension must be compiled, and no CUDA toolkit (nvcc) is found",
            ("install the toolkit, and set CUDA_HOME to it", "or take an image with -devel in its name"),
        ),
        Advice(
            "需要编译扩展，但找不到 CUDA toolkit（nvcc）",
            ("安装 toolkit 并设置 CUDA_HOME", "或改用带 -devel 的镜像"),
        ),
        _EXTENSION,
        says=(
            "CUDA_HOME environment variable is not set.",
            "CUDA_HOME does not exist, unable to compile CUDA op(s)",
            "CUDA was not found on the system, please set the CUDA_HOME or the CUDA_PATH",
        ),
        types=("OSError", "RuntimeError", "AssertionError", "MissingCUDAException"),
    ),
    Rule(
        "build-cuda-toolkit-mismatch",
        Advice(
            "the CUDA toolkit that compiles the extension is {toolkit}, and PyTorch was built with another version",
            ("set CUDA_HOME to a toolkit of torch.version.cuda", "or install a PyTorch that was built with {toolkit}"),
        ),
        Advice(
            "编译扩展用的 CUDA toolkit 是 {toolkit}，与 PyTorch 编译时的版本不同",
            ("把 CUDA_HOME 指向与 torch.version.cuda 一致的 toolkit", "或安装用 {toolkit} 编译的 PyTorch"),
        ),
        _EXTENSION,
        says=(
            "The detected CUDA version ({toolkit}) mismatches the version that was used to compile",
            # As torch 2.13 writes it: the text and its numbers are a tuple.
            "('The detected CUDA version (%s) mismatches the version that was used to compilePyTorch (%s). Please make"
            " sure to use the same CUDA versions.', '{toolkit}', '",
            ">- DeepSpeed Op Builder: Installed CUDA version {toolkit} does not match the version torch was compiled",
        ),
        types=("RuntimeError", "CUDAMismatchException"),
    ),
    Rule(
        "build-no-compiler",
        Advice(
            "Triton or torch.compile must compile code, and no C or C++ compiler is found",
            ("install gcc and g++ (apt install build-essential), or set CC and CXX", "or switch torch.compile off"),
        ),
        Advice(
            "Triton 或 torch.compile 需要编译代码，但找不到 C/C++ 编译器",
            ("安装 gcc、g++（apt install build-essential），或设置 CC、CXX", "或关闭 torch.compile"),
        ),
        "https://github.com/intel/intel-xpu-backend-for-triton/issues/4707",
        says=(
            "Failed to find C compiler. Please specify via CC environment variable",
            "RuntimeError: Failed to find C compiler. Please specify via CC environment variable",
            "No working C++ compiler found in torch._inductor.config.cpp.cxx:",
            "InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx:",
        ),
        types=(*_COMPILED, "InvalidCxxCompiler"),
    ),
    Rule(
        "build-ptxas-too-old",
        Advice(
            "Triton's ptxas does not know this GPU (sm_{arch}): it is older than the GPU",
            ("set TRITON_PTXAS_PATH to a newer one, as /usr/local/cuda/bin/ptxas", "or upgrade torch and triton"),
        ),
        Advice(
            "Triton 自带的 ptxas 不认识这张 GPU（sm_{arch}）：版本太旧",
            ("把 TRITON_PTXAS_PATH 指向更新的 ptxas，例如 /usr/local/cuda/bin/ptxas", "或升级 torch 和 triton"),
        ),
        "https://github.com/triton-lang/triton/issues/8539",
        says=_PTXAS,
        types=(*_COMPILED, "PTXASError", "NoTritonConfigsError"),
        printed=_PTXAS,
        when=("arch >= 75",),  # it may also be a newer one, which has dropped an old GPU
    ),
    Rule(
        "build-triton-shared-memory",
        Advice(
            "a Triton kernel needs {asked} bytes of shared memory, and this GPU has {limit}",
            ("lower the kernel's block sizes or num_stages", "or upgrade the package that brings it, or switch it off"),
        ),
        Advice(
            "Triton kernel 需要 {asked} 字节 shared memory，这张 GPU 只有 {limit}",
            ("调小 kernel 的 block size 或 num_stages", "或升级、关闭带有该 kernel 的包"),
        ),
        "https://github.com/pytorch/pytorch/issues/133254",
        says=tuple(begin + _SHARED for begin in ("", _CONFIGS, "{error:word}: " + _CONFIGS)),
        types=(*_COMPILED, "OutOfResources", "NoTritonConfigsError"),
    ),
)
