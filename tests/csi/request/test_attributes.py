"""The driver's request, as it comes and as it must not come."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.csi.request.attributes import RawRequest, decode_mount, namespace_of, parse_decoded
from provider.csi.request.model import MountSpec, Pod
from provider.manifests.problems import InvalidSpec

TOKENS = "csi.storage.k8s.io/serviceAccount.tokens"
SECRET_TOKEN = "eyJhbGciOi.very-secret"
OBJECTS = "- objectName: a\n  objectType: secretsmanager\n"


def request(**changes: Any) -> dict[str, Any]:
    return {
        "csi.storage.k8s.io/ephemeral": "true",
        "csi.storage.k8s.io/pod.name": "web-0",
        "csi.storage.k8s.io/pod.namespace": "shop",
        "csi.storage.k8s.io/pod.uid": "d1b6-7",
        "csi.storage.k8s.io/serviceAccount.name": "web",
        TOKENS: tokens("sts.amazonaws.com"),
        "secretProviderClass": "web-secrets",
        "region": "eu-west-1",
        "objects": OBJECTS,
    } | changes


def tokens(audience: str, token: str = SECRET_TOKEN) -> str:
    return json.dumps({audience: {"token": token, "expirationTimestamp": "2030-01-01T00:00:00Z"}})


def parse(
    attributes: Mapping[str, Any] | str, secrets: str = "null", permission: str = "420"
) -> MountSpec:
    return parse_decoded(decode_mount(raw(attributes, secrets, permission), default_region=None))


def raw(
    attributes: Mapping[str, Any] | str, secrets: str = "null", permission: str = "420"
) -> RawRequest:
    text = attributes if isinstance(attributes, str) else json.dumps(attributes)
    return RawRequest(text, secrets, permission, "/pods/1/mount")


def problems(
    attributes: Mapping[str, Any] | str, secrets: str = "null", permission: str = "420"
) -> list[str]:
    with pytest.raises(InvalidSpec) as invalid:
        parse(attributes, secrets, permission)
    assert SECRET_TOKEN not in str(invalid.value)
    assert invalid.value.__cause__ is None
    return [str(problem) for problem in invalid.value.problems]


def test_a_request_of_the_driver() -> None:
    spec = parse(request())
    assert spec.pod == Pod("shop", "web-0", "d1b6-7", "web")
    assert (spec.class_name, spec.target_path) == ("web-secrets", "/pods/1/mount")
    assert spec.tokens == {"sts.amazonaws.com": SECRET_TOKEN}
    assert spec.klass.objects[0].mode == 0o644
    assert spec.klass.warnings == ()


def test_a_rotation_of_an_old_driver_names_no_class() -> None:
    attributes = request()
    del attributes["secretProviderClass"]
    assert parse(attributes).class_name == ""


def test_tokens_do_not_print() -> None:
    assert SECRET_TOKEN not in repr(parse(request()))


SECRETS = {
    "secrets": (json.dumps({TOKENS: tokens("a")}), {"a": SECRET_TOKEN}),
    "slash escaped": (json.dumps({TOKENS: tokens("a")}).replace("/", "\\/"), {"a": SECRET_TOKEN}),
    "null": ("null", {}),
    "empty object": ("{}", {}),
    "empty": ("", {}),
    "other secrets": ('{"password": "x"}', {}),
}


@pytest.mark.parametrize("own", [{}, {TOKENS: ""}], ids=["absent", "empty"])
def test_tokens_come_from_the_secrets_where_the_attributes_lack_them(own: dict[str, str]) -> None:
    attributes = request()
    del attributes[TOKENS]
    for name, (secrets, expected) in SECRETS.items():
        assert parse(attributes | own, secrets).tokens == expected, name


def test_the_attributes_tokens_come_first() -> None:
    secrets = json.dumps({TOKENS: tokens("other")})
    assert list(parse(request(), secrets).tokens) == ["sts.amazonaws.com"]


@pytest.mark.parametrize(
    ("permission", "mode"), [("420", 0o644), ("0", 0), ("256", 0o400), ("511", 0o777)]
)
def test_permission_is_a_decimal_number(permission: str, mode: int) -> None:
    assert parse(request(), permission=permission).klass.objects[0].mode == mode


def test_other_permissions_are_a_mistake() -> None:
    wrong = ["", '"420"', "0644", "-1", "4.2", "512", "2541", "4095", "true", "null", "9" * 5000]
    for permission in wrong:
        (problem,) = problems(request(), permission=permission)
        assert problem.startswith("permission: must be the decimal number of a file mode")


POD_KEYS = ["pod.name", "pod.namespace", "pod.uid", "serviceAccount.name"]


@pytest.mark.parametrize("key", POD_KEYS)
def test_a_pod_must_be_named(key: str) -> None:
    attributes = request()
    del attributes[f"csi.storage.k8s.io/{key}"]
    (problem,) = problems(attributes)
    assert problem.startswith(f"csi.storage.k8s.io/{key}: is missing")


@pytest.mark.parametrize("key", POD_KEYS)
def test_names_that_would_change_a_url_are_refused(key: str) -> None:
    for name in ("../x", "a/b", "a b", "a\n", "-a", "é", "a" * 300, "a?b", "%2f"):
        (problem,) = problems(request(**{f"csi.storage.k8s.io/{key}": name}))
        assert problem.startswith(f"csi.storage.k8s.io/{key}: is no Kubernetes name")


@pytest.mark.parametrize("name", ["a\nb", "x" * 300, "\u202e"])
def test_a_name_that_no_class_has_is_kept_nowhere(name: str) -> None:
    """Old drivers do not send the name with a remount: it may be a parameter of the class."""
    assert parse(request(secretProviderClass=name)).class_name == ""


MALFORMED = {
    "empty": ("", "attributes: is not JSON"),
    "cut": ('{"a": "', "attributes: is not JSON"),
    "list": ("[]", "attributes: must be a JSON object"),
    "null": ("null", "attributes: must be a JSON object"),
    "deep": ('{"a":' * 50_000, "attributes: is not JSON"),
    "deep list": ("[" * 200_000, "attributes: is not JSON"),
    "long": ('{"a": "' + "x" * 600_000 + '"}', "attributes: is too long"),
    "key twice": ('{"a": "1", "a": "2"}', "attributes: has a key twice"),
    "huge number": ('{"a": ' + "9" * 10_000 + "}", "attributes: is not JSON"),
}


def test_malformed_attributes_are_reported_without_their_text() -> None:
    for name, (attributes, why) in MALFORMED.items():
        assert problems(attributes)[0].startswith(why), name


def test_tokens_may_not_be_as_long_as_a_request() -> None:
    (problem,) = problems(request(**{TOKENS: "[" * 300_000}))
    assert problem.startswith(f"{TOKENS}: is too long: 300000 characters")


@pytest.mark.parametrize("value", [1, True, None, {}, [], 1.5], ids=repr)
def test_a_value_that_is_no_text_is_reported(value: object) -> None:
    assert problems(request(extra=value)) == ['attributes: "extra" must be text']


NAMESPACE = {"csi.storage.k8s.io/pod.namespace": "shop"}


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ('{"csi.storage.k8s.io/pod.namespace":"shop"}', "shop"),
        (json.dumps({"a": '","csi.storage.k8s.io/pod.namespace":"bank"', **NAMESPACE}), "shop"),
        ('{"a\\"csi.storage.k8s.io/pod.namespace":"bank",' + json.dumps(NAMESPACE)[1:], "shop"),
        ('{"csi.storage.k8s.io/pod.namespace":"a b"}', ""),
        ('{"csi.storage.k8s.io/pod.namespace":7}', ""),
        ("", ""),
    ],
)
def test_the_namespace_is_found_without_decoding(attributes: str, found: str) -> None:
    assert namespace_of(attributes) == found


BAD_TOKENS = {
    "not JSON": SECRET_TOKEN,
    "list": json.dumps([SECRET_TOKEN]),
    "no object": json.dumps({"a": SECRET_TOKEN}),
    "no token": json.dumps({"a": {"tok": SECRET_TOKEN}}),
    "token is a number": json.dumps({"a": {"token": 1}}),
    "empty": tokens("a", ""),
    "header injection": tokens("a", SECRET_TOKEN + "\r\nHost: evil"),
    "non-ASCII": tokens("a", SECRET_TOKEN + "é"),
    "huge": tokens("a", SECRET_TOKEN * 10_000),
}


def test_bad_tokens_are_reported_without_their_text() -> None:
    for name, text in BAD_TOKENS.items():
        (problem,) = problems(request(**{TOKENS: text}))
        assert problem.startswith(f"{TOKENS}: "), name


def test_mistakes_of_request_and_class_are_reported_together() -> None:
    attributes = request(region="!", **{"csi.storage.k8s.io/pod.uid": ""})
    found = problems(attributes, permission="x")
    assert [problem.partition(": ")[0] for problem in found] == [
        "permission",
        "csi.storage.k8s.io/pod.uid",
        "region",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from([*request(), "failoverRegion"]) | st.text(), json_values).map(
        lambda changes: json.dumps(request(**changes))
    )
    | st.text(max_size=30),
    json_values.map(json.dumps) | json_values.map(lambda value: json.dumps({TOKENS: value})),
    st.text(max_size=6) | st.integers().map(str),
)
def test_any_request_is_a_spec_or_problems(attributes: str, secrets: str, permission: str) -> None:
    try:
        spec = parse(attributes, secrets, permission)
    except InvalidSpec as invalid:
        text = str(invalid)
        text.encode()
        return
    assert all(token.isascii() for token in spec.tokens.values())
