"""Makes a tiny chat model of the Qwen2 family and data for it: ``python tiny.py FOLDER``, in a trainer's environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ROWS = 64


def main(folder: Path) -> None:
    """Write the model to `model`, and its data in the form of each trainer."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=TEMPLATE,
        model_max_length=256,
    )
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        bos_token_id=None,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder / "model")
    fast.save_pretrained(folder / "model")
    questions = [(f"What is {number} and {number}?", f"It is {2 * number}.") for number in range(ROWS)]
    write(folder / "messages" / "train.jsonl", [{"messages": messages(*pair)} for pair in questions])
    write(folder / "prompts" / "train.jsonl", [{"prompt": question} for question, _ in questions])
    alpaca = [{"instruction": question, "input": "", "output": answer} for question, answer in questions]
    (folder / "alpaca.json").write_text(json.dumps(alpaca))
    (folder / "dataset_info.json").write_text(json.dumps({"tiny": {"file_name": "alpaca.json"}}))


def messages(question: str, answer: str) -> list[dict[str, str]]:
    """A turn each."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def write(path: Path, rows: list[dict[str, object]]) -> None:
    """A row a line."""
    path.parent.mkdir()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


main(Path(sys.argv[1]))
