"""Where a command's log goes: to stderr, so that stdout holds results alone."""

import logging

from rich.console import Console
from rich.logging import RichHandler


def log_to_stderr() -> None:
    """Log to stderr, unless whoever started this process has set up logging."""
    if not logging.getLogger().handlers:
        handler = RichHandler(console=Console(stderr=True), show_path=False)
        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
