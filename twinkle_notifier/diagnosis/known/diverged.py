"""NaN where numbers are needed."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "distribution-parameter-nan",
        Advice(
            (
                "the network's output `{name}` for a probability distribution is NaN or out of range: the "
                "training diverged"
            ),
            (
                "find the first step with a NaN loss; lower the learning rate and clip gradients (max_norm=1.0)",
                (
                    "check inputs and rewards for NaN or very large values; keep a scale positive with "
                    "softplus(x) + 1e-5"
                ),
            ),
        ),
        Advice(
            "网络给概率分布的参数 `{name}` 是 NaN 或越界：训练已经发散",
            (
                "找到第一个 loss 为 NaN 的 step；降低学习率并裁剪梯度（max_norm=1.0）",
                "检查输入和 reward 里的 NaN 或极大值；scale 用 softplus(x) + 1e-5 保持为正",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/distributions.html",
        says=(
            "Expected parameter {name:word} (Parameter of shape ",
            "The parameter {name:word} has invalid values",
        ),
        types=("ValueError",),
    ),
    Rule(
        "loss-nan-stopped",
        Advice(
            "the script stopped itself since the loss became NaN or infinite: training diverged",
            (
                (
                    "lower the learning rate, warm up longer, and clip gradients (max_norm=1.0); bfloat16 in "
                    "place of float16"
                ),
                "check the data of that step: empty samples, log(0), division by 0",
            ),
        ),
        Advice(
            "loss 变成 NaN 或 inf，脚本因此停止：训练发散",
            (
                "降低学习率、加长 warmup、裁剪梯度（max_norm=1.0）；用 bfloat16 代替 float16",
                "检查那一步的数据：空样本、log(0)、除以 0",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html",
        # DETR and what follows it, timm; the tensor itself; and how people write it in scripts of their own.
        says=(
            *(
                f"{word} is {kind}"
                for word in ("Loss", "loss")
                for kind in ("nan", "NaN", "inf, ", "-inf", "tensor(nan")
            ),
            *(f"{kind} loss {met}" for kind in ("NaN", "nan") for met in ("encountered", "detected")),
        ),
        types=(
            "RuntimeError",
            "ValueError",
            "AssertionError",
            "FloatingPointError",
            "Exception",
            "SystemExit",
        ),
        printed=(
            "Loss is nan, stopping training",
            "Loss is inf, stopping training",
            "Loss is -inf, stopping training",
        ),
    ),
    Rule(
        "nan-to-integer",
        Advice(
            ("a number that is NaN was to become an integer: a value missing in the data, or computed from a NaN loss"),
            ("find where it comes from: df.isna().sum() for tables; print the loss and the metric of that step",),
        ),
        Advice(
            "要把 NaN 转成整数：数据中有缺失值，或由 NaN 的 loss 算出",
            ("找出来源：表格用 df.isna().sum()；打印那一步的 loss 和指标",),
        ),
        "https://docs.python.org/3/library/functions.html#int",
        says=(
            "cannot convert float NaN to integer",
            "cannot convert float infinity to integer",
        ),
        types=(
            "ValueError",
            "OverflowError",
        ),
    ),
    Rule(
        "matching-cost-infinite",
        Advice(
            (
                "a matcher (as of DETR) got costs that no assignment fits: the model's outputs are infinite, "
                "so it diverged"
            ),
            (
                "lower the learning rate, clip gradients (max_norm=0.1), use bfloat16 or float32 in the loss",
                "check the boxes: width and height above 0, coordinates within the image",
            ),
        ),
        Advice(
            "匹配器（如 DETR）的代价矩阵无可行解：模型输出为无穷，训练发散",
            (
                "降低学习率、裁剪梯度（max_norm=0.1），loss 用 bfloat16 或 float32",
                "检查标注框：宽高大于 0，坐标在图像内",
            ),
        ),
        "https://docs.scipy.org/doc/scipy/reference/generated/scipy.optimize.linear_sum_assignment.html",
        says=("cost matrix is infeasible",),
        types=("ValueError",),
    ),
    Rule(
        "matrix-not-positive-definite",
        Advice(
            (
                "a matrix is not positive-definite, so it has no Cholesky decomposition: too little data, or "
                "numbers too rough"
            ),
            (
                "add a small number to its diagonal (damping, jitter), as 1e-4 times its mean, and use float64",
                "GPTQ: raise damp_percent, or take more and longer calibration texts",
            ),
        ),
        Advice(
            "矩阵不是正定的，无法做 Cholesky 分解：数据太少，或数值精度不足",
            (
                "在对角线上加一个小量（damping、jitter），如均值的 1e-4，并用 float64",
                "GPTQ：调大 damp_percent，或用更多更长的校准文本",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.linalg.cholesky.html",
        says=(
            ("linalg.cholesky: The factorization could not be completed because the input is not positive-definite"),
            (
                "linalg.cholesky: (Batch element {:int}): The factorization could not be completed because "
                "the input is not positive-definite"
            ),
            (
                "torch.linalg.cholesky: The factorization could not be completed because the input is not "
                "positive-definite"
            ),
        ),
        types=(
            "LinAlgError",
            "_LinAlgError",
            "RuntimeError",
        ),
    ),
)
