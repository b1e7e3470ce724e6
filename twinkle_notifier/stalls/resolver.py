"""The end of a stall: the message that the training has resumed, once, when every rank in the alert has."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable

from twinkle_notifier.budgets import BACKGROUND_BUDGET, CRASH_BUDGET, STALL
from twinkle_notifier.delivery import sender
from twinkle_notifier.isolation.background import background
from twinkle_notifier.messages import report
from twinkle_notifier.messages.catalog import phrase
from twinkle_notifier.messages.message import Message, Outcome, derived_id
from twinkle_notifier.messages.wording import duration
from twinkle_notifier.runtime.launcher import Attempt, Where
from twinkle_notifier.stalls.board import Board
from twinkle_notifier.stalls.report import named
from twinkle_notifier.stalls.reporter import Alert, Reporter, quietly
from twinkle_notifier.stalls.this_rank import ThisRank, in_thread

_LAST_WAIT = 1.0  # seconds, at the end of a training, for the others to say that they resumed, too
_SHORT = 0.02  # seconds between two checks whether something is done


class Resolver:
    """The end of a stall: lets the reporter send the alert, and says "resumed" once every rank in it has.

    Owns the lock `_lock` of `_alert` and `_leaving`: the thread that takes the alert says how it ended.
    """

    def __init__(self, this_rank: ThisRank, reporter: Reporter) -> None:
        self.this_rank: ThisRank = this_rank
        self.alarmed: bool = False
        self._reporter = reporter
        self._alarmed_at = self._stuck_at = 0.0  # the alarm; the last time that another rank was still stuck
        self._reporting = self._moves = False
        self._lock = threading.Lock()
        self._alert: Alert | None = None  # sent; its end is not
        self._leaving: Alert | None = None  # its end is about to be sent

    @property
    def open(self) -> bool:
        """Whether people wait for the end of this stall, or may soon."""
        reporting = self._reporting and time.monotonic() < self._alarmed_at + STALL
        return bool(self._alert or self._leaving) or reporting

    def alarm(self) -> None:
        """Send the alert, or leave it to another rank. Returns at once."""
        self.this_rank.doubted = self.alarmed = self._reporting = True
        self._alarmed_at = time.monotonic()
        in_thread(self._alarm)

    def over(self, *, moves: bool) -> None:
        """This rank has resumed if it `moves`, else its training is over. Returns at once."""
        self._moves = moves
        self.this_rank.end()
        self._settle()

    def check(self) -> None:
        """Say "resumed" if every rank in the alert has. Returns at once."""
        if self._alert is not None:
            self.this_rank.ask(self._conclude)

    def close(self, *, moves: bool) -> None:
        """This rank's training is over, well if it `moves`: the last chance to say "resumed". Returns at once."""
        if moves:
            background.post(self._conclude_at_last, otherwise=self._keep_the_end)
        background.post(self._forget)

    def _alarm(self) -> None:
        try:
            alert = self.this_rank.with_board(self._reporter.report)
            with self._lock:
                self._alert = alert
        finally:
            self._reporting, self._reporter.sending = False, None
        if self.this_rank.ended:
            self._settle()

    def _settle(self) -> None:
        if self._alert is not None and not self._moves:
            background.post(self._forget)
        elif Where.here().world_size == 1:
            self._conclude()
        else:
            self.check()

    def _conclude(self, last: float | None = None) -> None:
        """Say "resumed", once, when every rank in the alert has.

        `last`: the training ends well here. The others have so many seconds to resume; then it is said anyway.
        """
        alert, deadline = self._alert, time.monotonic() + (last or 0.0)
        if alert is None:
            return
        while alert.stuck:
            quietly(lambda: self._ask_who_is_stuck(alert))
            if alert.stuck and time.monotonic() > deadline:
                if last is not None:
                    break
                self._stuck_at = time.monotonic()
                return
            time.sleep(0.1 if alert.stuck else 0.0)
        if self._forget():
            if self.this_rank.watched.resumes:
                self._send_the_end(alert)
            self._leaving = None

    def _ask_who_is_stuck(self, alert: Alert) -> None:
        alert.stuck = self.this_rank.with_board(lambda board: board.not_resumed(alert.stuck))

    def _conclude_at_last(self) -> None:
        """The training ends well here. What is under way in threads that nobody waits for at exit goes first."""
        _wait_while(lambda: self._reporting, _LAST_WAIT)
        _wait_while(lambda: self._reporter.sending is not None, CRASH_BUDGET)
        if self.this_rank.is_answered(_LAST_WAIT):
            self._conclude(_LAST_WAIT)
            _wait_while(lambda: self._leaving is not None, _LAST_WAIT)  # another thread is about to send it
        self._keep_the_end()  # if it is not sent

    def _forget(self) -> bool:
        """Take back that this rank sent the alert, once; whether no other rank sent one later, as far as known."""
        with self._lock:
            alert, self._alert = self._alert, None
            self._leaving = alert or self._leaving
        if alert is None or Where.here().world_size == 1:
            return alert is not None
        senders: list[int | None] = []

        def take_back(board: Board) -> None:
            senders.append(board.last_sender())
            board.note_alert(self.this_rank.status(None))

        quietly(lambda: self.this_rank.with_board(take_back))
        if senders and senders[0] not in (None, Where.here().rank):
            self._leaving = None
            return False
        return True

    def _send_the_end(self, alert: Alert) -> None:
        message, notifier = self._end_message(alert), self._reporter.notifier
        if alert.kept:  # it goes first
            background.post(functools.partial(sender.flush, notifier))
        send = functools.partial(sender.deliver, notifier, message, BACKGROUND_BUDGET)
        background.post(send, otherwise=functools.partial(self._keep, message))

    def _keep_the_end(self) -> None:
        """There is no time to ask the others, nor to send it. When the alert may still arrive, its end is kept, too."""
        with self._lock:
            alert = self._alert or self._leaving or self._reporter.sending
            self._alert = self._leaving = None
        if alert is not None and self.this_rank.watched.resumes:
            self._keep(self._end_message(alert))

    def _keep(self, message: Message) -> None:
        sender.keep(self._reporter.notifier, message, Outcome("unknown", "there was no time to send it"))

    def _end_message(self, alert: Alert) -> Message:
        this_rank = self.this_rank
        name, language = this_rank.watched.name, this_rank.watched.language
        took = duration(max(this_rank.ended, self._stuck_at) - this_rank.began, language)
        facts: list[str] = []
        if alert.stuck:
            stuck = named(alert.stuck, language)
            said = phrase(language, "The training has ended here; no report yet that {ranks} resumed", ranks=stuck)
            facts.append(f"- {said}")
        headline = phrase(language, "{name} resumed after {duration}", name=name, duration=took)
        text = report.milestone(headline, name, Where.here(), facts, Attempt.here(), language)
        return Message(text, derived_id(f"{alert.message_id}/moves"), "success")


def _wait_while(is_under_way: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while is_under_way() and time.monotonic() < until:
        time.sleep(_SHORT)
