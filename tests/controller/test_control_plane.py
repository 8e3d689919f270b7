"""The control plane of the tests: it says why it cannot start, and ends with the test run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed.cluster import ClusterClient
from testbed.control_plane import NotAvailable, control_plane, missing
from testbed.shared_control_plane import shared


def test_tells_that_the_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    assert missing() == "KUBEBUILDER_ASSETS is not set: no real API server to test with"


def test_tells_which_program_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    text = "not found in KUBEBUILDER_ASSETS or PATH: etcd, kube-apiserver, kube-controller-manager"
    assert missing() == text


def test_tells_what_a_program_said_before_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} is broken; exit 3\n")
        program.chmod(0o700)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    with pytest.raises(NotAvailable, match=r"ended with 3:\n.* is broken"), control_plane(None):
        pass


API_SERVER = """
import http.server, json, ssl, sys
flags = dict(one[2:].split("=", 1) for one in sys.argv[1:] if "=" in one)
spec = {"group": "", "names": {"plural": ""}, "versions": []}
conditions = [{"type": "Established", "status": "True"}]
body = json.dumps({"spec": spec, "status": {"conditions": conditions}}).encode()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_PATCH = do_GET
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(flags["secure-port"])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(flags["tls-cert-file"], flags["tls-private-key-file"])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
"""Answers everything; the real one takes seconds of CPU to start."""


def test_ends_with_the_process_that_it_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two askers get the same control plane; it is gone soon after the process is killed."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("etcd", "kube-controller-manager"):
        (programs / name).write_text("#!/bin/sh\nexec sleep 600\n")
    (programs / "kube-apiserver").write_text(f"#!{sys.executable}\n{API_SERVER}")
    for path in programs.iterdir():
        path.chmod(0o700)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(programs))
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as owner:
        first, second = shared(tmp_path, owner.pid), shared(tmp_path, owner.pid)
        assert first == second
        assert ClusterClient(first).is_ready()
        os.kill(owner.pid, signal.SIGKILL)
    until = time.monotonic() + 20
    while first.ca_file.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not first.ca_file.exists()
    assert not (tmp_path / "address.json").exists()
