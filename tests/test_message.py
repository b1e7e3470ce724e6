"""A message with its id."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from twinkle_notifier import Message


def test_a_message_is_a_text() -> None:
    """With an id of its own."""
    message = Message("### hello", "id-1")
    assert (message, message.id, message.upper()) == ("### hello", "id-1", "### HELLO")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda message: pickle.loads(pickle.dumps(message))])
def test_a_message_is_copied_as_a_text_is(copied: Callable[[Message], Message]) -> None:
    """A notifier may hand it to another process."""
    message = copied(Message("### hello", "id-1"))
    assert (message, message.id) == ("### hello", "id-1")
