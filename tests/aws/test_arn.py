"""ARNs, and regions' partitions."""

import subprocess
import sys

import pytest
from botocore.loaders import Loader

from provider.aws.arn import Arn
from provider.aws.regions import partition_of


def test_what_an_arn_names() -> None:
    arn = Arn.parse("arn:aws-cn:secretsmanager:cn-north-1:1:secret:a/b:c")
    assert (arn.region, arn.store) == ("cn-north-1", "secretsmanager")
    assert Arn.parse("arn:aws:ssm:eu-west-1:1:parameter/a").store == "ssmparameter"


@pytest.mark.parametrize(
    "text",
    ["", "a", "arn", "arn:aws:ssm::1:parameter/a", "arn:aws:ssm:eu-west-1:1:", "arn:aws:sqs:r:1:x"],
)
def test_other_text_is_no_arn(text: str) -> None:
    with pytest.raises(ValueError, match="is "):
        Arn.parse(text)


def test_every_region_that_botocore_knows_has_its_partition() -> None:
    partitions = Loader().load_data("partitions")["partitions"]
    regions = [
        (name, one["id"])
        for one in partitions
        for name in one["regions"]
        if not name.endswith("-global")
    ]
    assert len(regions) > 30
    assert [(name, partition_of(name)) for name, _ in regions] == regions


def test_the_modules_that_ask_aws_import_no_sdk() -> None:
    code = (
        "import sys, provider.aws.stores, provider.aws.sts, provider.aws.network;"
        "import provider.aws.credentials.web_identity, provider.aws.credentials.pod_identity;"
        "print({'botocore', 'boto3', 'urllib3', 'requests'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "set()\n"
