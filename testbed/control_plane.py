"""A real Kubernetes control plane on loopback: etcd, API server, controller manager.

For tests, the demo and benchmarks of the controller. The programs are those of the folder that
`KUBEBUILDER_ASSETS` names; etcd and kubectl may also be on the `PATH`. The controller manager runs
garbage collection and the deletion of namespaces only. There are no nodes: pods are never started.

By hand: `python -m testbed.control_plane`, which prints the address and stops at Ctrl-C.
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from testbed.cluster import Address, ClusterClient

CRDS = Path(__file__).parents[1] / "deploy" / "crds"
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
)
UNUSED_ADMISSION = (
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
    "ClusterTrustBundleAttest",
    "DefaultIngressClass",
    "DefaultStorageClass",
    "DefaultTolerationSeconds",
    "LimitRanger",
    "PersistentVolumeClaimResize",
    "PodTopologyLabels",
    "Priority",
    "ResourceQuota",
    "RuntimeClass",
    "ServiceAccount",
    "StorageObjectInUseProtection",
    "TaintNodesByCondition",
)
"""For pods, nodes, volumes and certificates: without them, a start takes a fifth less CPU."""
AUDIENCES = ("https://kubernetes.default.svc", "sts.amazonaws.com")
_TOKEN = "testbed-admin"  # noqa: S105 (of a server on loopback that lives for one test run)
_START_SECONDS = 50.0
_STOP_SECONDS = 5.0


class NotAvailable(RuntimeError):
    """A program of the control plane is missing or does not start; the text says which and why."""


def missing() -> str | None:
    """Why no control plane can be started on this machine; None where one can."""
    if not os.environ.get("KUBEBUILDER_ASSETS"):
        return "KUBEBUILDER_ASSETS is not set: no real API server to test with"
    names = ("etcd", "kube-apiserver", "kube-controller-manager")
    absent = [name for name in names if program(name) is None]
    return f"not found in KUBEBUILDER_ASSETS or PATH: {', '.join(absent)}" if absent else None


def program(name: str) -> str | None:
    """The path of a program: in the folder of KUBEBUILDER_ASSETS, else on the PATH; or None."""
    folder = os.environ.get("KUBEBUILDER_ASSETS", "")
    return shutil.which(name, path=folder) or shutil.which(name)


def _ends_with_us() -> list[str]:
    """A command before a program, so that it ends also when this process is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


@dataclass(slots=True)
class _Processes:
    """The started programs; each logs to a file of its name."""

    folder: Path
    started: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, name: str, *arguments: str) -> None:
        path = program(name)
        if path is None:
            raise NotAvailable(f"{name} is not found in KUBEBUILDER_ASSETS or PATH")
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 (programs that the developer chose)
                [*_ends_with_us(), path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append((name, process))

    def check(self) -> None:
        """Raise `NotAvailable`, with the end of its log, if a program has ended."""
        for name, process in self.started:
            if process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text(errors="replace")
                raise NotAvailable(f"{name} ended with {process.returncode}:\n{log[-2000:]}")

    def stop(self) -> None:
        """End the programs, the last started first, and wait for each."""
        for _, process in reversed(self.started):
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.started.clear()


@contextlib.contextmanager
def control_plane(
    crds: Path | None = CRDS, *, api_server_flags: Sequence[str] = ()
) -> Iterator[Address]:
    """A control plane that serves the CRDs of the folder `crds`, for as long as the context lasts.

    `api_server_flags` are for the API server, after those that it has here.
    Enter it in a thread that lives as long: the programs end with the thread that started them.
    The controller manager starts after the CRDs are there: it learns of later ones only every 30 s.
    Raises `NotAvailable`.
    """
    with tempfile.TemporaryDirectory(prefix="control-plane-") as path:
        folder = Path(path)
        processes = _Processes(folder)
        try:
            yield _start(processes, folder, crds, api_server_flags)
        finally:
            processes.stop()


def _start(processes: _Processes, folder: Path, crds: Path | None, flags: Sequence[str]) -> Address:
    etcd, peers, port = _free_ports(3)
    _write_keys(folder)
    address = Address(f"https://127.0.0.1:{port}", folder / "ca.crt", _TOKEN, folder / "kubeconfig")
    address.write_kubeconfig()
    processes.start("etcd", *_etcd_arguments(folder, etcd, peers))
    processes.start("kube-apiserver", *_api_server_arguments(folder, etcd, port), *flags)
    client = ClusterClient(address)
    _wait(processes, client)
    if crds is not None:
        client.apply_crds(crds)
    processes.start("kube-controller-manager", *_controller_manager_arguments(address))
    return address


def _wait(processes: _Processes, client: ClusterClient) -> None:
    """Return once the API server is ready and has its built-in namespaces and roles."""
    until = time.monotonic() + _START_SECONDS
    while not client.is_ready():
        processes.check()
        if time.monotonic() > until:
            raise NotAvailable(f"the API server was not ready within {_START_SECONDS:g} s")
        time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    """Ports of loopback that are free now; held together so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _write_keys(folder: Path) -> None:
    """The server's certificate with its authority, the key that signs tokens, the admin's token."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    server = authority.issue_cert("127.0.0.1", "localhost")
    server.private_key_pem.write_to_path(str(folder / "server.key"))
    for pem in server.cert_chain_pems:
        pem.write_to_path(str(folder / "server.crt"), append=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem_bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "tokens.key").write_bytes(pem_bytes)
    (folder / "tokens.csv").write_text(f"{_TOKEN},admin,admin,system:masters\n")


def _etcd_arguments(folder: Path, port: int, peers: int) -> Iterable[str]:
    here, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
    yield f"--data-dir={folder / 'etcd'}"
    yield f"--listen-client-urls={here}"
    yield f"--advertise-client-urls={here}"
    yield f"--listen-peer-urls={peer}"
    yield f"--initial-advertise-peer-urls={peer}"
    yield f"--initial-cluster=default={peer}"
    yield "--unsafe-no-fsync"


def _api_server_arguments(folder: Path, etcd: int, port: int) -> Iterable[str]:
    yield f"--etcd-servers=http://127.0.0.1:{etcd}"
    yield f"--secure-port={port}"
    yield "--bind-address=127.0.0.1"
    yield f"--cert-dir={folder / 'certificates'}"
    yield f"--tls-cert-file={folder / 'server.crt'}"
    yield f"--tls-private-key-file={folder / 'server.key'}"
    yield f"--service-account-issuer={AUDIENCES[0]}"
    yield f"--service-account-key-file={folder / 'tokens.key'}"
    yield f"--service-account-signing-key-file={folder / 'tokens.key'}"
    yield f"--api-audiences={','.join(AUDIENCES)}"
    yield "--authorization-mode=RBAC"
    yield f"--token-auth-file={folder / 'tokens.csv'}"
    yield f"--disable-admission-plugins={','.join(UNUSED_ADMISSION)}"
    yield "--enable-priority-and-fairness=false"
    yield "--endpoint-reconciler-type=none"
    yield "--service-cluster-ip-range=10.0.0.0/24"


def _controller_manager_arguments(address: Address) -> Iterable[str]:
    yield f"--kubeconfig={address.kubeconfig}"
    yield f"--controllers={','.join(CONTROLLERS)}"
    yield "--leader-elect=false"
    yield "--secure-port=0"
    yield "--use-service-account-credentials=false"


def stop_at_sigterm() -> None:
    """Let SIGTERM end the program as Ctrl-C does, through every `with`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def main() -> int:
    """Start a control plane and hold it until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m testbed.control_plane", description=__doc__)
    parser.add_argument("--without-crds", action="store_true", help="do not apply deploy/crds")
    options = parser.parse_args()
    stop_at_sigterm()
    crds = None if options.without_crds else CRDS
    with contextlib.suppress(KeyboardInterrupt), control_plane(crds) as address:
        print(f"export KUBECONFIG={address.kubeconfig}", flush=True)
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
