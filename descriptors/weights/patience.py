"""Waiting where the hub asks for it: a few times, not for long, and said."""

import re
from collections.abc import Callable
from time import sleep
from typing import TypeVar

T = TypeVar("T")

TRIES = 5
LONGEST = 120
"""Seconds beyond which waiting is left to the user."""

_BUSY = frozenset({408, 429, 500, 502, 503, 504})
# The seconds in `Retry-After`, or in `RateLimit`, as `"api";r=0;t=55`: r requests are left, and the
# count begins anew in t seconds (IETF draft-ietf-httpapi-ratelimit-headers-09).
_AFTER = re.compile(r"\s*([0-9]{1,9})\s*$")
_LIMIT = re.compile(r"[^;]*;\s*r=0;\s*t=([0-9]{1,9})\b")


def patiently(ask: Callable[[], T], say: Callable[[str], None]) -> T:
    """What `ask` returns, asked again while the hub is busy or asks to wait; `say` tells each wait.

    It is asked at most 5 times. Between them it waits for as long as the hub says, else 1, 2, 4
    and 8 seconds; an answer that says to wait for more than two minutes is the last. What it raises
    for another reason is passed on at once.
    """
    from huggingface_hub.errors import HfHubHTTPError

    for attempt in range(1, TRIES + 1):
        try:
            return ask()
        except HfHubHTTPError as error:
            status, headers = error.response.status_code, error.response.headers
            stated = _AFTER.match(headers.get("retry-after", ""))
            stated = stated or _LIMIT.match(headers.get("ratelimit", ""))
            seconds = int(stated[1]) if stated else 2 ** (attempt - 1)
            if status not in _BUSY or attempt == TRIES or seconds > LONGEST:
                raise
            say(f"the hub is busy ({status}): waiting {seconds} s, try {attempt} of {TRIES}")
            sleep(seconds)
    raise AssertionError("the last try returns or raises")
