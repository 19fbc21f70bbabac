"""Names of others on a terminal and in a page."""

import pytest
from descr.applications.text import markdown, one_line, printable

# ruff: noqa: RUF001
READABLE = [
    "plain.png",
    "Ångström über Café.jpg",
    "猫の写真　２.png",
    "صورة.png",
    "תמונה.png",
    # A word of Persian with a joiner that parts letters, and one of Hindi with one that joins them.
    "می\u200cخواهم.png",
    "क्\u200dष.png",
    "🐈\u200d⬛ 👩🏽\u200d🚀 🏳️\u200d🌈.png",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f.png",
    "C:\\photographs\\a [1] {b} <c>.png",
    "narrow\u202fspace.png",
]


@pytest.mark.parametrize("name", READABLE)
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert printable(name) == one_line(name) == name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b]52;c;Y2xpcA==\x1b\\", r"\x1b]52;c;Y2xpcA==\x1b" + "\\"),
        ("\x1b[2J\x9b31m", r"\x1b[2J\x9b31m"),
        ("a\rb\tc\nd\x85e\u2028f", r"a\rb\tc\nd\x85e\u2028f"),
        ("cat\u202egnp.exe", r"cat\u202egnp.exe"),
        ("a\u200bb\ufeffc\u2060d\u00ade", r"a\u200bb\ufeffc\u2060d\xade"),
        ("pay\u200dpal \u200d猫\u200d", r"pay\u200dpal \u200d猫\u200d"),
        ("猫\u202e\u200d猫", r"猫\u202e\u200d猫"),
        ("\ud83d and \udcff", r"\ud83d and \udcff"),
        ("🐈\U000e0067\U000e0062\U000e0065", r"🐈\U000e0067\U000e0062\U000e0065"),
        ("🏴\U000e0067\U000e0062\U000e0065", r"🏴\U000e0067\U000e0062\U000e0065"),
        ("🏴\U000e0067\U000e007f", r"🏴\U000e0067\U000e007f"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_a_message_of_several_lines_stands_on_one() -> None:
    assert one_line(" first\n  second\r\n\nthird  word\x0b ") == "first second third  word"
    assert one_line("a  b\tc") == "a  b\\tc"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("decoder_2", "decoder_2"),
        ("SIFT(step=4, scales=(1.0,), fit='pad')", "SIFT(step=4, scales=(1.0,), fit='pad')"),
        ("a | b", r"a \| b"),
        ("https://evil.example/x", r"https\://evil.example/x"),
        ("see www.evil.example", r"see www\.evil.example"),
        ("me@evil.example @user @0.10.example", r"me\@evil.example \@user \@0.10.example"),
        ("PCK@0.05/0.10 C:/a", "PCK@0.05/0.10 C:/a"),
        ("$x$", r"\$x\$"),
        ("[x](javascript:1) ![y](z)", r"\[x\](javascript:1) !\[y\](z)"),
        ("<script> & `code` *a* __b__ ~~c~~", None),
        ("# {: onclick=1}\n\n- \x1b", None),
    ],
)
def test_markup_is_text(text: str, source: str | None) -> None:
    if source is not None:
        assert markdown(text) == source
    assert not set("<>\n\x1b") & set(markdown(text))
