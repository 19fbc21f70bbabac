"""Where descr keeps what is this user's."""

import os
from pathlib import Path


def data_folder() -> Path:
    """`DESCR_HOME`, else `descr` in `XDG_DATA_HOME`, which is `~/.local/share` if it isn't set."""
    shared = os.environ.get("XDG_DATA_HOME") or os.path.join("~", ".local", "share")
    home = os.environ.get("DESCR_HOME") or os.path.join(shared, "descr")
    return Path(os.path.expandvars(os.path.expanduser(home)))
