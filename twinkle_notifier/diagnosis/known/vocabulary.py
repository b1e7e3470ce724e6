"""Texts, vocabularies and heads that do not fit the model."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "text-longer-than-512",
        Advice(
            "a text of {asked} tokens is longer than the 512 positions of the model",
            ("truncate: tokenizer(..., truncation=True, max_length=512), or split long texts",),
        ),
        Advice(
            "文本有 {asked} 个 token，超过模型的 512 个位置",
            ("截断：tokenizer(..., truncation=True, max_length=512)，或拆分长文本",),
        ),
        "https://huggingface.co/docs/transformers/pad_truncation",
        says=(
            (
                "The expanded size of the tensor ({asked:int}) must match the existing size (512) at "
                "non-singleton dimension 1.  Target sizes: [{:int}, {:int}].  Tensor sizes: [1, 512]"
            ),
            (
                "The expanded size of the tensor ({asked:int}) must match the existing size (512) at "
                "non-singleton dimension 1. Target sizes: [{:int}, {:int}]. Tensor sizes: [1, 512]"
            ),
            (
                "The expanded size of the tensor ({asked:int}) must match the existing size (514) at "
                "non-singleton dimension 1.  Target sizes: [{:int}, {:int}].  Tensor sizes: [1, 514]"
            ),
            (
                "The expanded size of the tensor ({asked:int}) must match the existing size (514) at "
                "non-singleton dimension 1. Target sizes: [{:int}, {:int}]. Tensor sizes: [1, 514]"
            ),
            ("The size of tensor a ({asked:int}) must match the size of tensor b (512) at non-singleton dimension 1"),
        ),
        types=("RuntimeError",),
        when=("asked > 512",),
    ),
    Rule(
        "weights-vocabulary",
        Advice(
            ("the embeddings have {saved} rows in the checkpoint and {now} in this model: the vocabulary was changed"),
            (
                "call model.resize_token_embeddings({saved}) before loading the checkpoint or the adapter",
                "take the tokenizer of the checkpoint, and add the same special tokens as then",
            ),
        ),
        Advice(
            "embedding 在 checkpoint 里是 {saved} 行，在当前模型里是 {now} 行：词表大小改变了",
            (
                "加载 checkpoint 或 adapter 之前调用 model.resize_token_embeddings({saved})",
                "使用 checkpoint 的 tokenizer，并添加与当时相同的特殊 token",
            ),
        ),
        "https://huggingface.co/docs/peft/developer_guides/troubleshooting",
        says=(
            (
                "size mismatch for {}embed_tokens.weight: copying a param with shape "
                "torch.Size([{saved:int}, {:int}]) from checkpoint, the shape in current model is "
                "torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}lm_head.weight: copying a param with shape torch.Size([{saved:int}, "
                "{:int}]) from checkpoint, the shape in current model is torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}wte.weight: copying a param with shape torch.Size([{saved:int}, "
                "{:int}]) from checkpoint, the shape in current model is torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}word_embeddings.weight: copying a param with shape "
                "torch.Size([{saved:int}, {:int}]) from checkpoint, the shape in current model is "
                "torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}shared.weight: copying a param with shape torch.Size([{saved:int}, "
                "{:int}]) from checkpoint, the shape in current model is torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}embed_tokens.modules_to_save.default.weight: copying a param with shape "
                "torch.Size([{saved:int}, {:int}]) from checkpoint, the shape in current model is "
                "torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}lm_head.modules_to_save.default.weight: copying a param with shape "
                "torch.Size([{saved:int}, {:int}]) from checkpoint, the shape in current model is "
                "torch.Size([{now:int}, {:int}])"
            ),
        ),
        types=("RuntimeError",),
        when=("saved != now",),
    ),
    Rule(
        "weights-class-count",
        Advice(
            "the head has {saved} classes in the checkpoint and {now} in this model",
            (
                "to train a new head: from_pretrained(..., num_labels={now}, ignore_mismatched_sizes=True)",
                "to go on with the old one: num_labels={saved}",
            ),
        ),
        Advice(
            "分类头在 checkpoint 里有 {saved} 类，在当前模型里是 {now} 类",
            (
                "训练新的头：from_pretrained(..., num_labels={now}, ignore_mismatched_sizes=True)",
                "沿用旧的头：num_labels={saved}",
            ),
        ),
        "https://huggingface.co/docs/transformers/main_classes/model",
        says=(
            (
                "size mismatch for {}classifier.weight: copying a param with shape torch.Size([{saved:int}, "
                "{:int}]) from checkpoint, the shape in current model is torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}classifier.out_proj.weight: copying a param with shape "
                "torch.Size([{saved:int}, {:int}]) from checkpoint, the shape in current model is "
                "torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}score.weight: copying a param with shape torch.Size([{saved:int}, "
                "{:int}]) from checkpoint, the shape in current model is torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}head.weight: copying a param with shape torch.Size([{saved:int}, "
                "{:int}]) from checkpoint, the shape in current model is torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}fc.weight: copying a param with shape torch.Size([{saved:int}, {:int}]) "
                "from checkpoint, the shape in current model is torch.Size([{now:int}, {:int}])"
            ),
            (
                "size mismatch for {}class_embed.weight: copying a param with shape torch.Size([{saved:int}, "
                "{:int}]) from checkpoint, the shape in current model is torch.Size([{now:int}, {:int}])"
            ),
        ),
        types=("RuntimeError",),
        when=("saved != now",),
    ),
    Rule(
        "tokenizer-recursion",
        Advice(
            (
                "the tokenizer looks up its unknown token without end: its special tokens are missing or of "
                "another tokenizer"
            ),
            (
                (
                    "use the fast tokenizer, or give from_pretrained the unk_token, bos_token and eos_token of "
                    "the base model"
                ),
                "pip install -U transformers, and take the tokenizer's files anew from the model's page",
            ),
        ),
        Advice(
            "tokenizer 无限递归地查找 unk token：特殊 token 缺失，或属于另一个 tokenizer",
            (
                "用 fast tokenizer，或给 from_pretrained 传基座模型的 unk_token、bos_token、eos_token",
                "pip install -U transformers，并从模型主页重新下载 tokenizer 文件",
            ),
        ),
        "https://github.com/huggingface/transformers/issues/22762",
        says=("maximum recursion depth exceeded",),
        types=("RecursionError",),
        modules=(
            "transformers.tokenization_utils_base",
            "transformers.tokenization_utils_fast",
            "transformers.tokenization_utils",
        ),
    ),
    Rule(
        "model-type-key",
        Advice(
            "this transformers does not know the model type {kind}: it is older than the model",
            ("pip install -U transformers (the model's page names the release that it needs)",),
        ),
        Advice(
            "当前 transformers 不认识模型类型 {kind}：它比模型旧",
            ("pip install -U transformers（模型主页会写明所需版本）",),
        ),
        "https://huggingface.co/docs/transformers/installation",
        says=("'{kind:word}'",),
        types=("KeyError",),
        modules=("transformers.models.auto.configuration_auto",),
    ),
)
