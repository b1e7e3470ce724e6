"""Rules on metrics: what a trainer logs becomes an alert when a condition holds, and another when it is over.

A rule is text: ``zscore(loss[50]) > 5 => error: spike``. `grammar` reads it, `rule` says what it is, `watch` looks at
what is logged, `report` sends.
"""
