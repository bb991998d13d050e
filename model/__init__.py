"""Text in, probabilities out: what a crawled text says, and how well or badly it says it.

Importing this room needs neither torch nor transformers; they are imported by training and by the torch engine alone.
"""

from model.classifier import Classifier, Prediction, Tokens
from model.errors import (
    ArtefactError,
    ConfigError,
    DataError,
    EngineError,
    ModelError,
    PretrainedError,
)
from model.labels import RISK_IDS, SENTIMENTS, TOPIC_IDS, TOPICS, Label, Sentiment, topic

__all__ = [
    "RISK_IDS",
    "SENTIMENTS",
    "TOPICS",
    "TOPIC_IDS",
    "ArtefactError",
    "Classifier",
    "ConfigError",
    "DataError",
    "EngineError",
    "Label",
    "ModelError",
    "Prediction",
    "PretrainedError",
    "Sentiment",
    "Tokens",
    "topic",
]
