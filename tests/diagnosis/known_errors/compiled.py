"""Extensions that are compiled where they run: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

_RUNTIME, _VALUE, _NOT = "RuntimeError", "ValueError", "NotImplementedError"
_BUILD = "Error building extension '{}': [1/3] /usr/local/cuda/bin/nvcc -DTORCH_EXTENSION_NAME=x -c x.cu -o x.cuda.o\n"
_GNU = (
    "/usr/local/cuda/include/crt/host_config.h:132:2: error: #error -- unsupported GNU version! gcc versions later than"
    " {} are not supported! The nvcc flag '-allow-unsupported-compiler' can be used"
)
_VERSION = "The current installed version of {} ({}) is {} required version by CUDA 11.8. Please make sure to use"
_KILLED = "{}: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.\n"
_INPUTS = (
    "No operator found for `memory_efficient_attention_{}` with inputs:\n"
    "     query       : shape=(1, 2, 1, 40) (torch.float32)\n`decoderF` is not supported because:\n    "
)
_UNBUILT = "xFormers wasn't build with CUDA support\n    attn_bias type is <class 'NoneType'>"
_ON_CPU = "device=cpu (supported: {'cuda'})"
_DTYPE = "dtype=torch.float32 (supported: {torch.float16, torch.bfloat16})"
_TE = "/opt/venv/lib/python3.12/site-packages/transformer_engine/libtransformer_engine.so: undefined symbol: "
_ADAM = "'{}' object has no attribute '{}'"

CASES: dict[str, Case] = {
    "extension-ninja-missing": Case(
        hits=(
            raised(_RUNTIME, "Ninja is required to load C++ extensions"),
            raised(_RUNTIME, "Ninja is required to load C++ extensions (pip install ninja to get it)"),
        ),
        misses=(
            raised(_VALUE, "Ninja is required to load C++ extensions"),
            raised(_RUNTIME, "With dlink=True, ninja is required to build cuda extension x."),
        ),
    ),
    "extension-compiler-too-new": Case(
        hits=(
            printed(
                "/usr/include/crt/host_config.h:139:2: error: #error -- unsupported GNU version! gcc versions later than 11 are "
                "not supported! The nvcc flag '-allow-unsupported-compiler'\nninja: build stopped: subcommand failed."
            ),
            *(raised(_RUNTIME, _BUILD.format("cpu_adam") + _GNU.format(most)) for most in (11, 12)),
        ),
        misses=(
            raised(_VALUE, _GNU.format(11)),
            raised(
                _RUNTIME, _BUILD.format("cpu_adam") + "x.cu:3: error: gcc versions later than 11 are not supported!"
            ),
        ),
    ),
    "extension-compiler-version": Case(
        hits=(
            raised(_RUNTIME, _VERSION.format("x86_64-linux-gnu-g++", "13.3.0", "greater than the maximum")),
            raised(_RUNTIME, _VERSION.format("g++", "4.8.5", "less than the minimum")),
        ),
        misses=(
            raised(_RUNTIME, _VERSION.format("g++", "4.8.5", "the")),
            raised("ImportError", _VERSION.format("g++", "13.3.0", "greater than the maximum")),
        ),
    ),
    "extension-nvcc-missing": Case(
        hits=(
            raised(_RUNTIME, _BUILD.format("fused_adam") + "/bin/sh: 1: /usr/local/cuda/bin/nvcc: not found\n"),
            raised(_RUNTIME, _BUILD.format("op") + "/bin/sh: /usr/local/cuda/bin/nvcc: No such file or directory\n"),
        ),
        misses=(
            raised(_RUNTIME, _BUILD.format("op") + "/bin/sh: 1: cicc: not found\n"),
            raised(_VALUE, "/bin/sh: 1: nvcc: not found"),
        ),
    ),
    "extension-arch-unknown": Case(
        hits=(
            printed(
                "nvcc fatal   : Unsupported gpu architecture 'compute_120'\nninja: build stopped: subcommand failed."
            ),
            raised(_RUNTIME, _BUILD.format("fused_adam") + "nvcc fatal   : Unsupported gpu architecture 'compute_89'"),
            raised(_RUNTIME, _BUILD.format("op") + "nvcc fatal : Unsupported gpu architecture 'compute_120'"),
        ),
        misses=(
            raised(_RUNTIME, _BUILD.format("op") + "nvcc fatal   : Unknown option '-fopenmp'"),
            raised(_VALUE, "nvcc fatal   : Unsupported gpu architecture 'compute_89'"),
        ),
    ),
    "extension-header-missing": Case(
        hits=(
            raised(
                _RUNTIME,
                _BUILD.format("utils") + "/x/pybind11.h:12:10: fatal error: Python.h: No such file or directory",
            ),
            raised(_RUNTIME, _BUILD.format("op") + "x.h:6:10: fatal error: cusparse.h: No such file or directory\n"),
        ),
        misses=(
            raised(_RUNTIME, "x.h:6:10: fatal error: cusparse.h: No such file or directory"),
            raised(_RUNTIME, _BUILD.format("op") + "x.cpp: No such file or directory"),
        ),
    ),
    "extension-library-missing": Case(
        hits=(
            raised(_RUNTIME, _BUILD.format("cpu_adam") + "/usr/bin/ld: cannot find -lcurand\ncollect2: error: ld"),
            raised(_RUNTIME, _BUILD.format("op") + "/x/bin/../x86_64-conda-linux-gnu/bin/ld: cannot find -lcudart: No"),
        ),
        misses=(
            raised(_RUNTIME, "/usr/bin/ld: cannot find -lcurand"),
            raised(_RUNTIME, _BUILD.format("op") + "/usr/bin/ld: cannot find crti.o"),
        ),
    ),
    "extension-compiler-killed": Case(
        hits=(
            printed("c++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated."),
            raised(_RUNTIME, _BUILD.format("op") + _KILLED.format("g++")),
            raised(_RUNTIME, _BUILD.format("op") + "c++: internal compiler error: Killed (program cc1plus)\n"),
        ),
        misses=(
            printed("Killed\nmake: *** [Makefile:12: all] Error 137"),
            raised(_RUNTIME, _BUILD.format("op") + "g++: fatal error: no input files"),
            raised(_VALUE, _KILLED.format("g++")),
        ),
    ),
    "extension-not-compiled": Case(
        hits=(
            raised(_RUNTIME, "Error building extension 'fused_adam'"),
            raised(_RUNTIME, _BUILD.format("cpu_adam") + "x.cpp:3:1: error: expected ';'"),
        ),
        misses=(
            raised(_RUNTIME, "Error compiling objects for extension"),
            raised(_VALUE, "Error building extension 'fused_adam'"),
            raised(_RUNTIME, "the log says: Error building extension 'fused_adam'"),
        ),
    ),
    "extension-deepspeed-adam": Case(
        hits=(
            raised("AttributeError", _ADAM.format("DeepSpeedCPUAdam", "ds_opt_adam")),
            raised("AttributeError", _ADAM.format("DeepSpeedCPUAdagrad", "ds_opt_adagrad")),
        ),
        misses=(
            raised("AttributeError", _ADAM.format("DeepSpeedCPUAdam", "step_count")),
            raised("KeyError", _ADAM.format("DeepSpeedCPUAdam", "ds_opt_adam")),
        ),
    ),
    "extension-architecture": Case(
        hits=tuple(raised(_VALUE, f"Unknown CUDA arch ({arch}) or GPU not supported") for arch in ("12.1", "native")),
        misses=(
            raised(_RUNTIME, "Unknown CUDA arch (12.1) or GPU not supported"),
            raised(_VALUE, "Unknown CUDA arch"),
        ),
    ),
    "extension-mamba-missing": Case(
        hits=tuple(
            raised("NameError", f"name 'selective_scan_{part}' is not defined") for part in ("cuda", "cuda_core")
        ),
        misses=(
            raised("NameError", "name 'selective_scan' is not defined"),
            raised("AttributeError", "name 'selective_scan_cuda' is not defined"),
        ),
    ),
    "transformer-engine-broken": Case(
        hits=(
            raised("FileNotFoundError", "Could not find shared object file for Transformer Engine torch lib."),
            raised("OSError", _TE + "_ZN18transformer_engine9to_stringERK15NVTEScalingMode"),
            raised("OSError", _TE + "cublasLtGroupedMatrixLayoutInit_internal, version libcublasLt.so.13"),
        ),
        misses=(
            raised("OSError", "/opt/lib/libother.so: undefined symbol: _ZN18transformer_engine9to_string"),
            raised(_RUNTIME, "Could not find shared object file for Transformer Engine torch lib."),
        ),
    ),
    "xformers-without-cuda": Case(
        hits=tuple(raised(_NOT, _INPUTS.format(way) + _UNBUILT) for way in ("forward", "backward")),
        misses=(raised(_NOT, _INPUTS.format("forward") + _DTYPE), raised(_VALUE, _INPUTS.format("forward") + _UNBUILT)),
    ),
    "xformers-on-cpu": Case(
        hits=tuple(raised(_NOT, _INPUTS.format(way) + _ON_CPU) for way in ("forward", "backward")),
        misses=(raised(_NOT, _INPUTS.format("forward") + _DTYPE), raised(_NOT, "device=cpu (supported: {'cuda'})")),
    ),
    "xformers-no-kernel": Case(
        hits=tuple(raised(_NOT, _INPUTS.format(way) + _DTYPE) for way in ("forward", "backward")),
        misses=(raised(_NOT, "No operator found for x"), raised(_VALUE, _INPUTS.format("forward") + _DTYPE)),
    ),
}
