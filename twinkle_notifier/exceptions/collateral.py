"""Secondary errors, which only follow from another rank's end: a closed connection, a collective that timed out."""

from __future__ import annotations

import re

from twinkle_notifier.credentials.scrub_tokens import later
from twinkle_notifier.errors import NotifierError
from twinkle_notifier.exceptions.chain import chain
from twinkle_notifier.isolation.safe import class_slot, module_name, slot, text, type_name

_TYPES = re.compile(r"^torch\.(distributed|_C\._distributed)\S*\.Dist\w*Error$")
# As a process prints it; torchrun's error files leave the module out.
_PRINTED = re.compile(
    r"^(?:torch\.distributed\.\S*\b(?:Dist\w*|Rendezvous\w*)Error|Dist(?:Backend|Network|Store)?Error)\b"
)
_WORDS = later(
    r"connection (closed|reset|refused) by peer|(gloo|nccl).*broken pipe"
    r"|(gloo|nccl|collective operation|watchdog).*tim(ed|e)[ -]?out"
    r"|timed out waiting \d+ms for (recv|send) operation"
    r"|nccl(remote|system|internal|unhandled)?\w*error|nccl communicator was aborted|ncclcommabort"
    r"|process group.*(aborted|destroyed)|remote process exited or there was a network error",
    re.IGNORECASE | re.DOTALL,
)
# A set-up that the library refuses, or a fault of this rank's own device: no other rank's end causes these. NCCL writes
# them after "Last error:"; the texts for a port that is in use are the system's.
_CAUSES = later(
    r"ncclInvalid(?:Usage|Argument)|duplicate gpu detected|cuda failure|no socket interface found"
    r"|shared memory segment|EADDRINUSE|address already in use|EACCES|EADDRNOTAVAIL"
    r"|getaddrinfo|could not be resolved|name or service not known",
    re.IGNORECASE,
)
# Another process's traceback, from a DataLoader's worker or a pool; its error follows.
_REMOTE = re.compile(r"^.*Traceback \(most recent call last\):\n(?:[ \t|+].*\n|\n)*", re.MULTILINE)
_DEPTH = 8  # exceptions of a chain of causes
_TEXT = 4096  # characters of a message that are read
_WHOLE = 100_000  # characters of another process's traceback


def is_collateral(exc: BaseException) -> bool:
    """Whether `exc`, or one of its causes, is an error that other ranks get when a rank ends."""
    return any(_is_one(link) for link in chain(exc, limit=_DEPTH, following=lambda link: slot(link, "__cause__")))


def says_collateral(text: str) -> bool:
    """Whether `text`, an error that a process printed, is such an error."""
    said = text[:_TEXT]
    if _PRINTED.search(said) is not None:
        return _CAUSES().search(said) is None
    return said.startswith("RuntimeError") and _follows(said)


def _is_one(exc: BaseException) -> bool:
    names = (f"{module_name(base)}.{type_name(base)}" for base in class_slot(type(exc), "__mro__"))
    if any(_TYPES.match(name) for name in names):
        return _CAUSES().search(text(exc)[:_TEXT]) is None
    # Only RuntimeErrors, as torch raises them: a ConnectionResetError is of a data server, and a cause. So is a
    # NotifierError: a service did not accept a message of the user's own.
    if not issubclass(type(exc), RuntimeError) or issubclass(type(exc), NotifierError):
        return False
    said = text(exc)[:_WHOLE]
    remote = list(_REMOTE.finditer(said))
    return says_collateral(said[remote[-1].end() :]) if remote else _follows(said[:_TEXT])


def _follows(said: str) -> bool:
    return _WORDS().search(said) is not None and _CAUSES().search(said) is None
