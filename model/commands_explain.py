"""`yuqing explain`: a text with the words marked that speak for, or against, what the model says of it."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from model.artefact import COMMITTED
from model.classifier import Classifier
from model.command_frame import explained, print_json
from model.errors import EngineError
from model.explanation import BUDGET, Explanation, Token, explain

__all__ = ["explain_command"]

_MOST_LISTED = 8
_FOR, _AGAINST = (178, 34, 34), (30, 80, 160)  # told apart by the colour-blind too


class Method(StrEnum):
    """How a prediction is explained."""

    occlusion = "occlusion"
    gradients = "gradients"


def explain_command(
    text: Annotated[str, typer.Argument(help="The text; - reads stdin.")],
    target: Annotated[str | None, typer.Option(help="A sentiment or a topic id; the likeliest sentiment.")] = None,
    toward: Annotated[
        str | None, typer.Option(help="The company that the target is to be about; the whole text if left out.")
    ] = None,
    method: Annotated[
        Method, typer.Option(help="gradients needs a folder of `yuqing train`, and leaves n-grams out.")
    ] = (Method.occlusion),
    budget: Annotated[int, typer.Option(help="Occlusion asks the model about so many texts at most.", min=2)] = BUDGET,
    weights: Annotated[Path | None, typer.Option(help="Weights folder; the one in force if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
) -> None:
    """Show which words drove a prediction: red speaks for it, blue against it."""
    with explained():
        read = sys.stdin.read() if text == "-" else text
        classifier = Classifier.load(weights)
        asked = target or classifier.predict([read], toward=[toward])[0].label
        if method is Method.gradients:
            explanation = _by_gradients(weights or COMMITTED, read, asked, toward)
        else:
            explanation = explain(classifier, read, asked, toward=toward, budget=budget)
        if as_json:
            print_json(explanation)
        else:
            _show(read, explanation, Console())


def _by_gradients(folder: Path, text: str, target: str, toward: str | None) -> Explanation:
    try:
        from model.gradients import explain_checkpoint
    except ImportError as error:
        raise EngineError(f"integrated gradients need {error.name}: pip install 'yuqing[train]'") from error
    return explain_checkpoint(folder, text, target, toward=toward)


def _show(text: str, explanation: Explanation, console: Console) -> None:
    largest = max((abs(token.attribution) for token in explanation.tokens), default=0.0) or 1.0
    shown = Text(_harmless(text))
    for token in explanation.tokens:
        shown.stylize(_colour(token.attribution / largest), token.start, token.end)
    console.print(shown, soft_wrap=True)
    about = f" toward {_harmless(explanation.toward)}" if explanation.toward is not None else ""
    left_out = ", of the encoder without n-grams" if explanation.baseline is not None else ""
    told = f"\n{explanation.target} {explanation.probability:.3f}{about}, by {explanation.method}{left_out}"
    console.print(told, highlight=False, markup=False, soft_wrap=True)
    strongest = sorted(explanation.tokens, key=lambda token: -abs(token.attribution))[:_MOST_LISTED]
    for token in strongest:
        console.print(_line(token, shown.plain, largest), highlight=False)


def _harmless(text: str) -> str:
    """The text with a sign for each control character, which a terminal would obey."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def _line(token: Token, text: str, largest: float) -> Text:
    line = Text(f"  {token.attribution:+.3f}  ")
    return line.append(text[token.start : token.end], _colour(token.attribution / largest))


def _colour(share: float) -> str:
    """A style for an attribution as a share of the largest, -1 to 1; the weakest get none."""
    if abs(share) < 0.1:
        return ""
    red, green, blue = (round(255 - abs(share) * (255 - part)) for part in (_FOR if share > 0 else _AGAINST))
    return f"{'white' if abs(share) > 0.6 else 'black'} on rgb({red},{green},{blue})"
