"""Altered copies of training rows: what each step may touch, how much of it, and that a seed fixes all of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from model.augmentation import augmented, with_deletion, with_swap, with_synonyms
from model.back_translation import back_translated, translator
from model.datasets import Example, Row, entity_examples, examples
from model.errors import ConfigError, EngineError
from model.synonyms import load_synonyms
from model.tasks import SENTIMENT, TWITTER_TOPIC
from model.techniques import AugmentationConfig

TEXT = "amber profit rises by 12 percent while birch stalls near the quiet harbour"
SWAP = AugmentationConfig(share=1.0, entity_swap=1.0)
WORDS = st.lists(st.text("abcdefg", min_size=1, max_size=6), min_size=1, max_size=20)


def _examples(count: int = 40, text: str = TEXT) -> list[Example]:
    return examples(
        [Row(f"{text} {chr(97 + place)}{chr(97 + place)}", label="neutral") for place in range(count)],
        SENTIMENT,
        "news",
    )


def _copies(chosen: list[Example], config: AugmentationConfig, folder: Path, seed: int = 0) -> list[Example]:
    return augmented(chosen, config, folder, folder, seed=seed)[len(chosen) :]


@given(WORDS, st.floats(0, 1), st.integers(0, 99))
def test_deletion_keeps_order_and_at_least_one_word(words: list[str], share: float, seed: int) -> None:
    left = list(words)
    with_deletion(left, list(range(len(words))), share, np.random.default_rng(seed))
    rest = iter(words)
    assert all(word in rest for word in left)
    assert left
    assert len(words) - len(left) <= share * len(words) + 1


@given(WORDS, st.floats(0, 1), st.integers(0, 99))
def test_swaps_lose_no_word(words: list[str], share: float, seed: int) -> None:
    left = list(words)
    with_swap(left, list(range(len(words))), share, np.random.default_rng(seed))
    assert sorted(left) == sorted(words)


def test_synonyms_keep_capitals_and_leave_the_rest() -> None:
    words = ["Profit", "rises", "in", "harbour"]
    found = {"profit": ("gain",), "harbour": ("port",)}
    with_synonyms(words, [0, 1, 2, 3], 1.0, lambda word: found.get(word, ()), np.random.default_rng(0))
    assert words == ["Gain", "rises", "in", "port"]


def test_a_share_of_rows_gets_a_copy_of_the_same_meaning(tmp_path: Path) -> None:
    chosen = _examples(400)
    copies = _copies(chosen, AugmentationConfig(share=0.25, deletion=0.2), tmp_path)
    assert 70 < len(copies) < 130
    assert {(one.source, one.allowed) for one in copies} == {("news", (1,))}
    assert not {one.text for one in copies} & {one.text for one in chosen}


def test_the_same_seed_alters_alike_and_another_otherwise(tmp_path: Path) -> None:
    config = AugmentationConfig(share=0.5, deletion=0.2, swap=0.2)
    texts = [[one.text for one in _copies(_examples(), config, tmp_path, seed)] for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_nothing_is_added_where_nothing_changes(tmp_path: Path) -> None:
    assert _copies(_examples(), AugmentationConfig(share=1.0), tmp_path) == []
    assert _copies(_examples(), AugmentationConfig(share=0.0, deletion=0.5), tmp_path) == []


def test_numbers_and_the_entity_are_never_touched(tmp_path: Path) -> None:
    rows = [Row(f"{TEXT} {'xyz'[place % 3]}", label="neutral", entity="birch") for place in range(60)]
    copies = _copies(entity_examples(rows, SENTIMENT, "news"), AugmentationConfig(share=1.0, deletion=0.6), tmp_path)
    assert copies
    assert all("12" in one.text and "birch" in one.text for one in copies)


def test_an_entity_is_masked_in_text_and_question(tmp_path: Path) -> None:
    rows = [Row("Acme gains on Bolt", label="positive", entity="Acme")]
    (one,) = _copies(entity_examples(rows, SENTIMENT, "news"), AugmentationConfig(share=1.0, entity_mask=1.0), tmp_path)
    assert (one.text, one.entity) == ("the company gains on Bolt", "the company")


def test_chinese_loses_words_and_gains_no_spaces(tmp_path: Path) -> None:
    copies = _copies(
        _examples(20, "公司股价上涨利润增加央行宣布新的政策"), AugmentationConfig(share=1.0, deletion=0.3), tmp_path
    )
    assert copies
    assert all(len(one.text) < len("公司股价上涨利润增加央行宣布新的政策 aa") for one in copies)
    assert not any(" 股" in one.text for one in copies)


def test_chinese_needs_a_word_splitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(EngineError, match="jieba"):
        _copies(_examples(2, "公司股价上涨"), AugmentationConfig(share=1.0, deletion=0.3), tmp_path)


def test_a_word_list_gives_synonyms_both_ways(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("profit, gain, earnings\nrise,climb\n\nalone\n")
    synonyms = load_synonyms(tmp_path / "words.txt")
    assert set(synonyms("gain")) == {"profit", "earnings"}
    assert set(synonyms("climb")) == {"rise"}
    assert not synonyms("alone")
    assert not synonyms("unheard")
    config = AugmentationConfig(share=1.0, synonyms=0.2, word_list="words.txt")
    assert {"gain", "earnings"} & {word for one in _copies(_examples(), config, tmp_path) for word in one.text.split()}
    with pytest.raises(ConfigError, match="cannot be read"):
        load_synonyms(tmp_path / "absent.txt")


def test_wordnet_gives_the_words_of_a_first_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    def meaning(*names: str) -> SimpleNamespace:
        return SimpleNamespace(lemmas=lambda: [SimpleNamespace(name=lambda name=name: name) for name in names])

    meanings = {"gain": [meaning("gain", "Addition", "gain_in"), meaning("reach")]}
    wordnet = SimpleNamespace(ensure_loaded=lambda: None, synsets=lambda word: meanings.get(word, []))
    monkeypatch.setitem(sys.modules, "nltk.corpus", SimpleNamespace(wordnet=wordnet))
    synonyms = load_synonyms(None)
    assert set(synonyms("gain")) == {"addition"}
    assert not synonyms("unheard")


def test_without_a_word_list_and_without_wordnet_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nltk.corpus", None)
    with pytest.raises(EngineError, match="word_list"):
        load_synonyms(None)


def test_back_translation_needs_two_models() -> None:
    with pytest.raises(msgspec.ValidationError, match="two folders"):
        msgspec.convert({"back_translation": ["one"]}, AugmentationConfig)


def _seq2seq(folder: Path, seed: int) -> Path:
    """A random seq2seq model of a few kilobytes: it babbles, but by the same road as a real one."""
    words = ["<s>", "<pad>", "</s>", "<unk>", *TEXT.split(), "harbour", "market"]
    vocabulary = {word: place for place, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(seed)
    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    sizes = {"d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 300}
    config = BartConfig(vocab_size=len(vocabulary), **layers, **sizes)
    BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


def test_texts_are_translated_there_and_back_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, back = _seq2seq(tmp_path / "there", 0), _seq2seq(tmp_path / "back", 1)
    monkeypatch.setattr("model.back_translation.LONGEST", 12)
    texts = ["amber profit rises", "birch stalls", "amber profit rises"]
    found = back_translated(texts, there, back, tmp_path / "kept.jsonl")
    assert found[0] == found[2]
    assert found[1:2] == translator(back)(translator(there)(texts[1:2]))
    assert len((tmp_path / "kept.jsonl").read_text().splitlines()) == 2
    assert translator(there)(["", " "]) == ["", ""]
    with (tmp_path / "kept.jsonl").open("a") as stream:
        stream.write('{"text": "cut o')
    monkeypatch.setattr("model.back_translation.translator", lambda _: pytest.fail("asked again"))
    assert back_translated(texts, there, back, tmp_path / "kept.jsonl") == found


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    config = AugmentationConfig(share=1.0, back_translation=("nowhere", "nowhere"))
    with pytest.raises(ConfigError, match="no seq2seq model"):
        _copies(_examples(3), config, tmp_path)


def _questions(*rows: Row) -> list[Example]:
    return entity_examples(rows, SENTIMENT, "news")


def test_another_name_takes_the_place_of_a_name_in_text_and_question(tmp_path: Path) -> None:
    chosen = _questions(
        Row("Acme gains as Acmeworks and Acme's rival fall", label="positive", entity="Acme"),
        Row("Bolt falls", label="negative", entity="Bolt"),
    )
    swapped = {(one.text, one.entity) for one in _copies(chosen * 8, SWAP, tmp_path)}
    assert ("Bolt gains as Acmeworks and Bolt's rival fall", "Bolt") in swapped
    assert ("Acme falls", "Acme") in swapped


def test_a_text_that_asks_about_nobody_has_a_known_name_swapped(tmp_path: Path) -> None:
    texts = examples([Row("远山银行利润下降", label="negative"), Row("无人提及", label="negative")], SENTIMENT, "news")
    asked = _questions(
        Row("远山银行上涨", label="positive", entity="远山银行"), Row("近水上涨", label="positive", entity="近水")
    )
    found = {one.text for one in _copies([*texts, *asked] * 8, SWAP, tmp_path) if one.entity is None}
    assert found == {"近水利润下降"}


def test_a_chinese_name_is_swapped_wherever_it_stands(tmp_path: Path) -> None:
    asked = _questions(
        Row("远山银行，远山银行利润下降", label="negative", entity="远山银行"),
        Row("近水上涨", label="positive", entity="近水"),
    )
    texts = {one.text for one in _copies(asked * 8, SWAP, tmp_path)}
    assert texts == {"近水，近水利润下降", "远山银行上涨"}


def test_names_are_not_swapped_where_no_sentiment_is_asked(tmp_path: Path) -> None:
    asked = _questions(Row("Gold gains", label="positive", entity="Gold"), Row("Bolt", label="positive", entity="Bolt"))
    topic = examples([Row("Gold is mined", label="metals and materials")], TWITTER_TOPIC, "topics")
    assert not [one for one in _copies([*asked, *topic] * 8, SWAP, tmp_path) if one.source == "topics"]


def test_a_copy_keeps_what_teachers_said_of_the_row(tmp_path: Path) -> None:
    lesson = (np.full(3, 0.3, dtype=np.float32), np.full(2, 0.1, dtype=np.float32))
    chosen = [
        replace(one, lesson=lesson)
        for one in _questions(
            Row("Acme", label="positive", entity="Acme"), Row("Bolt", label="positive", entity="Bolt")
        )
    ]
    copies = _copies(chosen * 8, SWAP, tmp_path)
    assert copies
    assert all(one.lesson is lesson for one in copies)
