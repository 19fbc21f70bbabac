"""`python -m descr.cli ...` is `descr ...`."""

import sys

from .main import run

if __name__ == "__main__":
    sys.exit(run())
