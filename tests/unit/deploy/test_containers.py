"""The container files, as far as they can be checked without an engine: names, roles, ports, secrets, settings."""

from __future__ import annotations

import json
import re
import shlex
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, start_http_server
from pydantic import TypeAdapter

from deploy.metrics import metrics_port
from deploy.role_names import ROLES
from deploy.section import Section
from deploy.sections import Webhook
from deploy.settings import Settings, load_settings
from deploy.source_settings import Source

ROOT = Path(__file__).parents[3]
DOCKER = ROOT / "deploy" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "yuqing" in service["image"]}
PROMETHEUS = ROOT / "deploy" / "prometheus"
PORT_BASE = int(re.search(r"YUQING_METRICS__PORT_BASE=(\d+)", DOCKERFILE)[1])  # type: ignore[index]


def exists(variable: str) -> bool:
    """Whether a YUQING_ variable names a setting."""
    fields: Any = Settings
    for part in variable.removeprefix("YUQING_").lower().split("__"):
        if not isinstance(fields, type) or part not in fields.model_fields:  # type: ignore[attr-defined]
            return False
        fields = fields.model_fields[part].annotation  # type: ignore[attr-defined]
    return not (isinstance(fields, type) and issubclass(fields, Section))


def test_every_setting_in_the_image_and_the_services_exists() -> None:
    named = set(re.findall(r"\b(YUQING_[A-Z_]+)=", DOCKERFILE))
    for service in OURS.values():
        named |= set(service.get("environment", {}))
    assert len(named) > 8
    assert [name for name in sorted(named) if not exists(name)] == []
    assert not exists("YUQING_KAFKA__BOOTSTRAPS")


def test_the_settings_of_every_service_are_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("postgresql://yuqing:secret@postgres:5432/yuqing")
    for service in OURS.values():
        with monkeypatch.context() as patch:
            for name, value in service.get("environment", {}).items():
                value = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)
                patch.setenv(name, re.sub(r"/run/secrets/\w+", str(secret), value))
            patch.chdir(tmp_path)
            settings = load_settings()
            assert settings.kafka.bootstrap == "kafka:9092"
            assert settings.embedded is False


def test_there_is_a_service_for_every_role_and_no_other() -> None:
    roles = {name: service["command"] for name, service in OURS.items() if service["command"][0] == "up"}
    assert roles == {role: ["up", "--role", role] for role in ROLES}
    assert OURS["migrate"]["command"] == ["migrate"]


def test_roles_wait_for_the_tables_and_the_tables_for_healthy_services() -> None:
    for role in ROLES:
        assert SERVICES[role]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    for needed, condition in SERVICES["migrate"]["depends_on"].items():
        assert condition == {"condition": "service_healthy"}
        assert "test" in SERVICES[needed]["healthcheck"]
    assert set(SERVICES["migrate"]["depends_on"]) == {"kafka", "postgres", "redis"}


def test_secrets_come_from_files_that_the_script_makes() -> None:
    made = set(re.findall(r"^once (\w+) ", (DOCKER / "make-secrets.sh").read_text(), flags=re.MULTILINE))
    assert made == set(COMPOSE["secrets"])
    for name, service in SERVICES.items():
        given = set(service.get("secrets", []))
        assert given <= made
        text = json.dumps([service.get("environment", {}), service.get("command", []), service.get("healthcheck", {})])
        assert set(re.findall(r"/run/secrets/(\w+)", text)) <= given, name
        assert "password=" not in text.lower()
    assert (DOCKER / ".gitignore").read_text().split() == ["/secrets/"]


def test_the_endpoints_in_the_environment_are_of_the_kind_that_settings_expect(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("a-secret-of-a-good-length")
    sources = SERVICES["source"]["environment"]["YUQING_SOURCES"].replace("/run/secrets/source_token", str(secret))
    (push,) = TypeAdapter(tuple[Source, ...]).validate_json(sources)
    assert push.kind == "http"
    options = push.options.get_secret_value()
    assert options["host"] == "0.0.0.0"
    assert f"127.0.0.1:{options['port']}:{options['port']}" in SERVICES["source"]["ports"]
    hooks = SERVICES["alerts"]["environment"]["YUQING_WEBHOOKS"].replace("/run/secrets/webhook_secret", str(secret))
    (hook,) = TypeAdapter(tuple[Webhook, ...]).validate_json(re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", hooks))
    assert hook.url.startswith("http://host.docker.internal:")
    assert SERVICES["alerts"]["extra_hosts"] == ["host.docker.internal:host-gateway"]


def test_roles_run_without_privileges_and_stop_gently() -> None:
    for service in OURS.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["stop_grace_period"] == "45s"
    assert re.findall(r"^USER (.*)$", DOCKERFILE, flags=re.MULTILINE) == ["10001:10001"]


def test_every_volume_that_is_mounted_is_declared_and_data_outlives_its_container() -> None:
    mounted = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if ":" in volume and not volume.startswith((".", "/"))
    }
    assert mounted == set(COMPOSE["volumes"])
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]  # below data/ it would be lost since 18


def test_the_broker_takes_the_largest_dead_letter() -> None:
    from stream.topics import LARGEST_DEAD_BYTES

    assert int(SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) > LARGEST_DEAD_BYTES


def test_the_image_is_built_from_what_exists_and_nothing_secret_goes_into_it() -> None:
    copied = [
        path
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, flags=re.MULTILINE)
        for path in [part for part in shlex.split(line) if not part.startswith("--")][:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert {"model", "storage", "stream", "alerts", "deploy"} <= set(copied)
    for path in copied:
        assert (ROOT / path).exists(), path
        assert f"!{path}" in ignored
    assert "deploy/docker/*" in ignored
    assert SERVICES["migrate"]["build"] == {"context": "../..", "dockerfile": "deploy/docker/Dockerfile"}


def test_processes_are_started_in_exec_form_so_that_signals_arrive() -> None:
    for instruction in ("ENTRYPOINT", "CMD"):
        (form,) = re.findall(rf"^{instruction} (.*)$", DOCKERFILE, flags=re.MULTILINE)
        assert isinstance(json.loads(form), list)
    assert json.loads(re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, flags=re.MULTILINE)[0])[0].endswith("tini")


def test_prometheus_looks_for_every_role_where_it_serves() -> None:
    scraped = {
        job["job_name"]: job["dns_sd_configs"]
        for job in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    }
    assert scraped == {role: [{"names": [role], "type": "A", "port": metrics_port(role, PORT_BASE)}] for role in ROLES}
    exposed = re.search(r"^EXPOSE .*?(\d+)-(\d+)$", DOCKERFILE, flags=re.MULTILINE)
    assert exposed
    assert int(exposed[1]) == PORT_BASE
    assert int(exposed[2]) >= metrics_port(ROLES[-1], PORT_BASE)


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "yuqing.yaml").read_text())["providers"]
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    assert source["url"] == "http://prometheus:9090"
    assert mounted["../grafana/dashboards"] == provider["options"]["path"]
    assert mounted["../grafana/provisioning"] == "/etc/grafana/provisioning"
    assert SERVICES["grafana"]["profiles"] == SERVICES["prometheus"]["profiles"]


def test_the_health_check_tells_a_role_that_answers_from_one_that_does_not() -> None:
    spec = spec_from_file_location("healthy", DOCKER / "healthy.py")
    assert spec
    assert spec.loader
    healthy = module_from_spec(spec)
    spec.loader.exec_module(healthy)
    registry = CollectorRegistry()
    Counter("yuqing_test", "Something of ours", registry=registry).inc()
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    assert isinstance(thread, Thread)
    port = server.server_port
    assert healthy.answering(range(port, port + 1)) == [port]
    server.shutdown()
    server.server_close()
    assert healthy.answering(range(port, port + 1)) == []


def test_the_service_unit_starts_what_the_installation_puts_there() -> None:
    unit = (ROOT / "deploy" / "systemd" / "yuqing.service").read_text()
    assert "ExecStart=/opt/yuqing/bin/yuqing up\n" in unit
    assert "KillMode=mixed\n" in unit  # the supervisor alone is told to stop; it stops its roles in order
    variables = re.findall(r"^Environment=(YUQING_\w+)=", unit, flags=re.MULTILINE)
    assert [name for name in variables if name != "YUQING_CONFIG" and not exists(name)] == []
