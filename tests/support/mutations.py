"""Files as an attacker, a broken disk or a lost connection would leave them."""

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st

# What makes parsers stumble: nothing, everything, signs, and the sizes around them.
_WORDS = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\0" * 8,
    b"\xff" * 8,
    b"\xff" * 7 + b"\x7f",
    b"\1" * 4,
]


@st.composite
def mutations(draw: st.DrawFn, originals: Sequence[bytes], *, resize: bool = True) -> bytes:
    """One of these files with 1 to 6 places changed, cut out, doubled or cut off after.

    Without `resize` they are only changed.
    """
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(["flip", "word", "random"] + ["cut", "double", "end"] * resize))
        if kind == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind in ("word", "random"):
            word = st.sampled_from(_WORDS) if kind == "word" else st.binary(min_size=1, max_size=8)
            patch = draw(word)[: len(data) - place]
            data[place : place + len(patch)] = patch
        elif kind == "end":
            del data[place:]
        else:
            piece = data[place : place + draw(st.integers(1, 64))]
            data[place : place + (len(piece) if kind == "cut" else 0)] = (
                b"" if kind == "cut" else piece
            )
    return bytes(data)


def examples(count: int) -> settings:
    """Settings for so many examples; 200 times as many with --hypothesis-profile=hours."""
    return settings(max_examples=count * settings.default.max_examples // 100)
