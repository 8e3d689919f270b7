"""What is written for an ExternalSecret, given values and the Secret as it is."""

import base64
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from provider.controller.resources.hashes import (
    DATA_HASH_ANNOTATION,
    MANAGED_LABEL,
    OWNER_LABEL,
    data_hash,
    field_manager,
    owner_label,
)
from provider.controller.resources.objects import ExternalSecret, read_external_secret
from provider.controller.resources.template import BOOTSTRAP_TYPE, HELM_TYPE, TOKEN_TYPE
from provider.controller.target.plan import Plan, TargetNotWritable, Wanted, plan

NAME = "db"
LONG = "an-external-secret-with-a-name-of-forty-two"
Document = dict[str, Any]


def external_secret(name: str = NAME, **target: Any) -> ExternalSecret:
    spec = {
        "secretStoreRef": {"name": "aws"},
        "target": target,
        "data": [{"secretKey": "a", "remoteRef": {"key": "x"}}],
    }
    about = {"name": name, "namespace": "shop", "uid": "uid-1", "generation": 1}
    found = read_external_secret({"metadata": about, "spec": spec})
    assert found.spec is not None, found.problems
    return found


def planned(found: ExternalSecret, current: Document | None, **data: str) -> Plan:
    wanted = Wanted(data={key: value.encode() for key, value in data.items()})
    return planned_as(found, current, wanted)


def planned_as(found: ExternalSecret, current: Document | None, wanted: Wanted) -> Plan:
    assert found.spec is not None
    return plan(found.metadata, found.spec, wanted, current)


def encoded(data: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def secret(data: Mapping[str, str], **about: Any) -> Document:
    """A Secret as somebody else has made it."""
    metadata = {"name": NAME, "namespace": "shop", "resourceVersion": "7", "uid": "s", **about}
    kind = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque"}
    return {**kind, "metadata": metadata, "data": encoded(data)}


def stored(written: Document, name: str = NAME) -> Document:
    """What the API server makes of a write of ours."""
    about = written["metadata"]
    fields = {
        "f:data": {f"f:{key}": {} for key in written.get("data", {})},
        "f:metadata": {
            "f:labels": {f"f:{key}": {} for key in about.get("labels", {})},
            "f:annotations": {f"f:{key}": {} for key in about.get("annotations", {})},
        },
    }
    managed = {"manager": field_manager(name), "operation": "Update", "fieldsV1": fields}
    more = {"resourceVersion": "8", "uid": "s", "managedFields": [managed]}
    return {**deepcopy(written), "metadata": {**deepcopy(about), **more}}


def owned_by(kind: str, name: str, group: str = "external-secrets.io/v1") -> Document:
    return {"apiVersion": group, "kind": kind, "name": name, "uid": "other", "controller": True}


def test_a_new_secret_is_as_external_secrets_operator_makes_it() -> None:
    made = planned(external_secret(), None, a="1")
    assert made.action == "create"
    about = made.document["metadata"]
    assert (about["name"], about["namespace"], made.document["type"]) == (NAME, "shop", "Opaque")
    assert made.document["data"] == encoded({"a": "1"})
    assert about["labels"] == {MANAGED_LABEL: "true", OWNER_LABEL: owner_label("shop", NAME)}
    assert about["annotations"] == {DATA_HASH_ANNOTATION: data_hash({"a": b"1"})}
    assert about["ownerReferences"] == [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "name": NAME,
            "uid": "uid-1",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


@pytest.mark.parametrize("policy", ["Owner", "Orphan", "CreateOrMerge"])
@pytest.mark.parametrize("name", [NAME, LONG])
def test_what_is_as_it_should_be_is_not_written(policy: str, name: str) -> None:
    found = external_secret(name, creationPolicy=policy)
    current = stored(planned(found, None, a="1").document, name)
    assert planned(found, current, a="1").action == "nothing"


def test_there_is_nothing_to_merge_into() -> None:
    assert planned(external_secret(creationPolicy="Merge"), None, a="1").action == "missing"


@pytest.mark.parametrize(
    ("policy", "data"),
    [
        ("Owner", {"a": "2"}),
        ("Orphan", {"a": "2"}),
        ("Merge", {"a": "2", "foreign": "f"}),
        ("CreateOrMerge", {"a": "2", "foreign": "f"}),
    ],
)
def test_data_of_others_is_kept_where_data_is_merged(policy: str, data: dict[str, str]) -> None:
    found = external_secret(creationPolicy=policy)
    made = planned(found, secret({"a": "1", "foreign": "f"}, labels={"team": "x"}), a="2")
    assert made.action == "replace"
    assert made.document["data"] == encoded(data)
    about = made.document["metadata"]
    assert about["labels"]["team"] == "x"
    hashed = data_hash({key: value.encode() for key, value in data.items()})
    assert about["annotations"][DATA_HASH_ANNOTATION] == hashed
    assert (OWNER_LABEL in about["labels"]) == (policy == "Owner")
    assert bool(about.get("ownerReferences")) == (policy == "Owner")


@pytest.mark.parametrize("name", [NAME, LONG])
def test_keys_labels_and_annotations_that_we_wrote_go_when_they_are_not_wanted(name: str) -> None:
    found = external_secret(name, creationPolicy="Merge")
    first = Wanted(data={"old": b"1"}, labels={"l": "1"}, annotations={"n": "1"})
    current = stored(planned_as(found, secret({}), first).document, name)
    current["data"] |= encoded({"foreign": "f"})
    current["metadata"]["labels"]["foreign"] = "f"
    document = planned(found, current, new="2").document
    assert document["data"] == encoded({"new": "2", "foreign": "f"})
    assert document["metadata"]["labels"] == {MANAGED_LABEL: "true", "foreign": "f"}
    assert set(document["metadata"]["annotations"]) == {DATA_HASH_ANNOTATION}


def test_ownership_is_given_up_with_the_policy() -> None:
    current = stored(planned(external_secret(), None, a="1").document)
    document = planned(external_secret(creationPolicy="Orphan"), current, a="1").document
    assert not document["metadata"]["ownerReferences"]
    assert OWNER_LABEL not in document["metadata"]["labels"]


def test_other_owners_stay_in_their_order() -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "c"}
    old = {"apiVersion": "external-secrets.io/v1beta1", "kind": "ExternalSecret", "name": NAME}
    current = secret({"a": "1"}, ownerReferences=[{**old, "uid": "gone"}, other])
    references = planned(external_secret(), current, a="1").document["metadata"]["ownerReferences"]
    assert [one["uid"] for one in references] == ["uid-1", "c"]


@pytest.mark.parametrize("policy", ["Owner", "Orphan", "Merge"])
def test_a_secret_of_another_external_secret_is_never_written(policy: str) -> None:
    current = secret({"a": "1"}, ownerReferences=[owned_by("ExternalSecret", "other")])
    with pytest.raises(TargetNotWritable, match="owned by another ExternalSecret: other") as caught:
        planned(external_secret(creationPolicy=policy), current, a="2")
    assert caught.value.condition == "target is owned by another ExternalSecret"


def test_a_secret_that_something_else_controls_is_not_taken() -> None:
    current = secret({"a": "1"}, ownerReferences=[owned_by("SealedSecret", "x", "bitnami.com/v1")])
    with pytest.raises(TargetNotWritable, match="SealedSecret x") as caught:
        planned(external_secret(), current, a="2")
    assert caught.value.condition == "failed to take ownership of target secret"
    merged = planned(external_secret(creationPolicy="Merge"), current, b="2")
    assert merged.document["data"] == encoded({"a": "1", "b": "2"})


@pytest.mark.parametrize("policy", ["Owner", "Merge", "CreateOrMerge", "Orphan"])
@pytest.mark.parametrize("kind", [TOKEN_TYPE, BOOTSTRAP_TYPE, HELM_TYPE])
def test_secrets_that_give_rights_to_their_writer_are_not_written(policy: str, kind: str) -> None:
    found = external_secret(creationPolicy=policy)
    current = {**secret({"token": "1"}), "type": kind}
    with pytest.raises(TargetNotWritable, match=f"type {kind} are made by") as caught:
        planned(found, current, a="2")
    assert caught.value.condition == "could not update secret"
    if policy != "Merge":
        with pytest.raises(TargetNotWritable):
            planned_as(found, None, Wanted(data={"a": b"2"}, type=kind))
    before = {**stored(planned(found, secret({"a": "1"}), a="1").document), "type": kind}
    assert planned(found, before, a="1").action == "nothing", "ESO has written it"


def test_an_immutable_target_is_made_immutable_and_then_left_as_it_is() -> None:
    found = external_secret(immutable=True)
    made = planned(found, None, a="1").document
    assert made["immutable"] is True
    assert planned(found, stored(made), a="2").action == "nothing"


def test_an_immutable_secret_is_an_error_if_its_data_would_change() -> None:
    found = external_secret()
    current = {**stored(planned(found, None, a="1").document), "immutable": True}
    assert planned(found, current, a="1").action == "nothing"
    with pytest.raises(TargetNotWritable) as caught:
        planned(found, current, a="2")
    assert caught.value.condition == "could not update secret, target is immutable"


def test_type_and_finalizers_are_those_of_the_template() -> None:
    wanted = Wanted(data={"a": b"1"}, type="kubernetes.io/tls", finalizers=("x/y",))
    made = planned_as(external_secret(), secret({"a": "1"}, finalizers=["k/eep"]), wanted)
    assert made.document["type"] == "kubernetes.io/tls"
    assert made.document["metadata"]["finalizers"] == ["k/eep", "x/y"]


def test_the_secret_as_it_is_is_not_changed_by_planning() -> None:
    current = secret({"a": "1"}, labels={"team": "x"})
    before = deepcopy(current)
    planned(external_secret(), current, a="2")
    assert current == before


def test_no_value_is_printed() -> None:
    wanted = Wanted(data={"a": b"canary"}, labels={"l": "canary"})
    assert "canary" not in repr(wanted)
    assert "canary" not in repr(planned_as(external_secret(), None, wanted))
    assert encoded({"a": "canary"})["a"] not in repr(planned_as(external_secret(), None, wanted))
