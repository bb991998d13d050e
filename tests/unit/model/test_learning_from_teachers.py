"""Distillation: what teachers say is asked once, averaged, and moves a student that no label speaks to."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from small_model import CONFIG, RUN, Built
from tokenizers import Tokenizer
from typer.testing import CliRunner

from model.build import examples_of
from model.classifier import Classifier
from model.commands import app
from model.config import read_config
from model.corpus import Corpus, part_examples
from model.datasets import Example, read_sets
from model.encoder_run import train_encoder
from model.engines import FloatArray
from model.errors import ConfigError
from model.labels import TOPIC_IDS
from model.lessons import CHUNK, ask, taught, unlabelled
from model.losses import lesson_loss
from model.network import load_network
from model.pretrained import Pretrained
from model.promotion import FROZEN_SEED
from model.teachers import FinishedTeacher, NetworkTeacher, Question, load_teacher
from model.techniques import TeacherConfig
from model.vocabulary import PAD_ID

WIDTH = len(TOPIC_IDS)


class Counting:
    """A teacher that answers with the length of a text and counts what it was asked; may break after some answers."""

    key = "counting"

    def __init__(self, patience: int = 10**9) -> None:
        self.asked: list[Question] = []
        self.patience = patience

    def logits(self, questions: Sequence[Question]) -> tuple[FloatArray, FloatArray]:
        if len(self.asked) + len(questions) > self.patience:
            raise KeyboardInterrupt
        self.asked += questions
        lengths = np.array([[len(text) + 100 * (entity is not None)] for text, entity in questions], dtype=np.float32)
        return lengths * [1, 2, 3], lengths * np.ones(WIDTH, dtype=np.float32)


def _feed(folder: Path, titles: list[str]) -> Path:
    folder.mkdir()
    lines = "".join(json.dumps({"title": title}) + "\n" for title in titles)
    (folder / "items.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return folder


def test_answers_come_in_order_and_each_question_is_asked_once(tmp_path: Path) -> None:
    teacher = Counting()
    questions: list[Question] = [("three", None), ("a", None), ("three", None), ("three", "Acme"), ("", None)]
    sentiment, topics = ask(teacher, questions, tmp_path)
    assert sentiment[:, 0].tolist() == [5, 1, 5, 105, 0]
    assert topics.shape == (5, WIDTH)
    assert len(teacher.asked) == 4
    again = Counting()
    assert np.array_equal(ask(again, questions, tmp_path)[0], sentiment)
    assert again.asked == []


def test_a_killed_teacher_is_asked_only_for_what_is_missing(tmp_path: Path) -> None:
    questions: list[Question] = [("x" * (place % 90) + str(place), None) for place in range(2 * CHUNK + 10)]
    with pytest.raises(KeyboardInterrupt):
        ask(Counting(patience=CHUNK), questions, tmp_path)
    later = Counting()
    sentiment, _ = ask(later, [*questions, ("new", None)], tmp_path)
    assert len(later.asked) == CHUNK + 11
    assert sentiment[:, 0].tolist() == [float(len(text)) for text, _ in [*questions, ("new", None)]]


def test_the_loss_of_a_lesson_by_hand() -> None:
    sentiment, topics = torch.tensor([[1.0, 0.0, -1.0]] * 2), torch.tensor([[0.5, -2.0]] * 2)
    teacher, several = torch.tensor([0.2, 0.5, 0.3]), torch.tensor([0.9, 0.0])
    missing = torch.full((3,), torch.nan), torch.full((2,), torch.nan)
    lesson = (torch.stack([teacher, missing[0]]), torch.stack([missing[1], several]))
    student, each = (sentiment[0] / 2).softmax(0), (topics[0] / 2).sigmoid()
    three = (teacher * (teacher / student).log()).sum()
    both = 0.9 * (0.9 / each[0]).log() + 0.1 * (0.1 / (1 - each[0])).log() - (1 - each[1]).log()
    assert lesson_loss(sentiment, topics, *lesson, 2.0).item() == pytest.approx(4 * (three + both).item(), rel=1e-5)


def test_a_student_that_says_the_same_has_nothing_to_learn() -> None:
    sentiment, topics = torch.randn(4, 3), torch.randn(4, WIDTH)
    lesson = ((sentiment / 3).softmax(1), (topics / 3).sigmoid())
    assert lesson_loss(sentiment, topics, *lesson, 3.0).item() == pytest.approx(0, abs=1e-5)
    untaught = (torch.full((4, 3), torch.nan), torch.full((4, WIDTH), torch.nan))
    assert lesson_loss(sentiment, topics, *untaught, 3.0).item() == 0


def test_several_teachers_are_averaged_in_probability(built: Built, tmp_path: Path) -> None:
    texts = ["fjord profit hits a record, shares rise", "amber warns of a loss"]
    none = np.zeros(WIDTH, dtype=np.float32)
    chosen = [Example(text, "news", (), (), none, none, False) for text in texts]
    first, second = built.english, built.folder
    config = TeacherConfig(sentiment=(str(first), str(second)), topics=(str(second),), temperature=3.0)
    found = taught(chosen, config, tmp_path, max_tokens=24)
    logits = [
        load_teacher(folder, max_tokens=24).logits([(text, None) for text in texts]) for folder in (first, second)
    ]
    expected = sum(torch.from_numpy(one[0] / 3).softmax(1) for one in logits) / 2
    np.testing.assert_allclose(np.stack([one.lesson[0] for one in found if one.lesson]), expected, rtol=1e-5)
    np.testing.assert_allclose(found[0].lesson[1], 1 / (1 + np.exp(-logits[1][1][0] / 3)), rtol=1e-4)
    assert len(list((tmp_path / "teachers").iterdir())) == 2


def test_who_does_not_teach_topics_says_nothing_of_them(built: Built, tmp_path: Path) -> None:
    none = np.zeros(WIDTH, dtype=np.float32)
    config = TeacherConfig(sentiment=(str(built.english),))
    (one,) = taught([Example("a", "news", (), (), none, none, False)], config, tmp_path, max_tokens=24)
    assert one.lesson is not None
    assert np.isnan(one.lesson[1]).all()
    assert one.lesson[0].sum() == pytest.approx(1)


def test_a_teacher_is_one_encoder_or_a_whole_model(built: Built, tmp_path: Path) -> None:
    assert isinstance(load_teacher(built.english, max_tokens=24), NetworkTeacher)
    assert isinstance(load_teacher(built.folder, max_tokens=24), FinishedTeacher)
    with pytest.raises(ConfigError, match="is no teacher"):
        load_teacher(tmp_path, max_tokens=24)


def test_unlabelled_text_comes_once_and_never_from_dev_or_test(built: Built, tmp_path: Path) -> None:
    sets = read_sets(built.data, seed=CONFIG.seed)
    kept_back = [part_examples(sets, part)[0].text for part in ("dev", "test")]
    feed = _feed(tmp_path / "feed", ["ore prices climb", "ore prices climb", "", "tin slips", "zinc idles", *kept_back])
    config = TeacherConfig(sentiment=("x",), text=(str(feed), "absent"))
    texts = [one.text for one in unlabelled(built.data, sets, config, seed=0)]
    assert texts == ["ore prices climb", "tin slips", "zinc idles"]
    few = msgspec.structs.replace(config, text_at_most=2)
    chosen = [one.text for one in unlabelled(built.data, sets, few, seed=0)]
    assert len(chosen) == 2
    assert set(chosen) < set(texts)


def test_a_student_learns_from_text_without_labels(built: Built, pretrained: Pretrained, tmp_path: Path) -> None:
    """Every label is left out: only a teacher speaks, and only about feed items and the texts of those rows."""
    sets = read_sets(built.data, seed=CONFIG.seed)
    sources = {one.source for one in part_examples(sets, "train")}
    feed = _feed(tmp_path / "feed", [one.text for one in examples_of(RUN, part_examples(sets, "train"))])
    lessons = TeacherConfig(sentiment=(str(built.english),), topics=(str(built.english),), text=(str(feed),))
    run = msgspec.structs.replace(RUN, repeat=dict.fromkeys(sources, 0.0), teacher=lessons)
    schedule = msgspec.structs.replace(run.schedule, passes=6.0)
    accuracy = train_encoder(
        built.data,
        sets,
        msgspec.structs.replace(run, schedule=schedule),
        tmp_path / "en",
        seed=1,
        pretrained=pretrained,
    )
    assert accuracy["news"] >= 0.9
    student, teacher = load_network(tmp_path / "en").eval(), load_network(built.english).eval()
    tokenizer = Tokenizer.from_file(str(built.english / "tokenizer.json"))
    batch = Corpus(part_examples(sets, "dev")[:8], tokenizer, 24, pad_id=PAD_ID).batch(list(range(8)))
    with torch.no_grad():
        ours, theirs = student(batch.ids, batch.mask)[0].argmax(1), teacher(batch.ids, batch.mask)[0].argmax(1)
    assert (ours == theirs).float().mean() >= 0.75


def test_a_teacher_is_asked_about_spliced_sentences_too(built: Built, pretrained: Pretrained, tmp_path: Path) -> None:
    sets = read_sets(built.data, seed=CONFIG.seed)
    schedule = msgspec.structs.replace(RUN.schedule, passes=0.1)
    counts = []
    for copies in (0.0, 2.0):
        lessons = TeacherConfig(sentiment=(str(built.english),), spliced={"news": copies})
        folder = tmp_path / str(copies)
        run = msgspec.structs.replace(RUN, teacher=lessons, schedule=schedule)
        train_encoder(built.data, sets, run, folder, seed=1, pretrained=pretrained)
        counts.append(sum(len(np.load(path)["hashes"]) for path in folder.glob("teachers/*/*.npz")))
    assert counts[1] > counts[0]


def test_distil_trains_one_encoder_and_says_what_is_missing(
    built: Built, pretrained: Pretrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.encoder_run.installed_file", lambda: Path("unused"))
    monkeypatch.setattr("model.encoder_run.read_pretrained", lambda _: pretrained)
    config = tmp_path / "config.toml"
    config.write_text(
        "[encoders.en]\nlanguages = ['en']\n[encoders.en.encoder]\nlayers = [0]\nmax_tokens = 16\n"
        "[encoders.en.schedule]\npasses = 0.3\nbatch_tokens = 300\n[encoders.zh]\nlanguages = ['zh']\n"
    )
    command = ["distil", "--data", str(built.data), "--config", str(config), "--out", str(tmp_path / "build")]
    command += ["--teacher", str(built.folder), "--topics", "--weight", "0.5"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "en is trained" in result.stdout
    assert any((tmp_path / "build" / "en" / "teachers").glob("*/*.npz"))


def test_distil_finishes_and_publishes_a_model_of_one_encoder(
    built: Built, pretrained: Pretrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.encoder_run.installed_file", lambda: Path("unused"))
    monkeypatch.setattr("model.encoder_run.read_pretrained", lambda _: pretrained)
    config = tmp_path / "config.toml"
    config.write_text("[encoders.one.encoder]\nlayers = [0]\nmax_tokens = 16\n[encoders.one.schedule]\npasses = 0.3\n")
    command = ["distil", "--data", str(built.data), "--config", str(config), "--out", str(tmp_path / "build")]
    command += ["--teacher", str(built.folder), "--encoder", "one", "--weights", str(tmp_path / "weights")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    taught_by = Classifier.load(tmp_path / "weights").manifest.training["encoders"]["one"]["teacher"]
    assert taught_by["sentiment"] == [str(built.folder)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--encoder", "fr"], "no encoder 'fr'"), (["--temperature", "0"], "temperature")],
)
def test_what_distil_cannot_do_is_named(built: Built, tmp_path: Path, arguments: list[str], message: str) -> None:
    command = ["distil", "--data", str(built.data), "--out", str(tmp_path), "--teacher", str(built.english)]
    result = CliRunner().invoke(app, [*command, *arguments])
    assert result.exit_code != 0
    assert message in result.stderr


@pytest.mark.parametrize("name", ["teacher.toml", "gpu-teacher.toml"])
def test_a_shipped_teacher_is_valid_and_learns_from_no_row_that_models_are_judged_by(name: str) -> None:
    config = read_config(Path(app_folder()) / name)
    assert config.encoders["en"].encoder.base == "all-mpnet-base-v2"
    assert config.seed == FROZEN_SEED


def app_folder() -> str:
    import model

    return str(Path(model.__file__).parent)
