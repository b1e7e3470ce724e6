"""Tokenizers, models and data of text."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_DOCS = "https://huggingface.co/docs/"
_VALUE = ("ValueError",)

RULES: tuple[Rule, ...] = (
    Rule(
        "tokenizer-no-pad-token",
        Advice(
            "the tokenizer has no padding token, so it cannot pad a batch",
            (
                "set one after loading: tokenizer.pad_token = tokenizer.eos_token",
                "if you add a new token instead, call model.resize_token_embeddings(len(tokenizer))",
            ),
        ),
        Advice(
            "tokenizer 没有 padding token，无法补齐一个 batch",
            (
                "加载后设置：tokenizer.pad_token = tokenizer.eos_token",
                "如果新增 token，再调用 model.resize_token_embeddings(len(tokenizer))",
            ),
        ),
        _DOCS + "transformers/pad_truncation",
        says=("Asking to pad but the tokenizer does not have a padding token.",),
        types=_VALUE,
    ),
    Rule(
        "model-no-pad-token",
        Advice(
            "the model's config has no pad_token_id, so a classifier cannot find the end of each text in a batch",
            ("after loading the model set model.config.pad_token_id = tokenizer.pad_token_id",),
        ),
        Advice(
            "模型的 config 没有 pad_token_id，分类模型找不到 batch 里每条文本的结尾",
            ("加载模型后设置 model.config.pad_token_id = tokenizer.pad_token_id",),
        ),
        "https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_layers.py",
        says=("Cannot handle batch sizes > 1 if no padding token is defined.",),
        types=("ValueError", "AssertionError"),
    ),
    Rule(
        "batch-labels-not-padded",
        Advice(
            "the labels of a batch differ in length, and this collator pads only the inputs",
            ("use DataCollatorForSeq2Seq(tokenizer, model), or DataCollatorForTokenClassification(tokenizer)",),
        ),
        Advice(
            "一个 batch 里的 labels 长度不同，而这个 collator 只补齐输入",
            ("改用 DataCollatorForSeq2Seq(tokenizer, model) 或 DataCollatorForTokenClassification(tokenizer)",),
        ),
        _DOCS + "transformers/main_classes/data_collator",
        says=(
            "Unable to create tensor, you should probably activate truncation and/or padding with 'padding=True'"
            " 'truncation=True' to have batched tensors with the same length. Perhaps your features (`labels` in",
        ),
        types=_VALUE,
    ),
    Rule(
        "batch-column-uneven",
        Advice(
            "the column `{column}` of a batch cannot become a tensor: its rows differ in length, or hold text",
            (
                "tokenize with padding=True, truncation=True, or pad per batch with DataCollatorWithPadding(tokenizer)",
                "drop text columns: dataset.remove_columns(['{column}']), or leave remove_unused_columns=True",
            ),
        ),
        Advice(
            "batch 的 `{column}` 列无法变成张量：各行长度不同，或含有文本",
            (
                "分词时设 padding=True, truncation=True，或用 DataCollatorWithPadding(tokenizer) 按 batch 补齐",
                "去掉文本列：dataset.remove_columns(['{column}'])，或保持 remove_unused_columns=True",
            ),
        ),
        _DOCS + "transformers/pad_truncation",
        says=(
            "Unable to create tensor, you should probably activate truncation and/or padding with 'padding=True'"
            " 'truncation=True' to have batched tensors with the same length. Perhaps your features (`{column}` in",
        ),
        types=_VALUE,
    ),
    Rule(
        "tokenizer-no-backend",
        Advice(
            "no tokenizer.json was found, and no slow tokenizer could be converted: files or a library are missing",
            (
                "pip install sentencepiece tiktoken protobuf, and start again",
                "check that the model's folder holds its tokenizer files: tokenizer.json, or tokenizer.model",
            ),
        ),
        Advice(
            "没有找到 tokenizer.json，慢速 tokenizer 又无法转换：缺少文件或依赖库",
            (
                "pip install sentencepiece tiktoken protobuf 后重新启动",
                "确认模型目录里有 tokenizer 文件：tokenizer.json 或 tokenizer.model",
            ),
        ),
        _DOCS + "transformers/fast_tokenizers",
        says=("Couldn't instantiate the backend tokenizer from one of:",),
        types=_VALUE,
    ),
    Rule(
        "tokenizer-class-unknown",
        Advice(
            "this transformers does not know the tokenizer class {name} that tokenizer_config.json names",
            (
                "pip install -U transformers, or the version that saved the tokenizer",
                "if the class is in the model's repository: AutoTokenizer.from_pretrained(..., trust_remote_code=True)",
            ),
        ),
        Advice(
            "当前的 transformers 不认识 tokenizer_config.json 里写的 tokenizer 类 {name}",
            (
                "pip install -U transformers，或安装保存该 tokenizer 时的版本",
                "如果这个类在模型仓库里：AutoTokenizer.from_pretrained(..., trust_remote_code=True)",
            ),
        ),
        _DOCS + "transformers/model_doc/auto",
        says=(
            "Tokenizer class {name:word} does not exist or is not currently imported.",
            "Tokenizer class '{name:word}' specified in the tokenizer config was not found.",
        ),
        types=_VALUE,
    ),
    Rule(
        "tokenizer-no-chat-template",
        Advice(
            "tokenizer or processor has no chat template: it is of a base model, or chat_template.jinja was not copied",
            (
                "load the tokenizer of the instruct or chat model, or copy chat_template.jinja from its folder",
                "or set tokenizer.chat_template to a Jinja template of your own",
            ),
        ),
        Advice(
            "tokenizer 或 processor 没有 chat template：它属于 base 模型，或没有拷贝 chat_template.jinja",
            (
                "加载 instruct 或 chat 模型的 tokenizer，或从其目录拷贝 chat_template.jinja",
                "或把 tokenizer.chat_template 设为自己的 Jinja 模板",
            ),
        ),
        _DOCS + "transformers/main/en/chat_templating",
        says=(
            "Cannot use chat template functions because tokenizer.chat_template is not set",
            "Cannot use apply_chat_template() because tokenizer.chat_template is not set",
            "Cannot use apply_chat_template because this processor does not have a chat template",
            *(f"No chat template is set for this {kind}" for kind in ("tokenizer", "processor")),
        ),
        types=_VALUE,
    ),
    Rule(
        "embedding-id-out-of-range",
        Advice(
            "an id in the input is negative, or too large for its embedding table: a token id, or a position",
            (
                "new tokens: model.resize_token_embeddings(len(tokenizer)); compare input_ids.max() with that size",
                "long texts: tokenizer(..., truncation=True, max_length=model.config.max_position_embeddings)",
                "-100 belongs into labels only; padded input_ids take tokenizer.pad_token_id",
            ),
        ),
        Advice(
            "输入里的某个 id 是负数，或超出 embedding 表的大小：可能是 token id 或位置",
            (
                "新增 token 后：model.resize_token_embeddings(len(tokenizer))；比较 input_ids.max() 与该大小",
                "长文本：tokenizer(..., truncation=True, max_length=model.config.max_position_embeddings)",
                "-100 只能用在 labels 里；input_ids 用 tokenizer.pad_token_id 补齐",
            ),
        ),
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html",
        says=("index out of range in self",),
        modules=("torch.nn.modules.sparse", "torch.nn.functional"),
        types=("IndexError",),
    ),
    Rule(
        "model-returned-no-loss",
        Advice(
            "the model computed no loss: among its inputs ({inputs}) are no labels that it knows, or it has no head",
            (
                "name the targets 'labels'; for a causal LM use DataCollatorForLanguageModeling(tokenizer, mlm=False)",
                "load the class for the task (AutoModelForCausalLM, ...), not AutoModel; or override compute_loss()",
            ),
        ),
        Advice(
            "模型没有算出 loss：输入（{inputs}）里没有它认识的 labels，或模型没有任务 head",
            (
                "把标签列命名为 labels；因果语言模型用 DataCollatorForLanguageModeling(tokenizer, mlm=False)",
                "加载任务对应的类（如 AutoModelForCausalLM），而不是 AutoModel；或重写 compute_loss()",
            ),
        ),
        _DOCS + "transformers/main_classes/trainer",
        says=(
            "The model did not return a loss from the inputs, only the following keys: {}. For reference, the inputs it"
            " received are {inputs}.",
        ),
        types=_VALUE,
    ),
    Rule(
        "model-takes-no-labels",
        Advice(
            "{model} takes no labels: it is a model without a head for the task, or its forward() lacks the argument",
            (
                "load the class for the task, as AutoModelForSequenceClassification, not AutoModel",
                "your own model: def forward(self, input_ids, attention_mask=None, labels=None), and return the loss",
            ),
        ),
        Advice(
            "{model} 不接受 labels：它没有任务 head，或 forward() 缺少这个参数",
            (
                "加载任务对应的类，如 AutoModelForSequenceClassification，而不是 AutoModel",
                "自己的模型：def forward(self, input_ids, attention_mask=None, labels=None)，并返回 loss",
            ),
        ),
        _DOCS + "transformers/main_classes/trainer",
        says=("{model}.forward() got an unexpected keyword argument 'labels'",),
        types=("TypeError",),
    ),
    Rule(
        "lora-targets-not-found",
        Advice(
            "this model has no modules named {targets}: they are named otherwise in each architecture",
            (
                "use LoraConfig(target_modules='all-linear'), or leave target_modules out for known models",
                "or print the names: [n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)]",
            ),
        ),
        Advice(
            "模型里没有名为 {targets} 的模块：不同架构的模块名不同",
            (
                "用 LoraConfig(target_modules='all-linear')，已知模型也可以不写 target_modules",
                "或打印模块名：[n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)]",
            ),
        ),
        _DOCS + "peft/developer_guides/lora",
        says=("Target modules {targets} not found in the base model. Please check the target modules and try again.",),
        types=("ValueError", "NoMatchingPeftModuleError"),
    ),
    Rule(
        "trainer-argument-renamed",
        Advice(
            "newer versions renamed this argument: evaluation_strategy is eval_strategy, tokenizer is processing_class",
            ("rename it in your script, or pin the version that the script was written for",),
        ),
        Advice(
            "新版本改了参数名：evaluation_strategy 改为 eval_strategy，tokenizer 改为 processing_class",
            ("在脚本里改名，或固定为脚本当初使用的版本",),
        ),
        "https://github.com/huggingface/course/issues/974",
        says=(
            "TrainingArguments.__init__() got an unexpected keyword argument 'evaluation_strategy'",
            "Seq2SeqTrainingArguments.__init__() got an unexpected keyword argument 'evaluation_strategy'",
            "SFTConfig.__init__() got an unexpected keyword argument 'evaluation_strategy'",
            "DPOConfig.__init__() got an unexpected keyword argument 'evaluation_strategy'",
            "Trainer.__init__() got an unexpected keyword argument 'tokenizer'",
            "Seq2SeqTrainer.__init__() got an unexpected keyword argument 'tokenizer'",
            "SFTTrainer.__init__() got an unexpected keyword argument 'tokenizer'",
            "DPOTrainer.__init__() got an unexpected keyword argument 'tokenizer'",
        ),
        types=("TypeError",),
    ),
    Rule(
        "model-type-unknown",
        Advice(
            "this transformers is too old for the model type {kind}, or the type comes with the model's own code",
            (
                "pip install -U transformers, as the model's card says",
                "if config.json has auto_map: from_pretrained(..., trust_remote_code=True)",
            ),
        ),
        Advice(
            "当前 transformers 版本太旧，不认识模型类型 {kind}，或该类型由模型自带代码定义",
            (
                "按模型卡的说明 pip install -U transformers",
                "如果 config.json 里有 auto_map：from_pretrained(..., trust_remote_code=True)",
            ),
        ),
        _DOCS + "transformers/model_doc/auto",
        says=(
            "The checkpoint you are trying to load has model type `{kind}` but Transformers does not recognize this"
            " architecture.",
        ),
        types=_VALUE,
    ),
    Rule(
        "model-class-does-not-fit",
        Advice(
            "{auto} has no model for the config {config}: the model is of another kind",
            ("load the class that config.json names under 'architectures', as AutoModelForImageTextToText",),
        ),
        Advice(
            "{auto} 没有与配置 {config} 对应的模型：这是另一类模型",
            ("加载 config.json 里 architectures 所写的类，如 AutoModelForImageTextToText",),
        ),
        _DOCS + "transformers/model_doc/auto",
        says=("Unrecognized configuration class <class '{config}'> for this kind of AutoModel: {auto}.",),
        types=_VALUE,
    ),
    Rule(
        "model-needs-remote-code",
        Advice(
            "the model {model} brings its own code, which transformers runs only if it is allowed to",
            (
                "read the code in the repository; then pass trust_remote_code=True to every from_pretrained() of it",
                "pin what you read: `from_pretrained(..., revision='COMMIT')`",
            ),
        ),
        Advice(
            "模型 {model} 自带代码，需要允许后 transformers 才会运行",
            (
                "先阅读仓库里的代码，再给每个 from_pretrained() 传 trust_remote_code=True",
                "固定读过的版本：`from_pretrained(..., revision='COMMIT')`",
            ),
        ),
        _DOCS + "transformers/custom_models",
        says=(
            "The repository for {model} contains custom code which must be executed to correctly load the model.",
            "The repository {model} contains custom code which must be executed to correctly load the model.",
            "The repository {model} references custom code contained in ",
            "Loading {model} requires you to execute the configuration file in that repo on your local machine.",
        ),
        types=_VALUE,
    ),
    Rule(
        "dataset-columns-differ",
        Advice(
            "the data files of this dataset do not have the same columns: {difference}",
            (
                "load the files with other columns on their own (data_files=...), or give all the same columns",
                "JSON Lines: each line needs the same keys; write null where a value is missing",
            ),
        ),
        Advice(
            "数据集各文件的列不一致：{difference}",
            (
                "列不同的文件单独加载（data_files=...），或让所有文件的列一致",
                "JSON Lines：每行的键要相同，缺少的值写 null",
            ),
        ),
        "https://hf.co/docs/hub/datasets-manual-configuration#multiple-configurations",
        says=("All the data files must have the same columns, but at some point there are {difference}",),
        types=("DatasetGenerationCastError", "DatasetGenerationError"),
    ),
)
