"""Models and data from the Hugging Face Hub, and the network on the way there."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_OFFLINE = "https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables"
_PROXIES = "https://requests.readthedocs.io/en/latest/user/advanced/#proxies"
_NO_NAME = ("[Errno -2] Name or service not known", "[Errno -3] Temporary failure in name resolution")
_UNKNOWN_ISSUER = ("self-signed certificate", "self signed certificate", "unable to get local issuer certificate")
_WRONG_HOST = ("Hostname mismatch, certificate is not valid for ", "IP address mismatch, certificate is not valid for ")
_NETWORK = ("ConnectError", "ConnectionError", "MaxRetryError", "URLError", "ClientConnectorError")


def _requests(cause: str) -> tuple[str, ...]:
    """How requests and urllib3 say that they gave up, by itself and within an error of the Hub's library."""
    said = f"HTTPSConnectionPool(host={{}}, port={{}}): Max retries exceeded with url: {{}} (Caused by {cause}"
    return (said, f"(MaxRetryError({{}}{said}")


def _connects(why: str) -> tuple[str, ...]:
    """How a connection that failed reads: of a socket or httpx, of urllib, and of requests."""
    new = f"NewConnectionError({{}}: Failed to establish a new connection: {why}"
    return (why, f"<urlopen error {why}", *_requests(new))


def _distrusts(why: str) -> tuple[str, ...]:
    said = f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {why}"
    wrapped = [f"SSLError(SSLCertVerificationError(1, {quote}{said}" for quote in "'\""]
    refused = f"Cannot connect to host {{}} ssl:{{}} [SSLCertVerificationError: (1, '{said}"  # of aiohttp
    return (said, f"<urlopen error {said}", refused, *(text for cause in wrapped for text in _requests(cause)))


RULES: tuple[Rule, ...] = (
    Rule(
        "hub-offline",
        Advice(
            "the file is not in the Hub's local cache, and downloads are off (HF_HUB_OFFLINE or local_files_only)",
            (
                "download it before, where there is a network: `hf download REPO`, with the HF_HOME of the job",
                "or allow downloads: unset HF_HUB_OFFLINE and HF_DATASETS_OFFLINE, local_files_only=False",
            ),
        ),
        Advice(
            "本地 Hub 缓存中没有该文件，而下载已关闭（HF_HUB_OFFLINE 或 local_files_only）",
            (
                "先在有网络的机器上执行 `hf download REPO`，HF_HOME 与作业一致",
                "或允许下载：取消 HF_HUB_OFFLINE、HF_DATASETS_OFFLINE，设 local_files_only=False",
            ),
        ),
        _OFFLINE,
        says=(
            "Cannot reach {}: offline mode is enabled.",
            "Cannot find the requested files in the disk cache and outgoing traffic has been disabled.",
            "Cannot find an appropriate cached snapshot folder for the specified revision on the local disk and",
            "Couldn't reach '{}' on the Hub (OfflineModeIsEnabled)",
            "Couldn't find '{}' on the Hugging Face Hub: offline mode",
            "Couldn't find cache for ",
            "Offline mode is enabled.",
        ),
        types=("OfflineModeIsEnabled", "LocalEntryNotFoundError", "ConnectionError", "ValueError"),
    ),
    Rule(
        "hub-rate-limit",
        Advice(
            "the Hub refused the request: too many in a short time (429), as when each rank downloads for itself",
            (
                "let one process download (`hf download` before the job), and start the job with HF_HUB_OFFLINE=1",
                "set HF_TOKEN: an account has a higher limit than an address shared by a cluster",
            ),
        ),
        Advice(
            "Hub 拒绝了请求：短时间内请求过多（429），例如每个 rank 都自行下载",
            (
                "只让一个进程下载（作业前执行 `hf download`），作业用 HF_HUB_OFFLINE=1 启动",
                "设置 HF_TOKEN：账号的限额高于集群共用的出口地址",
            ),
        ),
        "https://huggingface.co/docs/hub/rate-limits",
        says=("429 Client Error: Too Many Requests for url", "429 Too Many Requests"),
        types=("HfHubHTTPError",),
    ),
    Rule(
        "hub-gated",
        Advice(
            "the model or dataset is gated: this token has no access to it, or there is no token",
            (
                "accept the conditions on its page with your account, and wait for the approval if one is needed",
                "set HF_TOKEN for the job on each node, or run `hf auth login`; check with `hf auth whoami`",
                "a fine-grained token needs the right to read gated repositories",
            ),
        ),
        Advice(
            "该模型或数据集需要授权（gated）：当前 token 没有权限，或没有 token",
            (
                "用你的账号在其页面上同意条款，若需审批则等待通过",
                "在每个节点上设置 HF_TOKEN，或执行 `hf auth login`；用 `hf auth whoami` 检查",
                "细粒度 token 需要勾选读取 gated 仓库的权限",
            ),
        ),
        "https://huggingface.co/docs/hub/models-gated",
        says=(
            "You are trying to access a gated repo.",
            "Cannot access gated repo for url ",
            "Dataset '{}' is a gated dataset on the Hub.",
            "{:word} is a gated repository. Make sure to request access at",
        ),
        types=("GatedRepoError", "DatasetNotFoundError", "OSError"),
    ),
    Rule(
        "hub-not-found",
        Advice(
            "the Hub has no repository of this name, or it is private and the token may not see it",
            (
                "check the name (owner/name, upper and lower case) on huggingface.co",
                "if it is a directory: check that it exists on this machine, from the job's working directory",
                "if it is private: HF_TOKEN of an account with access; an expired token reads like this, too",
            ),
        ),
        Advice(
            "Hub 上没有这个名字的仓库，或它是私有的而当前 token 无权访问",
            (
                "在 huggingface.co 上核对名称（所有者/名称，区分大小写）",
                "若是本地目录：用 ls 确认它在本机存在（相对于作业的工作目录）",
                "若是私有仓库：设置有权限账号的 HF_TOKEN；token 过期也会报此错",
            ),
        ),
        "https://huggingface.co/docs/huggingface_hub/package_reference/utilities",
        says=(
            "Repository Not Found for url: ",
            "{:word} is not a local folder and is not a valid model identifier listed on",
            "Dataset '{}' doesn't exist on the Hub or cannot be accessed",
        ),
        types=("RepositoryNotFoundError", "DatasetNotFoundError", "OSError"),
    ),
    Rule(
        "hub-path-not-there",
        Advice(
            "'{path}' is no directory on this machine, so it was taken for a name on the Hub, which it cannot be",
            (
                "check it there: `ls -ld PATH`; a relative path counts from the job's working directory",
                "on several nodes, check that the disk is mounted on each",
            ),
        ),
        Advice(
            "本机没有目录 '{path}'，于是它被当作 Hub 仓库名，而格式不符",
            (
                "在该机器上检查：`ls -ld PATH`；相对路径以作业的工作目录为准",
                "多节点时确认每个节点都挂载了该磁盘",
            ),
        ),
        "https://github.com/huggingface/huggingface_hub/blob/main/src/huggingface_hub/utils/_validators.py",
        says=(
            "Repo id must be in the form 'repo_name' or 'namespace/repo_name': '{path}'",
            "Repo id must use alphanumeric chars{} length is 96: '{path}'",
            "Incorrect path_or_model_id: '{path}'",
        ),
        types=("HFValidationError", "OSError"),
    ),
    Rule(
        "hub-files-missing",
        Advice(
            "the directory or repository lacks a file: a partial save, an adapter alone, or a sharded checkpoint",
            (
                "list it with `ls -l`; an adapter (LoRA) needs its base model: PeftModel.from_pretrained(base, path)",
                "make whole weights of a DeepSpeed or FSDP checkpoint: zero_to_fp32.py, `accelerate merge-weights`",
            ),
        ),
        Advice(
            "目录或仓库缺少所需文件：保存不完整、只有 adapter，或是分片 checkpoint",
            (
                "用 `ls -l` 查看；adapter（LoRA）需要基座模型：PeftModel.from_pretrained(base, path)",
                "DeepSpeed、FSDP 的 checkpoint 先合并权重：zero_to_fp32.py、`accelerate merge-weights`",
            ),
        ),
        "https://huggingface.co/docs/accelerate/usage_guides/fsdp",
        says=("{:word} does not appear to have a file named ", "Error no file named {} found in directory "),
        types=("OSError",),
    ),
    Rule(
        "proxy-login",
        Advice(
            "the proxy wants a user name and a password (407)",
            ("put both into HTTPS_PROXY, between `http://` and the host: user:password@ (an @ within them as %40)",),
        ),
        Advice(
            "代理需要用户名和密码（407）",
            ("写入 HTTPS_PROXY，放在 `http://` 与主机名之间：user:password@（其中的 @ 写成 %40）",),
        ),
        _PROXIES,
        says=(
            "407 Proxy Authentication Required",
            "Tunnel connection failed: 407",
            "<urlopen error Tunnel connection failed: 407",
            *_requests("ProxyError({}Tunnel connection failed: 407"),
        ),
        types=("ProxyError", "MaxRetryError", "URLError", "OSError"),
    ),
    Rule(
        "proxy-failed",
        Advice(
            "the proxy of HTTPS_PROXY cannot be reached from this machine, or refuses the connection",
            (
                "try it: `env | grep -i proxy`, then `curl -I -x $HTTPS_PROXY https://huggingface.co`",
                "127.0.0.1 in it means this very node: name the host of the proxy, or unset the variable",
            ),
        ),
        Advice(
            "本机连不上 HTTPS_PROXY 指定的代理，或代理拒绝了连接",
            (
                "测试：`env | grep -i proxy`，再执行 `curl -I -x $HTTPS_PROXY https://huggingface.co`",
                "其中的 127.0.0.1 指当前节点本身：改成运行代理的主机，或取消该变量",
            ),
        ),
        _PROXIES,
        says=("Tunnel connection failed: ", "<urlopen error Tunnel connection failed: ", *_requests("ProxyError(")),
        types=("ProxyError", "MaxRetryError", "URLError", "Exception"),
        printed=tuple(begin + said for begin in ("", "{:word}: ") for said in _requests("ProxyError(")),
    ),
    Rule(
        "tls-unknown-issuer",
        Advice(
            "the server's certificate is not trusted here, or is another server's: often a company's proxy answers",
            (
                "name the company's CA: SSL_CERT_FILE=ca.pem (httpx, urllib), REQUESTS_CA_BUNDLE=ca.pem (requests)",
                "in a small container, install the package ca-certificates",
            ),
        ),
        Advice(
            "服务器证书不被本机信任，或不是该域名的证书：常见于公司代理拦截",
            (
                "指定公司的 CA：SSL_CERT_FILE=ca.pem（httpx、urllib）、REQUESTS_CA_BUNDLE=ca.pem（requests）",
                "精简容器中请安装 ca-certificates 包",
            ),
        ),
        "https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification",
        says=tuple(text for why in (*_UNKNOWN_ISSUER, *_WRONG_HOST) for text in _distrusts(why)),
        types=("SSLError", "SSLCertVerificationError", "ClientConnectorCertificateError", *_NETWORK),
    ),
    Rule(
        "hub-unreachable",
        Advice(
            "the Hub cannot be reached from this machine, and the files are not in its cache",
            (
                "download before the job where there is a network (`hf download REPO`), then HF_HUB_OFFLINE=1",
                "or set HTTPS_PROXY, or HF_ENDPOINT for a mirror that this machine reaches",
                "if a directory was meant: check that the path exists here",
            ),
        ),
        Advice(
            "本机无法访问 Hub，缓存中也没有这些文件",
            (
                "作业前在有网络的机器上下载（`hf download REPO`），再设置 HF_HUB_OFFLINE=1",
                "或设置 HTTPS_PROXY，或用 HF_ENDPOINT 指向可访问的镜像",
                "若本意是本地目录：检查该路径在本机是否存在",
            ),
        ),
        _OFFLINE,
        says=(
            "We couldn't connect to '{}' to load ",
            "An error happened while trying to locate the file",
            "Couldn't reach '{}' on the Hub (",
        ),
        types=("LocalEntryNotFoundError", "ConnectionError", "OSError"),
    ),
    Rule(
        "hub-read-timeout",
        Advice(
            "the Hub stopped answering within the time limit: a slow or unsteady network, or an outage",
            (
                "start again: what is downloaded stays in the cache; if it stays slow, set HF_HUB_DOWNLOAD_TIMEOUT=60",
                "or fetch before the job (`hf download REPO`), then HF_HUB_OFFLINE=1",
            ),
        ),
        Advice(
            "Hub 未在时限内响应：网络慢或不稳定，或服务故障",
            (
                "重新启动：已下载的内容保留在缓存中；若一直很慢，设置 HF_HUB_DOWNLOAD_TIMEOUT=60",
                "或在作业前下载（`hf download REPO`），再设置 HF_HUB_OFFLINE=1",
            ),
        ),
        _OFFLINE,
        says=tuple(
            f"{begin}HTTPSConnectionPool(host='{{}}{name}', port=443): Read timed out."
            for begin in ("", '(ReadTimeoutError("')
            for name in ("huggingface.co", ".hf.co")
        ),
        types=("ReadTimeout", "ReadTimeoutError", "ConnectionError"),
    ),
    Rule(
        "network-no-name",
        Advice(
            "this machine cannot resolve a host name: no network, no DNS server, or a wrong name",
            (
                "try it: `getent hosts huggingface.co`, and look at /etc/resolv.conf",
                "compute nodes often have no internet: set HTTPS_PROXY, or fetch what is needed on the login node",
            ),
        ),
        Advice(
            "本机无法解析主机名：没有网络、没有 DNS，或名称写错",
            (
                "测试：`getent hosts huggingface.co`，并查看 /etc/resolv.conf",
                "计算节点常常没有外网：设置 HTTPS_PROXY，或在登录节点提前下载",
            ),
        ),
        "https://man7.org/linux/man-pages/man3/getaddrinfo.3.html",
        says=(
            *(text for why in _NO_NAME for text in _connects(why)),
            *_requests("NameResolutionError("),
            *(f"Cannot connect to host {{}} ssl:{{}} [{why[11:]}]" for why in _NO_NAME),
        ),
        types=("gaierror", "ClientConnectorDNSError", *_NETWORK),
    ),
    Rule(
        "network-no-route",
        Advice(
            "this machine has no route to the server: a node without internet access",
            (
                "set HTTPS_PROXY if there is a proxy; see `ip route` and `curl -I https://huggingface.co`",
                "or fetch models and data on a node with network before the job",
            ),
        ),
        Advice(
            "本机没有到服务器的路由：节点不能访问外网",
            (
                "若有代理请设置 HTTPS_PROXY；用 `ip route` 和 `curl -I https://huggingface.co` 检查",
                "或在有网络的节点上提前下载模型和数据",
            ),
        ),
        "https://man7.org/linux/man-pages/man2/connect.2.html",
        says=_connects("[Errno 101] Network is unreachable"),
        types=("OSError", *_NETWORK),
    ),
)
