"""The real API server of the tests of the controller."""

from tests.controller.conftest import cluster, control_plane, kubectl, pytest_runtest_setup

__all__ = ["cluster", "control_plane", "kubectl", "pytest_runtest_setup"]
