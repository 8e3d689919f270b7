"""What `validate` suggests for templates that do not compile."""

import pytest

from provider.controller.template import TemplateError, compile_template
from provider.tools.validate.resource_templates import template_hint


def test_common_mistakes_have_a_hint() -> None:
    for text, hint in {
        "{{ .db-password }}": 'write (index . "db-password") for a name with a hyphen',
        "{{ .a[0] }}": "write (index .list 0) for an element",
        "{{ if .a }}x": "close each block",
        "{{ end }}": "no block is open",
        "{{ else }}": "no block is open",
        "{{ .a ": "close each action with two braces",
        "{{ .a }": "close each action with two braces",
        "{{ {{ .a }} }}": "write no braces within an action",
        '{{ if .a == "b" }}x{{ end }}': 'write eq .a "b" to compare',
        "{{ .a && .b }}": "write and .a .b",
        "{{ .a || .b }}": "write or .a .b",
        "{{ len(.a) }}": "write arguments without brackets",
        "{{ .a, .b }}": "separate arguments by spaces",
        '{{ .a | quote "x }}': "close each text with the quote",
        "{{ \u201ca\u201d }}": "write plain quotes",
        "{{ $x }}": 'set it before with $name := "value"',
        "{{ .a + 1 }}": "calculate with functions",
        "{{-.a }}": "a number begins here: write a space behind {{-",
        "{{ }}": "write a value or a function",
        "{{ user }}": "did you mean .user",
        "{{ .user | uper }}": "did you mean upper",
        '{{ include "x" . }}': "this function exists in Helm only",
        "{{ zzzzzzzz }}": "",
    }.items():
        with pytest.raises(TemplateError) as failure:
            compile_template("k", text)
        found = template_hint(failure.value.fault, ["user"])
        assert found.startswith(hint), (text, failure.value.fault, found)
        assert bool(found) == bool(hint), text
