"""A hostile template fails with one clear error, in bounded time and memory."""

import pytest

from provider.controller.template import Limits, TemplateError, compile_template
from provider.controller.template.limits import Expired

DATA = {"s": b"a" * 65536, "words": b"x y" * 20000}
GROW = "{{ $d := list 1 }}{{ range 60 }}{{ $d = list $d $d }}{{ end }}"
MANY_KEYS = "{{ $d := dict }}{{ range until 300 }}{{ $_ := set $d (print .) 1 }}{{ end }}"
LAUGHS = "a: &a [x,x,x,x,x,x,x,x]\\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 8)}]\\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)

FEW_STEPS = Limits(steps=50_000, tokens=10_000)  # a tenth of the default: the tests are fast
STEPS = "takes more than"
MEMORY = "the template's values exceed"
TEXT = "a text exceeds 1048576 bytes"
DEPTH = "nested more than 100 levels deep"
PADDING = "padded to more than"
NESTED = "blocks and parentheses are nested too deeply"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}', DEPTH),
        ("{{ range 1000000000 }}{{ end }}", STEPS),
        ("{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}", STEPS),
        ('{{ repeat 1000000000 "x" }}', MEMORY),
        ('{{ repeat 10000 (repeat 10000 "x") }}', MEMORY),
        ("{{ until 1000000000 }}", MEMORY),
        ("{{ untilStep 0 9223372036854775807 1 }}", MEMORY),
        ("{{ seq 1 1000000000 }}", MEMORY),
        ("{{ randAlpha 1000000000 }}", MEMORY),
        ("{{ randBytes 1000000000 }}", MEMORY),
        (GROW + "{{ print $d }}", STEPS),
        (GROW + "{{ toJson $d }}", STEPS),
        (GROW + "{{ toYaml $d }}", STEPS),
        (GROW + "{{ deepCopy $d }}", STEPS),
        (GROW + "{{ $e := deepCopy (list 1) }}{{ deepEqual $d (list $d) }}{{ print $d }}", STEPS),
        ('{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ print $d }}', DEPTH),
        ('{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toJson $d }}', DEPTH),
        (
            (
                '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $e := deepCopy (dict) }}'
                '{{ $_ := set $e "d" $e }}{{ merge $d $e }}'
            ),
            DEPTH,
        ),
        ('{{ printf "%999999d" 1 }}', PADDING),
        ('{{ printf "%.999999f" 1.0 }}', PADDING),
        ('{{ printf "%*d" 900000 1 }}', PADDING),
        ('{{ indent 1000000 "a" }}', PADDING),
        ('{{ indent 90000 (repeat 90000 "\\n") }}', MEMORY),
        ('{{ $s := "xx" }}{{ range 100 }}{{ $s = printf "%s%s" $s $s }}{{ end }}', STEPS),
        ('{{ $s := "xx" }}{{ range 100 }}{{ $s = replace "x" "xxxx" $s }}{{ end }}', TEXT),
        ('{{ repeat 2000 (repeat 1000 "x") }}', TEXT),
        ('{{ split "," (repeat 60000 "a,") }}', "more than 50000 texts are sorted"),
        ('{{ sortAlpha (splitList "," (repeat 60000 "a,")) }}', "more than 50000 texts are sorted"),
        ('{{ fromJson (repeat 300000 " ") }}', "a JSON document exceeds 262144 bytes"),
        ('{{ date (repeat 20000 "1") now }}', STEPS),
        ('{{ mustToDate (repeat 20000 "_") (repeat 20000 "_") }}', STEPS),
        ('{{ printf (repeat 30000 "%[") }}', STEPS),
        (MANY_KEYS + "{{ keys " + "$d " * 4000 + "| len }}", STEPS),
        ("{{ $x := 1 }}" * 1001, "more than 1000 variables"),
        ("{{.}}" * 4000, "more than 10000 words and signs in its actions"),
        ('{{ join (repeat 10000 "x") (until 10000) }}', MEMORY),
        ("{{ $l := list }}{{ range 100000 }}{{ $l = append $l 1 }}{{ end }}", STEPS),
        ("{{ $l := list 1 }}{{ range 100 }}{{ $l = concat $l $l }}{{ end }}", MEMORY),
        ("{{ range 100000 }}{{ mulf 1.1e300 1.1e300 1.1e300 1.1e300 1.1 1.7 }}{{ end }}", STEPS),
        ('{{ fromYaml (print "a: &a " .s "\\nb: [" (repeat 600 "*a,") "1]") | len }}', MEMORY),
        ("{{ range 100000 }}{{ $.s }}{{ end }}", "the output exceeds 2097152 bytes"),
        ("{{ range 100000 }}{{ $x := sha256sum $.s }}{{ end }}", STEPS),
        ("{{ range 100000 }}{{ $x := snakecase $.s }}{{ end }}", STEPS),
        ("{{ range 100000 }}{{ $x := title $.words }}{{ end }}", STEPS),
        ("{{ uniq (until 20000) | len }}", STEPS),
        ('{{ range 1000 }}{{ $x := bcrypt "x" }}{{ end }}', STEPS),
        ('{{ range 1000 }}{{ $x := derivePassword 1 "pin" "a" "b" "c" }}{{ end }}', STEPS),
        ('{{ regexReplaceAll "a" .s (repeat 10000 "$0") }}', STEPS),
        ('{{ regexFind (repeat 9000 "a") "x" }}', "the regular expression exceeds 8192 bytes"),
        ('{{ regexFind "((a{100}){100}){100}" .s }}', "error parsing regexp"),
        ("{{ regexFind (repeat 41 `\\PL`) .s }}", "more than 40 classes of Unicode"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", NESTED),
        ("{{ if true }}" * 2000 + "{{ end }}" * 2000, NESTED),
        ('{{ define "x" }}' + "{{ with 1 }}" * 200, NESTED),
        ("x" * (2 << 20), "the template exceeds 1048576 bytes"),
        ('{{ mustFromJson (print (repeat 500 "[") (repeat 500 "]")) }}', DEPTH),
        ('{{ mustFromJson (print (repeat 50000 "[") (repeat 50000 "]")) }}', "exceeded max depth"),
        ('{{ fromYaml (print (repeat 500 "[") (repeat 500 "]")) }}', DEPTH),
        ('{{ fromYaml "' + LAUGHS + '" | toJson | len }}', STEPS),
        ('{{ date "2006" 9223372036854775807 }}', "an argument is out of range"),
        (
            "".join(
                f'{{{{ define "{n}" }}}}{{{{ template "{n + 1}" }}}}{{{{ template "{n + 1}" }}}}'
                "{{ end }}"
                for n in range(40)
            )
            + '{{ define "40" }}{{ end }}{{ template "0" }}',
            STEPS,
        ),
    ],
    ids=lambda value: value[:50],
)
def test_a_hostile_template_fails_with_one_clear_error(text: str, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template("k", text, limits=FEW_STEPS).render(DATA)
    assert reason in str(caught.value)
    assert str(caught.value).startswith("template: k:")
    assert len(str(caught.value)) < 500


def expires_after(checks: int) -> Expired:
    """A deadline that has passed when it is asked for the last time."""
    left = iter(range(checks, -1, -1))
    return lambda _steps=0: next(left) == 0


@pytest.mark.parametrize(
    "text",
    [
        "{{ range 100000 }}{{ end }}",
        "{{ toJson (until 20000) }}",
        '{{ regexFindAll "a" .s -1 | len }}',
        '{{ genPrivateKey "ed25519" }}{{ sha256sum .s }}{{ sha256sum .s }}',
    ],
)
def test_the_deadline_stops_a_template(text: str) -> None:
    with pytest.raises(TemplateError, match="the template takes too long"):
        compile_template("k", text).render(DATA, expired=expires_after(1))


@pytest.mark.parametrize("text", ["{{ . }}" * 100, '{{ "' + "a" * 1000 + '" }}'])
def test_the_deadline_stops_the_parsing_of_a_template(text: str) -> None:
    with pytest.raises(TemplateError, match="the template takes too long"):
        compile_template("k", text, expired=expires_after(0))


def test_trimming_takes_no_longer_for_many_characters() -> None:
    """str.strip would hold the event loop for ten seconds here, and for hours at worst."""
    text = '{{ trimAll (print (repeat 200000 "bc") "a") (print (repeat 400000 "a") "x" .s) }}'
    assert compile_template("k", text).render(DATA) == b"x"


def test_each_byte_of_a_long_text_that_is_no_utf8_becomes_one_rune() -> None:
    bad = b"a\xff" * (1 << 14)  # is worked on in parts
    assert compile_template("k", "{{ upper .bad }}").render({"bad": bad}).decode() == "A\ufffd" * (
        1 << 14
    )


def test_a_template_within_its_deadline_is_rendered() -> None:
    template = compile_template("k", "{{ range 100 }}x{{ end }}")
    assert template.render({}, expired=lambda _steps=0: False) == b"x" * 100


@pytest.mark.parametrize(
    ("text", "steps"),
    {
        '{{ regexMatch "(a?){1000}(a?){1000}b" .s }}': 20_000_000,
        '{{ regexFind "(a?){1000}(a?){1000}b" .s }}': 20_000_000,
        '{{ regexReplaceAll "(a?){1000}b" .s "x" }}': 10_000_000,
        '{{ genPrivateKey "rsa" }}': 100_000,
        '{{ derivePassword 1 "long" "p" "u" "s" }}': 80_000,
    }.items(),
)
def test_what_cannot_be_interrupted_is_not_begun_without_time_for_it(text: str, steps: int) -> None:
    """The first of these searches takes a minute."""
    with pytest.raises(TemplateError, match="the template takes too long"):
        compile_template("k", text).render(DATA, expired=lambda wanted=0: wanted >= steps)


def test_the_parts_of_a_text_take_more_memory_than_the_text() -> None:
    with pytest.raises(TemplateError, match=MEMORY):
        compile_template("k", '{{ splitList "," (repeat 520000 "a,") | len }}').render({})


def test_each_rendering_has_its_own_budget() -> None:
    template = compile_template("k", "{{ range 40 }}{{ . }}{{ end }}", limits=Limits(steps=300))
    assert template.render({}) == template.render({})


def test_large_secrets_of_ordinary_templates_are_within_the_limits() -> None:
    large = b"k: v\n" * 13_000
    text = "{{ .v | b64enc | b64dec | indent 4 | trim | replace `v` `w` | quote | len }}"
    assert compile_template("k", text).render({"v": large})
    assert compile_template("k", "{{ .v }}{{ .v | toJson }}").render({"v": large})
    assert compile_template("k", "{{ .v | fromYaml | toYaml }}").render({"v": b"a1: x\n" * 2000})
