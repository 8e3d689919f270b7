"""The command line: from arguments to a command and its exit code."""
