"""A tiny model is fine-tuned with trl's SFTTrainer, and ends well.

Start it::

    pip install trl
    python examples/trl_sft.py

What arrives::

    chat-sft ended after 3 s
    - Ended because: all 4 steps are done
    - Progress: step 4 of 4, epoch 0.5

DPOTrainer, GRPOTrainer and trl's other trainers take the same callback.
"""

import os
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer
from twinkle_notifier.integrations.transformers import NotifierCallback

TEXT = "one message tells what happened"


def main() -> None:
    words = {word: number for number, word in enumerate(["<eos>", "<unk>", *TEXT.split()])}
    split = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    split.pre_tokenizer = pre_tokenizers.Whitespace()
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=LlamaForCausalLM(config),
            args=SFTConfig(
                folder,
                max_steps=4,
                per_device_train_batch_size=2,
                use_cpu=True,
                bf16=False,
                disable_tqdm=True,
                report_to="none",
                save_strategy="no",
            ),
            train_dataset=Dataset.from_list([{"text": TEXT}] * 16),
            processing_class=PreTrainedTokenizerFast(tokenizer_object=split, eos_token="<eos>", pad_token="<eos>"),
            callbacks=[NotifierCallback(name="chat-sft")],  # the notifier comes from TWINKLE_NOTIFIER_URL
        )
        trainer.train()


if __name__ == "__main__":
    main()
