"""NaN where numbers are needed: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

CASES: dict[str, Case] = {
    "distribution-parameter-nan": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "Expected parameter loc (Parameter of shape (1,)) of distribution Normal(loc: Parameter "
                    "containing:\ntensor([nan], device='cuda:0', requires_grad=True), scale: tensor([nan]))"
                ),
            ),
            raised("ValueError", "The parameter loc has invalid values"),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Expected parameter loc (Parameter of shape (1,)) of distribution "
                    "Normal(loc: Parameter containing: tensor([nan], device='cuda:0', requires_grad=True), "
                    "scale: tensor([nan]))"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Expected parameter loc (Parameter of shape (1,)) of distribution Normal(loc: Parameter "
                    "containing:\ntensor([nan], device='cuda:0', requires_grad=True), scale: tensor([nan]))"
                ),
            ),
        ),
    ),
    "loss-nan-stopped": Case(
        hits=(
            raised("RuntimeError", "Loss is nan, stopping training"),
            raised("SystemExit", "Loss is nan, stopping training"),
            raised("SystemExit", "NaN loss encountered at step 1180"),
            raised("FloatingPointError", "loss is tensor(nan, device='cuda:0')"),
            printed("Epoch: [0]  [ 40/1000]  eta: 0:11:22\nLoss is nan, stopping training"),
        ),
        misses=(
            printed("Loss is 0.4, stopping training"),
            raised("KeyError", "see: Loss is nan, stopping training"),
            raised("SystemExit", "1"),
            raised("ValueError", "Loss is infeasible for these bounds"),
            printed("loss is nan, skipping this batch\nKilled by the scheduler"),
        ),
    ),
    "nan-to-integer": Case(
        hits=(
            raised("ValueError", "cannot convert float NaN to integer"),
            raised("OverflowError", "cannot convert float infinity to integer"),
        ),
        misses=(
            raised("ValueError", "an earlier attempt said: cannot convert float NaN to integer"),
            raised("KeyError", "cannot convert float NaN to integer"),
        ),
    ),
    "matching-cost-infinite": Case(
        hits=(
            raised("ValueError", "cost matrix is infeasible"),
            raised("ValueError", "cost matrix is infeasible", modules=("scipy.optimize",)),
        ),
        misses=(
            raised("ValueError", "an earlier attempt said: cost matrix is infeasible"),
            raised("KeyError", "cost matrix is infeasible"),
        ),
    ),
    "matrix-not-positive-definite": Case(
        hits=(
            raised(
                "torch._C._LinAlgError",
                (
                    "linalg.cholesky: The factorization could not be completed because the input is not "
                    "positive-definite (the leading minor of order 3 is not positive-definite)."
                ),
            ),
            raised(
                "torch._C._LinAlgError",
                (
                    "linalg.cholesky: (Batch element 0): The factorization could not be completed because the "
                    "input is not positive-definite (the leading minor of order 1 is not positive-definite)."
                ),
            ),
        ),
        misses=(
            raised(
                "torch._C._LinAlgError",
                (
                    "an earlier attempt said: linalg.cholesky: The factorization could not be completed because "
                    "the input is not positive-definite (the leading minor of order 3 is not positive-definite)."
                ),
            ),
            raised(
                "KeyError",
                (
                    "linalg.cholesky: The factorization could not be completed because the input is not "
                    "positive-definite (the leading minor of order 3 is not positive-definite)."
                ),
            ),
        ),
    ),
}
