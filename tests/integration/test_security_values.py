"""Values that must not be guessed are long, drawn anew each time, and not stored as they are."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import timedelta

from console_stage import wall_clock
from sqlalchemy import Engine, select

from alerts import tokens
from alerts.console import sessions
from storage.tables import api_tokens, console_sessions


def bits(secret: str) -> int:
    return 8 * len(urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))


def test_secrets_are_of_256_random_bits_and_never_the_same(database: Engine):
    now, shown, cookies = wall_clock(), [], []
    with database.begin() as connection:
        for _ in range(50):
            token, text = tokens.create(connection, "ada", "viewer", now=now, lasts=timedelta(days=1))
            shown.append(text.split("_", 2)[2])
            cookies.append(sessions.begin(connection, token, now).secret)
        stored = repr(list(connection.execute(select(api_tokens)))) + repr(
            list(connection.execute(select(console_sessions)))
        )

    assert {bits(secret) for secret in (*shown, *cookies)} == {256}
    assert len({*shown, *cookies}) == 100
    assert not [secret for secret in (*shown, *cookies) if secret in stored]
    ones = sum(byte.bit_count() for secret in (*shown, *cookies) for byte in urlsafe_b64decode(secret + "="))
    assert abs(ones / 25_600 - 0.5) < 0.02  # six deviations
