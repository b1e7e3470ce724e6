"""Datasets that are not found."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "github-rate-limit",
        Advice(
            "GitHub refused the request of torch.hub: too many from this address",
            ("export GITHUB_TOKEN=..., or fetch once and use source='local', or skip_validation=True",),
        ),
        Advice(
            "GitHub 拒绝了 torch.hub 的请求：该地址请求过多",
            ("export GITHUB_TOKEN=...，或下载一次后用 source='local'，或 skip_validation=True",),
        ),
        "https://docs.pytorch.org/docs/stable/hub.html",
        says=("HTTP Error 403: rate limit exceeded",),
        types=("HTTPError",),
    ),
    Rule(
        "dataset-split-unknown",
        Advice(
            "the dataset has no split {split}: there are {splits}",
            ("take one of those, or split it: dataset.train_test_split(test_size=0.1)",),
        ),
        Advice(
            "数据集没有 {split} 这个 split：只有 {splits}",
            ("换用其中之一，或自行划分：dataset.train_test_split(test_size=0.1)",),
        ),
        "https://huggingface.co/docs/datasets/loading",
        says=(
            'Unknown split "{split}". Should be one of {splits}.',
            'Unknown split "{split}". Should be one of {splits}',
        ),
        types=("ValueError",),
    ),
    Rule(
        "dataset-config-unknown",
        Advice(
            "the dataset has several configurations, and none or a wrong one was named; the error lists them",
            ("pass one as the second argument: load_dataset(NAME, CONFIG)",),
        ),
        Advice(
            "数据集有多个配置，没有指定或指定错误；报错中列出了可选项",
            ("作为第二个参数传入：load_dataset(NAME, CONFIG)",),
        ),
        "https://huggingface.co/docs/datasets/loading",
        says=(
            "BuilderConfig '{}' not found. Available: ",
            "BuilderConfig {} not found. Available: ",
            "Config name is missing.",
        ),
        types=("ValueError",),
    ),
    Rule(
        "dataset-not-found",
        Advice(
            "no dataset or data file was found under {path}, here or on the Hub",
            (
                (
                    "a path: see ls there; files: load_dataset('json', data_files=PATH); a name: user/name, and "
                    "hf auth login if it is private"
                ),
            ),
        ),
        Advice(
            "在本地和 Hub 上都没有找到 {path} 的数据集或数据文件",
            ("路径：ls 查看；文件：load_dataset('json', data_files=PATH)；名字：user/name，私有的需要 hf auth login",),
        ),
        "https://huggingface.co/docs/datasets/loading",
        says=(
            "Couldn't find a dataset script at {path} or any data file in the same directory",
            "Couldn't find any data file at {path}.",
            "No (supported) data files found in {path}",
            "Couldn't find a module script at {path}.",
        ),
        types=(
            "FileNotFoundError",
            "DataFilesNotFoundError",
            "DatasetNotFoundError",
        ),
    ),
)
