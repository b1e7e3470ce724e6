"""What this package raises, and what code that was written for others catches of it."""

from __future__ import annotations

import pytest

from twinkle_notifier import CredentialError, DeliveryError, DingNotifier, Notifier, NotifierError, UnknownNotifierError
from twinkle_notifier.errors import ArgumentError
from twinkle_notifier.inbox import Inbox


def test_a_refused_message_is_a_runtime_error(inbox: Inbox) -> None:
    """As code for `twinkle.notifier` catches it around its call of a notifier."""
    with pytest.raises(RuntimeError, match="access token"):
        DingNotifier(inbox.url.replace("tok-", "bad-"), "SEC0123456789abcdef")("### hello")
    with pytest.raises(RuntimeError, match="DING_URL"):
        DingNotifier("env:DING_URL_THAT_IS_NOT_SET")("### hello")


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (NotifierError, (RuntimeError,)),
        (ArgumentError, (RuntimeError, ValueError)),
        (CredentialError, (RuntimeError, ValueError)),
        (UnknownNotifierError, (RuntimeError, LookupError)),
        (DeliveryError, (RuntimeError,)),
    ],
)
def test_each_is_of_the_kinds_that_it_was(error: type[Exception], kinds: tuple[type[Exception], ...]) -> None:
    """And all are of this package."""
    assert issubclass(error, (NotifierError,))
    assert all(issubclass(error, kind) for kind in kinds)


def test_a_class_that_is_not_known_is_a_lookup_error() -> None:
    """With its name."""
    with pytest.raises(LookupError, match="'Nobody'") as caught:
        Notifier.from_dict({"class": "Nobody"})
    assert isinstance(caught.value, RuntimeError)
