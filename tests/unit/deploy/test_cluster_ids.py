"""The id of an embedded cluster can be said on a command line: one in 64 would begin with a dash, as an option does."""

from __future__ import annotations

from uuid import UUID

import pytest

from deploy.embedded import kafka


def test_an_id_never_begins_with_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [UUID(bytes=bytes([first]) + bytes(15)) for first in (0xF8, 0xFB, 0xFC, 0x00)]
    monkeypatch.setattr(kafka.uuid, "uuid4", lambda: drawn.pop(0))
    assert kafka.new_cluster_id() == "_" + "A" * 21
    assert kafka.new_cluster_id() == "A" * 22
