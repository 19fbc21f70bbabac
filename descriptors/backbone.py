"""A descriptor made of one network on one canvas."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch

from .base import StreamingDescriptor
from .errors import DescrError, InvalidFeaturesError, OptionError
from .features.grids import Grid
from .features.tensors import Features, LayerFeatures
from .features.tree import Provenance, root_attributes
from .image.canvas import FITS, Canvas, Fit, check_multiple
from .image.reading import ImageLike, read_image
from .image.stream import Picture, attempt, batches, read_ahead
from .layer import Layer
from .runtime.code import code_digest
from .runtime.devices import check_dtype, find_device
from .runtime.memory import check_fits, memory_errors
from .settings import check_choice, check_int
from .weights.find import LOCAL

Precision = Literal["auto", "float32", "bfloat16", "float16"]

_PER_PIXEL = 40
"""Bytes that a pixel of the canvas takes: in uint8, and up to three times in float32."""
_WINDOW = 2  # batches whose pictures wait at most for others of their shape


class Backbone(StreamingDescriptor):
    """One network on one canvas.

    A subclass states `layers` and writes `forward`. Where it takes settings of its own, its
    constructor hands the common ones on and keeps each under its name.

    Args:
        size: Side of the canvas in pixels: of the square for `pad` and `stretch`, the long side for
            `aspect`, the short one for `short`.
        fit: How the image lies on the canvas: `pad` (square, centred on black), `stretch` (square),
            `aspect` (the shape of the image, sides rounded to a multiple of the strides) or `short`
            (the same, the long side rounded down to a multiple of 32 as well).
        device: Where the network runs: `auto` (CUDA, then MPS, then the CPU), or a torch device.
        dtype: Precision of the network: `auto`, `float32`, `bfloat16` or `float16`. The last two
            are refused on a CPU that has no instructions for them.
        batch_size: How many canvases of one shape `forward` gets at once, at most; by default what
            the class states, which is 4 unless it does. Fewer where memory doesn't suffice.

    Attributes:
        layers: The layers that `forward` gives, in order.
        source: The name under which the features go; the name of the class in lower case by
            default.
        model, revision: Which weights the features come from, and which state of them. Where a
            class of one's own states no revision, its code stands for it.
        weights_variant: Which of the published files the weights were read from, by their
            precision: `float16` or `float32`; "" where there is one alone.
        margin: How many pixels beyond each side of the canvas `forward` gets as well, for cells
            that look past it: 0 by default. With a margin, all that surrounds the image is its
            reflection instead of black.
    """

    layers: Sequence[Layer]
    source: str = ""
    model: str = ""
    revision: str = ""
    weights_variant: str = ""
    batch_size: int = 4
    margin: int = 0

    # Settings that do not change what features are: where and how fast they are made; and by which
    # path the weights were found, since the layer says which they are.
    _incidental: ClassVar[tuple[str, ...]] = ("device", "dtype", "batch_size", "model")
    # Which of the names above a class has from its own name, and not because it states them.
    _automatic: ClassVar[frozenset[str]] = frozenset({"source", "model"})

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        automatic = {name for name in cls._automatic if name not in cls.__dict__}
        if "model" not in cls.__dict__ and {"forward", "forward_batch"} & set(cls.__dict__):
            # Another network than its parent's must not pass for it.
            automatic.add("model")
        if "source" in automatic:
            cls.source = cls.__name__.lower()
        if "model" in automatic:
            cls.model = f"{cls.__module__}:{cls.__qualname__}"
        cls._automatic = frozenset(automatic)

    def __init__(
        self,
        *,
        size: int = 512,
        fit: Fit = "aspect",
        device: str = "auto",
        dtype: Precision = "auto",
        batch_size: int | None = None,
    ) -> None:
        most = type(self).batch_size if batch_size is None else batch_size
        self.batch_size = check_int("batch_size", most, minimum=1)
        self.size = check_int("size", size, minimum=1)
        self.fit: Fit = check_choice("fit", fit, FITS)
        self.device = device
        self.dtype: Precision = check_choice("dtype", dtype, get_args(Precision))
        self.torch_device = find_device(device)
        check_dtype(dtype, self.torch_device)

    @abstractmethod
    def forward(self, pixels: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """The layers of a batch of canvases, differentiable where the network is.

        Args:
            pixels: (batch, 3, height, width), RGB in [0, 1], on `torch_device`, in `pixel_dtype`:
                the canvas, and `margin` pixels beyond each of its sides.

        Returns:
            mapping of str to torch.Tensor: Layer name to (batch, channel, rows, columns).
        """

    def forward_batch(
        self, pixels: torch.Tensor, images: Sequence[int], canvases: Sequence[Canvas]
    ) -> Mapping[str, torch.Tensor]:
        """As `forward`, which it calls, for a network that depends on which images these are.

        `images` are their places in the call, `canvases` say how each lies on its canvas: what a
        cell off the image holds doesn't matter.
        """
        return self.forward(pixels)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The precision that the network runs in."""
        return self.preferred_dtype if self.dtype == "auto" else getattr(torch, self.dtype)

    @property
    def preferred_dtype(self) -> torch.dtype:
        """The precision that `auto` stands for: float32."""
        return torch.float32

    @property
    def pixel_dtype(self) -> torch.dtype:
        """The precision that `forward` gets its pixels in: that of the network."""
        return self.torch_dtype

    @property
    def multiple(self) -> int:
        """What both sides of the canvas are a multiple of, in pixels."""
        if not getattr(self, "layers", None):
            hint = "write layers = (Layer(name, stride=...),) in the class"
            raise OptionError(f"{type(self).__name__} states no layers", hint=hint)
        return math.lcm(*(layer.stride for layer in self.layers))

    @property
    def settings(self) -> dict[str, Any]:
        """Each setting by name; a folder of weights by what it holds, as in `local-3f2a9c0d41`."""
        settings = super().settings
        if "model" in settings and self.weights_name == LOCAL:
            settings["model"] = self.revision[: len(LOCAL) + 11]
        return settings

    @property
    def weights_name(self) -> str:
        """The name of the weights that the features come from, for the record: `model`."""
        return self.model

    @property
    def recipe(self) -> Mapping[str, Mapping[str, Any]]:
        """What each layer of its feature trees will say of itself; see `Descriptor.recipe`."""
        return {
            f"{self.source}/{layer.name}": self._provenance(layer).attributes
            for layer in self.layers
        }

    def canvas(self, height: int, width: int) -> Canvas:
        """The canvas for an upright image of this height and width in pixels."""
        return Canvas.fitted(height, width, size=self.size, fit=self.fit, multiple=self.multiple)

    def working_memory(self, height: int, width: int) -> int:
        """About how many bytes one canvas of this height and width takes on `torch_device`.

        Extraction takes no more canvases at once than fit. By default those of its pixels; a
        subclass adds those of its network.
        """
        return _PER_PIXEL * height * width

    def check_size(self) -> None:
        """Raise `OptionError` if a canvas of this size does not hold whole strides.

        Extraction does; a constructor that has set `layers` may do so earlier.
        """
        if self.fit != "aspect":
            check_multiple(self.size, self.multiple)

    def _stream(self, images: Iterable[ImageLike]) -> Iterator[Features | DescrError]:
        """The features of each image or why there are none, in order.

        Images are decoded in threads beside the network, and canvases of one shape go through it
        together, as many as `batch_size` of them; no more than a few batches are held.
        """
        self.check_size()
        return self._in_batches(images)

    def _in_batches(self, images: Iterable[ImageLike]) -> Iterator[Features | DescrError]:
        ready: dict[int, Features | DescrError] = {}
        turn = 0

        def pictures() -> Iterator[tuple[int, Picture]]:
            stream = read_ahead(images, self._picture, ahead=self.batch_size)
            for place, picture in enumerate(stream):
                if isinstance(picture, DescrError):
                    ready[place] = picture
                else:
                    yield place, picture

        # Behind the last batch there may be images that can't be read.
        for batch in chain(batches(pictures(), _WINDOW * self.batch_size), ({},)):
            ready.update(self._extract_batch(batch) if batch else ())
            while turn in ready:
                yield ready.pop(turn)
                turn += 1

    def _picture(self, source: ImageLike) -> Picture:
        """What the network sees of an image, drawn if there is room for it."""
        image = read_image(source)
        canvas = self.canvas(image.height, image.width)
        height, width = canvas.y.length, canvas.x.length
        room = check_fits(
            self.working_memory(height, width),
            f"{type(self).__name__} at size={self.size} "
            f"(a canvas of {width} x {height} pixels for {image.name})",
            "lower its size (--set size=...)",
            self.torch_device,
        )
        pixels = canvas.render(image.pixels, self.margin)
        attributes = root_attributes(image, repr(self))
        return Picture(attributes, canvas, pixels, min(self.batch_size, room))

    def _extract_batch(
        self, batch: Mapping[int, Picture]
    ) -> Iterator[tuple[int, Features | DescrError]]:
        """The features of each picture by its place, or why there are none.

        Where a batch fails, each of its pictures goes alone: the others are not to blame.
        """
        try:
            layers = self._layers(batch)
        except DescrError as error:
            if len(batch) == 1:
                yield next(iter(batch)), error
                return
            for place, picture in batch.items():
                yield from self._extract_batch({place: picture})
            return
        for index, (place, picture) in enumerate(batch.items()):
            grids = {layer: layers[layer.name][index] for layer in self.layers}
            yield place, attempt(partial(self._cut, picture), grids)

    def _layers(self, batch: Mapping[int, Picture]) -> dict[str, torch.Tensor]:
        """The layers of a batch by name, float32 (batch, channel, rows, columns), checked."""
        names = ", ".join(one.attributes["image_name"] for one in batch.values())
        memory = memory_errors(f"{type(self).__name__} for {names}", self.torch_device)
        # Tensors of an inference mode, such as weights loaded in it, would know no gradients later.
        with torch.inference_mode(False), torch.no_grad(), memory:
            pictures = torch.from_numpy(np.stack([one.pixels for one in batch.values()]))
            pixels = pictures.to(self.torch_device).permute(0, 3, 1, 2)
            values = (pixels.float() / 255).to(self.pixel_dtype)
            canvases = [one.canvas for one in batch.values()]
            outputs = self.forward_batch(values, list(batch), canvases)
        shape = tuple(pixels.shape)
        return {layer.name: self._checked(outputs, layer, shape) for layer in self.layers}

    def _cut(self, picture: Picture, grids: Mapping[Layer, torch.Tensor]) -> Features:
        """The features of the cells that lie on the image."""
        canvas, layers = picture.canvas, {}
        for layer, grid in grids.items():
            rows, y = canvas.y.cells(grid.shape[1], layer.stride, layer.footprint)
            columns, x = canvas.x.cells(grid.shape[2], layer.stride, layer.footprint)
            canvas.check_covered(len(y), len(x), picture.attributes["image_name"])
            cells = grid[:, rows, columns].contiguous()
            own = LayerFeatures(cells, Grid(y, x), self._provenance(layer).attributes)
            layers[own.path] = own
        return Features(picture.attributes, layers)

    def _provenance(self, layer: Layer) -> Provenance:
        """What a layer's group says of itself."""
        self.check_settings_kept()
        code = "" if self.revision else code_digest(self)
        return Provenance(
            source=self.source,
            layer=layer.name,
            model=self.weights_name,
            revision=f"code-{code[:12]}" if code else self.revision,
            settings={
                key: value for key, value in self.settings.items() if key not in self._incidental
            },
            components=layer.components,
            resampling=layer.resampling,
            precision=str(self.torch_dtype).removeprefix("torch."),
            weights_variant=self.weights_variant,
        )

    def _checked(
        self, outputs: Mapping[str, torch.Tensor], layer: Layer, canvas: tuple[int, ...]
    ) -> torch.Tensor:
        """One layer of `forward`'s answer as float32; an error if it isn't as stated."""
        name = f"{type(self).__name__}.forward"
        grid = outputs.get(layer.name) if isinstance(outputs, Mapping) else None
        if not isinstance(grid, torch.Tensor):
            kind = type(outputs if grid is None else grid).__name__
            if isinstance(outputs, Mapping):
                kind += f" of {', '.join(map(str, outputs)) or 'nothing'}"
            raise InvalidFeaturesError(
                f"{name} gave a {kind}, expected a mapping of layer name to tensor",
                hint=f"write return {{{layer.name!r}: features}}",
            )
        batch, (height, width) = canvas[0], (side - 2 * self.margin for side in canvas[2:])
        rows, columns = layer.count(height), layer.count(width)
        if grid.ndim != 4 or (grid.shape[0], *grid.shape[2:]) != (batch, rows, columns):
            raise InvalidFeaturesError(
                f"{name} gave {layer.name!r} of shape {tuple(grid.shape)}, expected "
                f"({batch}, channels, {rows}, {columns}) on a canvas of {height} x {width} "
                f"with stride {layer.stride}"
            )
        values = grid.detach().to(torch.float32)
        if not bool(values.isfinite().all()):
            fault = f"{name} gave {layer.name!r} with NaN or infinite values"
            raise InvalidFeaturesError(fault, hint="try dtype=float32")
        return values
