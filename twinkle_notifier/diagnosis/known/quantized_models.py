"""Quantized and offloaded models."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "quantized-other-device",
        Advice(
            "the quantized model was loaded on another GPU than the one this process trains on",
            (("load it with device_map={'': local_rank} (or PartialState().process_index), one copy in each process"),),
        ),
        Advice(
            "量化模型加载在与当前进程训练所用不同的 GPU 上",
            ("加载时用 device_map={'': local_rank}（或 PartialState().process_index），每个进程一份",),
        ),
        "https://huggingface.co/docs/trl/customization",
        says=(
            "You can't train a model that has been loaded in 8-bit precision on a different device",
            "You can't train a model that has been loaded in 8-bit or 4-bit precision on a different device",
        ),
        types=("ValueError",),
    ),
    Rule(
        "quantized-offloaded-trained",
        Advice(
            "a quantized model with parts on the CPU or disk cannot be trained",
            (("load it whole on one GPU: device_map={'': local_rank}; a smaller model or 4 bits if it does not fit"),),
        ),
        Advice(
            "量化模型有一部分在 CPU 或磁盘上，无法训练",
            ("整体加载到一张 GPU：device_map={'': local_rank}；放不下就换更小的模型或 4 bit",),
        ),
        "https://github.com/huggingface/accelerate/blob/main/src/accelerate/accelerator.py",
        says=(
            "You can't train a model that has been loaded in 8-bit precision with CPU or disk offload.",
            "You can't train a model that has been loaded in 8-bit or 4-bit precision with CPU or disk offload.",
        ),
        types=("ValueError",),
    ),
    Rule(
        "quantized-model-moved",
        Advice(
            "a quantized model was to be moved or cast with .to(), which bitsandbytes does not do",
            (
                "leave out .to(), .cuda() and .half(); choose the GPU at loading: device_map={'': 0}",
                "pip install -U bitsandbytes transformers, if a library calls it",
            ),
        ),
        Advice(
            "对量化模型调用了 .to() 移动或转换，bitsandbytes 不支持",
            (
                "去掉 .to()、.cuda()、.half()；加载时选择 GPU：device_map={'': 0}",
                "如果是库在调用：pip install -U bitsandbytes transformers",
            ),
        ),
        "https://huggingface.co/docs/transformers/quantization/bitsandbytes",
        says=(
            "`.to` is not supported for `",
            "Calling `to()` is not supported for `",
            "Calling `cuda()` is not supported for `",
            "`.half()` is not supported for quantized model.",
            "`.float()` is not supported for quantized model.",
            "You cannot cast a bitsandbytes model in a new `dtype`.",
        ),
        types=("ValueError",),
    ),
    Rule(
        "offloaded-model-moved",
        Advice(
            (
                "a model with parts offloaded to the CPU or disk was to be moved: its weights did not all "
                "fit on the GPUs"
            ),
            (
                (
                    "leave out model.to(); see model.hf_device_map; to train, use device_map=None with FSDP or "
                    "ZeRO, or a smaller model"
                ),
            ),
        ),
        Advice(
            "要移动一个有部分 offload 到 CPU 或磁盘的模型：权重没有全部放进 GPU",
            ("去掉 model.to()；查看 model.hf_device_map；训练请用 device_map=None 加 FSDP 或 ZeRO，或更小的模型",),
        ),
        "https://huggingface.co/docs/accelerate/usage_guides/big_modeling",
        says=("You can't move a model that has some modules offloaded to cpu or disk.",),
        types=("RuntimeError",),
    ),
    Rule(
        "device-map-to-disk",
        Advice(
            ("device_map='auto' would put weights on the disk: the GPUs (and the CPU) have too little memory left"),
            (
                (
                    "see with nvidia-smi what else is on the GPUs; use more of them, bf16, 8 or 4 bits, or a "
                    "smaller model"
                ),
                "to go on with the disk: offload_folder='offload'",
            ),
        ),
        Advice(
            "device_map='auto' 要把权重放到磁盘：GPU（和 CPU）剩余内存太少",
            (
                "用 nvidia-smi 查看 GPU 上还有什么；用更多 GPU、bf16、8/4 bit 或更小的模型",
                "如果确实要用磁盘：offload_folder='offload'",
            ),
        ),
        "https://huggingface.co/docs/accelerate/usage_guides/big_modeling",
        says=(
            "You are trying to offload the whole model to the disk.",
            "The current `device_map` had weights offloaded to the disk.",
            "We need an `offload_dir` to dispatch this model according to this `device_map`",
        ),
        types=("ValueError",),
    ),
)
