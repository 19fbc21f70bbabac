import errno
from pathlib import Path

import pytest
from descr.descriptors.weights import DownloadError
from descr.descriptors.weights.errors import explained

ASKED = ("owner/name", "https://hub", Path("/the/cache"))


def text(error: BaseException) -> DownloadError:
    with (
        pytest.raises(DownloadError) as caught,
        explained(*ASKED),
    ):
        raise error
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("number", "words", "mend"),
    [
        (errno.ENOSPC, "the disk is full", "make room"),
        (errno.EDQUOT, "quota", "make room"),
        (errno.EROFS, "read-only", "HF_HOME"),
        (errno.EACCES, "not permitted", "HF_HOME"),
        (errno.EIO, "input/output", "HF_HOME"),
    ],
)
def test_what_the_disk_refuses(number: int, words: str, mend: str) -> None:
    error = text(OSError(number, "Input/output error", "/the/cache"))
    assert error.message.lower().startswith("/the/cache: can't be written: ")
    assert words in error.message.lower()
    assert mend in (error.hint or "")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("ours"), DownloadError("said")])
def test_the_rest_passes(error: BaseException) -> None:
    with (
        pytest.raises(type(error)) as caught,
        explained(*ASKED),
    ):
        raise error
    assert caught.value is error


def test_signs_that_steer_a_terminal_are_left_out() -> None:
    error = text(ConnectionError("\x1b[2J\x07gone\x9b" + "x" * 1000))
    assert error.message.startswith("can't reach https://hub: [2J gone x")
    assert error.message.isprintable()
    assert len(error.message) < 300
