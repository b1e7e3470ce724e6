"""Tokenizers and the texts that they get."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "tokenizer-got-no-text",
        Advice(
            "the tokenizer got something that is no text: None, NaN, a number, or nested lists",
            (
                "find it: [x for x in texts if not isinstance(x, str)]; drop or fill empty rows (fillna(''))",
                "pass a list of texts, not a DataFrame or a dict",
            ),
        ),
        Advice(
            "传给 tokenizer 的不是文本：None、NaN、数字或嵌套列表",
            (
                "查找：[x for x in texts if not isinstance(x, str)]；删除或填充空行（fillna('')）",
                "传文本列表，不要传 DataFrame 或 dict",
            ),
        ),
        "https://huggingface.co/docs/transformers/main_classes/tokenizer",
        says=(
            "TextEncodeInput must be Union[TextInputSequence,",
            "TextInputSequence must be str",
            "text input must be of type `str` (single example)",
            "text input must of type `str` (single example)",
        ),
        types=(
            "TypeError",
            "ValueError",
        ),
    ),
    Rule(
        "tokenizer-model-damaged",
        Advice(
            "tokenizer.model is not what it should be: damaged, cut short, or a git-lfs pointer",
            ("see its size: ls -l; download it again: hf download REPO tokenizer.model, or git lfs pull",),
        ),
        Advice(
            "tokenizer.model 内容不对：损坏、不完整，或是 git-lfs 指针",
            ("用 ls -l 看大小；重新下载：hf download REPO tokenizer.model，或 git lfs pull",),
        ),
        "https://github.com/google/sentencepiece/issues/1054",
        says=(
            "Internal: could not parse ModelProto from ",
            "Internal: {}ParseFromArray(serialized.data(), serialized.size())",
        ),
        types=("RuntimeError",),
    ),
    Rule(
        "tokenizer-model-missing",
        Advice(
            "the tokenizer's file {path} is not there",
            (
                (
                    "list the directory: a checkpoint often holds weights alone; save the tokenizer into it, or "
                    "load it from the base model"
                ),
            ),
        ),
        Advice(
            "找不到 tokenizer 文件 {path}",
            ("查看该目录：checkpoint 往往只有权重；把 tokenizer 也存进去，或从基座模型加载",),
        ),
        "https://github.com/google/sentencepiece/blob/master/python/README.md",
        says=('Not found: "{path}": No such file or directory Error #2',),
        types=("OSError",),
    ),
    Rule(
        "tokenizer-file-name-missing",
        Advice(
            "the tokenizer found no vocabulary file (tokenizer.model, spiece.model) in the model's directory",
            ("list the directory: copy the tokenizer's files into it, or load the tokenizer from the base model",),
        ),
        Advice(
            "tokenizer 在模型目录里没有找到词表文件（tokenizer.model、spiece.model）",
            ("查看该目录：把 tokenizer 的文件复制进去，或从基座模型加载 tokenizer",),
        ),
        "https://github.com/huggingface/transformers/issues/29137",
        says=("not a string",),
        types=("TypeError",),
        modules=("sentencepiece",),
    ),
    Rule(
        "chat-roles-refused",
        Advice(
            (
                "the model's chat template does not take these roles: no system role, or user and assistant "
                "must alternate"
            ),
            (
                (
                    "put the system text into the first user message; join two messages of one role that follow "
                    "each other"
                ),
                "find the sample: run apply_chat_template over the dataset alone",
            ),
        ),
        Advice(
            "模型的 chat template 不接受这些角色：不支持 system，或要求 user 与 assistant 交替",
            (
                "把 system 内容并入第一条 user 消息；合并相邻的同角色消息",
                "找出样本：单独对数据集运行 apply_chat_template",
            ),
        ),
        "https://huggingface.co/docs/transformers/chat_templating",
        says=(
            "Conversation roles must alternate ",
            "System role not supported",
            "After the optional system message, conversation roles must alternate",
            "Only user and assistant roles are supported",
            "Only user, assistant and tool roles are supported",
        ),
        types=(
            "TemplateError",
            "UndefinedError",
        ),
    ),
    Rule(
        "tokenizer-max-length-unset",
        Advice(
            ("the tokenizer has no maximum length (model_max_length is a huge number), and truncation was asked for"),
            (("pass max_length: tokenizer(..., truncation=True, max_length=2048), or set tokenizer.model_max_length"),),
        ),
        Advice(
            "tokenizer 没有最大长度（model_max_length 是一个极大的数），却要求截断",
            ("传 max_length：tokenizer(..., truncation=True, max_length=2048)，或设置 tokenizer.model_max_length",),
        ),
        "https://github.com/kubernetes-sigs/inference-perf/pull/290",
        says=("int too big to convert",),
        types=("OverflowError",),
        modules=(
            "transformers.tokenization_utils_fast",
            "tokenizers",
            "transformers.tokenization_utils_tokenizers",
        ),
    ),
    Rule(
        "decode-negative-ids",
        Advice(
            "ids to decode hold -100 (labels that the loss skips), or another negative number",
            (
                (
                    "replace them first: ids = np.where(ids != -100, ids, tokenizer.pad_token_id), for labels "
                    "and predictions"
                ),
            ),
        ),
        Advice(
            "要 decode 的 id 里有 -100（loss 忽略的标签）或其他负数",
            ("先替换：ids = np.where(ids != -100, ids, tokenizer.pad_token_id)，标签和预测都要",),
        ),
        "https://github.com/huggingface/transformers/issues/22634",
        says=("out of range integral type conversion attempted",),
        types=("OverflowError",),
    ),
    Rule(
        "decode-negative-ids-plain",
        Advice(
            "ids to decode hold -100 (labels that the loss skips), or another negative number",
            (
                (
                    "replace them first: ids = np.where(ids != -100, ids, tokenizer.pad_token_id), for labels "
                    "and predictions"
                ),
            ),
        ),
        Advice(
            "要 decode 的 id 里有 -100（loss 忽略的标签）或其他负数",
            ("先替换：ids = np.where(ids != -100, ids, tokenizer.pad_token_id)，标签和预测都要",),
        ),
        "https://github.com/huggingface/transformers/issues/22634",
        says=("can't convert negative int to unsigned",),
        types=("OverflowError",),
        modules=(
            "transformers",
            "tokenizers",
        ),
    ),
    Rule(
        "tokenizer-code-older",
        Advice(
            "the tokenizer's own code, from the model's repository, is older than this transformers",
            ("take the newest files of the model's repository, or install the transformers that its page names",),
        ),
        Advice(
            "模型仓库自带的 tokenizer 代码比当前 transformers 旧",
            ("更新模型仓库中的文件，或安装模型主页写明的 transformers 版本",),
        ),
        "https://github.com/zai-org/VisualGLM-6B/issues/323",
        says=(
            "'ChatGLMTokenizer' object has no attribute '",
            "'{name:word}' object has no attribute 'sp_tokenizer'",
            "'{name:word}' object has no attribute 'sp_model'",
            "ChatGLMTokenizer._pad() got an unexpected keyword argument 'padding_side'",
            "ChatGLM4Tokenizer._pad() got an unexpected keyword argument 'padding_side'",
            "GLMTokenizer._pad() got an unexpected keyword argument 'padding_side'",
            "BaichuanTokenizer._pad() got an unexpected keyword argument 'padding_side'",
            "InternLM2Tokenizer._pad() got an unexpected keyword argument 'padding_side'",
            "QwenTokenizer._pad() got an unexpected keyword argument 'padding_side'",
            "_pad() got an unexpected keyword argument 'padding_side'",
        ),
        types=(
            "AttributeError",
            "TypeError",
        ),
    ),
    Rule(
        "config-rope-newer",
        Advice(
            "the model's rope_scaling is of a newer form than this transformers knows (as of Llama 3.1)",
            ("pip install -U transformers (4.43 or newer for Llama 3.1)",),
        ),
        Advice(
            "模型的 rope_scaling 是当前 transformers 不认识的新格式（如 Llama 3.1）",
            ("pip install -U transformers（Llama 3.1 需要 4.43 及以上）",),
        ),
        "https://github.com/meta-llama/llama3/issues/299",
        says=(
            "`rope_scaling` must be a dictionary with ",
            "`rope_scaling`'s type field must be one of [",
        ),
        types=(
            "ValueError",
            "ValidationError",
        ),
    ),
    Rule(
        "config-without-type",
        Advice(
            (
                "the config.json in {path} names no model type: it is no transformers model, or a part of "
                "the files is missing"
            ),
            (
                (
                    "list the directory: it must hold the model's config.json; an adapter is loaded with "
                    "PeftModel or AutoPeftModel"
                ),
                "pip install -U transformers, if the model is new",
            ),
        ),
        Advice(
            "{path} 里的 config.json 没有 model_type：不是 transformers 模型，或文件不全",
            (
                "查看该目录：应有模型的 config.json；adapter 用 PeftModel 或 AutoPeftModel 加载",
                "如果是新模型：pip install -U transformers",
            ),
        ),
        "https://huggingface.co/docs/transformers/main_classes/configuration",
        says=("Unrecognized model in {path}. Should have a `model_type` key in its config.json",),
        types=("ValueError",),
    ),
    Rule(
        "dataset-columns-dropped",
        Advice(
            "the Trainer got rows without input_ids (only {keys}): not tokenized, or the columns were dropped",
            (
                (
                    "tokenize with dataset.map() before; with a model of PEFT or an own forward() set "
                    "remove_unused_columns=False"
                ),
            ),
        ),
        Advice(
            "Trainer 收到的行没有 input_ids（只有 {keys}）：没有分词，或列被丢弃",
            ("先用 dataset.map() 分词；PEFT 模型或自定义 forward() 时设 remove_unused_columns=False",),
        ),
        "https://huggingface.co/docs/transformers/main_classes/trainer",
        says=(
            (
                "You should supply an encoding or a list of encodings to this method that includes "
                "input_ids, but you provided {keys}"
            ),
        ),
        types=("ValueError",),
    ),
    Rule(
        "dataset-empty-rows",
        Advice(
            "the dataset has no rows: a filter took all, or the Trainer dropped every column",
            (
                (
                    "print(dataset) before the Trainer; set remove_unused_columns=False if the model's forward() "
                    "has other names"
                ),
            ),
        ),
        Advice(
            "数据集没有行：被过滤光，或 Trainer 丢弃了所有列",
            ("在 Trainer 之前 print(dataset)；如果 forward() 的参数名不同，设 remove_unused_columns=False",),
        ),
        "https://github.com/huggingface/peft/issues/1299",
        says=(
            "Invalid key: {:int} is out of bounds for size 0",
            '"Invalid key: {:int} is out of bounds for size 0',
            "'Invalid key: {:int} is out of bounds for size 0",
        ),
        types=(
            "IndexError",
            "KeyError",
        ),
    ),
    Rule(
        "padding-side-right",
        Advice(
            "a batch is to be generated with padding on the right, which this model's attention does not take",
            ("tokenizer.padding_side = 'left' before tokenizing; in training set model.config.use_cache = False",),
        ),
        Advice(
            "要批量生成，却在右侧 padding，而该模型的注意力不支持",
            ("分词之前设 tokenizer.padding_side = 'left'；训练时设 model.config.use_cache = False",),
        ),
        "https://github.com/huggingface/trl/issues/1018",
        says=("You are attempting to perform batched generation with padding_side='right'",),
        types=("ValueError",),
    ),
)
