"""Processes that crash or are refused without a Python error: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

_CRASHED = "Fatal Python error: Segmentation fault"

CASES: dict[str, Case] = {
    "openmp-twice": Case(
        hits=(
            printed("OMP: Error #15: Initializing libiomp5md.dll, but found libiomp5md.dll already initialized."),
            printed("x\nOMP: Error #15: Initializing libomp.dylib, but found libiomp5.dylib already initialized."),
        ),
        misses=(
            printed(
                "the advice was: OMP: Error #15: Initializing libiomp5md.dll, but found libiomp5md.dll "
                "already initialized."
            ),
            raised(
                "ValueError",
                "OMP: Error #15: Initializing libiomp5md.dll, but found libiomp5md.dll already initialized.",
            ),
        ),
    ),
    "mkl-threading": Case(
        hits=(
            printed(
                "Error: mkl-service + Intel(R) MKL: MKL_THREADING_LAYER=INTEL is incompatible with "
                "libgomp-a34b3233.so.1 library.\n	Try to import numpy first or set the threading layer "
                "accordingly."
            ),
            printed(
                "Error: mkl-service + Intel(R) MKL: MKL_THREADING_LAYER=INTEL is incompatible with "
                "libgomp.so.1 library."
            ),
        ),
        misses=(
            printed(
                "the advice was: Error: mkl-service + Intel(R) MKL: MKL_THREADING_LAYER=INTEL is "
                "incompatible with libgomp-a34b3233.so.1 library.\n	Try to import numpy first or set the "
                "threading layer accordingly."
            ),
            raised(
                "ValueError",
                (
                    "Error: mkl-service + Intel(R) MKL: MKL_THREADING_LAYER=INTEL is incompatible with "
                    "libgomp-a34b3233.so.1 library.\n	Try to import numpy first or set the threading layer "
                    "accordingly."
                ),
            ),
        ),
    ),
    "mkl-library-missing": Case(
        hits=(
            printed("Intel MKL FATAL ERROR: Cannot load libmkl_avx512.so.2 or libmkl_def.so.2."),
            printed("INTEL MKL ERROR: /lib/libmkl_avx2.so.1: undefined symbol: mkl_sparse_optimize_bsr_trsm_i8."),
        ),
        misses=(
            printed("the advice was: Intel MKL FATAL ERROR: Cannot load libmkl_avx512.so.2 or libmkl_def.so.2."),
            raised("ValueError", "Intel MKL FATAL ERROR: Cannot load libmkl_avx512.so.2 or libmkl_def.so.2."),
        ),
    ),
    "python-module-missing": Case(
        hits=(
            printed("/usr/bin/python: No module named torch.distributed.run"),
            printed("/opt/venv/bin/python3: No module named accelerate"),
        ),
        misses=(
            printed("warning: see /usr/bin/python: No module named torch"),
            raised("ImportError", "/usr/bin/python: No module named torch.distributed.run"),
        ),
    ),
    "python-script-missing": Case(
        hits=(
            printed("python: can't open file '/w/train.py': [Errno 2] No such file or directory"),
            printed("/opt/conda/bin/python3: can't open file 'main.py': [Errno 2] No such file or directory"),
        ),
        misses=(
            printed("note: python: can't open file '/w/train.py': [Errno 2] No such file or directory"),
            raised("FileNotFoundError", "python: can't open file '/w/train.py': [Errno 2] No such file or directory"),
        ),
    ),
    "slurm-launch-failed": Case(
        hits=(
            printed("srun: error: Task launch for 36.0 failed on node cn131: Job credential expired"),
            printed("srun: error: Task launch for StepId=812.0 failed on node gpu07: Communication connection failure"),
        ),
        misses=(
            printed("the advice was: srun: error: Task launch for 36.0 failed on node cn131: Job credential expired"),
            raised("ValueError", "srun: error: Task launch for 36.0 failed on node cn131: Job credential expired"),
        ),
    ),
    "slurm-account": Case(
        hits=(
            printed(
                "srun: error: Unable to allocate resources: Invalid account or account/partition combination specified"
            ),
            printed("sbatch: error: Batch job submission failed: Invalid partition name specified"),
        ),
        misses=(
            printed(
                "the advice was: srun: error: Unable to allocate resources: Invalid account or "
                "account/partition combination specified"
            ),
            raised(
                "ValueError",
                (
                    "srun: error: Unable to allocate resources: Invalid account or account/partition combination "
                    "specified"
                ),
            ),
        ),
    ),
    "text-surrogates": Case(
        hits=(
            raised(
                "UnicodeEncodeError",
                "'utf-8' codec can't encode character '\\udce4' in position 10: surrogates not allowed",
            ),
            raised(
                "UnicodeEncodeError", "'utf-8' codec can't encode characters in position 3-4: surrogates not allowed"
            ),
        ),
        misses=(
            raised(
                "UnicodeEncodeError",
                (
                    "an earlier attempt said: 'utf-8' codec can't encode character '\\udce4' in position 10: "
                    "surrogates not allowed"
                ),
            ),
            raised("KeyError", "'utf-8' codec can't encode character '\\udce4' in position 10: surrogates not allowed"),
        ),
    ),
    "slurm-container": Case(
        hits=(
            printed(
                "slurmstepd: error: pyxis: couldn't start container\nslurmstepd: error: spank: required plugin spank_pyxis.so: "
                "task_init() failed with rc=-1\nslurmstepd: error: Failed to invoke spank plugin stack\nsrun: error: node001: "
                "task 0: Exited with exit code 1"
            ),
            printed(
                "slurmstepd: error: pyxis: failed to import docker image\nslurmstepd: error: pyxis: printing log file:"
            ),
        ),
        misses=(
            printed("pyxis: importing docker image: hello-world.sqsh"),
            printed("srun: error: node001: task 0: Exited with exit code 1"),
        ),
    ),
    "segfault-shown": Case(
        hits=(
            killed("SIGSEGV", f"{_CRASHED}\n\nThread 0x00007f7a (most recent call first):\n"),
            killed("SIGSEGV", f"{_CRASHED}\n" + "step 1\n" * 90),
        ),
        misses=(killed("SIGSEGV"), killed("SIGABRT", _CRASHED), printed(_CRASHED)),
    ),
}
