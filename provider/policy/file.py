"""The operator's policy: general rules by options, rules of namespaces in a watched file.

A file that is not valid changes nothing: the rules before it stay in force.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from provider.manifests.entries import Entry, Findings, read_entry, read_list
from provider.manifests.keys import Key
from provider.manifests.nodes import Items
from provider.manifests.problems import InvalidSpec, quote
from provider.manifests.yaml_tree import read_document
from provider.policy.rules import Policy, Rule
from provider.runtime.log import fields, logger
from provider.runtime.metrics import Metrics
from provider.runtime.process import StartFailed
from provider.runtime.shared_options import SharedOptions

LOOK_SECONDS = 5.0
"""Seconds between two checks of the file: the kubelet updates a ConfigMap about once a minute."""

MAX_CHARACTERS = 256 * 1024
"""Characters of the file that are read: the parser of YAML accepts no more."""

LISTS = {
    "namespaces": "namespaces",
    "regions": "regions",
    "accounts": "accounts",
    "roleArns": "role_arns",
    "secretNames": "secret_names",
}
"""Keys of a rule that hold globs, and the fields of `Rule`."""
RULE_KEYS = (
    Key("name", "Name of the rule in messages", required=True),
    Key("namespaces", "Namespaces that the rule is about", "names", required=True),
    *(Key(name, "What is allowed", "names") for name in LISTS if name != "namespaces"),
)
FILE_KEYS = (Key("rules", "The rules, the first one that covers a namespace counts", "list"),)


async def open_policy(options: SharedOptions, metrics: Metrics, stack: AsyncExitStack) -> Policy:
    """The limits that the options describe; raises `StartFailed` if the file is not valid.

    The stack ends the watch of the file.
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
    stack.callback(asyncio.create_task(file.watch()).cancel)
    return policy


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules in YAML or JSON; raises `InvalidSpec` with every mistake."""
    findings = Findings()
    node = read_document(text, "policy")
    top = read_entry(node, FILE_KEYS, "policy", findings) if node else None
    has_no_value = top is not None and not (top.values or isinstance(top.node["rules"], Items))
    if not node or has_no_value:  # a file that was cut off must not lift all limits
        message = "has no rules: write `rules: []` where nothing is to be limited"
        findings.error("policy", message, node)
    listed = read_list(top.values.get("rules") if top else None, "rules")
    entries = [read_entry(item, RULE_KEYS, path, findings) for path, item in listed]
    rules = tuple(_rule(entry) for entry in entries if entry)
    # An unknown key is ignored in a class; here it would be a limit that does not apply.
    if problems := [*findings.problems, *findings.warnings]:
        raise InvalidSpec(problems)
    return rules


def _rule(entry: Entry) -> Rule:
    """The rule of an entry. A key without a value or with an empty list is a mistake: it may be
    meant to allow nothing, or everything."""
    for key in LISTS:
        node = entry.node[key]
        if node is not None and key not in entry.values:
            what = "an empty list" if isinstance(node, Items) else "no value"
            message = f"has {what}: leave the key out to allow everything, or name what is allowed"
            entry.findings.error(entry.path_of(key), message, node)
    lists = {field: entry.names[key] for key, field in LISTS.items() if key in entry.names}
    return Rule(f"rule {quote(entry['name'] or '')}", **lists)


class PolicyFile:
    """Keeps the rules of namespaces of a policy as the file has them. One for the process."""

    def __init__(self, path: Path, policy: Policy) -> None:
        self._path = path
        self._policy = policy
        self._text: str | None = None
        self.problem = ""
        """Why the file as it is now is not in force; empty if it is."""

    def load(self) -> bool:
        """Read the file; returns whether it has changed.

        Raises `OSError`, or `InvalidSpec` with every mistake.
        """
        with self._path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_CHARACTERS + 1)
        if text == self._text:
            return False
        self._policy.own = parse_rules(text)
        self._text = text
        return True

    async def watch(self, look_seconds: float = LOOK_SECONDS) -> None:
        """Read the file again whenever it changes, until cancelled."""
        while True:
            await asyncio.sleep(look_seconds)
            has_changed, problem = False, ""
            try:
                has_changed = await asyncio.to_thread(self.load)
            except (OSError, InvalidSpec) as error:
                problem = str(error)
            if problem and problem != self.problem:
                logger.error(
                    "the policy file is not valid: the rules that were read before stay in force",
                    extra=fields(file=str(self._path), error=problem),
                )
            self.problem = problem
            if has_changed:
                logger.info("policy read", extra=fields(rules=len(self._policy.own)))
                self._policy.changed()
