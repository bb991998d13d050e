"""The `yuqing` command. Each command's work is in the module of its name; here is what can be said on the line.

Exit codes: 0 fine, 1 found something wrong, 2 wrong use. Heavy imports happen inside commands, so that `--help` is
quick and nothing but training loads torch.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.commands import (
    alerts,
    dead_letters,
    documents,
    label,
    losses,
    model_versions,
    rules,
    silences,
    subscriptions,
    tokens,
    watchlist,
    webhooks,
)
from deploy.errors import UsageError
from deploy.options import AsJson, Config, State, WatchLists, read_settings
from deploy.role_names import ROLES
from deploy.wording import words_for

__all__ = ["app", "main"]

app = typer.Typer(
    name="yuqing",
    help="Watches financial text, keeps trends per company, and calls you on a surge of bad news.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(documents.app, name="documents")
app.add_typer(losses.app, name="losses")
app.add_typer(alerts.app, name="alerts")
app.add_typer(rules.app, name="rules")
app.add_typer(silences.app, name="silences")
app.add_typer(model_versions.app, name="model-versions")
app.add_typer(subscriptions.app, name="subscriptions")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(watchlist.app, name="watchlist")
app.add_typer(label.app, name="label")
app.add_typer(tokens.app, name="tokens")

# Model commands have many options of their own and load torch: their arguments are handed over unread.
_HANDED_OVER = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code. An error that a user can cause is told in words, on stderr."""
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), prog_name="yuqing")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:
        told = words_for(error)
        if told is None:
            raise
        print(f"yuqing: {told.words}", file=sys.stderr)
        return told.exit_code
    return 0


def _end_with(code: object, **_: object) -> None:
    """What a command returns is the exit code."""
    raise typer.Exit(code if isinstance(code, int) else 0)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("yuqing"))
        raise typer.Exit


@app.callback(result_callback=_end_with)
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the command itself."""


@app.command()
def up(
    role: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(ROLES)}; repeatable; none: all.")] = None,
    watchlist: WatchLists = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove all data of the state folder first.")] = False,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Run the daemon until Ctrl-C: every role, or those named. Starts the embedded stack where no URL is set."""
    from deploy.role_process import run_role
    from deploy.roles import roles_for
    from deploy.up import up as run_up

    for name in role or ():
        if name not in ROLES:
            raise UsageError(f"there is no role {name!r}; there are {', '.join(ROLES)}")
    settings = read_settings(config, state, watchlist)
    if role and len(role) == 1 and not fresh:
        run_role(role[0], settings, supervised=supervised)
        return 0
    chosen = tuple(name for name in ROLES if name in role) if role else roles_for(settings)
    return run_up(settings, chosen, config=config, fresh=fresh)


@app.command()
def demo(
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove what earlier demonstrations left first.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, until Ctrl-C.")] = False,
    as_json: AsJson = False,
    state: State = None,
) -> int:
    """Show the whole pipeline at work on a bundled stream; exit code 1 when anything differs from what is known of it.

    Its data lies below the state folder, apart from that of `yuqing up`.
    """
    from deploy.demo import demo as show_demo

    return show_demo(fresh=fresh, keep=keep, as_json=as_json, state_folder=state or Path(".yuqing"))


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="JSON lines, plain or gz, in event time.", metavar="FILE…")],
    speed: Annotated[str, typer.Option(help="Times the pace of its event time, or max.")] = "max",
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew where an earlier replay was cut off.")] = False,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="In the slow lane: live documents are scored first.")
    ] = False,
    wait: Annotated[
        bool | None,
        typer.Option(help="Return only when all is scored, stored and judged; the default where `yuqing up` runs."),
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Run every role for the duration; implies --wait.")] = False,
    watchlist: WatchLists = None,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Publish stored documents. `yuqing up` in another terminal reads them; without it they wait in the log.

    With --run it needs no other terminal: it starts every role, waits for all documents and stops again.
    A file that was cut off goes on where it stopped; what is published twice counts once.
    """
    from deploy.commands.replay import replay_files

    if watchlist and not run:
        raise UsageError("a watch list belongs to the scorer: give it to `yuqing up`, or add --run")
    settings = read_settings(config, state, watchlist)
    return replay_files(
        settings,
        files,
        speed=_speed(speed),
        restart=restart,
        backfill=backfill,
        wait=wait,
        run=run,
        as_json=as_json,
        config=config,
    )


@app.command()
def score(
    file: Annotated[str, typer.Argument(help="JSON lines; - is stdin.")] = "-",
    watchlist: WatchLists = None,
    config: Config = None,
    state: State = None,
) -> int:
    """Score documents without any service: JSON lines in, JSON lines out. Exit code 1 when one was unreadable."""
    from deploy.commands.score import score_lines

    return score_lines(read_settings(config, state, watchlist), file)


@app.command()
def migrate(config: Config = None, state: State = None) -> int:
    """Bring the database to the newest schema; `up` does this too."""
    from deploy.commands.migrate import migrate_database

    return migrate_database(read_settings(config, state))


@app.command()
def rescore(
    first: Annotated[str, typer.Option("--from", help="The first day of publication (UTC), such as 2026-03-01.")],
    last: Annotated[str, typer.Option("--to", help="The last day, included.")],
    weights: Annotated[
        Path | None, typer.Option("--model", help="A weights folder; left out: the model in force.")
    ] = None,
    threads: Annotated[
        int, typer.Option(help="Processor cores to use; 0: all. The live scorer wants some too.", min=0)
    ] = 1,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Score stored documents with another model, beside the stream. `yuqing model-versions use` shows what it says.

    It may be stopped or killed at any time: the same command goes on.
    """
    from deploy.commands.rescore import rescore_days

    settings = read_settings(config, state)
    return rescore_days(settings, first, last, model=weights, threads=threads, as_json=as_json)


@app.command()
def rewind(
    role: Annotated[str, typer.Argument(help="scorer or windows.")],
    to: Annotated[
        str | None, typer.Option("--to", help="When the broker got the first record to read again (UTC), or earliest.")
    ] = None,
    to_offset: Annotated[
        list[str] | None, typer.Option("--to-offset", help="PARTITION:OFFSET or TOPIC:PARTITION:OFFSET; repeatable.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it only says what it would do.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Read a stretch of the log again: it changes no sum, since what is booked stays booked. The role must not run.

    Scores stay as they were first stored, too.
    """
    from deploy.commands.rewind import rewind as take_back

    settings = read_settings(config, state)
    return take_back(settings, role, to=to, to_offset=to_offset or (), apply=yes, as_json=as_json)


@app.command()
def status(as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """Show lag, watermark, documents, dead letters, alerts and roles. Exit code 1 when something does not run."""
    from deploy.commands.status import show_status

    return show_status(read_settings(config, state), as_json=as_json)


@app.command()
def doctor(as_json: AsJson = False, config: Config = None, state: State = None) -> int:
    """Check the installation and its services, and say how to mend what is wrong."""
    from deploy.doctor import show_checks

    return show_checks(read_settings(config, state), as_json=as_json)


@app.command()
def audit(
    wait: Annotated[bool, typer.Option(help="First let what is on its way arrive.")] = True,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Prove that nothing is lost and nothing doubled: offsets, documents, dead letters and trends add up."""
    from deploy.commands.audit import show_audit

    return show_audit(read_settings(config, state), as_json=as_json, wait=wait)


@app.command()
def backtest(
    counts: Annotated[
        Path | None, typer.Argument(help="CSV with the columns timestamp and value.", metavar="[COUNTS.csv]")
    ] = None,
    documents: Annotated[
        Path | None, typer.Option(help="Instead of counts: JSON lines, plain or gz, raw or as on documents.scored.")
    ] = None,
    scores: Annotated[Path | None, typer.Option(help="Write timestamp,value,anomaly_score here.")] = None,
    plot: Annotated[list[Path] | None, typer.Option(help="Draw it: a name in .png or .html; repeatable.")] = None,
    false_alarms: Annotated[float | None, typer.Option(help="Alarms a month that calm may bring; 0.5.")] = None,
    watchlist: WatchLists = None,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Run the detectors over the past: when they would have rung, each moment judged by its past alone.

    Over counts it needs no settings. Over documents it runs the alert engine with yours, rules included, in a database
    of its own: raw documents are scored first. Nobody is told, and your installation is not touched.
    """
    if (counts is None) == (documents is None):
        raise UsageError("give a file of counts, or --documents FILE")
    if documents is not None:
        from deploy.commands.backtest_documents import backtest_documents

        if scores or false_alarms is not None:
            raise UsageError("--scores and --false-alarms are for counts; documents have alerts.false_alarms_per_day")
        settings = read_settings(config, state, watchlist)
        return backtest_documents(settings, documents, plots=plot or (), as_json=as_json)
    from deploy.commands.backtest import backtest_counts

    assert counts is not None
    rate = 0.5 if false_alarms is None else false_alarms
    return backtest_counts(counts, scores=scores, plots=plot or (), false_alarms=rate, as_json=as_json)


@app.command()
def calibrate(
    promised: Annotated[float, typer.Option(help="False alarms an entity and month to hold it to.")] = 0.1,
    entity_months: Annotated[float, typer.Option(help="How much calm to draw for each detector.")] = 1000,
    seed: Annotated[int, typer.Option(help="Another seed draws other calm.")] = 1,
    simulated: Annotated[bool, typer.Option(help="Whether to draw calm at all.")] = True,
    first: Annotated[
        str | None, typer.Option("--from", help="Also over stored days that you call quiet: the first (UTC).")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last of them, included.")] = None,
    counts: Annotated[
        Path | None, typer.Option(help="Also over a file of counts that you call quiet, as for backtest.")
    ] = None,
    watchlist: WatchLists = None,
    as_json: AsJson = False,
    config: Config = None,
    state: State = None,
) -> int:
    """Hold the detectors to their promise on simulated calm, and on quiet days of your own beside it.

    Exit code 1 when a promise is broken. Drawing takes a minute or two; nothing is written.
    """
    from deploy.commands.calibrate import of_counts, of_stored_days, show_calibration

    if (first is None) != (last is None):
        raise UsageError("--from and --to go together")
    if not simulated and first is None and counts is None:
        raise UsageError("--no-simulated leaves nothing to look at: give --from and --to, or --counts")
    quiet = [of_counts(counts, promised)] if counts is not None else []
    if first is not None and last is not None:
        quiet.append(of_stored_days(read_settings(config, state, watchlist), first, last))
    return show_calibration(
        promised=promised,
        entity_months=entity_months,
        seed=seed,
        simulated=simulated,
        quiet=quiet,
        as_json=as_json,
    )


def _hand_over(name: str, told: str) -> None:
    def command(context: typer.Context) -> int:
        return _model_command(name, context.args)

    help_text = f"{told}; see `yuqing {name} --help`."
    app.command(name, help=help_text, context_settings=_HANDED_OVER, add_help_option=False)(command)


for _name, _told in {
    "train": "Train, export and measure a model",
    "distil": "Train a small model from larger ones",
    "tune": "Search for better training settings",
    "compress": "Make a trained encoder smaller, forms side by side",
    "ensemble": "Average and stack models with TF-IDF",
    "data": "Check labelled files",
    "evaluate": "Measure a model on labelled files",
    "behaviour": "Put the behavioural suite to the model",
}.items():
    _hand_over(_name, _told)


@app.command(context_settings=_HANDED_OVER, add_help_option=False)
def model(context: typer.Context) -> int:
    """Promote a model that is better, go back, see which is in force; see `yuqing model --help`."""
    from deploy.settings import load_settings

    named = any(argument.startswith(("--models", "--help")) for argument in context.args)
    models = None if named else load_settings().model.models
    given = {} if models is None else {"models": models}
    return _model_command("model", context.args, {"model": dict.fromkeys(("promote", "rollback", "list"), given)})


@app.command(context_settings=_HANDED_OVER, add_help_option=False)
def drift(context: typer.Context) -> int:
    """Make the profile that drift is measured against; see `yuqing drift --help`."""
    return _model_command("drift", context.args, {"drift": {"profile": {"weights": _weights()}}})


@app.command(context_settings=_HANDED_OVER, add_help_option=False)
def explain(context: typer.Context) -> int:
    """Show which words of a text drove its prediction; see `yuqing explain --help`."""
    return _model_command("explain", context.args, {"explain": {"weights": _weights()}})


def _weights() -> Path:
    from deploy.settings import load_settings
    from deploy.weights import weights_folder

    return weights_folder(load_settings())


def _model_command(name: str, arguments: list[str], defaults: dict[str, Any] | None = None) -> int:
    from model.commands import app as model_app

    code = model_app([name, *arguments], prog_name="yuqing", standalone_mode=False, default_map=defaults)
    return code if isinstance(code, int) else 0


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UsageError(f"--speed is {text!r}; give a number above 0, such as 60, or max")
    return speed
