"""The Hub and the network: time-outs, refusals and broken connections: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "network-refused": Case(
        hits=(
            raised("urllib.error.URLError", "<urlopen error [Errno 111] Connection refused>"),
            raised(
                "requests.exceptions.ConnectionError",
                (
                    "HTTPSConnectionPool(host='10.0.0.2', port=8443): Max retries exceeded with url: /api "
                    "(Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f>: Failed "
                    "to establish a new connection: [Errno 111] Connection refused'))"
                ),
            ),
        ),
        misses=(
            raised("urllib.error.URLError", "an earlier attempt said: <urlopen error [Errno 111] Connection refused>"),
            raised("KeyError", "<urlopen error [Errno 111] Connection refused>"),
        ),
    ),
    "network-timeout": Case(
        hits=(
            raised(
                "requests.exceptions.ConnectTimeout",
                (
                    "(MaxRetryError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded "
                    "with url: /x/resolve/main/config.json (Caused by "
                    "ConnectTimeoutError(<urllib3.connection.HTTPSConnection object at 0x7f>, 'Connection to "
                    "huggingface.co timed out. (connect timeout=10)'))\"), '(Request ID: 1)')"
                ),
            ),
            raised("urllib.error.URLError", "<urlopen error [Errno 110] Connection timed out>"),
        ),
        misses=(
            raised("OSError", "[Errno 110] Connection timed out: '/mnt/data'"),
            raised("ValueError", "<urlopen error timed out>"),
        ),
    ),
    "network-timeout-plain": Case(
        hits=(
            raised("httpx.ConnectTimeout", "timed out", modules=("huggingface_hub.file_download",)),
            raised(
                "httpx.ReadTimeout",
                "The read operation timed out",
                modules=(
                    "transformers.utils.hub",
                    "httpx",
                ),
            ),
        ),
        misses=(
            raised("httpx.ReadTimeout", "timed out", modules=("labels.client",)),
            raised("httpx.ConnectError", "timed out", modules=("huggingface_hub",)),
        ),
    ),
    "network-broken": Case(
        hits=(
            raised(
                "requests.exceptions.ConnectionError",
                "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
            ),
            raised(
                "requests.exceptions.ChunkedEncodingError",
                (
                    "('Connection broken: IncompleteRead(123 bytes read, 456 more expected)', IncompleteRead(123 "
                    "bytes read, 456 more expected))"
                ),
            ),
        ),
        misses=(
            raised(
                "requests.exceptions.ConnectionError",
                (
                    "an earlier attempt said: ('Connection aborted.', ConnectionResetError(104, 'Connection "
                    "reset by peer'))"
                ),
            ),
            raised("KeyError", "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))"),
        ),
    ),
    "tls-cut-off": Case(
        hits=(
            raised(
                "requests.exceptions.SSLError",
                (
                    "HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /x "
                    "(Caused by SSLError(SSLEOFError(8, 'EOF occurred in violation of protocol (_ssl.c:1129)')))"
                ),
            ),
            raised(
                "httpx.ConnectError",
                "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol (_ssl.c:1000)",
            ),
        ),
        misses=(
            raised(
                "requests.exceptions.SSLError",
                (
                    "an earlier attempt said: HTTPSConnectionPool(host='huggingface.co', port=443): Max retries "
                    "exceeded with url: /x (Caused by SSLError(SSLEOFError(8, 'EOF occurred in violation of "
                    "protocol (_ssl.c:1129)')))"
                ),
            ),
            raised(
                "KeyError",
                (
                    "HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /x "
                    "(Caused by SSLError(SSLEOFError(8, 'EOF occurred in violation of protocol (_ssl.c:1129)')))"
                ),
            ),
        ),
    ),
    "proxy-scheme": Case(
        hits=(
            raised(
                "requests.exceptions.SSLError",
                (
                    "HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /x "
                    "(Caused by SSLError(SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong version number "
                    "(_ssl.c:1131)')))"
                ),
            ),
            raised("httpx.ConnectError", "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1000)"),
        ),
        misses=(
            raised(
                "requests.exceptions.SSLError",
                (
                    "an earlier attempt said: HTTPSConnectionPool(host='huggingface.co', port=443): Max retries "
                    "exceeded with url: /x (Caused by SSLError(SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong "
                    "version number (_ssl.c:1131)')))"
                ),
            ),
            raised(
                "KeyError",
                (
                    "HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /x "
                    "(Caused by SSLError(SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong version number "
                    "(_ssl.c:1131)')))"
                ),
            ),
        ),
    ),
    "proxy-socks-missing": Case(
        hits=(
            raised("requests.exceptions.InvalidSchema", "Missing dependencies for SOCKS support."),
            raised(
                "ImportError",
                (
                    "Using SOCKS proxy, but the 'socksio' package is not installed. Make sure to install httpx "
                    "using `pip install httpx[socks]`."
                ),
            ),
        ),
        misses=(
            raised(
                "requests.exceptions.InvalidSchema", "an earlier attempt said: Missing dependencies for SOCKS support."
            ),
            raised("KeyError", "Missing dependencies for SOCKS support."),
        ),
    ),
    "wandb-permission": Case(
        hits=(
            raised("wandb.errors.errors.CommError", "permission denied"),
            raised(
                "wandb.errors.CommError",
                (
                    "It appears that you do not have permission to access the requested resource. Please reach "
                    "out to the project owner to grant you access."
                ),
            ),
        ),
        misses=(
            raised("wandb.errors.errors.CommError", "an earlier attempt said: permission denied"),
            raised("KeyError", "permission denied"),
        ),
    ),
    "proxy-answered": Case(
        hits=(
            raised("httpx.ProxyError", "403 Forbidden", modules=("httpx",)),
            raised("httpcore.ProxyError", "503 Service Unavailable", modules=("httpcore",)),
        ),
        misses=(
            raised("httpx.ProxyError", "407 Proxy Authentication Required", modules=("httpx",)),
            raised("httpx.HTTPStatusError", "403 Forbidden", modules=("httpx",)),
            raised("ProxyError", "403 Forbidden", modules=("mine",)),
        ),
    ),
}
