"""Tokenizers and the texts that they get: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "tokenizer-got-no-text": Case(
        hits=(
            raised(
                "TypeError", "TextEncodeInput must be Union[TextInputSequence, Tuple[InputSequence, InputSequence]]"
            ),
            raised(
                "ValueError",
                (
                    "text input must be of type `str` (single example), `List[str]` (batch or single "
                    "pretokenized example) or `List[List[str]]` (batch of pretokenized examples)."
                ),
            ),
        ),
        misses=(
            raised(
                "TypeError",
                (
                    "an earlier attempt said: TextEncodeInput must be Union[TextInputSequence, "
                    "Tuple[InputSequence, InputSequence]]"
                ),
            ),
            raised("KeyError", "TextEncodeInput must be Union[TextInputSequence, Tuple[InputSequence, InputSequence]]"),
        ),
    ),
    "tokenizer-model-damaged": Case(
        hits=(
            raised("RuntimeError", "Internal: could not parse ModelProto from /models/llama/tokenizer.model"),
            raised(
                "RuntimeError",
                (
                    "Internal: src/sentencepiece_processor.cc(1101) "
                    "[model_proto->ParseFromArray(serialized.data(), serialized.size())] "
                ),
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "an earlier attempt said: Internal: could not parse ModelProto from /models/llama/tokenizer.model",
            ),
            raised("KeyError", "Internal: could not parse ModelProto from /models/llama/tokenizer.model"),
        ),
    ),
    "tokenizer-model-missing": Case(
        hits=(
            raised("OSError", 'Not found: "/models/tokenizer.model": No such file or directory Error #2'),
            raised("OSError", 'Not found: "spm.model": No such file or directory Error #2'),
        ),
        misses=(
            raised(
                "OSError",
                'an earlier attempt said: Not found: "/models/tokenizer.model": No such file or directory Error #2',
            ),
            raised("KeyError", 'Not found: "/models/tokenizer.model": No such file or directory Error #2'),
        ),
    ),
    "tokenizer-file-name-missing": Case(
        hits=(
            raised(
                "TypeError",
                "not a string",
                modules=(
                    "sentencepiece",
                    "transformers.models.llama.tokenization_llama",
                ),
            ),
            raised(
                "TypeError",
                "not a string",
                modules=(
                    "sentencepiece",
                    "transformers.models.t5.tokenization_t5",
                ),
            ),
        ),
        misses=(
            raised("TypeError", "not a string", modules=("json",)),
            raised("TypeError", "not a string at all: 3", modules=("numpy",)),
        ),
    ),
    "chat-roles-refused": Case(
        hits=(
            raised(
                "jinja2.exceptions.TemplateError", "Conversation roles must alternate user/assistant/user/assistant/..."
            ),
            raised("jinja2.exceptions.TemplateError", "System role not supported"),
        ),
        misses=(
            raised(
                "jinja2.exceptions.TemplateError",
                "an earlier attempt said: Conversation roles must alternate user/assistant/user/assistant/...",
            ),
            raised("KeyError", "Conversation roles must alternate user/assistant/user/assistant/..."),
        ),
    ),
    "tokenizer-max-length-unset": Case(
        hits=(
            raised("OverflowError", "int too big to convert", modules=("transformers.tokenization_utils_fast",)),
            raised(
                "OverflowError",
                "int too big to convert",
                modules=(
                    "tokenizers",
                    "transformers.tokenization_utils_base",
                ),
            ),
        ),
        misses=(
            raised("OverflowError", "int too big to convert", modules=("struct",)),
            raised("ValueError", "int too big to convert", modules=("tokenizers",)),
        ),
    ),
    "decode-negative-ids": Case(
        hits=(
            raised("OverflowError", "out of range integral type conversion attempted"),
            raised(
                "OverflowError",
                "out of range integral type conversion attempted",
                modules=("transformers.tokenization_utils_base",),
            ),
        ),
        misses=(
            raised("OverflowError", "an earlier attempt said: out of range integral type conversion attempted"),
            raised("KeyError", "out of range integral type conversion attempted"),
        ),
    ),
    "decode-negative-ids-plain": Case(
        hits=(
            raised(
                "OverflowError",
                "can't convert negative int to unsigned",
                modules=("transformers.tokenization_utils_fast",),
            ),
            raised(
                "OverflowError",
                "can't convert negative int to unsigned",
                modules=(
                    "tokenizers",
                    "transformers.tokenization_utils_base",
                ),
            ),
        ),
        misses=(
            raised("OverflowError", "can't convert negative int to unsigned"),
            raised("ValueError", "can't convert negative int to unsigned", modules=("tokenizers",)),
        ),
    ),
    "tokenizer-code-older": Case(
        hits=(
            raised("AttributeError", "'ChatGLMTokenizer' object has no attribute 'tokenizer'"),
            raised("AttributeError", "'InternLM2Tokenizer' object has no attribute 'sp_model'"),
            raised("TypeError", "ChatGLMTokenizer._pad() got an unexpected keyword argument 'padding_side'"),
        ),
        misses=(
            raised("AttributeError", "an earlier attempt said: 'ChatGLMTokenizer' object has no attribute 'tokenizer'"),
            raised("KeyError", "'ChatGLMTokenizer' object has no attribute 'tokenizer'"),
        ),
    ),
    "config-rope-newer": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "`rope_scaling` must be a dictionary with two fields, `type` and `factor`, got {'factor': "
                    "8.0, 'low_freq_factor': 1.0, 'rope_type': 'llama3'}"
                ),
            ),
            raised(
                "ValueError",
                ("`rope_scaling` must be a dictionary with with two fields, `type` and `factor`, got {'type': 'yarn'}"),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: `rope_scaling` must be a dictionary with two fields, `type` and "
                    "`factor`, got {'factor': 8.0, 'low_freq_factor': 1.0, 'rope_type': 'llama3'}"
                ),
            ),
            raised(
                "KeyError",
                (
                    "`rope_scaling` must be a dictionary with two fields, `type` and `factor`, got {'factor': "
                    "8.0, 'low_freq_factor': 1.0, 'rope_type': 'llama3'}"
                ),
            ),
        ),
    ),
    "config-without-type": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "Unrecognized model in /models/x. Should have a `model_type` key in its config.json, or "
                    "contain one of the following strings in its name: albert, align"
                ),
            ),
            raised(
                "ValueError",
                "Unrecognized model in lmsys/fastchat-t5. Should have a `model_type` key in its config.json.",
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Unrecognized model in /models/x. Should have a `model_type` key in "
                    "its config.json, or contain one of the following strings in its name: albert, align"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Unrecognized model in /models/x. Should have a `model_type` key in its config.json, or "
                    "contain one of the following strings in its name: albert, align"
                ),
            ),
        ),
    ),
    "dataset-columns-dropped": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "You should supply an encoding or a list of encodings to this method that includes "
                    "input_ids, but you provided ['label']"
                ),
            ),
            raised(
                "ValueError",
                (
                    "You should supply an encoding or a list of encodings to this method that includes "
                    "input_ids, but you provided []"
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: You should supply an encoding or a list of encodings to this "
                    "method that includes input_ids, but you provided ['label']"
                ),
            ),
            raised(
                "KeyError",
                (
                    "You should supply an encoding or a list of encodings to this method that includes "
                    "input_ids, but you provided ['label']"
                ),
            ),
        ),
    ),
    "dataset-empty-rows": Case(
        hits=(
            raised("IndexError", "Invalid key: 1024 is out of bounds for size 0"),
            raised("KeyError", '"Invalid key: 0 is out of bounds for size 0"'),
        ),
        misses=(
            raised("IndexError", "an earlier attempt said: Invalid key: 1024 is out of bounds for size 0"),
            raised("ZeroDivisionError", "Invalid key: 1024 is out of bounds for size 0"),
        ),
    ),
    "padding-side-right": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "You are attempting to perform batched generation with padding_side='right' this may lead to "
                    "unexpected behaviour for Flash Attention version of Mistral. Make sure to  call "
                    "`tokenizer.padding_side  = 'left'` before tokenizing the input."
                ),
            ),
            raised(
                "ValueError",
                (
                    "You are attempting to perform batched generation with padding_side='right' this may lead to "
                    "unexpected behaviour for Flash Attention version of Qwen2."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: You are attempting to perform batched generation with "
                    "padding_side='right' this may lead to unexpected behaviour for Flash Attention version of "
                    "Mistral. Make sure to  call `tokenizer.padding_side  = 'left'` before tokenizing the input."
                ),
            ),
            raised(
                "KeyError",
                (
                    "You are attempting to perform batched generation with padding_side='right' this may lead to "
                    "unexpected behaviour for Flash Attention version of Mistral. Make sure to  call "
                    "`tokenizer.padding_side  = 'left'` before tokenizing the input."
                ),
            ),
        ),
    ),
}
