"""Code that is not ours, bounded: a notifier, a store, a file system, an exception's `__str__`."""

from twinkle_notifier.isolation.calls import Answer, Helper, begin, call, here, left, tried

__all__ = ["Answer", "Helper", "begin", "call", "here", "left", "tried"]
