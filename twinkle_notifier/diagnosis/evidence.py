"""What a failure shows to the rules: an exception of this process, or what is left of another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import FrameType, TracebackType

from twinkle_notifier.diagnosis.table import Error, Evidence, error_of
from twinkle_notifier.exceptions.chain import chain, members
from twinkle_notifier.exceptions.frames import is_library_path, library_name, module_of
from twinkle_notifier.exceptions.remote import Reading, places_in, read, remote, words
from twinkle_notifier.isolation.safe import names, slot

_CAUSES = 8  # of a chain, that are looked at
_DEPTH = 5  # groups within groups
# Of all links of a chain together.
_TEXT = 60_000  # characters in which the error of another process is looked for
_FRAMES = 4_000


def of_exception(exc: BaseException, facts: Mapping[str, str] | None = None) -> Evidence:
    """The evidence of `exc`: its type and words, those of its causes, and the modules of its frames.

    Only what was raised ``from`` another counts as caused by it: an error that was handled before may be of no
    importance. Of a group of several different errors none is the cause.
    """
    for _ in range(_DEPTH):
        inner = members(exc, 2)
        if len(inner) != 1:
            break
        exc = inner[0]
    links = chain(exc, limit=_CAUSES, following=lambda link: slot(link, "__cause__"))
    errors, modules = list[Error](), set[str]()
    reading = _reading(len(links))
    for link in links:
        if (there := remote(link, reading)) is not None:
            errors.append(error_of(there.type, there.message))
            modules.update(_modules(path for path, _, _ in there.places()))
        errors.append(Error(frozenset(names(type(link))), words(link, reading)))
        modules.update(map(module_of, islice(_frames(slot(link, "__traceback__")), _FRAMES // len(links))))
    return Evidence(tuple(errors), frozenset(modules), facts=facts or {})


def of_end(
    error: str = "", traceback: str = "", signal: str = "", output: str = "", facts: Mapping[str, str] | None = None
) -> Evidence:
    """The evidence of another process: its printed `error` (``ValueError: ...``), else its signal and last lines."""
    kind, _, text = error.partition(": ")
    errors = (error_of(kind, text),) if error else ()
    places = places_in(_reading(1).read(traceback))
    if (inner := read(text, _reading(1))) is not None:  # a worker's error, which this one reports
        errors, places = (error_of(inner.type, inner.message), *errors), [*places, *inner.places()]
    modules = frozenset(_modules(path for path, _, _ in places))
    known = {"errors": str(len(errors)), **(facts or {})}
    return Evidence(errors, modules, signal, "" if errors else output, known)


def _reading(links: int) -> Reading:
    each = _TEXT // links
    return Reading(each // 3, each - each // 3, is_shown=False)


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    """Its frames, the outermost first."""
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _modules(paths: Iterable[str]) -> Iterable[str]:
    """The modules of libraries' files: ``torch.nn.functional``."""
    for path in paths:
        if is_library_path(path):
            yield library_name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
