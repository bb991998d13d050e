"""Files that people write: watch lists, settings, labelled texts, exports of annotations, training configurations."""

from __future__ import annotations

from pathlib import Path

from target import Target, as_file, promise

from deploy.errors import SettingsError
from deploy.settings import load_settings
from model.config import read_config
from model.data_checks import check
from model.datasets import document_rows, entity_examples, examples, read_rows, task_of_rows
from model.errors import ConfigError, DataError
from model.label_studio import read_export
from stream.entities import EntityLinker
from stream.errors import WatchListError
from stream.watchlist import load

__all__ = ["FILES"]

_ROOT = Path(__file__).parents[2]
_CSV = "entity_id,name,aliases,tickers,groups,ambiguous,remove\n# ours\n"
_CSV += "QUAY.US,Quayside Bank,Quayside|QB,QUAY,banks,Quayside,\n"
_CSV += '600001.SH,码头银行,"码头,行",600001.SH,银行,,\nGONE.US,,,,,,yes\n'
_TEXT = "Quayside and 码头银行 fell; QUAY (NYSE: QUAY) 600001."
_ROWS = b'{"text":"Profit fell","label":"negative","entity":"Quay","agreement":66}\n{"text":"ok","label":"positive"}\n'
_ROWS += b'{"text":"x","labels":["negative"],"entities":"a;b","negative_entities":"a"}\n'
_EXPORT = b'[{"data":{"text":"Down","lang":"en"},"annotations":[{"result":[{"from_name":"sentiment","value":{"choices":'
_EXPORT += b'["negative"]}}],"was_cancelled":false}]},{"text":"Up","sentiment":"positive"}]'
_TOML = (
    b'state_folder = "x"\n[kafka]\npartitions = 8\n[[webhooks]]\nname = "desk"\nurl = "https://d.example"\n'
    b'secret = "AAAA"\n[[sources]]\nname = "s"\nkind = "replay"\nfiles = ["a"]\n'
)
_EXAMPLE = (_ROOT / "yuqing.example.toml").read_bytes()
_TOML_WORDS = (b"[[sources]]\n", b"secret_file = ", b"kind = ", b"{ a = 1 }", b"1979-05-27T07:32:00Z")
_CSV_WORDS = (b"|", b",", b'"', b"\n#", b"yes", b"QUAY")
_CONFIG = (_ROOT / "model" / "config.toml").read_bytes()


def _watch_list(data: bytes) -> None:
    with as_file(data, "ours.csv") as path:
        entities = load([path], include_default=False)
    found = EntityLinker(entities).link(_TEXT)
    promise(all(one.surface == _TEXT[one.start : one.end] for one in found), "a surface stands in the text")


def _settings(data: bytes) -> None:
    with as_file(data, "yuqing.toml") as path:
        load_settings(path)


def _labelled(data: bytes) -> None:
    with as_file(data, "labelled.jsonl") as path:
        check(path)
        rows = read_rows(path)
    task = task_of_rows(rows)
    examples(document_rows(rows), task, "ours")
    entity_examples(rows, task, "ours")


def _export(data: bytes) -> None:
    with as_file(data, "export.json") as path:
        promise(all(isinstance(row["text"], str) for row in read_export(path).rows), "rows of texts")


def _training(data: bytes) -> None:
    with as_file(data, "config.toml") as path:
        read_config(path)


FILES = (
    Target("watch_lists", _watch_list, (_CSV.encode(),), _CSV_WORDS, (WatchListError,)),
    Target("settings", _settings, (_EXAMPLE, _TOML), _TOML_WORDS, (SettingsError,), 0.2),
    Target("labelled_files", _labelled, (_ROWS,), (b'"label":', b'"agreement":'), (DataError,), 0.5),
    Target("annotations", _export, (_EXPORT,), (b'"sentiment":', b'"text":'), (DataError,)),
    Target("training_config", _training, (_CONFIG,), (b"[encoders.en]",), (ConfigError,), 0.3),
)  # fmt: skip
