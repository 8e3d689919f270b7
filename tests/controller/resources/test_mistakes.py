"""Every mistake in a manifest is told, with its path and in External Secrets Operator's words."""

from typing import Any

import pytest

from provider.controller.resources import texts
from provider.controller.resources.objects import read_external_secret, read_store
from tests.controller.resources.specs import GENERATORS, REF, Spec, data_from, es, store


def problems_of_es(spec: object) -> list[str]:
    return [str(one) for one in read_external_secret({"spec": spec}).problems]


def problems_of_store(spec: object, kind: Any = "SecretStore") -> list[str]:
    document = {"metadata": {"name": "s", "namespace": "team-a"}, "spec": spec}
    return [str(one) for one in read_store(document, kind).problems]


PROBLEMS: dict[str, tuple[Spec, list[str]]] = {
    "a day": (
        es(refreshInterval="1d"),
        [
            (
                'spec.refreshInterval: time: unknown unit "d" in duration "1d"; a day is written '
                "24h: the units are ns, us, ms, s, m and h"
            ),
        ],
    ),
    "a number": (
        es(refreshInterval=60),
        ["spec.refreshInterval: must be a duration such as 1h or 1h30m, got a number"],
    ),
    "delete without owning": (
        es(target={"deletionPolicy": "Delete", "creationPolicy": "CreateOrMerge"}),
        [f"spec.target.deletionPolicy: {texts.DELETE_NEEDS_OWNER}"],
    ),
    "merge with none": (
        es(target={"deletionPolicy": "Merge", "creationPolicy": "None"}),
        [f"spec.target.deletionPolicy: {texts.MERGE_NEEDS_TARGET}"],
    ),
    "many windows": (
        es(
            syncWindows={
                "kind": "allow",
                "windows": [{"schedule": "@daily", "duration": "1h"}] * 51,
            }
        ),
        ["spec.syncWindows.windows: has more than 50 entries"],
    ),
    "a misspelled choice": (
        es(target={"creationPolicy": "Ownr"}),
        [
            (
                "spec.target.creationPolicy: must be Owner, Orphan, Merge, None or CreateOrMerge, "
                'got "Ownr"; did you mean Owner?'
            ),
        ],
    ),
    "a misspelled key": (
        es(data=[{"secretkey": "auth", "remoteRef": REF["remoteRef"]}]),
        ["spec.data[0].secretKey: is required; is it misspelled as secretkey?"],
    ),
    "many templates": (
        es(target={"template": {"templateFrom": [{"literal": "a: b"}] * 101}}),
        ["spec.target.template.templateFrom: has more than 100 entries"],
    ),
    "no data": (es(data=[]), [f"spec: {texts.NO_DATA}"]),
    "data of a wrong type": (es(data={}), ["spec.data: must be a list, got a mapping"]),
    "a key twice": (es(data=[REF, REF]), ["spec.data: duplicate secretKey found: auth"]),
    "a key twice is fine but with Retain": (
        es(data=[REF, REF], target={"deletionPolicy": "Delete"}),
        [],
    ),
    "extract and find": (
        data_from(extract={"key": "a"}, find={"path": "b"}),
        [f"spec.dataFrom[0]: {texts.ONE_SOURCE}"],
    ),
    "no source": (data_from(), [f"spec.dataFrom[0]: {texts.NO_SOURCE}"]),
    "empty source": (
        data_from(sourceRef={}),
        [f"spec.dataFrom[0].sourceRef: {texts.EMPTY_SOURCE_REF}"],
    ),
    "a broken find": (
        data_from(find={"name": {"regexp": "["}}),
        [
            (
                "spec.dataFrom[0].find.name.regexp: could not compile find.name.regexp [[]: "
                "error parsing regexp: missing closing ]: `[`"
            ),
        ],
    ),
    "a broken rewrite": (
        data_from(extract={"key": "a"}, rewrite=[{"regexp": {"source": "(", "target": ""}}]),
        ["spec.dataFrom[0].rewrite[0].regexp.source: error parsing regexp: missing closing ): `(`"],
    ),
    "a merge without a key": (
        data_from(extract={"key": "a"}, rewrite=[{"merge": {"strategy": "JSON"}}]),
        ["spec.dataFrom[0].rewrite[0].merge.into: is required with the strategy JSON"],
    ),
    "another target": (
        es(target={"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}),
        [
            (
                'spec.target.manifest: a target of kind "ConfigMap" is not supported by this '
                "controller: it writes Secrets only"
            ),
        ],
    ),
    "another generator": (
        data_from(sourceRef={"generatorRef": {"kind": "Fake", "name": "f"}}),
        [
            (
                'spec.dataFrom[0].sourceRef.generatorRef.kind: the generator "Fake" is not '
                f"supported by this controller: it has {', '.join(GENERATORS)}"
            ),
        ],
    ),
    "a token of a service account": (
        es(
            target={
                "template": {
                    "type": "kubernetes.io/service-account-token",
                    "metadata": {"annotations": {"kubernetes.io/service-account.name": "admin"}},
                }
            }
        ),
        [f"spec.target.template.type: {texts.NO_ACCOUNT_ANNOTATION}"],
    ),
    "annotations of a token": (
        es(
            target={
                "template": {
                    "type": "kubernetes.io/service-account-token",
                    "templateFrom": [{"target": "annotations", "literal": "a: b"}],
                }
            }
        ),
        [f"spec.target.template.type: {texts.NO_TEMPLATED_ANNOTATIONS}"],
    ),
    "a bootstrap token": (
        es(target={"template": {"type": "bootstrap.kubernetes.io/token"}}),
        [f"spec.target.template.type: {texts.NO_BOOTSTRAP}"],
    ),
    "a Secret as another target is the target": (
        es(target={"manifest": {"apiVersion": "v1", "kind": "Secret"}}),
        [],
    ),
    "a path as the target of a template": (
        es(target={"template": {"templateFrom": [{"target": "spec.type", "literal": "a: b"}]}}),
        [
            (
                'spec.target.template.templateFrom[0].target: templateFrom target="spec.type" is '
                'not allowed when targeting a Secret, must be one of "Data", "Annotations" or '
                '"Labels"'
            )
        ],
    ),
    "another version of generators": (
        data_from(sourceRef={"generatorRef": {"apiVersion": "g/v2", "kind": "UUID", "name": "u"}}),
        [
            (
                "spec.dataFrom[0].sourceRef.generatorRef.apiVersion: must be "
                'generators.external-secrets.io/v1alpha1, got "g/v2"'
            )
        ],
    ),
    "a store and a generator": (
        data_from(
            sourceRef={
                "generatorRef": {"kind": "UUID", "name": "u"},
                "storeRef": {"name": "s"},
            }
        ),
        ["spec.dataFrom[0].sourceRef: must have one of storeRef and generatorRef, has both"],
    ),
    "a source without a name": (
        es(data=[{**REF, "sourceRef": {"storeRef": {"kind": "SecretStore"}}}]),
        ["spec.data[0].sourceRef.storeRef.name: is required"],
    ),
    "an empty rewrite": (
        data_from(extract={"key": "a"}, rewrite=[{}]),
        ["spec.dataFrom[0].rewrite[0]: must have one of regexp, transform and merge, has 0"],
    ),
    "no store": (
        es(secretStoreRef={}),
        ["spec.secretStoreRef.name: is required"],
    ),
    "no store is needed for a generator": (
        {"dataFrom": [{"sourceRef": {"generatorRef": {"kind": "UUID", "name": "u"}}}]},
        [],
    ),
    "all at once": (
        es(
            refreshPolicy="Sometimes",
            data=[{"secretKey": "a b", "remoteRef": {"key": 1}}],
            target={"immutable": "yes", "template": {"data": {"a": 1}}},
        ),
        [
            "spec.target.immutable: must be true or false, got text: leave out the quotes",
            "spec.target.template.data.a: must be text, got a number: quote it",
            'spec.refreshPolicy: must be CreatedOnce, Periodic or OnChange, got "Sometimes"',
            (
                "spec.data[0].secretKey: must be a key of a Secret: letters, digits, "
                "'-', '_' and '.', at most 253, got \"a b\""
            ),
            "spec.data[0].remoteRef.key: must be text, got a number: quote it",
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), PROBLEMS.values(), ids=list(PROBLEMS))
def test_every_mistake_of_an_external_secret_is_told(spec: Spec, expected: list[str]) -> None:
    assert problems_of_es(spec) == expected
    assert (read_external_secret({"spec": spec}).spec is None) is bool(expected)


def secret_ref(**namespaces: str) -> Spec:
    """Auth by an access key, whose Secrets may lie in other namespaces."""
    names = ("accessKeyIDSecretRef", "secretAccessKeySecretRef")
    refs = {name: {"name": "aws", "key": "k"} for name in names}
    for name, namespace in namespaces.items():
        refs[name]["namespace"] = namespace
    return store(auth={"secretRef": refs})


FOREIGN_SECRET = secret_ref(accessKeyIDSecretRef="team-b")
FOREIGN_ACCOUNT = store(auth={"jwt": {"serviceAccountRef": {"name": "x", "namespace": "team-b"}}})
STORE_PROBLEMS: dict[str, tuple[Spec, list[str]]] = {
    "an access key of the own namespace": (secret_ref(accessKeyIDSecretRef="team-a"), []),
    "an access key of another namespace": (
        FOREIGN_SECRET,
        [
            (
                "spec.provider.aws.auth.secretRef.accessKeyIDSecretRef.namespace: "
                f"{texts.FOREIGN_NAMESPACE}"
            ),
        ],
    ),
    "an account of another namespace": (
        FOREIGN_ACCOUNT,
        [f"spec.provider.aws.auth.jwt.serviceAccountRef.namespace: {texts.FOREIGN_NAMESPACE}"],
    ),
    "half an access key": (
        store(auth={"secretRef": {"accessKeyIDSecretRef": {"name": "aws", "key": "k"}}}),
        [
            "spec.provider.aws.auth.secretRef.secretAccessKeySecretRef.name: is required",
            "spec.provider.aws.auth.secretRef.secretAccessKeySecretRef.key: is required",
        ],
    ),
    "a foreign provider": (
        {"provider": {"vault": {"server": "x"}}},
        [
            (
                'spec.provider: the provider "vault" is not supported by this controller: '
                "it reads AWS only"
            ),
        ],
    ),
    "no provider": ({"provider": {}}, ["spec.provider: must have exactly one provider: aws"]),
    "certificates": (
        store(service="CertificateManager"),
        [
            (
                "spec.provider.aws.service: CertificateManager is not supported by this "
                "controller: use SecretsManager or ParameterStore"
            ),
        ],
    ),
    "a recovery window": (
        store(secretsManager={"recoveryWindowInDays": 31}),
        [f"spec.provider.aws.secretsManager.recoveryWindowInDays: {texts.RECOVERY_WINDOW}"],
    ),
    "a recovery window and none": (
        store(secretsManager={"recoveryWindowInDays": 7, "forceDeleteWithoutRecovery": True}),
        [f"spec.provider.aws.secretsManager: {texts.RECOVERY_AND_FORCE}"],
    ),
    "a provider that is null": (
        {"provider": {"aws": None}},
        ["spec.provider.aws: is required"],
    ),
    "no account": (
        store(auth={"jwt": {}}),
        ["spec.provider.aws.auth.jwt.serviceAccountRef: is required"],
    ),
    "values that the operator does not take": (
        {
            **store(),
            "conditions": [
                {
                    "namespaceSelector": {
                        "matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]
                    }
                }
            ],
        },
        [
            (
                "spec.conditions[0].namespaceSelector.matchExpressions[0].values: must be left "
                "out for the operator Exists"
            )
        ],
    ),
    "a long chain of roles": (
        store(additionalRoles=["arn:aws:iam::111122223333:role/x"] * 21),
        ["spec.provider.aws.additionalRoles: must be 20 roles at most"],
    ),
    "a reserved tag": (
        store(sessionTagsPolicy="Custom", customSessionTags={"esoNamespace": "x"}),
        [
            (
                "spec.provider.aws.customSessionTags: esoNamespace is set by the controller and "
                "cannot be set here"
            ),
        ],
    ),
    "a regular expression": (
        {**store(), "conditions": [{"namespaces": ["a"]}, {"namespaceRegexes": ["a", "("]}]},
        [
            (
                "spec.conditions[1].namespaceRegexes[1]: failed to compile 1th namespace regex in "
                "1th condition: error parsing regexp: missing closing ): `(`"
            ),
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), STORE_PROBLEMS.values(), ids=list(STORE_PROBLEMS))
def test_every_mistake_of_a_store_is_told(spec: Spec, expected: list[str]) -> None:
    assert problems_of_store(spec) == expected


@pytest.mark.parametrize("region", ["not a region", "noop.", "us-east-1/", "us_east_1", ""])
def test_a_name_that_is_no_region_is_told_in_the_operators_words(region: str) -> None:
    [problem] = problems_of_store(store(region=region))
    assert problem.startswith(f"spec.provider.aws.region: region not found: {region}: ")


@pytest.mark.parametrize("spec", [FOREIGN_SECRET, FOREIGN_ACCOUNT])
def test_a_cluster_store_may_name_a_namespace(spec: Spec) -> None:
    assert problems_of_store(spec, "ClusterSecretStore") == []


def test_a_key_that_is_not_known_is_a_warning() -> None:
    spec = es(data=[REF], **{"refreshIntervall": "1h", "x y": 1})
    assert [str(one) for one in read_external_secret({"spec": spec}).warnings] == [
        (
            'spec.refreshIntervall: key "refreshIntervall" is not known: kubectl refuses it, '
            "other tools drop it; did you mean refreshInterval?"
        ),
        'spec."x y": key "x y" is not known: kubectl refuses it, other tools drop it',
    ]


def test_hints_are_limited() -> None:
    entries = [{"secretkey": str(at), "remoteRef": REF["remoteRef"]} for at in range(30)]
    hinted = [one for one in problems_of_es(es(data=entries)) if "misspelled" in one]
    assert len(hinted) == 20
