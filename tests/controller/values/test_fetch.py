"""From an ExternalSecret to keys and values, over the fake AWS."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from provider import errors
from provider.controller.values import bounded_reads, fetch
from provider.controller.values.fetch import periodic
from testbed import faults
from tests.controller.values.world import Spec, World, as_json, data, jwt, parsed_spec
from tests.loop_watchdog import loop_watchdog

CANARY = "canary-4711"


async def test_a_key_holds_the_whole_secret(world: World) -> None:
    world.aws.cloud.put_secret("db", "pass")
    assert await world.values(data("db")) == {"out": "pass"}


async def test_a_binary_secret_stays_as_it_is(world: World) -> None:
    world.aws.cloud.put_secret("key", b"\x00\xff\x01")
    assert (await world.fetch(data("key"))).data == {"out": b"\x00\xff\x01"}


@pytest.mark.parametrize(
    ("remote", "value"),
    [
        ({}, "new"),
        ({"version": "AWSCURRENT"}, "new"),
        ({"version": "AWSPREVIOUS"}, "old"),
        ({"version": "uuid/11111111-1111-1111-1111-111111111111"}, "old"),
    ],
    ids=["no version", "current", "stage", "version id"],
)
async def test_versions_of_a_secret(world: World, remote: Spec, value: str) -> None:
    old = "11111111-1111-1111-1111-111111111111"
    world.aws.cloud.put_secret("db", "old", version=old)
    world.aws.cloud.put_secret("db", "new")
    assert await world.values(data("db", **remote)) == {"out": value}


@pytest.mark.parametrize(
    ("remote", "value"),
    [({}, "2"), ({"version": "1"}, "1"), ({"version": "prod"}, "1")],
    ids=["newest", "number", "label"],
)
async def test_versions_of_a_parameter(world: World, remote: Spec, value: str) -> None:
    world.put_store(service="ParameterStore")
    world.aws.cloud.put_parameter("/db", "1", labels=("prod",))
    world.aws.cloud.put_parameter("/db", "2")
    assert await world.values(data("/db", **remote)) == {"out": value}


async def test_a_version_may_stand_behind_the_name_of_a_parameter(world: World) -> None:
    world.put_store(service="ParameterStore")
    world.aws.cloud.put_parameter("/db", "1")
    world.aws.cloud.put_parameter("/db", "2")
    assert await world.values(data("/db:1")) == {"out": "1"}


async def test_the_prefix_goes_before_the_key(world: World) -> None:
    world.put_store(prefix="prod/")
    world.aws.cloud.put_secret("prod/db", "pass")
    assert await world.values(data("db")) == {"out": "pass"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("plain", "x"),
        ("name.first", "Tom"),
        ("dotted.key", "literal"),
        ("number", "1.1"),
        ("object", '{"a":  1}'),
        ("nothing", ""),
        ("list.1", "b"),
    ],
)
async def test_a_property_is_a_path_into_json(world: World, path: str, value: str) -> None:
    document = (
        '{"plain":"x","name":{"first":"Tom"},"dotted.key":"literal","number":1.10,'
        '"object":{"a":  1},"nothing":null,"list":["a","b"]}'
    )
    world.aws.cloud.put_secret("db", document)
    assert await world.values(data("db", property=path)) == {"out": value}


async def test_a_missing_property_names_the_keys_that_there_are(world: World) -> None:
    world.aws.cloud.put_secret("db", as_json(user=CANARY, password=CANARY))
    with pytest.raises(errors.KeyNotFound) as raised:
        await world.fetch(data("db", property="pass"))
    assert str(raised.value) == (
        "error processing spec.data[0] (key: db), err: key pass does not exist in secret db: "
        'the keys are "user", "password"'
    )


async def test_tags_instead_of_the_value(world: World) -> None:
    world.aws.cloud.put_secret("db", CANARY, tags={"team": "a", "env": "<prod>"})
    entries = [
        data("db", "all", metadataPolicy="Fetch"),
        data("db", "one", metadataPolicy="Fetch", property="team"),
    ]
    assert await world.values(*entries) == {
        "all": '{"env":"\\u003cprod\\u003e","team":"a"}',
        "one": "a",
    }


@pytest.mark.parametrize(
    ("strategy", "content", "value"),
    [
        ("None", "YQ==", "YQ=="),
        ("Base64", "YQ==", "a"),
        ("Base64URL", "_w==", b"\xff"),
        ("Auto", "test1234", b"\xb5\xeb-\xd7m\xf8"),
        ("Auto", "no base64!", "no base64!"),
    ],
)
async def test_decoding(world: World, strategy: str, content: str, value: str | bytes) -> None:
    world.aws.cloud.put_secret("db", content)
    wanted = value if isinstance(value, bytes) else value.encode()
    fetched = await world.fetch(data("db", decodingStrategy=strategy))
    assert fetched.data == {"out": wanted}


async def test_what_cannot_be_decoded_is_not_quoted(world: World) -> None:
    world.aws.cloud.put_secret("db", f"{CANARY}!")
    with pytest.raises(errors.InvalidRequest) as raised:
        await world.fetch(data("db", decodingStrategy="Base64"))
    assert str(raised.value) == (
        "error processing spec.data[0] (key: db), err: error applying decoding strategy Base64 to "
        "data: illegal base64 data at input byte 6"
    )


async def test_null_bytes_are_refused_where_the_policy_says_so(world: World) -> None:
    world.aws.cloud.put_secret("db", b"a\x00b")
    assert (await world.fetch(data("db"))).data == {"out": b"a\x00b"}
    with pytest.raises(errors.InvalidRequest, match="contains null bytes"):
        await world.fetch(data("db", nullBytePolicy="Fail"))


async def test_extract_takes_every_key_of_a_json_secret(world: World) -> None:
    document = '{"user name":"a","port":5432,"ratio":1.10,"o":{"x": [1]},"n":null,"port":1}'
    world.aws.cloud.put_secret("db", document)
    assert await world.values(dataFrom=[{"extract": {"key": "db"}}]) == {
        "user_name": "a",
        "port": "1",
        "ratio": "1.10",
        "o": '{"x": [1]}',
        "n": "",
    }


async def test_extract_refuses_null_bytes_where_the_policy_says_so(world: World) -> None:
    world.aws.cloud.put_secret("db", as_json(a=f"{CANARY}\0"))
    extract = {"extract": {"key": "db", "nullBytePolicy": "Fail"}}
    with pytest.raises(errors.InvalidRequest, match='for key "a" contains null bytes') as raised:
        await world.fetch(dataFrom=[extract])
    assert CANARY not in str(raised.value)


async def test_extract_of_a_key_that_no_secret_can_hold(world: World) -> None:
    """Letters beyond ASCII pass the conversion; the API server would refuse them."""
    world.aws.cloud.put_secret("db", as_json(비밀=CANARY))
    with pytest.raises(errors.InvalidRequest, match="key has invalid character 비") as raised:
        await world.fetch(dataFrom=[{"extract": {"key": "db"}}])
    assert CANARY not in str(raised.value)


async def test_extract_below_a_property(world: World) -> None:
    world.aws.cloud.put_secret("db", as_json(inner={"a": "b"}))
    extract = {"extract": {"key": "db", "property": "inner"}}
    assert await world.values(dataFrom=[extract]) == {"a": "b"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (CANARY, "the secret is not JSON"),
        (f'["{CANARY}"]', "the secret is a list, not an object"),
        (f'{{"a":"{CANARY}"', "the secret is not JSON"),
        (f'{{"a":1}} {CANARY}', "it is not JSON: something follows the object"),
        ("[" * 100_000, "the secret is nested too deep"),
    ],
    ids=["text", "list", "cut off", "more behind it", "deep"],
)
async def test_extract_of_what_is_no_object(world: World, content: str, why: str) -> None:
    world.aws.cloud.put_secret("db", content[:65_536])
    with pytest.raises(errors.ProviderError) as raised:
        await world.fetch(dataFrom=[{"extract": {"key": "db"}}])
    assert str(raised.value) == (
        f"error processing spec.dataFrom[0].extract, err: unable to unmarshal secret db: {why}"
    )


async def test_later_entries_win_and_data_wins_over_data_from(world: World) -> None:
    world.aws.cloud.put_secret("one", as_json(a="1", b="1", c="1"))
    world.aws.cloud.put_secret("two", as_json(b="2", c="2"))
    world.aws.cloud.put_secret("c", "3")
    entries = [{"extract": {"key": "one"}}, {"extract": {"key": "two"}}]
    assert await world.values(data("c", "c"), dataFrom=entries) == {"a": "1", "b": "2", "c": "3"}


async def test_colliding_keys_are_an_error(world: World) -> None:
    world.aws.cloud.put_secret("db", as_json(**{"a/b": "1", "a:b": "2"}))
    with pytest.raises(errors.InvalidRequest) as raised:
        await world.fetch(dataFrom=[{"extract": {"key": "db"}}])
    assert str(raised.value).endswith(
        "err: error applying conversion strategy Default to keys: "
        "secret name collision during conversion: a_b"
    )


async def test_rewritten_keys_are_not_converted(world: World) -> None:
    world.aws.cloud.put_secret("db", as_json(**{"a/b": "1"}))
    entry: Spec = {
        "extract": {"key": "db"},
        "rewrite": [{"regexp": {"source": "^a", "target": "x"}}],
    }
    with pytest.raises(errors.InvalidRequest, match="TIP: use rewrite or conversionStrategy"):
        await world.fetch(dataFrom=[entry])
    entry["rewrite"].append({"transform": {"template": '{{ .value | replace "/" "_" | upper }}'}})
    assert await world.values(dataFrom=[entry]) == {"X_B": "1"}


async def test_find_by_name_path_and_tags(world: World) -> None:
    for name, tags in (("prod/a", {"team": "x"}), ("prod/b", {"team": "xy"}), ("dev/a", {})):
        world.aws.cloud.put_secret(name, f"value of {name}", tags=tags)
    by_name = {"find": {"name": {"regexp": "/a$"}}}
    by_path = {"find": {"path": "prod/", "name": {"regexp": ".*"}}}
    by_tags = {"find": {"tags": {"team": "x"}}}
    assert set(await world.values(dataFrom=[by_name])) == {"dev_a", "prod_a"}
    assert set(await world.values(dataFrom=[by_path])) == {"prod_a", "prod_b"}
    assert await world.values(dataFrom=[by_tags]) == {"prod_a": "value of prod/a"}


async def test_find_parameters(world: World) -> None:
    world.put_store(service="ParameterStore")
    for name in ("/e2e/x/one", "/e2e/x/two", "/other"):
        world.aws.cloud.put_parameter(name, name)
    found = await world.values(dataFrom=[{"find": {"path": "/e2e", "name": {"regexp": "x"}}}])
    assert found == {"_e2e_x_one": "/e2e/x/one", "_e2e_x_two": "/e2e/x/two"}


async def test_empty_tags_are_every_parameter_but_no_secret(world: World) -> None:
    world.aws.cloud.put_parameter("/a", "1")
    with pytest.raises(errors.InvalidRequest, match="unexpected find operator"):
        await world.fetch(dataFrom=[{"find": {"tags": {}}}])
    world.put_store(service="ParameterStore")
    assert await world.values(dataFrom=[{"find": {"tags": {}}}]) == {"_a": "1"}


async def test_find_with_nothing_to_look_for(world: World) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        await world.fetch(dataFrom=[{"find": {"path": "x"}}])
    assert str(raised.value).startswith(
        "error processing spec.dataFrom[0].find, err: error getting all secrets: "
    )
    assert "unexpected find operator" in str(raised.value)


async def test_find_leaves_out_what_may_not_be_read_unless_that_is_all(world: World) -> None:
    user = world.put_user()
    for name in ("a1", "a2"):
        world.aws.cloud.put_secret(name, name, tags={"t": "1"})
    arn = world.aws.cloud.secret("a1").arn
    user.role.allow = [("secretsmanager:ListSecrets", "*"), ("secretsmanager:GetSecretValue", arn)]
    entry = {"find": {"tags": {"t": "1"}}}
    assert await world.values(dataFrom=[entry]) == {"a1": "a1"}
    user.role.allow.pop()
    with pytest.raises(errors.AccessDenied, match="secret a"):
        await world.fetch(dataFrom=[entry])


async def test_a_missing_secret_is_an_error_with_retain(world: World) -> None:
    world.aws.cloud.put_secret("there", CANARY)
    with pytest.raises(errors.SecretNotFound) as raised:
        await world.fetch(data("there", "a"), data("gone", "b"))
    text = str(raised.value)
    assert text.startswith(
        "error processing spec.data[1] (key: gone), err: Secret does not exist: "
        "Secrets Manager in us-east-1, as access keys of shop/aws-creds: ResourceNotFoundException"
    )


@pytest.mark.parametrize("policy", ["Delete", "Merge"])
async def test_a_missing_secret_is_skipped_with_other_policies(world: World, policy: str) -> None:
    world.aws.cloud.put_secret("there", "x")
    entries = [data("there", "a"), data("gone", "b")]
    extract = [{"extract": {"key": "lost"}}]
    fetched = await world.fetch(*entries, policy=policy, dataFrom=extract)
    assert fetched.data == {"a": b"x"}
    assert fetched.missing == (
        "secret does not exist at provider using spec.dataFrom[0]",
        "secret does not exist at provider using spec.dataFrom[1] (key=gone)",
    )


async def test_a_secret_marked_for_deletion_counts_as_missing(world: World) -> None:
    world.aws.cloud.put_secret("db", "x").deleted_at = 1.0
    fetched = await world.fetch(data("db"), policy="Delete")
    assert (fetched.data, len(fetched.missing)) == ({}, 1)


async def test_a_missing_version_of_a_parameter_is_no_missing_parameter(world: World) -> None:
    world.put_store(service="ParameterStore")
    world.aws.cloud.put_parameter("/db", "x")
    with pytest.raises(errors.NotPossible, match="exists, but not in this version"):
        await world.fetch(data("/db", version="9"), policy="Delete")
    assert (await world.fetch(data("/gone", version="9"), policy="Delete")).data == {}


async def test_a_missing_property_is_an_error_with_every_policy(world: World) -> None:
    world.aws.cloud.put_secret("db", "{}")
    with pytest.raises(errors.KeyNotFound, match="the secret has no keys"):
        await world.fetch(data("db", property="a"), policy="Delete")


async def test_a_denial_names_action_identity_and_region(world: World) -> None:
    world.put_user().role.allow = []
    world.aws.cloud.put_secret("db", CANARY)
    with pytest.raises(errors.AccessDenied) as raised:
        await world.fetch(data("db"))
    text = str(raised.value)
    assert "err: Secrets Manager in us-east-1: AccessDeniedException" in text
    assert (
        "Allow secretsmanager:GetSecretValue on this resource to access keys of shop/aws-creds"
        in text
    )
    assert CANARY not in text


async def test_the_first_failure_in_order_is_the_error(world: World) -> None:
    with pytest.raises(errors.SecretNotFound, match=r"spec.dataFrom\[0\].extract"):
        await world.fetch(data("a"), dataFrom=[{"extract": {"key": "b"}}])


async def test_nothing_is_read_where_one_store_may_not_be_used(world: World) -> None:
    world.aws.cloud.put_secret("db", "x")
    other = {**data("db", "b"), "sourceRef": {"storeRef": {"name": "other"}}}
    with pytest.raises(errors.ObjectNotFound) as raised:
        await world.fetch(data("db", "a"), other)
    assert str(raised.value) == (
        'error processing spec.data[1] (key: db), err: could not get SecretStore "other", '
        'SecretStore.external-secrets.io "other" not found'
    )
    assert world.calls() == {}


async def test_all_refs_of_one_session_are_read_together(world: World) -> None:
    world.put_store("same")
    for number in range(12):
        world.aws.cloud.put_secret(f"s{number}", as_json(a="1", b="2"))
    entries = [data(f"s{number}", f"k{number}") for number in range(12)]
    entries[3]["sourceRef"] = {"storeRef": {"name": "same"}}
    entries += [data("s0", "again", property="a"), data("s0", "b", property="b")]
    assert len(await world.values(*entries)) == 14
    assert world.calls() == {"BatchGetSecretValue": 1}


async def test_stores_of_two_services_side_by_side(world: World) -> None:
    world.put_store("ssm", service="ParameterStore")
    world.aws.cloud.put_parameter("/a", "1")
    world.aws.cloud.put_secret("b", "2")
    first = {**data("/a", "a"), "sourceRef": {"storeRef": {"name": "ssm"}}}
    assert await world.values(first, data("b", "b")) == {"a": "1", "b": "2"}


async def test_what_others_want_fills_up_the_batch(world: World) -> None:
    for number in range(30):
        world.aws.cloud.put_secret(f"s{number}", str(number))
    others = [parsed_spec(data(f"s{number}")) for number in range(1, 30)]
    since = world.asked().freshness.since
    assert await world.values(data("s0"), also=others, since=since) == {"out": "0"}
    assert world.calls() == {"BatchGetSecretValue": 1}
    assert await world.values(data("s19"), also=others, since=since) == {"out": "19"}
    assert world.calls() == {}
    assert await world.values(data("s20"), also=others[19:], since=since) == {"out": "20"}
    assert world.calls() == {"BatchGetSecretValue": 1}


async def test_those_that_are_read_at_the_same_time_share_their_batches(world: World) -> None:
    for number in range(40):
        world.aws.cloud.put_secret(f"s{number}", str(number))
    specs = [parsed_spec(data(f"s{number}")) for number in range(1, 40)]
    since = world.asked().freshness.since
    await world.fetch(data("s0"), since=since)  # has credentials
    world.calls()
    reads = [world.values(data(f"s{one}"), also=specs, since=since) for one in range(1, 9)]
    found = await asyncio.gather(*reads)
    assert [one["out"] for one in found] == [str(number) for number in range(1, 9)]
    assert world.calls() == {"BatchGetSecretValue": 1}


async def test_others_of_another_store_are_not_read_ahead(world: World) -> None:
    for name in ("a", "b"):
        world.aws.cloud.put_secret(name, name)
    other = parsed_spec(data("b"), store={"name": "elsewhere"})
    since = world.asked().freshness.since
    await world.fetch(data("a"), also=[other], since=since)
    world.calls()
    await world.fetch(data("b"), since=since)
    assert sum(world.calls().values()) == 1


async def test_a_failure_of_what_others_want_is_not_ours(world: World) -> None:
    world.aws.cloud.put_secret("a", "x")
    others = [parsed_spec(data("gone"))]
    assert await world.values(data("a"), also=others) == {"out": "x"}


async def test_a_refresh_takes_what_was_asked_for_lately(world: World) -> None:
    world.aws.cloud.put_secret("a", "old")
    began = world.asked().freshness.since
    await world.fetch(data("a"))
    world.aws.cloud.put_secret("a", "new")
    assert await world.values(data("a"), since=began) == {"out": "old"}
    assert await world.values(data("a")) == {"out": "new"}


@pytest.mark.parametrize(("interval", "back"), [(10.0, 1.0), (3600.0, 60.0)])
def test_a_periodic_refresh_may_be_shared(interval: float, back: float) -> None:
    assert periodic(interval, 100.0).since == 100.0 - back


async def test_two_namespaces_do_not_share_values(world: World) -> None:
    """Referent authentication: each namespace reads with its own keys."""
    world.put_store("common", kind="ClusterSecretStore")
    world.put_user("other")
    world.aws.cloud.put_secret("db", "x")
    ref = {"name": "common", "kind": "ClusterSecretStore"}
    since = world.asked().freshness.since
    await world.fetch(data("db"), store=ref, since=since)
    world.calls()
    world.cluster.put_secret("other", "aws-creds", id="AKIAWRONG", key="wrong")
    with pytest.raises(errors.ProviderError):
        await world.fetch(data("db"), store=ref, namespace="other", since=since)


async def test_a_region_that_hangs_is_retryable(world: World) -> None:
    world.aws.faults.inject(faults.hang(), service="secretsmanager")
    asked = world.asked()
    hasty = replace(asked, deadline=asked.deadline - 19.8)
    with pytest.raises(errors.Unavailable, match="no answer in time") as raised:
        await world.fetcher.fetch(parsed_spec(data("db")), hasty)
    assert raised.value.retryable


async def test_no_value_is_in_any_repr(world: World) -> None:
    world.aws.cloud.put_secret("db", CANARY)
    fetched = await world.fetch(data("db"))
    assert CANARY not in repr(fetched)


def _hostile() -> list[tuple[str, Spec]]:
    regexp: dict[str, Any] = {"source": "(x*)(x*)(x*)", "target": "${1}${2}${3}" * 40}
    return [
        ("growing keys", {"rewrite": [{"regexp": regexp}] * 20}),
        (
            "costly template",
            {"rewrite": [{"transform": {"template": "{{ repeat 999999999 .value }}"}}]},
        ),
        ("merge of texts", {"rewrite": [{"merge": {"strategy": "Extract"}}]}),
    ]


@pytest.mark.parametrize(
    "entry", [one for _, one in _hostile()], ids=[name for name, _ in _hostile()]
)
async def test_hostile_rewrites_fail_and_quote_nothing(world: World, entry: Spec) -> None:
    world.aws.cloud.put_secret("db", as_json(**{"x" * 2000: CANARY, "a": CANARY}))
    with pytest.raises(errors.ProviderError) as raised:
        await world.fetch(dataFrom=[{"extract": {"key": "db"}, **entry}])
    assert "error applying rewrite to keys: failed rewrite operation[" in str(raised.value)
    assert CANARY not in str(raised.value)


async def test_a_service_account_reads_with_its_role(world: World) -> None:
    role = world.put_role("app", "shop:app")
    world.cluster.put_account("shop", "app", role_arn=role.arn)
    world.put_store(auth=jwt())
    world.aws.cloud.put_secret("db", "x")
    assert await world.values(data("db")) == {"out": "x"}
    assert world.calls()["AssumeRoleWithWebIdentity"] == 1


async def test_what_one_external_secret_reads_is_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_reads, "MOST_BYTES", 1000)
    monkeypatch.setattr(fetch, "MOST_BYTES", 1000)
    for number in range(3):
        world.aws.cloud.put_secret(f"s{number}", "x" * 400, tags={f"t{number}": "1"})
    every = [data(f"s{number}", f"k{number}") for number in range(3)]
    assert len((await world.fetch(*every[:2])).data) == 2
    with pytest.raises(errors.AnswerTooLarge, match="more than 1000 bytes together: split the Ext"):
        await world.fetch(*every)
    finds = [{"find": {"tags": {f"t{number}": "1"}}} for number in range(3)]
    assert len(await world.values(dataFrom=finds[:2])) == 2
    with pytest.raises(errors.AnswerTooLarge, match=r"dataFrom\[2\].find.*split the Ext"):
        await world.fetch(dataFrom=finds)
    with pytest.raises(errors.AnswerTooLarge, match="split the Ext"):
        await world.fetch(dataFrom=[{"find": {"name": {"regexp": "^s"}}}])


async def test_many_secrets_are_read_some_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_reads, "PART", 2)
    for number in range(5):
        world.aws.cloud.put_secret(f"s{number}", str(number))
    found = await world.fetch(*[data(f"s{number}", f"k{number}") for number in range(5)])
    assert found.data == {f"k{number}": str(number).encode() for number in range(5)}
    assert world.aws.journal.count("BatchGetSecretValue") >= 2


async def test_large_neighbours_do_not_hold_the_loop(world: World) -> None:
    world.aws.cloud.put_secret("db", "x")
    other = {"storeRef": {"name": "elsewhere"}}
    many = [{**data(f"s{one}", f"k{one}"), "sourceRef": other} for one in range(1000)]
    also = [parsed_spec(*many)] * 40
    async with loop_watchdog():
        found = await world.fetch(data("db"), also=also)
    assert found.data == {"out": b"x"}


async def test_hundreds_of_stores_in_one_external_secret_do_not_hold_the_loop(
    world: World,
) -> None:
    """Each has a region of its own, which takes a call of its own."""
    entries = []
    for number in range(200):
        world.put_store(f"s{number}", region=f"eu-west-{number}")
        source = {"storeRef": {"name": f"s{number}"}}
        entries.append(data("db", f"k{number}") | {"sourceRef": source})
    spec = parsed_spec(*entries)
    async with loop_watchdog():
        with pytest.raises(errors.SecretNotFound):
            await world.fetch(*entries, also=[spec] * 5)
