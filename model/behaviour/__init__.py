"""A behavioural suite in the manner of CheckList: what the model can do, sentence by sentence, and where it fails.

It tests what the model itself sees. In production the intake of the stream takes away markup, invisible characters and
full-width forms before the model reads; `CAPABILITIES` says of which capabilities that holds.
"""

from model.behaviour.cases import CAPABILITIES, Case, Expected, Kind, Question
from model.behaviour.results import Behaviour, Outcome, run, summarise
from model.behaviour.suite import suite

__all__ = [
    "CAPABILITIES",
    "Behaviour",
    "Case",
    "Expected",
    "Kind",
    "Outcome",
    "Question",
    "run",
    "suite",
    "summarise",
]
