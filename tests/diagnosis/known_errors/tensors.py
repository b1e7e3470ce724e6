"""Shapes, dtypes and devices: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

SAME = "Expected all tensors to be on the same device, but "
FOUND = SAME + "found at least two devices, "
ADDMM = "(when checking argument for argument mat1 in method wrapper_CUDA_addmm)"
BERT = ("transformers.models.bert.modeling_bert",)
LOADER = ("torch.utils.data.dataloader",)
STACK = "stack expects each tensor to be equal size, but got [3, 224, 224] at entry 0 and [3, 224, 256] at entry 1"
WORKER = (
    "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
    '  File "/usr/lib/python3/site-packages/torch/utils/data/_utils/worker.py", line 374, in _worker_loop\n'
    "    data = fetcher.fetch(index)\n"
)

CASES: dict[str, Case] = {
    "tensor-without-data": Case(
        hits=(
            raised(
                "NotImplementedError",
                "Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead of"
                " torch.nn.Module.to() when moving module from meta to a different device.",
            ),
            raised("RuntimeError", "Tensor on device meta is not on the expected device cpu!"),
            raised("RuntimeError", "Tensor on device cuda:0 is not on the expected device meta!"),
            raised("RuntimeError", FOUND + "cuda:0 and meta! " + ADDMM),
            raised("RuntimeError", FOUND + "cpu and meta!"),
        ),
        misses=(
            raised("RuntimeError", FOUND + "cuda:0 and cpu! " + ADDMM),
            raised("ValueError", "Cannot copy out of meta tensor; no data!"),
            raised("RuntimeError", "offload failed: Cannot copy out of meta tensor; no data!"),
        ),
    ),
    "tensors-on-two-gpus": Case(
        hits=(
            raised("RuntimeError", FOUND + "cuda:0 and cuda:1! " + ADDMM),
            raised(
                "RuntimeError",
                SAME
                + "got index is on cuda:7, different from other tensors on cuda:2 (when checking argument in method"
                " wrapper_CUDA__index_select)",
            ),
        ),
        misses=(
            raised("RuntimeError", FOUND + "cuda:0 and cpu! " + ADDMM),
            raised("RuntimeError", "NCCL error: tensors must be on one GPU, found cuda:0 and cuda:1!"),
        ),
    ),
    "tensor-double-precision": Case(
        hits=(
            raised("RuntimeError", "mat1 and mat2 must have the same dtype, but got Double and Float"),
            raised("RuntimeError", "Input type (double) and bias type (float) should be the same"),
            raised("RuntimeError", "expected m1 and m2 to have the same dtype, but got: double != float"),
            raised("RuntimeError", "Found dtype Double but expected Float"),
            raised(
                "ValueError",
                "RNN input dtype (torch.float64) does not match weight dtype (torch.float32). Convert input:"
                " input.to(torch.float32), or convert model: model.to(torch.float64)",
            ),
        ),
        misses=(
            raised("RuntimeError", "mat1 and mat2 must have the same dtype, but got Float and BFloat16"),
            raised("RuntimeError", "Found dtype Long but expected Float"),
            raised("TypeError", "expected scalar type Float but found Double"),
        ),
    ),
    "tensor-integers-for-floats": Case(
        hits=(
            raised("RuntimeError", "mat1 and mat2 must have the same dtype, but got Long and Float"),
            raised("RuntimeError", "Input type (unsigned char) and bias type (float) should be the same"),
            raised("NotImplementedError", "\"log_sigmoid_cpu\" not implemented for 'Long'"),
            raised("NotImplementedError", "\"softmax_lastdim_kernel_impl\" not implemented for 'Long'"),
            raised("RuntimeError", "Found dtype Long but expected Float"),
        ),
        misses=(
            raised("RuntimeError", "mat1 and mat2 must have the same dtype, but got Float and Half"),
            raised("RuntimeError", "expected scalar type Long but found Float"),
            raised("NotImplementedError", "\"addmm_impl_cpu_\" not implemented for 'Half'"),
            raised("RuntimeError", "my kernel \"scale\" not implemented for 'Long'"),
        ),
    ),
    "tensor-dtypes-mixed": Case(
        hits=(
            raised("RuntimeError", "mat1 and mat2 must have the same dtype, but got Float and BFloat16"),
            raised("RuntimeError", "expected m1 and m2 to have the same dtype, but got: c10::Half != float"),
            raised("RuntimeError", "expected mat1 and mat2 to have the same dtype, but got: float != c10::BFloat16"),
            raised("RuntimeError", "expected scalar type Half but found Float"),
            raised("RuntimeError", "Input type (float) and bias type (c10::Half) should be the same"),
            raised(
                "RuntimeError",
                "Input type (torch.cuda.HalfTensor) and weight type (torch.cuda.FloatTensor) should be the same",
            ),
            raised(
                "RuntimeError",
                "Expected query, key, and value to have the same dtype, but got query.dtype: float key.dtype: float and"
                " value.dtype: c10::BFloat16 instead.",
            ),
        ),
        misses=(
            raised("RuntimeError", "mat1 and mat2 must have the same dtype, but got Double and Float"),
            raised("RuntimeError", "mat1 and mat2 must have the same dtype, but got BFloat16 and Byte"),
            raised("RuntimeError", "expected scalar type Long but found Int"),
            raised("RuntimeError", "see the log: expected scalar type Half but found Float"),
            raised("TypeError", "expected scalar type Half but found Float"),
        ),
    ),
    "op-not-for-half-on-cpu": Case(
        hits=(
            raised("RuntimeError", "\"addmm_impl_cpu_\" not implemented for 'Half'"),
            raised("RuntimeError", "\"slow_conv2d_cpu\" not implemented for 'Half'"),
            raised("RuntimeError", "\"LayerNormKernelImpl\" not implemented for 'Half'"),
            raised("NotImplementedError", "\"multi_margin_loss_cpu_kernel\" not implemented for 'Half'"),
        ),
        misses=(
            raised("RuntimeError", "\"lu_cuda\" not implemented for 'Half'"),
            raised("RuntimeError", "\"log_sigmoid_cpu\" not implemented for 'Long'"),
            raised("ValueError", "\"addmm_impl_cpu_\" not implemented for 'Half'"),
        ),
    ),
    "tensor-cat-sizes": Case(
        hits=(
            raised(
                "RuntimeError",
                "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1 in"
                " the list.",
            ),
            raised(
                "RuntimeError",
                "Sizes of tensors must match except in dimension 1. Expected size 37 but got size 36 for tensor number 1"
                " in the list.",
            ),
        ),
        misses=(
            raised("RuntimeError", "Tensors must have same number of dimensions: got 2 and 1"),
            raised("ValueError", "Sizes of tensors must match except in dimension 0."),
        ),
    ),
    "text-longer-than-model": Case(
        hits=(
            raised(
                "RuntimeError",
                "The expanded size of the tensor (1500) must match the existing size (1024) at non-singleton dimension 1. "
                " Target sizes: [4, 1500].  Tensor sizes: [1, 1024]",
                modules=BERT,
            ),
            raised(
                "RuntimeError",
                "The expanded size of the tensor (1234) must match the existing size (1024) at non-singleton dimension 1. "
                " Target sizes: [1, 1234].  Tensor sizes: [1, 1024]",
                modules=("transformers.models.bert.modeling_bert",),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "The size of tensor a (1024) must match the size of tensor b (768) at non-singleton dimension 1",
                modules=BERT,
            ),
            raised(
                "RuntimeError",
                "The size of tensor a (734) must match the size of tensor b (512) at non-singleton dimension 1",
            ),
            raised(
                "RuntimeError",
                "The size of tensor a (32) must match the size of tensor b (16) at non-singleton dimension 1",
                modules=BERT,
            ),
            raised(
                "RuntimeError",
                "The size of tensor a (512) must match the size of tensor b (734) at non-singleton dimension 1",
                modules=BERT,
            ),
        ),
    ),
    "tensor-sizes-differ": Case(
        hits=(
            raised(
                "RuntimeError",
                "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1",
            ),
            raised(
                "RuntimeError",
                "The size of tensor a (64) must match the size of tensor b (17) at non-singleton dimension 0",
            ),
        ),
        misses=(
            raised("RuntimeError", "The size of tensor a (3) must match the size of tensor b"),
            raised(
                "RuntimeError",
                "in loss: The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1",
            ),
            raised(
                "ValueError",
                "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1",
            ),
        ),
    ),
    "tensor-view-size": Case(
        hits=(
            raised("RuntimeError", "shape '[4, 2]' is invalid for input of size 6"),
            raised("RuntimeError", "shape '[32, -1, 768]' is invalid for input of size 13056"),
        ),
        misses=(
            raised("ValueError", "shape '[4, 2]' is invalid for input of size 6"),
            raised(
                "RuntimeError",
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across two"
                " contiguous subspaces). Use .reshape(...) instead.",
            ),
        ),
    ),
    "conv-channels": Case(
        hits=(
            raised(
                "RuntimeError",
                "Given groups=1, weight of size [64, 3, 7, 7], expected input[2, 1, 28, 28] to have 3 channels, but got 1"
                " channels instead",
            ),
            raised(
                "RuntimeError",
                "Given groups=1, weight of size [128, 80, 3], expected input[8, 1000, 80] to have 80 channels, but got 1000"
                " channels instead",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "Given groups=2, expected weight to be at least 2 at dimension 0, but got weight of size [1]",
            ),
            raised("ValueError", "num_channels (8) must be divisible by num_groups (3)"),
        ),
    ),
    "samples-differ-in-size": Case(
        hits=(
            raised("RuntimeError", STACK, modules=LOADER),
            raised("RuntimeError", f"{WORKER}RuntimeError: {STACK}\n", modules=LOADER),
            raised(
                "RuntimeError",
                WORKER + "RuntimeError: Trying to resize storage that is not resizable\n",
                modules=LOADER,
            ),
            raised("RuntimeError", "each element in list of batch should be of equal size", modules=LOADER),
        ),
        misses=(
            raised("RuntimeError", STACK, modules=("train",)),
            raised("RuntimeError", WORKER + "RuntimeError: unable to open file 0007.png\n", modules=LOADER),
            raised("ValueError", STACK, modules=LOADER),
        ),
    ),
}
