"""What an alert says, in the order in which a phone shows it: the report of an exception, and milestones."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from twinkle_notifier.exceptions import traceback_text
from twinkle_notifier.exceptions.frames import innermost_own
from twinkle_notifier.exceptions.kind import kind_of
from twinkle_notifier.exceptions.own_code import line_of_code, own_code
from twinkle_notifier.exceptions.remote import Remote, remote, words
from twinkle_notifier.isolation import safe, tried
from twinkle_notifier.isolation.safe import reason
from twinkle_notifier.messages.around import job_lines, lines
from twinkle_notifier.messages.catalog import fact, facts, listed, phrase, readable, retold
from twinkle_notifier.messages.machine import machine_lines, node_line
from twinkle_notifier.messages.message import Level
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.messages.sanitize import code, heading, line, paragraphs
from twinkle_notifier.messages.wording import attempt_of, code_block, gaps_in, now
from twinkle_notifier.runtime import node_history
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.node_history import Failure
from twinkle_notifier.surroundings import Surroundings
from twinkle_notifier.surroundings.trouble import Trouble

_ONE_LINE = 200  # characters of an exception's message; the traceback shows all of it
_NAME = 100  # characters of a run's name, a type, a host
_PATH = 300  # characters of a path, a context, a place
_FACT = 1_000  # characters of a fact that an adapter gives
_TITLE, _TEXT = 120, 2_000  # characters of what code says by hand
_UNKNOWN = Attempt()
_ENTRIES = ("fit", "train")  # contexts that say nothing
# Why a message lacks details, as an `Outcome` says it.
_WHYS = (
    "preparing the alert raised {error}",
    "it was not sent in time",
    "it was too late to send it, so it went out another way",
    "rank {rank} has been sending it for too long",
)
_CLEAN = ("", "0", "None")  # the texts of a SystemExit that is no failure


class Report(NamedTuple):
    """An exception and where it was raised, without the exception object, which would keep its frames alive.

    `code` is the line at `at`, `own` the user's part of the traceback; `advice`, `surroundings` and `machine` (what is
    out of order on it) are list items.
    """

    name: str
    context: str
    kind: str
    type: str
    message: str
    at: str
    traceback: str
    where: Where
    time: str
    progress: Progress
    in_worker: bool = False
    language: str = "en"
    code: str = ""
    own: str = ""
    advice: Sequence[str] = ()
    job: Sequence[str] = ()
    surroundings: Sequence[str] = ()
    machine: Sequence[str] = ()

    @classmethod
    def of(
        cls, exc: BaseException, *, name: str, context: str, where: Where, progress: Progress, language: str = "en"
    ) -> Report:
        """Describe `exc`, or the error of another process that it reports; for the traceback see `traced`."""
        there = remote(exc) or Remote(safe.type_name(type(exc)), words(exc), "")
        return cls(
            name=name,
            context=readable(language, context),
            kind=kind_of(exc),
            type=there.type,
            message=readable(language, there.message),
            at=there.at() or innermost_own(safe.slot(exc, "__traceback__")),
            traceback=there.traceback,
            where=where if there.rank is None else where._replace(rank=there.rank, local_rank=there.rank),
            time=now(),
            progress=progress,
            in_worker=there.rank is not None,
            language=language,
        )

    @classmethod
    def bare(
        cls,
        kind: builtins.type[BaseException],
        *,
        name: str,
        context: str,
        where: Where,
        progress: Progress,
        language: str = "en",
    ) -> Report:
        """The report of an exception of type `kind` that cannot be read."""
        words = phrase(language, "it cannot be looked at")
        of_type = safe.type_name(kind)
        return cls(name, context, "failed", of_type, words, "", words, where, now(), progress, language=language)

    def traced(self, exc: BaseException) -> Report:
        """The same with the traceback. It reads source files, which may be on a disk that hangs."""
        if self.traceback:
            return self
        return self._replace(traceback=traceback_text.formatted(exc))

    def with_code(self, exc: BaseException) -> Report:
        """The same with the user's own code. It reads source files, too."""
        is_here = self.at and self.at == innermost_own(safe.slot(exc, "__traceback__"))
        return self._replace(own=own_code(exc, gaps_in(self.language)), code=line_of_code(exc) if is_here else "")

    def advised(self, advice: Sequence[str]) -> Report:
        """The same with `advice`, as list items."""
        return self._replace(advice=advice)

    def placed(self, around: Surroundings | None) -> Report:
        """The same with what is around the run; None: that is not known."""
        if around is None:
            return self
        return self._replace(
            job=job_lines(around, self.language),
            surroundings=lines(around, self.language),
            progress=self.progress._replace(on_gpus=around.uses_gpu),
        )

    def beside(self, troubles: Iterable[Trouble], failures: Sequence[Failure] = ()) -> Report:
        """The same with what is out of order on the machine, and whether its node is known from earlier `failures`."""
        node = self.where.hostname
        again = node_line(node, node_history.repeated(failures, node), self.language)
        return self._replace(machine=facts(*machine_lines(troubles, self.language), again))

    def untraced(self, why: BaseException | None) -> Report:
        """The same without a traceback, as `traced` raised `why`, or did not return (None)."""
        said = phrase(self.language, "its traceback cannot be shown: {reason}", reason=reason(why))
        return self if self.traceback else self._replace(traceback=f"{self.type} ({said})")

    def headline(self, attempt: Attempt = _UNKNOWN) -> str:
        """One line: the run, how this `attempt` ended, and the error."""
        fate = self._fate(attempt)
        if self.kind not in ("failed", "exited"):
            return fate
        error = f"{self.type}: {self.message}" if self.message else self.type
        return phrase(self.language, "{fate}: {error}", fate=fate, error=heading(error, _ONE_LINE))

    def _fate(self, attempt: Attempt) -> str:
        # torchrun restarts runs that failed, not those that a person or a scheduler ended.
        slots = {"name": line(self.name, _NAME), "attempt": attempt_of(attempt, self.language)}
        if not self.is_failure():
            # But it restarts the run if a single rank was preempted, which is not known here.
            followed = self.kind == "preempted" and attempt.is_followed()
            return phrase(
                self.language, "{name} was preempted in {attempt}" if followed else _FATES[self.kind], **slots
            )
        if attempt.is_followed():
            return phrase(self.language, "{name} restarts after {attempt}", **slots)
        return phrase(self.language, _FOR_GOOD[self.kind] if attempt.is_last() else _FATES[self.kind], **slots)

    def is_failure(self) -> bool:
        """Whether it is one: not an interruption, a preemption or an exit that is meant."""
        return self.kind == "failed" or (self.kind == "exited" and self.message not in _CLEAN)

    def level(self, attempt: Attempt = _UNKNOWN) -> Level:
        """How urgent it is: a failure after which this `attempt` is followed by another is a warning."""
        return "error" if self.is_failure() and not attempt.is_followed() else "warning"

    def markdown(self, extra: Sequence[str] = (), attempt: Attempt = _UNKNOWN) -> str:
        """The message for people. `extra` are list items about the ranks, and about earlier crashes."""
        language = self.language
        top = facts(
            *self.advice,
            *self.machine,
            fact(language, "Error", self._error()),
            fact(language, "At", self._at()),
            fact(language, "Context", "" if self.context in _ENTRIES else line(self.context, _PATH)),
            *(tried(self._reached).value or []),
            *self.job,
            *(line(item, _FACT) for item in extra),
            tried(lambda: self.progress.curve(language)).value or "",
        )
        blocks = [code_block(text, language) for text in (self.own, self.traceback) if text]
        bottom = facts(
            fact(language, "Run", run_of(self.name, attempt, language)),
            *self._place(),
            *self.surroundings,
            fact(language, "Time", self.time),
        )
        parts = (f"### {self.headline(attempt)}", "\n".join(top), *blocks, "\n".join(bottom))
        return "\n\n".join(filter(None, parts))

    def _reached(self) -> list[str]:
        progress = self.progress._replace(processes=self.where.world_size)
        return progress.lines(self.language, failed=self.is_failure())

    def _error(self) -> str:
        """The error, where the heading does not say it."""
        if self.kind in ("failed", "exited"):
            return ""
        if self.kind == "interrupted" and self.type == "CancelledError":  # as asyncio reports it
            return "**KeyboardInterrupt** (Ctrl-C)"
        said = f": {line(self.message, _ONE_LINE)}" if self.message else ""
        return f"**{line(self.type, _NAME)}**{said}"

    def _at(self) -> str:
        at = line(self.at, _PATH)
        return f"{at}: {code(self.code, _PATH)}" if at and self.code else at

    def _place(self) -> list[str]:
        """The rank, where there are several, and the process."""
        where, language = self.where, self.language
        slots = {"rank": where.rank, "world_size": where.world_size, "local_rank": where.local_rank}
        if self.in_worker:
            rank = phrase(language, "{rank}, in a worker of this process", **slots)
        elif where.world_size == 1:
            rank = ""
        else:
            elsewhere = where.local_rank != where.rank
            of = "{rank} of {world_size} (local rank {local_rank})" if elsewhere else "{rank} of {world_size}"
            rank = phrase(language, of, **slots)
        host = listed(language, line(where.hostname, _NAME), f"PID {where.pid}", f"Python {where.python}")
        return facts(fact(language, "Rank", rank), fact(language, "Host", host))


def missing_details(why: str, language: str) -> str:
    """The list item of a message that is less than it could be, because of `why`, which is English."""
    said = retold(language, why, *_WHYS)
    return fact(language, "Note", phrase(language, "details are missing, because {why}", why=said))


def least(name: str, error: str, where: Where, note: str, language: str) -> str:
    """The message about an exception of which no report can be made: the `error`, and a list item about why."""
    heading = phrase(language, "{fate}: {error}", fate=phrase(language, "{name} failed", name=name), error=error)
    return f"### {heading}\n\n{note}\n{fact(language, 'Host', f'{where.hostname}, PID {where.pid}')}"


_FATES = {
    "failed": "{name} failed",
    "interrupted": "{name} was interrupted",
    "preempted": "{name} was preempted",
    "exited": "{name} exited",
}


_FOR_GOOD = {"failed": "{name} failed for good in {attempt}", "exited": "{name} exited for good in {attempt}"}


def run_of(name: str, attempt: Attempt, language: str) -> str:
    """The name of a run, and which attempt it is."""
    return listed(language, line(name, _NAME), attempt_of(attempt, language))


def milestone(
    headline: str,
    name: str,
    where: Where,
    items: Sequence[str],
    attempt: Attempt = _UNKNOWN,
    language: str = "en",
    text: str = "",
) -> str:
    """The message about something that is no failure, as a start or an end. `items` are list items.

    `text` is Markdown that comes before them.
    """
    world = phrase(language, "{host}, {world_size} ranks", host="", world_size=where.world_size)
    lines = [
        f"### {line(headline, _ONE_LINE)}",
        "",
        *([text, ""] if text else []),
        *(line(item, _FACT) for item in items),
        fact(language, "Run", run_of(name, attempt, language)),
        fact(language, "Host", line(where.hostname, _NAME) + (world if where.world_size > 1 else "")),
        fact(language, "Time", now()),
    ]
    return "\n".join(lines)


def by_hand(
    title: str, text: str, name: str, where: Where, items: Sequence[str], attempt: Attempt, language: str
) -> str:
    """The message that code sends by hand: its `title`, and its `text`, line by line."""
    headline = phrase(language, "{name}: {what}", name=line(name, _NAME), what=heading(title, _TITLE))
    return milestone(headline, name, where, items, attempt, language, paragraphs(text, _TEXT))
