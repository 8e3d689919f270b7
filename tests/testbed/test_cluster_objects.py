"""The client of the demo: objects by kind and name."""

from pathlib import Path

from testbed.cluster import Address
from testbed.cluster_objects import ClusterObjects
from testbed.kubernetes import TOKEN, FakeKubernetes
from testbed.tokens import ISSUER

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"namespace": "shop", "name": "db"},
    "data": {"a": "MQ=="},
}


def test_objects_are_made_changed_found_and_deleted() -> None:
    with FakeKubernetes(writable=True) as fake:
        fake.put_namespace("shop")
        objects = ClusterObjects("fake", Address(fake.url, Path(), TOKEN, Path()), ISSUER)
        assert objects.get("Secret", "db", "shop") == {}
        objects.apply(SECRET)
        objects.apply({**SECRET, "data": {"b": "Mg=="}})
        assert objects.data("db", "shop") == {"a": b"1", "b": b"2"}
        objects.patch("Secret", "db", "shop", {"data": {"a": None}})
        assert objects.data("db", "shop") == {"b": b"2"}
        assert [one["metadata"]["name"] for one in objects.list("Secret")] == ["db"]
        objects.delete("Secret", "db", "shop")
        assert objects.list("Secret") == []
