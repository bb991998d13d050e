"""The doctor looks at everything, whatever else is wrong, and each finding comes with what to do about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest

from deploy import doctor, doctor_checks
from deploy.doctor import Check, examine, show_checks
from deploy.errors import SettingsError
from deploy.examination import Patient, WrongError
from deploy.services import Services
from deploy.settings import Settings, load_settings

NOWHERE = Services("127.0.0.1:1", "postgresql://u:p@127.0.0.1:1/d?connect_timeout=1", "redis://127.0.0.1:1/0")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings()


def check(examination: Callable[[Patient], str], settings: Settings, services: Services | None = None) -> Check:
    (found,) = examine(Patient(settings, services), [("it", examination)])
    return found


def test_one_wrong_thing_does_not_hide_the_others(settings: Settings) -> None:
    def wrong(_: Patient) -> str:
        raise WrongError("broken", fix="mend it")

    def told(_: Patient) -> str:
        raise SettingsError("unknown", fix="look it up")

    checks = examine(Patient(settings, None), [("a", wrong), ("b", told), ("c", lambda _: "fine")])
    assert checks == [
        Check("a", False, "broken", "mend it"),
        Check("b", False, "unknown", "look it up"),
        Check("c", True, "fine"),
    ]


def test_a_defect_of_the_doctor_is_not_told_as_a_finding(settings: Settings) -> None:
    def defect(_: Patient) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check(defect, settings)


def test_this_installation_is_in_order(settings: Settings) -> None:
    names = [name for name, _ in doctor_checks.INSTALLATION]
    wrong = [one for one in examine(Patient(settings, None), doctor_checks.INSTALLATION) if not one.ok]
    assert not [one for one in wrong if one.name != "disk"]
    assert names == ["python", "packages", "java", "model", "engine", "watch lists", "disk", "webhooks", "secrets"]


@pytest.mark.parametrize(
    ("rights", "of_the_folder", "readable"),
    [(0o600, 0o755, False), (0o640, 0o755, False), (0o644, 0o755, True), (0o644, 0o700, False)],
)
def test_a_secret_that_everybody_can_read_is_found(rights: int, of_the_folder: int, readable: bool) -> None:
    with TemporaryDirectory() as made:  # below a folder that everybody may enter, as pytest's own are not
        folder = Path(made)
        secret, token = folder / "webhook", folder / "token"
        for file in (secret, token):
            file.write_text("c2VjcmV0c2VjcmV0c2VjcmV0")
            file.chmod(rights)
        folder.chmod(of_the_folder)
        settings = load_settings(
            flags={
                "webhooks": [{"name": "desk", "url": "https://desk.example/", "secret_file": secret}],
                "sources": [{"name": "push", "kind": "http", "token_file": token}],
            }
        )
        found = check(doctor_checks.secrets, settings)
    assert found.ok is not readable
    assert all(str(file) in found.fix for file in (secret, token)) is readable


def test_an_old_python_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_checks.sys, "version_info", (3, 9, 1))
    assert check(doctor_checks.python, settings).fix.startswith("install Python 3.11")


def test_missing_and_wrong_packages_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(name: str) -> str:
        if name == "faust-streaming":
            raise PackageNotFoundError(name)
        return {"click": "9.0"}.get(name, "999")

    lines = [
        "faust-streaming>=0.15",
        "click<8.4",
        "redis>=6",
        "torch>=2; extra == 'train'",
        "jgo>=3; extra == 'embedded'",
    ]
    monkeypatch.setattr(doctor_checks, "requires", lambda _name: lines)
    monkeypatch.setattr(doctor_checks, "version", installed)
    assert check(doctor_checks.packages, settings).seen == "faust-streaming is missing; click is 9.0, not <8.4"


def test_java_is_looked_at_only_where_it_is_needed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError("not executable")

    monkeypatch.setattr(doctor_checks.subprocess, "run", fails)
    assert "not executable" in check(doctor_checks.java, settings).seen
    elsewhere = load_settings(
        flags={"kafka": {"bootstrap": "k"}, "database": {"url": "postgresql://d"}, "redis": {"url": "redis://r"}}
    )
    assert check(doctor_checks.java, elsewhere).seen == "not needed"


def test_altered_weights_are_found(settings: Settings, tmp_path: Path) -> None:
    altered = load_settings(flags={"model": {"folder": str(tmp_path)}})
    assert not check(doctor_checks.model, altered).ok


def test_a_full_disk_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_checks.shutil, "disk_usage", lambda _path: SimpleNamespace(free=1024**3))
    assert check(doctor_checks.disk, settings).seen.startswith("1.0 GiB free")


def test_a_webhook_on_a_private_network_is_found_before_an_alert_needs_it(settings: Settings) -> None:
    hook = {"name": "desk", "url": "http://127.0.0.1:9/hook", "secret": "c2VjcmV0c2VjcmV0c2VjcmV0"}
    assert "not a public address" in check(doctor_checks.endpoints, load_settings(flags={"webhooks": [hook]})).seen
    allowed = load_settings(flags={"webhooks": [{**hook, "allow_private": True}]})
    assert check(doctor_checks.endpoints, allowed).seen == "1 webhooks"


def test_services_that_do_not_answer_are_wrong_with_a_fix(settings: Settings) -> None:
    for name, examination in doctor_checks.SERVICES:
        found = check(examination, settings, NOWHERE)
        assert not found.ok, name
        assert found.fix, name
    assert "do not run" in check(doctor_checks.broker, settings).seen


def test_without_a_running_stack_only_the_installation_is_judged(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.doctor.INSTALLATION", (("python", doctor_checks.python),))
    assert show_checks(settings, as_json=True) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ok"]
    assert [one["name"] for one in result["checks"]] == ["python", "services"]


def test_a_wrong_check_is_shown_with_its_fix_and_exit_code_1(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.doctor.INSTALLATION", ())
    monkeypatch.setattr("deploy.doctor.SERVICES", (("broker", doctor_checks.broker),))
    monkeypatch.setattr(doctor, "known_services", lambda _settings: NOWHERE)
    assert show_checks(settings, as_json=False) == 1
    out = capsys.readouterr().out
    assert "WRONG  broker" in out
    assert "Fix: " in out
