"""Calls code that is not ours within bounds: a notifier, a store, a file system, an exception's `__str__`."""

from twinkle_notifier.isolation.calls import Answer, Helper, call, call_inline, remaining, start, tried

__all__ = ["Answer", "Helper", "call", "call_inline", "remaining", "start", "tried"]
