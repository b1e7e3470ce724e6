#!/bin/bash
# Compute nodes without a way out: what they cannot send waits on the shared disk, and a login node sends it.
#
#     twinkle-notifier init                # once: the login node knows the chat
#     bash examples/login_node.sh          # on the login node, in tmux; it sends until Ctrl-C
#     sbatch examples/slurm.sbatch         # its nodes keep their messages in the same folder
#
# Each message arrives some seconds after it was kept, and says since when it waited, and why.

set -euo pipefail

export TWINKLE_NOTIFIER_DIR="${TWINKLE_NOTIFIER_DIR:-$HOME/notifier}"
mkdir -p "$TWINKLE_NOTIFIER_DIR"

exec twinkle-notifier flush --follow
