"""Sentences written for training, of what public labelled sets hardly teach: negation, the direction of numbers, plain
announcements, news that is good for one company and bad for another, and the risk events in English.

They are no sentences of the behavioural suite, nor about its companies: that suite is the test.
"""

from model.written.rows import written_examples

__all__ = ["written_examples"]
