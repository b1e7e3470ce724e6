"""Datasets that are not found: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "github-rate-limit": Case(
        hits=(
            raised("urllib.error.HTTPError", "HTTP Error 403: rate limit exceeded"),
            raised("urllib.error.HTTPError", "HTTP Error 403: rate limit exceeded", modules=("torch.hub",)),
        ),
        misses=(
            raised("urllib.error.HTTPError", "an earlier attempt said: HTTP Error 403: rate limit exceeded"),
            raised("KeyError", "HTTP Error 403: rate limit exceeded"),
        ),
    ),
    "dataset-split-unknown": Case(
        hits=(
            raised("ValueError", "Unknown split \"train\". Should be one of ['test']."),
            raised("ValueError", "Unknown split \"validation\". Should be one of ['train', 'test']."),
        ),
        misses=(
            raised("ValueError", "an earlier attempt said: Unknown split \"train\". Should be one of ['test']."),
            raised("KeyError", "Unknown split \"train\". Should be one of ['test']."),
        ),
    ),
    "dataset-config-unknown": Case(
        hits=(
            raised("ValueError", "BuilderConfig 'x' not found. Available: ['default']"),
            raised("ValueError", "Config name is missing.\nPlease pick one among the available configs: ['en', 'de']"),
        ),
        misses=(
            raised("ValueError", "an earlier attempt said: BuilderConfig 'x' not found. Available: ['default']"),
            raised("KeyError", "BuilderConfig 'x' not found. Available: ['default']"),
        ),
    ),
    "dataset-not-found": Case(
        hits=(
            raised(
                "FileNotFoundError",
                (
                    "Couldn't find a dataset script at /w/x/x.py or any data file in the same directory. "
                    "Couldn't find 'x' on the Hugging Face Hub either"
                ),
            ),
            raised("datasets.exceptions.DataFilesNotFoundError", "No (supported) data files found in /data/x"),
        ),
        misses=(
            raised(
                "FileNotFoundError",
                (
                    "an earlier attempt said: Couldn't find a dataset script at /w/x/x.py or any data file in "
                    "the same directory. Couldn't find 'x' on the Hugging Face Hub either"
                ),
            ),
            raised(
                "KeyError",
                (
                    "Couldn't find a dataset script at /w/x/x.py or any data file in the same directory. "
                    "Couldn't find 'x' on the Hugging Face Hub either"
                ),
            ),
        ),
    ),
}
