from twinkle_notifier import DingNotifier, watch


class DataError(Exception):
    """A user's own."""


def read(path):
    try:
        return {"a": 1}["b"]
    except KeyError as error:
        raise DataError(f"{path} has no column b") from error


def train():
    try:
        read("train.parquet")
    except DataError:
        raise RuntimeError("the epoch cannot begin")


with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "train", "sft"):
    train()
