"""The policy that the options of a front door describe: rules of everybody, and a watched file."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from provider.manifests.problems import InvalidSpec
from provider.policy.file import PolicyFile
from provider.policy.rules import Globs, Policy, Rule
from provider.runtime.metrics import Metrics


class PolicyOptions(NamedTuple):
    """The options `--allowed-…`, which hold for everybody, and `--policy-file`."""

    regions: Globs
    accounts: Globs
    role_arns: Globs
    file: Path | None


class PolicyFileNotValid(Exception):
    """The policy file cannot be used; the message says why in one line."""


async def open_policy(options: PolicyOptions, metrics: Metrics, stack: AsyncExitStack) -> Policy:
    """The operator's limits; the stack ends the watch of the file. Raises `PolicyFileNotValid`."""
    policy = Policy(
        (
            Rule("--allowed-regions", regions=options.regions),
            Rule("--allowed-accounts", accounts=options.accounts),
            Rule("--allowed-role-arns", role_arns=options.role_arns),
        )
    )
    if options.file is None:
        return policy
    file = PolicyFile(options.file, policy)
    try:
        file.load()
    except (OSError, InvalidSpec) as error:
        why = str(error).replace("\n", "; ")
        raise PolicyFileNotValid(f"--policy-file {options.file}: {why}") from error
    metrics.watch(
        "policy_file_failing",
        "1 while the policy file is not valid, so that an older one is in force.",
        lambda: bool(file.problem),
    )
    file.start()
    stack.push_async_callback(file.close)
    return policy
