"""``twinkle-notifier run``: a command, watched from beside, where no except-block can see.

`supervisor` starts the command (`command`), passes on the signals that were meant for it (`signal_probe`), and waits
for its end. `monitor` looks at the command while it runs (`output_watchdog`), and runs `heartbeat`, the dead man's
switch. `reporter` sends the alerts that the command's own processes could not send (`attribution`), once over all nodes
(`node_claims`). `exit_report` writes the message. `cause` finds why the command ended, with `torchrun` and `oom`;
`last_lines` reads what it wrote. `orphans` sends what supervisors left that were killed.
"""

from twinkle_notifier.supervisor.command import Options
from twinkle_notifier.supervisor.context import say
from twinkle_notifier.supervisor.supervisor import supervise

__all__ = ["Options", "say", "supervise"]
