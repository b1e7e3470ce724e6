"""The Hugging Face Hub, the network and trackers: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

_HUB = "huggingface_hub.errors"
_CACHE = (
    "Cannot find the requested files in the disk cache and outgoing traffic has been disabled. To enable hf.co look-ups "
    "and downloads online, set 'local_files_only' to False."
)
_NO_FILE = (
    "An error happened while trying to locate the file on the Hub and we cannot find the requested files in the local "
    "cache. Please check your connection and try again or make sure your Internet connection is on."
)
_NO_CONNECTION = (
    "We couldn't connect to 'https://huggingface.co' to load {}\nCheck your internet connection or see how to run the "
    "library in offline mode at 'https://huggingface.co/docs/transformers/installation#offline-mode'."
)
_GATED = (
    "{code} Client Error. (Request ID: Root=1-66f4b037-1bf3d7d2;655d-8ed8)\n\nCannot access gated repo for url "
    "https://huggingface.co/black-forest-labs/FLUX.1-dev/resolve/main/ae.safetensors.\nAccess to model {why}"
)
_LOGIN = "x/y is restricted. You must have access to it and be authenticated to access it. Please log in."
_LISTED = (
    "x/y is restricted and you are not in the authorized list. Visit https://huggingface.co/x/y to ask for access."
)
_NOT_FOUND = (
    "401 Client Error. (Request ID: Root=1-67;65)\n\nRepository Not Found for url: "
    "https://huggingface.co/org/model/resolve/main/config.json.\nPlease make sure you specified the correct `repo_id` and "
    "`repo_type`.\nInvalid username or password."
)
_NO_MODEL = (
    "org/modle is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'\nIf this "
    "is a private repository, make sure to pass a token having permission to this repo"
)
_REPO_ID = "Repo id must be in the form 'repo_name' or 'namespace/repo_name': '{}'. Use `repo_type` argument if needed."
_REPO_CHARS = (
    "Repo id must use alphanumeric chars, '-', '_' or '.'. The name cannot start or end with '-' or '.' and the maximum "
    "length is 96: './ckpt'."
)
_FILE = (
    "org/model does not appear to have a file named config.json. Checkout 'https://huggingface.co/org/model/tree/main' for "
    "available files."
)
_CERTIFICATE = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {} (_ssl.c:1006)"
_ISSUER = "unable to get local issuer certificate"


def _gave_up(cause: str, host: str = "huggingface.co") -> str:
    """As requests and urllib3 say it."""
    url = "/org/model/resolve/main/config.json"
    return f"HTTPSConnectionPool(host='{host}', port=443): Max retries exceeded with url: {url} (Caused by {cause})"


def _wrapped(cause: str) -> str:
    """As the Hub's library says it, which adds the request."""
    return f"(MaxRetryError({_gave_up(cause)!r}), '(Request ID: 8a9f7cff-f3c2-4910)')"


def _new(why: str) -> str:
    """As urllib3 says why a connection failed."""
    return f"NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: {why}')"


_REQUESTS = "requests.exceptions"

CASES: dict[str, Case] = {
    "hub-offline": Case(
        hits=(
            raised(
                f"{_HUB}.OfflineModeIsEnabled",
                "Cannot reach https://huggingface.co/org/model/resolve/main/config.json: offline mode is enabled. To disable "
                "it, please unset the `HF_HUB_OFFLINE` environment variable.",
            ),
            raised(f"{_HUB}.LocalEntryNotFoundError", _CACHE),
            raised("ConnectionError", "Couldn't reach 'org/squad' on the Hub (OfflineModeIsEnabled)"),
            raised("ConnectionError", "Offline mode is enabled. Tried to reach https://huggingface.co"),
            raised("ValueError", "Couldn't find cache for squad for config 'plain_text'"),
        ),
        misses=(
            raised(f"{_HUB}.LocalEntryNotFoundError", _NO_FILE),
            raised("ConnectionError", "Couldn't reach 'org/squad' on the Hub (LocalEntryNotFoundError)"),
            raised("RuntimeError", _CACHE),
            raised("ConnectionError", "an earlier attempt said: Offline mode is enabled."),
            raised("KeyError", "Offline mode is enabled."),
        ),
    ),
    "hub-rate-limit": Case(
        hits=(
            raised(
                f"{_HUB}.HfHubHTTPError",
                "429 Client Error: Too Many Requests for url: https://huggingface.co/api/datasets/a/b (Request ID: Root=1)",
            ),
            raised(
                f"{_HUB}.HfHubHTTPError",
                "429 Too Many Requests: you have reached your 'api' rate limit.\nRetry after 9 s",
            ),
            raised(f"{_HUB}.HfHubHTTPError", "429 Too Many Requests for url: https://huggingface.co/api/models/a/b."),
        ),
        misses=(
            raised(f"{_HUB}.HfHubHTTPError", "504 Server Error: Gateway Time-out for url: https://huggingface.co/429"),
            raised(f"{_REQUESTS}.HTTPError", "429 Client Error: Too Many Requests for url: https://api.example.org"),
        ),
    ),
    "hub-gated": Case(
        hits=(
            raised("OSError", "You are trying to access a gated repo.\nMake sure to have access to it at https://..."),
            raised(f"{_HUB}.GatedRepoError", _GATED.format(code=401, why=_LOGIN)),
            raised(f"{_HUB}.GatedRepoError", _GATED.format(code=403, why=_LISTED)),
            raised(
                "datasets.exceptions.DatasetNotFoundError",
                "Dataset 'bigcode/the-stack' is a gated dataset on the Hub. You must be authenticated to access it.",
            ),
        ),
        misses=(
            raised("ValueError", "You are trying to access a gated repo."),
            raised(f"{_HUB}.RepositoryNotFoundError", _NOT_FOUND),
            raised("OSError", "Error: You are trying to access a gated repo."),
        ),
    ),
    "hub-not-found": Case(
        hits=(
            raised(f"{_HUB}.RepositoryNotFoundError", _NOT_FOUND),
            raised("OSError", _NO_MODEL),
            raised(
                "datasets.exceptions.DatasetNotFoundError",
                "Dataset 'org/squadx' doesn't exist on the Hub or cannot be accessed.",
            ),
        ),
        misses=(
            raised(
                "OSError", "we saw: org/modle is not a local folder and is not a valid model identifier listed on it"
            ),
            raised("ValueError", _NO_MODEL),
            raised(
                f"{_HUB}.RevisionNotFoundError",
                "404 Client Error.\n\nRevision Not Found for url: https://huggingface.co/a",
            ),
        ),
    ),
    "hub-path-not-there": Case(
        hits=(
            raised(f"{_HUB}.HFValidationError", _REPO_ID.format("/data/models/llama")),
            raised("OSError", _REPO_ID.format("outputs/run1/checkpoint-500")),
            raised("OSError", _REPO_CHARS),
            raised(
                "OSError",
                "Incorrect path_or_model_id: '../pretrained/Qwen2'. Please provide either the path to a local folder or the "
                "repo_id of a model on the Hub.",
            ),
        ),
        misses=(
            raised("ValueError", _REPO_ID.format("/data/models/llama")),
            raised("OSError", "Incorrect path_or_model_id: ''."),
            raised("OSError", f"bad: {_REPO_ID.format('/data')}"),
        ),
    ),
    "hub-files-missing": Case(
        hits=(
            raised("OSError", _FILE),
            raised(
                "OSError", "Error no file named model.safetensors, or pytorch_model.bin, found in directory out/ckpt-5."
            ),
            raised(
                "OSError",
                "Error no file named pytorch_model.bin, model.safetensors, tf_model.h5, model.ckpt.index or "
                "flax_model.msgpack found in directory /data/llama.",
            ),
        ),
        misses=(
            raised("ValueError", _FILE),
            raised("FileNotFoundError", "[Errno 2] No such file or directory: 'out/ckpt-5/model.safetensors'"),
            raised("OSError", "the model org/model does not appear to have a file named config.json."),
        ),
    ),
    "proxy-login": Case(
        hits=(
            raised("httpx.ProxyError", "407 Proxy Authentication Required"),
            raised("OSError", "Tunnel connection failed: 407 Proxy Authentication Required"),
            raised(
                "urllib.error.URLError", "<urlopen error Tunnel connection failed: 407 Proxy Authentication Required>"
            ),
            raised(
                f"{_REQUESTS}.ProxyError",
                _gave_up(
                    "ProxyError('Unable to connect to proxy', OSError('Tunnel connection failed: 407 authenticationrequired'))"
                ),
            ),
        ),
        misses=(
            raised("OSError", "Tunnel connection failed: 403 Forbidden"),
            raised(f"{_REQUESTS}.HTTPError", "401 Client Error: Unauthorized for url: https://example.org/407"),
            printed("407 Proxy Authentication Required"),
        ),
    ),
    "proxy-failed": Case(
        hits=(
            raised(
                "Exception",
                "HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /x (Caused by "
                "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403 Forbidden')))",
            ),
            printed(
                "requests.exceptions.ProxyError: HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded "
                "with url: /x (Caused by ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403')))"
            ),
            raised(
                f"{_REQUESTS}.ProxyError", _gave_up(f"ProxyError('Cannot connect to proxy.', {_new('[Errno 111]')})")
            ),
            raised(
                f"{_REQUESTS}.ProxyError",
                _wrapped("ProxyError('Cannot connect to proxy.', FileNotFoundError(2, 'No such file or directory'))"),
            ),
            raised("OSError", "Tunnel connection failed: 503 Service Unavailable"),
        ),
        misses=(
            printed(
                "WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError('Cannot connect to proxy.', "
                "OSError('Tunnel connection failed: 403 Forbidden'))': /simple/torch/"
            ),
            raised("OSError", "Tunnel connection failed: 407 Proxy Authentication Required"),
            raised(f"{_REQUESTS}.ConnectionError", _gave_up(_new("[Errno 111] Connection refused"))),
            raised(
                "RuntimeError", "the last attempt: " + _gave_up("ProxyError('Cannot connect to proxy.', OSError())")
            ),
        ),
    ),
    "tls-unknown-issuer": Case(
        hits=(
            raised("ssl.SSLCertVerificationError", _CERTIFICATE.format("self-signed certificate in certificate chain")),
            raised("httpx.ConnectError", _CERTIFICATE.format(_ISSUER)),
            raised(
                f"{_REQUESTS}.SSLError",
                _gave_up(
                    f"SSLError(SSLCertVerificationError(1, '{_CERTIFICATE.format('self signed certificate in chain')}'))"
                ),
            ),
            raised(
                f"{_REQUESTS}.SSLError",
                _wrapped(f"SSLError(SSLCertVerificationError(1, '{_CERTIFICATE.format(_ISSUER)}'))"),
            ),
            raised("urllib.error.URLError", f"<urlopen error {_CERTIFICATE.format(_ISSUER)}>"),
            raised(
                f"{_REQUESTS}.SSLError",
                _gave_up(
                    "SSLError(SSLCertVerificationError(1, "
                    f'"{_CERTIFICATE.format("Hostname mismatch, certificate is not valid for huggingface.co")}"))'
                ),
            ),
            raised(
                "aiohttp.client_exceptions.ClientConnectorCertificateError",
                "Cannot connect to host huggingface.co:443 ssl:True [SSLCertVerificationError: (1, "
                f"'{_CERTIFICATE.format('self-signed certificate')}')]",
            ),
        ),
        misses=(
            raised("ssl.SSLCertVerificationError", _CERTIFICATE.format("certificate has expired")),
            raised("ssl.SSLError", "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"),
            raised("ValueError", _CERTIFICATE.format(_ISSUER)),
        ),
    ),
    "hub-unreachable": Case(
        hits=(
            raised("OSError", _NO_CONNECTION.format("the files, and couldn't find them in the cached files.")),
            raised(
                "OSError",
                _NO_CONNECTION.format(
                    "this file, couldn't find it in the cached files and it looks like bert-base-uncased is not the path to a "
                    "directory containing a file named config.json."
                ),
            ),
            raised(f"{_HUB}.LocalEntryNotFoundError", _NO_FILE),
            raised("ConnectionError", "Couldn't reach 'org/squad' on the Hub (LocalEntryNotFoundError)"),
        ),
        misses=(
            raised(f"{_HUB}.LocalEntryNotFoundError", _CACHE),
            raised("ConnectionError", "Couldn't reach 'org/squad' on the Hub (OfflineModeIsEnabled)"),
            raised("RuntimeError", _NO_FILE),
        ),
    ),
    "hub-read-timeout": Case(
        hits=(
            raised(
                "requests.exceptions.ReadTimeout",
                "(ReadTimeoutError(\"HTTPSConnectionPool(host='cdn-lfs-us-1.hf.co', port=443): Read timed out. (read "
                "timeout=10)\"), '(Request ID: 835293f3-08b9-4ec4-bbf1-4f9d8c1eaf61)')",
            ),
            raised(
                "requests.exceptions.ConnectionError",
                "HTTPSConnectionPool(host='cdn-lfs.huggingface.co', port=443): Read timed out.",
            ),
        ),
        misses=(
            raised(
                "requests.exceptions.ReadTimeout", "HTTPSConnectionPool(host='api.wandb.ai', port=443): Read timed out."
            ),
            raised("RuntimeError", "HTTPSConnectionPool(host='huggingface.co', port=443): Read timed out."),
        ),
    ),
    "network-no-name": Case(
        hits=(
            raised("socket.gaierror", "[Errno -3] Temporary failure in name resolution"),
            raised("httpx.ConnectError", "[Errno -2] Name or service not known"),
            raised("urllib.error.URLError", "<urlopen error [Errno -2] Name or service not known>"),
            raised(
                f"{_REQUESTS}.ConnectionError",
                _wrapped(
                    'NameResolutionError("<urllib3.connection.HTTPSConnection object at 0x7>: Failed to resolve '
                    "'huggingface.co' ([Errno -3] Temporary failure in name resolution)\")"
                ),
            ),
            raised(f"{_REQUESTS}.ConnectionError", _gave_up(_new("[Errno -3] Temporary failure in name resolution"))),
            raised(
                "aiohttp.client_exceptions.ClientConnectorDNSError",
                "Cannot connect to host huggingface.co:443 ssl:default [Name or service not known]",
            ),
        ),
        misses=(
            raised("OSError", "[Errno -2] Name or service not known"),
            raised(f"{_REQUESTS}.ConnectionError", _gave_up(_new("[Errno 111] Connection refused"))),
            raised("socket.gaierror", "[Errno -8] Servname not supported for ai_socktype"),
            raised("RuntimeError", "retrying after [Errno -3] Temporary failure in name resolution"),
        ),
    ),
    "network-no-route": Case(
        hits=(
            raised("OSError", "[Errno 101] Network is unreachable"),
            raised(f"{_REQUESTS}.ConnectionError", _wrapped(_new("[Errno 101] Network is unreachable"))),
            raised("httpx.ConnectError", "[Errno 101] Network is unreachable"),
        ),
        misses=(
            raised("OSError", "[Errno 113] No route to host"),
            raised("ConnectionRefusedError", "[Errno 111] Connection refused"),
            raised("RuntimeError", "[Errno 101] Network is unreachable"),
        ),
    ),
}
