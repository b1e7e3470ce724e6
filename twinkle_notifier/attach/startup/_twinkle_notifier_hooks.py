"""Wraps functions of modules that make processes or trainers. `_twinkle_notifier_attach` loads it."""

import _twinkle_notifier_attach as attach
from _twinkle_notifier_attach import os, sys, time  # as they were at the start

recorder = attach.part("record")  # loaded now: a crash must read no files


def loaded(name, module):
    """Wrap a method of `module`, which has just been loaded, unless it is ours already."""
    if name == "multiprocessing.util":
        _children_loaded(module)
        return
    import functools

    owner, method, before, after = _METHODS[name]
    owner = getattr(module, owner)
    original = getattr(owner, method)
    if not hasattr(original, "_twinkle_notifier"):
        ours = functools.wraps(original)(_between(before, original, after, module))
        ours._twinkle_notifier = True
        setattr(owner, method, ours)


def _between(before, original, after, module):
    def ours(self, *args, **kwargs):
        try:
            _tried(before, self, module)
            result = original(self, *args, **kwargs)
            _tried(after, self, result)
            return result
        except BaseException as error:
            attach.hide(error)
            raise

    return ours


def _tried(hook, owner, value):
    try:
        hook(owner, value)
    except Exception:  # another version, a class of the user's, the disk is full, a Python without our package
        pass


def _nothing(owner, value):
    pass


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


def _children_loaded(util):
    """Before Python 3.13: it calls us in a child, before the child's work and after that failed."""

    def begins(_):
        before = sys.exc_info()[1]
        util.Finalize(None, lambda: _child_ended(sys.exc_info()[1], before), exitpriority=1_000_000_000)

    util.register_after_fork(attach, begins)
    begins(attach)  # a child by "spawn" is not forked


def _child_begins(process, _):
    """From Python 3.13 on the work itself is wrapped: see `attach.hide`."""
    process.run = _noted(process.run, sys.exc_info()[1])


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


def _agent_restarts(agent, _):
    failures = recorder.failures_of(vars(agent).pop("_twinkle_notifier_failures", None))
    most, left = agent._worker_group.spec.max_restarts, agent._remaining_restarts
    number = vars(agent).get("_twinkle_notifier_restarts", 0) + 1
    agent._twinkle_notifier_restarts = number
    fields = {"pid": os.getpid(), "at": time.time(), "attempt": most - left + (not failures), "attempts": most + 1}
    fields["failures"] = failures
    recorder.write("%d-%d.restart" % (os.getpid(), number), fields)


def _agent_checked(agent, result):
    """Keep the failures, and in each the folder of the rank's files: its `error_file` is none if it wrote no error."""
    agent._twinkle_notifier_failures = getattr(result, "failures", None)
    for failure in result.failures.values():
        error_file = agent._pcontext.error_files[failure.local_rank]
        failure._twinkle_notifier_logs = os.path.dirname(os.path.abspath(error_file))


# Trainers: our package is loaded when the first one is made, not before


def _transformers(trainer, module):
    from twinkle_notifier.attach import trainers

    trainers.attach("transformers", module)


def _lightning(trainer, _):
    from twinkle_notifier.attach import trainers

    trainers.attach("lightning", trainer)


_AGENT = "torch.distributed.elastic.agent.server."
_METHODS = {
    _AGENT + "api": ("SimpleElasticAgent", "_restart_workers", _agent_restarts, _nothing),
    _AGENT + "local_elastic_agent": ("LocalElasticAgent", "_monitor_workers", _nothing, _agent_checked),
    "multiprocessing.process": ("BaseProcess", "_bootstrap", _child_begins, _nothing),
    "transformers.trainer": ("Trainer", "__init__", _transformers, _nothing),
    "lightning.pytorch.trainer.trainer": ("Trainer", "__init__", _nothing, _lightning),
    "pytorch_lightning.trainer.trainer": ("Trainer", "__init__", _nothing, _lightning),
}
