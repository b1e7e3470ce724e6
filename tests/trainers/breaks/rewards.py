"""A reward for GRPO."""


def length(completions, **_):
    """The shorter the better."""
    return [-float(len(str(completion))) for completion in completions]
