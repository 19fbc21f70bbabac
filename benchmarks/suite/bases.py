"""What a joint PCA per pair and a shared basis do to the matches of real photographs.

Mutual matches of pairs with known truth (see `photographs`): how many, the share within 8 pixels of
the truth, the mean share of the matches of full features that are still there, and the bytes of an
image's map packed to 8 bits (float32 for full features). Bases are fitted once, either to other
photographs of scikit-image than those of the pairs, or to these. The descriptors are SIFT of five
scales as one layer of 640 channels, and the same beside XFeat, whose 64 channels stay as they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from descr.descriptors import SIFT, Basis, FeatureMap, Features, Fused, XFeat, combine
from descr.matchers import MutualNearestNeighbor, to_matches
from scipy.spatial import cKDTree

from ..bench import Bench
from ..photographs import NAMES, Truth, ends, errors, pairs, photograph
from ..results import Row

OF_PAIRS = (*NAMES, "chelsea")
OTHERS = (
    "camera",
    "coins",
    "page",
    "brick",
    "hubble_deep_field",
    "retina",
    "grass",
    "moon",
    "cell",
)
SIFTS = SIFT(scales=(0.75, 1, 1.5, 2, 3))
COMPONENTS = (64, 128, 256, 512)
WITHIN = 8
SIDES = ("source", "target")
NEAR = 2.6
"""How far from it, in pixels, both ends of the same match lie at most: less than half a cell."""


def run(bench: Bench, *, angle: float = 12.0) -> Iterator[Row]:
    """A row for each descriptor and way to reduce it."""
    *views, truths = zip(*(pair for _, pair in pairs(angle, names=OF_PAIRS)), strict=True)
    pictures = [picture for pair in zip(*views, strict=True) for picture in pair]
    others = [photograph(name) for name in OTHERS]
    xfeat = XFeat(device=bench.device)
    for title, describe in {"SIFT": SIFTS, "XFeat + SIFT": Fused(xfeat, SIFTS)}.items():
        same, apart = (
            [joined(one) for one in describe.features(images)] for images in (pictures, others)
        )
        full = Matches([combine(pair) for pair in pairwise(same)], truths)
        yield Row(f"{title}, full", full.columns(full, packed=False))
        for count in COMPONENTS:
            reduction = {"sift/scales": count}
            bases = {
                "basis of other photographs": Basis.fit(apart, components=reduction),
                "basis of these photographs": Basis.fit(same, components=reduction),
            }
            maps = {
                "joint PCA per pair": [
                    combine(pair, components=reduction) for pair in pairwise(same)
                ],
                **{
                    name: [combine(pair, basis=basis) for pair in pairwise(same)]
                    for name, basis in bases.items()
                },
            }
            for name, reduced in maps.items():
                values = Matches(reduced, truths).columns(full, packed=True)
                yield Row(f"{title}, {count}, {name}", values)


def pairwise(features: Sequence[Features]) -> list[list[Features]]:
    """The features of each pair of photographs."""
    return [[*features[at : at + 2]] for at in range(0, len(features), 2)]


def joined(features: Features) -> Features:
    """The same with all scales of SIFT as one layer, for one PCA over all of them."""
    scales = [layer for path, layer in features.layers.items() if path.startswith("sift/")]
    rest = {path: one for path, one in features.layers.items() if not path.startswith("sift/")}
    whole = replace(
        scales[0],
        features=torch.cat([scale.features for scale in scales]),
        attributes={**scales[0].attributes, "layer": "scales"},
    )
    return Features(features.image, {**rest, whole.path: whole})


class Matches:
    """The mutual matches of pairs of maps, and how far each ends from the truth."""

    def __init__(self, maps: Sequence[Sequence[FeatureMap]], truths: Sequence[Truth]) -> None:
        matches = [to_matches(MutualNearestNeighbor()(*pair)) for pair in maps]
        self.errors = [errors(one, truth) for one, truth in zip(matches, truths, strict=True)]
        self.ends = [np.hstack([ends(one, side) for side in SIDES]) for one in matches]
        self.sizes = [fmap.features.numel() for pair in maps for fmap in pair]
        self.channels = len(maps[0][0].features)

    def columns(self, full: "Matches", *, packed: bool) -> dict[str, float | str]:
        """The mean over the pairs, beside the matches of full features."""
        valid = [error[np.isfinite(error)] for error in self.errors]
        right = np.mean([(error <= WITHIN).mean() for error in valid])
        # Maps may lie on the grid of another layer: what counts is where a match begins and ends.
        apart = [
            cKDTree(own).query(of, p=np.inf)[0]
            for own, of in zip(self.ends, full.ends, strict=True)
        ]
        kept = [(one <= NEAR).mean() for one in apart]
        return {
            "channels": self.channels,
            "matches": float(np.mean([len(error) for error in valid])),
            f"within {WITHIN} pixels": f"{right:.1%}",
            "of the full matches": f"{np.mean(kept):.1%}",
            "MB per image": float(np.mean(self.sizes)) * (1 if packed else 4) / 1e6,
        }
