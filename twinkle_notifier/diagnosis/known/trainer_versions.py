"""Trainers, adapters and their versions."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "trl-argument-moved",
        Advice(
            "this TRL's trainer takes no `{name}`: newer releases moved it into the Config, or renamed it",
            (
                (
                    "pass it to SFTConfig, DPOConfig or GRPOConfig (args=...); tokenizer is now "
                    "processing_class; see the release notes"
                ),
                "or install the TRL that the script was written for",
            ),
        ),
        Advice(
            "当前 TRL 的 trainer 不接受 `{name}`：新版本移到了 Config，或已改名",
            (
                "传给 SFTConfig、DPOConfig 或 GRPOConfig（args=...）；tokenizer 改名为 processing_class",
                "或安装脚本对应的 TRL 版本",
            ),
        ),
        "https://github.com/huggingface/trl/releases",
        says=(
            "SFTTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "DPOTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "PPOTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "GRPOTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "KTOTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "ORPOTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "CPOTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "RewardTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "RLOOTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "BCOTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "OnlineDPOTrainer.__init__() got an unexpected keyword argument '{name:word}'",
            "GKDTrainer.__init__() got an unexpected keyword argument '{name:word}'",
        ),
        types=("TypeError",),
    ),
    Rule(
        "accelerator-argument-gone",
        Advice(
            "this accelerate's Accelerator takes no `{name}`: it was renamed or moved into a config object",
            (
                (
                    "logging_dir is project_dir; dispatch_batches, split_batches, even_batches go into "
                    "DataLoaderConfiguration; or an older accelerate"
                ),
            ),
        ),
        Advice(
            "当前 accelerate 的 Accelerator 不接受 `{name}`：已改名或移到配置对象",
            (
                (
                    "logging_dir 改为 project_dir；dispatch_batches、split_batches、even_batches 放进 "
                    "DataLoaderConfiguration；或用旧版 accelerate"
                ),
            ),
        ),
        "https://huggingface.co/docs/accelerate/package_reference/accelerator",
        says=("Accelerator.__init__() got an unexpected keyword argument '{name:word}'",),
        types=("TypeError",),
    ),
    Rule(
        "optimizer-without-train",
        Advice(
            "transformers calls optimizer.train(), which this older accelerate does not have",
            ("pip install -U accelerate, and start again",),
        ),
        Advice(
            "transformers 调用 optimizer.train()，而该旧版 accelerate 没有",
            ("pip install -U accelerate，然后重新启动",),
        ),
        "https://github.com/huggingface/transformers/issues/33620",
        says=(
            "'AdamW' object has no attribute 'train'",
            "'SGD' object has no attribute 'train'",
            "'AdamW8bit' object has no attribute 'train'",
            "'Adafactor' object has no attribute 'train'",
            "'DeepSpeedCPUAdam' object has no attribute 'train'",
            "'PagedAdamW8bit' object has no attribute 'train'",
            "'PagedAdamW' object has no attribute 'train'",
        ),
        types=("AttributeError",),
    ),
    Rule(
        "cache-code-older",
        Advice(
            ("the model's own code (or a library) is older than this transformers: its cache has no `{name}` any more"),
            (
                (
                    "take the newest files of the model's repository, or trust_remote_code=False; or the "
                    "transformers that its page names"
                ),
            ),
        ),
        Advice(
            "模型自带的代码（或某个库）比当前 transformers 旧：cache 不再有 `{name}`",
            ("更新模型仓库的文件，或 trust_remote_code=False；或安装模型主页写明的 transformers 版本",),
        ),
        "https://github.com/hiyouga/LlamaFactory/issues/8048",
        says=(
            "'DynamicCache' object has no attribute '{name:word}'",
            "'StaticCache' object has no attribute '{name:word}'",
            "'HybridCache' object has no attribute '{name:word}'",
            "'EncoderDecoderCache' object has no attribute '{name:word}'",
        ),
        types=("AttributeError",),
    ),
    Rule(
        "lora-target-kind",
        Advice(
            "LoRA cannot be put on {kind}: target_modules names something else than linear or embedding layers",
            (
                (
                    "name linear layers alone: target_modules='all-linear', or the last parts of their names "
                    "(q_proj, v_proj)"
                ),
            ),
        ),
        Advice(
            "LoRA 不能加在 {kind} 上：target_modules 指到了线性层、embedding 以外的模块",
            ("只写线性层：target_modules='all-linear'，或其名字的最后一段（q_proj、v_proj）",),
        ),
        "https://huggingface.co/docs/peft/developer_guides/lora",
        says=("Target module {kind} is not supported. Currently, only",),
        types=("ValueError",),
    ),
    Rule(
        "lora-targets-not-given",
        Advice(
            "PEFT does not know this architecture's layers, so target_modules must be given",
            ("LoraConfig(target_modules='all-linear'), or names of the model's linear layers (print(model))",),
        ),
        Advice(
            "PEFT 不认识该架构的层，需要指定 target_modules",
            ("LoraConfig(target_modules='all-linear')，或模型线性层的名字（print(model)）",),
        ),
        "https://huggingface.co/docs/peft/developer_guides/lora",
        says=(
            "Please specify `target_modules` in `peft_config`",
            "Please specify `target_modules` or `target_parameters`in `peft_config`",
        ),
        types=("ValueError",),
    ),
    Rule(
        "quantized-not-trainable",
        Advice(
            "the model is quantized with {method}, which cannot be trained here",
            (
                (
                    "load the unquantized model in 4 bits with bitsandbytes and train LoRA on it; or install the "
                    "package of {method} that can train"
                ),
            ),
        ),
        Advice(
            "模型用 {method} 量化，此处无法训练",
            ("加载未量化的模型，用 bitsandbytes 4 bit 加 LoRA 训练；或安装支持训练的 {method} 包",),
        ),
        "https://huggingface.co/docs/transformers/quantization/overview",
        says=(
            (
                "The model you are trying to fine-tune is quantized with {method:word} but that quantization "
                "method do not support training"
            ),
        ),
        types=("ValueError",),
    ),
    Rule(
        "trainer-save-steps",
        Advice(
            "load_best_model_at_end needs save_steps ({save}) to be a multiple of eval_steps ({eval})",
            ("set save_steps to eval_steps, or a multiple of it",),
        ),
        Advice(
            "load_best_model_at_end 要求 save_steps（{save}）是 eval_steps（{eval}）的倍数",
            ("把 save_steps 设为 eval_steps 或其倍数",),
        ),
        "https://huggingface.co/docs/transformers/main_classes/trainer",
        says=(
            (
                "--load_best_model_at_end requires the saving steps to be a round multiple of the evaluation "
                "steps, but found {save:number}, which is not a round multiple of {eval:number}"
            ),
        ),
        types=("ValueError",),
    ),
    Rule(
        "trainer-no-eval-loss",
        Advice(
            "the evaluation gave no loss, and the best model is chosen by it: the model got no labels there",
            (
                "give label_names=['labels'] (as your columns are named) in TrainingArguments; PEFT models need it",
                "or metric_for_best_model to a number that compute_metrics returns",
            ),
        ),
        Advice(
            "评估没有产生 loss，而最优模型要按它选：评估时模型没有收到标签",
            (
                "在 TrainingArguments 里设 label_names=['labels']（与列名一致），PEFT 模型需要它",
                "或把 metric_for_best_model 设为 compute_metrics 返回的指标",
            ),
        ),
        "https://huggingface.co/docs/transformers/main_classes/trainer",
        says=("'eval_loss'",),
        types=("KeyError",),
        modules=("transformers.trainer",),
    ),
    Rule(
        "trl-vllm-missing",
        Advice(
            "use_vllm=True asks TRL for vLLM, which is not installed in this environment, or not importable",
            ("pip install trl[vllm] takes a version that fits; or use_vllm=False, which is slower",),
        ),
        Advice(
            "use_vllm=True 要求 TRL 使用 vLLM，但当前环境没有安装或无法导入",
            ("用 pip install trl[vllm] 安装匹配的版本；或设 use_vllm=False，但更慢",),
        ),
        "https://huggingface.co/docs/trl/vllm_integration",
        says=(
            "vLLM is not available and `use_vllm` is set to True.",
            "vLLM is not available and use_vllm is set to True.",
        ),
        types=("ImportError",),
    ),
)
