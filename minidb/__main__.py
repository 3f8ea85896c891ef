"""`python -m minidb` is the `minidb` command."""

from __future__ import annotations

import sys

from minidb.cli.main import main

sys.exit(main())
