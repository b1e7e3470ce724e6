"""What this package raises. Everything derives from `NotifierError`."""

from __future__ import annotations

from typing import Literal

Fate = Literal["failed", "throttled", "unknown"]


class NotifierError(RuntimeError):
    """Base of every error that this package raises. A RuntimeError, which is what users of `twinkle.notifier` catch."""


class ArgumentError(NotifierError, ValueError):
    """An argument or setting that cannot work. The text names it and shows no secret."""


class CredentialError(NotifierError, ValueError):
    """A reference such as ``env:DING_URL`` or ``file:/run/secrets/ding`` cannot be resolved."""


class UnknownNotifierError(NotifierError, LookupError):
    """A serialized notifier names a class that is not registered in this process."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(
            f"no notifier class {name!r} is registered (known: {', '.join(sorted(known))}): "
            "import the module that defines it before you restore it"
        )
        self.name = name


class DeliveryError(NotifierError):
    """The service has not accepted a message.

    `fate` is what is known of the message: ``failed`` (the service does not have it), ``throttled`` (it takes none for
    a while) or ``unknown`` (it did not answer, so it may have it). `final` means that the same request cannot succeed
    later, from any rank, until a person changes something. `code` is the service's own, where it gave one.
    `retry_after` is in seconds, where it is known when the service accepts messages again.
    """

    def __init__(
        self,
        reason: str,
        *,
        fate: Fate = "failed",
        final: bool = False,
        code: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fate: Fate = fate
        self.final = final
        self.code = code
        self.retry_after = retry_after
