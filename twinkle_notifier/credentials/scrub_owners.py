"""Whose a name in a text is: ``wandb`` of ``wandb_key``, of ``wandb: {key: x}``, of a section ``[wandb]``."""

from __future__ import annotations

import re
import string

from twinkle_notifier.credentials.scrub_tokens import later

_BEFORE = 64  # characters before a name that may show whose it is
_AROUND = 400  # characters before a name in which the mapping that holds it begins
_LETTERS = f"{string.ascii_letters}{string.digits}_.-"
_BRACKETS = later(r"[{}()]")
_OUTER = later(r"[ \t-]*[\"']?([\w.-]+)[\"']?:\s*")  # a line above indented ones
# What a key or pass belongs to when it is a secret; num_key, key: 5, forward_pass are none.
OF_KEY = later(
    r"(?:api|access|auth|client|private|routing|signing|encryption|webhook|hmac|license|aes|encrypt|master|admin|deploy"
    r"|openai|anthropic|claude|deepseek|gemini|google|gcp|groq|mistral|cohere|together|openrouter|replicate|fireworks|xai"
    r"|nvidia|ngc|wandb|comet|neptune|swanlab|mlflow|clearml|modelscope|dashscope|qwen|zhipu|moonshot|minimax|baichuan"
    r"|volc|ark|tencent|aliyun|alibaba|oss|cos|s3|minio|aws|azure|hf|huggingface|github|gitlab|slack|discord|telegram|ding"
    r"|dingtalk|feishu|lark|wecom|send|sendgrid|mailgun|twilio|stripe|datadog|dd|sentry|newrelic|grafana|serverchan|bark"
    r"|pushover|tavily|serper|serpapi|pinecone|weaviate|qdrant|elastic|kaggle|ssh|rsa|tls|ssl|db|redis|mongo|service"
    r"|zhipuai|bigmodel|siliconflow|stepfun|hunyuan|doubao|xfyun|iflytek|qianfan|huawei|obs|qiniu|ucloud|jina|voyage|exa"
    r"|firecrawl|e2b|langfuse|langsmith|langchain|braintrust|helicone|pagerduty|opsgenie|cloudflare|digitalocean|notion"
    r"|jira|atlassian|algolia|mapbox|okta|netlify|vercel|supabase|firebase|heroku|docker|npm|pypi|databricks|snowflake"
    r"|secret|bot|robot|functions|runpod|newapi|oneapi|perplexity|pplx|cerebras|sambanova|deepgram|elevenlabs|assemblyai|stability|llamacloud)"
    r"[._-]?$",
    re.IGNORECASE,
)
# Storages and caches have such keys, too: the value decides.
OF_SOME_KEY = later(
    r"(?:(?:app|account|shared|storage|subscription|host|user)[._-]?"
    r"|(?<![\w.-])(?:s3|oss|cos|obs|minio|qiniu|redis|mongo|db|docker|service|client|functions|send|together)\.)$",
    re.IGNORECASE,
)
# Of several; s3_keys, user_keys, id_tokens are mostly no secrets.
OF_MANY = later(r"(?:api|access|auth|bearer|private|secret|refresh|wandb|openai|hf)[._-]?$", re.IGNORECASE)
OF_PASS = later(r"(?:db|database|smtp|user|pg|mysql|redis|root|admin|mail|ssh|proxy|auth|login)[._-]$", re.IGNORECASE)
OF_PAT = later(r"(?:github|gitlab|gitea|gh|gl|git|azure|ado|devops|bitbucket|databricks|snowflake)[_-]$", re.IGNORECASE)
# Whose token grants access; that of a tokenizer (pad_token, eos_token, next_token) does not.
OF_TOKEN = later(
    r"(?:access|api|auth|bearer|bot|deploy|ding|dingtalk|github|gitlab|hf|hub|id|identity|jwt|oauth|personal|private"
    r"|refresh|robot|sas|secret|security|session|slack|sts|user|wandb|webhook)[_-]?$",
    re.IGNORECASE,
)


def owner(text: str, end: int) -> str:
    """The part of a name before `end`, as ``access_`` of ``access_token``."""
    start = end
    while start > max(end - _BEFORE, 0) and (text[start - 1].isalnum() or text[start - 1] in "_-."):
        start -= 1
    return text[start:end]


def holder(text: str, end: int) -> str:
    """The name of what holds the name at `end`, with a dot, as ``wandb.`` in ``{"wandb": {"key": x}}``.

    That is a mapping or a call in brackets, indented lines, as YAML has them, or a section. Empty if none is near.
    """
    before = text[max(end - _AROUND, 0) : end].rstrip("\"'\\")
    lines = before.split("\n")
    name = _of_bracket(before) or _of_indented(lines) or _of_section(lines)
    return f"{name}." if name else ""


def _of_bracket(before: str) -> str:
    closed = 0
    for found in reversed(list(_BRACKETS().finditer(before))):
        if found[0] in "})":
            closed += 1
        elif closed:
            closed -= 1
        else:
            # Without the class in `wandb=Config(`.
            said = before[max(found.start() - _BEFORE * 2, 0) : found.start()].rstrip(_LETTERS).rstrip()
            return _last_name(said[:-1]) if said.endswith((":", "=")) else ""
    return ""


def _of_indented(lines: list[str]) -> str:
    depth = _depth(lines[-1])
    if not depth or lines[-1].strip(" \t-"):
        return ""
    outer = next((line for line in reversed(lines[:-1]) if line.strip() and _depth(line) < depth), "")
    name = _OUTER().fullmatch(outer)  # else it may be code
    return name[1] if name else ""


def _of_section(lines: list[str]) -> str:
    if lines[-1].strip():
        return ""
    heading = next((line.strip() for line in reversed(lines[:-1]) if line.startswith("[")), "")
    return _last_name(heading.rstrip("]")) if heading.endswith("]") else ""


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _last_name(text: str) -> str:
    text = text.rstrip(" \t\"'\\")
    return text[len(text.rstrip(_LETTERS)) :]
