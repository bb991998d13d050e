"""The settings: `yuqing.toml`, overruled by `YUQING_*` variables, overruled by flags; read once and frozen.

Only this room knows them. Rooms get plain values.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic_settings
from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from deploy.errors import SettingsError
from deploy.sections import (
    Alerts,
    Channel,
    Console,
    Database,
    Digest,
    Drift,
    Intake,
    Kafka,
    Logs,
    Markets,
    Metrics,
    Model,
    Redis,
    Retention,
    Webhook,
    Windows,
)
from deploy.setting_faults import Origins, faults_of, unknown_variables
from deploy.source_settings import Source

__all__ = ["Settings", "load_settings"]

_PREFIX = "YUQING_"
_FILE_VARIABLE = "YUQING_CONFIG"


class Settings(BaseSettings):
    """All settings of one installation. Paths are taken from the working directory."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    state_folder: Path = Path(".yuqing")
    kafka: Kafka = Kafka()
    database: Database = Database()
    redis: Redis = Redis()
    model: Model = Model()
    intake: Intake = Intake()
    windows: Windows = Windows()
    alerts: Alerts = Alerts()
    webhooks: tuple[Webhook, ...] = ()
    channels: tuple[Channel, ...] = ()
    sources: tuple[Source, ...] = ()
    digest: Digest = Digest()
    drift: Drift = Drift()
    console: Console = Console()
    retention: Retention = Retention()
    markets: Markets = Markets()
    metrics: Metrics = Metrics()
    logs: Logs = Logs()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags first, then the environment, then the file: the first that says something wins."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))

    @model_validator(mode="after")
    def _names_agree(self) -> Settings:
        for what, names in (
            ("webhooks", [one.name for one in self.webhooks]),
            ("channels or webhooks", self._endpoint_names()),
            ("sources", [one.name for one in self.sources]),
        ):
            if doubled := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"two {what} are named {', '.join(sorted(doubled))}: give each its own name")
        known = set(self._endpoint_names())
        for setting, wanted in (("digest.webhooks", self.digest.webhooks), ("digest.weekly", self.digest.weekly)):
            if missing := set(wanted) - known:
                told = ", ".join(sorted(missing))
                raise ValueError(f"{setting} names {told}, which no [[webhooks]] or [[channels]] entry is")
        return self

    def _endpoint_names(self) -> list[str]:
        return [one.name for one in self.webhooks] + [one.name for one in self.channels]

    @property
    def embedded(self) -> bool:
        """Whether any service is to come from the embedded stack."""
        return not (self.kafka.bootstrap and self.database.url.get_secret_value() and self.redis.url.get_secret_value())


def load_settings(file: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """Reads `file` (default: `$YUQING_CONFIG`, else `yuqing.toml` where there is one), the environment and `flags`.

    `flags` is nested like the file. Raises SettingsError that tells every fault at once: which setting, where it was
    given, what is wrong, and the nearest setting that exists.
    """
    named = file or (Path(os.environ[_FILE_VARIABLE]) if os.environ.get(_FILE_VARIABLE) else None)
    path = named or Path("yuqing.toml")
    if named is not None and not named.exists():
        raise SettingsError(f"There is no settings file {named}.", fix="name one that exists, or leave it out.")
    origins = Origins(flags=flags or {}, file=path, in_file=_parsed(path))
    stray = unknown_variables(Settings, _PREFIX, os.environ, allowed={_FILE_VARIABLE})
    configured = type("Settings", (Settings,), {"model_config": SettingsConfigDict(toml_file=path)})
    try:
        settings = configured(**(flags or {}))
    except ValidationError as error:
        stray += faults_of(Settings, error, origins, _PREFIX)
    except pydantic_settings.SettingsError as error:
        stray.append(f"{error} (in the environment; lists and tables are written there as JSON)")
    if stray:
        raise SettingsError(
            "The settings have faults:\n" + "\n".join(f"  - {fault}" for fault in stray),
            fix="yuqing.example.toml lists every setting with its default.",
        )
    assert isinstance(settings, Settings)
    return settings


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode()) if path.exists() else {}
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, too, is no TOML
        raise SettingsError(f"{path} is not TOML: {error}.", fix="mend that line.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", fix="make it a readable file.") from error
