"""`TrainingRun`: the start, failure and end of a training, and its past. Adapters call it from a trainer's hooks."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from twinkle_notifier import checkpoint, claims, isolation, settings, surroundings
from twinkle_notifier.alerts import by_hand, underway
from twinkle_notifier.alerts.api import notify_exception, send_failures, send_milestone
from twinkle_notifier.alerts.by_hand import By
from twinkle_notifier.alerts.workers import Met
from twinkle_notifier.budgets import BACKGROUND_BUDGET, PROGRESS
from twinkle_notifier.claims.store import Store
from twinkle_notifier.delivery import check, sender
from twinkle_notifier.diagnosis import user_rules
from twinkle_notifier.exceptions.kind import Preempted, kind_of
from twinkle_notifier.how_far import Checkpointed, HowFar, Trainer
from twinkle_notifier.isolation import safe, signals
from twinkle_notifier.isolation.background import background
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.messages.message import Level, Outcome
from twinkle_notifier.messages.progress import Progress
from twinkle_notifier.messages.search import Search
from twinkle_notifier.messages.wording import attempt_of, duration, now
from twinkle_notifier.rules.training import Training
from twinkle_notifier.run_state import RunState
from twinkle_notifier.run_words import RunWords
from twinkle_notifier.runtime.language import Language, checked
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.process import Instant, process_start
from twinkle_notifier.runtime.user_file import Notifications
from twinkle_notifier.stalls import watchdog
from twinkle_notifier.stalls.beats import Beats
from twinkle_notifier.stalls.board import Watched

if TYPE_CHECKING:
    from twinkle_notifier.progress.watch import Reached

_Path = str | os.PathLike[str]
_numbers = itertools.count(1)  # of the trainings of this process


class TrainingRun(Beats, Checkpointed, RunWords, RunState):
    """Sends the alerts of one training run, and keeps the state of that for its checkpoints.

    None of its methods raises, but for `alert` with a wrong argument. All return at once, but for `failed`,
    `preempted`, `ended_in_part` and an `alert` of level ``error``, which send, and `settle`, which waits for what is
    being sent; and where the notifier that the environment describes hangs when it is made, one waits 2 s for it, once
    a minute. It can be pickled and copied.

    Args:
        notifier: what sends the messages. Without one, the one that the environment variable ``TWINKLE_NOTIFIER_URL``
            describes, or the user's file; else that of the checkpoint which the run resumes, as far as that is
            trusted: see docs/security.md. If the variable is ``off``, none.
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
        rules: conditions on metrics that get an alert, see docs/rules.md; by default what is set up. NaN and infinity
            get one in any case, but for an empty list: then nothing is looked at.
        progress_every: tell how far it got, by rank 0: each ``"2h"`` or ``"90m"``, or each ``"10%"`` of the steps; by
            default what is set up, else not. See docs/messages.md.

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
        rules: Sequence[str | Mapping[str, object]] | None = None,
        progress_every: str | None = None,
    ) -> None:
        super().__init__(notifier, save_secrets=save_secrets)
        self._is_part = False  # of a training that is reported as a whole
        self.search: Search | None = None  # counts the parts of this training, see `parts`
        wanted, after = settings.notifications(notifications), watchdog.seconds(stall_after)
        self.notifications: Notifications = wanted
        self._name = name
        self._on_start, self._on_end = on_start and wanted == "all", on_end and wanted != "failure_only"
        self._since = TrainingRun._last_end
        self._language = checked(language)
        self._diagnose = settings.checked_diagnose(diagnose)
        self._store = store
        self._far = HowFar()
        self._number = 0  # of this training among those of this process
        self._progress: Callable[[], Progress] = Progress
        from twinkle_notifier.progress.every import every  # not at the top: `import twinkle_notifier` would take longer
        from twinkle_notifier.progress.watch import ProgressWatch
        from twinkle_notifier.rules.chosen import chosen
        from twinkle_notifier.rules.watch import RuleWatch

        self._rules, self._progress_watch = RuleWatch(chosen(rules), wanted), ProgressWatch(every(progress_every))
        self._sequence: int | None = None
        self._watch = watchdog.StallWatch(after if wanted != "end_only" else None)

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_progress": Progress}  # the trainer's answer is for this process, and may be a lambda

    @property
    def is_underway(self) -> bool:
        """Whether it is the training that goes on in this process: begun, and not over."""
        return isolation.tried(lambda: underway.goes_on(self)).value or False

    def so_far(self) -> Progress:
        """How far it got, and what is lost since the last checkpoint. It asks the trainer, for 2 s at most."""
        return self._so_far(self._progress)

    def pause(self) -> None:
        """The training is over, well or not: no stall is looked for until it starts again."""
        super().pause()
        self._progress_watch.stop()
        isolation.tried(lambda: underway.end(self))

    def started(self, facts: list[str] | None = None, progress: Callable[[], Progress] | None = None) -> None:
        """The training begins (again), in this thread. `facts` are Markdown list items for the message.

        If the training stalls, or `progress_every` is set, a thread calls `progress` for how far it got; this should
        not wait for a device. Without it, the beats are the steps.
        """
        self._since, self._sequence = TrainingRun._last_end, None
        self._number, self._progress = next(_numbers), Trainer(progress or Progress)
        self._far.start()
        self._rules.start()
        if claims.counts(Where.here(), self._store):
            background.post(self._count)
        notifier = self._notifier()
        self._check(notifier)
        if notifier is not None and Where.here().local_rank == 0:
            background.post(partial(sender.flush, notifier))  # what an earlier run could not send
        user_rules.ready()  # a notifier of the user's own does not read them when it is made
        surroundings.ready(anew=True)
        if Where.here().local_rank == 0 and self.is_supervised:
            background.post(self._describe_to_supervisor)
        if self._on_start and not self._is_part:
            attempt = Attempt.here()
            what = "{name} restarted ({attempt})" if attempt.number > 1 else "{name} started"
            self._send_milestone(self._says(what, attempt=attempt_of(attempt, self.language)), facts or [])
        isolation.tried(lambda: underway.begin(self))
        self._start_watch(progress and self._progress)
        if not self._is_part:
            self._progress_watch.start(self._reached)

    def _reached(self) -> Reached:
        from twinkle_notifier.progress.watch import Reached  # it is loaded

        this = self._training()
        return Reached(this.notifier, this.name, this.language, self._progress, this.progress, self._watch.beats)

    def _start_watch(self, progress: Callable[[], Progress] | None) -> None:
        self._look_for_stalls(progress, threading.get_ident())

    def _look_for_stalls(self, progress: Callable[[], Progress] | None, thread: int) -> None:
        mark, number = claims.Watermark(self._since or process_start()), self._number or next(_numbers)
        run = (self._notifier(), self.name, self._store, mark, progress, thread, number)
        self._watch.start(Watched(*run, self.notifications == "all", self.language))

    def _check(self, notifier: Callable[[str], object] | None) -> None:
        """Log what will not work, while somebody may still read it."""
        check.begin(notifier)
        if notifier is None and not self._configured.complaint:
            settings.log_none("the callback")

    def log(self, metrics: Mapping[str, object] | Callable[[], Mapping[str, object]], step: int | None = None) -> None:
        """The trainer logs `metrics`, or what they return, at `step`.

        Messages show the course of the loss and, unless their progress has metrics, the last value of each of these.
        Rules look at the values. It never raises, and never waits for a device: the background reads what one holds,
        or a message that needs it. The memory that torch has in use is noted, see `diagnosis.memory_growth`.
        """
        isolation.tried(lambda: self._log(metrics() if callable(metrics) else metrics, step))

    def _log(self, metrics: Mapping[str, object], step: int | None) -> None:
        isolation.tried(lambda: self._far.log(metrics))
        if not self._is_part:  # of a search, in which bad trials are no news
            self._rules.log(metrics, step, self._training)

    def _training(self) -> Training:
        """For the alert of a rule."""
        mark = claims.Watermark(self._since or process_start(), self._sequence)
        far, asked, course = self._far, self._progress, self._far.course()

        def progress() -> Progress:
            reached = far.reached(asked, course)
            return reached._replace(seconds=reached.seconds or far.seconds())

        return Training(self._notifier, self.name, self._store, mark, self.language, self._number, progress)

    def alert(
        self, title: str, text: str | None = "", level: object = "warning", wait_duration: float | timedelta = 60.0
    ) -> Outcome:
        """Send people a message by this run's notifier, with how far it got. See `twinkle_notifier.alert`."""
        this = self._training()
        notifier, facts = partial(self._notifier, now=True), lambda: this.progress().lines(this.language)
        by = By(notifier, this.name, this.store, this.mark, this.language, facts)
        return by_hand.send(by, title, text, level, wait_duration)

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
        self._far.saved(checkpoint, step)
        if Where.here().local_rank == 0 and self.is_supervised:
            background.post(lambda: mailbox.report(lambda to: to.record_checkpoint(checkpoint)))

    def ended(
        self, progress: Callable[[], Progress] = Progress, facts: Callable[[], list[str]] = list, what: str = ""
    ) -> None:
        """The training, or `what` as a whole, ended well. Rank 0 sends that, in the background.

        `progress` is called for how far it got, `facts` for Markdown list items.
        """
        self._watch.stop(moves=True)
        self._progress_watch.stop()
        isolation.tried(self._rules.end)
        isolation.tried(lambda: underway.end(self))
        if not self._is_part:
            self._send_end(progress, facts, what)
        self._mark_end()

    def _send_end(self, progress: Callable[[], Progress], facts: Callable[[], list[str]], what: str) -> None:
        if self._on_end:
            took = duration(self._far.seconds(), self.language)
            headline = self._says("{name} ended after {duration}", what, duration=took)
            lines = isolation.call(lambda: self._lines(progress, facts), 3 * PROGRESS).value or []
            self._send_milestone(headline, lines, "success")

    def _lines(self, progress: Callable[[], Progress], facts: Callable[[], list[str]]) -> list[str]:
        given, reached = isolation.call(facts, PROGRESS).value or [], self._far.reached(progress)
        return [*map(safe.text, given), *reached.lines(self.language), *filter(None, [reached.curve(self.language)])]

    def ended_in_part(self, failed: int, number: int, progress: Progress) -> Outcome:
        """All `number` jobs that it consists of are over, and so many of them `failed`. Returns when that is sent."""
        headline = self._says("{name}: {failed} of {number} jobs failed", failed=failed, number=number)
        self._mark_end()
        return send_failures(self._alerting(), headline, self.name, progress.lines(self.language), self.language)

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
            (self._is_part, self.search), self._far.began, self.last_checkpoint = before, began, ""

    def preempted(self, progress: Callable[[], Progress] = Progress, context: str = "") -> Outcome:
        """The trainer met SIGTERM, saved, and ends the training. Other trainers raise for that: see `failed`."""
        said = self.says("SIGTERM; the trainer saved a checkpoint and stopped")
        return self.failed(Preempted(said), context, progress)

    def failed(
        self, exc: BaseException, context: str = "", progress: Callable[[], Progress] = Progress, what: str = ""
    ) -> Outcome:
        """The training, or `what` of it, ends with `exc`. Returns when a rank has sent it; see `notify_exception`."""
        self._watch.stop(moves=False)
        self._progress_watch.stop()
        isolation.tried(lambda: underway.end(self))
        with signals.deferred():  # now: the trainer's progress is read before `notify_exception` is called
            return self._failed(exc, context, progress, what)

    def _failed(
        self, exc: BaseException, context: str, progress: Callable[[], Progress], what: str = "", met: Met | None = None
    ) -> Outcome:
        goes_on = met is not None and met.attempt.is_followed()
        notifier = self._notifier(now=True) if goes_on else self._alerting()
        if notifier is None:
            return Outcome("skipped", "there is no notifier")
        outcome = notify_exception(
            notifier,
            context=context,
            exc=exc,
            name=self._name_of(what),
            progress=self._so_far(progress),
            mark=claims.Watermark(self._since or process_start(), self._sequence),
            store=self._store,
            earlier=checkpoint.times(self._state),
            language=self._language,
            diagnose=self._diagnose,
            met=met,
        )
        if outcome.status in ("sent", "duplicate"):
            known = f"{kind_of(exc)}: {safe.type_name(type(exc))}"
            checkpoint.add_sent(self._state, what=known, time=now(), incident=outcome.incident)
        self._mark_end()
        return outcome

    def _so_far(self, progress: Callable[[], Progress]) -> Progress:
        return self._far.lost(self._far.reached(progress))

    def _count(self) -> None:
        self._sequence = claims.counted(Where.here(), self._store)
        claims.note(Where.here(), self._store, self._sequence)

    def settle(self) -> None:
        """Wait for what is being sent: for a process that is killed after the training's end."""
        background.flush(BACKGROUND_BUDGET)

    def _mark_end(self) -> None:
        self._since = TrainingRun._last_end = Instant.now()
        self._sequence = None  # the time decides until the next start has a number

    def _send_milestone(self, headline: str, facts: list[str], level: Level = "info") -> None:
        send_milestone(self._notifier(), headline, self.name, facts, level, self.language)
