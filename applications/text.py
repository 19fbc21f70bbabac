"""Words of others, such as names of files and attributes, as a terminal or a page shows them."""

import html
import re
from unicodedata import category

_JOINERS = "\u200c\u200d"
_MARKUP = re.compile(
    r"[\\`*\[\]{}|~$]|(?<![^\W_])_|_(?![^\W_])"
    # What GitHub makes links of, but not the @ of a measure, as in PCK@0.10.
    r"|:(?=//)|(?<=[wW]{3})\.|@(?!0\.\d+(?![\w.-]))"
)


def printable(text: str) -> str:
    r"""The text with what a terminal obeys, and what nobody sees, escaped as in Python: `\x1b`.

    That is line ends and other control characters, marks of direction and other format characters,
    and halves of surrogate pairs. Joiners stay beyond ASCII: emoji and some scripts need them.
    """
    if text.isprintable():
        return text
    return "".join(
        one
        if one.isprintable()
        or category(one) == "Zs"
        or (one in _JOINERS and all(beside > "\x7f" and beside.isprintable() for beside in sides))
        else one.encode("unicode_escape").decode()
        for one, *sides in zip(text, f" {text}", f"{text[1:]} ", strict=False)
    )


def one_line(text: str) -> str:
    """A message on one line, and printable."""
    return printable(re.sub(r"\s*[\r\n]\s*", " ", text.strip()))


def markdown(text: str) -> str:
    """The text as a page of Markdown shows it: printable, no part of it markup, HTML or a link.

    GitHub alone makes a link of a mail address, which nothing escapes.
    """
    return _MARKUP.sub(r"\\\g<0>", html.escape(printable(text), quote=False))
