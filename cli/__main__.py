"""`python -m descr.cli ...` is `descr ...`."""

import sys

if __name__ == "__main__":
    # Python puts the working folder first: a file there must not stand for a library.
    if not sys.flags.safe_path:
        del sys.path[0]
    from .main import run

    sys.exit(run())
