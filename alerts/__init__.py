"""Alerts: from trend counts to a signed webhook. Judging, episodes, evidence, the outbox and its deliverer, digests.

Import the module that you need, by its noun: importing the room itself loads nothing.
"""

__all__: list[str] = []
