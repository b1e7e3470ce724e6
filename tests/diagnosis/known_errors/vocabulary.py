"""Texts, vocabularies and heads that do not fit the model: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "text-longer-than-512": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "The expanded size of the tensor (1024) must match the existing size (512) at non-singleton "
                    "dimension 1.  Target sizes: [8, 1024].  Tensor sizes: [1, 512]"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "The expanded size of the tensor (640) must match the existing size (514) at non-singleton "
                    "dimension 1.  Target sizes: [4, 640].  Tensor sizes: [1, 514]"
                ),
            ),
            raised(
                "RuntimeError",
                "The size of tensor a (729) must match the size of tensor b (512) at non-singleton dimension 1",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "The expanded size of the tensor (128) must match the existing size (512) at non-singleton "
                    "dimension 1.  Target sizes: [8, 128].  Tensor sizes: [1, 512]"
                ),
            ),
            raised(
                "RuntimeError",
                "The size of tensor a (64) must match the size of tensor b (32) at non-singleton dimension 1",
            ),
        ),
    ),
    "weights-vocabulary": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Error(s) in loading state_dict for PeftModelForCausalLM:\n	size mismatch for "
                    "base_model.model.model.embed_tokens.weight: copying a param with shape torch.Size([32001, "
                    "4096]) from checkpoint, the shape in current model is torch.Size([32000, 4096])."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Error(s) in loading state_dict for BertForMaskedLM:\n	size mismatch for "
                    "bert.embeddings.word_embeddings.weight: copying a param with shape torch.Size([30522, 768]) "
                    "from checkpoint, the shape in current model is torch.Size([21128, 768])."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "Error(s) in loading state_dict for LlamaForCausalLM:\n	size mismatch for "
                    "model.embed_tokens.weight: copying a param with shape torch.Size([32000, 4096]) from "
                    "checkpoint, the shape in current model is torch.Size([0])."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Error(s) in loading state_dict for X:\n	size mismatch for model.layers.0.mlp.weight: copying "
                    "a param with shape torch.Size([8, 4]) from checkpoint, the shape in current model is "
                    "torch.Size([8, 8])."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Error(s) in loading state_dict for X:\n	size mismatch for model.embed_tokens.weight: copying "
                    "a param with shape torch.Size([100, 4]) from checkpoint, the shape in current model is "
                    "torch.Size([100, 8])."
                ),
            ),
        ),
    ),
    "weights-class-count": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Error(s) in loading state_dict for BertForSequenceClassification:\n	size mismatch for "
                    "classifier.weight: copying a param with shape torch.Size([2, 768]) from checkpoint, the "
                    "shape in current model is torch.Size([5, 768])."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Error(s) in loading state_dict for ResNet:\n	size mismatch for fc.weight: copying a param "
                    "with shape torch.Size([1000, 2048]) from checkpoint, the shape in current model is "
                    "torch.Size([10, 2048])."
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                (
                    "Error(s) in loading state_dict for X:\n	size mismatch for layer.weight: copying a param with "
                    "shape torch.Size([2, 768]) from checkpoint, the shape in current model is torch.Size([5, "
                    "768])."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "Error(s) in loading state_dict for X:\n	size mismatch for fc.weight: copying a param with "
                    "shape torch.Size([10, 4]) from checkpoint, the shape in current model is torch.Size([10, 8])."
                ),
            ),
        ),
    ),
    "tokenizer-recursion": Case(
        hits=(
            raised(
                "RecursionError", "maximum recursion depth exceeded", modules=("transformers.tokenization_utils_base",)
            ),
            raised(
                "RecursionError",
                "maximum recursion depth exceeded while calling a Python object",
                modules=("transformers.tokenization_utils_fast",),
            ),
        ),
        misses=(
            raised("RecursionError", "maximum recursion depth exceeded", modules=("transformers.trainer",)),
            raised(
                "RuntimeError", "maximum recursion depth exceeded", modules=("transformers.tokenization_utils_base",)
            ),
        ),
    ),
    "model-type-key": Case(
        hits=(
            raised("KeyError", "'qwen2'", modules=("transformers.models.auto.configuration_auto",)),
            raised("KeyError", "'mistral'", modules=("transformers.models.auto.configuration_auto",)),
        ),
        misses=(
            raised("KeyError", "'labels'", modules=("transformers.trainer",)),
            raised("ValueError", "'qwen2'", modules=("transformers.models.auto.configuration_auto",)),
        ),
    ),
}
