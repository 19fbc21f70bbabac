"""Some of the pairs of a data set, drawn so that every category keeps its share."""

import hashlib
from collections.abc import Sequence

from ....descriptors.errors import OptionError
from ....descriptors.settings import check_int


def sample_pairs(
    names: Sequence[str], categories: Sequence[str], count: int, seed: int = 0
) -> list[int]:
    """Places of `count` different pairs in the list, ascending, stratified by category.

    Each category gets its share of the pairs, rounded by the largest remainders, so that none is
    off by a pair or more. Which of them are drawn depends on the seed and on their names alone,
    which are unique: they are the same on every machine, and a larger sample of a category holds
    the smaller one. Raises `OptionError` for more pairs than there are, or fewer than one.
    """
    check_int("sample", count, minimum=1)
    check_int("seed", seed, minimum=0)
    if count > len(categories):
        raise OptionError(
            f"sample is {count}, and there are {len(categories)} pairs",
            hint="leave it out to take all of them",
        )
    members: dict[str, list[int]] = {}
    for place, category in enumerate(categories):
        members.setdefault(category, []).append(place)
    chosen: list[int] = []
    for category, share in _shares(members, count).items():
        chosen += sorted(members[category], key=lambda place: _lot(seed, names[place]))[:share]
    return sorted(chosen)


def _shares(members: dict[str, list[int]], count: int) -> dict[str, int]:
    """How many pairs each category gets; they add up to `count`."""
    total = sum(map(len, members.values()))
    shares = {name: count * len(places) // total for name, places in members.items()}
    # Integers, so that equal remainders are equal; among those the name decides.
    remainders = sorted(members, key=lambda name: (-(count * len(members[name]) % total), name))
    for name in remainders[: count - sum(shares.values())]:
        shares[name] += 1
    return shares


def _lot(seed: int, name: str) -> bytes:
    """A number that looks random; unlike the streams of generators it will never change."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
