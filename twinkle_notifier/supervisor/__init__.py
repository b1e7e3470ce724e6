"""``twinkle-notifier run``: watches a command from outside, where no except-block can see.

`supervisor` starts the command (`command`), passes on the signals that were meant for it (`signal_probe`), and waits
for its end. `monitor` checks the command while it runs (`output_watchdog`), and runs `heartbeat`. `reporter` sends the
alerts that the command's own processes did not send (`attribution`), once over all nodes (`node_claims`). `exit_report`
writes the message. `cause` finds why the command ended, with `torchrun` and `oom`; `last_lines` reads its output.
`orphans` finds what killed supervisors have left.
"""

from twinkle_notifier import system

if system.HAS_PROC:  # where it is missing, so are half of the signals
    from twinkle_notifier.supervisor.command import Options
    from twinkle_notifier.supervisor.context import say
    from twinkle_notifier.supervisor.supervisor import supervise

__all__ = ["Options", "say", "supervise"]
