"""The real Apache Kafka, PostgreSQL and Redis, started from Python packages alone, below one folder."""

from deploy.embedded.stack import EmbeddedStack, StackAddresses

__all__ = ["EmbeddedStack", "StackAddresses"]
