"""Which topics are a grave risk to a company: ids of the taxonomy of the model, which this room does not know."""

from __future__ import annotations

from typing import Final

__all__ = ["GRAVE"]

GRAVE: Final = (
    "risk_accounting_fraud",
    "risk_bad_assets",
    "risk_bad_executives",
    "risk_closure",
    "risk_disclosure_violation",
    "risk_funds_accounts",
    "risk_illegal_fundraising",
    "risk_product_violation",
    "risk_pyramid_scheme",
    "risk_rating_change",
    "risk_restructuring_failure",
    "risk_suspected_crime",
    "risk_suspected_fraud",
    "risk_trading_violation",
    "risk_unable_to_serve",
    "risk_vanished",
    "risk_withdrawal_trouble",
)
"""Topics of the taxonomy that shake a company at once. Left out are those that come with every season or week: a
decline of results, a change of shareholder, complaints, abnormal trading, and law and regulation in general."""
