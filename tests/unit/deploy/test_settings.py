"""Settings are typed data: file, then environment, then flags; an error names the setting, the place and the fix."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.errors import SettingsError
from deploy.setting_faults import setting_names
from deploy.settings import Settings, load_settings
from stream.sources import KINDS

EXAMPLE = Path(__file__).parents[3] / "yuqing.example.toml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "yuqing.toml") -> Path:
    file = Path(name)
    file.write_text(text)
    return file


def faults(text: str = "", **flags: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(text), flags)
    return str(caught.value)


def test_without_any_setting_everything_is_embedded() -> None:
    settings = load_settings()
    assert settings.embedded
    assert settings.kafka.partitions == 4


def test_the_file_is_overruled_by_the_environment_and_that_by_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[kafka]\nbootstrap = "file:1"\ngroup = "file"\ntopic_prefix = "file."\n')
    monkeypatch.setenv("YUQING_KAFKA__GROUP", "environment")
    monkeypatch.setenv("YUQING_KAFKA__TOPIC_PREFIX", "environment.")
    kafka = load_settings(flags={"kafka": {"topic_prefix": "flag."}}).kafka
    assert (kafka.bootstrap, kafka.group, kafka.topic_prefix) == ("file:1", "environment", "flag.")


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUQING_INTAKE__WATCHLISTS", '["a.csv", "b.csv"]')
    assert load_settings().intake.watchlists == (Path("a.csv"), Path("b.csv"))
    monkeypatch.setenv("YUQING_INTAKE__WATCHLISTS", "a.csv")
    assert "intake.watchlists" in faults() or "intake" in faults()


def test_the_file_may_be_named_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUQING_CONFIG", str(write('state_folder = "there"', "other.toml")))
    assert load_settings().state_folder == Path("there")


def test_a_setting_that_does_not_exist_names_the_nearest_one() -> None:
    said = faults('[kafka]\nbootstrp = "x"')
    assert "kafka.bootstrp (in yuqing.toml): there is no such setting; did you mean kafka.bootstrap?" in said


def test_a_setting_in_the_wrong_section_names_the_right_one() -> None:
    assert "did you mean alerts.min_stories?" in faults("[windows]\nmin_stories = 1")


def test_a_variable_with_one_underscore_names_the_right_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUQING_KAFKA_BOOTSTRAP", "x")
    assert "YUQING_KAFKA_BOOTSTRAP: there is no such setting; did you mean YUQING_KAFKA__BOOTSTRAP?" in faults()


def test_every_fault_is_told_at_once_with_where_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUQING_ALERTS__MIN_STORIES", "many")
    monkeypatch.setenv("YUQING_NONSENSE", "1")
    said = faults("[kafka]\npartitions = 0\n[digest]\nhour = 25", windows={"batch_size": -1})
    assert "kafka.partitions (in yuqing.toml): input should be greater than or equal to 1, not 0" in said
    assert "digest.hour (in yuqing.toml)" in said
    assert "alerts.min_stories (in YUQING_ALERTS__MIN_STORIES)" in said
    assert "windows.batch_size (as a flag)" in said
    assert "YUQING_NONSENSE: there is no such setting" in said
    assert "yuqing.example.toml" in said


def test_a_file_that_is_not_toml_says_where() -> None:
    assert "yuqing.toml is not TOML" in faults("[kafka\n")
    assert "yuqing.toml is not TOML" in faults(f"[kafka]\npartitions = {'9' * 5000}\n")
    assert "yuqing.toml is not TOML" in faults("[kafka]\rpartitions = 8\n")
    assert "yuqing.toml is not TOML" in faults(f"partitions = {'[' * 5000}")
    assert "line 1" in faults("[kafka\n")


def test_a_file_that_is_not_there_or_not_readable_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"no settings file none\.toml"):
        load_settings(Path("none.toml"))
    Path("folder").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(Path("folder"))


def test_secrets_show_nowhere() -> None:
    write(
        '[database]\nurl = "postgresql://me:hunter2@db/yuqing"\n[redis]\nurl = "redis://:hunter2@cache"\n'
        '[[webhooks]]\nname = "desk"\nurl = "https://desk.example.com"\nsecret = "hunter2"\n'
        '[[sources]]\nname = "push"\nkind = "http"\ntoken = "hunter2hunter2hunter2"\n'
    )
    settings = load_settings()
    assert settings.database.url.get_secret_value().endswith("@db/yuqing")
    assert "hunter2" not in repr(settings) + settings.model_dump_json()


def test_a_wrong_secret_is_not_printed() -> None:
    assert "hunter2" not in faults('[[webhooks]]\nname = "desk"\nurl = "ftp://hunter2@x"\nsecret = ["hunter2"]')


def test_secrets_may_come_from_files() -> None:
    write("postgresql://me@db/yuqing\n", "database_url")
    settings = load_settings(write('[database]\nurl_file = "database_url"'))
    assert settings.database.url.get_secret_value() == "postgresql://me@db/yuqing"
    assert "url_file cannot be read" in faults('[database]\nurl_file = "absent"')
    assert "both url and url_file are set" in faults('[database]\nurl = "x"\nurl_file = "database_url"')


def test_settings_do_not_change_after_they_were_read() -> None:
    with pytest.raises(ValidationError):
        load_settings().kafka.group = "other"  # type: ignore[misc]


@pytest.mark.parametrize("proxy", ["everybody", "*", "10.0.0.1/8"])
def test_a_proxy_is_an_address_or_a_network(proxy: str) -> None:
    assert [str(each) for each in load_settings(flags={"console": {"proxies": ["10.0.0.1"]}}).console.proxies] == [
        "10.0.0.1/32"
    ]
    with pytest.raises(SettingsError, match=r"console\.proxies"):
        load_settings(flags={"console": {"proxies": [proxy]}})


def test_names_of_webhooks_and_sources_are_unique_and_the_digest_names_one_that_is() -> None:
    hook = '[[webhooks]]\nname = "desk"\nurl = "https://x"\nsecret = "s"\n'
    assert "two webhooks are named desk" in faults(hook + hook)
    assert "digest.webhooks names nobody" in faults(hook + '[digest]\nwebhooks = ["nobody"]')


RSS = '[[sources]]\nname = "a"\nkind = "rss"\nfeeds = [{ url = "https://x" }]\n'
PUSH = '[[sources]]\nname = "push"\nkind = "http"\n'


def test_each_kind_of_source_checks_its_own_options() -> None:
    assert "sources[1] (in yuqing.toml)" in faults(RSS + "port = 1")
    assert "no option port" in faults(RSS + "port = 1")
    assert "sources[1].kind" in faults('[[sources]]\nname = "a"\nkind = "fax"')
    assert "two sources are named a" in faults(RSS + RSS)
    assert "sources[1]" in faults("sources = [1]")


def test_a_source_option_may_come_from_a_file() -> None:
    write("a-token-of-some-length\n", "token")
    (source,) = load_settings(write(PUSH + 'token_file = "token"')).sources
    assert source.options.get_secret_value() == {"token": "a-token-of-some-length"}
    assert "token_file cannot be read" in faults(PUSH + 'token_file = "absent"')
    assert "both token and token_file are given" in faults(PUSH + 'token_file = "token"\ntoken = "another"')


def test_alert_settings_begin_with_what_the_detector_was_calibrated_for() -> None:
    from alerts.detection.baselines import Baseline
    from alerts.detection.detectors import NegativeSurge
    from alerts.detection.first_bad_news import FirstBadNews
    from alerts.detection.market_surge import MarketSurge
    from alerts.detection.risk_event import RiskEvent
    from alerts.detection.thresholds import Budget
    from alerts.detection.unlisted_surge import UnlistedSurge
    from alerts.detection.unlisted_volume import UnlistedVolume
    from alerts.detection.volume_alarm import VolumeAlarm
    from alerts.engine import Timing
    from deploy.alert_parts import detectors_of, timing_of

    given = {"false_alarms_per_day": 8.08}
    assert detectors_of(load_settings(flags={"alerts": given}), 7) == (
        NegativeSurge(Budget(4, 7)),
        FirstBadNews(Budget(1, 7)),
        RiskEvent(1, 7),
        MarketSurge(Budget(0.08, 1)),
        VolumeAlarm(Budget(1, 7)),
        UnlistedSurge(0.5, Baseline(memory_days=21)),
        UnlistedVolume(0.5),
    )
    names = ("volume_surge", "unlisted_surge", "unlisted_volume", "first_bad_news", "risk_event", "market_surge")
    off = dict.fromkeys(names, False)
    assert detectors_of(load_settings(flags={"alerts": off}), 7) == (NegativeSurge(Budget(1, 7)),)
    assert timing_of(load_settings()) == Timing()


def test_topics_of_a_grave_risk_are_those_of_the_taxonomy() -> None:
    topics = ("risk_vanished", "debt_markets")
    assert load_settings(flags={"alerts": {"risk_topics": topics}}).alerts.risk_topics == topics
    assert "no topic is called risk_weather: take ids of" in faults('[alerts]\nrisk_topics = ["risk_weather"]')
    assert "risk_topics" in faults("[alerts]\nrisk_topics = []")


def test_it_is_embedded_unless_all_three_services_are_named() -> None:
    services = '[kafka]\nbootstrap = "k:1"\n[database]\nurl = "postgresql://d/y"\n'
    assert load_settings(write(services)).embedded
    assert not load_settings(write(services + '[redis]\nurl = "redis://r"')).embedded


def options_of(kind: str) -> tuple[str, ...]:
    return tuple(import_module(KINDS[kind]).Options.__struct_fields__)


def uncommented(text: str) -> str:
    """The example with its commented settings switched on; where one has two forms, the plain one."""
    lines = (re.sub(r"^# ?(?=\[\[|[a-z_]+ = )", "", line) for line in text.splitlines())
    return "\n".join(line for line in lines if not re.match(r"(url|secret|old_secret)_file|folder", line))


def test_the_example_shows_every_setting_and_its_default(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    assert load_settings(EXAMPLE).model_dump() == Settings().model_dump(), "what is not a comment is the default"
    shown = set(re.findall(r"^#? ?([a-z_]+) = ", text, flags=re.MULTILINE))
    names = {name.rsplit(".", 1)[-1] for name in setting_names(Settings) if name != "sources.options"}
    assert names | {option for kind in KINDS for option in options_of(kind)} <= shown
    assert len(load_settings(write(uncommented(text))).sources) == 3
    for section, body in tomllib.loads(text).items():
        if isinstance(body, dict):
            known = {name for name in setting_names(Settings) if name.startswith(f"{section}.")}
            given = {f"{section}.{key}" for key in body if not isinstance(body[key], dict)}
            assert given <= known
