"""What a pull that fails says."""

from ..errors import WeightsNotFoundError


class DownloadError(WeightsNotFoundError):
    """Weights that could not be got; what had arrived is kept, and the next pull goes on there."""


class UnusableRepositoryError(DownloadError):
    """A repository that can't give the weights, so that the next of the list is asked.

    `login` says whether logging in might have helped: the hub answers alike for what is gone and
    for what is private.
    """

    def __init__(self, message: str, *, login: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.login = login
