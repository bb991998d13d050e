"""A rule with a fault names the rule, the key and how to mend it; all faults at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.errors import SettingsError
from deploy.settings import load_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(*lines: str) -> Path:
    path = Path("yuqing.toml")
    path.write_text('[[alerts.rules]]\nname = "first"\ndocuments = 1\n[[alerts.rules]]\n' + "\n".join(lines))
    return path


def faults(*lines: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(written(*lines))
    return str(caught.value)


NAMED = 'name = "second"'


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('patern = "x"', "patern (rule 'second', in yuqing.toml): there is no such setting; did you mean"),
        ('pattern = "("', "pattern (rule 'second', in yuqing.toml): mend the regular expression (syntax of RE2)"),
        ("pattern = '(?<=a)b'", "pattern (rule 'second', in yuqing.toml): mend the regular expression"),
        ('hours = "9-17"', "hours (rule 'second', in yuqing.toml): write hours as HH:MM-HH:MM"),
        ('zone = "Mars"', "zone (rule 'second', in yuqing.toml): give a name of the IANA list"),
        ('weekdays = ["monday"]', "weekdays[1] (rule 'second', in yuqing.toml): input should be 'mon'"),
        (
            "within_min = 10081",
            "within_min (rule 'second', in yuqing.toml): input should be less than or equal to 10080",
        ),
        ("quiet_min = 10000000000", "quiet_min (rule 'second', in yuqing.toml): input should be less than or equal"),
        ("negative_share = 50", "negative_share (rule 'second', in yuqing.toml): input should be less than"),
        ("negative_stories = 0", "negative_stories (rule 'second', in yuqing.toml)"),
        ('severity = "high"', "severity (rule 'second', in yuqing.toml): input should be 'watch', 'warning' or"),
        ('words = [""]', "words[1] (rule 'second', in yuqing.toml)"),
        ('words = ["fraud", " "]', "words[2] (rule 'second', in yuqing.toml): every text has spaces"),
        (f'words = ["{"long" * 2000}"]', "words (rule 'second', in yuqing.toml): give fewer words"),
    ],
)
def test_a_wrong_key_is_named_with_its_rule_and_how_to_mend_it(line: str, fault: str) -> None:
    assert f"alerts.rules[2].{fault}" in faults(NAMED, "documents = 2", line)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (('groups = ["banks"]',), "it would tell of every document: give a threshold"),
        (("negative_share = 0.5",), "a share or mean of a single document says nothing"),
        (("documents = 1", 'zone = "Asia/Shanghai"'), "neither hours nor weekdays"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(lines: tuple[str, ...], fault: str) -> None:
    said = faults(NAMED, *lines)
    assert "alerts.rules[2] (rule 'second', in yuqing.toml)" in said
    assert fault in said


def test_every_rule_has_a_name_of_its_own() -> None:
    assert "two rules are named first: give each its own name" in faults('name = "first"', "documents = 2")
    assert "alerts.rules[2].name: this must be given" in faults("documents = 2")
    assert "alerts.rules[2].name (rule 'a b', in yuqing.toml)" in faults('name = "a b"', "documents = 2")


def test_a_rule_of_words_alone_asks_for_one_document() -> None:
    rule = load_settings(written('name = "违约"', 'words = ["违约"]')).alerts.rules[1].judge()
    assert rule.detector == "rule:违约"
    assert rule.bounds == {"documents": 1}
    assert (rule.within_min, rule.quiet_min, rule.severity) == (60, 1440, "watch")


def test_two_readings_of_one_rule_are_the_same_rule() -> None:
    given = ('name = "a"', 'pattern = "x+"', 'hours = "09:00-10:00"', "mean_score = -0.2", "documents = 5")
    assert (
        load_settings(written(*given)).alerts.rules[1].judge() == load_settings(written(*given)).alerts.rules[1].judge()
    )
