import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from provider.aws import rules


def functions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "fn" in node:
            yield node["fn"]
        for inner in node.values():
            yield from functions(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from functions(inner)


@pytest.mark.parametrize("service", ["secretsmanager", "ssm", "sts"])
def test_the_installed_rules_use_no_function_that_is_not_there(service: str) -> None:
    used = set(functions(rules._rule_set(service)["rules"]))
    assert used <= rules._FUNCTIONS.keys()


def test_asking_aws_imports_no_sdk() -> None:
    code = (
        "import sys, provider.aws.stores.secrets_manager, provider.aws.stores.parameter_store, provider.aws.sts;"
        "from provider.aws.endpoints import Endpoints;"
        "Endpoints({}).resolve('ssm', 'eu-west-1');"
        "heavy = {'botocore', 'boto3', 'urllib3', 'dateutil', 'urllib.request', 'http.client'};"
        "heavy.add('email');"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "set()\n"
