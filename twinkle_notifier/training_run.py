"""`TrainingRun`: the start, failure and end of a training, and its past. Adapters call it from a trainer's hooks."""

from __future__ import annotations

import functools
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import ClassVar

from twinkle_notifier import checkpoint, claims, isolation, settings
from twinkle_notifier.alerts import underway
from twinkle_notifier.alerts.api import notify_exception, send_milestone
from twinkle_notifier.budgets import PROGRESS
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery import check, descriptor, sender
from twinkle_notifier.diagnosis import user_rules
from twinkle_notifier.exceptions import kind
from twinkle_notifier.isolation import safe, signals
from twinkle_notifier.isolation.background import background
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.messages.catalog import phrase
from twinkle_notifier.messages.message import Level, Outcome
from twinkle_notifier.messages.progress import Course, Progress
from twinkle_notifier.messages.search import Search
from twinkle_notifier.messages.wording import attempt_of, duration, now
from twinkle_notifier.run_state import RunState
from twinkle_notifier.runtime.language import Language, checked, language
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.log_repeats import log
from twinkle_notifier.runtime.process import Instant, process_start
from twinkle_notifier.runtime.run_name import default_name
from twinkle_notifier.runtime.user_file import Notifications
from twinkle_notifier.stalls import watchdog
from twinkle_notifier.stalls.board import Watched

_Path = str | os.PathLike[str]
_numbers = itertools.count(1)  # of the trainings of this process


class TrainingRun(RunState):
    """Sends the alerts of one training run, and keeps the state of that for its checkpoints.

    None of its methods raises. All but `failed` and `preempted` return at once; but where the notifier that the
    environment describes hangs when it is made, one waits 2 s for it, once a minute. It can be pickled and copied.

    Args:
        notifier: what sends the messages. Without one, the one that the environment variable ``TWINKLE_NOTIFIER_URL``
            describes, or the user's file; else that of the checkpoint which the run resumes, as far as that is
            trusted: see docs/security.md.
        name: the run's name in messages; by default the script's.
        on_start: send an alert at the start, too.
        on_end: send one at the end: duration, epochs, steps, metrics, best and last checkpoint, why it ended.
        save_secrets: write literal secrets into checkpoints, so that a resume needs no notifier. The resume has to set
            it, too: without it a checkpoint's literal URL is not used.
        store: where the ranks agree on who sends; see `notify_exception`.
        stall_after: send an alert when the training has made no step for so many seconds, and for ten times as long as
            its slowest; each step calls `beat`. By default what ``TWINKLE_NOTIFIER_STALL_AFTER`` says.
        notifications: ``all``, ``end_only`` or ``failure_only``, see docs/settings.md; by default what is set up.
        language: of the messages, ``en`` or ``zh``; by default what is set up, else that of the locale.
        diagnose: give the likely cause of a known error, and next steps; by default what is set up, else True.

    Raises:
        ArgumentError: `stall_after` is no positive number, or another argument none of its values; it is a ValueError.
        TypeError: `notifier` is something that cannot be called with a message.
    """

    # A notebook trains many times in one process: an alert of an earlier run must not silence one of a later run.
    _last_end: ClassVar[Instant | None] = None

    def __init__(
        self,
        notifier: Callable[[str], object] | None = None,
        *,
        name: str | None = None,
        on_start: bool = False,
        on_end: bool = True,
        save_secrets: bool = False,
        store: Store | None = None,
        stall_after: float | None = None,
        notifications: Notifications | None = None,
        language: Language | None = None,
        diagnose: bool | None = None,
    ) -> None:
        super().__init__(notifier, save_secrets=save_secrets)
        self._is_part = False  # of a training that is reported as a whole
        self.search: Search | None = None  # counts the parts of this training, see `parts`
        self.last_checkpoint: str = ""
        wanted, after = settings.notifications(notifications), watchdog.seconds(stall_after)
        self._name, self._says_resumed = name, wanted == "all"
        self._on_start, self._on_end = on_start and wanted == "all", on_end and wanted != "failure_only"
        self._began, self._since = time.time(), TrainingRun._last_end
        self._language: Language | None = checked(language)
        self._diagnose = settings.checked_diagnose(diagnose)
        self._store = store
        self._saved: tuple[float, int | None] | None = None  # when the last checkpoint was written, and its step
        self._course = Course()
        self._sequence: int | None = None
        self._watch = watchdog.StallWatch(after if wanted != "end_only" else None)

    @property
    def name(self) -> str:
        """The run's name in messages."""
        return (safe.text(self._name) if self._name is not None else "") or default_name()

    @property
    def language(self) -> Language:
        """The language of its messages."""
        return language(self._language)

    @property
    def stall_after(self) -> float | None:
        """Seconds without a beat after which an alert is sent; None: no stall is looked for."""
        return self._watch.after

    def beat(self, *_: object, **__: object) -> None:
        """A step is done. It reads a clock and stores two numbers, whatever it is given: it can be a hook itself."""
        watch = self._watch
        watch.at = monotonic()
        watch.beats += 1

    def lull(self, *_: object, **__: object) -> None:
        """A step is done. What follows, such as a checkpoint's write, may take ten times `stall_after`."""
        self.beat()
        self._watch.lull = self._watch.beats

    @property
    def watcher(self) -> object:
        """A new object for each training in which stalls are looked for; None while there is none."""
        return self._watch.watcher

    @property
    def is_supervised(self) -> bool:
        """Whether it runs below `twinkle-notifier run`, which needs the path of each checkpoint: see `saved`."""
        return mailbox.VARIABLE in os.environ

    @property
    def is_underway(self) -> bool:
        """Whether it is the training that goes on in this process: begun, and not over."""
        return underway.goes_on(self._so_far)

    @staticmethod
    def attaches() -> bool:
        """Whether callbacks that no code of the user's has made send; see docs/settings.md."""
        return settings.attaches(os.environ)

    def pause(self) -> None:
        """The training is over, well or not: no stall is looked for until it starts again."""
        self._watch.stop()
        underway.end(self._so_far)

    def started(self, facts: list[str] | None = None, progress: Callable[[], Progress] | None = None) -> None:
        """The training begins (again), in this thread. `facts` are Markdown list items for the message.

        If the training stalls, a thread calls `progress` for how far it got; this should not wait for a device.
        Without it, the beats are the steps.
        """
        self._began, self._since, self._sequence = time.time(), TrainingRun._last_end, None
        self._saved = (self._began, None) if self.last_checkpoint else None  # it goes on from that one
        self._course = Course()
        if claims.counts(Where.here(), self._store):
            background.post(self._count)
        notifier = self._notifier()
        self._check(notifier)
        if notifier is not None and Where.here().local_rank == 0:
            background.post(functools.partial(sender.flush, notifier))  # what an earlier run could not send
        user_rules.ready()  # a notifier of the user's own does not read them when it is made
        if Where.here().local_rank == 0 and self.is_supervised:
            background.post(self._describe_to_supervisor)
        if self._on_start and not self._is_part:
            attempt = Attempt.here()
            what = "{name} restarted ({attempt})" if attempt.number > 1 else "{name} started"
            self._send_milestone(self._says(what, attempt=attempt_of(attempt, self.language)), facts or [])
        mark, number = claims.Watermark(self._since or process_start()), next(_numbers)
        thread, resumes = threading.get_ident(), self._says_resumed
        language = self.language
        underway.begin(self._so_far, self.pause, progress or Progress)
        self._watch.start(Watched(notifier, self.name, self._store, mark, progress, thread, number, resumes, language))

    def _check(self, notifier: Callable[[str], object] | None) -> None:
        """Log what will not work, while somebody may still read it."""
        check.begin(notifier)
        if notifier is None and not self._configured.complaint:
            log.warning("no alert will be sent for this run: give the callback a notifier, or %s", settings.HOW)

    def log(self, metrics: Mapping[str, object] | Callable[[], Mapping[str, object]], step: int | None = None) -> None:
        """The trainer logs `metrics`, or what they return, at `step`.

        Messages show the course of the loss and, unless their progress has metrics, the last value of each of these.

        It never raises, and never waits for a device: values are read when a message needs them.
        """
        isolation.tried(lambda: self._course.add(metrics() if callable(metrics) else metrics))

    def saved(self, checkpoint: _Path | Callable[[], _Path], step: int | None = None) -> bool:
        """A checkpoint is written, at `step`. Messages name its path, and what is lost since, after a failure.

        `checkpoint` may be a function that returns the path, or "" if that is not known yet; it gets 2 s at most.
        Returns whether it is known.
        """
        found: object = isolation.call(checkpoint, PROGRESS).value if callable(checkpoint) else checkpoint
        path = safe.text(found) if found is not None else ""
        if not path:
            return False
        self._note_saved(path, step)
        return True

    def _note_saved(self, checkpoint: str, step: int | None) -> None:
        self.last_checkpoint, self._saved = checkpoint, (time.time(), step)
        if Where.here().local_rank == 0 and self.is_supervised:
            background.post(lambda: mailbox.report(lambda to: to.record_checkpoint(checkpoint)))

    def ended(
        self, progress: Callable[[], Progress] = Progress, facts: Callable[[], list[str]] = list, what: str = ""
    ) -> None:
        """The training, or `what` as a whole, ended well. Rank 0 sends that, in the background.

        `progress` is called for how far it got, `facts` for Markdown list items.
        """
        self._watch.stop(moves=True)
        underway.end(self._so_far)
        if not self._is_part:
            self._send_end(progress, facts, what)
        self._mark_end()

    def _send_end(self, progress: Callable[[], Progress], facts: Callable[[], list[str]], what: str) -> None:
        if self._on_end:
            took = duration(time.time() - self._began, self.language)
            headline = self._says("{name} ended after {duration}", what, duration=took)
            self._send_milestone(headline, self._lines(progress, facts), "success")

    def _lines(self, progress: Callable[[], Progress], facts: Callable[[], list[str]]) -> list[str]:
        reached = self._reached(progress)
        given = isolation.call(facts, PROGRESS).value or []
        return [*given, *reached.lines(self.language), *filter(None, [reached.curve(self.language)])]

    @contextmanager
    def parts(self, what: str) -> Generator[Search]:
        """Trainings within the block, such as a search's trials, get no alerts of their start and end.

        All of them together are `what`: its start is sent here, and its end by `ended` after the block. The block gives
        an object, also in `search`, that counts the trials and makes facts for the alert of the end.
        """
        began, before = time.time(), (self._is_part, self.search)
        if self._on_start:
            self._send_milestone(self._says("{name} started", what), [])
        self._is_part, self.search = True, Search(self.language)
        try:
            yield self.search
        finally:
            (self._is_part, self.search), self._began, self.last_checkpoint = before, began, ""

    def preempted(self, progress: Callable[[], Progress] = Progress, context: str = "") -> Outcome:
        """The trainer met SIGTERM, saved, and ends the training. Other trainers raise for that: see `failed`."""
        return self.failed(
            Preempted(self.says("SIGTERM; the trainer saved a checkpoint and stopped")), context, progress
        )

    def failed(self, exc: BaseException, context: str = "", progress: Callable[[], Progress] = Progress) -> Outcome:
        """The training ends with `exc`. Returns when a rank has sent the alert; see `notify_exception`."""
        self._watch.stop(moves=False)
        underway.end(self._so_far)
        with signals.deferred():  # now: the trainer's progress is read before `notify_exception` is called
            return self._failed(exc, context, progress)

    def _failed(self, exc: BaseException, context: str, progress: Callable[[], Progress]) -> Outcome:
        notifier = self._alerting()
        if notifier is None:
            return Outcome("skipped", "there is no notifier")
        outcome = notify_exception(
            notifier,
            context=context,
            exc=exc,
            name=self.name,
            progress=self._lost(self._reached(progress)),
            mark=claims.Watermark(self._since or process_start(), self._sequence),
            store=self._store,
            earlier=checkpoint.times(self._state),
            language=self._language,
            diagnose=self._diagnose,
        )
        if outcome.status in ("sent", "duplicate"):
            what = f"{kind.kind_of(exc)}: {safe.type_name(type(exc))}"
            checkpoint.add_sent(self._state, what=what, time=now(), incident=outcome.incident)
        self._mark_end()
        return outcome

    def _reached(self, progress: Callable[[], Progress]) -> Progress:
        reached = Progress.of(isolation.call(progress, PROGRESS).value)
        reached = replace(reached, last_checkpoint=reached.last_checkpoint or self.last_checkpoint)
        if not reached.metrics:
            reached = replace(reached, metrics=self._course.metrics())
        if reached.history:
            return reached
        return replace(reached, history=self._course.read(), history_of=self._course.name)

    def _so_far(self, progress: Callable[[], Progress]) -> Progress:
        return self._lost(self._reached(progress))

    def _lost(self, reached: Progress) -> Progress:
        """`reached` with the time since the begin, and what is lost since the last checkpoint."""
        reached = replace(reached, seconds=reached.seconds or time.time() - self._began)
        if self._saved is None or reached.saved_seconds is not None:
            return reached
        at, step = self._saved
        steps = reached.step - step if type(reached.step) is int and type(step) is int else None
        return replace(reached, saved_seconds=time.time() - at, saved_steps=steps)

    def _count(self) -> None:
        self._sequence = claims.counted(Where.here(), self._store)
        claims.note(Where.here(), self._store, self._sequence)

    def _describe_to_supervisor(self) -> None:
        described = descriptor.describe(self._notifier(), save_secrets=False)
        mailbox.report(lambda to: to.record_run(described))

    def says(self, text: str, **values: object) -> str:
        """For adapters: `text`, one of this package's English ones, in `language`, with `values` in its ``{slots}``."""
        return phrase(self.language, text, **values)

    def _says(self, text: str, what: str = "", **values: object) -> str:
        name = self.name
        if what:
            name = f"{name}: {what}"
        return phrase(self.language, text, name=name, **values)

    def _mark_end(self) -> None:
        self._since = TrainingRun._last_end = Instant.now()
        self._sequence = None  # the time decides until the next start has a number

    def _send_milestone(self, headline: str, facts: list[str], level: Level = "info") -> None:
        send_milestone(self._notifier(), headline, self.name, facts, level, self.language)


class Preempted(SystemExit):
    """A trainer has met SIGTERM, saved and stopped."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.code: str | int | None = 128 + signal.SIGTERM
