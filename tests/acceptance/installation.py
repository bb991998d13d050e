"""One installation in a folder of its own, driven as an operator drives it: by the command line and SQL."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from eventually import eventually

from alerts.delivery.receiver import WebhookReceiver

YUQING = [sys.executable, "-m", "deploy"]
ROLES = ("scorer", "windows", "alerts")


class Installation:
    """`yuqing up` with its embedded stack, and a webhook receiver; both end with the block."""

    def __init__(self, folder: Path, watchlists: Sequence[Path]) -> None:
        self.folder = folder
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self.receiver = WebhookReceiver(secret)
        self.config = folder / "yuqing.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f"""
            state_folder = "{folder / "state"}"
            [intake]
            watchlists = {json.dumps([str(path) for path in watchlists])}
            [[webhooks]]
            name = "analyst"
            url = "{self.receiver.url}"
            secret = "{secret}"
            allow_private = true
            """
        )
        self._log = (folder / "up.log").open("ab")

    def __enter__(self) -> Installation:
        self.receiver.__enter__()
        self._up = subprocess.Popen([*YUQING, "up", *self._told], stdout=self._log, stderr=self._log)
        eventually(lambda: set(ROLES) <= set(self.processes()), timeout_s=90)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._up.send_signal(signal.SIGTERM)
        self._up.wait(timeout=60)
        self.receiver.__exit__(kind, error, trace)
        self._log.close()

    def command(self, *words: str, expect: int = 0) -> dict[str, Any]:
        """Runs a command with --json and returns its object; fails where the exit code is another."""
        done = subprocess.run([*YUQING, *words, *self._told, "--json"], stdout=subprocess.PIPE, check=False)
        assert done.returncode == expect, (words, done.returncode, done.stdout.decode())
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def processes(self) -> dict[str, int]:
        """The roles that run now, with their process ids."""
        done = subprocess.run([*YUQING, "status", *self._told, "--json"], stdout=subprocess.PIPE, check=False)
        found = json.loads(done.stdout or b"{}").get("roles", [])
        return {one["role"]: one["pid"] for one in found}

    def kill(self, role: str) -> int:
        """kill -9 of a role's process; the supervisor is to start another. Returns the id that was killed."""
        pid = self.processes()[role]
        os.kill(pid, signal.SIGKILL)
        return pid

    @property
    def _told(self) -> list[str]:
        return ["--config", str(self.config)]
