"""A tiny model trains with the HF Trainer, and ends well.

Start it::

    pip install '.[transformers]'
    python examples/transformers_end.py

What arrives::

    reward-model ended after 2 s
    - Progress: step 4 of 4, epoch 0.5
"""

import os
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from twinkle_notifier.integrations.transformers import NotifierCallback


def main() -> None:
    config = BertConfig(vocab_size=32, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    example = {"input_ids": torch.arange(8), "labels": torch.tensor(1)}
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=BertForSequenceClassification(config),
            args=TrainingArguments(
                folder,
                max_steps=4,
                per_device_train_batch_size=2,
                use_cpu=True,
                disable_tqdm=True,
                report_to="none",
                save_strategy="no",
            ),
            train_dataset=[example] * 16,
            callbacks=[NotifierCallback(name="reward-model")],  # the notifier comes from TWINKLE_NOTIFIER_URL
        )
        trainer.train()


if __name__ == "__main__":
    main()
