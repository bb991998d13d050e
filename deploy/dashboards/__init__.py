"""Grafana's dashboards and Prometheus's alarm rules, written as code: `make dashboards` writes the files."""

__all__: list[str] = []
