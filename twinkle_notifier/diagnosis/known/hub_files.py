"""Files and datasets of the Hub."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "hub-outage",
        Advice(
            "the Hub answered with an error of its own ({code}): an outage, or too large a request",
            (
                (
                    "see status.huggingface.co, and start again in some minutes; with HF_HUB_OFFLINE=1 if all is "
                    "in the cache"
                ),
            ),
        ),
        Advice(
            "Hub 返回了自身的错误（{code}）：服务故障，或请求过大",
            ("查看 status.huggingface.co，过几分钟重试；如果都在缓存里可用 HF_HUB_OFFLINE=1",),
        ),
        "https://status.huggingface.co/",
        says=(
            "{code:int} Server Error: {} for url: https://huggingface.co",
            "{code:int} Server Error: {} for url: https://hf-mirror.com",
            "{code:int} Server Error: {} for url: https://cdn-lfs",
            "{code:int} Server Error: {} for url: https://cas-",
        ),
        types=(
            "HfHubHTTPError",
            "HTTPError",
        ),
    ),
    Rule(
        "hub-rate-limit-plain",
        Advice(
            "the Hub refused the request: too many in a short time (429)",
            (
                (
                    "download once on one rank, then HF_HUB_OFFLINE=1 for all; log in with a token (hf auth "
                    "login): its limit is higher"
                ),
            ),
        ),
        Advice(
            "Hub 拒绝请求：短时间内过多（429）",
            ("只在一个 rank 下载，之后都用 HF_HUB_OFFLINE=1；用 token 登录（hf auth login），限额更高",),
        ),
        "https://huggingface.co/docs/hub/rate-limits",
        says=(
            "429 Client Error: Too Many Requests for url: https://huggingface.co",
            "429 Client Error: Too Many Requests for url: https://hf-mirror.com",
        ),
        types=("HTTPError",),
    ),
    Rule(
        "hub-token-refused",
        Advice(
            "the Hub does not accept the token: wrong, expired or missing",
            (
                (
                    "hf auth whoami shows it; make a new one at huggingface.co/settings/tokens, then hf auth "
                    "login or HF_TOKEN"
                ),
                "an HF_TOKEN in the environment wins over the one of hf auth login",
            ),
        ),
        Advice(
            "Hub 不接受该 token：错误、过期或缺失",
            (
                "用 hf auth whoami 查看；在 huggingface.co/settings/tokens 新建，再 hf auth login 或设 HF_TOKEN",
                "环境变量 HF_TOKEN 优先于 hf auth login",
            ),
        ),
        "https://huggingface.co/docs/huggingface_hub/quick-start#authentication",
        says=(
            "401 Client Error: Unauthorized for url: https://huggingface.co",
            "Invalid user token.",
            "Token is required (`token=True`), but no token found.",
            "Token is required ({}), but no token found",
            "Invalid token passed!",
            "Invalid username or password.",
        ),
        types=(
            "HfHubHTTPError",
            "HTTPError",
            "LocalTokenNotFoundError",
            "BadRequestError",
        ),
    ),
    Rule(
        "hub-no-right",
        Advice(
            "the token may not do that: it has no write permission, or not for this namespace",
            (("make a token with write permission at huggingface.co/settings/tokens; check hub_model_id (user/name)"),),
        ),
        Advice(
            "该 token 没有权限：不可写，或不属于这个 namespace",
            ("在 huggingface.co/settings/tokens 新建有写权限的 token；检查 hub_model_id（user/name）",),
        ),
        "https://huggingface.co/docs/hub/security-tokens",
        says=(
            "403 Forbidden: You don't have the rights to ",
            "403 Forbidden: Authorization error.",
            "403 Forbidden: None.",
        ),
        types=(
            "HfHubHTTPError",
            "HTTPError",
        ),
    ),
    Rule(
        "hub-entry-missing",
        Advice(
            "the repository has no such file or revision ({url})",
            (
                (
                    "look at the files and branches on its page; pip install -U the library, if it asks for an "
                    "old file name"
                ),
            ),
        ),
        Advice(
            "仓库里没有这个文件或版本（{url}）",
            ("在仓库页面查看文件和分支；如果是库请求了旧文件名，升级该库",),
        ),
        "https://huggingface.co/docs/huggingface_hub/package_reference/utilities",
        says=(
            "Entry Not Found for url: {url}",
            "Revision Not Found for url: {url}",
            "404 Client Error: Entry Not Found for url: {url}",
        ),
        types=(
            "EntryNotFoundError",
            "RemoteEntryNotFoundError",
            "RevisionNotFoundError",
            "OSError",
        ),
    ),
    Rule(
        "hub-cannot-load",
        Advice(
            "{name} cannot be loaded: neither a complete directory here nor reachable on the Hub",
            (
                (
                    "a path: see ls there, it must hold config.json or the tokenizer's files; a name: curl -I "
                    "https://huggingface.co"
                ),
                "a directory of that name in the working directory hides the Hub's: rename it",
            ),
        ),
        Advice(
            "{name} 无法加载：本地目录不完整，也无法从 Hub 获取",
            (
                "路径：ls 查看，应有 config.json 或 tokenizer 文件；名字：curl -I https://huggingface.co",
                "当前目录下的同名文件夹会遮住 Hub 上的：请改名",
            ),
        ),
        "https://huggingface.co/docs/transformers/installation#offline-mode",
        says=(
            "Can't load tokenizer for '{name}'. If you were trying to load it from",
            "Can't load tokenizer of '{name}'. If you were trying to load it from",
            "Can't load the configuration for '{name}'. If you were trying to load it from",
            "Can't load the configuration of '{name}'. If you were trying to load it from",
            "Can't load the model for '{name}'. If you were trying to load it from",
            "Can't load the model of '{name}'. If you were trying to load it from",
            "Can't load config for '{name}'. If you were trying to load it from",
            "Can't load config of '{name}'. If you were trying to load it from",
            "Can't load feature extractor for '{name}'. If you were trying to load it from",
            "Can't load feature extractor of '{name}'. If you were trying to load it from",
            "Can't load image processor for '{name}'. If you were trying to load it from",
            "Can't load image processor of '{name}'. If you were trying to load it from",
            "Can't load processor for '{name}'. If you were trying to load it from",
            "Can't load processor of '{name}'. If you were trying to load it from",
            "Can't load video processor for '{name}'. If you were trying to load it from",
            "Can't load video processor of '{name}'. If you were trying to load it from",
            "Can't load tokenizer configuration for '{name}'. If you were trying to load it from",
            "Can't load tokenizer configuration of '{name}'. If you were trying to load it from",
        ),
        types=("OSError",),
    ),
    Rule(
        "hub-unreachable-file",
        Advice(
            "a dataset's file or script cannot be fetched from the network ({url})",
            (
                (
                    "curl -I the address on this node; set HTTPS_PROXY, or fetch it elsewhere and give a local "
                    "path; pip install -U datasets"
                ),
            ),
        ),
        Advice(
            "数据集的文件或脚本无法从网络获取（{url}）",
            ("在该节点上 curl -I 该地址；设置 HTTPS_PROXY，或在别处下载后传本地路径；pip install -U datasets",),
        ),
        "https://huggingface.co/docs/datasets/loading",
        says=(
            "Couldn't reach https://{url}",
            "Couldn't reach http://{url}",
        ),
        types=("ConnectionError",),
    ),
    Rule(
        "hub-download-cut-short",
        Advice(
            "a download is incomplete: {got} of {want} bytes came",
            (
                (
                    "delete the file in HF_HOME/hub (blobs/*.incomplete), and start again; see df -h there; pip "
                    "install -U huggingface_hub"
                ),
            ),
        ),
        Advice(
            "下载不完整：{want} 字节只收到 {got}",
            ("删除 HF_HOME/hub 里的文件（blobs/*.incomplete）后重试；查看 df -h；pip install -U huggingface_hub",),
        ),
        "https://huggingface.co/docs/huggingface_hub/guides/download",
        says=("Consistency check failed: file should be of size {want:int} but has size {got:int}",),
        types=("OSError",),
    ),
    Rule(
        "hub-xet-failed",
        Advice(
            "the Hub's Xet storage could not be read: a proxy or firewall blocks it, or the link expired",
            (
                (
                    "export HF_HUB_DISABLE_XET=1 to use plain downloads; let cas-*.xethub.hf.co through; pip "
                    "install -U hf_xet"
                ),
            ),
        ),
        Advice(
            "无法读取 Hub 的 Xet 存储：被代理或防火墙拦截，或链接过期",
            ("export HF_HUB_DISABLE_XET=1 改用普通下载；放行 cas-*.xethub.hf.co；pip install -U hf_xet",),
        ),
        "https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables",
        says=("Data processing error: ",),
        unless=("Data processing error: {}(os error ",),  # of this machine: a full disk, no right to write
        types=("RuntimeError",),
    ),
    Rule(
        "hub-transfer",
        Advice(
            "HF_HUB_ENABLE_HF_TRANSFER=1 is set, and hf_transfer is not installed or failed",
            (
                (
                    "pip install hf_transfer; or export HF_HUB_ENABLE_HF_TRANSFER=0 to see the plain error, and "
                    "for retries"
                ),
            ),
        ),
        Advice(
            "设置了 HF_HUB_ENABLE_HF_TRANSFER=1，但没有安装 hf_transfer 或它失败了",
            ("pip install hf_transfer；或 export HF_HUB_ENABLE_HF_TRANSFER=0 以看到原始报错并启用重试",),
        ),
        "https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables",
        says=(
            "Fast download using 'hf_transfer' is enabled (HF_HUB_ENABLE_HF_TRANSFER=1) but",
            "An error occurred while downloading using `hf_transfer`.",
        ),
        types=(
            "ValueError",
            "RuntimeError",
        ),
    ),
    Rule(
        "hub-part-unfit",
        Advice(
            "a download cannot go on: what came of the file before does not fit it any more (416)",
            (
                "delete its .incomplete files: under HF_HOME/hub in the model's blobs, or in .cache of the local_dir",
                "then download again, by one process alone",
            ),
        ),
        Advice(
            "之前下载的部分与该文件不再匹配（416），无法从断点继续",
            (
                "删除它的 .incomplete 文件：在 HF_HOME/hub 下该模型的 blobs 目录，或 local_dir 下的 .cache",
                "然后只用一个进程重新下载",
            ),
        ),
        "https://github.com/huggingface/huggingface_hub/issues/2197",
        says=(
            "416 Client Error: Range Not Satisfiable for url: ",
            "416 Client Error: Requested Range Not Satisfiable for url: ",
        ),
        types=("HTTPError", "HfHubHTTPError", "HTTPStatusError"),
        modules=("huggingface_hub",),
    ),
)
