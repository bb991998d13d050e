"""The model card (Mitchell et al. 2019, arXiv:1810.03993): hand-written words around what the manifest measured."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

from model.artefact import ONNX_INT8, Manifest
from model.labels import TOPICS

TEMPLATE: Final = Path(__file__).with_name("card.md")
_UNMEASURED: Final = "not measured"


def model_card(folder: Path, manifest: Manifest) -> str:
    """Write the card of a weights folder, in Markdown.

    Args:
        folder: the weights.
        manifest: its manifest, as `read_manifest` returned it.
    """
    size = sum((folder / name).stat().st_size for name in manifest.files)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        version=manifest.model_version,
        encoders="\n".join(_encoder(manifest, name) for name in manifest.encoders),
        topics=sum(label.shown for label in TOPICS),
        size=round(size / 1e6),
        accuracy=_accuracy(manifest),
        behaviour=_behaviour(manifest),
        tokens=max(part.max_tokens for part in manifest.encoders.values()),
    )


def _encoder(manifest: Manifest, name: str) -> str:
    trained = manifest.training.get("encoders", {}).get(name, {}).get("encoder", {})
    layers = f", {len(trained['layers'])} of its layers" if trained.get("layers") else ""
    languages = " and ".join(language for language, route in manifest.routes.items() if route == name)
    base = trained.get("base", "an unknown encoder")
    beside = ", with n-grams beside it" if manifest.encoders[name].wide else ""
    return f"- `{name}/{ONNX_INT8}` reads {languages} and was trained from {base}{layers}{beside}."


def _accuracy(manifest: Manifest) -> str:
    head = ("set", "rows", "accuracy", "macro-F1", "calibration error", "encoder alone", "encoder in fp32")
    return _table(
        head,
        (
            (name, f"{one['rows']:,}", *map(_share, (*_measured(one), *_of_encoder(one))))
            for name, one in manifest.metrics.items()
        ),
    )


def _measured(one: dict[str, Any]) -> list[float | None]:
    return [one.get(key) for key in ("accuracy", "macro_f1", "calibration_error")]


def _of_encoder(one: dict[str, Any]) -> list[float | None]:
    """Accuracies; where no n-grams are beside the encoder, it alone is all."""
    return [one.get("encoder", one).get("accuracy"), one.get("fp32", {}).get("accuracy")]


def _behaviour(manifest: Manifest) -> str:
    languages = list(manifest.routes)
    rates = manifest.behaviour.items()
    return _table(
        ("capability", "all", *languages),
        ((name, *(_share(one.get(key)) for key in ("all", *languages))) for name, one in rates),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) if len(lines) > 2 else _UNMEASURED


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
