"""What people are shown of alerts, companies, stories and the system: queries for API and console alike."""

__all__: list[str] = []
