"""The file with the rules of namespaces, read again when it changes.

A file that is not valid changes nothing: the rules before it stay in force.
"""

import asyncio
from pathlib import Path

from provider.manifests.entries import Entry, Findings, read_entry, read_list
from provider.manifests.keys import Key
from provider.manifests.nodes import Items, Node
from provider.manifests.problems import InvalidSpec, quote
from provider.manifests.yaml_tree import NotReadable, read_document
from provider.policy.rules import Policy, Rule
from provider.runtime.log import fields, logger

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


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules in YAML or JSON; raises `InvalidSpec` with every mistake."""
    findings = Findings()
    try:
        node = read_document(text)
    except NotReadable as error:
        findings.problems.append(error.problem("policy"))
        node = None
    rules = () if node is None else tuple(_rules(node, findings))
    # What has no effect in a class would be a limit that does not hold here.
    if problems := [*findings.problems, *findings.warnings]:
        raise InvalidSpec(problems)
    return rules


def _rules(node: Node, findings: Findings) -> list[Rule]:
    top = read_entry(node, FILE_KEYS, "policy", findings)
    items = top.lists.get("rules") if top else None
    rules: list[Rule] = []
    for path, item in read_list(items, "rules") if items else ():
        entry = read_entry(item, RULE_KEYS, path, findings)
        if entry is None:
            continue
        _check_lists(entry, findings)
        rule = Rule(
            f"rule {quote(entry['name'] or '')}",
            **{field: entry.names[key] for key, field in LISTS.items() if key in entry.names},
        )
        rules.append(rule)
    return rules


def _check_lists(entry: Entry, findings: Findings) -> None:
    """A list without an entry reads like "nothing", and a key without a value like "anything"."""
    for key in LISTS:
        node = entry.node[key]
        if node is not None and key not in entry.values:
            what = "an empty list" if isinstance(node, Items) else "no value"
            message = f"has {what}: leave the key out to allow everything, or name what is allowed"
            findings.error(entry.path_of(key), message, node)


class PolicyFile:
    """Keeps the rules of namespaces of a policy as the file has them. One for the process."""

    def __init__(self, path: Path, policy: Policy, look_seconds: float = LOOK_SECONDS) -> None:
        self._path = path
        self._policy = policy
        self._look_seconds = look_seconds
        self._text: str | None = None
        self._looking: asyncio.Task[None] | None = None
        self.problem = ""
        """Why the file as it is now is not in force; empty if it is."""

    def load(self) -> None:
        """Read the file; raises `OSError`, or `InvalidSpec` with every mistake."""
        text = self._read()
        self._policy.own = parse_rules(text)
        self._text = text

    def start(self) -> None:
        """Read the file again whenever it changes, in the running event loop."""
        self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Stop looking at the file."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                text = await asyncio.to_thread(self._read)
                if text == self._text:
                    self.problem = ""
                    continue
                self._policy.own = await asyncio.to_thread(parse_rules, text)
            except (OSError, InvalidSpec) as error:
                self._keep_old_rules(str(error))
            else:
                self._text, self.problem = text, ""
                logger.info("policy read", extra=fields(rules=len(self._policy.own)))
                self._policy.changed()

    def _read(self) -> str:
        with self._path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MAX_CHARACTERS + 1)

    def _keep_old_rules(self, problem: str) -> None:
        if problem != self.problem:
            what = fields(file=str(self._path), error=problem)
            logger.error(
                "the policy file is not valid: the rules that were read before stay in force",
                extra=what,
            )
        self.problem = problem
