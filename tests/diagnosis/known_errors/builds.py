"""Packages that are missing, or built for something else: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

_IMPORT, _MISSING, _RUNTIME, _NEW = "ImportError", "ModuleNotFoundError", "RuntimeError", "torch.AcceleratorError"
_INDUCTOR = "torch._inductor.exc.InductorError"
_PACKAGES = "/opt/venv/lib/python3.11/site-packages"
_NO_FILE = "cannot open shared object file: No such file or directory"
_TOGGLED = "FlashAttention2 has been toggled on, but it cannot be used due to the following error: "
_CC = "Failed to find C compiler. Please specify via CC environment variable"
_CXX = "No working C++ compiler found in torch._inductor.config.cpp.cxx: (None, 'g++')"
_SHARED = "out of resource: shared memory, Required: {}, Hardware limit: 101376. Reducing block sizes or `num_stages` may help."
_PTXAS = (
    "{}Internal Triton PTX codegen error\n`ptxas` stderr:\n{}Value 'sm_121a' is not defined for option 'gpu-name'\n\n"
    "Repro command: /opt/venv/lib/python3.11/site-packages/triton/backends/nvidia/bin/ptxas -lineinfo -v"
)
_CUDNN = (
    "cuDNN version incompatibility: PyTorch was compiled  against (9, 1, 0) but found runtime version (8, 9, 7). PyTorch "
    "already comes bundled with cuDNN."
)


def _undefined(file: str, symbol: str) -> str:
    return f"{_PACKAGES}/{file}: undefined symbol: {symbol}"


def _version(library: str, version: str, file: str = f"{_PACKAGES}/flash_attn_2_cuda.so") -> str:
    return f"{library}: version `{version}' not found (required by {file})"


CASES: dict[str, Case] = {
    "build-torch-without-cuda": Case(
        hits=(
            raised("AssertionError", "Torch not compiled with CUDA enabled"),
            raised(_RUNTIME, "PyTorch was compiled without CUDA support"),
        ),
        misses=(
            raised("AssertionError", "assert failed: Torch not compiled with CUDA enabled"),
            raised("ValueError", "Torch not compiled with CUDA enabled"),
        ),
    ),
    "build-no-kernel-image": Case(
        hits=(
            raised(_NEW, "HIP error: no kernel image is available for execution on the device"),
            raised(
                _RUNTIME, "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors"
            ),
            raised(_NEW, "HIP error: invalid device function\nHIP kernel errors might be asynchronously reported"),
            raised(
                _RUNTIME, "cuDNN version 91100 is not compatible with devices with SM < 7.5. Please install a version"
            ),
        ),
        misses=(
            raised(_RUNTIME, "bf16 needs sm_80: CUDA error: no kernel image is available for execution on the device"),
            raised(_RUNTIME, "CUDA error: invalid device function"),
        ),
    ),
    "build-cuda-library-mixed": Case(
        hits=(
            raised(
                "OSError",
                "/opt/x/libcublas.so.11: undefined symbol: cublasLtHSHMatmulAlgoInit, version libcublasLt.so.11",
            ),
            killed("SIGABRT", "Invalid handle. Cannot load symbol cudnnCreateTensorDescriptor\nAborted (core dumped)"),
            raised(
                _IMPORT,
                _undefined(
                    "torch/lib/../../nvidia/cusparse/lib/libcusparse.so.12", "__nvJitLinkComplete_12_4, version x"
                ),
            ),
            raised(_IMPORT, _undefined("torch/lib/libtorch_cuda.so", "ncclCommResume")),
            raised(_RUNTIME, _CUDNN),
            printed(
                "Unable to load any of {libcudnn_cnn.so.9.1.0, libcudnn_cnn.so.9.1, libcudnn_cnn.so.9, libcudnn_cnn.so}\n"
                "Invalid handle. Cannot load symbol cudnnCreateConvolutionDescriptor"
            ),
            killed(
                "SIGABRT", f"Could not load library libcudnn_ops_infer.so.8. Error: libcudnn_ops_infer.so.8: {_NO_FILE}"
            ),
        ),
        misses=(
            raised("OSError", "/opt/x/libmine.so: undefined symbol: cublaslt_helper"),
            killed("SIGKILL", "Could not load library libcudnn_cnn_infer.so.8. Error: libnvrtc.so: cannot open"),
            raised(_IMPORT, _undefined("flash_attn_2_cuda.so", "_ZN3c105ErrorC2ENS_14SourceLocationESs")),
            raised(_RUNTIME, "warning was: " + _CUDNN),
            printed("to fix: Could not load library libcudnn_ops_infer.so.8. Error: see the docs"),
        ),
    ),
    "build-other-torch": Case(
        hits=(
            raised(
                _IMPORT,
                _undefined(
                    "flash_attn_2_cuda.cpython-311-x86_64-linux-gnu.so", "_ZN3c105ErrorC2ENS_14SourceLocationESs"
                ),
            ),
            raised(_IMPORT, _undefined("vllm/_C.abi3.so", "_ZN2at4_ops15to_dtype_layout4callERKNS_6TensorE")),
        ),
        misses=(
            raised(_IMPORT, _undefined("torch/lib/libtorch_cpu.so", "iJIT_NotifyEvent")),
            raised(
                _IMPORT, "cannot import name 'flash_attn_func': undefined symbol: _ZN3c105ErrorC2ENS_14SourceLocationE"
            ),
        ),
    ),
    "build-cuda-library-missing": Case(
        hits=(
            raised(_IMPORT, f"libcudart.so.12: {_NO_FILE}"),
            raised(_IMPORT, f"libnccl.so.2: {_NO_FILE}"),
        ),
        misses=(
            raised(_IMPORT, f"libGL.so.1: {_NO_FILE}"),
            raised(_IMPORT, f"{_PACKAGES}/libcudart.so.12: file too short"),
        ),
    ),
    "build-glibc-too-old": Case(
        hits=(
            raised(_IMPORT, _version("/lib/x86_64-linux-gnu/libc.so.6", "GLIBC_2.34")),
            printed(_version("./train: /lib64/libc.so.6", "GLIBC_2.32", "./train")),
        ),
        misses=(
            raised(_IMPORT, _version("/lib64/libssl.so.3", "OPENSSL_3.2.0")),
            raised(_IMPORT, "install failed, " + _version("/lib64/libc.so.6", "GLIBC_2.34")),
        ),
    ),
    "build-libstdcxx-too-old": Case(
        hits=(
            raised(_IMPORT, _version("/lib64/libstdc++.so.6", "GLIBCXX_3.4.29")),
            raised(_IMPORT, _version("/opt/conda/bin/../lib/libstdc++.so.6", "CXXABI_1.3.15")),
        ),
        misses=(
            raised(_IMPORT, _version("/lib64/libc.so.6", "GLIBC_2.34")),
            raised(_RUNTIME, _version("/lib64/libstdc++.so.6", "GLIBCXX_3.4.29")),
        ),
    ),
    "build-torchvision-other-torch": Case(
        hits=(
            raised(_RUNTIME, "operator torchvision::nms does not exist"),
            raised(_RUNTIME, "Failed to import transformers.models.llama:\noperator torchvision::nms does not exist"),
        ),
        misses=(
            raised(_RUNTIME, "operator mylib::nms does not exist"),
            raised("AttributeError", "operator torchvision::nms does not exist"),
        ),
    ),
    "build-other-numpy": Case(
        hits=(
            raised(
                _IMPORT,
                "\nA module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.2.6 as it may crash. To support "
                "both 1.x and 2.x\nversions of NumPy, modules must be compiled with NumPy 2.0.\n",
            ),
            raised(
                "ValueError",
                "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from "
                "PyObject",
            ),
            printed(
                "A module that was compiled using NumPy 1.x cannot be run in NumPy 2.1.3 as it may crash. To support both 1.x"
                " and 2.x versions of NumPy, modules must be compiled with NumPy 2.0."
            ),
            printed(
                "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.2 as it may crash.\n\nIf you are a"
                " user of the module, the easiest solution will be to\ndowngrade to 'numpy<2' or try to upgrade the affected"
                " module.\nWe expect that some modules will need time to support NumPy 2.\n\n"
            ),
        ),
        misses=(
            raised(
                "RuntimeWarning", "numpy.dtype size changed, may indicate binary incompatibility. Expected 96, got 88"
            ),
            raised("ValueError", "the array's dtype size changed, may indicate binary incompatibility."),
            # The program went on after this warning.
            printed("A module that was compiled using NumPy 1.x cannot be run in\n" + "step\n".join("123456")),
            printed("warning: a module that was compiled using NumPy 1.x cannot be run in NumPy 2.0.2"),
        ),
    ),
    "build-flash-attn-missing": Case(
        hits=(
            raised(_IMPORT, _TOGGLED + "the package flash_attn seems to be not installed. Please refer to the"),
            raised(_IMPORT, _TOGGLED + "the package for FlashAttention2 doesn't seem to be installed."),
            raised(_MISSING, "No module named 'flash_attn'"),
        ),
        misses=(
            raised(_IMPORT, _TOGGLED + "FlashAttention2 requires at least version `2.3.3`."),
            raised(_MISSING, "No module named 'flash_attn_interface'"),
        ),
    ),
    "build-flash-attn-gpu": Case(
        hits=(
            raised(_RUNTIME, "FlashAttention only supports Ampere GPUs or newer."),
            raised(
                _IMPORT,
                "FlashAttention3 has been toggled on, but it cannot be used due to the following error: FlashAttention3 "
                "requires compute capability >= 9, but found (8, 0) with compute capability 8.x",
            ),
        ),
        misses=(
            raised(_RUNTIME, "FlashAttention only supports head dimensions up to 256"),
            raised("UserWarning", "FlashAttention only supports Ampere GPUs or newer."),
        ),
    ),
    "build-bitsandbytes-missing": Case(
        hits=(
            raised(
                _IMPORT,
                "Using `bitsandbytes` 4-bit quantization requires bitsandbytes: `pip install -U bitsandbytes>=0.46.1`",
            ),
            raised(
                _IMPORT,
                "Using `bitsandbytes` 8-bit quantization requires the latest version of bitsandbytes: `pip install -U",
            ),
            raised("importlib.metadata.PackageNotFoundError", "No package metadata was found for bitsandbytes"),
        ),
        misses=(
            raised(
                _IMPORT, "Using `bitsandbytes` 4-bit quantization requires accelerate: `pip install 'accelerate>=1.8'`"
            ),
            raised("importlib.metadata.PackageNotFoundError", "No package metadata was found for accelerate"),
        ),
    ),
    "build-deepspeed-missing": Case(
        hits=(
            raised(_IMPORT, "DeepSpeed is not installed => run `pip install deepspeed` or build it from source."),
            raised(
                "lightning.fabric.utilities.exceptions.MisconfigurationException",
                "To use the `DeepSpeedStrategy`, you must have DeepSpeed installed. Install it by running `pip install",
            ),
            raised(_MISSING, "No module named 'deepspeed'"),
        ),
        misses=(
            raised(_MISSING, "No module named 'deepspeed.ops.sparse_attention'"),
            raised(_IMPORT, "PyTorch >= 2.6 requires DeepSpeed >= 0.16.0. Detected DeepSpeed version: 0.15.4."),
        ),
    ),
    "build-apex-missing": Case(
        hits=(
            raised(_MISSING, "No module named 'apex'"),
            raised(_MISSING, "No module named 'amp_C'"),
        ),
        misses=(
            raised(_MISSING, "No module named 'apex.contrib.layer_norm'"),
            raised(_RUNTIME, "No module named 'apex'"),
        ),
    ),
    "build-cuda-home-missing": Case(
        hits=(
            raised("OSError", "CUDA_HOME environment variable is not set. Please set it to your CUDA install root."),
            raised(
                "deepspeed.ops.op_builder.builder.MissingCUDAException",
                "CUDA_HOME does not exist, unable to compile CUDA op(s)",
            ),
        ),
        misses=(
            raised("OSError", "ROCM_HOME environment variable is not set. Please set it to your ROCm install root."),
            raised("KeyError", "CUDA_HOME"),
        ),
    ),
    "build-cuda-toolkit-mismatch": Case(
        hits=(
            raised(
                _RUNTIME,
                "\nThe detected CUDA version (11.8) mismatches the version that was used to compile\nPyTorch (12.1). Please "
                "make sure to use the same CUDA versions.\n",
            ),
            raised(
                _RUNTIME,
                "('The detected CUDA version (%s) mismatches the version that was used to compilePyTorch (%s). Please make "
                "sure to use the same CUDA versions.', '12.9', '13.0')",
            ),
            raised(
                "deepspeed.ops.op_builder.builder.CUDAMismatchException",
                ">- DeepSpeed Op Builder: Installed CUDA version 11.7 does not match the version torch was compiled with "
                "12.1, unable to compile cuda/cpp extensions without a matching cuda version.",
            ),
        ),
        misses=(
            raised(
                _RUNTIME, "The detected CUDA version (12.6) has a minor version mismatch with the version that was used"
            ),
            raised("UserWarning", "The detected CUDA version (11.8) mismatches the version that was used to compile"),
        ),
    ),
    "build-no-compiler": Case(
        hits=(
            raised(_RUNTIME, _CC + " or set triton.knobs.build.impl."),
            raised(_INDUCTOR, f"RuntimeError: {_CC}.\n\nSet TORCHDYNAMO_VERBOSE=1 for the internal stack trace"),
            raised(
                "torch._dynamo.exc.BackendCompilerFailed", f"backend='inductor' raised:\nInvalidCxxCompiler: {_CXX}"
            ),
        ),
        misses=(
            raised(_RUNTIME, "Error compiling objects for extension"),
            raised("ValueError", _CC),
        ),
    ),
    "build-ptxas-too-old": Case(
        hits=(
            printed("ptxas fatal   : Value 'sm_89' is not defined for option 'gpu-name'"),
            raised("triton.runtime.errors.PTXASError", _PTXAS.format("PTXAS error: ", "ptxas fatal   : ")),
            raised(
                _INDUCTOR,
                _PTXAS.format(
                    "RuntimeError: Failed to run autotuning code block: No valid triton configs. PTXASError: PTXAS error: ",
                    "ptxas-blackwell fatal   : ",
                ),
            ),
        ),
        misses=(
            printed("ptxas info    : Value 'sm_89' is not defined"),
            raised("triton.runtime.errors.PTXASError", "PTXAS error: Internal Triton PTX codegen error\nptxas died"),
            printed("ptxas fatal   : Value 'sm_35' is not defined for option 'gpu-name'"),
        ),
    ),
    "build-triton-shared-memory": Case(
        hits=(
            raised("triton.runtime.errors.OutOfResources", _SHARED.format(147456)),
            raised(
                _INDUCTOR,
                "NoTritonConfigsError: No valid triton configs. OutOfResources: " + _SHARED.format(131074),
            ),
        ),
        misses=(
            raised(
                "triton.runtime.errors.OutOfResources", "out of resource: threads, Required: 2048, Hardware limit: 1024"
            ),
            raised(_RUNTIME, "skipped: " + _SHARED.format(147456)),
        ),
    ),
}
