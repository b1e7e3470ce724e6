from twinkle_notifier import DingNotifier, watch


def fail(error):
    raise error


def loads():
    errors = []
    for error in (ValueError("shard 1 is empty"), OSError(5, "Input/output error", "shard-2")):
        try:
            fail(error)
        except Exception as caught:
            errors.append(caught)
    raise ExceptionGroup("two shards cannot be read", errors)


with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "load", "sft"):
    loads()
