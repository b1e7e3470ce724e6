"""Trainers, adapters and their versions: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "trl-argument-moved": Case(
        hits=(
            raised("TypeError", "SFTTrainer.__init__() got an unexpected keyword argument 'dataset_text_field'"),
            raised("TypeError", "DPOTrainer.__init__() got an unexpected keyword argument 'beta'"),
        ),
        misses=(
            raised(
                "TypeError",
                (
                    "an earlier attempt said: SFTTrainer.__init__() got an unexpected keyword argument "
                    "'dataset_text_field'"
                ),
            ),
            raised("KeyError", "SFTTrainer.__init__() got an unexpected keyword argument 'dataset_text_field'"),
        ),
    ),
    "accelerator-argument-gone": Case(
        hits=(
            raised("TypeError", "Accelerator.__init__() got an unexpected keyword argument 'logging_dir'"),
            raised("TypeError", "Accelerator.__init__() got an unexpected keyword argument 'split_batches'"),
        ),
        misses=(
            raised(
                "TypeError",
                "Accelerator.__init__() got an unexpected keyword argument 'dispatch_batches'",
                modules=("transformers.trainer",),
            ),
            raised("ValueError", "Accelerator.__init__() got an unexpected keyword argument 'logging_dir'"),
        ),
    ),
    "optimizer-without-train": Case(
        hits=(
            raised(
                "AttributeError",
                "'AdamW' object has no attribute 'train'. Did you mean: 'state'?",
                modules=(
                    "accelerate.optimizer",
                    "transformers.trainer",
                ),
            ),
            raised("AttributeError", "'AdamW' object has no attribute 'train'"),
        ),
        misses=(
            raised("AttributeError", "'Namespace' object has no attribute 'train'"),
            raised("ValueError", "'AdamW' object has no attribute 'train'"),
        ),
    ),
    "cache-code-older": Case(
        hits=(
            raised("AttributeError", "'DynamicCache' object has no attribute 'get_max_length'"),
            raised("AttributeError", "'DynamicCache' object has no attribute 'seen_tokens'"),
        ),
        misses=(
            raised(
                "AttributeError", "an earlier attempt said: 'DynamicCache' object has no attribute 'get_max_length'"
            ),
            raised("KeyError", "'DynamicCache' object has no attribute 'get_max_length'"),
        ),
    ),
    "lora-target-kind": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "Target module ModuleDict() is not supported. Currently, only the following modules are "
                    "supported: `torch.nn.Linear`, `torch.nn.Embedding`"
                ),
            ),
            raised(
                "ValueError",
                (
                    "Target module LayerNorm((768,), eps=1e-05, elementwise_affine=True) is not supported. "
                    "Currently, only `torch.nn.Linear` and `Conv1D` are supported."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Target module ModuleDict() is not supported. Currently, only the "
                    "following modules are supported: `torch.nn.Linear`, `torch.nn.Embedding`"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Target module ModuleDict() is not supported. Currently, only the following modules are "
                    "supported: `torch.nn.Linear`, `torch.nn.Embedding`"
                ),
            ),
        ),
    ),
    "lora-targets-not-given": Case(
        hits=(
            raised("ValueError", "Please specify `target_modules` in `peft_config`"),
            raised("ValueError", "Please specify `target_modules` or `target_parameters`in `peft_config`"),
        ),
        misses=(
            raised("ValueError", "an earlier attempt said: Please specify `target_modules` in `peft_config`"),
            raised("KeyError", "Please specify `target_modules` in `peft_config`"),
        ),
    ),
    "quantized-not-trainable": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "The model you are trying to fine-tune is quantized with gptq but that quantization method "
                    "do not support training."
                ),
            ),
            raised(
                "ValueError",
                (
                    "The model you are trying to fine-tune is quantized with QuantizationMethod.AWQ but that "
                    "quantization method do not support training."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: The model you are trying to fine-tune is quantized with gptq but "
                    "that quantization method do not support training."
                ),
            ),
            raised(
                "KeyError",
                (
                    "The model you are trying to fine-tune is quantized with gptq but that quantization method "
                    "do not support training."
                ),
            ),
        ),
    ),
    "trainer-save-steps": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "--load_best_model_at_end requires the saving steps to be a round multiple of the evaluation "
                    "steps, but found 500, which is not a round multiple of 300."
                ),
            ),
            raised(
                "ValueError",
                (
                    "--load_best_model_at_end requires the saving steps to be a round multiple of the evaluation "
                    "steps, but found 100, which is not a round multiple of 40."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: --load_best_model_at_end requires the saving steps to be a round "
                    "multiple of the evaluation steps, but found 500, which is not a round multiple of 300."
                ),
            ),
            raised(
                "KeyError",
                (
                    "--load_best_model_at_end requires the saving steps to be a round multiple of the evaluation "
                    "steps, but found 500, which is not a round multiple of 300."
                ),
            ),
        ),
    ),
    "trainer-no-eval-loss": Case(
        hits=(
            raised("KeyError", "'eval_loss'", modules=("transformers.trainer",)),
            raised(
                "KeyError",
                "'eval_loss'",
                modules=(
                    "transformers.trainer",
                    "accelerate",
                ),
            ),
        ),
        misses=(
            raised("KeyError", "'eval_loss'"),
            raised("ValueError", "'eval_loss'", modules=("transformers.trainer",)),
        ),
    ),
    "trl-vllm-missing": Case(
        hits=(
            raised(
                "ImportError",
                "vLLM is not available and `use_vllm` is set to True. Please install vLLM with `pip install trl[vllm]` to use it.",
            ),
            raised(
                "ImportError", "vLLM is not available and use_vllm is set to True. Please install vLLM with pip install"
            ),
        ),
        misses=(
            raised("ImportError", "vLLM is not available"),
            raised("RuntimeError", "vLLM is not available and `use_vllm` is set to True."),
        ),
    ),
}
