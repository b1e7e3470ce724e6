"""Libraries and versions that do not fit: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "import-cuda-library-symbol": Case(
        hits=(
            raised(
                "OSError",
                (
                    "/x/site-packages/torch/lib/../../nvidia/cublas/lib/libcublas.so.11: symbol "
                    "cublasLtHSHMatmulAlgoInit version libcublasLt.so.11 not defined in file libcublasLt.so.11 "
                    "with link time reference"
                ),
            ),
            raised(
                "ImportError",
                (
                    "/opt/lib/libcusparse.so.12: symbol __nvJitLinkComplete_12_4 version libnvJitLink.so.12 not "
                    "defined in file libnvJitLink.so.12 with link time reference"
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError", "/x/libcublas.so.11: symbol a version b not defined in file c with link time reference"
            ),
            raised("OSError", "an error: /x/libcublas.so.11: symbol a version b not defined in file c"),
        ),
    ),
    "import-mkl-newer": Case(
        hits=(
            raised(
                "ImportError",
                "/usr/lib/python3/site-packages/torch/lib/libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent",
            ),
            raised("ImportError", "/opt/conda/lib/libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent"),
        ),
        misses=(
            raised("ImportError", "a.so: undefined symbol: _ZN3c10"),
            raised("ValueError", "/x/libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent"),
        ),
    ),
    "import-opencv-library": Case(
        hits=(
            raised("ImportError", "libGL.so.1: cannot open shared object file: No such file or directory"),
            raised("ImportError", "libgthread-2.0.so.0: cannot open shared object file: No such file or directory"),
        ),
        misses=(
            raised("ImportError", "libc10_cuda.so: cannot open shared object file: No such file or directory"),
            raised("ValueError", "libGL.so.1: cannot open shared object file: No such file or directory"),
        ),
    ),
    "extension-not-built": Case(
        hits=(
            raised(
                "ImportError",
                (
                    "/root/.cache/torch_extensions/py310_cu118/fused_adam/fused_adam.so: cannot open shared "
                    "object file: No such file or directory"
                ),
            ),
            raised(
                "ImportError",
                (
                    "/home/u/.cache/torch_extensions/py310_cu121/cpu_adam/cpu_adam.so: cannot open shared object "
                    "file: No such file or directory"
                ),
            ),
        ),
        misses=(
            raised("ImportError", "libmpi.so.40: cannot open shared object file: No such file or directory"),
            raised(
                "ValueError",
                (
                    "/root/.cache/torch_extensions/py310_cu118/fused_adam/fused_adam.so: cannot open shared "
                    "object file: No such file or directory"
                ),
            ),
        ),
    ),
    "import-torch-library": Case(
        hits=(
            raised("ImportError", "libtorch_cuda_cu.so: cannot open shared object file: No such file or directory"),
            raised("ImportError", "libc10_cuda.so: cannot open shared object file: No such file or directory"),
        ),
        misses=(
            raised(
                "ImportError",
                (
                    "an earlier attempt said: libtorch_cuda_cu.so: cannot open shared object file: No such file "
                    "or directory"
                ),
            ),
            raised("KeyError", "libtorch_cuda_cu.so: cannot open shared object file: No such file or directory"),
        ),
    ),
    "nvcc-not-there": Case(
        hits=(
            raised("FileNotFoundError", "[Errno 2] No such file or directory: '/usr/local/cuda/bin/nvcc'"),
            raised("FileNotFoundError", "[Errno 2] No such file or directory: ':/usr/local/cuda/bin/nvcc'"),
        ),
        misses=(
            raised(
                "FileNotFoundError",
                "an earlier attempt said: [Errno 2] No such file or directory: '/usr/local/cuda/bin/nvcc'",
            ),
            raised("KeyError", "[Errno 2] No such file or directory: '/usr/local/cuda/bin/nvcc'"),
        ),
    ),
    "torchvision-other-cuda": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Detected that PyTorch and torchvision were compiled with different CUDA major versions. "
                    "PyTorch has CUDA Version=12.1 and torchvision has CUDA Version=11.8."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Detected that PyTorch and TorchAudio were compiled with different CUDA versions. PyTorch "
                    "has CUDA version 12.8 whereas TorchAudio has CUDA version 12.6."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Detected that PyTorch and torchvision were compiled with different "
                    "CUDA major versions. PyTorch has CUDA Version=12.1 and torchvision has CUDA Version=11.8."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Detected that PyTorch and torchvision were compiled with different CUDA major versions. "
                    "PyTorch has CUDA Version=12.1 and torchvision has CUDA Version=11.8."
                ),
            ),
        ),
    ),
    "torchvision-without-cuda": Case(
        hits=(
            raised(
                "NotImplementedError",
                (
                    "Could not run 'torchvision::nms' with arguments from the 'CUDA' backend. This could be "
                    "because the operator doesn't exist for this backend"
                ),
            ),
            raised("RuntimeError", "No such operator torchvision::nms"),
        ),
        misses=(
            raised(
                "NotImplementedError",
                (
                    "an earlier attempt said: Could not run 'torchvision::nms' with arguments from the 'CUDA' "
                    "backend. This could be because the operator doesn't exist for this backend"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Could not run 'torchvision::nms' with arguments from the 'CUDA' backend. This could be "
                    "because the operator doesn't exist for this backend"
                ),
            ),
        ),
    ),
    "distutils-version": Case(
        hits=(
            raised("AttributeError", "module 'distutils' has no attribute 'version'"),
            raised(
                "AttributeError", "module 'distutils' has no attribute 'version'", modules=("torch.utils.tensorboard",)
            ),
        ),
        misses=(
            raised("AttributeError", "an earlier attempt said: module 'distutils' has no attribute 'version'"),
            raised("KeyError", "module 'distutils' has no attribute 'version'"),
        ),
    ),
    "torchcodec-not-loaded": Case(
        hits=(
            raised(
                "RuntimeError",
                "Could not load libtorchcodec. Likely causes:\n          1. FFmpeg is not properly installed in your "
                "environment. We support\n             versions 4, 5, 6 and 7.",
            ),
            raised("RuntimeError", "Could not load libtorchcodec. Likely causes: 1. FFmpeg is not properly installed"),
        ),
        misses=(
            raised("RuntimeError", "Could not load libtorchaudio"),
            raised("ValueError", "Could not load libtorchcodec. Likely causes:"),
        ),
    ),
}
