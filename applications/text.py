"""Words of others, such as names of files and attributes, as a terminal or a page shows them."""

import html
import re
from unicodedata import category

_JOINERS = "\u200c\u200d"
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_MARKUP = re.compile(
    r"[\\`*\[\]{}|~$]|(?<![^\W_])_|_(?![^\W_])"
    r"|:(?=//)|(?<=[wW]{3})\.|@(?!0\.\d+(?![\w.-]))"  # links on GitHub; PCK@0.10 is none
)


def printable(text: str) -> str:
    r"""The text with what a terminal obeys, and what nobody sees, escaped as in Python: `\x1b`.

    That is line ends and other control characters, marks of direction and other format characters,
    and halves of surrogate pairs. Joiners beyond ASCII and flags stay: emoji and scripts need them.
    """
    if text.isprintable():
        return text
    flags = {at for flag in _FLAG.finditer(text) for at in range(*flag.span())}
    return "".join(
        one
        if one.isprintable()
        or category(one) == "Zs"
        or at in flags
        or (one in _JOINERS and all(beside > "\x7f" and beside.isprintable() for beside in sides))
        else one.encode("unicode_escape").decode()
        for at, (one, *sides) in enumerate(zip(text, f" {text}", f"{text[1:]} ", strict=False))
    )


def one_line(text: str) -> str:
    """A message on one line, and printable."""
    return printable(re.sub(r"\s*[\r\n]\s*", " ", text.strip()))


def markdown(text: str) -> str:
    """The text as Markdown shows it: printable, no markup, HTML or link but GitHub's of mail."""
    return _MARKUP.sub(r"\\\g<0>", html.escape(printable(text), quote=False))
