"""A replay with faults against the same replay without: `run.py --seed 7 --faults 200 --brokers 1`.

Prints a line for each fault as it is struck, and writes the report. Exit code 0 when nothing differs, 1 when something
does: then the seed and the faults are printed too, and the same seed strikes in the same order again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEWS = ROOT.parent / "shared/data/replay/news_2023.jsonl.gz"


def main() -> int:
    """Runs as the command line says."""
    options = _options()
    if not options.news.exists():
        print(f"faults: there is no {options.news}; it is not part of the repository", file=sys.stderr)
        return 2
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    from disturbed_replay import disturbed_replay, news
    from fault_report import summary

    from deploy.logs import configure_logs

    configure_logs(level="error")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    folder = ROOT / f"build/faults-{options.brokers}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    told = disturbed_replay(
        news(options.news, options.documents),
        folder,
        seed=options.seed,
        faults=options.faults,
        brokers=options.brokers,
        quick=options.quick,
        say=lambda line: print(line, flush=True),
    )
    options.out.write_text(json.dumps(told, indent=2, default=str) + "\n")
    print(summary(told))
    return 0 if told["passed"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=20230310)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1, help="3: one of them is killed for good")
    parser.add_argument("--documents", type=int, default=None, help="so many of the file; none: all")
    parser.add_argument("--quick", action="store_true", help="a classifier that costs nothing instead of the model")
    parser.add_argument("--news", type=Path, default=NEWS)
    parser.add_argument("--out", type=Path, default=ROOT / "build/faults.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
