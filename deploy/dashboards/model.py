"""The model at work: which engine answers, how well it is used, whether the news is still of its kind."""

from __future__ import annotations

from typing import Final

from deploy.dashboards.frame import Dashboard
from deploy.dashboards.panels import Row, figure, lines

__all__ = ["MODEL"]

_TEXTS: Final = 'rate(yuqing_batch_documents_sum{stage="scorer", $scope}[$__rate_interval])'

_ENGINE: Final = Row(
    "Engine",
    (
        figure(
            "Texts a second",
            "Questions put to the model; one document may be several, one for each company in it.",
            "cps",
            f"sum({_TEXTS})",
        ),
        figure(
            "GPUs lost",
            "Scorers that go on with the CPU since their GPU failed: restart them when it is back.",
            "short",
            'sum(yuqing_engine_events_total{kind="device_lost", $scope}) or vector(0)',
            wrong=1,
        ),
        figure(
            "Languages that drift",
            "Languages whose last day differs from what the model was measured on.",
            "short",
            "sum(max by (language) (yuqing_drift_detected{$scope})) or vector(0)",
            warn=1,
        ),
        lines(
            "Texts a second, by scorer",
            "Scorers that share the work evenly are alike.",
            "cps",
            (f"sum by (instance) ({_TEXTS})", "{{instance}}"),
        ),
        lines(
            "Time of a forward pass",
            "One batch through the network. A jump to many times as much is a GPU that was lost.",
            "s",
            *(
                (
                    f"histogram_quantile({share / 100}, sum by (le) "
                    '(rate(yuqing_stage_seconds_bucket{stage="model", $scope}[$__rate_interval])))',
                    f"{share} %",
                )
                for share in (50, 95)
            ),
        ),
        lines(
            "Tokens a second",
            "real is text, padded is what was computed: their distance is padding.",
            "cps",
            ("sum by (kind) (rate(yuqing_batch_tokens_total{$scope}[$__rate_interval]))", "{{kind}}"),
        ),
        lines(
            "Texts answered without a pass",
            "Texts with an identical one in the same batch or before it.",
            "cps",
            ("sum(rate(yuqing_repeated_texts_total{$scope}[$__rate_interval]))", "repeated"),
        ),
        lines(
            "Engine events",
            "out_of_memory: a batch was too large and was cut. device_lost: the CPU answers from here on.",
            "short",
            ("sum by (instance, kind) (yuqing_engine_events_total{$scope})", "{{instance}} {{kind}}"),
        ),
    ),
)

_DRIFT: Final = Row(
    "Drift",
    (
        lines(
            "Effect",
            "The last day against the model's profile: population stability index, or distance for vectors. It is "
            "looked at once a day, where [drift] asks for it.",
            "short",
            ("max by (language, check) (yuqing_drift_effect{$scope})", "{{language}} {{check}}"),
        ),
        lines(
            "p-value",
            "The chance of that effect or more without drift. Large samples make it small for little: read both.",
            "none",
            ("min by (language, check) (yuqing_drift_p_value{$scope})", "{{language}} {{check}}"),
            most=1,
        ),
        lines(
            "Drift found",
            "1 where effect and p-value are both beyond their limits.",
            "short",
            ("max by (language) (yuqing_drift_detected{$scope})", "{{language}}"),
            warn=1,
            most=1,
        ),
        lines(
            "Documents looked at",
            "Few documents make weak evidence either way.",
            "short",
            ("max by (language) (yuqing_drift_documents{$scope})", "{{language}}"),
        ),
    ),
)

MODEL: Final = Dashboard(
    "yuqing-model",
    "Yuqing: model",
    "Engines, passes, tokens, and whether what arrives is still what the model was measured on.",
    (_ENGINE, _DRIFT),
)
