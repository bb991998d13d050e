"""The HTTP API, version 1: one file for each resource, put together in `app`."""

__all__: list[str] = []
