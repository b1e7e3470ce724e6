"""Inputs that do not fit a layer, and lists that become no tensor: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "samples-not-stackable": Case(
        hits=(
            raised("RuntimeError", "Trying to resize storage that is not resizable"),
            raised(
                "RuntimeError",
                "Trying to resize storage that is not resizable at ../aten/src/ATen/native/Resize.cpp:44",
            ),
        ),
        misses=(
            raised("RuntimeError", "an earlier attempt said: Trying to resize storage that is not resizable"),
            raised("KeyError", "Trying to resize storage that is not resizable"),
        ),
    ),
    "conv-dimensions": Case(
        hits=(
            raised(
                "RuntimeError",
                ("Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [1, 1, 3, 224, 224]"),
            ),
            raised(
                "RuntimeError",
                (
                    "Expected 4-dimensional input for 4-dimensional weight [64, 3, 7, 7], but got 3-dimensional "
                    "input of size [3, 224, 224] instead"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got "
                    "input of size: [1, 1, 3, 224, 224]"
                ),
            ),
            raised(
                "KeyError",
                ("Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [1, 1, 3, 224, 224]"),
            ),
        ),
    ),
    "conv-input-too-small": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3). Kernel size can't "
                    "be greater than actual input size"
                ),
            ),
            raised(
                "RuntimeError",
                "Given input size: (512x1x1). Calculated output size: (512x0x0). Output size is too small",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Calculated padded input size per channel: (2 x 2). Kernel size: (3 "
                    "x 3). Kernel size can't be greater than actual input size"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3). Kernel size can't "
                    "be greater than actual input size"
                ),
            ),
        ),
    ),
    "norm-dimensions": Case(
        hits=(
            raised("ValueError", "expected 4D input (got 2D input)"),
            raised("ValueError", "expected 2D or 3D input (got 4D input)"),
        ),
        misses=(
            raised("ValueError", "an earlier attempt said: expected 4D input (got 2D input)"),
            raised("KeyError", "expected 4D input (got 2D input)"),
        ),
    ),
    "rnn-input-size": Case(
        hits=(
            raised("RuntimeError", "input.size(-1) must be equal to input_size. Expected 128, got 64"),
            raised("RuntimeError", "input.size(-1) must be equal to input_size. Expected 1, got 24"),
        ),
        misses=(
            raised(
                "RuntimeError",
                "an earlier attempt said: input.size(-1) must be equal to input_size. Expected 128, got 64",
            ),
            raised("KeyError", "input.size(-1) must be equal to input_size. Expected 128, got 64"),
        ),
    ),
    "batchnorm-one-value": Case(
        hits=(
            raised("ValueError", "Expected more than 1 value per channel when training, got input size [1, 256, 1, 1]"),
            raised("ValueError", "Expected more than 1 value per channel when training, got input size [1, 512]"),
            raised(
                "ValueError", "Expected more than 1 value per channel when training, got input size torch.Size([1, 8])"
            ),
            raised(
                "ValueError",
                "Expected more than 1 value per channel when training, got input size torch.Size([1, 256, 1, 1])",
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Expected more than 1 value per channel when training, got input "
                    "size [1, 256, 1, 1]"
                ),
            ),
            raised("KeyError", "Expected more than 1 value per channel when training, got input size [1, 256, 1, 1]"),
            raised(
                "ValueError",
                "Expected more than 1 spatial element when training, got input size torch.Size([1, 8, 1, 1])",
            ),
            raised("RuntimeError", "running_mean should contain 7 elements not 8"),
        ),
    ),
    "lists-uneven": Case(
        hits=(
            raised("ValueError", "expected sequence of length 15757 at dim 1 (got 16242)"),
            raised("ValueError", "expected sequence of length 128 at dim 2 (got 0)"),
        ),
        misses=(
            raised("ValueError", "an earlier attempt said: expected sequence of length 15757 at dim 1 (got 16242)"),
            raised("KeyError", "expected sequence of length 15757 at dim 1 (got 16242)"),
        ),
    ),
    "array-uneven": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "setting an array element with a sequence. The requested array has an inhomogeneous shape "
                    "after 1 dimensions. The detected shape was (8,) + inhomogeneous part."
                ),
            ),
            raised(
                "ValueError",
                (
                    "setting an array element with a sequence. The requested array has an inhomogeneous shape "
                    "after 2 dimensions. The detected shape was (2, 3) + inhomogeneous part."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: setting an array element with a sequence. The requested array has "
                    "an inhomogeneous shape after 1 dimensions. The detected shape was (8,) + inhomogeneous part."
                ),
            ),
            raised(
                "KeyError",
                (
                    "setting an array element with a sequence. The requested array has an inhomogeneous shape "
                    "after 1 dimensions. The detected shape was (8,) + inhomogeneous part."
                ),
            ),
        ),
    ),
    "tensor-of-text": Case(
        hits=(
            raised("ValueError", "too many dimensions 'str'"),
            raised(
                "TypeError",
                (
                    "can't convert np.ndarray of type numpy.object_. The only supported types are: float64, "
                    "float32, float16, complex64, complex128, int64, int32, int16, int8, uint8, and bool."
                ),
            ),
        ),
        misses=(
            raised("ValueError", "an earlier attempt said: too many dimensions 'str'"),
            raised("KeyError", "too many dimensions 'str'"),
        ),
    ),
    "tensor-truth-unclear": Case(
        hits=(
            raised("RuntimeError", "Boolean value of Tensor with more than one value is ambiguous"),
            raised("RuntimeError", "Boolean value of Tensor with more than one value is ambiguous\nin `if labels:`"),
        ),
        misses=(
            raised(
                "RuntimeError", "an earlier attempt said: Boolean value of Tensor with more than one value is ambiguous"
            ),
            raised("KeyError", "Boolean value of Tensor with more than one value is ambiguous"),
        ),
    ),
}
