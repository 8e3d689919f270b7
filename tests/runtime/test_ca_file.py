"""Certificate authorities: a file that changes, breaks or disappears."""

import asyncio
import ssl
from pathlib import Path

import pytest

from provider.runtime import ca_file as module
from provider.runtime.ca_file import CaFile
from testbed.tls import Authority


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def bundle(authority: Authority, tmp_path: Path) -> Path:
    return authority.write(tmp_path / "ca.pem")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock; every look at it is a minute after the last."""
    times = [0.0]

    def monotonic() -> float:
        times[0] += 60
        return times[0]

    monkeypatch.setattr(module, "monotonic", monotonic)
    return times


def replace(bundle: Path, content: bytes) -> None:
    """As a mounted ConfigMap is replaced."""
    new = bundle.with_suffix(".new")
    new.write_bytes(content)
    new.replace(bundle)


async def test_authorities_may_be_in_a_folder(bundle: Path) -> None:
    context = await CaFile(bundle.parent, "AWS_CA_BUNDLE").context()
    assert context.verify_mode is ssl.CERT_REQUIRED  # OpenSSL reads the folder when it connects


@pytest.mark.usefixtures("now")
async def test_a_bundle_that_changes_is_read_again(bundle: Path, tmp_path: Path) -> None:
    loaded = CaFile(bundle, "AWS_CA_BUNDLE")
    first = await loaded.context()
    assert await loaded.context() is first
    other = Authority().write(tmp_path / "other.pem").read_bytes()
    replace(bundle, bundle.read_bytes() + other)
    second = await loaded.context()
    assert second is not first
    assert len(second.get_ca_certs()) == 2
    assert await loaded.context() is second


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("content", [b"", None], ids=["broken", "gone"])
async def test_a_new_bundle_that_cannot_be_loaded_leaves_the_old_one(
    bundle: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    whole = bundle.read_bytes()
    loaded = CaFile(bundle, "AWS_CA_BUNDLE")
    if content is None:
        bundle.unlink()
    else:
        replace(bundle, content)
    first = await loaded.context()
    assert await loaded.context() is first
    assert len(first.get_ca_certs()) == 1
    (record,) = caplog.records  # not one for every request
    assert "the old authorities stay in use: AWS_CA_BUNDLE: cannot load" in record.getMessage()
    replace(bundle, whole + whole)
    assert await loaded.context() is not first


@pytest.mark.usefixtures("now")
async def test_a_caller_that_leaves_while_the_bundle_is_read_does_not_lose_it(
    bundle: Path,
) -> None:
    loaded = CaFile(bundle, "AWS_CA_BUNDLE")
    first = await loaded.context()
    replace(bundle, bundle.read_bytes() * 2)
    leaver = asyncio.create_task(loaded.context())
    await asyncio.sleep(0)
    assert not leaver.done()
    leaver.cancel()
    await asyncio.wait([leaver])
    async with asyncio.timeout(10):
        while await loaded.context() is first:
            await asyncio.sleep(0.001)


async def test_the_file_is_looked_at_once_in_a_while(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = CaFile(bundle, "AWS_CA_BUNDLE")
    monkeypatch.setattr(module, "_state", lambda path: pytest.fail("looked at"))
    for _ in range(3):
        await loaded.context()


@pytest.mark.usefixtures("now")
async def test_many_requests_read_a_changed_bundle_once(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = CaFile(bundle, "AWS_CA_BUNDLE")
    replace(bundle, bundle.read_bytes() * 2)
    loads: list[ssl.SSLContext] = []
    load = CaFile._load

    def counted(self: CaFile) -> ssl.SSLContext:
        loads.append(load(self))
        return loads[-1]

    monkeypatch.setattr(CaFile, "_load", counted)
    await asyncio.gather(*(loaded.context() for _ in range(20)))
    assert len(loads) == 1
