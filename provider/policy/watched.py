"""The policy that the options of a front door describe: rules of everybody, and a watched file."""

from contextlib import AsyncExitStack

from provider.manifests.problems import InvalidSpec
from provider.policy.file import PolicyFile
from provider.policy.rules import Policy, Rule
from provider.runtime.metrics import Metrics
from provider.runtime.process import StartFailed
from provider.runtime.shared_options import SharedOptions


async def open_policy(options: SharedOptions, metrics: Metrics, stack: AsyncExitStack) -> Policy:
    """The operator's limits; the stack ends the watch of the file.

    Raises `StartFailed` if the file is not valid.
    """
    policy = Policy(
        (
            Rule("--allowed-regions", regions=options.allowed_regions),
            Rule("--allowed-accounts", accounts=options.allowed_accounts),
            Rule("--allowed-role-arns", role_arns=options.allowed_role_arns),
        )
    )
    if options.policy_file is None:
        return policy
    file = PolicyFile(options.policy_file, policy)
    try:
        file.load()
    except (OSError, InvalidSpec) as error:
        why = (getattr(error, "strerror", "") or str(error)).replace("\n", "; ")
        raise StartFailed(f"--policy-file {options.policy_file}: {why}") from error
    metrics.watch(
        "policy_file_failing",
        "1 while the policy file is not valid, so that an older one is in force.",
        lambda: bool(file.problem),
    )
    file.start()
    stack.push_async_callback(file.close)
    return policy
