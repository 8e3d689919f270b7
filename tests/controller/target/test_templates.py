"""What a Secret is to hold, by the template of its ExternalSecret."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from provider.controller.resources.objects import read_external_secret
from provider.controller.scheduling.cpu_work import CpuWork
from provider.controller.target.plan import Wanted
from provider.controller.target.templates import LAST_APPLIED, Templates
from provider.controller.template import TemplateError
from provider.errors import InvalidRequest, ObjectNotFound, ProviderError
from provider.kube.kinds import Document, Kind


class Api:
    """ConfigMaps and Secrets."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Document] = {}

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        found = self.objects.get((kind.name, namespace, name))
        if found is None:
            raise ObjectNotFound(f"{kind.name} {namespace}/{name} not found")
        return found

    def put(self, kind: str, name: str, data: dict[str, str]) -> None:
        if kind == "Secret":
            data = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.objects[kind, "shop", name] = {"metadata": {"name": name}, "data": data}


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
async def templates(api: Api) -> AsyncIterator[Templates]:
    work = CpuWork()
    yield Templates(api, work)
    work.close()


async def render(
    templates: Templates, template: dict[str, Any] | None, about: Any = None, **values: str
) -> Wanted:
    spec = {
        "secretStoreRef": {"name": "aws"},
        "target": {} if template is None else {"template": template},
        "data": [{"secretKey": "a", "remoteRef": {"key": "x"}}],
    }
    document = {"metadata": {"name": "db", "namespace": "shop", **(about or {})}, "spec": spec}
    found = read_external_secret(document)
    assert found.spec is not None, found.problems
    data = {key: value.encode() for key, value in values.items()}
    return await templates.render(found.metadata, found.spec, data)


async def test_without_a_template_labels_and_annotations_are_copied(templates: Templates) -> None:
    about = {"labels": {"l": "1"}, "annotations": {"n": "2", LAST_APPLIED: "{}"}}
    wanted = await render(templates, None, about, a="1")
    assert wanted.data == {"a": b"1"}
    assert (dict(wanted.labels), dict(wanted.annotations)) == ({"l": "1"}, {"n": "2"})


async def test_with_a_template_they_are_not(templates: Templates) -> None:
    wanted = await render(templates, {"data": {"x": "{{ .a }}!"}}, {"labels": {"l": "1"}}, a="1")
    assert (wanted.data, wanted.labels) == ({"x": b"1!"}, {})


@pytest.mark.parametrize(
    ("template", "data"),
    [
        ({"data": {"x": "t"}}, {"x": b"t"}),
        ({"data": {"x": "t"}, "mergePolicy": "Merge"}, {"a": b"1", "x": b"t"}),
        ({"data": {"a": "t"}, "mergePolicy": "Merge"}, {"a": b"t"}),
        ({"type": "Opaque"}, {"a": b"1"}),
        ({"templateFrom": [{"literal": "x: {{ .a }}"}]}, {"x": b"1"}),
        (
            {"templateFrom": [{"literal": "x: from\nz: from"}], "data": {"x": "data"}},
            {"x": b"data", "z": b"from"},
        ),
        ({"templateFrom": [{"literal": "x: 1"}, {"literal": "x: 2"}]}, {"x": b"2"}),
    ],
    ids=str,
)
async def test_what_wins(
    templates: Templates, template: dict[str, Any], data: dict[str, bytes]
) -> None:
    assert (await render(templates, template, a="1")).data == data


async def test_templates_of_config_maps_and_secrets(templates: Templates, api: Api) -> None:
    api.put("ConfigMap", "c", {"one": "{{ .a }}-c", "map": "k: {{ .a }}\nyes: on"})
    api.put("Secret", "s", {"two": "{{ .a }}-s"})
    items = [{"key": "one"}, {"key": "map", "templateAs": "KeysAndValues"}]
    template = {
        "templateFrom": [
            {"configMap": {"name": "c", "items": items}},
            {"secret": {"name": "s", "items": [{"key": "two"}]}},
        ]
    }
    wanted = await render(templates, template, a="1")
    assert wanted.data == {"one": b"1-c", "k": b"1", "true": b"true", "two": b"1-s"}


async def test_labels_annotations_type_and_finalizers(templates: Templates) -> None:
    template = {
        "type": "kubernetes.io/basic-auth",
        "metadata": {
            "labels": {"l": "{{ .a }}"},
            "annotations": {"n": "n-{{ .a }}"},
            "finalizers": ["x/y"],
        },
        "templateFrom": [{"target": "labels", "literal": "l: lost\nm: {{ .a }}"}],
    }
    wanted = await render(templates, template, a="1")
    assert wanted.labels == {"l": "1", "m": "1"}
    assert wanted.annotations == {"n": "n-1"}
    assert (wanted.type, wanted.finalizers) == ("kubernetes.io/basic-auth", ("x/y",))


async def test_rendered_values_are_decoded(templates: Templates) -> None:
    template = {"templateFrom": [{"literal": "x: aGk=", "valuesDecodingStrategy": "Base64"}]}
    assert (await render(templates, template)).data == {"x": b"hi"}


@pytest.mark.parametrize(
    "literal",
    ["{{ .a }}: x", "{{ .a }}: [x]", '{{ .a | replace " " "-" }}: \'*\''],
    ids=["no key of a Secret", "a list", "no Base64"],
)
async def test_a_key_that_is_made_of_a_value_is_in_no_error(
    templates: Templates, literal: str
) -> None:
    template = {"templateFrom": [{"literal": literal, "valuesDecodingStrategy": "Base64"}]}
    with pytest.raises(InvalidRequest, match="not shown") as caught:
        await render(templates, template, a="c4nary of mine")
    assert "c4nary" not in str(caught.value)


async def test_a_key_of_a_secret_that_is_a_template_is_in_no_error(
    templates: Templates, api: Api
) -> None:
    api.put("Secret", "s", {"text": "c4nary of mine: x"})
    items = [{"key": "text", "templateAs": "KeysAndValues"}]
    template = {"templateFrom": [{"secret": {"name": "s", "items": items}}]}
    with pytest.raises(InvalidRequest, match="not shown") as caught:
        await render(templates, template)
    assert "c4nary" not in str(caught.value)


async def test_a_key_that_the_template_writes_is_in_the_error(templates: Templates) -> None:
    with pytest.raises(InvalidRequest, match=r"invalid character.*: my key"):
        await render(templates, {"templateFrom": [{"literal": "my key: {{ .a }}"}]}, a="1")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            {"data": {"x": "{{ .nope }}"}},
            'unable to execute template at key x.*no entry for key "n',
        ),
        ({"data": {"x": "{{ if }}"}}, "unable to parse template at key x"),
        ({"data": {"x": "{{ nofunc }}"}}, 'function "nofunc" not defined'),
        (
            {"templateFrom": [{"configMap": {"name": "c", "items": [{"key": "nope"}]}}]},
            "error in configmap c: missing key nope",
        ),
        (
            {"templateFrom": [{"secret": {"name": "none", "items": [{"key": "k"}]}}]},
            "Secret shop/none not found",
        ),
        ({"templateFrom": [{"literal": "- a"}]}, "literal.*not a YAML map"),
        ({"templateFrom": [{"literal": "a b: c"}]}, "invalid secret keys"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_said(
    templates: Templates, api: Api, template: dict[str, Any], message: str
) -> None:
    api.put("ConfigMap", "c", {"k": ""})
    with pytest.raises(ProviderError, match=message):
        await render(templates, template, a="1")


async def test_no_error_quotes_a_template_from_a_secret(templates: Templates, api: Api) -> None:
    api.put("Secret", "s", {"t": "canary {{ .nope }} {{ .a.b.canary }}"})
    template = {"templateFrom": [{"secret": {"name": "s", "items": [{"key": "t"}]}}]}
    with pytest.raises(InvalidRequest) as caught:
        await render(templates, template, a="1")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(("rounds", "keys"), [(100_000, 1), (200, 100)])
async def test_templates_that_take_too_long_are_ended(api: Api, rounds: int, keys: int) -> None:
    work = CpuWork(moment=0.001, most=0.002)
    text = f"{{{{ range until {rounds} }}}}x{{{{ end }}}}"
    with pytest.raises(TemplateError, match=r"unable to execute template at key .*takes too long"):
        await render(Templates(api, work), {"data": {f"k{one}": text for one in range(keys)}})
    work.close()


async def test_all_templates_of_one_object_are_bounded_together(templates: Templates) -> None:
    text = '{{ repeat 1000 (repeat 1000 "x") }}'
    with pytest.raises(InvalidRequest, match="the templates give more than 4194304 bytes"):
        await render(templates, {"data": dict.fromkeys("abcde", text)})


async def test_the_templates_that_others_hold_are_bounded(templates: Templates, api: Api) -> None:
    api.put("ConfigMap", "t", {"x": "y" * 1_000_000})
    source = {"configMap": {"name": "t", "items": [{"key": "x"}]}}
    assert len((await render(templates, {"templateFrom": [source]})).data["x"]) == 1_000_000
    with pytest.raises(InvalidRequest, match="the templates have more than 1048576 bytes"):
        await render(templates, {"templateFrom": [source] * 2})
