"""ARNs."""

import pytest

from provider.aws.arn import Arn


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
