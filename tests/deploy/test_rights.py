"""What the daemon may do in the Kubernetes API: the documents, the manifests and the code agree."""

import re

import pytest

from testbed.kubernetes import FakeKubernetes
from tests.deploy import chart, manifests, policy
from tests.deploy.conftest import Start

NAME = "secrets-provider-aws"
Right = tuple[str, str, str]
DAEMONSET = manifests.rendered(manifests.DEPLOY / "daemonset")


def documented() -> dict[str, set[Right]]:
    """Rights by the last column of the table in SECURITY.md."""
    text = (manifests.ROOT / "SECURITY.md").read_text()
    found: dict[str, set[Right]] = {}
    for rights, when in re.findall(r"^\| (`\w+` .*?) \| .* \| (.+?) \|$", text, re.MULTILINE):
        *verbs, resource = re.findall(r"`(\w+)`", rights)
        found[when] = {("", resource, verb) for verb in verbs}
    return found


def test_every_cluster_role_allows_what_the_documents_say() -> None:
    table = documented()
    always, unless_region = table["always"], table["unless `awsRegion` is set"]
    assert table["never, because they set it"] == {("", "pods", "get")}
    assert policy.granted(DAEMONSET, NAME) == always | unless_region
    assert policy.granted(chart.rendered("default"), NAME) == always | unless_region
    assert policy.granted(chart.rendered("aws"), NAME) == always
    with_events = policy.granted(chart.rendered("watched"), NAME)
    assert with_events == always | unless_region | table["only with `events`"]
    assert len(table) == 4


@pytest.mark.parametrize("file", ["docs/threat-model.md", "docs/operations.md"])
def test_other_documents_say_the_same(file: str) -> None:
    text = " ".join((manifests.ROOT / file).read_text().split())
    assert re.search(r"get` on serviceaccounts|get serviceaccounts, and nodes unless", text)
    assert "`get` on serviceaccounts and nodes" not in text


def test_the_daemon_asks_for_what_it_may(start: Start, kubernetes: FakeKubernetes) -> None:
    assert start(policy.provider(chart.pod("default"))).files() == {"db": b"value"}
    allowed = {f"{verb} {resource}" for _, resource, verb in policy.granted(DAEMONSET, NAME)}
    assert {call.operation for call in kubernetes.journal.calls} == allowed
