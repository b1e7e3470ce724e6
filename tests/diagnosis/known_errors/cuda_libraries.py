"""Calls of cuDNN and cuBLAS that fail: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "cudnn-not-supported": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a "
                    "non-contiguous input."
                ),
            ),
            raised("RuntimeError", "cuDNN error: CUDNN_STATUS_BAD_PARAM"),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if "
                    "you passed in a non-contiguous input."
                ),
            ),
            raised(
                "KeyError",
                (
                    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a "
                    "non-contiguous input."
                ),
            ),
        ),
    ),
    "cudnn-out-of-step": Case(
        hits=(
            raised("RuntimeError", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
            raised("RuntimeError", "cuDNN error: CUDNN_STATUS_MAPPING_ERROR"),
        ),
        misses=(
            raised("RuntimeError", "an earlier attempt said: cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
            raised("KeyError", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        ),
    ),
    "cudnn-libraries-mixed": Case(
        hits=(
            raised("RuntimeError", "CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH"),
            raised("RuntimeError", "cuDNN error: CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH"),
            raised("RuntimeError", "cuDNN error: CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED"),
        ),
        misses=(
            raised("ValueError", "CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH"),
            raised("RuntimeError", "an earlier attempt said: cuDNN error: CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH"),
            raised("KeyError", "cuDNN error: CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH"),
        ),
    ),
    "cudnn-attention-unsupported": Case(
        hits=(
            raised(
                "RuntimeError", "cuDNN Frontend error: [cudnn_frontend] Error: No execution plans support the graph."
            ),
            raised("RuntimeError", "cuDNN Frontend error: [cudnn_frontend] Error: No valid execution plans built."),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: cuDNN Frontend error: [cudnn_frontend] Error: No execution plans "
                    "support the graph."
                ),
            ),
            raised("KeyError", "cuDNN Frontend error: [cudnn_frontend] Error: No execution plans support the graph."),
        ),
    ),
    "cublas-wrong-library": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasGemmEx( handle, opa, opb, m, n, "
                    "k, &falpha, a, CUDA_R_16F, lda, b,"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemm( handle, opa, opb, m, n, "
                    "k, &alpha, a, lda, b,"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling "
                    "`cublasGemmEx( handle, opa, opb, m, n, k, &falpha, a, CUDA_R_16F, lda, b,"
                ),
            ),
            raised(
                "KeyError",
                (
                    "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasGemmEx( handle, opa, opb, m, n, "
                    "k, &falpha, a, CUDA_R_16F, lda, b,"
                ),
            ),
        ),
    ),
    "cublas-internal": Case(
        hits=(
            raised("RuntimeError", "CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling `cublasCreate(handle)`"),
            raised(
                "RuntimeError",
                (
                    "CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling `cublasSgemm( handle, opa, opb, m, n, "
                    "k, &alpha, a, lda)`"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling "
                    "`cublasCreate(handle)`"
                ),
            ),
            raised("KeyError", "CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling `cublasCreate(handle)`"),
        ),
    ),
    "cublas-no-such-kernel": Case(
        hits=(
            raised(
                "RuntimeError",
                "CUDA error: CUBLAS_STATUS_ARCH_MISMATCH when calling `cublasGemmEx( handle, opa, opb, m, n, k,",
            ),
            raised(
                "RuntimeError",
                (
                    "CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasLtMatmulAlgoGetHeuristic( "
                    "ltHandle, computeDesc.descriptor(),"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: CUDA error: CUBLAS_STATUS_ARCH_MISMATCH when calling "
                    "`cublasGemmEx( handle, opa, opb, m, n, k,"
                ),
            ),
            raised(
                "KeyError",
                "CUDA error: CUBLAS_STATUS_ARCH_MISMATCH when calling `cublasGemmEx( handle, opa, opb, m, n, k,",
            ),
        ),
    ),
    "device-cudnn-no-engine": Case(
        hits=(
            raised("RuntimeError", "GET was unable to find an engine to execute"),
            raised("RuntimeError", "GET was unable to find an engine to execute this computation"),
            raised("RuntimeError", "FIND was unable to find an engine to execute this computation"),
            raised("RuntimeError", "Unable to find a valid cuDNN algorithm to run convolution"),
        ),
        misses=(
            raised("RuntimeError", "unable to find an engine to execute this computation"),
            raised("ValueError", "GET was unable to find an engine to execute this computation"),
        ),
    ),
}
