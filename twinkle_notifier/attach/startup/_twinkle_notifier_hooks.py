"""Wraps functions of modules that make processes or trainers. `_twinkle_notifier_attach` loads it."""

import _twinkle_notifier_attach as attach
from _twinkle_notifier_attach import os, sys, time  # as they were at the start

recorder = attach.part("record")  # loaded now: a crash must read no files


def loaded(name, module):
    """Wrap the functions of `module`, which has just been loaded."""
    _HOOKS[name](name, module)


# Children of multiprocessing, which print an exception instead of raising it


def _child_ended(error, before):
    """Record `error`, unless it is `before`, which was being handled when the child was made."""
    if error is None or error is before or attach.done == os.getpid():
        return
    try:
        cause = error.__context__ if error.__context__ is not before else None
        attach.make_room()
        fields = recorder.exited(error.code, cause) if isinstance(error, SystemExit) else recorder.record(error, 1)
        if fields["code"]:
            attach.done = os.getpid()
            recorder.write_end(fields)
    except Exception:  # the disk is full, the folder is gone
        pass


class _Child:
    """Before Python 3.13: `multiprocessing.util` calls it in a child, before its work and after that failed."""

    def __init__(self):
        self.before = None

    def begin(self):
        self.before = sys.exc_info()[1]
        sys.modules["multiprocessing.util"].Finalize(None, self.end, exitpriority=1_000_000_000)

    def end(self):
        _child_ended(sys.exc_info()[1], self.before)


_child = _Child()


def _children_loaded(name, module):
    module.register_after_fork(_child, _Child.begin)
    _child.begin()  # a child by "spawn" is not forked


def _processes_loaded(name, module):
    """From Python 3.13 on the work itself is wrapped: see `attach.hide`."""

    def wrapped(bootstrap):
        def ours(self, *args, **kwargs):
            try:
                self.run = _noted(self.run, sys.exc_info()[1])
            except Exception:  # a class of the user's
                pass
            return bootstrap(self, *args, **kwargs)

        return ours

    _wrap(module.BaseProcess, "_bootstrap", wrapped)


def _noted(run, before):
    def ours():
        try:
            run()
        except BaseException as error:
            _child_ended(error, before)
            attach.hide(error)
            raise

    return ours


# torchrun's agent


def _agent_loaded(name, module):
    def wrapped(restart_workers):
        def ours(self, *args, **kwargs):
            try:
                _restarted(self)
            except Exception:  # another version, the disk is full
                pass
            return restart_workers(self, *args, **kwargs)

        return ours

    _wrap(module.SimpleElasticAgent, "_restart_workers", wrapped)


def _restarted(agent):
    failures = recorder.failures_of(vars(agent).pop("_twinkle_notifier_failures", None))
    most, left = agent._worker_group.spec.max_restarts, agent._remaining_restarts
    number = vars(agent).get("_twinkle_notifier_restarts", 0) + 1
    agent._twinkle_notifier_restarts = number
    fields = {"pid": os.getpid(), "at": time.time(), "attempt": most - left + (not failures), "attempts": most + 1}
    fields["failures"] = failures
    recorder.write("%d-%d.restart" % (os.getpid(), number), fields)


def _local_agent_loaded(name, module):
    def wrapped(monitor_workers):
        def ours(self, *args, **kwargs):
            result = monitor_workers(self, *args, **kwargs)
            try:
                self._twinkle_notifier_failures = getattr(result, "failures", None)
                _name_logs(result.failures, self._pcontext)
            except Exception:  # another version
                pass
            return result

        return ours

    _wrap(module.LocalElasticAgent, "_monitor_workers", wrapped)


def _name_logs(failures, context):
    """Note the folder of the rank's files in each failure: its `error_file` is none if the rank wrote no error."""
    for failure in failures.values():
        failure._twinkle_notifier_logs = os.path.dirname(os.path.abspath(context.error_files[failure.local_rank]))


def _wrap(owner, name, wrapped):
    """Replace a method, unless it is ours already."""
    import functools

    original = getattr(owner, name)
    if not hasattr(original, "_twinkle_notifier"):
        ours = functools.wraps(original)(wrapped(original))
        ours._twinkle_notifier = True
        setattr(owner, name, ours)


# Trainers


def _trainer_loaded(name, module):
    """Wrap the trainer's constructor: our package is loaded when the first trainer is made, not before."""
    framework = _TRAINERS[name]

    def wrapped(original):
        def ours(self, *args, **kwargs):
            try:
                before, after = _trainers()
                before(framework, module)
                original(self, *args, **kwargs)
                after(framework, self)
            except BaseException as error:
                attach.hide(error)
                raise

        return ours

    _wrap(module.Trainer, "__init__", wrapped)


def _trainers():
    try:
        from twinkle_notifier.attach import trainers

        return trainers.before, trainers.after
    except Exception:  # another Python, without our package
        return _nothing, _nothing


def _nothing(*_):
    pass


_TRAINERS = {
    "transformers.trainer": "transformers",
    "lightning.pytorch.trainer.trainer": "lightning",
    "pytorch_lightning.trainer.trainer": "lightning",
}
_HOOKS = {
    "torch.distributed.elastic.agent.server.api": _agent_loaded,
    "torch.distributed.elastic.agent.server.local_elastic_agent": _local_agent_loaded,
    "multiprocessing.util": _children_loaded,
    "multiprocessing.process": _processes_loaded,
}
_HOOKS.update((name, _trainer_loaded) for name in _TRAINERS)
