"""What is said when nothing more special holds: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

CASES: dict[str, Case] = {
    "import-library-missing": Case(
        hits=(
            raised("ImportError", "libmpi.so.40: cannot open shared object file: No such file or directory"),
            raised("OSError", "libsndfile.so.1: cannot open shared object file: No such file or directory"),
        ),
        misses=(
            raised(
                "ImportError",
                "an earlier attempt said: libmpi.so.40: cannot open shared object file: No such file or directory",
            ),
            raised("KeyError", "libmpi.so.40: cannot open shared object file: No such file or directory"),
        ),
    ),
    "torch-name-missing": Case(
        hits=(
            raised("AttributeError", "module 'torch' has no attribute 'float4_e2m1fn_x2'"),
            raised("AttributeError", "module 'torch.library' has no attribute 'wrap_triton'"),
        ),
        misses=(
            raised("AttributeError", "an earlier attempt said: module 'torch' has no attribute 'float4_e2m1fn_x2'"),
            raised("KeyError", "module 'torch' has no attribute 'float4_e2m1fn_x2'"),
        ),
    ),
    "memory-of-python": Case(
        hits=(
            raised("MemoryError", ""),
            raised("MemoryError", "Unable to allocate internal buffer."),
        ),
        misses=(
            raised("ValueError", ""),
            raised(
                "numpy.core._exceptions._ArrayMemoryError",
                "Unable to allocate 7.39 GiB for an array with shape (60000, 3, 105, 105) and data type float32",
            ),
        ),
    ),
    "op-not-for-dtype": Case(
        hits=(
            raised("RuntimeError", "\"triu_tril_cuda_template\" not implemented for 'BFloat16'"),
            raised("NotImplementedError", "\"cholesky_cusolver\" not implemented for 'Half'"),
            raised("RuntimeError", "\"upsample_nearest2d_out_frame\" not implemented for 'BFloat16'"),
        ),
        misses=(
            raised("RuntimeError", "\"log_softmax_lastdim_kernel_impl\" not implemented for 'Long'"),
            raised("TypeError", "\"erfinv_cuda\" not implemented for 'BFloat16'"),
            raised("RuntimeError", "\"_amp_foreach_non_finite_check_and_unscale_cuda\" not implemented for 'BFloat16'"),
        ),
    ),
    "numpy-alias-gone": Case(
        hits=(
            raised("AttributeError", "module 'numpy' has no attribute 'float'"),
            raised("AttributeError", "module 'numpy' has no attribute 'object'. Did you mean: 'object_'?"),
        ),
        misses=(
            raised("AttributeError", "module 'numpy' has no attribute 'float8'"),
            raised("ImportError", "module 'numpy' has no attribute 'float'"),
        ),
    ),
    "segfault": Case(
        hits=(killed("SIGSEGV"), killed("SIGSEGV", "step 400 loss 2.1\n")),
        misses=(killed("SIGBUS"), printed("Segmentation fault (core dumped)"), killed("SIGABRT", "SIGSEGV")),
    ),
    "shm-bus-error": Case(
        hits=(killed("SIGBUS"), killed("SIGBUS", "step 400 loss 2.1\n", oom_kills="0")),
        misses=(killed("SIGSEGV"), killed("SIGKILL", "Bus error"), printed("Bus error (core dumped)")),
    ),
    "build-other-cpu": Case(
        hits=(
            killed("SIGILL"),
            killed("SIGILL", "epoch 0\nIllegal instruction (core dumped)"),
        ),
        misses=(
            killed("SIGSEGV"),
            printed("Illegal instruction (core dumped)"),
        ),
    ),
}
