"""The open connections of a local server: not too many, and none that outlives it."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

MOST = 200  # a process may have 256 files open (macOS)
_GRACE = 0.5  # seconds that a client has for its request when others wait for a place


class Connections:
    """At most `MOST`. Each waits for its client, or is busy with the answer to a request that came whole."""

    def __init__(self) -> None:
        self._waiting: dict[socket.socket, float] = {}  # since when, the oldest first
        self._busy: set[socket.socket] = set()
        self._is_closed = False
        self._changed = threading.Condition()

    def add(self, connection: socket.socket) -> bool:
        """Take one more; False if all are busy. The one that has waited longest for its client makes room."""
        with self._changed:
            if self._changed.wait_for(self._has_room, _GRACE):
                self._waiting[connection] = time.monotonic()
                return True
            return False

    def wait(self, connection: socket.socket) -> bool:
        """Let it wait for its client's next request; False if it is to end."""
        with self._changed:
            if connection in self._busy:
                self._busy.remove(connection)
                self._waiting[connection] = time.monotonic()
                self._changed.notify_all()
            return connection in self._waiting and not self._is_closed

    def begin(self, connection: socket.socket) -> bool:
        """A request has come whole. False if the connection was ended meanwhile: the request has not come at all."""
        with self._changed:
            if self._waiting.pop(connection, None) is None:
                return False
            self._busy.add(connection)
            return not self._is_closed

    def remove(self, connection: socket.socket) -> None:
        """It is closed."""
        with self._changed:
            self._waiting.pop(connection, None)
            self._busy.discard(connection)
            self._changed.notify_all()

    def close(self) -> None:
        """End those that wait, and let those that are busy end after their answer."""
        with self._changed:
            self._is_closed = True
            while self._waiting:
                self._end_oldest()

    def _has_room(self) -> bool:
        is_full = len(self._waiting) + len(self._busy) >= MOST
        if is_full and self._waiting and time.monotonic() - next(iter(self._waiting.values())) >= _GRACE:
            self._end_oldest()
            return True
        return not is_full

    def _end_oldest(self) -> None:
        connection = next(iter(self._waiting))
        del self._waiting[connection]
        with suppress(OSError):  # its client has gone
            connection.shutdown(socket.SHUT_RDWR)  # its thread reads the end, and closes it
