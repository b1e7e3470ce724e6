"""``twinkle-notifier run``: a command, watched from beside, where no except-block can see.

`supervisor` starts it (`command`), passes on signals that were meant for it (`signal_probe`), and waits for its end.
`telling` has a `watch` that looks at it while it runs (`silence`), and `pulse`, the dead man's switch. `teller` tells
what the command's own processes could not (`story`), once over all `nodes`, in the words of `ending`; `last_lines`
reads what it wrote, `torchrun` and `memory` know more of the cause.
"""

from twinkle_notifier.supervise.facts import Plan
from twinkle_notifier.supervise.supervisor import supervise

__all__ = ["Plan", "supervise"]
