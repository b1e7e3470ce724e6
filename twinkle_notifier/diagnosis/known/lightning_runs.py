"""Lightning and its versions."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "lightning-no-accelerator",
        Advice(
            "Lightning is to use a GPU (or TPU), and finds none",
            (
                "see torch.cuda.is_available(), nvidia-smi and CUDA_VISIBLE_DEVICES; is torch a CUDA build?",
                "or set accelerator='auto' or 'cpu'",
            ),
        ),
        Advice(
            "Lightning 要使用 GPU（或 TPU），但没有找到",
            (
                "检查 torch.cuda.is_available()、nvidia-smi、CUDA_VISIBLE_DEVICES；torch 是否为 CUDA 版",
                "或设 accelerator='auto' 或 'cpu'",
            ),
        ),
        "https://lightning.ai/docs/pytorch/stable/accelerators/gpu_basic.html",
        says=(
            "No supported gpu backend found!",
            "CUDAAccelerator can not run on your system since the accelerator is not available.",
            "`CUDAAccelerator` can not run on your system since the accelerator is not available.",
            "GPUAccelerator can not run on your system since the accelerator is not available.",
            "MPSAccelerator can not run on your system since the accelerator is not available.",
        ),
        types=("MisconfigurationException",),
    ),
    Rule(
        "lightning-cuda-before-fork",
        Advice(
            "CUDA was used before Lightning started its processes",
            (
                (
                    "make no tensor on the GPU, and call no torch.cuda function, before trainer.fit(); in a "
                    "notebook restart the kernel"
                ),
                "or strategy='ddp_spawn', or a script in place of the notebook",
            ),
        ),
        Advice(
            "在 Lightning 启动进程之前已经使用了 CUDA",
            (
                "trainer.fit() 之前不要在 GPU 上创建张量或调用 torch.cuda 函数；notebook 需重启 kernel",
                "或用 strategy='ddp_spawn'，或改用脚本",
            ),
        ),
        "https://lightning.ai/docs/pytorch/stable/accelerators/gpu_intermediate.html",
        says=("Lightning can't create new processes if CUDA is already initialized.",),
        types=("RuntimeError",),
    ),
    Rule(
        "lightning-argument-removed",
        Advice(
            "the code was written for an older Lightning: its Trainer no longer takes this argument",
            (
                (
                    "gpus=N is now accelerator='gpu', devices=N; a checkpoint goes to "
                    "trainer.fit(ckpt_path=...); see the 2.0 migration guide"
                ),
                "or install the older release that the project names",
            ),
        ),
        Advice(
            "代码是为旧版 Lightning 写的：Trainer 不再接受该参数",
            (
                "gpus=N 改为 accelerator='gpu', devices=N；checkpoint 传给 trainer.fit(ckpt_path=...)；见 2.0 迁移指南",
                "或安装该项目要求的旧版本",
            ),
        ),
        "https://lightning.ai/docs/pytorch/stable/upgrade/migration_guide.html",
        says=(
            "Trainer.__init__() got an unexpected keyword argument 'gpus'",
            "__init__() got an unexpected keyword argument 'gpus'",
            "Trainer.__init__() got an unexpected keyword argument 'progress_bar_refresh_rate'",
            "__init__() got an unexpected keyword argument 'progress_bar_refresh_rate'",
            "Trainer.__init__() got an unexpected keyword argument 'auto_select_gpus'",
            "__init__() got an unexpected keyword argument 'auto_select_gpus'",
            "Trainer.__init__() got an unexpected keyword argument 'checkpoint_callback'",
            "__init__() got an unexpected keyword argument 'checkpoint_callback'",
            "Trainer.__init__() got an unexpected keyword argument 'weights_summary'",
            "__init__() got an unexpected keyword argument 'weights_summary'",
            "Trainer.__init__() got an unexpected keyword argument 'resume_from_checkpoint'",
            "__init__() got an unexpected keyword argument 'resume_from_checkpoint'",
            "Trainer.__init__() got an unexpected keyword argument 'replace_sampler_ddp'",
            "__init__() got an unexpected keyword argument 'replace_sampler_ddp'",
            "Trainer.__init__() got an unexpected keyword argument 'auto_lr_find'",
            "__init__() got an unexpected keyword argument 'auto_lr_find'",
            "Trainer.__init__() got an unexpected keyword argument 'auto_scale_batch_size'",
            "__init__() got an unexpected keyword argument 'auto_scale_batch_size'",
            "Trainer.__init__() got an unexpected keyword argument 'tpu_cores'",
            "__init__() got an unexpected keyword argument 'tpu_cores'",
            "Trainer.__init__() got an unexpected keyword argument 'flush_logs_every_n_steps'",
            "__init__() got an unexpected keyword argument 'flush_logs_every_n_steps'",
            "Trainer.__init__() got an unexpected keyword argument 'terminate_on_nan'",
            "__init__() got an unexpected keyword argument 'terminate_on_nan'",
            "Trainer.__init__() got an unexpected keyword argument 'stochastic_weight_avg'",
            "__init__() got an unexpected keyword argument 'stochastic_weight_avg'",
            "Trainer.__init__() got an unexpected keyword argument 'amp_backend'",
            "__init__() got an unexpected keyword argument 'amp_backend'",
        ),
        types=("TypeError",),
    ),
    Rule(
        "lightning-hook-removed",
        Advice(
            "the module has {hook}(), which Lightning 2 no longer calls",
            (
                (
                    "rename it to on_{hook}() without an argument, and collect the outputs of the steps in a "
                    "list of your own"
                ),
            ),
        ),
        Advice(
            "模块定义了 {hook}()，Lightning 2 不再调用它",
            ("改名为不带参数的 on_{hook}()，并在自己的列表里收集各 step 的输出",),
        ),
        "https://lightning.ai/docs/pytorch/stable/upgrade/migration_guide.html",
        says=("Support for `{hook:word}` has been removed in v2.0.0.",),
        types=("NotImplementedError",),
    ),
    Rule(
        "lightning-devices-missing",
        Advice(
            "the Trainer is to use the GPUs {asked}, but this process sees only {seen}",
            ("set devices to what is there, or look at CUDA_VISIBLE_DEVICES and the GPUs that the job was given",),
        ),
        Advice(
            "Trainer 要用 GPU {asked}，但这个进程只能看到 {seen}",
            ("把 devices 改成实际可用的，或检查 CUDA_VISIBLE_DEVICES 和作业申请的 GPU 数",),
        ),
        "https://github.com/xiong-zhitong/DOFA-pytorch/issues/20",
        says=("You requested gpu: {asked}", "You requested GPUs: {asked}"),
        also=("But your machine only has: {seen}",),
        types=("MisconfigurationException",),
    ),
    Rule(
        "notebook-strategy",
        Advice(
            "this strategy starts new processes from a script, which a notebook cannot do",
            ("run the code as a script, or in the notebook Trainer(strategy='ddp_notebook')",),
        ),
        Advice(
            "这个 strategy 需要用脚本启动新进程，notebook 里不行",
            ("把代码作为脚本运行，或在 notebook 里用 Trainer(strategy='ddp_notebook')",),
        ),
        "https://github.com/graphnet-team/graphnet/issues/413",
        says=("`Trainer(strategy={})` is not compatible with an interactive environment",),
        types=("MisconfigurationException",),
    ),
)
