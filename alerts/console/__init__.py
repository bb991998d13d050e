"""The console: pages that the server writes, and one small script that brings life and keys to them."""

__all__: list[str] = []
