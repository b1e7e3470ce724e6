"""One training run as its trainer sees it: its start, failure and end, and its past. What adapters translate into."""

from __future__ import annotations

import copy
import functools
import hashlib
import itertools
import logging
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any, ClassVar

from twinkle_notifier import checkpoint as state
from twinkle_notifier import claims, hooks, isolation
from twinkle_notifier.alerts import milestone
from twinkle_notifier.alerts.api import notify_exception
from twinkle_notifier.budgets import PROGRESS
from twinkle_notifier.channels import VARIABLE
from twinkle_notifier.claims.store import Store
from twinkle_notifier.credentials.masking import redact
from twinkle_notifier.delivery import check, descriptor, sender
from twinkle_notifier.exceptions import kind
from twinkle_notifier.exceptions.cancellation import Search
from twinkle_notifier.isolation import safe, signals
from twinkle_notifier.isolation.background import background
from twinkle_notifier.mailbox import mailbox
from twinkle_notifier.messages import report
from twinkle_notifier.messages.message import Outcome
from twinkle_notifier.messages.report import Progress
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.runtime.process import Instant, process_start
from twinkle_notifier.settings import Configured
from twinkle_notifier.stalls import watchdog
from twinkle_notifier.stalls.watched import Watched

log = logging.getLogger("twinkle_notifier")
_numbers = itertools.count(1)  # of the trainings of this process
_living: weakref.WeakSet[TrainingRun] = weakref.WeakSet()  # any two may meet in one trainer


class TrainingRun:
    """Tells people of one training run, and keeps what a checkpoint should hold of that.

    None of its methods raises. All but `failed` and `preempted` return at once; where the notifier that the environment
    describes hangs when it is made, one of them waits 2 s for it, once a minute. It can be pickled and copied.

    Args:
        notifier: what sends the messages. Without one, the one that the environment variable ``TWINKLE_NOTIFIER_URL``
            describes, else that of the checkpoint which the run resumes, as far as that is trusted: see
            docs/security.md.
        name: the run's name in messages; by default the script's.
        on_start: tell of the start, too.
        on_end: tell of the end.
        save_secrets: write literal secrets into checkpoints, so that they can be resumed without giving a notifier;
            say it again on the resume. A checkpoint's literal URL is taken only then.
        store: where the ranks agree on who tells; see `notify_exception`.
        stall_after: tell when the training has made no step for so many seconds, and for ten times as long as its
            slowest; each step calls `beat`. Without it, what the variable ``TWINKLE_NOTIFIER_STALL_AFTER`` says.

    Raises:
        ArgumentError: `stall_after` is no positive number; it is a ValueError.
        TypeError: `notifier` is something that cannot be called with a message.
    """

    add_hook = staticmethod(hooks.add_hook)  # for adapters, whose callback calls `beat` only where it is watched

    # A notebook trains many times in one process; what an earlier run told there silences no later one.
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
    ) -> None:
        if notifier is not None and not callable(notifier):
            raise TypeError(f"notifier is of type {type(notifier).__name__}: give a Notifier, or leave it out")
        self.apart = _free_key()  # what no other run of this process has
        self.key = self.apart  # under which a checkpoint holds the state; two in one trainer have two, see `placed`
        self._keys: set[str] = set()  # of this trainer
        self._is_part = False  # of a training that is told as a whole
        self.search: Search | None = None  # that counts the parts of this training, see `parts`
        self.last_checkpoint = ""
        _living.add(self)
        self._given = notifier
        self._configured = Configured()
        self._restored: Callable[[str], object] | None = None  # from a checkpoint
        self._restored_from = ""  # a digest: the description may hold a secret
        self._name, self._on_start, self._on_end, self._save_secrets = name, on_start, on_end, save_secrets
        self._state = state.fresh()
        self._described_notifier: Callable[[str], object] | None = None
        self._began, self._since = time.time(), TrainingRun._last_end
        self._store = store
        self._sequence: int | None = None
        self._watch = watchdog.StallWatch(watchdog.seconds(stall_after))

    @property
    def name(self) -> str:
        """The run's name in messages."""
        return (safe.text(self._name) if self._name is not None else "") or report.default_name()

    @property
    def stall_after(self) -> float | None:
        """Seconds without a beat after which people are told; None: the training is not watched."""
        return self._watch.after

    def beat(self, *_: object, **__: object) -> None:
        """A step is done. Costs a clock read and a store, whatever it is given, so that it can be a hook itself."""
        watch = self._watch
        watch.at = monotonic()
        watch.beats += 1

    def lull(self, *_: object, **__: object) -> None:
        """A step is done, and something slow may follow: a checkpoint's write. It may take ten times `stall_after`."""
        self.beat()
        self._watch.lull = self._watch.beats

    @property
    def watcher(self) -> object:
        """Another for each training that is watched; None while none is."""
        return self._watch.watcher

    @property
    def is_supervised(self) -> bool:
        """Whether it runs below `twinkle-notifier run`, which wants to know of each checkpoint: see `saved`."""
        return mailbox.VARIABLE in os.environ

    def pause(self) -> None:
        """Nothing trains any more, however it came to that: no stall is looked for until it starts again."""
        self._watch.stop()

    def started(self, facts: list[str] | None = None, progress: Callable[[], Progress] | None = None) -> None:
        """The training begins (again), in this thread. `facts` are Markdown list items for the message.

        `progress` is asked in a thread of its own, if the training stalls, how far it got; it should not wait
        for a device. Without it, the beats are the steps.
        """
        self._began, self._since, self._sequence = time.time(), TrainingRun._last_end, None
        if claims.counts(Where.here(), self._store):
            background.post(self._count)
        notifier = self._notifier()
        self._check(notifier)
        if notifier is not None and Where.here().local_rank == 0:
            background.post(functools.partial(sender.flush, notifier))  # what an earlier run could not send
        if Where.here().local_rank == 0 and self.is_supervised:
            background.post(self._describe_to_supervisor)
        if self._on_start and not self._is_part:
            attempt = Attempt.here()
            what = f"restarted ({attempt})" if attempt.number > 1 else "started"
            self._milestone(f"{self.name} {what}", facts or [])
        mark, number = claims.Watermark(self._since or process_start()), next(_numbers)
        self._watch.start(Watched(notifier, self.name, self._store, mark, progress, threading.get_ident(), number))

    def _check(self, notifier: Callable[[str], object] | None) -> None:
        """Say what will not work, while somebody may be looking."""
        check.begin(notifier)
        if notifier is None and not self._configured.complaint:
            log.warning("no alert will be sent for this run: give the callback a notifier, or set %s", VARIABLE)

    def saved(self, checkpoint: str) -> None:
        """A checkpoint is written. Its path is told where the trainer's progress names none."""
        self.last_checkpoint = checkpoint
        if Where.here().local_rank == 0 and self.is_supervised:
            background.post(lambda: mailbox.report(lambda to: to.record_checkpoint(checkpoint)))

    def ended(
        self,
        progress: Callable[[], Progress] = Progress,
        facts: Callable[[], list[str]] = list,
        what: str = "",
    ) -> None:
        """The training, or `what` as a whole, ended well. Rank 0 tells it, in the background.

        `progress` is asked how far it got, `facts` for Markdown list items.
        """
        self._watch.stop(moves=True)
        if not self._is_part:
            self._tell_end(progress, facts, what)
        self._mark_end()

    def _tell_end(self, progress: Callable[[], Progress], facts: Callable[[], list[str]], what: str) -> None:
        if self._on_end:
            took = report.duration(time.time() - self._began)
            lines = [f"- Duration: {took}", *self._lines(progress, facts)]
            self._milestone(f"{self._named(what)} ended after {took}", lines)

    def _lines(self, progress: Callable[[], Progress], facts: Callable[[], list[str]]) -> list[str]:
        return [*(isolation.call(facts, PROGRESS).value or []), *self._asked(progress).lines()]

    @contextmanager
    def parts(self, what: str) -> Iterator[Search]:
        """Trainings within the block, such as a search's trials, are told neither to start nor to end.

        `what`, which is all of them, is: it starts here, and its end is told after the block, by `ended`. Within the
        block `search` is what the block gives: it counts the trials, and makes facts for the alert of the end.
        """
        began, before = time.time(), (self._is_part, self.search)
        if self._on_start:
            self._milestone(f"{self._named(what)} started", [])
        self._is_part, self.search = True, Search()
        try:
            yield self.search
        finally:
            (self._is_part, self.search), self._began, self.last_checkpoint = before, began, ""

    def preempted(self, progress: Callable[[], Progress] = Progress, context: str = "") -> Outcome:
        """The trainer met SIGTERM, saved, and ends the training. Told as `failed` tells where it raises for that."""
        return self.failed(Preempted("SIGTERM; the trainer saved a checkpoint and stopped"), context, progress)

    def failed(self, exc: BaseException, context: str = "", progress: Callable[[], Progress] = Progress) -> Outcome:
        """The training ends with `exc`. Returns when a rank has told it; see `notify_exception`."""
        self._watch.stop(moves=False)
        with signals.deferred():  # from the first moment: the trainer is asked before the walk begins
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
            progress=self._asked(progress),
            mark=claims.Watermark(self._since or process_start(), self._sequence),
            store=self._store,
            earlier=state.times(self._state),
        )
        if outcome.status in ("sent", "duplicate"):
            what = f"{kind.kind_of(exc)}: {safe.type_name(type(exc))}"
            state.add_sent(self._state, what=what, time=report.now(), incident=outcome.incident)
        self._mark_end()
        return outcome

    def state_dict(self) -> dict[str, Any]:
        """A copy of the state, for a checkpoint: plain JSON values: the notifier without secrets, the failures told."""
        return copy.deepcopy(self._described())

    def load_state_dict(self, saved: object) -> None:
        """Take over the state that a checkpoint held, as far as it can be used; see `state.read`."""
        self._state = state.read(saved)
        self._described_notifier = None
        described = self._state["notifier"]
        if not self._save_secrets:  # what was saved with it must not be in the next checkpoint without it
            self._state["notifier"] = redact(described)
        if self._outside() is not None:
            self._restored = None
        elif (digest := hashlib.sha256(repr(described).encode()).hexdigest()) != self._restored_from or (
            self._restored is None
        ):
            self._restored_from = digest
            self._restored = state.from_checkpoint(described, save_secrets=self._save_secrets)

    def resume(self, states: object) -> None:
        """Take over this run's state among those that a checkpoint held, if it is there."""
        ours = state.ours(states)
        saved = ours.get(self.key if self.key in ours else next(iter(ours), ""))
        if saved is not None:
            self.load_state_dict(saved)

    def placed(self, place: int, among: int) -> None:
        """It is at `place`, from 0, `among` so many callbacks of its trainer: that gives its state the `key`.

        A key that counted what this process has made would be another in the process that resumes.
        """
        self.key, self._keys = state.key(place), set(map(state.key, range(among)))

    def live_in(self, states: dict[str, Any]) -> None:
        """Put the state itself into `states`, under `key`: what is sent later shows there at once.

        What an earlier trainer with more callbacks left there is taken out.
        """
        for key in [key for key in states if state.is_ours(key) and self._keys and key not in self._keys]:
            del states[key]
        states[self.key] = self._described()

    def _described(self) -> dict[str, Any]:
        notifier = self._notifier()
        if notifier is not self._described_notifier:  # once: a to_dict that hangs would hold up every checkpoint
            self._state["notifier"] = descriptor.describe(notifier, save_secrets=self._save_secrets)
            self._described_notifier = notifier
        return self._state

    def _notifier(self, *, now: bool = False) -> Callable[[str], object] | None:
        outside = self._outside(now=now)
        return outside if outside is not None else self._restored

    def _alerting(self) -> Callable[[str], object] | None:
        """What sends the alert of an exception."""
        return self._notifier(now=True)

    def _outside(self, *, now: bool = False) -> Callable[[str], object] | None:
        """The notifier that was given, else the environment's: a checkpoint redirects nobody who has one of these."""
        return self._given if self._given is not None else self._configured.get(now=now)

    def _asked(self, progress: Callable[[], Progress]) -> Progress:
        found = isolation.call(progress, PROGRESS).value
        reached = found if isinstance(found, Progress) else Progress()
        return replace(reached, last_checkpoint=reached.last_checkpoint or self.last_checkpoint)

    def _count(self) -> None:
        self._sequence = claims.counted(Where.here(), self._store)
        claims.note(Where.here(), self._store, self._sequence)

    def _describe_to_supervisor(self) -> None:
        described = descriptor.describe(self._notifier(), save_secrets=False)
        mailbox.report(lambda to: to.record_run(described))

    def _named(self, what: str) -> str:
        return f"{self.name}: {what}" if what else self.name

    def _mark_end(self) -> None:
        self._since = TrainingRun._last_end = Instant.now()
        self._sequence = None  # until the store is asked again, the time decides

    def _milestone(self, headline: str, facts: list[str]) -> None:
        milestone.post(self._notifier(), headline, self.name, facts)


class Preempted(SystemExit):
    """SIGTERM, on which a trainer has saved and stopped."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.code = 128 + signal.SIGTERM


def _free_key() -> str:
    taken = {run.apart for run in _living}
    return next(key for key in map(state.key, range(len(taken) + 2)) if key not in taken)
