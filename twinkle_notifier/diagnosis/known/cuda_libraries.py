"""Calls of cuDNN and cuBLAS that fail."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "cudnn-not-supported",
        Advice(
            ("cuDNN does not do this operation for this input: not contiguous, too large, or a wrong shape or dtype"),
            (
                "call x.contiguous() before the operation, and print its shape and dtype; try a smaller batch",
                "torch.backends.cudnn.enabled = False shows whether it is cuDNN alone",
            ),
        ),
        Advice(
            "cuDNN 不支持对该输入做此运算：不连续、过大，或 shape、dtype 不对",
            (
                "在该运算之前调用 x.contiguous()，并打印 shape 和 dtype；试试更小的 batch",
                "设 torch.backends.cudnn.enabled = False 可确认是否只是 cuDNN 的问题",
            ),
        ),
        "https://github.com/pytorch/pytorch/issues/11065",
        says=(
            "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED",
            "cuDNN error: CUDNN_STATUS_BAD_PARAM",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "cudnn-out-of-step",
        Advice(
            "cuDNN got no memory, or met the failure of an earlier kernel",
            (
                "lower the batch size, and see with nvidia-smi what else is on the device",
                "run once with CUDA_LAUNCH_BLOCKING=1: an earlier operation may be the one that fails",
            ),
        ),
        Advice(
            "cuDNN 申请不到显存，或遇到了更早的 kernel 失败",
            (
                "调小 batch size，并用 nvidia-smi 查看还有谁在用这张卡",
                "用 CUDA_LAUNCH_BLOCKING=1 跑一次：真正失败的可能是更早的运算",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html",
        says=(
            "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
            "cuDNN error: CUDNN_STATUS_MAPPING_ERROR",
            "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "cudnn-libraries-mixed",
        Advice(
            "the parts of cuDNN that were loaded are of different versions: one is not of PyTorch's own",
            (
                "unset LD_LIBRARY_PATH and try again",
                "else reinstall torch and the nvidia-cudnn package that it asks for, in a new environment",
            ),
        ),
        Advice(
            "加载到的 cuDNN 各部分版本不一致：其中一个不是 PyTorch 自带的",
            (
                "清空 LD_LIBRARY_PATH 再试",
                "否则在新环境里重装 torch 及其要求的 nvidia-cudnn 包",
            ),
        ),
        "https://docs.nvidia.com/deeplearning/cudnn/backend/latest/api/cudnn-graph-library.html",
        says=tuple(
            f"{begin}CUDNN_STATUS_{status}"
            for begin in ("cuDNN error: ", "")
            for status in ("SUBLIBRARY_VERSION_MISMATCH", "VERSION_MISMATCH", "SUBLIBRARY_LOADING_FAILED")
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "cudnn-attention-unsupported",
        Advice(
            "cuDNN's attention has no way to run for these shapes, and PyTorch had chosen it",
            (
                "switch it off: torch.backends.cuda.enable_cudnn_sdp(False)",
                "or upgrade torch, or use attn_implementation='eager' or flash attention",
            ),
        ),
        Advice(
            "PyTorch 选用了 cuDNN 注意力，但它不支持这些形状",
            (
                "关闭它：torch.backends.cuda.enable_cudnn_sdp(False)",
                "或升级 torch，或用 attn_implementation='eager'、flash attention",
            ),
        ),
        "https://github.com/pytorch/pytorch/issues/140930",
        says=("cuDNN Frontend error: ",),
        types=("RuntimeError",),
    ),
    Rule(
        "cublas-wrong-library",
        Advice(
            (
                "cuBLAS refused its arguments: most often a cuBLAS of another CUDA is loaded, or an index "
                "went wrong before"
            ),
            (
                "unset LD_LIBRARY_PATH; pip list | grep cublas must show the version that torch asks for",
                "run once with CUDA_LAUNCH_BLOCKING=1, and print the shapes at the line that it shows",
            ),
        ),
        Advice(
            "cuBLAS 拒绝了参数：多为加载了其他 CUDA 版本的 cuBLAS，或之前的索引越界",
            (
                "清空 LD_LIBRARY_PATH；pip list | grep cublas 应是 torch 要求的版本",
                "用 CUDA_LAUNCH_BLOCKING=1 跑一次，并打印报错行的 shape",
            ),
        ),
        "https://github.com/huggingface/transformers/issues/21663",
        says=("CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `",),
        types=(
            "AcceleratorError",
            "RuntimeError",
        ),
    ),
    Rule(
        "cublas-internal",
        Advice(
            "cuBLAS failed in itself: most often the device is full, or an earlier kernel failed",
            (
                "run once with CUDA_LAUNCH_BLOCKING=1: look for a label or an id out of range",
                "lower the batch size, and see with nvidia-smi what else is on the device",
            ),
        ),
        Advice(
            "cuBLAS 内部失败：多为显存已满，或更早的 kernel 失败",
            (
                "用 CUDA_LAUNCH_BLOCKING=1 跑一次：检查标签或 id 是否越界",
                "调小 batch size，并用 nvidia-smi 查看还有谁在用这张卡",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/notes/cuda.html",
        says=(
            "CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling `",
            "CUDA error: CUBLAS_STATUS_MAPPING_ERROR when calling `",
        ),
        types=(
            "AcceleratorError",
            "RuntimeError",
        ),
    ),
    Rule(
        "cublas-no-such-kernel",
        Advice(
            "cuBLAS cannot do this product on this GPU: its dtype is too new for the GPU, or the CUDA too old",
            (
                "use float16 or float32 in place of bfloat16 or fp8 on GPUs older than Ampere",
                "or take a torch build for a newer CUDA",
            ),
        ),
        Advice(
            "cuBLAS 在这张 GPU 上无法做该矩阵乘：dtype 对 GPU 太新，或 CUDA 太旧",
            (
                "比 Ampere 旧的 GPU 用 float16 或 float32 代替 bfloat16、fp8",
                "或换用更新 CUDA 的 torch",
            ),
        ),
        "https://docs.nvidia.com/cuda/cublas/",
        says=(
            "CUDA error: CUBLAS_STATUS_ARCH_MISMATCH when calling `",
            "CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasLtMatmul",
        ),
        types=(
            "AcceleratorError",
            "RuntimeError",
        ),
    ),
    Rule(
        "device-cudnn-no-engine",
        Advice(
            "cuDNN can run no convolution here: the device is full, too old for this dtype, or another cuDNN is loaded",
            (
                "lower the batch size; on a GPU before Turing train in fp32",
                "unset LD_LIBRARY_PATH, as it may lead to another cuDNN",
            ),
        ),
        Advice(
            "cuDNN 找不到可用的卷积算法：显存已满，这张卡太旧、不支持该 dtype，或加载了另一个 cuDNN",
            ("调小 batch size；Turing 之前的卡用 fp32 训练", "清空 LD_LIBRARY_PATH：它可能指向另一个 cuDNN"),
        ),
        "https://github.com/pytorch/pytorch/blob/main/RELEASE.md",
        says=(
            "GET was unable to find an engine to execute",
            "FIND was unable to find an engine to execute",
            "Unable to find a valid cuDNN algorithm to run convolution",
        ),
        types=("RuntimeError",),
    ),
)
