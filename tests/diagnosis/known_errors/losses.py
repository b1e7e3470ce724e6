"""Losses, optimizers and schedulers: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "labels-one-dimension-too-many": Case(
        hits=(
            raised("RuntimeError", "0D or 1D target tensor expected, multi-target not supported"),
            raised("RuntimeError", "1D target tensor expected, multi-target not supported"),
            raised(
                "RuntimeError", "only batches of spatial targets supported (3D tensors) but got targets of dimension: 4"
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "only batches of spatial targets supported (non-empty tensors) but got targets of size: []",
            ),
            raised("ValueError", "0D or 1D target tensor expected, multi-target not supported"),
        ),
    ),
    "labels-one-hot-integers": Case(
        hits=(
            raised("RuntimeError", "Expected floating point type for target with class probabilities, got Long"),
            raised("RuntimeError", "Expected floating point type for target with class probabilities, got Int"),
        ),
        misses=(
            raised("RuntimeError", "expected target dtype to be Long or Byte, but got Int"),
            raised("ValueError", "Expected floating point type for target with class probabilities, got Long"),
        ),
    ),
    "loss-classes-not-second": Case(
        hits=(
            raised("RuntimeError", "Expected target size [2, 10], got [2, 5]"),
            raised("RuntimeError", "Expected target size [8, 32000], got [8, 1024]"),
        ),
        misses=(
            raised("ValueError", "Expected target size (2, 10), got torch.Size([2, 5])"),
            raised("RuntimeError", "Expected target size of the image, got nothing"),
        ),
    ),
    "bce-input-not-probability": Case(
        hits=(
            raised("RuntimeError", "all elements of input should be between 0 and 1"),
            raised(
                "RuntimeError", "all elements of input should be between 0 and 1", modules=("torch.nn.modules.loss",)
            ),
        ),
        misses=(
            raised("RuntimeError", "all elements of target should be between 0 and 1"),
            raised("ValueError", "all elements of input should be between 0 and 1"),
        ),
    ),
    "one-hot-classes": Case(
        hits=(
            raised("RuntimeError", "Class values must be smaller than num_classes."),
            raised("RuntimeError", "Class values must be non-negative."),
        ),
        misses=(
            raised("ValueError", "Class values must be smaller than num_classes."),
            raised("RuntimeError", "one_hot is only applicable to index tensor of type LongTensor."),
        ),
    ),
    "optimizer-no-parameters": Case(
        hits=(
            raised("ValueError", "optimizer got an empty parameter list"),
            raised("ValueError", "optimizer got an empty parameter list", modules=("torch.optim.adamw",)),
        ),
        misses=(
            raised("ValueError", "the optimizer got an empty parameter list"),
            raised("RuntimeError", "optimizer got an empty parameter list"),
        ),
    ),
    "optimizer-other-parameters": Case(
        hits=(
            raised(
                "ValueError",
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
            ),
            raised("ValueError", "loaded state dict has a different number of parameter groups"),
        ),
        misses=(
            raised("KeyError", "loaded state dict has a different number of parameter groups"),
            raised("ValueError", "loaded state dict of the model has a different number of parameters"),
        ),
    ),
    "optimizer-parameters-twice": Case(
        hits=(
            raised("ValueError", "some parameters appear in more than one parameter group"),
            raised(
                "ValueError", "some parameters appear in more than one parameter group", modules=("torch.optim.adamw",)
            ),
        ),
        misses=(
            raised("ValueError", "some parameters appear in more than one file"),
            raised("RuntimeError", "some parameters appear in more than one parameter group"),
        ),
    ),
    "scheduler-out-of-steps": Case(
        hits=(
            raised("ValueError", "Tried to step 3 times. The specified number of total steps is 2"),
            raised("ValueError", "Tried to step 100002 times. The specified number of total steps is 100000"),
        ),
        misses=(
            raised("ValueError", "Tried to step 3 times"),
            raised("RuntimeError", "Tried to step 3 times. The specified number of total steps is 2"),
        ),
    ),
    "bce-shapes-differ": Case(
        hits=(
            raised("ValueError", "Target size (torch.Size([2])) must be the same as input size (torch.Size([2, 1]))"),
            raised(
                "ValueError",
                "Using a target size (torch.Size([16])) that is different to the input size (torch.Size([16, 1])) is"
                " deprecated. Please ensure they have the same size.",
            ),
        ),
        misses=(
            raised("RuntimeError", "Target size (torch.Size([2])) must be the same as input size (torch.Size([2, 1]))"),
            raised("ValueError", "Target size must be the same as input size"),
        ),
    ),
    "integer-tensor-takes-floats": Case(
        hits=(
            raised("RuntimeError", "result type Float can't be cast to the desired output type Long"),
            raised("RuntimeError", "result type Double can't be cast to the desired output type Int"),
        ),
        misses=(
            raised("RuntimeError", "mean.dtype_out(): input types can't be cast to the desired output type Long"),
            raised("TypeError", "result type Float can't be cast to the desired output type Long"),
        ),
    ),
    "scaler-bf16-gradients": Case(
        hits=tuple(
            raised(kind, "\"_amp_foreach_non_finite_check_and_unscale_cuda\" not implemented for 'BFloat16'")
            for kind in ("RuntimeError", "NotImplementedError")
        ),
        misses=(
            raised("RuntimeError", "\"_amp_foreach_non_finite_check_and_unscale_cuda\" not implemented for 'Half'"),
            raised("RuntimeError", "\"upsample_nearest2d_out_frame\" not implemented for 'BFloat16'"),
        ),
    ),
}
