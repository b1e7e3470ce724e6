"""Trainers and the arguments that they take, and trackers."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_DOCS = "https://huggingface.co/docs/"
_VALUE = ("ValueError",)
_CAUGHT = "Caught RuntimeError in DataLoader worker process "

RULES: tuple[Rule, ...] = (
    Rule(
        "model-got-no-inputs",
        Advice(
            "the batch has no input_ids for the model: the dataset was not tokenized, or its columns were dropped",
            (
                "print next(iter(trainer.get_train_dataloader())).keys(): input_ids and labels must be there",
                "tokenize with dataset.map(...); name the columns as the arguments of model.forward()",
            ),
        ),
        Advice(
            "batch 里没有模型认识的 input_ids：数据集没有分词，或列被去掉了",
            (
                "打印 next(iter(trainer.get_train_dataloader())).keys()：应有 input_ids 和 labels",
                "用 dataset.map(...) 分词，列名要与 model.forward() 的参数一致",
            ),
        ),
        _DOCS + "transformers/main_classes/trainer",
        says=(
            "You have to specify either input_ids or inputs_embeds",
            "You must specify exactly one of input_ids or inputs_embeds",
            "No columns in the dataset match the model's forward method signature",
            "The batch received was empty, your model won't be able to train on it.",
        ),
        types=_VALUE,
    ),
    Rule(
        "quantized-without-adapter",
        Advice(
            "a quantized model cannot be trained directly, and no adapter was attached before the Trainer",
            ("model = get_peft_model(prepare_model_for_kbit_training(model), lora_config), or load it unquantized",),
        ),
        Advice(
            "量化模型不能直接训练，而在创建 Trainer 之前没有挂 adapter",
            ("model = get_peft_model(prepare_model_for_kbit_training(model), lora_config)，或不量化加载",),
        ),
        _DOCS + "peft/developer_guides/quantization",
        says=("You cannot perform fine-tuning on purely quantized models.",),
        types=_VALUE,
    ),
    Rule(
        "trainer-best-model-strategies",
        Advice(
            "load_best_model_at_end needs saving and evaluation at the same steps, not {evaluation}, {saving}",
            ("set save_strategy and eval_strategy to one value, and save_steps to a multiple of eval_steps",),
        ),
        Advice(
            "load_best_model_at_end 要求在相同的步保存和评估，而现在是 {evaluation} 和 {saving}",
            ("把 save_strategy 和 eval_strategy 设为同一个值，save_steps 设为 eval_steps 的倍数",),
        ),
        _DOCS + "transformers/main_classes/trainer",
        says=("--load_best_model_at_end requires the save and eval strategy to match, ",),
        also=("- Evaluation strategy: {evaluation}", "- Save strategy: {saving}"),
        types=_VALUE,
    ),
    Rule(
        "trainer-best-metric-missing",
        Advice(
            "metric_for_best_model is '{metric}', but the evaluation returns no such number",
            (
                "return that key from compute_metrics() (without eval_), or set metric_for_best_model='eval_loss'",
                "if even eval_loss is missing, the evaluation batches have no labels: see label_names",
            ),
        ),
        Advice(
            "metric_for_best_model 是 '{metric}'，而评估没有返回这个指标",
            (
                "在 compute_metrics() 里返回这个键（不带 eval_），或设 metric_for_best_model='eval_loss'",
                "如果连 eval_loss 也没有，说明评估的 batch 没有 labels：见 label_names",
            ),
        ),
        _DOCS + "transformers/main_classes/trainer",
        says=(
            "The `metric_for_best_model` training argument is set to '{metric}', which is not found in the",
            "\"The `metric_for_best_model` training argument is set to '{metric}', which is not found in the",
        ),
        types=("KeyError",),
    ),
    Rule(
        "trainer-compute-loss-signature",
        Advice(
            "{trainer}.compute_loss() lacks the argument num_items_in_batch, which transformers passes since 4.46",
            ("def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None)",),
        ),
        Advice(
            "{trainer}.compute_loss() 缺少参数 num_items_in_batch，从 transformers 4.46 起 Trainer 会传入它",
            ("def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None)",),
        ),
        "https://github.com/huggingface/transformers/issues/36331",
        says=("{trainer}.compute_loss() got an unexpected keyword argument 'num_items_in_batch'",),
        types=("TypeError",),
    ),
    Rule(
        "sft-argument-moved",
        Advice(
            "TRL renamed max_seq_length to max_length, and it belongs into SFTConfig, not SFTTrainer",
            ("write SFTTrainer(args=SFTConfig(max_length=...)), or pin the TRL that the script was written for",),
        ),
        Advice(
            "TRL 把 max_seq_length 改名为 max_length，并且要写在 SFTConfig 里，而不是 SFTTrainer",
            ("写 SFTTrainer(args=SFTConfig(max_length=...))，或固定为脚本当初使用的 TRL 版本",),
        ),
        "https://github.com/huggingface/trl/pull/2895",
        says=(
            "SFTConfig.__init__() got an unexpected keyword argument 'max_seq_length'",
            "SFTTrainer.__init__() got an unexpected keyword argument 'max_seq_length'",
        ),
        types=("TypeError",),
    ),
    Rule(
        "saved-tensors-share-memory",
        Advice(
            "safetensors does not save tensors that share memory (tied weights)",
            (
                "your own model: safetensors.torch.save_model(model, path), or clone the tied weight before saving",
                "a PreTrainedModel: name the tied weights in _tied_weights_keys",
            ),
        ),
        Advice(
            "safetensors 不保存共享内存的张量（绑定的权重）",
            (
                "自己的模型：safetensors.torch.save_model(model, path)，或在保存前 clone 绑定的权重",
                "PreTrainedModel：在 _tied_weights_keys 里写出绑定的权重",
            ),
        ),
        _DOCS + "safetensors/torch_shared_tensors",
        says=(
            "Some tensors share memory, this will lead to duplicate memory on disk and potential differences when",
            "The weights trying to be saved contained shared tensors [",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "sharded-weights-empty",
        Advice(
            "an embedding has no weights here: ZeRO-3 or FSDP sharded them, and the model runs outside of its wrapper",
            (
                "call the wrapped model; give a second one (reference, teacher, text encoder) to deepspeed.initialize",
                "to generate or evaluate under ZeRO-3, gather first: deepspeed.zero.GatheredParameters(params)",
                "or use ZeRO-2 for models that must be called directly",
            ),
        ),
        Advice(
            "embedding 的权重在此处是空的：ZeRO-3 或 FSDP 已将其切分，而模型是绕过包装器直接调用的",
            (
                "调用包装后的模型；第二个模型（reference、teacher、text encoder）也要经过 deepspeed.initialize",
                "ZeRO-3 下生成或评估前先聚合参数：deepspeed.zero.GatheredParameters(params)",
                "必须直接调用的模型可改用 ZeRO-2",
            ),
        ),
        "https://github.com/huggingface/transformers/issues/22705",
        says=("'weight' must be 2-D",),
        types=("RuntimeError",),
        modules=("deepspeed", "torch.distributed.fsdp", "accelerate", "torch.nn.modules.sparse"),
    ),
    Rule(
        "ray-devices-missing",
        Advice(
            "Ray has {seen} devices to give, and the run asks for {asked}",
            (
                "see with `ray status` whether all nodes joined, and whether another job holds devices",
                "else set trainer.nnodes and trainer.n_gpus_per_node to what there is",
            ),
        ),
        Advice(
            "Ray 集群可用的设备只有 {seen}，而任务要求 {asked}",
            (
                "用 `ray status` 查看是否所有节点都已加入，以及是否有别的作业占用设备",
                "否则把 trainer.nnodes 和 trainer.n_gpus_per_node 改成实际的数量",
            ),
        ),
        "https://github.com/verl-project/verl/issues/2515",
        says=(
            "Total available GPUs {seen:number} is less than total desired GPUs {asked:number}",
            "Total available NPUs {seen:number} is less than total desired NPUs {asked:number}",
            "Not enough GPUs available. Requested {asked:int} GPUs, but only {seen:int} are available in the cluster",
        ),
        types=("ValueError", "ResourceInsufficientError"),
    ),
    Rule(
        "ray-placement-timeout",
        Advice(
            "Ray could not find room for the workers in time: fewer free CPUs or GPUs than they ask for",
            (
                "see with `ray status` what the nodes have, and what other jobs hold",
                "lower the number of workers, or their resources; give ray.init the address of the running cluster",
            ),
        ),
        Advice(
            "Ray 没能及时为 worker 分配到资源：空闲的 CPU 或 GPU 少于所需",
            (
                "用 `ray status` 查看各节点的资源，以及其他作业的占用",
                "减少 worker 数量或每个 worker 的资源；ray.init 要连接到已启动的集群",
            ),
        ),
        "https://docs.ray.io/en/latest/ray-core/scheduling/placement-group.html",
        says=("Placement group creation timed out. Make sure your cluster either has enough resources",),
        types=("TimeoutError",),
    ),
    Rule(
        "ray-object-store-full",
        Advice(
            "Ray's object store is full of objects that are still referenced: one more did not fit",
            (
                "see with `ray memory` who holds references, and drop them (del) when they are no longer needed",
                "or raise object_store_memory (ray init or ray start), and with it /dev/shm in a container",
            ),
        ),
        Advice(
            "Ray 的 object store 已被仍有引用的对象占满，放不下新对象",
            (
                "用 `ray memory` 查看谁持有引用，不再需要时 del 掉",
                "或调大 object_store_memory（ray init 或 ray start），容器中同时调大 /dev/shm",
            ),
        ),
        "https://docs.ray.io/en/latest/ray-core/objects.html",
        says=(
            "Failed to put object {}in object store because it is full.",
            "The local object store is full of objects that are still in scope and cannot be evicted.",
        ),
        types=("ObjectStoreFullError",),
    ),
    Rule(
        "samples-differ-in-worker",
        Advice(
            "the samples of a batch differ in shape, so the DataLoader's worker cannot stack them",
            ("images: Resize or crop to one size; sequences: pad_sequence() in a collate_fn; print each shape",),
        ),
        Advice(
            "同一 batch 里的样本形状不同，DataLoader 的 worker 无法堆叠",
            ("图像：Resize 或裁剪到同一尺寸；序列：在 collate_fn 里用 pad_sequence()；打印每个样本的形状",),
        ),
        "https://docs.pytorch.org/docs/stable/data.html#working-with-collate-fn",
        says=(
            "RuntimeError: stack expects each tensor to be equal size, but got [",
            "RuntimeError: each element in list of batch should be of equal size",
            "RuntimeError: Trying to resize storage that is not resizable",
            _CAUGHT + "{:int}.{}RuntimeError: stack expects each tensor to be equal",
        ),
        also=(_CAUGHT,),
        types=("RuntimeError",),
    ),
    Rule(
        "wandb-no-key",
        Advice(
            "Weights & Biases has no API key, and a job without a terminal cannot ask for it",
            (
                "set WANDB_API_KEY for the job on each node, or run `wandb login` once per user",
                "or do without: WANDB_MODE=offline (then `wandb sync`), or report_to='none' in transformers",
            ),
        ),
        Advice(
            "Weights & Biases 没有 API key，而没有终端的作业无法询问",
            (
                "在每个节点上设置 WANDB_API_KEY，或每个用户执行一次 `wandb login`",
                "或不联网：WANDB_MODE=offline（之后用 `wandb sync` 上传），或在 transformers 中设 report_to='none'",
            ),
        ),
        "https://docs.wandb.ai/support/save_metrics_offline_sync_them_wb_later",
        says=("api_key not configured (no-tty)", "No API key configured. Use `wandb login` to log in."),
        types=("UsageError",),
    ),
    Rule(
        "wandb-timeout",
        Advice(
            "Weights & Biases did not answer in time: this machine reaches its server badly or not at all",
            (
                "train without it: WANDB_MODE=offline, and upload later with `wandb sync`",
                "or set HTTPS_PROXY; if it is only slow: wandb.Settings(init_timeout=300)",
            ),
        ),
        Advice(
            "Weights & Biases 没有及时响应：本机访问其服务器不稳定或完全不通",
            (
                "先离线训练：WANDB_MODE=offline，之后用 `wandb sync` 上传",
                "或设置 HTTPS_PROXY；若只是慢：wandb.Settings(init_timeout=300)",
            ),
        ),
        "https://docs.wandb.ai/support/run_wandb_offline/",
        says=("Run initialization has timed out after {:number} sec", "Timed out while retrying: "),
        types=("CommError",),
    ),
)
