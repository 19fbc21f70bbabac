"""What a pull tells whoever watches it."""

from typing import Protocol


class Progress(Protocol):
    """Told of each step of a pull; `descr models pull` draws a bar from it."""

    def start(self, total: int, done: int) -> None:
        """The download begins: `total` bytes, of which `done` are here already."""

    def file(self, name: str) -> None:
        """The file that is being got from here on."""

    def advance(self, count: int) -> None:
        """So many more bytes are here; less than 0 where some had to be given up."""

    def say(self, text: str) -> None:
        """One line that is worth reading: another repository, a wait, a lost connection."""


class Silent:
    """A `Progress` that tells nobody."""

    @staticmethod
    def start(*_: object, **__: object) -> None:
        """Nothing."""

    file = advance = say = start
