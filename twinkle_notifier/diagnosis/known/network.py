"""The Hub and the network: time-outs, refusals and broken connections."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "network-refused",
        Advice(
            "the server's port refused the connection: nothing listens there, or a local proxy is not running",
            ("check the address in HF_ENDPOINT, HTTPS_PROXY, WANDB_BASE_URL or the code; curl -I it on this node",),
        ),
        Advice(
            "服务器端口拒绝连接：那里没有服务，或本地代理没有运行",
            ("检查 HF_ENDPOINT、HTTPS_PROXY、WANDB_BASE_URL 或代码里的地址；在该节点上 curl -I",),
        ),
        "https://requests.readthedocs.io/en/latest/user/advanced/#proxies",
        says=(
            (
                "HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} (Caused by "
                "NewConnectionError({}: Failed to establish a new connection: [Errno 111] Connection refused"
            ),
            (
                "(MaxRetryError({}HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} "
                "(Caused by NewConnectionError({}: Failed to establish a new connection: [Errno 111] "
                "Connection refused"
            ),
            "<urlopen error [Errno 111] Connection refused",
            "Cannot connect to host {} ssl:{} [Connect call failed",
        ),
        types=(
            "ConnectionError",
            "ConnectTimeout",
            "ReadTimeout",
            "MaxRetryError",
            "URLError",
            "ConnectError",
            "SSLError",
            "OSError",
            "TimeoutError",
            "ClientConnectorError",
        ),
    ),
    Rule(
        "network-timeout",
        Advice(
            ("a server did not answer in time: it is slow or down, or a firewall or a missing proxy is in the way"),
            (
                "curl -I the address on this node; set HTTPS_PROXY, or a mirror (HF_ENDPOINT) where there is one",
                "fetch model and data on a node with internet, then run with HF_HUB_OFFLINE=1",
            ),
        ),
        Advice(
            "服务器没有按时应答：服务慢或不可用，或被防火墙、缺少代理挡住",
            (
                "在该节点上 curl -I 该地址；设置 HTTPS_PROXY，或使用镜像（HF_ENDPOINT）",
                "在能上网的节点下载模型和数据，再用 HF_HUB_OFFLINE=1 运行",
            ),
        ),
        "https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables",
        says=(
            (
                "HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} (Caused by "
                "ConnectTimeoutError("
            ),
            (
                "(MaxRetryError({}HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} "
                "(Caused by ConnectTimeoutError("
            ),
            ("HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} (Caused by ReadTimeoutError("),
            (
                "(MaxRetryError({}HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} "
                "(Caused by ReadTimeoutError("
            ),
            "<urlopen error [Errno 110] Connection timed out",
            "<urlopen error timed out",
            "<urlopen error _ssl.c:{:int}: The handshake operation timed out",
            "[Errno 110] Connection timed out",
            "_ssl.c:{:int}: The handshake operation timed out",
            "HTTPSConnectionPool(host={}, port={}): Read timed out.",
            "Connection timeout to host ",
        ),
        unless=("[Errno 110] Connection timed out: '",),
        types=(
            "ConnectionError",
            "ConnectTimeout",
            "ReadTimeout",
            "MaxRetryError",
            "URLError",
            "ConnectError",
            "SSLError",
            "OSError",
            "TimeoutError",
            "ClientConnectorError",
            "ServerTimeoutError",
            "ConnectionTimeoutError",
        ),
    ),
    Rule(
        "network-timeout-plain",
        Advice(
            ("a server did not answer in time: it is slow or down, or a firewall or a missing proxy is in the way"),
            ("curl -I the address on this node; set HTTPS_PROXY, or a mirror (HF_ENDPOINT) where there is one",),
        ),
        Advice(
            "服务器没有按时应答：服务慢或不可用，或被防火墙、缺少代理挡住",
            ("在该节点上 curl -I 该地址；设置 HTTPS_PROXY，或使用镜像（HF_ENDPOINT）",),
        ),
        "https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables",
        says=(
            "timed out",
            "The read operation timed out",
        ),
        types=(
            "ConnectTimeout",
            "ReadTimeout",
        ),
        modules=(
            "huggingface_hub",
            "transformers",
            "datasets",
        ),
    ),
    Rule(
        "network-broken",
        Advice(
            "the connection broke while data came: the server, a proxy or the network closed it",
            (
                "start again: finished parts are kept; hf download REPO on its own shows whether it goes through",
                "a slow network: HF_HUB_DOWNLOAD_TIMEOUT=60, fewer workers (--max-workers 2)",
            ),
        ),
        Advice(
            "传输过程中连接断开：服务器、代理或网络关闭了它",
            (
                "重新启动：已完成的部分会保留；单独运行 hf download REPO 看是否能下完",
                "网络慢：HF_HUB_DOWNLOAD_TIMEOUT=60，减少并发（--max-workers 2）",
            ),
        ),
        "https://huggingface.co/docs/huggingface_hub/guides/download",
        says=(
            "('Connection aborted.', ",
            "('Connection broken: ",
            "(ProtocolError('Connection aborted.', ",
            "(ProtocolError('Connection broken: ",
            "peer closed connection without sending complete message body",
            "IncompleteRead({:int} bytes read",
            "<urlopen error [Errno 104] Connection reset by peer",
            "Response payload is not completed",
        ),
        types=(
            "ConnectionError",
            "ChunkedEncodingError",
            "ProtocolError",
            "RemoteProtocolError",
            "IncompleteRead",
            "URLError",
            "ClientPayloadError",
            "ReadError",
        ),
    ),
    Rule(
        "tls-cut-off",
        Advice(
            "the TLS connection was cut off: a firewall or a proxy in between does not let it through",
            (
                (
                    "set HTTPS_PROXY to the proxy that this network wants (or unset a wrong one); or a mirror: "
                    "HF_ENDPOINT"
                ),
                "python -c 'import ssl; print(ssl.OPENSSL_VERSION)': an old proxy may need an older TLS",
            ),
        ),
        Advice(
            "TLS 连接被切断：中间的防火墙或代理不放行",
            (
                "把 HTTPS_PROXY 设为该网络要求的代理（或去掉错误的）；或用镜像 HF_ENDPOINT",
                "python -c 'import ssl; print(ssl.OPENSSL_VERSION)'：旧代理可能需要更旧的 TLS",
            ),
        ),
        "https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification",
        says=(
            (
                "HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} (Caused by "
                "SSLError(SSLEOFError("
            ),
            (
                "(MaxRetryError({}HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} "
                "(Caused by SSLError(SSLEOFError("
            ),
            (
                "HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} (Caused by "
                "SSLError(SSLZeroReturnError("
            ),
            (
                "(MaxRetryError({}HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} "
                "(Caused by SSLError(SSLZeroReturnError("
            ),
            "<urlopen error EOF occurred in violation of protocol",
            "<urlopen error [SSL: UNEXPECTED_EOF_WHILE_READING]",
            "EOF occurred in violation of protocol (_ssl.c",
            "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol",
        ),
        types=(
            "ConnectionError",
            "ConnectTimeout",
            "ReadTimeout",
            "MaxRetryError",
            "URLError",
            "ConnectError",
            "SSLError",
            "OSError",
            "TimeoutError",
            "SSLEOFError",
        ),
    ),
    Rule(
        "proxy-scheme",
        Advice(
            "the proxy speaks plain HTTP, and HTTPS_PROXY names it with https://",
            ("write export HTTPS_PROXY=http://HOST:PORT (the scheme is that of the way to the proxy)",),
        ),
        Advice(
            "代理是普通 HTTP，而 HTTPS_PROXY 写成了 https://",
            ("写 export HTTPS_PROXY=http://HOST:PORT（这里是到代理的协议）",),
        ),
        "https://requests.readthedocs.io/en/latest/user/advanced/#proxies",
        says=(
            (
                "HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} (Caused by "
                "SSLError(SSLError(1, '[SSL: WRONG_VERSION_NUMBER]"
            ),
            (
                "(MaxRetryError({}HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} "
                "(Caused by SSLError(SSLError(1, '[SSL: WRONG_VERSION_NUMBER]"
            ),
            (
                "HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} (Caused by "
                "ProxyError({}[SSL: WRONG_VERSION_NUMBER]"
            ),
            (
                "(MaxRetryError({}HTTPSConnectionPool(host={}, port={}): Max retries exceeded with url: {} "
                "(Caused by ProxyError({}[SSL: WRONG_VERSION_NUMBER]"
            ),
            "[SSL: WRONG_VERSION_NUMBER] wrong version number",
            "<urlopen error [SSL: WRONG_VERSION_NUMBER]",
        ),
        types=(
            "ConnectionError",
            "ConnectTimeout",
            "ReadTimeout",
            "MaxRetryError",
            "URLError",
            "ConnectError",
            "SSLError",
            "OSError",
            "TimeoutError",
            "ProxyError",
        ),
    ),
    Rule(
        "proxy-answered",
        Advice(
            "the proxy answered, but does not let this connection through, or cannot reach the server",
            (
                "try it: `curl -I -x $HTTPS_PROXY https://huggingface.co`; ask for this host to be allowed",
                "hosts that need no proxy belong in NO_PROXY; for the Hub a mirror may help: HF_ENDPOINT",
            ),
        ),
        Advice(
            "代理有应答，但不允许这个连接通过，或它自己连不上目标服务器",
            (
                "测试：`curl -I -x $HTTPS_PROXY https://huggingface.co`；请管理员放行该域名",
                "不需要代理的主机写入 NO_PROXY；访问 Hub 也可以用镜像：HF_ENDPOINT",
            ),
        ),
        "https://www.python-httpx.org/advanced/proxies/",
        says=("403 Forbidden", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Time"),
        types=("ProxyError",),
        modules=("httpx", "httpcore"),
    ),
    Rule(
        "proxy-socks-missing",
        Advice(
            ("a SOCKS proxy is set (ALL_PROXY or HTTPS_PROXY), and the package that speaks to it is not installed"),
            ("pip install 'requests[socks]' 'httpx[socks]'; or unset ALL_PROXY, or use an http:// proxy",),
        ),
        Advice(
            "设置了 SOCKS 代理（ALL_PROXY 或 HTTPS_PROXY），但没有安装对应的包",
            ("pip install 'requests[socks]' 'httpx[socks]'；或 unset ALL_PROXY，或改用 http:// 代理",),
        ),
        "https://requests.readthedocs.io/en/latest/user/advanced/#socks",
        says=(
            "Missing dependencies for SOCKS support.",
            "Using SOCKS proxy, but the 'socksio' package is not installed.",
            "Unknown scheme for proxy URL ",
        ),
        types=(
            "InvalidSchema",
            "ImportError",
            "ValueError",
        ),
    ),
    Rule(
        "wandb-permission",
        Advice(
            "Weights & Biases refused: the key is missing or wrong, or may not use that project or entity",
            ("check the entity and project (WANDB_ENTITY, WANDB_PROJECT) and the key: wandb login --relogin",),
        ),
        Advice(
            "Weights & Biases 拒绝：key 缺失或有误，或该账号对这个 project 或 entity 没有权限",
            ("检查 entity 和 project（WANDB_ENTITY、WANDB_PROJECT）以及 key：wandb login --relogin",),
        ),
        "https://docs.wandb.ai/support/",
        says=(
            "permission denied",
            "It appears that you do not have permission to access the requested resource.",
            "user is not logged in",
            "Error uploading run: returned error 403",
            "API key must be 40 characters long",
        ),
        types=(
            "CommError",
            "UsageError",
            "AuthenticationError",
            "ValueError",
        ),
    ),
)
