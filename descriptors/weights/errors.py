"""What a pull that fails says: the hub's refusals and a broken connection, in one line each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import WeightsNotFoundError
from ..runtime.atomic import OUT_OF_ROOM, REASONS
from .reading import shorten

_AGAIN = "what has arrived is kept: run the same command again to go on"
_LOGIN = "set HF_TOKEN to a token of your account, or run: hf auth login"


class DownloadError(WeightsNotFoundError):
    """Weights that could not be got; what had arrived is kept, and the next pull goes on there."""


class UnusableRepositoryError(DownloadError):
    """A repository that can't give the weights, so that the next of the list is asked.

    `login` says whether logging in might help: the hub answers alike for what is gone or private.
    """

    def __init__(self, message: str, *, login: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.login = login


@contextmanager
def explained(repository: str, endpoint: str, cache: Path) -> Iterator[None]:
    """Turn what the hub, the network or the disk refuses in the block into a `DownloadError`."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except DownloadError:
        raise
    except HfHubHTTPError as error:
        raise _refusal(error.response, repository, endpoint) from error
    except Exception as error:
        if is_network_error(error):
            message, hint = f"can't reach {endpoint}: {shorten(error)}", "check the connection"
        elif isinstance(error, OSError):
            # Of a file that is open the system says what is wrong, and not of which.
            reason = REASONS.get(error.errno or 0) or shorten(error)
            message = f"{error.filename or cache}: can't be written: {reason}"
            full = error.errno in OUT_OF_ROOM
            hint = f"{'make room, or ' if full else ''}set HF_HOME to another "
            hint += "disk" if full else "place"
        else:
            raise
        raise DownloadError(message, hint=f"{hint}; {_AGAIN}") from error


def no_hub(endpoint: str, reason: str) -> DownloadError:
    """The error for an answer that a hub does not give, such as a network's page to log in."""
    hint = "check HF_ENDPOINT, and whether the network asks for a login of its own"
    return DownloadError(f"{endpoint} does not answer as a hub does: {reason}", hint=hint)


def is_network_error(error: Exception) -> bool:
    """Whether the connection failed: refused, lost, too slow."""
    from huggingface_hub.errors import HfHubHTTPError

    # The class of all errors of the library's HTTP client, which differs by its version.
    kinds = (HfHubHTTPError.__mro__[1], ConnectionError, TimeoutError)
    return isinstance(error, kinds) and not isinstance(error, HfHubHTTPError)


def _refusal(response: Any, repository: str, endpoint: str) -> DownloadError:
    status, code = response.status_code, response.headers.get("X-Error-Code")
    message = response.headers.get("X-Error-Message", "")
    disabled = "resource is disabled" in message
    if code == "GatedRepo" or (status == 403 and not disabled):
        what, how = ("your account may not download it", "ask for access")
        if code == "GatedRepo":
            what, how = "its licence must be accepted before it can be downloaded", "accept it"
        hint = f"{how} at {endpoint}/{repository} (requests may be refused), then {_LOGIN}"
        return UnusableRepositoryError(f"{repository}: {what}", hint=hint)
    if status == 401 and "Invalid credentials" in message:
        hint = f"{_LOGIN}; or unset HF_TOKEN"
        return DownloadError(f"{endpoint} does not accept your token", hint=hint)
    if status == 401:
        # The hub answers so for what is gone, too, to whoever hasn't logged in.
        return UnusableRepositoryError(f"{repository} is gone or needs a login", login=True)
    if disabled or status == 404 or code in ("RepoNotFound", "RevisionNotFound"):
        return UnusableRepositoryError(f"{repository} is gone")
    fault = f"{endpoint} answers with an error ({status}) for {repository}"
    hint = "try it later"
    if status == 429:
        fault = f"{endpoint} refuses more requests for the time being (429)"
        hint = f"wait some minutes, or {_LOGIN}"
    return DownloadError(fault, hint=f"{hint}; {_AGAIN}")
