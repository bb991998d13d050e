"""`yuqing drift profile`: makes the file that live text is compared with."""

from pathlib import Path
from typing import Annotated

import typer

from model.classifier import Classifier
from model.command_frame import explained, print_json
from model.datasets import read_sets
from model.drift_profile import MOST, make_profile, unseen_texts, write_profile
from model.errors import DataError

__all__ = ["app"]

app = typer.Typer(help="Notice when what arrives is no longer what the model was made for.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `profile` a command of its own."""


@app.command("profile")
def profile_command(
    data: Annotated[Path, typer.Option(help="Folder of labelled files; the parts that training did not see count.")],
    out: Annotated[Path, typer.Option(help="Write the profile here, as JSON: counts and moments, no text.")],
    weights: Annotated[Path | None, typer.Option(help="Weights folder; the one in force if left out.")] = None,
    most: Annotated[int, typer.Option(help="At most so many texts of each language.", min=200)] = MOST,
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
) -> None:
    """Describe the reference data as the model sees it, for `[drift] profile` in the settings."""
    with explained():
        classifier = Classifier.load(weights)
        sets = read_sets(data, seed=int(classifier.manifest.training.get("seed", 0)))
        texts = unseen_texts(sets, most=most)
        profile = make_profile(classifier, texts)
        if not profile.languages:
            raise DataError(f"the files of {data} are too small: {len(texts)} texts in parts that training did not see")
        write_profile(profile, out)
        counts = {language: one.documents for language, one in profile.languages.items()}
        if as_json:
            told = {"model_version": profile.model_version, "vectors_of": profile.vectors_of}
            print_json(told | {"documents": counts, "file": str(out)})
        else:
            each = ", ".join(f"{count} texts of {language}" for language, count in counts.items())
            typer.echo(f"{out}: {profile.model_version}, {profile.vectors_of} of {each}")
