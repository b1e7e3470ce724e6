"""Shapes that do not fit: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "tensor-expand": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "The expanded size of the tensor (77) must match the existing size (85) at non-singleton "
                    "dimension 0.  Target sizes: [77].  Tensor sizes: [85]"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "The expanded size of the tensor (32) must match the existing size (16) at non-singleton "
                    "dimension 2.  Target sizes: [4, 8, 32].  Tensor sizes: [4, 8, 16]"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: The expanded size of the tensor (77) must match the existing size "
                    "(85) at non-singleton dimension 0.  Target sizes: [77].  Tensor sizes: [85]"
                ),
            ),
            raised(
                "KeyError",
                (
                    "The expanded size of the tensor (77) must match the existing size (85) at non-singleton "
                    "dimension 0.  Target sizes: [77].  Tensor sizes: [85]"
                ),
            ),
        ),
    ),
    "tensor-matmul-shapes": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "size mismatch, m1: [4 x 2048], m2: [512 x 1000] at "
                    "/pytorch/aten/src/THC/generic/THCTensorMathBlas.cu:283"
                ),
            ),
            raised("RuntimeError", "linear(): input and weight.T shapes cannot be multiplied (32x784 and 512x10)"),
            raised("RuntimeError", "a and b must have same reduction dim, but got [8, 768] X [1024, 4096]."),
            raised("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (2x3 and 5x2)"),
            raised("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (32x12544 and 9216x128)"),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: size mismatch, m1: [4 x 2048], m2: [512 x 1000] at "
                    "/pytorch/aten/src/THC/generic/THCTensorMathBlas.cu:283"
                ),
            ),
            raised(
                "KeyError",
                (
                    "size mismatch, m1: [4 x 2048], m2: [512 x 1000] at "
                    "/pytorch/aten/src/THC/generic/THCTensorMathBlas.cu:283"
                ),
            ),
            raised("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (1024x4096 and 1x8388608)"),
            raised("ValueError", "layer 3: mat1 and mat2 shapes cannot be multiplied (2x3 and 5x2)"),
            raised(
                "RuntimeError", "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 5]."
            ),
        ),
    ),
    "tensor-matmul-unnamed": Case(
        hits=(
            raised("RuntimeError", "mat1 dim 1 must match mat2 dim 0"),
            raised(
                "RuntimeError",
                "Expected size for first two dimensions of batch2 tensor to be: [8, 64] but got: [8, 32].",
            ),
        ),
        misses=(
            raised("RuntimeError", "size mismatch, m1: [4 x 2048], m2: [512 x 1000] at x"),
            raised("RuntimeError", "see mat1 dim 1 must match mat2 dim 0"),
            raised("ValueError", "mat1 dim 1 must match mat2 dim 0"),
            raised("RuntimeError", "size mismatch, got input (9), mat (9x4096), vec (0)"),
        ),
    ),
    "tensor-cat-old-words": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Sizes of tensors must match except in dimension 1. Got 64 and 63 in dimension 2 (The "
                    "offending index is 1)"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "invalid argument 0: Sizes of tensors must match except in dimension 0. Got 224 and 256 in "
                    "dimension 2 at /pytorch/aten/src/TH/generic/THTensor.cpp:612"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Sizes of tensors must match except in dimension 1. Got 64 and 63 "
                    "in dimension 2 (The offending index is 1)"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Sizes of tensors must match except in dimension 1. Got 64 and 63 in dimension 2 (The "
                    "offending index is 1)"
                ),
            ),
        ),
    ),
    "tensor-cat-dimensions": Case(
        hits=(
            raised("RuntimeError", "Tensors must have same number of dimensions: got 3 and 2"),
            raised("RuntimeError", "Tensors must have same number of dimensions: got 4 and 5"),
        ),
        misses=(
            raised("RuntimeError", "an earlier attempt said: Tensors must have same number of dimensions: got 3 and 2"),
            raised("KeyError", "Tensors must have same number of dimensions: got 3 and 2"),
        ),
    ),
    "tensor-stack-sizes": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "stack expects each tensor to be equal size, but got [3, 224, 224] at entry 0 and [1, 224, "
                    "224] at entry 1"
                ),
            ),
            raised(
                "RuntimeError",
                "stack expects each tensor to be equal size, but got [512] at entry 0 and [377] at entry 3",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: stack expects each tensor to be equal size, but got [3, 224, 224] "
                    "at entry 0 and [1, 224, 224] at entry 1"
                ),
            ),
            raised(
                "KeyError",
                (
                    "stack expects each tensor to be equal size, but got [3, 224, 224] at entry 0 and [1, 224, "
                    "224] at entry 1"
                ),
            ),
        ),
    ),
    "tensor-dimension-missing": Case(
        hits=(
            raised("IndexError", "Dimension out of range (expected to be in range of [-1, 0], but got 1)"),
            raised("IndexError", "Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
        ),
        misses=(
            raised(
                "IndexError",
                "an earlier attempt said: Dimension out of range (expected to be in range of [-1, 0], but got 1)",
            ),
            raised("KeyError", "Dimension out of range (expected to be in range of [-1, 0], but got 1)"),
        ),
    ),
    "tensor-view-strides": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "view size is not compatible with input tensor's size and stride (at least one dimension "
                    "spans across two contiguous subspaces). Use .reshape(...) instead."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "view size is not compatible with input tensor's size and stride (at least one dimension "
                    "spans across two contiguous subspaces). Call .contiguous() before .view()."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: view size is not compatible with input tensor's size and stride "
                    "(at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead."
                ),
            ),
            raised(
                "KeyError",
                (
                    "view size is not compatible with input tensor's size and stride (at least one dimension "
                    "spans across two contiguous subspaces). Use .reshape(...) instead."
                ),
            ),
        ),
    ),
    "tensor-inplace-broadcast": Case(
        hits=(
            raised("RuntimeError", "output with shape [1, 224, 224] doesn't match the broadcast shape [3, 224, 224]"),
            raised("RuntimeError", "output with shape [8, 1] doesn't match the broadcast shape [8, 8]"),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: output with shape [1, 224, 224] doesn't match the broadcast shape "
                    "[3, 224, 224]"
                ),
            ),
            raised("KeyError", "output with shape [1, 224, 224] doesn't match the broadcast shape [3, 224, 224]"),
        ),
    ),
    "tensor-index-shapes": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "shape mismatch: value tensor of shape [1, 4096] cannot be broadcast to indexing result of "
                    "shape [0, 4096]"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "shape mismatch: value tensor of shape [576, 4096] cannot be broadcast to indexing result of "
                    "shape [575, 4096]"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: shape mismatch: value tensor of shape [1, 4096] cannot be "
                    "broadcast to indexing result of shape [0, 4096]"
                ),
            ),
            raised(
                "KeyError",
                (
                    "shape mismatch: value tensor of shape [1, 4096] cannot be broadcast to indexing result of "
                    "shape [0, 4096]"
                ),
            ),
        ),
    ),
    "einsum-sizes": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "einsum(): subscript j has size 64 for operand 1 which does not broadcast with previously "
                    "seen size 32"
                ),
            ),
            raised(
                "RuntimeError",
                ("einsum(): subscript b has size 3 for operand 1 which does not broadcast with previously seen size 4"),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: einsum(): subscript j has size 64 for operand 1 which does not "
                    "broadcast with previously seen size 32"
                ),
            ),
            raised(
                "KeyError",
                (
                    "einsum(): subscript j has size 64 for operand 1 which does not broadcast with previously "
                    "seen size 32"
                ),
            ),
        ),
    ),
}
