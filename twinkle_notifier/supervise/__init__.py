"""``twinkle-notifier run``: a command, watched from outside, where no except-block can see.

`supervisor` starts it and passes on its output (`streams`), signals and exit code; `watch` looks at it meanwhile
(`silence`); `pulse` is the dead man's switch. `teller` tells what the command's own processes could not (`story`), once
over all `nodes`, in the words of `ending`; `torchrun` and `memory` know more of the cause.
"""

from twinkle_notifier.supervise.supervisor import Plan, supervise

__all__ = ["Plan", "supervise"]
