"""Libraries and versions that do not fit."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "import-cuda-library-symbol",
        Advice(
            "a CUDA library was loaded that is of another version than its neighbour: {library}",
            (
                "unset LD_LIBRARY_PATH and try again",
                "else reinstall torch and the nvidia-* packages that it asks for, in a new environment",
            ),
        ),
        Advice(
            "加载的 CUDA 库与配套库版本不一致：{library}",
            (
                "清空 LD_LIBRARY_PATH 再试",
                "否则在新环境里重装 torch 及其要求的 nvidia-* 包",
            ),
        ),
        "https://github.com/microsoft/onnxruntime/issues/8594",
        says=(("{library:word}: symbol {:word} version {:word} not defined in file {:word} with link time reference"),),
        types=(
            "ImportError",
            "OSError",
        ),
    ),
    Rule(
        "import-mkl-newer",
        Advice(
            "the MKL of this environment (2024.1 or newer) no longer has what this older PyTorch needs",
            ("conda install 'mkl<2024.1', or a newer torch",),
        ),
        Advice(
            "环境里的 MKL（2024.1 及以上）缺少该旧版 PyTorch 需要的符号",
            ("conda install 'mkl<2024.1'，或换更新的 torch",),
        ),
        "https://github.com/pytorch/pytorch/issues/123097",
        says=("{:word}: undefined symbol: iJIT_NotifyEvent",),
        types=(
            "ImportError",
            "OSError",
        ),
    ),
    Rule(
        "import-opencv-library",
        Advice(
            "OpenCV needs a graphics library (libGL, libglib) that this container or node does not have",
            ("pip install opencv-python-headless in place of opencv-python, or apt install libgl1 libglib2.0-0",),
        ),
        Advice(
            "OpenCV 需要图形库（libGL、libglib），而该容器或节点没有",
            ("用 opencv-python-headless 代替 opencv-python，或 apt install libgl1 libglib2.0-0",),
        ),
        "https://github.com/opencv/opencv-python#installation-and-usage",
        says=(
            "libGL.so.1: cannot open shared object file: ",
            "libgthread-2.0.so.0: cannot open shared object file: ",
            "libSM.so.6: cannot open shared object file: ",
            "libXrender.so.1: cannot open shared object file: ",
            "libXext.so.6: cannot open shared object file: ",
            "libglib-2.0.so.0: cannot open shared object file: ",
        ),
        types=("ImportError",),
    ),
    Rule(
        "extension-not-built",
        Advice(
            "the extension was not built: its compilation failed, or another process builds or deleted it",
            (
                "delete ~/.cache/torch_extensions and start again; the first error of ninja or nvcc stands above",
                "several nodes with one home directory: TORCH_EXTENSIONS_DIR=/tmp/torch_extensions",
            ),
        ),
        Advice(
            "扩展没有编译出来：编译失败，或被其他进程占用、删除",
            (
                "删除 ~/.cache/torch_extensions 后重试；ninja 或 nvcc 最早的报错在上面",
                "多节点共用 home 时：TORCH_EXTENSIONS_DIR=/tmp/torch_extensions",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/cpp_extension.html",
        says=("{}/torch_extensions/{}.so: cannot open shared object file: ",),
        types=(
            "ImportError",
            "OSError",
        ),
    ),
    Rule(
        "import-torch-library",
        Advice(
            (
                "the extension looks for a library of PyTorch that this PyTorch does not have: built for "
                "another version, or for CUDA"
            ),
            (
                "reinstall it for this torch: a matching wheel, or --no-build-isolation --no-cache-dir",
                "libc10_cuda: the torch here is a CPU build; install one for CUDA",
            ),
        ),
        Advice(
            "扩展要找的 PyTorch 库在当前 PyTorch 里没有：为另一版本或为 CUDA 编译",
            (
                "按当前 torch 重装：匹配的 wheel，或 --no-build-isolation --no-cache-dir",
                "libc10_cuda：当前 torch 是 CPU 版，请安装 CUDA 版",
            ),
        ),
        "https://github.com/pytorch/pytorch/blob/main/torch/utils/cpp_extension.py",
        says=(
            "libtorch_cuda_cu.so: cannot open shared object file: ",
            "libtorch_cuda_cpp.so: cannot open shared object file: ",
            "libtorch_cuda.so: cannot open shared object file: ",
            "libc10_cuda.so: cannot open shared object file: ",
            "libtorch_hip.so: cannot open shared object file: ",
            "libc10_hip.so: cannot open shared object file: ",
            "libtorch_python.so: cannot open shared object file: ",
            "libtorch_cpu.so: cannot open shared object file: ",
            "libc10.so: cannot open shared object file: ",
        ),
        types=(
            "ImportError",
            "OSError",
        ),
    ),
    Rule(
        "nvcc-not-there",
        Advice(
            "an extension must be compiled, and there is no nvcc at {path}",
            (
                "install the CUDA toolkit of torch.version.cuda, and set CUDA_HOME to it (one directory, no ':')",
                "or take an image with -devel in its name",
            ),
        ),
        Advice(
            "需要编译扩展，但 {path} 处没有 nvcc",
            (
                "安装与 torch.version.cuda 一致的 CUDA toolkit 并设置 CUDA_HOME（单个目录，不含 ':'）",
                "或改用带 -devel 的镜像",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/cpp_extension.html",
        says=("[Errno 2] No such file or directory: '{path}/bin/nvcc'",),
        types=("FileNotFoundError",),
    ),
    Rule(
        "torchvision-other-cuda",
        Advice(
            "{name} was built for another CUDA than PyTorch",
            (
                (
                    "install them from one index: pip install -U torch torchvision torchaudio --index-url "
                    "https://download.pytorch.org/whl/cu126 (cu126: your CUDA)"
                ),
            ),
        ),
        Advice(
            "{name} 与 PyTorch 的 CUDA 版本不同",
            (
                (
                    "从同一个 index 安装：pip install -U torch torchvision torchaudio --index-url "
                    "https://download.pytorch.org/whl/cu126 (cu126: your CUDA)"
                ),
            ),
        ),
        "https://pytorch.org/get-started/locally/",
        says=("Detected that PyTorch and {name:word} were compiled with different CUDA ",),
        types=("RuntimeError",),
    ),
    Rule(
        "torchvision-without-cuda",
        Advice(
            "the installed torchvision is a build for the CPU, or for another PyTorch",
            (
                (
                    "install both from one index: pip install -U torch torchvision --index-url "
                    "https://download.pytorch.org/whl/cu126 (cu126: your CUDA)"
                ),
            ),
        ),
        Advice(
            "安装的 torchvision 是 CPU 版，或对应另一个 PyTorch",
            (
                (
                    "从同一个 index 一起安装：pip install -U torch torchvision --index-url "
                    "https://download.pytorch.org/whl/cu126 (cu126: your CUDA)"
                ),
            ),
        ),
        "https://pytorch.org/get-started/locally/",
        says=(
            "Could not run 'torchvision::{:word}' with arguments from the 'CUDA' backend.",
            "No such operator torchvision::nms",
            "Couldn't load custom C++ ops.",
        ),
        types=(
            "NotImplementedError",
            "RuntimeError",
        ),
    ),
    Rule(
        "distutils-version",
        Advice(
            "an old torch.utils.tensorboard meets a newer setuptools, whose distutils has no `version`",
            ("pip install 'setuptools<59.6', or upgrade torch",),
        ),
        Advice(
            "旧的 torch.utils.tensorboard 遇到更新的 setuptools，其 distutils 没有 `version`",
            ("pip install 'setuptools<59.6'，或升级 torch",),
        ),
        "https://github.com/pytorch/pytorch/issues/69894",
        says=("module 'distutils' has no attribute 'version'",),
        types=("AttributeError",),
    ),
    Rule(
        "torchcodec-not-loaded",
        Advice(
            "torchcodec, which reads audio and video, found no FFmpeg that it knows, or is of another torch",
            ("install FFmpeg (conda install ffmpeg), and the torchcodec that its README names for this torch",),
        ),
        Advice(
            "读取音视频的 torchcodec 找不到可用的 FFmpeg，或与当前 torch 版本不匹配",
            ("安装 FFmpeg（conda install ffmpeg），并按其 README 安装与当前 torch 匹配的 torchcodec",),
        ),
        "https://github.com/meta-pytorch/torchcodec#installing-torchcodec",
        says=("Could not load libtorchcodec. Likely causes:",),
        types=("RuntimeError",),
    ),
)
