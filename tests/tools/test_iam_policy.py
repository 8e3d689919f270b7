"""`iam-policy`: its documents in every format, trust policies, and missing information."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from provider.tools.iam_policy.options import EXIT_CODES
from provider.tools.iam_policy.policy import Grants, Statement, joined
from tests.cli.conftest import Run
from tests.hcl import policy_documents
from tests.iam import matches
from tests.tools.conftest import CLASS

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
MANIFESTS = f"""\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: web
  namespace: shop
  annotations:
    eks.amazonaws.com/role-arn: arn:aws:iam::{ACCOUNT}:role/web
---
{CLASS.format(name="shop", object="db/password")}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  template:
    spec:
      serviceAccountName: web
      containers: [{{name: app, image: app}}]
      volumes:
        - csi: {{driver: secrets-store.csi.k8s.io, volumeAttributes: {{secretProviderClass: shop}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: other}}
spec: {{serviceAccountName: other, containers: [{{name: app, image: app}}]}}
"""
READ = {
    "Sid": "ReadSecretsEuWest1",
    "Effect": "Allow",
    "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
    "Resource": [f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db/password-??????"],
}
IRSA = {
    "Sid": "TrustServiceAccounts",
    "Effect": "Allow",
    "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
    "Action": ["sts:AssumeRoleWithWebIdentity"],
    "Condition": {
        "StringEquals": {
            f"{ISSUER}:aud": ["sts.amazonaws.com"],
            f"{ISSUER}:sub": ["system:serviceaccount:shop:web"],
        }
    },
}


@pytest.fixture
def run(command: Run) -> Run:
    """Runs `iam-policy`."""
    return lambda *arguments: command("iam-policy", *arguments)


@pytest.fixture
def policy_of(run: Run, tmp_path: Path) -> Callable[..., Any]:
    """The JSON for an `objects` text."""

    def policy_of(objects: str, *arguments: str, **parameters: str) -> Any:
        path = tmp_path / "class.yaml"
        document = yaml.safe_load(CLASS)
        document["spec"]["parameters"] |= {"objects": objects, **parameters}
        path.write_text(yaml.safe_dump(document))
        result = run(path, "--account", ACCOUNT, *arguments)
        assert result.code == 0, result.err
        return json.loads(result.out)

    return policy_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "manifests.yaml"
    path.write_text(MANIFESTS)
    return path


def test_the_json_can_be_passed_to_iam_unchanged(run: Run, file: Path) -> None:
    result = run(file)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == {"Version": "2012-10-17", "Statement": [READ]}


def test_classes_of_several_files_and_of_stdin_make_one_policy(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = CLASS.format(name="other", object="api-key").encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(other)))
    [statement] = json.loads(run(file, "-").out)["Statement"]
    assert statement["Resource"] == [
        f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:api-key-??????",
        f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db/password-??????",
    ]


def test_files_of_a_folder_are_read_together(run: Run, tmp_path: Path) -> None:
    for number, text in enumerate(MANIFESTS.split("---\n")):
        (tmp_path / f"{number}.yaml").write_text(text)
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: shop\n")
    result = run(tmp_path, "--trust", "irsa", "--oidc-provider", ISSUER)
    assert json.loads(result.out)["policy"]["Statement"] == [READ]
    assert json.loads(result.out)["trust"]["Statement"] == [IRSA]


def test_the_output_does_not_depend_on_the_order_of_objects(
    policy_of: Callable[..., Any],
) -> None:
    lines = [
        "- {objectName: b, objectType: secretsmanager}",
        "- {objectName: /b, objectType: ssmparameter, objectAlias: pb}",
        "- {objectName: a, objectType: secretsmanager}",
        "- {objectName: /a, objectType: ssmparameter, objectAlias: pa}",
    ]
    assert policy_of("\n".join(lines)) == policy_of("\n".join(reversed(lines)))


def test_a_key_can_only_decrypt_for_the_stores_of_its_region(
    policy_of: Callable[..., Any],
) -> None:
    objects = "- {objectName: a, objectType: secretsmanager}\n"
    arguments = ("--kms-key", KEY, "--kms-key", KEY.replace("1234abcd", "0000"))
    decrypt = policy_of(objects, *arguments)["Statement"][-1]
    assert decrypt == {
        "Sid": "DecryptEuWest1",
        "Effect": "Allow",
        "Action": ["kms:Decrypt"],
        "Resource": [KEY.replace("1234abcd", "0000"), KEY],
        "Condition": {
            "StringEquals": {"kms:ViaService": ["secretsmanager.eu-west-1.amazonaws.com"]}
        },
    }


def test_a_key_of_a_region_that_is_not_read_is_refused(run: Run, file: Path) -> None:
    result = run(file, "--kms-key", KEY.replace("eu-west-1", "eu-north-1"))
    assert (result.code, result.out) == (2, "")
    assert "eu-north-1" in result.err


@pytest.mark.parametrize(
    ("name", "matched", "others"),
    [
        ("db", ["db-AbCdEf"], ["db-x-AbCdEf", "db2-AbCdEf", "db-AbCdEfG"]),
        ("a*", ["a*-AbCdEf"], ["ab-AbCdEf"]),
        ("a?", ["a?-AbCdEf"], ["ab-AbCdEf"]),
        ("${aws:username}", ["${aws:username}-AbCdEf"], ["anna-AbCdEf"]),
        ("$*", ["$*-AbCdEf"], ["$x-AbCdEf"]),
    ],
)
def test_no_name_matches_another_secret(
    policy_of: Callable[..., Any], name: str, matched: list[str], others: list[str]
) -> None:
    policy = policy_of(json.dumps([{"objectName": name, "objectType": "secretsmanager"}]))
    [pattern] = policy["Statement"][0]["Resource"]
    head = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:"
    assert all(matches(pattern, head + one) for one in matched)
    assert not any(matches(pattern, head + one) for one in others)


def test_a_public_parameter_belongs_to_aws(policy_of: Callable[..., Any]) -> None:
    name = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2/recommended/image_id"
    policy = policy_of(f"- {{objectName: {name}, objectType: ssmparameter}}")
    [resource] = policy["Statement"][0]["Resource"]
    assert resource == f"arn:aws:ssm:eu-west-1::parameter{name}"


def test_a_class_for_the_node_s_region_is_for_all_that_are_given(
    policy_of: Callable[..., Any],
) -> None:
    objects = "- {objectName: a, objectType: secretsmanager}"
    policy = policy_of(objects, "--region", "us-east-1", "--region", "cn-north-1", region="")
    assert [one["Resource"] for one in policy["Statement"]] == [
        [f"arn:aws-cn:secretsmanager:cn-north-1:{ACCOUNT}:secret:a-??????"],
        [f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:a-??????"],
    ]


def test_arns_alone_need_neither_region_nor_account(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "class.yaml"
    arn = f"arn:aws:secretsmanager:eu-west-3:{ACCOUNT}:secret:a-AbCdEf"
    text = CLASS.format(name="x", object=f'"{arn}"').replace("    region: eu-west-1\n", "")
    path.write_text(text)
    result = run(path)
    assert json.loads(result.out)["Statement"][0]["Resource"] == [arn]


# ---- trust -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "provider",
    [f"https://{ISSUER}", ISSUER, f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"],
)
def test_irsa_trusts_the_service_accounts_that_mount_the_class(
    run: Run, file: Path, provider: str
) -> None:
    result = run(file, "--trust", "irsa", "--oidc-provider", provider)
    assert json.loads(result.out) == {
        "policy": {"Version": "2012-10-17", "Statement": [READ]},
        "trust": {"Version": "2012-10-17", "Statement": [IRSA]},
    }


def test_pod_identity_trusts_pairs_of_namespace_and_service_account(run: Run, file: Path) -> None:
    names = [f for name in ("shop/web", "shop/api", "ops/web") for f in ("--service-account", name)]
    result = run(file, "--trust", "pod-identity", *names)
    conditions = [one["Condition"] for one in json.loads(result.out)["trust"]["Statement"]]
    tag = "aws:RequestTag/kubernetes"
    assert conditions == [
        {"StringEquals": {f"{tag}-namespace": ["ops"], f"{tag}-service-account": ["web"]}},
        {"StringEquals": {f"{tag}-namespace": ["shop"], f"{tag}-service-account": ["api", "web"]}},
    ]
    assert "a class uses irsa, but the trust policy is for pod-identity" in result.err


def test_without_pods_all_service_accounts_of_the_files_are_trusted(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "class.yaml"
    path.write_text("---\n".join(MANIFESTS.split("---\n")[:2]).replace("  namespace: shop\n", ""))
    result = run(path, "--trust", "irsa", "--oidc-provider", ISSUER, "-n", "blue")
    [statement] = json.loads(result.out)["trust"]["Statement"]
    subjects = statement["Condition"]["StringEquals"][f"{ISSUER}:sub"]
    assert subjects == ["system:serviceaccount:blue:web"]


# ---- formats ---------------------------------------------------------------------

ODD = '- {objectName: "a*${x}%{y}\\"\\\\", objectType: secretsmanager}'


def test_terraform_yields_the_same_documents(
    run: Run, file: Path, policy_of: Callable[..., Any]
) -> None:
    arguments = (file, "--kms-key", KEY, "--trust", "irsa", "--oidc-provider", ISSUER)
    documents = policy_documents(run(*arguments, "--format", "terraform").out)
    assert documents == {
        "shop": json.loads(run(*arguments).out)["policy"],
        "shop_trust": json.loads(run(*arguments).out)["trust"],
    }


def test_terraform_interpolates_nothing(
    run: Run, policy_of: Callable[..., Any], tmp_path: Path
) -> None:
    expected = policy_of(ODD)
    result = run(tmp_path / "class.yaml", "--account", ACCOUNT, "--format", "terraform")
    assert list(policy_documents(result.out).values()) == [expected]


def test_terraform_is_formatted_as_terraform_formats(run: Run, file: Path) -> None:
    assert run(file, "--format", "terraform").out == (
        'data "aws_iam_policy_document" "shop" {\n'
        "  statement {\n"
        '    sid     = "ReadSecretsEuWest1"\n'
        '    actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]\n'
        "\n"
        "    resources = [\n"
        f'      "arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db/password-??????",\n'
        "    ]\n"
        "  }\n"
        "}\n"
    )


def test_cloudformation_makes_the_policy_and_the_role(run: Run, file: Path) -> None:
    arguments = (file, "--trust", "irsa", "--oidc-provider", ISSUER)
    template = yaml.safe_load(run(*arguments, "--format", "cloudformation").out)
    documents = json.loads(run(*arguments).out)
    policy, role = template["Resources"]["ShopPolicy"], template["Resources"]["ShopRole"]
    assert policy["Type"] == "AWS::IAM::ManagedPolicy"
    assert policy["Properties"]["PolicyDocument"] == documents["policy"]
    assert role["Properties"] == {
        "AssumeRolePolicyDocument": documents["trust"],
        "ManagedPolicyArns": [{"Ref": "ShopPolicy"}],
    }


def test_an_assumed_role_has_a_policy_of_its_own(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "class.yaml"
    role = "arn:aws:iam::444455556666:role/readers/blue"
    text = CLASS.format(name="shop", object="db/password")
    path.write_text(text.replace("    region:", f"    assumeRoleArn: {role}\n    region:"))
    documents = json.loads(run(path).out)
    assert documents["policy"]["Statement"] == [
        {"Sid": "AssumeRoles", "Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": [role]}
    ]
    [statement] = documents["assumedRoles"][role]["Statement"]
    assert statement["Resource"] == [
        "arn:aws:secretsmanager:eu-west-1:444455556666:secret:db/password-??????"
    ]
    terraform = run(path, "--format", "terraform").out
    assert policy_documents(terraform) == {
        "shop": documents["policy"],
        "shop_blue": documents["assumedRoles"][role],
    }
    resources = yaml.safe_load(run(path, "--format", "cloudformation").out)["Resources"]
    assert {name: one["Properties"]["PolicyDocument"] for name, one in resources.items()} == {
        "ShopPolicy": documents["policy"],
        "ShopPolicyOfBlue": documents["assumedRoles"][role],
    }


def test_roles_of_one_name_in_two_accounts_have_a_policy_each(run: Run, tmp_path: Path) -> None:
    path, roles = tmp_path / "class.yaml", [f"arn:aws:iam::{one * 12}:role/blue" for one in "45"]
    text = CLASS.format(name="shop", object="db/password")
    each = (text.replace("    region:", f"    assumeRoleArn: {one}\n    region:") for one in roles)
    path.write_text("---\n".join(each))
    documents = json.loads(run(path).out)["assumedRoles"]
    terraform = policy_documents(run(path, "--format", "terraform").out)
    assert [terraform["shop_blue"], terraform["shop_blue2"]] == [documents[one] for one in roles]
    resources = yaml.safe_load(run(path, "--format", "cloudformation").out)["Resources"]
    made = [resources[name]["Properties"] for name in ("ShopPolicyOfBlue", "ShopPolicyOfBlue2")]
    assert [one["PolicyDocument"] for one in made] == [documents[one] for one in roles]


def test_what_classes_and_stores_need_of_one_role_is_one_document() -> None:
    key, other = (Statement("Decrypt", ("kms:Decrypt",), (one,)) for one in "ab")
    both = joined(Grants((), (), (("role", (key,)),)), Grants((), (), (("role", (key, other)),)))
    assert both.assumed == (("role", (key, replace(other, sid="Decrypt2"))),)


def test_pods_and_a_store_may_authenticate_as_one_account_in_two_ways() -> None:
    pods, tokens = Statement("TrustPods1", ()), Statement("TrustServiceAccounts", ())
    assert joined(Grants((), (pods,)), Grants((), (tokens,))).trust == (pods, tokens)


# ---- missing information and warnings -----------------------------------------------


def test_missing_information_is_an_error(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "class.yaml"
    path.write_text(CLASS.format(name="x", object="a"))
    no_account = run(path)
    assert (no_account.code, no_account.out) == (2, "")
    assert "--account" in no_account.err
    path.write_text(path.read_text().replace("    region: eu-west-1\n", ""))
    no_region = run(path, "--account", ACCOUNT)
    assert no_region.code == 2
    assert "--region" in no_region.err


def test_a_policy_over_the_limit_of_iam_is_a_warning(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "class.yaml"
    lines = [f"      - {{objectName: n{n}, objectType: secretsmanager}}\n" for n in range(100)]
    path.write_text(CLASS.format(name="x", object="a") + "".join(lines))
    result = run(path, "--account", ACCOUNT)
    assert result.code == 0
    assert "the limit of a managed policy is 6144" in result.err


def test_an_ambiguous_arn_is_a_warning(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "class.yaml"
    arn = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:my-app-secret"
    path.write_text(CLASS.format(name="x", object=f'"{arn}"'))
    result = run(path)
    assert json.loads(result.out)["Statement"][0]["Resource"] == [arn]
    assert f"{arn} looks like a complete ARN" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "FILE"),
        (["{}", "--account", "12"], "twelve digits"),
        (["{}", "--account", "１" * 12], "twelve digits"),
        (["{}", "--region", "EU"], "is not an AWS region"),
        (["{}", "--kms-key", f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/x"], "aliases do not work"),
        (["{}", "--trust", "irsa"], "--oidc-provider"),
        (["{}", "--service-account", "a/b"], "need --trust"),
        (["{}", "--trust", "pod-identity", "--service-account", "a"], "NAMESPACE/NAME"),
        (
            ["{}", "--trust", "pod-identity", "--service-account", "a/*"],
            'letters, digits, - and ., got "*"',
        ),
        (["{}", "--trust", "irsa", "--oidc-provider", "nonsense"], "issuer"),
        (["/nowhere"], "cannot read /nowhere"),
    ],
)
def test_a_wrong_command_line_exits_2_with_one_line(
    run: Run, file: Path, arguments: list[str], message: str
) -> None:
    result = run(*(one.format(file) for one in arguments))
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Pod\napiVersion: v1\n", "no SecretProviderClass"),
        (CLASS.format(name="x", object="a").replace("provider: aws", "provider: vault"), "aws"),
        (CLASS.format(name="x", object="arn:x"), "objects[0].objectName"),
        ("a: [", "not YAML"),
    ],
    ids=["none", "another provider's", "mistaken", "no YAML"],
)
def test_without_a_valid_class_there_is_no_policy(
    run: Run, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "class.yaml"
    path.write_text(text)
    result = run(path)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_help_shows_exit_codes(run: Run) -> None:
    out = run("--help").out
    for code, meaning in EXIT_CODES.items():
        assert f"  {code}  {meaning}" in out


# ---- optional secrets, clusters, and a policy for each service account ------------------


def test_optional_secrets_are_denied_where_they_do_not_exist(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "class.yaml"
    path.write_text(CLASS.format(name="shop", object="db\n        optional: true"))
    plain = run(path, "--account", ACCOUNT)
    assert plain.code == 0
    assert 'optional secret db does not exist, AWS answers "denied"' in plain.err
    assert "--cover-optional allows db*" in plain.err
    covering = run(path, "--account", ACCOUNT, "--cover-optional")
    assert covering.err == ""
    (statement,) = json.loads(covering.out)["Statement"]
    assert statement["Resource"] == [f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db*"]


@pytest.mark.parametrize(
    ("cluster", "key"),
    [
        ("prod", "aws:RequestTag/eks-cluster-name"),
        (f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/prod", "aws:RequestTag/eks-cluster-arn"),
    ],
    ids=["name", "ARN"],
)
def test_only_pods_of_one_cluster_are_trusted(
    cluster: str, key: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(MANIFESTS)
    result = run(path, "--trust", "pod-identity", "--cluster", cluster)
    (statement,) = json.loads(result.out)["trust"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        key: [cluster],
        "aws:RequestTag/kubernetes-namespace": ["shop"],
        "aws:RequestTag/kubernetes-service-account": ["web"],
    }
    assert "all clusters" not in result.err
    assert "all clusters of the account" in run(path, "--trust", "pod-identity").err


SECOND = f"""\
---
{CLASS.format(name="mail", object="smtp")}
---
apiVersion: v1
kind: Pod
metadata: {{name: mail, namespace: mail}}
spec:
  volumes:
    - csi: {{driver: secrets-store.csi.k8s.io, volumeAttributes: {{secretProviderClass: mail}}}}
"""


def by_account(run: Run, folder: Path, *arguments: str) -> str:
    path = folder / "all.yaml"
    path.write_text(MANIFESTS + SECOND)
    result = run(path, "--by", "service-account", *arguments)
    assert result.code == 0, result.err
    return result.out


def test_each_service_account_gets_its_own_policy_and_trust(run: Run, tmp_path: Path) -> None:
    oidc = ("--oidc-provider", f"https://{ISSUER}", "--account", ACCOUNT)
    document = json.loads(by_account(run, tmp_path, *oidc))
    assert document.keys() == {"serviceAccounts"}
    web, mail = (document["serviceAccounts"][name] for name in ("shop/web", "mail/default"))
    assert len(document["serviceAccounts"]) == 2
    assert web["policy"]["Statement"] == [READ]
    assert web["trust"]["Statement"] == [IRSA]
    (read,), (trust,) = mail["policy"]["Statement"], mail["trust"]["Statement"]
    assert read["Resource"] == [f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:smtp-??????"]
    subject = trust["Condition"]["StringEquals"][f"{ISSUER}:sub"]
    assert subject == ["system:serviceaccount:mail:default"]


def test_the_policies_of_service_accounts_have_other_formats(run: Run, tmp_path: Path) -> None:
    more = ("--trust", "pod-identity", "--account", ACCOUNT, "--format")
    blocks = policy_documents(by_account(run, tmp_path, *more, "terraform"))
    names = {"shop_web", "shop_web_trust", "mail_default", "mail_default_trust"}
    assert blocks.keys() == names
    template = yaml.safe_load(by_account(run, tmp_path, *more, "cloudformation"))
    resources = {"ShopWebPolicy", "ShopWebRole", "MailDefaultPolicy", "MailDefaultRole"}
    assert template["Resources"].keys() == resources


def test_policies_of_service_accounts_need_pods_and_a_provider(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(MANIFESTS)
    result = run(path, "--by", "service-account")
    assert (result.code, result.out) == (2, "")
    assert "shop/web: IRSA needs --oidc-provider" in result.err
    path.write_text(CLASS.format(name="shop", object="db"))
    assert "no pod in the files mounts" in run(path, "--by", "service-account").err
