"""What is wrong with label selectors, in the sense of Kubernetes."""

from collections.abc import Sequence

from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.reading import Reading
from provider.controller.resources.selectors import LabelSelector, is_label_key, is_label_value
from provider.manifests.problems import quote


def check_selectors(spec: ClusterExternalSecretSpec, reading: Reading) -> None:
    """The rules of a ClusterExternalSecret besides those of its ExternalSecret."""
    if spec.namespace_selector:
        check_selector(spec.namespace_selector, reading, "spec.namespaceSelector")
    for index, selector in enumerate(spec.namespace_selectors):
        check_selector(selector, reading, f"spec.namespaceSelectors[{index}]")


def check_selector(selector: LabelSelector, reading: Reading, path: str) -> None:
    """The rules of one selector.

    Without them, NotIn and DoesNotExist with a key that no label can have select everything.
    """
    for key, value in selector.match_labels.items():
        _check_label(key, (value,), reading, f"{path}.matchLabels")
    for index, one in enumerate(selector.match_expressions):
        at = f"{path}.matchExpressions[{index}]"
        _check_label(one.key, one.values, reading, at)
        needs_values = one.operator in ("In", "NotIn")
        if needs_values and not one.values and not reading.is_faulty(f"{at}.values"):
            reading.wrong(f"{at}.values", f"must be given for the operator {one.operator}")
        elif not needs_values and one.values:
            reading.wrong(f"{at}.values", f"must be left out for the operator {one.operator}")


def _check_label(key: str, values: Sequence[str], reading: Reading, path: str) -> None:
    if not is_label_key(key) and not reading.is_faulty(f"{path}.key"):
        reading.wrong(
            path, f"{quote(key)} is not the key of a label, such as team or example.com/team"
        )
    for value in values:
        if not is_label_value(value):
            what = f"{quote(value)} is not the value of a label"
            reading.wrong(path, f"{what}: 63 letters, digits and -_. at most")
