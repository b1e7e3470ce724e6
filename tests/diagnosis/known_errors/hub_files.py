"""Files and datasets of the Hub: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "hub-outage": Case(
        hits=(
            raised(
                "huggingface_hub.errors.HfHubHTTPError",
                "504 Server Error: Gateway Time-out for url: https://huggingface.co/api/datasets/x",
            ),
            raised(
                "requests.exceptions.HTTPError",
                (
                    "502 Server Error: Bad Gateway for url: "
                    "https://huggingface.co/bert-base-uncased/resolve/main/config.json"
                ),
            ),
        ),
        misses=(
            raised(
                "huggingface_hub.errors.HfHubHTTPError",
                (
                    "an earlier attempt said: 504 Server Error: Gateway Time-out for url: "
                    "https://huggingface.co/api/datasets/x"
                ),
            ),
            raised("KeyError", "504 Server Error: Gateway Time-out for url: https://huggingface.co/api/datasets/x"),
        ),
    ),
    "hub-rate-limit-plain": Case(
        hits=(
            raised(
                "requests.exceptions.HTTPError",
                (
                    "429 Client Error: Too Many Requests for url: "
                    "https://huggingface.co/bert-base-uncased/resolve/main/config.json"
                ),
            ),
            raised(
                "requests.exceptions.HTTPError", "429 Client Error: Too Many Requests for url: https://hf-mirror.com/x"
            ),
        ),
        misses=(
            raised(
                "requests.exceptions.HTTPError",
                (
                    "an earlier attempt said: 429 Client Error: Too Many Requests for url: "
                    "https://huggingface.co/bert-base-uncased/resolve/main/config.json"
                ),
            ),
            raised(
                "KeyError",
                (
                    "429 Client Error: Too Many Requests for url: "
                    "https://huggingface.co/bert-base-uncased/resolve/main/config.json"
                ),
            ),
        ),
    ),
    "hub-token-refused": Case(
        hits=(
            raised(
                "huggingface_hub.errors.HfHubHTTPError",
                (
                    "401 Client Error: Unauthorized for url: https://huggingface.co/api/whoami-v2 (Request ID: "
                    "Root=1)\n\nInvalid username or password."
                ),
            ),
            raised(
                "huggingface_hub.errors.LocalTokenNotFoundError",
                (
                    "Token is required (`token=True`), but no token found. You need to provide a token or be "
                    "logged in to Hugging Face"
                ),
            ),
        ),
        misses=(
            raised(
                "huggingface_hub.errors.HfHubHTTPError",
                (
                    "an earlier attempt said: 401 Client Error: Unauthorized for url: "
                    "https://huggingface.co/api/whoami-v2 (Request ID: Root=1)  Invalid username or password."
                ),
            ),
            raised(
                "KeyError",
                (
                    "401 Client Error: Unauthorized for url: https://huggingface.co/api/whoami-v2 (Request ID: "
                    "Root=1)\n\nInvalid username or password."
                ),
            ),
        ),
    ),
    "hub-no-right": Case(
        hits=(
            raised(
                "huggingface_hub.errors.HfHubHTTPError",
                (
                    '403 Forbidden: You don\'t have the rights to create a model under the namespace "x".\nCannot '
                    "access content at: https://huggingface.co/api/repos/create."
                ),
            ),
            raised(
                "huggingface_hub.errors.HfHubHTTPError",
                "403 Forbidden: Authorization error..\nCannot access content at: https://huggingface.co/api/models",
            ),
        ),
        misses=(
            raised(
                "huggingface_hub.errors.HfHubHTTPError",
                (
                    "an earlier attempt said: 403 Forbidden: You don't have the rights to create a model under "
                    'the namespace "x". Cannot access content at: https://huggingface.co/api/repos/create.'
                ),
            ),
            raised(
                "KeyError",
                (
                    '403 Forbidden: You don\'t have the rights to create a model under the namespace "x".\nCannot '
                    "access content at: https://huggingface.co/api/repos/create."
                ),
            ),
        ),
    ),
    "hub-entry-missing": Case(
        hits=(
            raised(
                "huggingface_hub.utils._errors.EntryNotFoundError",
                (
                    "404 Client Error. (Request ID: Root=1)\n\nEntry Not Found for url: "
                    "https://huggingface.co/x/resolve/main/adapter_config.json."
                ),
            ),
            raised(
                "huggingface_hub.errors.RevisionNotFoundError",
                (
                    "404 Client Error. (Request ID: Root=1)\n\nRevision Not Found for url: "
                    "https://huggingface.co/x/resolve/v2/config.json."
                ),
            ),
        ),
        misses=(
            raised(
                "huggingface_hub.utils._errors.EntryNotFoundError",
                (
                    "an earlier attempt said: 404 Client Error. (Request ID: Root=1)  Entry Not Found for url: "
                    "https://huggingface.co/x/resolve/main/adapter_config.json."
                ),
            ),
            raised(
                "KeyError",
                (
                    "404 Client Error. (Request ID: Root=1)\n\nEntry Not Found for url: "
                    "https://huggingface.co/x/resolve/main/adapter_config.json."
                ),
            ),
        ),
    ),
    "hub-cannot-load": Case(
        hits=(
            raised(
                "OSError",
                (
                    "Can't load tokenizer for 'bert-base-uncased'. If you were trying to load it from "
                    "'https://huggingface.co/models', make sure you don't have a local directory with the same "
                    "name."
                ),
            ),
            raised(
                "OSError",
                (
                    "Can't load the configuration of '/models/x'. If you were trying to load it from "
                    "'https://huggingface.co/models', make sure you don't have a local directory with the same "
                    "name."
                ),
            ),
        ),
        misses=(
            raised(
                "OSError",
                (
                    "an earlier attempt said: Can't load tokenizer for 'bert-base-uncased'. If you were trying "
                    "to load it from 'https://huggingface.co/models', make sure you don't have a local directory "
                    "with the same name."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Can't load tokenizer for 'bert-base-uncased'. If you were trying to load it from "
                    "'https://huggingface.co/models', make sure you don't have a local directory with the same "
                    "name."
                ),
            ),
        ),
    ),
    "hub-unreachable-file": Case(
        hits=(
            raised(
                "ConnectionError",
                ("Couldn't reach https://raw.githubusercontent.com/huggingface/datasets/1.2.1/datasets/squad/squad.py"),
            ),
            raised("ConnectionError", "Couldn't reach https://raw.githubusercontent.com/x/y.csv (error 403)"),
        ),
        misses=(
            raised(
                "ConnectionError",
                (
                    "an earlier attempt said: Couldn't reach "
                    "https://raw.githubusercontent.com/huggingface/datasets/1.2.1/datasets/squad/squad.py"
                ),
            ),
            raised(
                "KeyError",
                ("Couldn't reach https://raw.githubusercontent.com/huggingface/datasets/1.2.1/datasets/squad/squad.py"),
            ),
        ),
    ),
    "hub-download-cut-short": Case(
        hits=(
            raised(
                "OSError",
                (
                    "Consistency check failed: file should be of size 4976698672 but has size 3489660928 "
                    "(model-00001-of-00004.safetensors)."
                ),
            ),
            raised("OSError", "Consistency check failed: file should be of size 5000 but has size 0 (a.bin)."),
        ),
        misses=(
            raised(
                "OSError",
                (
                    "an earlier attempt said: Consistency check failed: file should be of size 4976698672 but "
                    "has size 3489660928 (model-00001-of-00004.safetensors)."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Consistency check failed: file should be of size 4976698672 but has size 3489660928 "
                    "(model-00001-of-00004.safetensors)."
                ),
            ),
        ),
    ),
    "hub-xet-failed": Case(
        hits=(
            raised(
                "RuntimeError",
                "Data processing error: CAS service error : Reqwest Error: HTTP status client error (403 Forbidden)",
            ),
            raised(
                "RuntimeError",
                "Data processing error: CAS service error : ReqwestMiddleware Error: Request failed after 5 retries",
            ),
        ),
        misses=(
            raised(
                "RuntimeError",
                "Data processing error: CAS service error : IO Error: No space left on device (os error 28)",
            ),
            raised(
                "RuntimeError",
                (
                    "an earlier attempt said: Data processing error: CAS service error : Reqwest Error: HTTP "
                    "status client error (403 Forbidden)"
                ),
            ),
            raised(
                "KeyError",
                "Data processing error: CAS service error : Reqwest Error: HTTP status client error (403 Forbidden)",
            ),
        ),
    ),
    "hub-transfer": Case(
        hits=(
            raised(
                "ValueError",
                (
                    "Fast download using 'hf_transfer' is enabled (HF_HUB_ENABLE_HF_TRANSFER=1) but "
                    "'hf_transfer' package is not available in your environment. Try `pip install hf_transfer`."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "An error occurred while downloading using `hf_transfer`. Consider disabling "
                    "HF_HUB_ENABLE_HF_TRANSFER for better error handling."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                (
                    "an earlier attempt said: Fast download using 'hf_transfer' is enabled "
                    "(HF_HUB_ENABLE_HF_TRANSFER=1) but 'hf_transfer' package is not available in your "
                    "environment. Try `pip install hf_transfer`."
                ),
            ),
            raised(
                "KeyError",
                (
                    "Fast download using 'hf_transfer' is enabled (HF_HUB_ENABLE_HF_TRANSFER=1) but "
                    "'hf_transfer' package is not available in your environment. Try `pip install hf_transfer`."
                ),
            ),
        ),
    ),
    "hub-part-unfit": Case(
        hits=(
            raised(
                "huggingface_hub.errors.HfHubHTTPError",
                "416 Client Error: Range Not Satisfiable for url: https://huggingface.co/a/b/resolve/main/x.safetensors",
                modules=("huggingface_hub.file_download",),
            ),
            raised(
                "requests.exceptions.HTTPError",
                "416 Client Error: Requested Range Not Satisfiable for url: https://cdn-lfs.huggingface.co/repos/x",
                modules=("huggingface_hub.file_download",),
            ),
        ),
        misses=(
            raised(
                "requests.exceptions.HTTPError", "416 Client Error: Range Not Satisfiable for url: https://a.com/x.zip"
            ),
            raised(
                "huggingface_hub.errors.HfHubHTTPError",
                "404 Client Error: Not Found for url: https://huggingface.co/a/b/resolve/main/x.safetensors",
                modules=("huggingface_hub.file_download",),
            ),
        ),
    ),
}
