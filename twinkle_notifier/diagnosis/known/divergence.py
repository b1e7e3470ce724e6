"""Losses that are no numbers."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_NEXT = (
    "lower the learning rate, warm it up for longer, and clip gradients (max_norm=1.0)",
    "go back to the last good checkpoint, and look at the batch of that step: empty, all padding, or out of range",
    "in fp16 use bf16; torch.autograd.set_detect_anomaly(True) names the operation",
)
_ZH_NEXT = (
    "降低学习率，延长 warmup，并裁剪梯度（max_norm=1.0）",
    "回到上一个正常的 checkpoint，检查那一步的 batch：空样本、全是 padding 或数值越界",
    "用 fp16 的改用 bf16；torch.autograd.set_detect_anomaly(True) 可指出出错的运算",
)
_FLOAT = ("FloatingPointError",)
_MEGATRON = "https://github.com/NVIDIA/Megatron-LM/issues/780"
_IN_GRADIENTS = "in backward pass before data-parallel communication collective"

RULES: tuple[Rule, ...] = (
    Rule(
        "loss-nan-detectron",
        Advice("training diverged: the loss became NaN or infinite at iteration {step}", _NEXT),
        Advice("训练发散：第 {step} 次迭代 loss 变成 NaN 或无穷大", _ZH_NEXT),
        "https://github.com/facebookresearch/detectron2/issues/214",
        says=("Loss became infinite or NaN at iteration={step:int}",),
        types=_FLOAT,
    ),
    Rule(
        "loss-scale-at-minimum",
        Advice(
            "training diverged: gradients overflowed again and again, until the fp16 loss scale was at its minimum",
            _NEXT,
        ),
        Advice("训练发散：梯度反复溢出，fp16 的 loss scale 已降到最小值", _ZH_NEXT),
        "https://github.com/facebookresearch/fairseq/issues/1529",
        says=("Minimum loss scale reached (",),
        types=(*_FLOAT, "Exception"),
    ),
    Rule(
        "gradients-nan",
        Advice("training diverged: the gradients are NaN or infinite", _NEXT),
        Advice("训练发散：梯度出现 NaN 或无穷大", _ZH_NEXT),
        "https://github.com/facebookresearch/fairseq/blob/main/fairseq/trainer.py",
        says=("gradients are Nan/Inf",),
        types=_FLOAT,
    ),
    Rule(
        "gradients-nan-megatron",
        Advice(
            "gradients became NaN or infinite in the backward pass: training diverged, or a device computes wrongly",
            (
                "lower the learning rate; look at the data of that step: empty texts, no labelled token, zero masks",
                "start again from the last checkpoint: if it does not recur at this step, test that node's device",
            ),
        ),
        Advice(
            "反向传播后梯度出现 NaN 或 Inf：训练发散，或某张卡计算出错",
            (
                "降低学习率，并检查那一步的数据：空文本、没有标签的样本、全零 mask",
                "从上一个 checkpoint 重启：如果同一步不再出现，检测该节点的卡",
            ),
        ),
        _MEGATRON,
        says=(
            *(f"Rank {{:int}}: found {kind} in local grad norm in backward" for kind in ("NaN", "Inf")),
            *(
                f"{{}}(message='found {kind} in local grad norm for bucket #{{:int}} {_IN_GRADIENTS}"
                for kind in ("NaN", "Inf")
            ),
            "found NaN in local grad norm in backward",
        ),
        types=("AssertionError", "RuntimeError"),
    ),
    Rule(
        "loss-nan-megatron",
        Advice("training diverged: Megatron found a loss that is NaN, infinite or far off", _NEXT),
        Advice("训练发散：Megatron 检测到 loss 为 NaN、无穷大或异常突增", _ZH_NEXT),
        _MEGATRON,
        says=(
            *(f"{{}}(message='found {kind} in local forward loss calculation" for kind in ("NaN", "Inf")),
            "Rank {:int}: found NaN in local forward loss calculation.",
        ),
        types=("AssertionError", "RuntimeError"),
    ),
    Rule(
        "loss-nan-ultralytics",
        Advice("training diverged: the loss was NaN again after {tries} starts from the last checkpoint", _NEXT),
        Advice("训练发散：从上一个 checkpoint 恢复 {tries} 次后 loss 仍是 NaN", _ZH_NEXT),
        "https://github.com/ultralytics/ultralytics/blob/main/ultralytics/engine/trainer.py",
        says=("Training failed: NaN persisted for {tries:int} epochs",),
        types=("RuntimeError",),
    ),
    Rule(
        "loss-nan-lightning",
        Advice("training diverged: training_step returned a loss that is NaN or infinite", _NEXT),
        Advice("训练发散：training_step 返回的 loss 是 NaN 或无穷大", _ZH_NEXT),
        "https://github.com/Lightning-AI/pytorch-lightning/blob/master/src/lightning/pytorch/loops/utilities.py",
        says=tuple(f"The loss returned in `training_step` is {loss}" for loss in ("nan", "inf", "-inf", "tensor(nan")),
        types=("ValueError",),
    ),
    Rule(
        "matching-cost-nan",
        Advice(
            "a matcher (as of DETR) got costs that are NaN: the model's outputs or the boxes are NaN, so it diverged",
            _NEXT,
        ),
        Advice("匹配器（如 DETR 的 matcher）得到的代价矩阵含 NaN：模型输出或标注框为 NaN，训练已发散", _ZH_NEXT),
        "https://docs.scipy.org/doc/scipy/reference/generated/scipy.optimize.linear_sum_assignment.html",
        says=("matrix contains invalid numeric entries",),
        types=("ValueError",),
    ),
    Rule(
        "decomposition-of-nan",
        Advice(
            "a matrix with NaN or infinite numbers was decomposed (linalg.{operation}): training diverged before",
            _NEXT,
        ),
        Advice("对含 NaN 或无穷大的矩阵做了分解（linalg.{operation}）：训练在此之前已发散", _ZH_NEXT),
        "https://docs.pytorch.org/docs/stable/generated/torch.linalg.svd.html",
        says=tuple(
            f"linalg.{{operation:word}}: {batch}The algorithm failed to converge because the input matrix contained"
            " non-finite values."
            for batch in ("", "(Batch element {:int}): ")
        ),
        types=("LinAlgError", "_LinAlgError", "RuntimeError"),
    ),
    Rule(
        "metric-of-nan",
        Advice(
            "a metric of scikit-learn got NaN: the data has missing values, or the model predicts NaN",
            (
                "see which of both is NaN: numpy.isnan(labels).any(), numpy.isnan(predictions).any()",
                "predictions: training diverged; lower the learning rate, or use bf16 in place of fp16",
            ),
        ),
        Advice(
            "scikit-learn 的指标收到了 NaN：数据有缺失值，或模型预测出了 NaN",
            (
                "看是哪一个含 NaN：numpy.isnan(labels).any()、numpy.isnan(predictions).any()",
                "如果是预测值：训练已发散；降低学习率，或用 bf16 代替 fp16",
            ),
        ),
        "https://scikit-learn.org/stable/modules/impute.html",
        says=("Input contains NaN", "Input {:word} contains NaN."),
        types=("ValueError",),
        modules=("sklearn.metrics",),
    ),
)
