"""`python -m deploy` is the `yuqing` command: how the supervisor starts a role with the interpreter it runs on."""

import sys

from deploy.cli import main

sys.exit(main())
