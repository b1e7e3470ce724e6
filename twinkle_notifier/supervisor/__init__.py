"""``twinkle-notifier run``: a command, watched from beside, where no except-block can see.

`supervisor` starts the command (`command`), passes on the signals that were meant for it (`signal_probe`), and waits
for its end. `watch` looks at the command while it runs (`silence`), and runs `pulse`, the dead man's switch. `teller`
tells what the command's own processes could not tell (`story`), once over all `nodes`. `ending` writes the message.
`cause` finds why the command ended, with `printed`, `torchrun` and `memory`; `last_lines` reads what it wrote.
"""

from twinkle_notifier.supervisor.context import Plan
from twinkle_notifier.supervisor.supervisor import supervise

__all__ = ["Plan", "supervise"]
