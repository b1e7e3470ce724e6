# pyright: reportMissingTypeStubs=false, reportTypeCommentUsage=false
"""Wraps functions of modules that make processes or trainers. `_twinkle_notifier_attach` loads it."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from twinkle_notifier.attach.startup import _twinkle_notifier_attach as attach
    from twinkle_notifier.attach.startup._twinkle_notifier_attach import Any, Callable, ModuleType, os, sys, time  # noqa: F401

    _Hook = Callable[[Any, Any], None]
    _Method = tuple[str, str, _Hook, _Hook]
else:
    import _twinkle_notifier_attach as attach
    from _twinkle_notifier_attach import os, sys, time  # as they were at the start

recorder = attach.part("record")  # loaded now: a crash must read no files


def loaded(name, module):  # type: (str, ModuleType) -> None
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
        vars(ours)["_twinkle_notifier"] = True
        setattr(owner, method, ours)


def _between(before, original, after, module):  # type: (_Hook, Callable[..., Any], _Hook, ModuleType) -> Callable[..., Any]
    def ours(self, *args, **kwargs):  # type: (Any, *Any, **Any) -> Any
        try:
            _tried(before, self, module)
            result = original(self, *args, **kwargs)
            _tried(after, self, result)
            return result
        except BaseException as error:
            attach.hide(error)
            raise

    return ours


def _tried(hook, owner, value):  # type: (_Hook, Any, Any) -> None
    try:
        hook(owner, value)
    except Exception:  # another version, a class of the user's, the disk is full, a Python without our package
        pass


def _nothing(owner, value):  # type: (Any, Any) -> None
    pass


# Children of multiprocessing, which print an exception instead of raising it


def _child_ended(error, before):  # type: (BaseException | None, BaseException | None) -> None
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


def _children_loaded(util):  # type: (ModuleType) -> None
    """Before Python 3.13: it calls us in a child, before the child's work and after that failed."""

    def begins(_):  # type: (Any) -> None
        before = sys.exc_info()[1]
        util.Finalize(None, lambda: _child_ended(sys.exc_info()[1], before), exitpriority=1_000_000_000)

    util.register_after_fork(attach, begins)
    begins(attach)  # a child by "spawn" is not forked


def _child_begins(process, _):  # type: (Any, Any) -> None
    """From Python 3.13 on the work itself is wrapped: see `attach.hide`."""
    process.run = _noted(process.run, sys.exc_info()[1])


def _noted(run, before):  # type: (Callable[[], object], BaseException | None) -> Callable[[], None]
    def ours():  # type: () -> None
        try:
            run()
        except BaseException as error:
            _child_ended(error, before)
            attach.hide(error)
            raise

    return ours


# torchrun's agent


def _agent_restarts(agent, _):  # type: (Any, Any) -> None
    failures = recorder.failures_of(agent.__dict__.pop("_twinkle_notifier_failures", None))
    most, left = agent._worker_group.spec.max_restarts, agent._remaining_restarts
    number = agent.__dict__.get("_twinkle_notifier_restarts", 0) + 1
    agent._twinkle_notifier_restarts = number
    fields = {"pid": os.getpid(), "at": time.time(), "attempt": most - left + (not failures), "attempts": most + 1}
    fields["failures"] = failures
    recorder.write("%d-%d.restart" % (os.getpid(), number), fields)


def _agent_checked(agent, result):  # type: (Any, Any) -> None
    """Keep the failures, and in each the folder of the rank's files: its `error_file` is none if it wrote no error."""
    agent._twinkle_notifier_failures = getattr(result, "failures", None)
    for failure in result.failures.values():
        error_file = agent._pcontext.error_files[failure.local_rank]
        failure._twinkle_notifier_logs = os.path.dirname(os.path.abspath(error_file))


# Trainers: our package is loaded when the first one is made, not before


def _attach(framework, to):  # type: (str, Any) -> None
    from twinkle_notifier.attach import trainers

    trainers.attach(framework, to)


def _attached(owner, framework):  # type: (str, str) -> _Method
    """To each object of the class `owner`, when it is made."""
    return owner, "__init__", _nothing, lambda trainer, _: _attach(framework, trainer)


_AGENT = "torch.distributed.elastic.agent.server."
_METHODS = {
    _AGENT + "api": ("SimpleElasticAgent", "_restart_workers", _agent_restarts, _nothing),
    _AGENT + "local_elastic_agent": ("LocalElasticAgent", "_monitor_workers", _nothing, _agent_checked),
    "multiprocessing.process": ("BaseProcess", "_bootstrap", _child_begins, _nothing),
    "accelerate.accelerator": _attached("Accelerator", "accelerate"),
    "transformers.trainer": ("Trainer", "__init__", lambda _, module: _attach("transformers", module), _nothing),
    "lightning.pytorch.trainer.trainer": _attached("Trainer", "lightning"),
    "pytorch_lightning.trainer.trainer": _attached("Trainer", "lightning"),
    "llamafactory.v1.core.base_trainer": _attached("BaseTrainer", "llamafactory"),
    "swift.megatron.trainers.base": _attached("BaseMegatronTrainer", "swift_megatron"),
    "ray.train.v2.api.data_parallel_trainer": (
        "DataParallelTrainer",
        "fit",
        lambda trainer, _: _attach("ray", trainer),
        _nothing,
    ),
}  # type: dict[str, _Method]
