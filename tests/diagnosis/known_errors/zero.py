"""DeepSpeed's ZeRO: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "zero-stage-optimizer": Case(
        hits=(
            raised("AssertionError", "zero stage 2 requires an optimizer"),
            raised("AssertionError", "zero stage 3 requires an optimizer"),
        ),
        misses=(
            raised("AssertionError", "an earlier attempt said: zero stage 2 requires an optimizer"),
            raised("KeyError", "zero stage 2 requires an optimizer"),
        ),
    ),
    "zero3-order": Case(
        hits=(
            raised(
                "AssertionError",
                (
                    "{'id': 853, 'status': 'NOT_AVAILABLE', 'numel': 0, 'ds_numel': 0, 'shape': (0,), "
                    "'ds_shape': (0,), 'requires_grad': True}"
                ),
            ),
            raised("RuntimeError", "still have inflight params [{'id': 1, 'status': 'AVAILABLE', 'numel': 4096}]"),
        ),
        misses=(
            raised(
                "AssertionError",
                (
                    "an earlier attempt said: {'id': 853, 'status': 'NOT_AVAILABLE', 'numel': 0, 'ds_numel': 0, "
                    "'shape': (0,), 'ds_shape': (0,), 'requires_grad': True}"
                ),
            ),
            raised(
                "KeyError",
                (
                    "{'id': 853, 'status': 'NOT_AVAILABLE', 'numel': 0, 'ds_numel': 0, 'shape': (0,), "
                    "'ds_shape': (0,), 'requires_grad': True}"
                ),
            ),
        ),
    ),
    "zero-gradient-twice": Case(
        hits=(
            raised(
                "AssertionError",
                (
                    "The parameter 447 has already been reduced. Gradient computed twice for this partition. "
                    "Multiple gradient reduction is currently not supported"
                ),
            ),
            raised(
                "AssertionError",
                ("The parameter 282 has already been reduced.             Gradient computed twice for this partition."),
            ),
        ),
        misses=(
            raised(
                "AssertionError",
                (
                    "an earlier attempt said: The parameter 447 has already been reduced. Gradient computed "
                    "twice for this partition. Multiple gradient reduction is currently not supported"
                ),
            ),
            raised(
                "KeyError",
                (
                    "The parameter 447 has already been reduced. Gradient computed twice for this partition. "
                    "Multiple gradient reduction is currently not supported"
                ),
            ),
        ),
    ),
    "deepspeed-no-batch-size": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "When using DeepSpeed, `accelerate.prepare()` requires you to pass at least one of training "
                    "or evaluation dataloaders with `batch_size` attribute returning an integer value"
                ),
            ),
            raised(
                "ValueError",
                (
                    "You must specify a training or evaluation dataloader in `accelerate.prepare()` when using "
                    "DeepSpeed."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: When using DeepSpeed, `accelerate.prepare()` requires you to pass "
                    "at least one of training or evaluation dataloaders with `batch_size` attribute returning an "
                    "integer value"
                ),
            ),
            raised(
                "KeyError",
                (
                    "When using DeepSpeed, `accelerate.prepare()` requires you to pass at least one of training "
                    "or evaluation dataloaders with `batch_size` attribute returning an integer value"
                ),
            ),
        ),
    ),
    "zero-offload-optimizer": Case(
        hits=(
            raised(
                "deepspeed.runtime.zero.utils.ZeRORuntimeException",
                (
                    "You are using ZeRO-Offload with a client provided optimizer (<class "
                    "'torch.optim.adamw.AdamW'>) which in most cases will yield poor performance."
                ),
            ),
            raised(
                "deepspeed.runtime.zero.utils.ZeRORuntimeException",
                "You are using ZeRO-Offload with a client provided optimizer (<class 'torch.optim.sgd.SGD'>)",
            ),
        ),
        misses=(
            raised(
                "deepspeed.runtime.zero.utils.ZeRORuntimeException",
                (
                    "an earlier attempt said: You are using ZeRO-Offload with a client provided optimizer "
                    "(<class 'torch.optim.adamw.AdamW'>) which in most cases will yield poor performance."
                ),
            ),
            raised(
                "KeyError",
                (
                    "You are using ZeRO-Offload with a client provided optimizer (<class "
                    "'torch.optim.adamw.AdamW'>) which in most cases will yield poor performance."
                ),
            ),
        ),
    ),
    "zero-untested-optimizer": Case(
        hits=(
            raised(
                "AssertionError",
                (
                    'You are using an untested ZeRO Optimizer. Please add <"zero_allow_untested_optimizer": '
                    "true> in the configuration file to use it."
                ),
            ),
            raised("AssertionError", "You are using an untested ZeRO Optimizer."),
        ),
        misses=(
            raised(
                "AssertionError",
                (
                    "an earlier attempt said: You are using an untested ZeRO Optimizer. Please add "
                    '<"zero_allow_untested_optimizer": true> in the configuration file to use it.'
                ),
            ),
            raised(
                "KeyError",
                (
                    'You are using an untested ZeRO Optimizer. Please add <"zero_allow_untested_optimizer": '
                    "true> in the configuration file to use it."
                ),
            ),
        ),
    ),
}
