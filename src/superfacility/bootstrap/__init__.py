"""Settings -> everything that runs: binds each port to its adapter. The only place that picks adapters.

`stores` is what an operator's command needs: the database and nothing that reaches a system. `runtime` opens the
systems too and adds the use cases, the worker and the loops in the background. Import from the modules: a command pays
for what it needs.
"""
