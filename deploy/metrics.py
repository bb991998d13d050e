"""The Prometheus endpoint of a role."""

from __future__ import annotations

import platform
from importlib.metadata import version

import structlog
from prometheus_client import Info, start_http_server

from deploy.errors import RoleError
from deploy.role_names import ROLES

__all__ = ["BUILD", "metrics_port", "serve_metrics"]

_log = structlog.get_logger()

BUILD = Info("yuqing_build", "Which program this is.")


def metrics_port(role: str, port_base: int) -> int:
    """Where `role` serves its metrics: a port of its own, in the order of the flow; 0 is nowhere."""
    return port_base + ROLES.index(role) if port_base else 0


def serve_metrics(role: str, *, host: str, port_base: int) -> int:
    """Starts the endpoint and returns its port, or 0 where `port_base` is. Raises RoleError when it is taken."""
    port = metrics_port(role, port_base)
    if not port:
        return 0
    BUILD.info({"version": version("yuqing"), "python": platform.python_version(), "role": role})
    try:
        start_http_server(port, addr=host)
    except OSError as error:
        raise RoleError(
            f"The {role} cannot serve its metrics on {host}:{port}: {error.strerror}.",
            fix="choose another port_base in [metrics], or 0 for none.",
        ) from error
    _log.info("metrics_served", host=host, port=port)
    return port
