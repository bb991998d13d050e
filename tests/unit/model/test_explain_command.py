"""`yuqing explain` marks words on a terminal, lists them everywhere, and prints one object for machines."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from small_model import Built
from typer.testing import CliRunner

from model.classifier import Classifier
from model.commands import app
from model.commands_explain import _show
from model.explanation import Explanation, Token

RUN = CliRunner()
TEXT = "amber cedar warns of a loss, shares fall ocean ridge"


def test_json_is_one_object_whose_spans_are_places_of_the_text(built: Built) -> None:
    result = RUN.invoke(app, ["explain", TEXT, "--json", "--weights", str(built.folder)])
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["target"], answer["method"]) == ("negative", "occlusion"), "the likeliest sentiment is explained"
    assert answer["model_version"] == built.manifest.model_version
    assert [TEXT[one["start"] : one["end"]] for one in answer["tokens"]] == [one["text"] for one in answer["tokens"]]


def test_without_json_the_text_comes_first_and_then_the_strongest_words(built: Built) -> None:
    result = RUN.invoke(app, ["explain", "-", "--target", "positive", "--weights", str(built.folder)], input=TEXT)
    assert result.exit_code == 0
    assert result.stdout.startswith(TEXT)
    assert "positive 0." in result.stdout


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_a_company_can_be_asked_about(built: Built, method: str) -> None:
    command = ["explain", TEXT, "--toward", "cedar", "--method", method, "--weights", str(built.folder)]
    answer = json.loads(RUN.invoke(app, [*command, "--json"]).stdout)
    classifier = Classifier.load(built.folder, engine="onnx" if method == "occlusion" else "torch")
    expected = classifier.predict([TEXT], toward=["cedar"])[0]
    assert (answer["toward"], answer["target"]) == ("cedar", expected.label)
    assert answer["probability"] == pytest.approx(getattr(expected, expected.label), abs=1e-4)
    assert "toward cedar, by" in RUN.invoke(app, command).stdout


def test_gradients_come_from_the_checkpoint_of_training(built: Built) -> None:
    command = ["explain", TEXT, "--method", "gradients", "--json", "--weights", str(built.folder)]
    answer = json.loads(RUN.invoke(app, command).stdout)
    total = sum(one["attribution"] for one in answer["tokens"])
    assert total == pytest.approx(answer["probability"] - answer["baseline"], abs=0.004)


def test_gradients_are_of_the_encoder_alone_and_say_so(built: Built) -> None:
    command = ["explain", TEXT, "--method", "gradients", "--target", "negative", "--weights", str(built.folder)]
    answer = json.loads(RUN.invoke(app, [*command, "--json"]).stdout)
    encoder = Classifier.load(built.folder, engine="torch", wide=False)
    assert answer["probability"] == pytest.approx(encoder.predict([TEXT])[0].negative, abs=1e-4)
    assert "of the encoder without n-grams" in RUN.invoke(app, command).stdout


def test_where_there_is_no_checkpoint_gradients_say_so() -> None:
    result = RUN.invoke(app, ["explain", TEXT, "--method", "gradients"])
    assert result.exit_code == 1
    assert "no checkpoint" in result.stderr


def test_a_target_that_does_not_exist_is_wrong_use(built: Built) -> None:
    result = RUN.invoke(app, ["explain", TEXT, "--target", "gloomy", "--weights", str(built.folder)])
    assert (result.exit_code, "no target 'gloomy'" in result.stderr) == (2, True)


def test_on_a_terminal_red_speaks_for_it_and_blue_against_and_control_characters_are_harmless() -> None:
    text = "up \x1b[2Jdown flat"
    tokens = (Token(0, 2, "up", -0.3), Token(7, 11, "down", 0.4), Token(12, 16, "flat", 0.0))
    screen = io.StringIO()
    explanation = Explanation("negative", "occlusion", "m", 0.9, tokens, 4, toward="[red]\x1b[3J")
    _show(text, explanation, Console(file=screen, force_terminal=True, color_system="truecolor", width=100))
    shown = screen.getvalue()
    assert "\x1b[37;48;2;178;34;34mdown" in shown
    assert "48;2;86;124;184mup" in shown
    assert "\x1b[2J" not in shown
    assert "\ufffd[2J" in shown
    assert "toward [red]\ufffd[3J, by" in shown
