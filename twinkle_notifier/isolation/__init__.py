"""Code that is not ours, bounded: a notifier, a store, a file system, an exception's `__str__`."""
