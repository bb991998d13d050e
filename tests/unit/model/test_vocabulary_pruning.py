"""Fewer pieces, the same cuts: text made of kept pieces tokenises as before, and any other text still has tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from small_model import CHINESE

from model.config import EncoderConfig, RunConfig
from model.encoder_run import vocabulary
from model.pretrained import Pretrained
from model.vocabulary import SPECIAL, build_tokenizer, count_pieces, full_tokenizer, kept_pieces, prune

TEXTS = ["shares rise, bank raises dividend", "公司股价下跌", "court  cuts\tloss"]


def _kept(pretrained: Pretrained) -> list[int]:
    return kept_pieces(pretrained, set(count_pieces(full_tokenizer(pretrained), TEXTS)))


def test_text_of_kept_pieces_is_cut_as_before(pretrained: Pretrained) -> None:
    kept = _kept(pretrained)
    before, after = full_tokenizer(pretrained), prune(pretrained, kept)
    for text in TEXTS:
        assert [kept[new] for new in after.encode(text).ids] == before.encode(text).ids


def test_special_pieces_come_first_and_the_mask_is_gone(pretrained: Pretrained) -> None:
    kept = _kept(pretrained)
    assert kept[:4] == [0, 1, 2, 3]
    assert [pretrained.pieces[i] for i in kept[:4]] == list(SPECIAL)
    assert kept[4:] == sorted(set(kept[4:]))
    assert pretrained.pieces.index("<mask>") not in kept


def test_unused_words_go_but_single_characters_stay(pretrained: Pretrained) -> None:
    pieces = {pretrained.pieces[i] for i in _kept(pretrained)}
    assert "▁zzz" not in pieces
    assert "▁fraud" not in pieces
    assert set(CHINESE) | set("xyzQ%é") <= pieces


def test_a_word_never_seen_falls_into_its_characters(pretrained: Pretrained) -> None:
    tokens = prune(pretrained, _kept(pretrained)).encode("fraud").tokens
    assert "".join(tokens[1:-1]) == "▁fraud"


def test_rare_pieces_are_left_out_sooner_of_texts_that_are_only_learned_from(
    pretrained: Pretrained, tmp_path: Path
) -> None:
    encoder = EncoderConfig(piece_at_least=2, also_piece_at_least=3)
    run = RunConfig(languages=("zh",), also=("en",), encoder=encoder)
    texts = ["公司股价下跌 bank", "公司股价上涨 bank", "court", "court", "loss", "loss", "loss"]
    pieces = {pretrained.pieces[place] for place in vocabulary(pretrained, texts, [], run, tmp_path)}
    assert {"▁bank", "▁loss"} <= pieces
    assert "▁court" not in pieces


def test_traditional_characters_are_read_as_simplified_ones(pretrained: Pretrained) -> None:
    base = replace(pretrained, pieces=tuple("漲" if piece == "涨" else piece for piece in pretrained.pieces))
    assert "涨" in {pretrained.pieces[place] for place in kept_pieces(pretrained, set())}
    assert "漲" not in {base.pieces[place] for place in kept_pieces(base, set())}


def test_text_is_normalised_as_sentencepiece_does(pretrained: Pretrained) -> None:
    tokenizer = full_tokenizer(pretrained)
    plain = tokenizer.encode("bank loss").ids
    for text in ("  bank\n\n loss ", "ｂａｎｋ loss", "bank\u3000loss", "ba\u200bnk loss", "bank\x00 loss"):
        assert tokenizer.encode(text).ids == plain, text


def test_an_unknown_sign_is_one_unknown_piece() -> None:
    tokenizer = build_tokenizer([*SPECIAL, "▁", "a"], [0.0, 0.0, 0.0, 0.0, -1.0, -1.0])
    assert tokenizer.encode("a🚀").tokens == ["<s>", "▁", "a", "🚀", "</s>"]
    assert tokenizer.encode("a🚀").ids == [0, 4, 5, 3, 2]
    assert tokenizer.encode("").ids == [0, 2]
