"""Alerts: from trend counts to a signed webhook.

`detection` finds, `answers` keeps what people make of it, `delivery` tells them, `api` and `console` are how they ask;
`engine` runs detection on what changed. Import the module that you need: importing a room itself loads nothing.
"""

__all__: list[str] = []
