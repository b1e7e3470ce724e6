"""``twinkle-notifier run``: watches a command from outside, where no except-block can see.

`supervisor` starts the command (`command`), passes on the signals that were meant for it (`signal_probe`), and waits
for its end. `monitor` checks the command while it runs: its output, its restarts, its heartbeat. `reporter` sends the
alerts that the command's own processes did not send (`attribution`), once over all nodes. `exit_report` writes the
message. `cause` finds why the command ended, with `torchrun`; `last_lines` reads its output. `context` has what else is
known of it. `orphans` finds what killed supervisors have left.
"""

from twinkle_notifier import system

if system.HAS_PROC:  # where it is missing, so are half of the signals
    from twinkle_notifier.supervisor.command import Options
    from twinkle_notifier.supervisor.context import say
    from twinkle_notifier.supervisor.supervisor import supervise

__all__ = ["Options", "say", "supervise"]
