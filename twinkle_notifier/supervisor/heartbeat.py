"""A URL that is requested while the command runs: a service that misses the requests says that the machine is gone."""

from __future__ import annotations

import logging
import threading

from twinkle_notifier import isolation

_EVERY = 60.0  # seconds between two heartbeats
_REQUEST = 10.0  # seconds for one

log: logging.Logger = logging.getLogger("twinkle_notifier")


class Heartbeat:
    """A dead man's switch: requests `url` at once and then each minute, until `end`. A service misses the requests."""

    def __init__(self, url: str, every: float = _EVERY) -> None:
        import requests  # not at the top: it costs each `run` 40 ms, and few have such a URL

        self._get = requests.get
        self._url, self._every = url, every
        self._ended = threading.Event()

    def begin(self) -> None:
        """Start."""
        threading.Thread(target=self._go_on, name="twinkle-notifier-heartbeat", daemon=True).start()

    def end(self) -> None:
        """Stop; the service then sees no more requests."""
        self._ended.set()

    def _go_on(self) -> None:
        was_failing = False
        while True:
            answer = isolation.call(self._ask, _REQUEST)
            if not answer.returned and not was_failing:  # the error's text would show the URL, a secret
                what = type(answer.error).__name__ if answer.error is not None else f"no answer within {_REQUEST:g} s"
                log.warning("the heartbeat URL does not work (%s); it is asked again each minute", what)
            was_failing = not answer.returned
            if self._ended.wait(self._every):
                return

    def _ask(self) -> None:
        with self._get(self._url, timeout=_REQUEST / 2, stream=True) as answer:  # without its body
            answer.raise_for_status()
