"""The interface of every matcher."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
import xarray as xr

from ..descriptors.features.maps import Points, check_comparable
from ..descriptors.features.sampling import Interpolation
from ..descriptors.features.tensors import FeatureMap
from ..descriptors.image.masks import MaskLike
from ..descriptors.runtime.devices import find_device
from ..descriptors.settings import Configurable, check_choice, check_int
from .cells import Cells, mask_at, masked_cells
from .correspondences import Partners, correspondences
from .similarity import Best, Visit, search
from .windows import Windows


class Matcher(Configurable, ABC):
    """Two feature maps in, correspondences out.

    A subclass writes `match`. Checks, masks, points, devices and labels are inherited. Where it
    takes settings of its own, its constructor hands the common ones on:

        class Confident(Matcher):
            def __init__(self, *, least=0.5, device=None):
                super().__init__(device=device)
                self.least = least

            def match(self, query, source, target):
                best = self.search(query, target)
                return Partners(
                    x=target.x[best.index],
                    y=target.y[best.index],
                    score=best.score,
                    matched=best.score >= self.least,
                )

    Args:
        dtype: Precision of the products: `float32`, `bfloat16`, or `auto` for float32. The answer
            is the same: bfloat16, on the CPU alone, finds candidates, and close calls are settled.
        device: Where the products are made: `auto` (CUDA, then MPS, then the CPU), or a torch
            device; None for where the maps are, which is the CPU for labelled ones.
        block: How many queries are compared with the whole target at once; None for what suits the
            processor. It bounds the memory and does not change the answer.
        margin: How many cells the neighbourhood of the best cell goes to each side; the result then
            has a `margin`. None for no margins.

    Attributes:
        uses_source: Whether `match` looks at the source beyond the query; True unless a class says
            otherwise. Where it doesn't, queries of several sources may be asked at once: `source`
            is then the query itself, and the places of the query say nothing.
    """

    precisions: ClassVar[tuple[str, ...]] = ("auto", "float32", "bfloat16")
    uses_source: ClassVar[bool] = True

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "match" in cls.__dict__ and "uses_source" not in cls.__dict__:
            # What its parent says of another `match` holds for that one alone.
            cls.uses_source = True

    def __init__(
        self,
        *,
        dtype: str = "auto",
        device: str | None = None,
        block: int | None = None,
        margin: int | None = None,
    ) -> None:
        self.dtype = check_choice("dtype", dtype, self.precisions)
        self.device = device
        self.block = None if block is None else check_int("block", block, minimum=1)
        self.margin = None if margin is None else check_int("margin", margin, minimum=0)
        self.torch_device = None if device is None else find_device(device)

    @abstractmethod
    def match(self, query: Cells, source: Cells, target: Cells) -> Partners:
        """The partner of each query in the target.

        Args:
            query: The cells or points that partners are asked for, at least one. `source` itself,
                the same object, where every cell of the source is asked for.
            source, target: The cells of the two maps, those inside the masks where there are masks;
                at least one.

        Returns:
            Partners: One per query, in order.
        """

    def search(
        self,
        query: Cells,
        target: Cells,
        *,
        back: bool = False,
        visit: Visit | None = None,
        margin: int | None = None,
    ) -> Best:
        """The best target cell of each query, and with `back` the best query of each target cell.

        `similarity.search`, with the settings of this matcher; `margin` is None, or the setting of
        this name.
        """
        return search(
            query.features,
            target.features,
            back=back,
            visit=visit,
            windows=None if margin is None else Windows(target, margin),
            dtype=self.dtype,
            block=self.block,
        )

    def __call__(
        self,
        source: xr.DataArray | FeatureMap,
        target: xr.DataArray | FeatureMap,
        *,
        points: Points | None = None,
        interpolation: Interpolation = "bilinear",
        source_mask: MaskLike | None = None,
        target_mask: MaskLike | None = None,
    ) -> xr.Dataset:
        """Correspondences: for each cell of the source, or each point, its place in the target.

        Args:
            source, target: Feature maps (channel, y, x), float32, of one basis: out of one
                `combine`. A labelled one is checked in each call, a `FeatureMap` was when it was
                made.
            points: Pairs (x, y) in pixels of the upright source image; every cell without them.
            interpolation: How features are read at points: `bilinear`, or `nearest` for the cell
                that holds the point.
            source_mask, target_mask: Paths, images or boolean arrays of the size of the image. A
                cell belongs to a mask if the mask is true at the pixel nearest the cell's centre.
                Cells outside are neither asked for nor found; a point whose nearest pixel is
                outside stays unmatched.

        Returns:
            xarray.Dataset: Dimensions (y, x), with the source's coordinates, or (point), with
                coordinates `source_x` and `source_y`. Variables `target_x`, `target_y` (float64,
                pixels of the upright target image, NaN where unmatched), `score` (float32, cosine,
                NaN outside the source mask) and `matched` (bool). With the setting `margin` also
                `margin` (float32): the score of the best cell less the best score of a target cell
                outside its neighbourhood; NaN where there is no score, or no cell outside.

        Raises:
            InvalidFeaturesError: A map is not one, or holds NaN, infinite values or a cell of
                length zero.
            IncomparableFeaturesError: The maps have different bases.
            PointError: A point lies outside the source image.
            ImageError: A mask can't be read, has another size than its image, or leaves no cell.
        """
        of_source, of_target = self.feature_maps(source, target)
        check_comparable(of_source, of_target)
        cells = masked_cells(Cells.of(of_source), source_mask, of_source, "source mask")
        others = masked_cells(Cells.of(of_target), target_mask, of_target, "target mask")
        if points is None:
            partners = self.match(cells, cells, others)
            return correspondences(of_source, of_target, repr(self), partners, cells.index)
        query = Cells.at(of_source, points, interpolation)
        inside, selected = torch.arange(len(query)), query
        if source_mask is not None:
            inside = inside[mask_at(source_mask, of_source, query.y, query.x, "source mask")]
            selected = query.take(inside)
        partners = self.match(selected, cells, others) if len(inside) else Partners.none()
        return correspondences(of_source, of_target, repr(self), partners, inside, query)

    def feature_maps(
        self, source: xr.DataArray | FeatureMap, target: xr.DataArray | FeatureMap
    ) -> list[FeatureMap]:
        """Both maps as tensors where the products are made; a `FeatureMap` is there by default."""
        device = self.torch_device
        if device is None and isinstance(source, FeatureMap):
            device = source.features.device
        maps = []
        for name, fmap in (("source map", source), ("target map", target)):
            one = fmap if isinstance(fmap, FeatureMap) else FeatureMap.from_xarray(fmap, name=name)
            maps.append(one if device is None else one.to(device))
        return maps
