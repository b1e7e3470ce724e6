"""Losses, gradients, scalers and numbers that are not finite: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

INPLACE = "one of the variables needed for gradient computation has been modified by an inplace operation: "
RECOMPUTED = (
    "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than during the forward"
    " pass.\ntensor at position 16:\n"
    "saved metadata: {'shape': torch.Size([1, 171]), 'dtype': torch.bfloat16, 'device': device(type='cuda', index=0)}\n"
)
AGAIN = "recomputed metadata: {'shape': torch.Size([1, 342]), 'dtype': torch.bfloat16, 'device': device(type='cuda', index=0)}\n"
RELEASED = (
    "recomputed metadata: {'shape': torch.Size([0]), 'dtype': torch.bfloat16, 'device': device(type='cuda', index=1)}\n"
)
CHECKPOINT_ERROR = "torch.utils.checkpoint.CheckpointError"
NORMAL = "Expected parameter loc (Tensor of shape (64, 6)) of distribution Normal(loc: torch.Size([64, 6]), scale: torch.Size([64, 6]))"
LOGITS = "Expected parameter logits (Tensor of shape (1, 2)) of distribution Categorical(logits: torch.Size([1, 2]))"

CASES: dict[str, Case] = {
    "labels-out-of-bounds": Case(
        hits=(
            raised("IndexError", "Target 10 is out of bounds."),
            raised("IndexError", "Target -1 is out of bounds."),
        ),
        misses=(
            raised("IndexError", "index 10 is out of bounds for dimension 0 with size 10"),
            raised("ValueError", "Target 10 is out of bounds."),
            raised("IndexError", "Target language is out of bounds."),
        ),
    ),
    "loss-batch-sizes": Case(
        hits=(
            raised("ValueError", "Expected input batch_size (2) to match target batch_size (3)."),
            raised("ValueError", "Expected input batch_size (4088) to match target batch_size (4096)."),
        ),
        misses=(
            raised("RuntimeError", "Expected input batch_size (2) to match target batch_size (3)."),
            raised("ValueError", "Expected target size [2, 10], got [2, 5]"),
        ),
    ),
    "loss-not-scalar": Case(
        hits=(
            raised("RuntimeError", "grad can be implicitly created only for scalar outputs"),
            raised("RuntimeError", "grad can be implicitly created only for scalar outputs", modules=("lightning",)),
        ),
        misses=(
            raised(
                "RuntimeError", "grad can be implicitly created only for real scalar outputs but got torch.complex64"
            ),
            raised("ValueError", "grad can be implicitly created only for scalar outputs"),
        ),
    ),
    "gradient-not-required": Case(
        hits=(
            raised("RuntimeError", "element 0 of tensors does not require grad and does not have a grad_fn"),
            raised("RuntimeError", "element 1 of tensors does not require grad and does not have a grad_fn"),
            raised("RuntimeError", "none of output has requires_grad=True, this checkpoint() is not necessary"),
        ),
        misses=(
            raised("RuntimeError", "One of the differentiated Tensors does not require grad"),
            raised("ValueError", "element 0 of tensors does not require grad and does not have a grad_fn"),
        ),
    ),
    "graph-used-twice": Case(
        hits=(
            raised(
                "RuntimeError",
                "Trying to backward through the graph a second time (or directly access saved tensors after they have"
                " already been freed). Saved intermediate values of the graph are freed when you call .backward() or"
                " autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if"
                " you need to access saved tensors after calling backward.",
            ),
            raised(
                "RuntimeError",
                "Trying to backward through the graph a second time, but the saved intermediate results have already been"
                " freed. Specify retain_graph=True when calling .backward() or autograd.grad() the first time.",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the graph"
                " are freed when you call .backward()",
            ),
            raised("ValueError", "Trying to backward through the graph a second time"),
        ),
    ),
    "gradient-inplace-change": Case(
        hits=(
            raised(
                "RuntimeError",
                INPLACE
                + "[torch.FloatTensor [2]], which is output 0 of Exp, is at version 1; expected version 0 instead."
                " Hint: enable anomaly detection to find the operation that failed to compute its gradient, with"
                " torch.autograd.set_detect_anomaly(True, check_nan=False).",
            ),
            raised(
                "RuntimeError",
                INPLACE
                + "[torch.cuda.FloatTensor [64]] is at version 3; expected version 2 instead. Hint: the backtrace"
                " further above shows the operation that failed to compute its gradient.",
            ),
        ),
        misses=(
            raised("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation."),
            raised("RuntimeError", "Output 0 of Unbind is a view and is being modified inplace."),
        ),
    ),
    "parameter-inplace-change": Case(
        hits=(
            raised("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation."),
            raised(
                "RuntimeError", "a view of a leaf Variable that requires grad is being used in an in-place operation."
            ),
        ),
        misses=(
            raised("RuntimeError", INPLACE + "[torch.FloatTensor [2]], which is output 0 of Exp, is at version 1;"),
            raised("RuntimeError", "grad_accumulator() should be only called on leaf Variables"),
        ),
    ),
    "checkpoint-recompute-zero3": Case(
        hits=(
            raised(CHECKPOINT_ERROR, RECOMPUTED + RELEASED, modules=("deepspeed.runtime.engine",)),
            raised(CHECKPOINT_ERROR, RECOMPUTED + AGAIN + RELEASED, modules=("train", "deepspeed")),
        ),
        misses=(
            raised(CHECKPOINT_ERROR, RECOMPUTED + AGAIN, modules=("deepspeed.runtime.engine",)),
            raised(CHECKPOINT_ERROR, RECOMPUTED + RELEASED, modules=("train",)),
        ),
    ),
    "checkpoint-recompute-differs": Case(
        hits=(
            raised(CHECKPOINT_ERROR, RECOMPUTED + AGAIN),
            raised(
                CHECKPOINT_ERROR,
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and"
                " recomputation.\nNumber of tensors saved during forward: 5\n"
                "Number of tensors saved during recomputation: 3.\n",
            ),
        ),
        misses=(
            raised(
                CHECKPOINT_ERROR,
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already unpacked",
            ),
            raised("ValueError", RECOMPUTED + AGAIN),
        ),
    ),
    "scaler-float16-weights": Case(
        hits=(
            raised("ValueError", "Attempting to unscale FP16 gradients."),
            raised("ValueError", "Attempting to unscale FP16 gradients.", modules=("accelerate.accelerator",)),
        ),
        misses=(
            raised("RuntimeError", "Attempting to unscale FP16 gradients."),
            raised("ValueError", "Attempting to unscale BF16 gradients."),
        ),
    ),
    "scaler-called-twice": Case(
        hits=(
            raised("RuntimeError", "unscale_() has already been called on this optimizer since the last update()."),
            raised("RuntimeError", "unscale_() is being called after step()."),
            raised("RuntimeError", "step() has already been called since the last update()."),
        ),
        misses=(
            raised("RuntimeError", "step() has already been called"),
            raised("ValueError", "unscale_() is being called after step()."),
        ),
    ),
    "scaler-no-gradients": Case(
        hits=(
            raised("AssertionError", "No inf checks were recorded for this optimizer."),
            raised("AssertionError", "No inf checks were recorded prior to update."),
        ),
        misses=(
            raised("AssertionError", "No inf checks"),
            raised("RuntimeError", "No inf checks were recorded for this optimizer."),
        ),
    ),
    "numbers-not-finite": Case(
        hits=(
            raised(
                "RuntimeError",
                "The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot be clipped. To"
                " disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`",
            ),
            raised(
                "RuntimeError",
                "The total norm of order 1.0 for gradients from `parameters` is non-finite, so it cannot be clipped. To",
            ),
        ),
        misses=(
            raised("RuntimeError", "invalid multinomial distribution (sum of probabilities <= 0)"),
            raised("RuntimeError", "probability tensor contains either `inf`, `nan` or element < 0"),
        ),
    ),
    "probabilities-invalid": Case(
        hits=(
            raised("RuntimeError", "probability tensor contains either `inf`, `nan` or element < 0"),
            raised(
                "RuntimeError",
                "probability tensor contains either `inf`, `nan` or element < 0",
                modules=("transformers.generation.utils",),
            ),
        ),
        misses=(
            raised("RuntimeError", "invalid multinomial distribution (sum of probabilities <= 0)"),
            raised("ValueError", "probability tensor contains either `inf`, `nan` or element < 0"),
        ),
    ),
    "distribution-of-nan": Case(
        hits=(
            raised(
                "ValueError",
                LOGITS + " to satisfy the constraint IndependentConstraint(Real(), 1), but found invalid values:\n"
                "tensor([[nan, nan]])",
            ),
            raised(
                "ValueError",
                NORMAL + " to satisfy the constraint Real(), but found invalid values:\n"
                "tensor([[nan, nan, nan],\n        [nan, nan, nan]], device='cuda:0', grad_fn=<AddmmBackward0>)",
            ),
        ),
        misses=(
            raised(
                "ValueError",
                "Expected parameter scale (Tensor of shape (1,)) of distribution Normal(loc: tensor([0.]), scale:"
                " tensor([-1.])) to satisfy the constraint GreaterThan(lower_bound=0.0), but found invalid values:\n"
                "tensor([-1.])",
            ),
            raised(
                "ValueError",
                "Expected value argument (Tensor of shape (1,)) to be within the support (IntegerInterval(lower_bound=0,"
                " upper_bound=1)) of the distribution, but found invalid values:\ntensor([nan])",
            ),
        ),
    ),
    "anomaly-found-nan": Case(
        hits=(
            raised("RuntimeError", "Function 'SqrtBackward0' returned nan values in its 0th output."),
            raised("RuntimeError", "Function 'AddmmBackward0' returned nan values in its 2th output."),
        ),
        misses=(
            raised("RuntimeError", "Function 'SqrtBackward0' returned an invalid gradient at index 0"),
            raised("ValueError", "Function 'SqrtBackward0' returned nan values in its 0th output."),
        ),
    ),
}
