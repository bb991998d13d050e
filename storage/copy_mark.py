"""The mark in Redis that says: this copy is whole. It goes when Redis forgets everything, and is void after a restart.

A flush, an empty volume, or a server that came back without its last second fails no call, so nobody would notice.
Therefore the mark stands beside the copy, and names the run of the server that the copy was made whole in.
"""

from __future__ import annotations

from typing import Any

import redis

__all__ = ["WHOLE", "CopyMark"]

WHOLE = b"whole "
_MAKING = b"making "

# KEYS: the mark. ARGV: the run of the server. What was forgotten while the copy was made is noticed here.
_FINISH = """
local held = redis.call('GET', KEYS[1])
if held == 'making ' .. ARGV[1] or held == 'whole ' .. ARGV[1] then
  redis.call('SET', KEYS[1], 'whole ' .. ARGV[1])
  return 1
end
return 0
"""


class CopyMark:
    """The mark of one copy, at `key`. Errors of Redis pass through."""

    def __init__(self, client: redis.Redis, key: str) -> None:
        self._redis = client
        self.key = key
        self._finish = client.register_script(_FINISH)

    def whole(self) -> bool:
        """Whether the copy was made whole since this server started and since it last forgot everything."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(self.key)
            pipe.info("server")
            held, server = pipe.execute()
        return (held.encode() if isinstance(held, str) else held) == WHOLE + str(server["run_id"]).encode()

    def begin(self) -> None:
        """From now on the copy is being made, and not whole."""
        self._redis.set(self.key, _MAKING + self._run())

    def finish(self) -> bool:
        """The copy is made: whole, unless Redis forgot everything meanwhile; False says: make it again."""
        return bool(self._finish([self.key], [self._run()]))

    def _run(self) -> bytes:
        server: dict[str, Any] = self._redis.info("server")
        return str(server["run_id"]).encode()
