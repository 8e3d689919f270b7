"""The text of a mount in which objects failed."""

from provider.csi.object_failures import ObjectFailure, ObjectsFailed
from provider.csi.request.model import SecretObject
from provider.engine.model import Identity, SecretRef
from provider.errors import SecretNotFound

ODD = "a\nb\x1b[2J"
IDENTITY = Identity("irsa", "shop/web", "aws", "arn:aws:iam::111122223333:role/web")


def test_no_name_of_a_secret_adds_a_line_or_controls_a_terminal() -> None:
    objects = [SecretObject(at, SecretRef("ssmparameter", ODD), None, "a", 0o644) for at in (0, 1)]
    error = SecretNotFound(f"ParameterNotFound: Check the name {ODD} and the region.")
    failed = ObjectsFailed([ObjectFailure(one, "eu-west-1", error) for one in objects], IDENTITY)
    lines = str(failed).split("\n")
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
    assert failed.failures[0].brief.isprintable()
