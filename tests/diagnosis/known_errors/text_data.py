"""Tokenizers, models and data of text: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

NESTED = " in this case) have excessive nesting (inputs type `list` where type `int` is expected)."
UNABLE = (
    "Unable to create tensor, you should probably activate truncation and/or padding with 'padding=True' 'truncation=True'"
    " to have batched tensors with the same length. Perhaps your features ("
)
NO_LOSS = "The model did not return a loss from the inputs, only the following keys: "
SPARSE = ("torch.nn.modules.sparse", "torch.nn.functional")
COLUMNS = "An error occurred while generating the dataset\n\nAll the data files must have the same columns, but at some point "
BUILDER = "\n\nThis happened while the json dataset builder was generating data using\n\n/data/train/0002.jsonl"

CASES: dict[str, Case] = {
    "tokenizer-no-pad-token": Case(
        hits=(
            raised(
                "ValueError",
                "Asking to pad but the tokenizer does not have a padding token. Please select a token to use as `pad_token`"
                " `(tokenizer.pad_token = tokenizer.eos_token e.g.)` or add a new pad token via"
                " `tokenizer.add_special_tokens({'pad_token': '[PAD]'})`.",
            ),
            raised(
                "ValueError",
                "Asking to pad but the tokenizer does not have a padding token.",
                modules=("transformers",),
            ),
        ),
        misses=(
            raised("ValueError", "batch 3: Asking to pad but the tokenizer does not have a padding token."),
            raised("KeyError", "Asking to pad but the tokenizer does not have a padding token."),
            raised("ValueError", "Cannot handle batch sizes > 1 if no padding token is defined."),
        ),
    ),
    "model-no-pad-token": Case(
        hits=(
            raised("ValueError", "Cannot handle batch sizes > 1 if no padding token is defined."),
            raised("AssertionError", "Cannot handle batch sizes > 1 if no padding token is defined."),
        ),
        misses=(
            raised("ValueError", "Cannot handle batch sizes > 1 on this device"),
            raised("RuntimeError", "Cannot handle batch sizes > 1 if no padding token is defined."),
        ),
    ),
    "batch-labels-not-padded": Case(
        hits=(
            raised("ValueError", f"{UNABLE}`labels`{NESTED}"),
            raised("ValueError", f"{UNABLE}`labels`{NESTED}", modules=("transformers.data.data_collator",)),
        ),
        misses=(
            raised("ValueError", f"{UNABLE}`input_ids`{NESTED}"),
            raised("ValueError", "Unable to create tensor, you should probably activate padding with 'padding=True'"),
        ),
    ),
    "batch-column-uneven": Case(
        hits=(
            raised("ValueError", f"{UNABLE}`input_ids`{NESTED}"),
            raised("ValueError", f"{UNABLE}`text`{NESTED}"),
        ),
        misses=(
            raised("ValueError", f"{UNABLE}`labels`{NESTED}"),
            raised("RuntimeError", f"{UNABLE}`text`{NESTED}"),
        ),
    ),
    "tokenizer-no-backend": Case(
        hits=(
            raised(
                "ValueError",
                "Couldn't instantiate the backend tokenizer from one of: \n"
                "(1) a `tokenizers` library serialization file, \n(2) a slow tokenizer instance to convert or \n"
                "(3) an equivalent slow tokenizer class to instantiate and convert. \n"
                "You need to have sentencepiece or tiktoken installed to convert a slow tokenizer to a fast one.",
            ),
            raised(
                "ValueError",
                "Couldn't instantiate the backend tokenizer from one of: \n"
                "(1) a `tokenizers` library serialization file, \n(2) a slow tokenizer instance to convert or \n"
                "(3) an equivalent slow tokenizer class to instantiate and convert. \n"
                "You need to have sentencepiece installed to convert a slow tokenizer to a fast one.",
            ),
        ),
        misses=(
            raised("ImportError", "Couldn't instantiate the backend tokenizer from one of:"),
            raised("ValueError", "Couldn't instantiate the backend of the dataset"),
        ),
    ),
    "tokenizer-class-unknown": Case(
        hits=(
            raised("ValueError", "Tokenizer class TokenizersBackend does not exist or is not currently imported."),
            raised(
                "ValueError",
                "Tokenizer class 'FooTokenizer' specified in the tokenizer config was not found. The tokenizer may need to"
                " be converted or re-saved.",
            ),
        ),
        misses=(
            raised(
                "ValueError", "Tokenizer class names differ: FooTokenizer does not exist or is not currently imported."
            ),
            raised("ImportError", "Tokenizer class TokenizersBackend does not exist or is not currently imported."),
        ),
    ),
    "tokenizer-no-chat-template": Case(
        hits=(
            raised(
                "ValueError",
                "Cannot use chat template functions because tokenizer.chat_template is not set and no template argument was"
                " passed! For information about writing templates and setting the tokenizer.chat_template attribute, please"
                " see the documentation at https://huggingface.co/docs/transformers/main/en/chat_templating",
            ),
            raised(
                "ValueError",
                "Cannot use chat template functions because tokenizer.chat_template is not set and no template argument was"
                " passed!",
                modules=("trl.trainer.sft_trainer",),
            ),
            raised(
                "ValueError",
                (
                    "Cannot use apply_chat_template() because tokenizer.chat_template is not set and no template "
                    "argument was passed! For information about writing templates"
                ),
            ),
            raised(
                "ValueError", "Cannot use apply_chat_template because this processor does not have a chat template."
            ),
        ),
        misses=(
            raised("ValueError", "Cannot use chat template functions"),
            raised(
                "jinja2.exceptions.TemplateError",
                "Cannot use chat template functions because tokenizer.chat_template is not set",
            ),
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Cannot use apply_chat_template() because tokenizer.chat_template "
                    "is not set and no template argument was passed! For information about writing templates"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Cannot use apply_chat_template() because tokenizer.chat_template is not set and no template "
                    "argument was passed! For information about writing templates"
                ),
            ),
        ),
    ),
    "embedding-id-out-of-range": Case(
        hits=(
            raised("IndexError", "index out of range in self", modules=SPARSE),
            raised("IndexError", "index out of range in self", modules=("model", "torch.nn.functional")),
        ),
        misses=(
            raised("IndexError", "index out of range in self", modules=("sampler",)),
            raised("IndexError", "list index out of range", modules=SPARSE),
        ),
    ),
    "model-returned-no-loss": Case(
        hits=(
            raised(
                "ValueError", NO_LOSS + "logits. For reference, the inputs it received are input_ids,attention_mask."
            ),
            raised(
                "ValueError",
                NO_LOSS + "last_hidden_state,pooler_output. For reference, the inputs it received are input_ids.",
            ),
        ),
        misses=(
            raised("ValueError", "The model did not return a loss from the inputs"),
            raised("KeyError", NO_LOSS + "logits. For reference, the inputs it received are input_ids."),
        ),
    ),
    "model-takes-no-labels": Case(
        hits=(
            raised("TypeError", "BertModel.forward() got an unexpected keyword argument 'labels'"),
            raised("TypeError", "MyNet.forward() got an unexpected keyword argument 'labels'"),
        ),
        misses=(
            raised("TypeError", "BertModel.forward() got an unexpected keyword argument 'label_names'"),
            raised("TypeError", "plot() got an unexpected keyword argument 'labels'"),
            raised("RuntimeError", "BertModel.forward() got an unexpected keyword argument 'labels'"),
        ),
    ),
    "lora-targets-not-found": Case(
        hits=(
            raised(
                "ValueError",
                "Target modules {'c_attn'} not found in the base model. Please check the target modules and try again.",
            ),
            raised(
                "peft.utils.error.NoMatchingPeftModuleError",
                "Target modules {'v_proj', 'q_proj'} not found in the base model. Please check the target modules and try"
                " again. Note: You specified 'layers_to_transform': [1, 2].",
            ),
        ),
        misses=(
            raised("ValueError", "No modules were targeted for adaptation. This might be caused by a combination"),
            raised("RuntimeError", "Target modules are on another device"),
        ),
    ),
    "trainer-argument-renamed": Case(
        hits=(
            raised(
                "TypeError", "TrainingArguments.__init__() got an unexpected keyword argument 'evaluation_strategy'"
            ),
            raised("TypeError", "SFTTrainer.__init__() got an unexpected keyword argument 'tokenizer'"),
            raised("TypeError", "Trainer.__init__() got an unexpected keyword argument 'tokenizer'"),
        ),
        misses=(
            raised("TypeError", "Trainer.__init__() got an unexpected keyword argument 'tokenizer_name'"),
            raised("TypeError", "MyDataset.__init__() got an unexpected keyword argument 'tokenizer'"),
            raised("TypeError", "TrainingArguments.__init__() got an unexpected keyword argument 'eval_stratgy'"),
        ),
    ),
    "model-type-unknown": Case(
        hits=(
            raised(
                "ValueError",
                "The checkpoint you are trying to load has model type `qwen99` but Transformers does not recognize this"
                " architecture. This could be because of an issue with the checkpoint, or because your version of"
                " Transformers is out of date.\n\n"
                "You can update Transformers with the command `pip install --upgrade transformers`.",
            ),
            raised(
                "ValueError",
                "The checkpoint you are trying to load has model type `gemma3` but Transformers does not recognize this"
                " architecture. This could be because of an issue with the checkpoint, or because your version of"
                " Transformers is out of date.",
            ),
        ),
        misses=(
            raised("ValueError", "Unrecognized model in /data/m. Should have a `model_type` key in its config.json."),
            raised("KeyError", "'qwen99'"),
        ),
    ),
    "model-class-does-not-fit": Case(
        hits=(
            raised(
                "ValueError",
                "Unrecognized configuration class <class 'transformers.models.clip.configuration_clip.CLIPVisionConfig'>"
                " for this kind of AutoModel: AutoModelForCausalLM.\nModel type should be one of GPT2Config, BertConfig.",
            ),
            raised(
                "ValueError",
                "Unrecognized configuration class <class"
                " 'transformers.models.qwen2_5_vl.configuration_qwen2_5_vl.Qwen2_5_VLConfig'> for this kind of AutoModel:"
                " AutoModelForCausalLM.\nModel type should be one of AriaTextConfig, BambaConfig.",
            ),
        ),
        misses=(
            raised(
                "ValueError",
                "Unrecognized configuration class <class 'transformers.models.clip.configuration_clip.CLIPVisionConfig'>"
                " to build an AutoTokenizer.\nModel type should be one of BertConfig.",
            ),
            raised("ValueError", "Unrecognized configuration class"),
        ),
    ),
    "model-needs-remote-code": Case(
        hits=(
            raised(
                "ValueError",
                "The repository for org/model contains custom code which must be executed to correctly load the model. You"
                " can inspect the repository content at https://hf.co/org/model.\n"
                "Please pass the argument `trust_remote_code=True` to allow custom code to be run.",
            ),
            raised(
                "ValueError",
                "The repository /data/m contains custom code which must be executed to correctly load the model. You can"
                " inspect the repository content at /data/m .\n"
                " You can inspect the repository content at https://hf.co//data/m.\n"
                "Please pass the argument `trust_remote_code=True` to allow custom code to be run.",
            ),
            raised(
                "ValueError",
                "Loading org/model requires you to execute the configuration file in that repo on your local machine. Make"
                " sure you have read the code there to avoid malicious use, then set the option `trust_remote_code=True` to"
                " remove this error.",
            ),
        ),
        misses=(
            raised(
                "ValueError",
                "The repository for org/data contains custom code which must be executed to correctly load the dataset.",
            ),
            raised("RuntimeError", "The repository org/model references custom code contained in other/model"),
        ),
    ),
    "dataset-columns-differ": Case(
        hits=(
            raised(
                "datasets.exceptions.DatasetGenerationCastError",
                f"{COLUMNS}there are 1 missing columns ({{'general_solution'}}){BUILDER}",
            ),
            raised(
                "datasets.exceptions.DatasetGenerationCastError",
                f"{COLUMNS}there are 3 new columns ({{'doc', 'metadata', 'attributes'}}){BUILDER}",
            ),
        ),
        misses=(
            raised("datasets.exceptions.DatasetGenerationError", "An error occurred while generating the dataset"),
            raised("ValueError", f"{COLUMNS}there are 3 new columns"),
        ),
    ),
}
