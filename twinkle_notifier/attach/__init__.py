"""Callbacks and hooks inside the Python processes below `twinkle-notifier run`.

The supervisor puts the folder `startup` before the PYTHONPATH of its command. Each Python that starts below it runs
`startup/sitecustomize.py`, which loads `startup/_twinkle_notifier_attach.py`: that records what ended the process,
and gives trainers our callback, see `trainers`. The files of `startup` use the standard library alone: the
Python that runs them may not have this package.
"""
