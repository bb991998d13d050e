"""The work of each command."""

__all__: list[str] = []
