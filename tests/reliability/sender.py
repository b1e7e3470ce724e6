"""A process that sends messages in some situation; what came of them goes to stdout, as JSON, and all logs to stderr."""

from __future__ import annotations

import atexit
import json
import logging
import os
import resource
import sys
import threading
import time
import uuid

import twinkle_notifier
from twinkle_notifier import DeliveryError, Message, Outcome
from twinkle_notifier.budgets import CRASH_BUDGET
from twinkle_notifier.delivery.sender import send

notifier = getattr(twinkle_notifier, os.environ["NOTIFIER"])(
    "env:WEBHOOK_URL", insecure=True
)  # some trials give the loopback a name


def one(message_id: str | None = None) -> None:
    memory, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    tell(send(notifier, Message("### hello", message_id or uuid.uuid4().hex), CRASH_BUDGET), began, memory)


def tell(outcome: Outcome, began: float, memory: int = 0) -> None:
    seconds = time.monotonic() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024 if memory else 0
    line = {"status": outcome.status, "reason": outcome.reason, "final": outcome.final, "seconds": seconds, "mb": grown}
    os.write(1, (json.dumps(line) + "\n").encode())


def by_hand() -> None:
    """Nobody says how long it may take."""
    began = time.monotonic()
    try:
        notifier("### hello")
        tell(Outcome("sent"), began)
    except DeliveryError as error:
        tell(Outcome(error.fate, error.reason, error.final), began)


def without_a_thread() -> None:
    """In a process that has no memory for another thread's stack."""
    import requests  # noqa: F401

    time.sleep(1.0)  # the thread that made the notifier ready is gone
    threading.stack_size(1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
    one()


def at_exit() -> None:
    atexit.register(one)
    time.sleep(1.0)  # the thread that made the notifier ready is gone


def after_a_fork() -> None:
    """From a child, while its parent waits for an answer."""
    import requests  # noqa: F401  a child forked while it is imported could import it no more

    thread = threading.Thread(target=one)
    thread.start()
    time.sleep(0.2)
    child = os.fork()
    if child == 0:
        one()
        os._exit(0)
    thread.join()
    os.waitpid(child, 0)


def in_threads() -> None:
    threads = [threading.Thread(target=one) for _ in range(int(sys.argv[2]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def deep() -> None:
    """In the deepest frame of a recursion without end that has room for it."""
    try:
        deep()
    except RecursionError:
        one("id-of-the-deep-one")


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    globals()[sys.argv[1]]()
