"""Trainers and the arguments that they take: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

BEST = "--load_best_model_at_end requires the save and eval strategy to match, "
METRIC = (
    "The `metric_for_best_model` training argument is set to 'eval_f1', which is not found in the evaluation metrics. "
)
KEYS = "The available evaluation metrics are: ['eval_loss', 'eval_runtime', 'epoch']."
PLACEMENT = "Placement group creation timed out. Make sure your cluster either has enough resources"
WORKER = "Caught RuntimeError in DataLoader worker process 2.\nOriginal Traceback (most recent call last):\n"

CASES: dict[str, Case] = {
    "model-got-no-inputs": Case(
        hits=(
            raised("ValueError", "You have to specify either input_ids or inputs_embeds"),
            raised("ValueError", "You must specify exactly one of input_ids or inputs_embeds"),
            raised(
                "ValueError",
                "No columns in the dataset match the model's forward method signature: (input_ids, labels). The following"
                " columns have been ignored: [text]. Please check the dataset and model. You may need to set"
                " `remove_unused_columns=False` in `TrainingArguments`.",
            ),
            raised(
                "ValueError",
                "The batch received was empty, your model won't be able to train on it. Double-check that your training"
                " dataset contains keys expected by the model: input_ids,attention_mask,labels.",
            ),
        ),
        misses=(
            raised("ValueError", "You have to specify either text or audios. Both cannot be none."),
            raised("ValueError", "You have to specify either decoder_input_ids or decoder_inputs_embeds"),
            raised("RuntimeError", "You have to specify either input_ids or inputs_embeds"),
        ),
    ),
    "quantized-without-adapter": Case(
        hits=(
            raised(
                "ValueError",
                "You cannot perform fine-tuning on purely quantized models. Please attach trainable adapters on top of the"
                " quantized model to correctly perform fine-tuning. Please see: https://huggingface.co/docs/transformers/peft"
                " for more details",
            ),
            raised(
                "ValueError",
                "You cannot perform fine-tuning on purely quantized models.",
                modules=("transformers.trainer",),
            ),
        ),
        misses=(
            raised("ValueError", "You cannot fine-tune quantized model with `torch.compile()` make sure to pass a"),
            raised("RuntimeError", "You cannot perform fine-tuning on purely quantized models."),
        ),
    ),
    "trainer-best-model-strategies": Case(
        hits=(
            raised(
                "ValueError",
                BEST + 'except when --save_strategy="best", but found\n- Evaluation strategy: IntervalStrategy.STEPS\n'
                "- Save strategy: SaveStrategy.EPOCH",
            ),
            raised(
                "ValueError",
                BEST + "but found\n- Evaluation strategy: IntervalStrategy.NO\n- Save strategy: IntervalStrategy.STEPS",
            ),
        ),
        misses=(
            raised("ValueError", BEST + "see the documentation"),
            raised(
                "ValueError",
                "--load_best_model_at_end requires the saving steps to be a round multiple of the evaluation steps, but found"
                " 10, which is not a round multiple of 3.",
            ),
        ),
    ),
    "trainer-best-metric-missing": Case(
        hits=(
            raised("KeyError", METRIC + KEYS),
            raised(
                "KeyError", f'"{METRIC}{KEYS} Consider changing the `metric_for_best_model` via the TrainingArguments."'
            ),
        ),
        misses=(
            raised("KeyError", "'eval_f1'"),
            raised("ValueError", METRIC + KEYS),
        ),
    ),
    "trainer-compute-loss-signature": Case(
        hits=(
            raised("TypeError", "CustomTrainer.compute_loss() got an unexpected keyword argument 'num_items_in_batch'"),
            raised(
                "TypeError",
                "SimpleMarginPOTrainer.compute_loss() got an unexpected keyword argument 'num_items_in_batch'",
            ),
        ),
        misses=(
            raised("TypeError", "forward() got an unexpected keyword argument 'num_items_in_batch'"),
            raised(
                "ValueError", "CustomTrainer.compute_loss() got an unexpected keyword argument 'num_items_in_batch'"
            ),
        ),
    ),
    "sft-argument-moved": Case(
        hits=(
            raised("TypeError", "SFTConfig.__init__() got an unexpected keyword argument 'max_seq_length'"),
            raised("TypeError", "SFTTrainer.__init__() got an unexpected keyword argument 'max_seq_length'"),
        ),
        misses=(
            raised("TypeError", "TrainingArguments.__init__() got an unexpected keyword argument 'max_seq_length'"),
            raised("ValueError", "SFTConfig.__init__() got an unexpected keyword argument 'max_seq_length'"),
        ),
    ),
    "saved-tensors-share-memory": Case(
        hits=(
            raised(
                "RuntimeError",
                "\n            Some tensors share memory, this will lead to duplicate memory on disk and potential differences"
                " when loading them again: [{'a.weight', 'b.weight'}].\n"
                "            A potential way to correctly save your model is to use `save_model`.\n",
            ),
            raised(
                "RuntimeError",
                "The weights trying to be saved contained shared tensors [{'model.up_proj.weight', 'model.gate_proj.weight'}]"
                " which are not properly defined. We found all the potential target tied weights keys to be: {}.",
            ),
        ),
        misses=(
            raised("ValueError", "You are trying to save a non contiguous tensor: `a` which is not allowed."),
            raised("ValueError", "Some tensors share memory, this will lead to duplicate memory on disk and potential"),
        ),
    ),
    "sharded-weights-empty": Case(
        hits=(
            raised("RuntimeError", "'weight' must be 2-D", modules=("torch.nn.functional", "deepspeed.runtime.engine")),
            raised("RuntimeError", "'weight' must be 2-D", modules=("accelerate.utils.operations",)),
            raised("RuntimeError", "'weight' must be 2-D", modules=("torch.nn.modules.sparse", "torch.nn.functional")),
        ),
        misses=(
            raised("RuntimeError", "'weight' must be 2-D", modules=("model", "torch.nn.functional")),
            raised("ValueError", "'weight' must be 2-D", modules=("deepspeed.runtime.engine",)),
            raised("RuntimeError", "The 'weight' must be 2-D", modules=("deepspeed.runtime.engine",)),
        ),
    ),
    "ray-devices-missing": Case(
        hits=(
            raised("ValueError", "Total available GPUs 8.0 is less than total desired GPUs 16"),
            raised(
                "ray.exceptions.RayTaskError(ValueError)", "Total available GPUs 0 is less than total desired GPUs 8"
            ),
            raised(
                "ValueError",
                "Not enough GPUs available. Requested 16 GPUs, but only 8 are available in the cluster.",
            ),
        ),
        misses=(
            raised("RuntimeError", "Total available GPUs 8.0 is less than total desired GPUs 16"),
            raised("ValueError", "Total available GPUs are unknown"),
        ),
    ),
    "ray-placement-timeout": Case(
        hits=(
            raised("TimeoutError", f"{PLACEMENT} or use an autoscaling cluster. Current resources available: {{}}"),
            raised("TimeoutError", f"{PLACEMENT} or use an autoscaling cluster. If you are running on a cluster, make"),
        ),
        misses=(
            raised("RuntimeError", PLACEMENT),
            raised("TimeoutError", "Placement group creation timed out."),
        ),
    ),
    "samples-differ-in-worker": Case(
        hits=(
            raised("RuntimeError", f"{WORKER}RuntimeError: stack expects each tensor to be equal size, but got [3]"),
            raised("RuntimeError", f"{WORKER}RuntimeError: Trying to resize storage that is not resizable"),
            raised(
                "RuntimeError",
                WORKER.replace("\n", " ") + "RuntimeError: stack expects each tensor to be equal size, but got [3]",
            ),
        ),
        misses=(
            raised("RuntimeError", f"{WORKER}RuntimeError: unable to open file 0007.png"),
            raised("RuntimeError", "RuntimeError: stack expects each tensor to be equal size, but got [3]"),
        ),
    ),
    "wandb-no-key": Case(
        hits=(
            raised("wandb.errors.UsageError", "api_key not configured (no-tty). call wandb.login(key=[your_api_key])"),
            raised("wandb.errors.errors.UsageError", "No API key configured. Use `wandb login` to log in."),
        ),
        misses=(
            raised("ValueError", "api_key not configured (no-tty). call wandb.login(key=[your_api_key])"),
            raised("wandb.errors.UsageError", "API key must be 40 characters long, yours was 3"),
            printed("wandb: ERROR api_key not configured (no-tty). call wandb.login(key=[your_api_key])"),
        ),
    ),
    "wandb-timeout": Case(
        hits=(
            raised(
                "wandb.errors.errors.CommError",
                "Run initialization has timed out after 90.0 sec. Please try increasing the timeout with the `init_timeout` "
                "setting: `wandb.init(settings=wandb.Settings(init_timeout=120))`.",
            ),
            raised(
                "wandb.errors.CommError", "Run initialization has timed out after 60 sec. \nPlease refer to the docs"
            ),
            raised(
                "wandb.errors.errors.CommError",
                'Timed out while retrying: Post "https://api.wandb.ai/graphql": dial tcp: lookup api.wandb.ai: no such host\n'
                "Consider increasing the init_timeout setting:",
            ),
        ),
        misses=(
            raised(
                "wandb.errors.CommError", "It appears that you do not have permission to access the requested resource."
            ),
            raised("TimeoutError", "Timed out while retrying: Post"),
            raised("RuntimeError", "Run initialization has timed out after 90.0 sec."),
        ),
    ),
    "ray-object-store-full": Case(
        hits=(
            raised(
                "ray.exceptions.ObjectStoreFullError",
                "Failed to put object ffffffffffffffff0100000c0100 in object store because it is full. Object size is"
                " 8000000 bytes.\nThe local object store is full of objects that are still in scope and cannot be evicted.",
            ),
            raised(
                "ObjectStoreFullError",
                "Failed to put.\nThe local object store is full of objects that are still in scope and cannot be evicted."
                " Tip: Use the `ray memory` command to list active objects in the cluster.",
            ),
        ),
        misses=(
            raised("RuntimeError", "Failed to put object a in object store because it is full."),
            raised(
                "OutOfDiskError",
                "Local disk is full\nThe object cannot be created because the local object store is full",
            ),
        ),
    ),
}
