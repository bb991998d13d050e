"""A real headless Chromium, where the machine has one, and the console served to it on a port of its own."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from console_stage import ConsoleStage
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from alerts.api.serving import serve
from deploy.threads import run_together

__all__ = ["CHROMIUM", "Visitor", "chromium", "served"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""Where a browser is; Playwright's own is not downloaded."""


@contextmanager
def served(staged: ConsoleStage) -> Iterator[str]:
    """The console on a free port, its live feed beside it; gives the address."""
    stop = threading.Event()
    app = staged.app()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        parts = {"live": staged.parts.live.run, "server": lambda stop: serve(app, listening, stop)}
        thread = threading.Thread(target=run_together, args=(parts, stop))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser; root may not use its sandbox, and pages are our own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """Somebody with a browser of their own, and what went wrong in it."""

    browser: Browser
    address: str
    staged: ConsoleStage

    @contextmanager
    def visit(self, role: str = "analyst", path: str = "/", **context: object) -> Iterator[tuple[Page, list[str]]]:
        """A page of somebody who is logged in; the list gets every error and every request that leaves the console."""
        browsing = self.browser.new_context(base_url=self.address, **context)  # type: ignore[arg-type]
        browsing.set_default_timeout(20_000)
        try:
            page, wrong = _watched(browsing, self.address)
            page.goto(f"/login?next={path}")
            page.fill("#token", self.staged.tokens[role])
            page.click("form.login button")
            page.wait_for_url(lambda url: "/login" not in url)
            yield page, wrong
        finally:
            browsing.close()


def _watched(context: BrowserContext, address: str) -> tuple[Page, list[str]]:
    wrong: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("console", lambda told: wrong.append(f"console: {told.text}") if told.type == "error" else None)
    page.on("request", lambda asked: None if asked.url.startswith(address) else wrong.append(f"asked: {asked.url}"))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    return page, wrong
