"""An index: the packed maps of a corpus in a folder, in which places and parts are looked for."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import compress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ...descriptors import Basis, Descriptor, FeatureStore, Image
from ...descriptors.errors import IncomparableFeaturesError, IndexFileError, OptionError
from ...descriptors.features.grids import unit_length
from ...descriptors.features.maps import Points
from ...descriptors.features.tensors import FeatureMap, Features
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_choice, check_float, check_int
from ...descriptors.store.files import follow
from ..exchange.photographs import first_photograph
from ..feature_maps import as_feature_map
from .hits import to_dataset
from .lists import ENGINES, LISTS, TILES, TRAINED, Lists
from .lookup import FEW, Lookup
from .manifest import NAME, Manifest
from .neighbours import CANDIDATES, MIN_SCORE, find_neighbours
from .part import Part
from .recall import measure_recall
from .shards import Shard
from .update import (
    Change,
    bring_up_to_date,
    keep_recall,
    read_basis,
    remove_images,
)

if TYPE_CHECKING:
    from distributed import Client

_CANDIDATES, _SHARE = 200, 16


class IndexInfo(NamedTuple):
    """What an index consists of.

    Attributes:
        images, cells, shards: How many there are. An image that was removed or replaced is none of
            them, but its cells stay until its shard is written anew.
        bytes: Of all its files.
        tile_bytes: Of these, the tiles, by which images are found.
        recall: What `Index.measure_recall` gave since it was last changed.
        engine: What images are found by: tiles, or FAISS as well.
        engine_bytes: Of all bytes, the lists of FAISS.
    """

    images: int
    cells: int
    shards: int
    bytes: int
    tile_bytes: int
    recall: Mapping[str, Any] | None
    engine: str
    engine_bytes: int


class Index:
    """The places of a corpus by what they look like: packed maps in a folder, opened in no time.

    Args:
        folder: Where the index lies; `Index.build` makes one.

    Attributes:
        basis: The basis of all of its maps: a query of another one is refused.

    Raises:
        IndexFileError: There is no index, or it is damaged or of another schema.
        FeatureFileError: Its basis is damaged.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._manifest = Manifest.read(self.folder)
        self.basis = read_basis(self.folder, self._manifest)

    @classmethod
    def build(
        cls,
        folder: str | os.PathLike[str],
        store: FeatureStore | str | os.PathLike[str],
        *,
        basis: Basis | None = None,
        engine: str | None = None,
        strict: bool = False,
        verify: bool = False,
        client: "Client | None" = None,
        progress: Callable[[Change], None] = lambda change: None,
    ) -> "Index":
        """The index of the images of a store; one that is there is brought up to date.

        Images whose files have not changed since, by size and time, are kept as they are; those
        that are gone from the store are removed. A run that was stopped goes on where it ended,
        but for the last 256 MB of cells. Images whose features can't be taken are left out.

        Args:
            folder: Where the index is made. Beside the maps it holds a copy of the basis.
            store: Feature trees, which are brought into the basis, or maps of the basis.
            basis: The basis of the index; it may be left out where there is one already.
            engine: What images are found by from then on: `tiles`, or for a part of a few cells
                `faiss` (extra `search`). By default what the index has, and a new one has tiles.
            strict: Raise the error of the first image that can't be taken.
            verify: Read all of the index first, and make anew what is damaged of shards, manifest
                and the basis, if it is given.
            client: A dask client, as of `open_cluster`, whose workers read the maps and write the
                shards: they share folder and store with this process. Hits are those of one
                process; a worker that dies costs what it was doing, which another does again.
            progress: Called with what became of each image.

        Raises:
            IndexFileError, FeatureFileError: The index is damaged, and can't be mended so.
            OptionError: A new index without a basis, a store that is not there, or one that the
                index would lie in; another engine than these, or FAISS is not installed.
            IncomparableFeaturesError: The index there has another basis.
            OutputError: It can't be written, or another process is changing it.
            ClusterError: The workers don't see the same folders, or the scheduler is gone.
        """
        if not isinstance(store, FeatureStore):
            store = FeatureStore(store)
        if engine is not None:
            check_choice("engine", engine, ENGINES)
        options: Any = {"engine": engine, "strict": strict, "verify": verify, "client": client}
        bring_up_to_date(Path(folder), store, basis, **options, progress=progress)
        return cls(folder)

    def remove(self, keys: Iterable[str]) -> "Index":
        """The index without these images; `KeyError`, and nothing changed, if one is not there."""
        remove_images(self.folder, list(keys))
        return type(self)(self.folder)

    def __repr__(self) -> str:
        return f"<Index {str(self.folder)!r} of {len(self)} images>"

    def __len__(self) -> int:
        gone = sum(map(len, self._manifest.removed.values()))
        return sum(int(about["images"]) for about in self._manifest.shards) - gone

    @property
    def recall(self) -> Mapping[str, Any] | None:
        """What `measure_recall` gave since the index was last changed."""
        return self._manifest.recall

    @property
    def info(self) -> IndexInfo:
        """What it consists of."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        files = [(path.name, path.stat().st_size) for path in paths]
        shards = self._manifest.shards
        return IndexInfo(
            images=len(self),
            cells=sum(about["cells"] for about in shards),
            shards=len(shards),
            bytes=sum(size for _, size in files),
            tile_bytes=sum(size for name, size in files if name.startswith("tiles")),
            recall=self.recall,
            engine=self.engine,
            engine_bytes=sum(size for name, size in files if name.endswith((LISTS, TRAINED))),
        )

    @property
    def engine(self) -> str:
        """What images are found by: `tiles`, or for a part of a few cells `faiss`."""
        return str(self._manifest.engine["name"]) if self._manifest.engine else TILES

    @cached_property
    def _lists(self) -> Lists | None:
        about = self._manifest.engine
        return Lists(self.folder, about) if about and "sha256" in about else None

    def verify(self) -> Iterator[tuple[str, IndexFileError | None]]:
        """Each shard by its name, and what is wrong with it, for which all of it is read."""
        for about in self._manifest.shards:
            shard = Shard.open(self.folder, about)
            try:
                shard.check()
                if self._lists:
                    self._lists.check()
                    self._lists.check_of(shard)
            except IndexFileError as error:
                yield shard.name, error
            else:
                yield shard.name, None

    def __iter__(self) -> Iterator[str]:
        shards = zip(self._shards, self._there, strict=True)
        return iter(sorted(key for shard, there in shards for key in compress(shard.keys, there)))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def photograph(
        self, key: str, folders: Sequence[str | os.PathLike[str]] = ()
    ) -> tuple[Path, Image]:
        """The photograph of an image: where it lies, and its pixels.

        It is looked for where the features said that it was, and by its name, whole and from each
        part on, below the folders; an image with other pixels is another one.

        Raises:
            KeyError: There is no such image in the index.
            ImageError: The photograph is in none of these places.
        """
        shard, image = self._shard_of(key)
        way = follow(shard.photograph(image) or None, self.folder / NAME)
        paths, parts = [] if way is None else [Path(way)], Path(key).parts
        below = [Path(folder, *parts[at:]) for folder in folders for at in range(len(parts))]
        return first_photograph(
            [*paths, *below], shard.sha256(image), key, places=paths, folders=folders
        )

    def _shard_of(self, key: str) -> tuple[Shard, int]:
        """Where an image is; `KeyError` if it is not there."""
        if (place := self._find(key)) is None:
            raise KeyError(key)
        return place

    def _find(self, key: str) -> tuple[Shard, int] | None:
        for shard, there in zip(self._shards, self._there, strict=True):
            image = shard.image(key)
            if image is not None and there[image]:
                return shard, image
        return None

    @cached_property
    def _shards(self) -> list[Shard]:
        return [Shard.open(self.folder, about) for about in self._manifest.shards]

    @cached_property
    def _there(self) -> list[npt.NDArray[np.bool_]]:
        """Which images of each shard count: neither removed nor replaced."""
        there = [np.ones(shard.images, dtype=bool) for shard in self._shards]
        for shard, images in zip(self._shards, there, strict=True):
            images[list(self._manifest.removed.get(shard.name, ()))] = False
        return there

    @cached_property
    def _lookup(self) -> Lookup:
        rank = self._lists.rank(self._shards) if self._lists else None
        return Lookup(self._shards, np.concatenate([np.empty(0, bool), *self._there]), rank)

    def search(
        self,
        query: xr.DataArray | FeatureMap | xr.DataTree | Features | ImageLike,
        *,
        descriptor: Descriptor | None = None,
        points: Points | None = None,
        around: int = 3,
        mask: MaskLike | None = None,
        box: Sequence[float] | None = None,
        top: int = 20,
        exact: bool = False,
        candidates: int | None = None,
    ) -> xr.Dataset:
        """The images that hold a place or a part of another one, and where, best first.

        Which images are looked at is told by tiles, the means of 4 x 4 cells, or for a part of at
        most 64 cells by FAISS, if that is the engine of the index; score and place are always those
        of the cells themselves. Each cell of the part has its best place, and the score is the sum
        of the cosines of those that agree on one similarity, through the number of all.

        Args:
            query: Features of an image, a map in the basis of the index, or an image together with
                a descriptor.
            descriptor: What describes an image.
            points: Places in it, (x, y) in pixels; several of them are the cells of one part.
            around: How many cells to each side of a point vote with it on where it lies; with 0 the
                score is the cosine of what is read at the point itself.
            mask: The part, as a mask of the size of the image.
            box: The part, as x0, y0, x1, y1 in pixels. Without any of these it is the whole image.
            top: How many images, at most.
            exact: Look at the cells of all images instead of candidates.
            candidates: How many images are looked at if not all. By default 200 and a sixteenth of
                all, which takes as long again as to find them by tiles.

        Returns:
            xarray.Dataset: Along `hit`: `image`, the name in the store; `x`, `y`, the middle of the
                part there; `score`; `agreement`, the share of its cells that agree; `scale`,
                `angle` in degrees and `reflected` of the similarity; `corner_x`, `corner_y` (hit,
                corner), the corners of its box; `image_height`, `image_width`.

        Raises:
            IncomparableFeaturesError: The query has another basis, or can't be brought into it.
            PointError, ImageError: The point, the box or the mask does not lie in the image.
            OptionError: An image without a descriptor, or a setting out of range.
            IndexFileError: A part of the index is damaged, or not finished.
        """
        check_int("top", top, minimum=1)
        check_int("around", around, minimum=0)
        if candidates is None:
            candidates = _CANDIDATES + len(self) // _SHARE
        most = max(top, check_int("candidates", candidates, minimum=1))
        fmap = self.map_of(query, descriptor)
        part = Part.of(fmap, points=points, around=around, mask=mask, box=box)
        if not exact and len(self) and self._manifest.engine and not self._lists:
            raise IndexFileError(
                f"{self.folder}: a build was stopped before its lists were written",
                hint="build it again, which completes it, or make an exact search",
            )
        hits = self._lookup.hits(part, top, None if exact else most)
        attrs = {
            "query": str(fmap.attrs["image_name"]),
            "basis": self.basis.identity,
            "images": len(self),
            "looked_at": len(self) if exact else min(len(self), most),
            "engine": "exact" if exact else self.engine if len(part.cells) <= FEW else TILES,
        }
        return to_dataset(hits, attrs)

    def map(self, key: str) -> FeatureMap:
        """The map of an image in the index, as it is kept; `KeyError` if it is not there."""
        shard, image = self._shard_of(key)
        packed = shard.fmap(image)
        attrs = {
            **packed.attrs,
            "image_name": PurePosixPath(key).name,
            "basis": self.basis.identity,
        }
        cells = unit_length(torch.from_numpy(packed.values).float())
        labels = self.basis.sources, self.basis.layer_names
        return FeatureMap(cells, packed.grid, attrs, *labels, is_unit=True)

    def measure_recall(
        self,
        *,
        queries: int = 8,
        top: int = 20,
        seed: int = 0,
        progress: Callable[[str], None] = lambda key: None,
    ) -> dict[str, Any]:
        """Of the best images of an exact search, how many one by candidates finds, on average.

        It is measured with parts of 1, 2 and 4 cells across at random places of random images of
        the index, and with these images whole; each image is left out of its own answer. The index
        keeps the result until it is changed. The time is that of `queries` times four exact
        searches.

        Args:
            queries: How many images are drawn.
            top: How many of the best images are compared.
            seed: Which images and places are drawn.
            progress: Called with the name of each image when it was looked for.

        Returns:
            dict: `top`, `queries`, and `recall` by `1 x 1`, `2 x 2`, `4 x 4` cells and `whole`.

        Raises:
            OptionError: A setting is out of range, or the index is empty.
            IndexFileError: A part of the index is damaged.
            OutputError: The result can't be kept.
        """
        check_int("queries", queries, minimum=1)
        check_int("top", top, minimum=1)
        check_int("seed", seed, minimum=0)
        keys = np.array(list(self), dtype=object)
        if len(keys) == 0:
            raise OptionError(f"{self.folder}: the index is empty", hint="build it of a store")
        drawn = np.random.default_rng(seed).choice(keys, min(queries, len(keys)), replace=False)
        maps = {key: self.map(key) for key in drawn.tolist()}
        result = measure_recall(maps, self.search, top=top, seed=seed, progress=progress)
        self._manifest = keep_recall(self.folder, self._manifest, result)
        return result

    def neighbours(
        self,
        *,
        min_score: float = MIN_SCORE,
        top: int | None = None,
        candidates: int = CANDIDATES,
        journal: str | os.PathLike[str] | None = None,
        progress: Callable[[str], None] = lambda key: None,
    ) -> xr.Dataset:
        """The images that share an instance: pairs of them, best first, and the clusters of these.

        Each image is looked for in those whose tiles are most like its own, and these in it. A pair
        counts if either way scores enough, as `search` scores a whole image, and the way there and
        back leads to where it began. It depends on the images alone, not on their order in the
        index.

        Args:
            min_score: The least score of a pair, from 0 to 1: about the share of the smaller part
                of an image that lies in the other one. The lower, the more chance pairs.
            top: Leave out pairs that are among so many best ones of neither of their images.
            candidates: In how many images each is looked for, at most.
            journal: A file in which what was compared is kept: a search of the same images that
                was stopped goes on from there.
            progress: Called with the name of each image when its turn comes.

        Returns:
            xarray.Dataset: Along `pair`: `source`, `target`, the names in the store, in the
                direction of the better score; `score`, `agreement` and the rest as of `search`,
                from source to target. Along `image`, by clusters of what pairs connect, the
                largest first: `image`, the name; `cluster`, its number; `images`, how many it has.
                The first image of each cluster shares most with the others.

        Raises:
            OptionError: A setting is out of range.
            IndexFileError: A part of the index is damaged.
            OutputError: The journal can't be written.
        """
        check_float("min_score", min_score, minimum=0, maximum=1)
        check_int("candidates", candidates, minimum=1)
        if top is not None:
            check_int("top", top, minimum=1)
        return find_neighbours(
            self._lookup,
            min_score=min_score,
            top=top,
            candidates=candidates,
            journal=None if journal is None else Path(journal),
            progress=progress,
            attrs={"basis": self.basis.identity},
        )

    def map_of(self, query: Any, descriptor: Descriptor | None = None) -> FeatureMap:
        """The map of a query in the basis of the index; raises as `search` does."""
        if isinstance(query, (xr.DataArray, FeatureMap)):
            fmap = as_feature_map(query, "the query")
            if fmap.attrs["basis"] != self.basis.identity:
                raise IncomparableFeaturesError(
                    f"the map of {fmap.attrs['image_name']} has another basis than {self.folder}",
                    hint="give its features, or a map in the basis of the index",
                )
            return fmap
        if isinstance(query, (xr.DataTree, Features)):
            features = query if isinstance(query, Features) else Features.from_tree(query)
        elif descriptor is None:
            raise OptionError(
                "an image needs a descriptor", hint="give descriptor=..., or features"
            )
        else:
            (features,) = descriptor.features([query])
        return self.basis.transform(features)
