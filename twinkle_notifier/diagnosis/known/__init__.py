"""The rules that this package knows, a file for each part of a training."""

from __future__ import annotations

from twinkle_notifier.diagnosis.known import (
    accelerators,
    builds,
    checkpoints,
    collectives,
    compiled,
    data_loading,
    device_errors,
    device_memory,
    disk,
    divergence,
    gradients,
    host_memory,
    hub,
    interpreter,
    launchers,
    losses,
    parallel,
    serving,
    tensors,
    text_data,
    trainers,
)
from twinkle_notifier.diagnosis.rule import Rule

# Where two rules hold, the first is told: within a file the special ones stand before the general ones.
KNOWN: tuple[Rule, ...] = (
    *device_memory.RULES,
    *device_errors.RULES,
    *builds.RULES,
    *collectives.RULES,
    *parallel.RULES,
    *launchers.RULES,
    *tensors.RULES,
    *gradients.RULES,
    *losses.RULES,
    *text_data.RULES,
    *trainers.RULES,
    *host_memory.RULES,
    *data_loading.RULES,
    *disk.RULES,
    *checkpoints.RULES,
    *hub.RULES,
    *interpreter.RULES,
    *accelerators.RULES,
    *compiled.RULES,
    *serving.RULES,
    *divergence.RULES,
)
