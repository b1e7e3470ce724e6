"""Labels and classes: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "labels-outside-classes": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Assertion `cur_target >= 0 && cur_target < n_classes' failed.  at "
                    "/pytorch/aten/src/THNN/generic/ClassNLLCriterion.c:97"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Assertion `cur_target >= 0 && cur_target < n_classes' failed.  at "
                    "c:\\a\\w\\1\\s\\tmp_conda_3.7\\conda\\aten\\src\\thnn\\generic/SpatialClassNLLCriterion.c:110"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Assertion `cur_target >= 0 && cur_target < n_classes' failed.  at "
                    "/pytorch/aten/src/THNN/generic/ClassNLLCriterion.c:97"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Assertion `cur_target >= 0 && cur_target < n_classes' failed.  at "
                    "/pytorch/aten/src/THNN/generic/ClassNLLCriterion.c:97"
                ),
            ),
        ),
    ),
    "embedding-id-old-words": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "index out of range: Tried to access index 50257 out of table with 50256 rows. at "
                    "/pytorch/aten/src/TH/generic/THTensorEvenMoreMath.cpp:418"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "index out of range: Tried to access index 512 out of table with 511 rows. at "
                    "../aten/src/TH/generic/THTensorEvenMoreMath.cpp:237"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: index out of range: Tried to access index 50257 out of table with "
                    "50256 rows. at /pytorch/aten/src/TH/generic/THTensorEvenMoreMath.cpp:418"
                ),
            ),
            raised(
                "KeyError",
                (
                    "index out of range: Tried to access index 50257 out of table with 50256 rows. at "
                    "/pytorch/aten/src/TH/generic/THTensorEvenMoreMath.cpp:418"
                ),
            ),
        ),
    ),
    "loss-class-weights": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "weight tensor should be defined either for all 3 classes or no classes but got weight "
                    "tensor of shape: [2]"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "weight tensor should be defined either for all 21 classes or no classes but got weight "
                    "tensor of shape: [20]"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: weight tensor should be defined either for all 3 classes or no "
                    "classes but got weight tensor of shape: [2]"
                ),
            ),
            raised(
                "KeyError",
                (
                    "weight tensor should be defined either for all 3 classes or no classes but got weight "
                    "tensor of shape: [2]"
                ),
            ),
        ),
    ),
    "labels-mask-has-channels": Case(
        hits=(
            raised(
                "RuntimeError",
                "only batches of spatial targets supported (3D tensors) but got targets of size: : [4, 1, 512, 512]",
            ),
            raised(
                "RuntimeError",
                (
                    "only batches of spatial targets supported (non-empty 3D tensors) but got targets of size: : "
                    "[4, 512, 512, 3]"
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: only batches of spatial targets supported (3D tensors) but got "
                    "targets of size: : [4, 1, 512, 512]"
                ),
            ),
            raised(
                "KeyError",
                "only batches of spatial targets supported (3D tensors) but got targets of size: : [4, 1, 512, 512]",
            ),
        ),
    ),
    "metric-average": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "Target is multiclass but average='binary'. Please choose another average setting, one of "
                    "[None, 'micro', 'macro', 'weighted']."
                ),
            ),
            raised(
                "ValueError",
                (
                    "Target is multilabel-indicator but average='binary'. Please choose another average setting, "
                    "one of [None, 'micro', 'macro', 'weighted', 'samples']."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Target is multiclass but average='binary'. Please choose another "
                    "average setting, one of [None, 'micro', 'macro', 'weighted']."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Target is multiclass but average='binary'. Please choose another average setting, one of "
                    "[None, 'micro', 'macro', 'weighted']."
                ),
            ),
        ),
    ),
    "metric-targets-mixed": Case(
        hits=(
            raised("ValueError", "Classification metrics can't handle a mix of multiclass and continuous targets"),
            raised(
                "ValueError", "Classification metrics can't handle a mix of binary and continuous-multioutput targets"
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Classification metrics can't handle a mix of multiclass and "
                    "continuous targets"
                ),
            ),
            raised("KeyError", "Classification metrics can't handle a mix of multiclass and continuous targets"),
        ),
    ),
}
