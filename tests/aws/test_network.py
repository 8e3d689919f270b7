"""Ways around a proxy are those that Python's own library knows."""

from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed

from hypothesis import example, given
from hypothesis import strategies as st

from provider.aws.network import is_bypassed

HOSTS = st.sampled_from(
    ["a.example", "b.a.example", "A.Example", "xa.example", "10.0.0.1", "[::1]", "localhost"]
)
ENTRIES = st.one_of(
    st.sampled_from(["*", ".example", "example", "a.example:443", "[::1]", " 10.0.0.1", "", "."]),
    HOSTS,
    st.text("a.:*x ", max_size=6),
)


@given(HOSTS, st.sampled_from([80, 443, 8080]), st.lists(ENTRIES, max_size=4).map(",".join))
@example("a.example", 443, "*")
@example("[::1]", 443, "[::1]:443")
def test_no_proxy_is_read_as_pythons_library_reads_it(host: str, port: int, no_proxy: str) -> None:
    address = f"{host}:{port}"
    assert is_bypassed(address, no_proxy) == proxy_bypass_environment(address, {"no": no_proxy})
