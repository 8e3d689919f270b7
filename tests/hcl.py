"""As much of Terraform's language as policies and manifests need."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_TOKEN = re.compile(
    r'\s*(?:#[^\n]*\n|(?P<word>[A-Za-z_][\w.-]*)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>[{}=,\[\]]))'
)
Block = dict[str, Any]


def policy_documents(text: str) -> Mapping[str, Any]:
    """The JSON documents that the data sources of a file come to, by their labels."""
    tokens = _tokens(text)
    documents = {}
    for word in tokens:
        kind, label = json.loads(next(tokens)), json.loads(next(tokens))
        assert (word, kind, next(tokens)) == ("data", "aws_iam_policy_document", "{")
        statements = _block(tokens)["statement"]
        documents[label] = {
            "Version": "2012-10-17",
            "Statement": [_statement(one) for one in statements],
        }
    return documents


def resources(text: str, kind: str) -> Mapping[str, Block]:
    """The arguments of the resources of one kind, by their names."""
    tokens = _tokens(text)
    found = {}
    for word in tokens:
        made, name = json.loads(next(tokens)), json.loads(next(tokens))
        assert (word, made, next(tokens)) == ("resource", kind, "{")
        found[name] = _block(tokens)
    return found


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        assert token, f"not HCL: {text[at : at + 40]}"
        at = token.end()
        if token.lastgroup:
            yield token[token.lastgroup]


def _block(tokens: Iterator[str]) -> Block:
    block: Block = {}
    for name in tokens:
        if name == "}":
            break
        if next(tokens) == "{":
            block.setdefault(name, []).append(_block(tokens))
        else:
            block[name] = _value(tokens)
    return block


def _value(tokens: Iterator[str], first: str = "") -> Any:
    first = first or next(tokens)
    if first == "{":
        return _block(tokens)
    if first != "[":
        return _text(first)
    return [_value(tokens, token) for token in iter(lambda: next(tokens), "]") if token != ","]


def _text(token: str) -> str:
    """A template without interpolations; `&{` is what the data source makes `${` of."""
    if not token.startswith('"'):
        return f"${{{token}}}"  # a reference
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", token), f"Terraform would fill in {token}"
    return str(json.loads(token.replace("$${", "${").replace("%%{", "%{"))).replace("&{", "${")


def _statement(block: Block) -> Mapping[str, Any]:
    statement: Block = {"Sid": block["sid"], "Effect": "Allow"}
    for one in block.get("principals", ()):
        [statement["Principal"]] = [{one["type"]: who} for who in one["identifiers"]]
    statement["Action"] = block["actions"]
    if "resources" in block:
        statement["Resource"] = block["resources"]
    for one in block.get("condition", ()):
        operator = statement.setdefault("Condition", {}).setdefault(one["test"], {})
        operator[one["variable"]] = one["values"]
    return statement
