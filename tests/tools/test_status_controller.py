"""The table of `status` of a controller."""

from typing import Any

from provider.tools.status.tables import controller_table
from provider.tools.terminal import Paint

PLAIN = Paint(is_on=False)
ROLE = "role arn:aws:iam::111122223333:role/app of service account shop/app"
SECRET = {
    "type": "secretsmanager",
    "name": "db",
    "version": "v1",
    "region": "eu-west-1",
    "identity": ROLE,
}
WELL: dict[str, Any] = {
    "namespace": "shop",
    "name": "db",
    "ready": "True",
    "reason": "SecretSynced",
    "message": "secret synced",
    "secret": "db",
    "stores": ["SecretStore/aws", "SecretStore/other"],
    "refreshIntervalSeconds": 3600.0,
    "lastRefresh": "2026-01-02T03:59:30Z",
    "next": "2026-01-02T04:50:00Z",
    "calls": 1,
    "secretCount": 3,
    "secrets": [SECRET],
}
FAILING = WELL | {
    "name": "api",
    "ready": "False",
    "reason": "SecretSyncedError",
    "message": "could not get secret data from provider: AccessDenied",
}
NEVER = FAILING | {"name": "new", "lastRefresh": None, "secrets": [], "secretCount": 0}
UNREADABLE = {
    "namespace": "shop",
    "name": "odd",
    "ready": "False",
    "reason": "Unreadable",
    "message": "no \x1b[2Jmetadata",
}
STORE = {
    "kind": "ClusterSecretStore",
    "namespace": "",
    "name": "aws",
    "ready": "False",
    "reason": "InvalidProviderConfig",
    "message": "unable to create client",
}
SHARED = {
    "type": "secretsmanager",
    "name": "db",
    "region": "eu-west-1",
    "identity": ROLE,
    "externalSecretCount": 12,
    "externalSecrets": ["shop/api", "shop/db"],
}


def document(*found: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "now": "2026-01-02T04:00:00Z",
        "controller": {
            "version": "0.1.0",
            "pid": 1,
            "pod": "controller-0",
            "started": "2026-01-02T01:00:00Z",
            "leading": True,
            "leader": "controller-0",
        },
        "queue": {"waiting": 2, "inProgress": 1, "scheduled": 9, "oldestWaitSeconds": 0.5},
        "counts": {
            "externalSecrets": 7,
            "externalSecretsFailing": 3,
            "stores": 1,
            "storesFailing": 1,
        },
        "stores": [STORE],
        "externalSecrets": list(found),
        "shared": [SHARED],
    } | changes


def test_everything_is_on_the_page() -> None:
    lines = controller_table(document(FAILING, NEVER, UNREADABLE, WELL), PLAIN, 120).splitlines()
    assert lines[0] == (
        "7 ExternalSecrets, 3 not Ready; 1 store, 1 not Ready; 2 waiting, 1 in progress; "
        "version 0.1.0 in controller-0, up 3h"
    )
    assert "ClusterSecretStore aws: InvalidProviderConfig: unable to create client" in lines
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("shop/")}
    where = ["SecretStore/aws", "+1"]
    assert rows["shop/api"] == [*where, "failing", "30s", "ago", "in", "50m", "1"]
    assert rows["shop/new"] == [*where, "failed", "never", "in", "50m", "1"]
    assert rows["shop/odd"] == ["-", "failed", "never", "-", "-"]
    assert rows["shop/db"] == [*where, "ok", "30s", "ago", "in", "50m", "1"]
    assert ["db", "v1", "secretsmanager", "eu-west-1"] in [line.split() for line in lines]
    assert f"    as {ROLE}" in lines
    assert "    … and 2 more" in lines
    assert "… and 3 more" in lines
    assert "    SecretSyncedError: could not get secret data from provider: AccessDenied" in lines
    assert "shop/api, shop/db and 10 more" in "\n".join(lines)
    assert not [line for line in lines if "\x1b" in line]


def test_another_replica_names_the_leader() -> None:
    about = document()["controller"] | {"leading": False, "leader": "controller-1"}
    shown = controller_table({"format": 1, "controller": about}, PLAIN, 80)
    assert shown == (
        "controller-0 is not the leader, and works on nothing; "
        "the leader is controller-1: ask there\n"
    )
