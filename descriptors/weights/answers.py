"""What the hub's refusals and a broken connection mean, in one line each."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ..atomic import REASONS
from .cache import cache_folder
from .errors import DownloadError, UnusableRepositoryError

_AGAIN = "what has arrived is kept: run the same command again to go on"
_LOGIN = "set HF_TOKEN to a token of your account, or run: hf auth login"


@contextmanager
def explained(repository: str, endpoint: str) -> Iterator[None]:
    """Turn what the hub's library raises in the block into a `DownloadError` of one line.

    That is `UnusableRepositoryError` if the repository is gone, or is not shown to whoever hasn't
    logged in; `DownloadError` for all else that the hub, the network or the disk may refuse.
    """
    try:
        yield
    except DownloadError:
        raise
    except Exception as error:
        if not isinstance(error, OSError) and not is_network_error(error):
            raise
        raise explain(error, repository, endpoint) from error


def explain(error: Exception, repository: str, endpoint: str) -> DownloadError:
    """The `DownloadError` that says what an error of the hub's library means."""
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        # The library has looked into the cache before it gave up; the cause says why it had to.
        return explain(error.__cause__, repository, endpoint)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return DownloadError(
            "a pull needs the network, and offline mode is on",
            hint="unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE for this command",
        )
    if isinstance(error, errors.GatedRepoError):
        return DownloadError(
            f"{repository}: its licence must be accepted before it can be downloaded",
            hint=f"accept it at {endpoint}/{repository}, then {_LOGIN}",
        )
    if isinstance(error, errors.HfHubHTTPError):
        return _refusal(error.response.status_code, error, repository, endpoint)
    if is_network_error(error):
        return DownloadError(
            f"can't reach {endpoint}: {_reason(error)}", hint=f"check the connection; {_AGAIN}"
        )
    if isinstance(error, OSError) and error.errno is not None:
        return _unwritable(error)
    return no_hub(endpoint, error)


def no_hub(endpoint: str, error: Exception) -> DownloadError:
    """The error for an answer that a hub does not give, such as a network's page to log in."""
    return DownloadError(
        f"{endpoint} does not answer as a hub does: {_reason(error)}",
        hint="check HF_ENDPOINT, and whether the network asks for a login of its own",
    )


def is_network_error(error: Exception) -> bool:
    """Whether the connection failed: refused, lost, too slow."""
    from huggingface_hub.errors import HfHubHTTPError

    # The class of all errors of the library's HTTP client, which differs by its version.
    return isinstance(error, HfHubHTTPError.__mro__[1]) and not isinstance(error, HfHubHTTPError)


def _refusal(status: int, error: Exception, repository: str, endpoint: str) -> DownloadError:
    from huggingface_hub import errors

    if status == 401 and "Invalid credentials" in str(error):
        return DownloadError(
            f"{endpoint} does not accept your token", hint=f"{_LOGIN}; or unset HF_TOKEN"
        )
    if status == 401:
        # The hub answers so for what is gone, too, to whoever hasn't logged in.
        return UnusableRepositoryError(f"{repository} is gone or needs a login", login=True)
    gone = (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.DisabledRepoError)
    if isinstance(error, gone) or status == 404:
        return UnusableRepositoryError(f"{repository} is gone")
    if status == 403:
        return DownloadError(
            f"{repository}: your account may not download it",
            hint=f"ask for access at {endpoint}/{repository}, then {_LOGIN}",
        )
    if status == 429:
        return DownloadError(
            f"{endpoint} refuses more requests for the time being (429)",
            hint=f"wait some minutes, or {_LOGIN}; {_AGAIN}",
        )
    return DownloadError(
        f"{endpoint} answers with an error ({status}) for {repository}",
        hint=f"try it later; {_AGAIN}",
    )


def _unwritable(error: OSError) -> DownloadError:
    # Of a file that is open the system says what is wrong, and not of which.
    place = error.filename or cache_folder()
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    mend = "make room, or set HF_HOME to another disk" if full else "set HF_HOME to another place"
    return DownloadError(
        f"{place}: can't be written: {REASONS.get(error.errno or 0) or error.strerror}",
        hint=f"{mend}; {_AGAIN}",
    )


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__
