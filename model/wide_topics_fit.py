"""How the n-grams beside an encoder's topics are fitted: tables on train parts, their place beside it on dev parts.

Every set is fitted by itself: its topics are its own, and so is how much a table counts beside the encoder with them.
Sets with several topics a text are left to the encoder: n-grams made fewer of their dev texts wholly right.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.sparse import vstack  # type: ignore[import-untyped]
from scipy.special import logit  # type: ignore[import-untyped]

from model.datasets import Example
from model.engines import FloatArray
from model.labels import TOPICS
from model.measures import Flags, Floats
from model.ngram_features import Features
from model.ngrams import ngrams
from model.softmax_regression import fit_softmax, fit_topics, partial_loss
from model.techniques import WideConfig
from model.wide_mixing import FOLDS, PULLS, careful_temperature, folds_of, simplest
from model.wide_topics import WideTopics, mix

log = logging.getLogger(__name__)
_ENCODER_ALONE: Final = (1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class TopicRows:
    """Texts of one set, each of which has one of the topics in `places` of `TOPIC_IDS`.

    `ids` and `hidden`: as in `WideRows`. `truths`: (texts, places) flags.
    """

    texts: Sequence[str]
    ids: Sequence[Sequence[int]]
    hidden: Sequence[Flags] | None
    places: tuple[int, ...]
    truths: Flags

    def __len__(self) -> int:
        return len(self.texts)


def topic_rows(
    chosen: Sequence[Example], ids: Sequence[Sequence[int]], hidden: Sequence[Flags] | None = None
) -> TopicRows:
    """Collect examples of one set, at least one, with their token ids and which of those are hidden."""
    places = np.flatnonzero(chosen[0].mask >= 1)
    truths = np.stack([one.topics[places] > 0 for one in chosen])
    return TopicRows([one.text for one in chosen], ids, hidden, tuple(places.tolist()), truths)


def fit_wide_topics(
    train: Sequence[TopicRows],
    dev: Sequence[TopicRows],
    encoder: Sequence[FloatArray],
    limits: Sequence[float],
    strangers: Sequence[Sequence[int]],
    config: WideConfig,
) -> WideTopics:
    """Fit everything; the outcome depends on the arguments alone.

    Args:
        train: rows of each set that the encoder may have learned from, no set empty.
        dev: rows of the same sets that it has not.
        encoder: (dev texts, topics) logits of the encoder alone, of each set.
        limits: the probability above which each topic is reported, if it is shown at all.
        strangers: the token ids of texts that are like those of no set, at least one; those are left to the encoder.
        config: how large and how strong.
    """
    every = [one for rows in train for one in rows.ids]
    hidden = None if train[0].hidden is None else list(chain.from_iterable(rows.hidden or () for rows in train))
    counts = ngrams(every, 1 << config.topic_bits, hidden)
    features = Features.of(counts, config.topic_at_least)
    inputs = features.rows(counts)
    ends = np.cumsum([len(rows) for rows in train])
    fitted = [
        fit_topics(inputs[end - len(rows) : end], rows.truths, config.strength)
        for rows, end in zip(train, ends, strict=True)
    ]
    kinds = np.repeat(np.arange(len(train) + 1), [*map(len, train), len(strangers)])
    of_kind = np.eye(len(train) + 1, dtype=np.bool_)[kinds]
    both = vstack([inputs, features.of_texts(strangers)], format="csr")
    fitted.append(fit_softmax(both, of_kind, np.ones_like(of_kind), np.ones(len(of_kind)), config.strength))
    places = np.concatenate([rows.places for rows in train])
    alone = WideTopics(
        features.table(np.hstack([weights for weights, _ in fitted])),
        np.concatenate([bias for _, bias in fitted]).astype(np.float32),
        np.tile(np.array(_ENCODER_ALONE, dtype=np.float32), (len(places), 1)),
        places,
        np.repeat(np.arange(len(train)), [len(rows.places) for rows in train]),
    )
    log.info("%d n-grams of %d train rows, for %d topics", len(features.used), len(every), len(places))
    mixing = []
    for number, (rows, logits) in enumerate(zip(dev, encoder, strict=True)):
        said = alone.says(rows.ids)[0][:, alone.sets == number]
        asked = list(rows.places)
        limit = logit([min(limits[place], 1.0) if TOPICS[place].shown else 1.0 for place in asked])
        mixing.append(fit_topic_mixing(logits[:, asked].astype(float), said.astype(float), limit, rows))
    return WideTopics(alone.table, alone.bias, np.vstack(mixing).astype(np.float32), alone.places, alone.sets)


def fit_topic_mixing(encoder: Floats, wide: Floats, limits: Floats, rows: TopicRows) -> Floats:
    """Fit a, c and the b of each topic: (topics, 3).

    Args:
        encoder: (texts, topics) logits.
        wide: (texts, topics) logits.
        limits: (topics,) logits above which they are reported.
        rows: the texts, from which neither has learned.
    """

    def fitted(chosen: Flags, pull: float) -> Floats:
        return _fitted(encoder[chosen], wide[chosen], rows.truths[chosen], pull)

    all_asked = np.ones_like(rows.truths)
    folds = folds_of(rows.texts)
    tried: dict[float, Floats] = {}
    for pull in PULLS:
        tried[pull] = np.empty_like(encoder)
        for fold in range(FOLDS):
            asked = folds == fold
            tried[pull][asked] = mix(fitted(~asked, pull), encoder[asked], wide[asked])
    chosen = simplest({pull: partial_loss(logits, rows.truths, all_asked)[0] for pull, logits in tried.items()})
    mixing = fitted(np.ones(len(rows), dtype=np.bool_), chosen)
    log.info("topics: encoder by %.2f, n-grams by %.2f, biases pulled by %g", *mixing[0, :2], chosen)
    mixing /= careful_temperature(tried[chosen], rows.truths, all_asked, np.ones(len(rows)))
    mixing[:, 2] += _level(mix(mixing, encoder, wide) - limits, int((encoder >= limits).sum()))
    return mixing


def _fitted(encoder: Floats, wide: Floats, truths: Flags, pull: float) -> Floats:
    topics = truths.shape[1]
    all_asked = np.ones_like(truths)

    def spread(flat: Floats) -> Floats:
        return np.column_stack([np.broadcast_to(flat[:2], (topics, 2)), flat[2:]])

    def loss(flat: Floats) -> tuple[float, Floats]:
        losses, slope = partial_loss(mix(spread(flat), encoder, wide), truths, all_asked)
        value = float(losses.sum()) + pull * float(flat[2:] @ flat[2:]) / 2
        common = (slope * encoder).sum(), (slope * wide).sum()
        return value, np.concatenate([common, slope.sum(axis=0) + pull * flat[2:]])

    start = np.concatenate([_ENCODER_ALONE[:2], np.zeros(topics)])
    return spread(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x)


def _level(above: Floats, wanted: int) -> float:
    """What all logits are to be raised by for so many of them to be reported as the encoder reports alone.

    The loss of one topic among all does not say on what level they are, and the limits of topics are the same for every
    encoder, so they are to go on meaning what they mean.

    Args:
        above: (texts, topics) how far each is above its limit.
        wanted: how many are to be.
    """
    return float(-np.sort(above, axis=None)[-wanted]) if wanted else 0.0
