"""``twinkle-notifier run``: a command, watched from outside, where no except-block can see.

`supervisor` starts it (`command`), and passes on its output (`streams`), signals (`canary`) and exit code. `telling`
has a `watch` that looks at it while it runs (`silence`), and `pulse`, the dead man's switch. `teller` tells what the
command's own processes could not (`story`), once over all `nodes`, in the words of `ending`; `torchrun` and `memory`
know more of the cause.
"""

from twinkle_notifier.supervise.facts import Plan
from twinkle_notifier.supervise.supervisor import supervise

__all__ = ["Plan", "supervise"]
