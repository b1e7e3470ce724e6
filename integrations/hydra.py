"""Hydra: a callback that sends alerts of a job's failure and end, and one about a whole multirun."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import InstantiationException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from twinkle_notifier.integrations import RunCallback

from twinkle_notifier import Progress, Sweep


class NotifierCallback(RunCallback, Callback):
    """Sends an alert when a job fails, and when it ends; of a multirun one at its end, and of each new kind of error.

        hydra:
          callbacks:
            notify:
              _target_: twinkle_notifier.integrations.hydra.NotifierCallback

    Its arguments are those of `TrainingRun`, but for `stall_after`: Hydra knows no steps. Ctrl-C is "interrupted".

    Hydra calls no callback when Ctrl-C or `sys.exit` ends a job, nor at the end of a multirun in which a job failed. So
    this one puts itself around the call that runs the job, or the sweep, when Hydra is about to make it.
    """

    _sweep: Sweep | None = None  # of this multirun, also in the processes of its launcher

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """See `Callback`."""
        self._sweep = None
        _next_call(
            sys.modules[type(GlobalHydra.instance().hydra).__module__], "run_job", partial(self._run_job, config)
        )

    def _run_job(self, config: DictConfig, run_job: Callable[[], JobReturn]) -> JobReturn:
        try:
            return run_job()
        except BaseException as exc:
            if self.run.is_clean_exit(exc):
                self.run.ended(partial(_reached, config))
            else:
                self.run.failed(exc, progress=partial(_reached, config))
            raise

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """See `Callback`."""
        self._sweep = Sweep(self.run, str(_of(config, "hydra.sweep.dir") or ""), _direction(config))
        _next_call(Plugins, "instantiate_sweeper", self._instantiate_sweeper)

    def _instantiate_sweeper(self, instantiate: Callable[[], Any]) -> Any:
        sweeper = instantiate()
        if self._sweep is not None:
            sweeper.sweep = self._sweep.running()(sweeper.sweep)
        return sweeper

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """See `Callback`. It runs in the job's process."""
        if self._sweep is not None:
            self._sweep.began(_number(config), _overrides(config))
        else:
            self.run.started()
            self.run.pause()  # no stall is looked for, as there are no beats

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """See `Callback`. It runs in the job's process."""
        result = getattr(job_return, "_return_value", None)  # the property raises a job's error
        exc: BaseException | None = _raised(result) if job_return.status == JobStatus.FAILED else None
        if exc is not None and self._sweep is not None:
            self._sweep.failed(_number(config), exc, _overrides(config), _facts(config), left_by=result)
        elif exc is not None:
            self.run.failed(exc, progress=partial(_reached, config))
        elif self._sweep is not None:
            self._sweep.ended(_number(config), _overrides(config), result)
        else:
            self.run.ended(partial(_reached, config))


def _next_call(owner: Any, name: str, around: Callable[[Callable[[], Any]], Any]) -> None:
    """Let `around` make the next call of the function `name` of `owner`, a module or a class; only that one."""
    function = getattr(owner, name, None)
    if function is None:  # another version of Hydra: what its own hooks tell is left
        return

    @wraps(function)
    def once(*args: Any, **kwargs: Any) -> Any:
        setattr(owner, name, function)
        return around(partial(function, *args, **kwargs))

    setattr(owner, name, once)


def _raised(exc: Any) -> Any:
    """The error that the user's code has raised: `instantiate` raises an error of its own from it."""
    while isinstance(exc, InstantiationException) and exc.__cause__ is not None:
        exc = exc.__cause__
    return exc


def _of(config: DictConfig, key: str) -> Any:
    """A value of the configuration; None if there is none, or it cannot be resolved."""
    try:
        return OmegaConf.select(config, key)
    except OmegaConfBaseException:
        return None


def _number(config: DictConfig) -> int:
    return int(_of(config, "hydra.job.num") or 0)


def _overrides(config: DictConfig) -> str:
    """As they are typed."""
    return ", ".join(map(str, _of(config, "hydra.overrides.task") or ()))


def _facts(config: DictConfig) -> list[tuple[str, str]]:
    folder = str(_of(config, "hydra.runtime.output_dir") or "")
    return [("Overrides", _overrides(config)), ("Output folder", folder)]


def _reached(config: DictConfig) -> Progress:
    return Progress(facts=_facts(config))


def _direction(config: DictConfig) -> str:
    """Which value the sweeper looks for: Optuna's, Nevergrad's or Ax's setting."""
    direction = _of(config, "hydra.sweeper.direction")
    maximizes = _of(config, "hydra.sweeper.optim.maximize")
    minimizes = _of(config, "hydra.sweeper.ax_config.experiment.minimize")
    if isinstance(maximizes, bool) or isinstance(minimizes, bool):
        return "maximize" if maximizes or minimizes is False else "minimize"
    return str(getattr(direction, "name", direction))
