"""The commands that people run beside the daemon, one package each.

The module of a command has `add_options(parser)` and `run(options)`, which returns the exit code.
"""
