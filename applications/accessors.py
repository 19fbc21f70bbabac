"""What `fmap.descr`, `tree.descr` and `correspondences.descr` offer: the functions of descr."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..descriptors import combine, sample_features, save_features
from ..descriptors.errors import DescrError
from ..descriptors.features.maps import Points
from ..descriptors.features.tensors import FeatureMap, Features
from ..descriptors.image.reading import ImageLike
from ..descriptors.store import save_map
from ..matchers import Matcher, to_matches
from ..matchers import create as create_matcher
from .exchange import write_matches
from .pictures import Drawing, draw_layers, draw_matches, draw_pca, point_similarity
from .summaries import Summary, map_summary, matches_summary, tree_summary


class _Accessor:
    """A summary of an object of xarray, as text and in notebooks."""

    def __init__(self, data: Any, summary: Callable[[Any], Summary]) -> None:
        self._data, self._summary = data, summary

    def __repr__(self) -> str:
        try:
            return self._summary(self._data).text()
        except DescrError as error:
            return f"<descr: {error}>"

    def _repr_html_(self) -> str | None:
        try:
            return self._summary(self._data).html()
        except DescrError:
            return None


class MapAccessor(_Accessor):
    """`fmap.descr`, of a feature map: an `xarray.DataArray` (channel, y, x).

    A notebook shows it as its principal components with what the map says of itself.
    """

    def __init__(self, fmap: xr.DataArray) -> None:
        super().__init__(fmap, map_summary)

    @property
    def _map(self) -> xr.DataArray:
        """The map in memory, since functions look at values more than once."""
        fmap: xr.DataArray = self._data
        return fmap if fmap.chunks is None else fmap.compute()

    def similarity(
        self, points: tuple[float, float] | Points, other: xr.DataArray | FeatureMap | None = None
    ) -> xr.DataArray:
        """The cosine of each cell with a point (x, y) of the image, float32 (y, x).

        Of several points (point, y, x). With another map: of its cells with points of this one.
        Raises as `point_similarity`.
        """
        is_one = (
            isinstance(points, (tuple, list, np.ndarray))
            and len(points) == 2
            and all(map(np.isscalar, points))
        )
        several: Any = [points] if is_one else points
        inputs = [self._map] if other is None else [self._map, other]
        cosines = point_similarity(inputs, several)[-1]
        return cosines.isel(point=0) if is_one else cosines

    def at(self, points: Points, **options: Any) -> xr.DataArray:
        """The features (channel, point) at points (x, y): `sample_features(fmap, points, ...)`."""
        return sample_features(self._map, points, **options)

    def match(
        self,
        other: xr.DataArray | FeatureMap,
        matcher: Matcher | str = "mutual",
        **options: Any,
    ) -> xr.Dataset:
        """The correspondences with another map: `matcher(fmap, other, ...)`, by name or as it is.

        `options` are those of the call: `points`, `source_mask`, `target_mask`, `interpolation`.
        """
        match = create_matcher(matcher) if isinstance(matcher, str) else matcher
        return match(self._map, other, **options)

    def draw(self, image: ImageLike | None = None, **options: Any) -> Drawing:
        """Its principal components, beside the photograph if given: `draw_pca([fmap], ...)`."""
        return draw_pca([self._map], images=_beside(image), **options)

    def save(self, path: str | os.PathLike[str], **options: Any) -> float:
        """Write it to a file: `save_map(fmap, path, ...)`."""
        return save_map(self._map, path, **options)


class TreeAccessor(_Accessor):
    """`tree.descr`, of a feature tree: an `xarray.DataTree` with all layers of one image.

    A notebook shows it as the principal components of each layer.
    """

    def __init__(self, tree: xr.DataTree) -> None:
        super().__init__(tree, tree_summary)

    def combine_with(self, *others: xr.DataTree | Features, **options: Any) -> list[xr.DataArray]:
        """The feature maps of this tree and others, in order: `combine([tree, *others], ...)`."""
        trees = [one.to_tree() if isinstance(one, Features) else one for one in others]
        return combine([self._data, *trees], **options)

    def draw(self, image: ImageLike | None = None, **options: Any) -> Drawing:
        """A row of principal components per layer: `draw_layers([tree], ...)`."""
        return draw_layers([self._data], images=_beside(image), **options)

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write it to a file: `save_features(tree, path, ...)`."""
        save_features(self._data, path, **options)


class MatchesAccessor(_Accessor):
    """`correspondences.descr`, of what a matcher gives, and of the list of `to_matches`.

    A notebook shows each place in the colour of the place that it goes to, and the best matches.
    """

    def __init__(self, correspondences: xr.Dataset) -> None:
        super().__init__(correspondences, matches_summary)

    def to_matches(self) -> xr.Dataset:
        """The matched places, best first: `to_matches(correspondences)`."""
        return to_matches(self._data)

    def draw(self, source: ImageLike, target: ImageLike, **options: Any) -> Drawing:
        """Lines between both photographs: `draw_matches(source, target, matches, ...)`."""
        matches = self._data if "match" in self._data.dims else to_matches(self._data)
        return draw_matches(source, target, matches, **options)

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write them as .csv, .json or .nc: `write_matches(correspondences, path, ...)`."""
        write_matches(self._data, os.fspath(path), **options)


def _beside(image: ImageLike | None) -> Sequence[ImageLike] | None:
    return None if image is None else [image]
