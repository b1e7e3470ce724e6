"""Losses that are no numbers: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

_FLOAT, _RUNTIME, _VALUE, _ASSERT = "FloatingPointError", "RuntimeError", "ValueError", "AssertionError"
_COLLECTIVE = " before data-parallel communication collective"
_SCALE = ". Your loss is probably exploding. Try lowering the learning rate, using gradient clipping or increasing"
_SVD = "The algorithm failed to converge because the input matrix contained non-finite values."
_RERUN = "Rank 3, node n1, device 3, iteration 17: Unexpected result nan (message='found {} in local {}')"
_SKLEARN = ("sklearn.metrics._classification",)

CASES: dict[str, Case] = {
    "loss-nan-detectron": Case(
        hits=(
            raised(_FLOAT, "Loss became infinite or NaN at iteration=166!\nloss_dict = {'loss_cls_ce': nan}"),
            raised(_FLOAT, "Loss became infinite or NaN at iteration=0!\nloss_dict = {'loss_cls': tensor(157.09)}"),
            raised(_FLOAT, "Loss became infinite or NaN at iteration=812\nloss_dict = {'loss': inf}"),
        ),
        misses=(
            raised(_VALUE, "Loss became infinite or NaN at iteration=166!"),
            raised(_FLOAT, "see docs/faq.md: Loss became infinite or NaN at iteration=166!"),
            raised(_FLOAT, "Loss became infinite or NaN at iteration=last"),
        ),
    ),
    "loss-scale-at-minimum": Case(
        hits=(
            raised(_FLOAT, f"Minimum loss scale reached (0.0001){_SCALE} the batch size."),
            raised("Exception", f"Minimum loss scale reached (0.0001){_SCALE} the batch size."),
        ),
        misses=(
            raised(_FLOAT, "loss scale reached its minimum"),
            raised(_FLOAT, "ended after: Minimum loss scale reached (0.0001)"),
        ),
    ),
    "gradients-nan": Case(
        hits=(raised(_FLOAT, "gradients are Nan/Inf"), raised(_FLOAT, "gradients are Nan/Inf\nat step 10")),
        misses=(raised(_VALUE, "gradients are Nan/Inf"), raised(_FLOAT, "the gradients are Nan/Inf in layer 3")),
    ),
    "gradients-nan-megatron": Case(
        hits=(
            raised(_ASSERT, f"Rank 11: found NaN in local grad norm in backward pass{_COLLECTIVE}. Device: 3"),
            raised(_ASSERT, "Rank 3: found NaN in local grad norm in backwards pass. Device: 3, node: n133"),
            raised(_RUNTIME, _RERUN.format("Inf", f"grad norm for bucket #0 in backward pass{_COLLECTIVE}")),
        ),
        misses=(
            raised(_VALUE, f"Rank 11: found NaN in local grad norm in backward pass{_COLLECTIVE}. Device: 3"),
            raised(_ASSERT, "Rank 11: found no local grad norm in backward pass"),
        ),
    ),
    "loss-nan-megatron": Case(
        hits=(
            raised(_RUNTIME, _RERUN.format("NaN", "forward loss calculation")),
            raised(_ASSERT, "Rank 2: found NaN in local forward loss calculation. Device: 2, node: gpu-17"),
        ),
        misses=(
            raised(_RUNTIME, _RERUN.format("NaN", "weights")),
            raised(_VALUE, _RERUN.format("NaN", "forward loss calculation")),
        ),
    ),
    "loss-nan-ultralytics": Case(
        hits=tuple(raised(_RUNTIME, f"Training failed: NaN persisted for {tries} epochs") for tries in (4, 5)),
        misses=(
            raised(_RUNTIME, "Physics NaN persisted for 10 consecutive steps"),
            raised(_VALUE, "Training failed: NaN persisted for 4 epochs"),
        ),
    ),
    "loss-nan-lightning": Case(
        hits=tuple(raised(_VALUE, f"The loss returned in `training_step` is {loss}.") for loss in ("nan", "inf")),
        misses=(
            raised(_VALUE, "The loss returned in `training_step` is None."),
            raised(_RUNTIME, "The loss returned in `training_step` is nan."),
        ),
    ),
    "matching-cost-nan": Case(
        hits=(
            raised(_VALUE, "matrix contains invalid numeric entries"),
            raised(_VALUE, "matrix contains invalid numeric entries", modules=("scipy.optimize", "models.matcher")),
        ),
        misses=(
            raised(_VALUE, "cost matrix is infeasible"),
            raised(_VALUE, "the matrix contains invalid numeric entries: row 3 of data.csv"),
        ),
    ),
    "decomposition-of-nan": Case(
        hits=(
            raised("torch._C._LinAlgError", f"linalg.svd: {_SVD}"),
            raised(_RUNTIME, f"linalg.eigh: (Batch element 0): {_SVD}"),
            raised("torch.linalg.LinAlgError", f"linalg.svd: {_SVD}"),
        ),
        misses=(
            raised(
                "torch.linalg.LinAlgError",
                "linalg.eigh: The algorithm failed to converge because the input matrix is ill-conditioned or has too",
            ),
            raised("torch.linalg.LinAlgError", "linalg.inv: The diagonal element 1 is zero, the inversion could not"),
        ),
    ),
    "metric-of-nan": Case(
        hits=(
            raised(_VALUE, "Input contains NaN.", modules=_SKLEARN),
            raised(_VALUE, "Input y_pred contains NaN.", modules=_SKLEARN),
            raised(_VALUE, "Input contains NaN, infinity or a value too large for dtype('float32').", modules=_SKLEARN),
        ),
        misses=(
            raised(_VALUE, "Input contains NaN.", modules=("train",)),
            raised(_VALUE, "Input X contains infinity or a value too large for dtype('float64').", modules=_SKLEARN),
        ),
    ),
}
