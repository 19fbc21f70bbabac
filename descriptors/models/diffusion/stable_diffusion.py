"""Stable Diffusion features as a descriptor."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, get_args

import numpy.typing as npt
import torch

from ...backbone import Backbone, Precision
from ...errors import DescrError, OptionError
from ...features.tensors import Features
from ...image.canvas import Canvas, Fit, check_multiple
from ...image.reading import ImageLike
from ...layer import Layer, Resampling
from ...runtime.memory import in_batches
from ...settings import check_choice, check_int
from ...weights import find_weights
from ...weights.configs import read_config
from ..network import Network
from .captioner import Captioner
from .free_u import check_free_u, find_stages
from .latent import encode_posterior, encoder_activations, encoder_dtype, load_encoder
from .noise import Noise, check_noise, draw_noise, signal_and_noise
from .places import choose_places, find_places
from .prompt import Conditioning, encode_prompt
from .unet import decoder_states, load_unet, unet_activations
from .windows import Crops, cut_windows

Latent = Literal["mean", "sample"]
VARIANTS = ("float32", "float16")

_LARGEST_SEED = 2**63 - 1
_LARGEST_ENSEMBLE = 1000


class StableDiffusion(Network):
    """States of Stable Diffusion's denoiser in one step on a real image.

    The latent of each window of the canvas gets the noise of one timestep, and the U-Net runs on it
    once, up to the last layer asked for; where windows overlap, their states are averaged (Zhang
    et al., "A Tale of Two Features", NeurIPS 2023, whose settings are the defaults; without windows
    Tang et al., "Emergent Correspondence from Image Diffusion", NeurIPS 2023). Works on Stable
    Diffusion 1.x, 2.x and XL. Features do not depend on the batch or on the other images of a call.

    Args:
        model: `sd-1.5`, `sd-2.1`, `sdxl`, ...; or the path of a diffusers pipeline folder with
            safetensors.
        variant: Which published files of the weights go first, `float32` or `float16`, where both
            are there; by default those of half precision.
        size, fit: The canvas, as in `Backbone`; a multiple of 64 pixels for most models.
        window: Side of the squares, in pixels, that the networks see one by one: a multiple of
            those of the layers. They start every `window` pixels, and the last of a row or column
            ends at the border. On a canvas with a shorter side they are as large as that. None for
            one pass over the whole canvas.
        timestep: How noisy the latent is, from 0 to 999 for most models.
        layers: Which states, in the order that the tree has them: `decoder_1` to `decoder_11` (the
            state that enters an output block of the latent-diffusion decoder) and `up_0` to `up_3`
            (the output of one of diffusers' up blocks). Models of fewer levels have fewer.
        prompt: What the denoiser is told to see; empty by default.
        captioner: `odise`, or a folder: the implicit captioner of "A Tale of Two Features", which
            reads off each window what the denoiser is told where the prompt is empty, and shifts
            the embedding of the timestep also where it is not. None for no captioner.
        captioner_antialias: Whether windows are smoothed before the captioner's size is sampled
            from them. The libraries of the time, that the published numbers were made with, didn't.
        free_u: The factors b1, b2, s1, s2 of FreeU (Si et al., CVPR 2024): GeoAware-SC's are 1.2,
            1.4, 0.9, 0.2. The states given are those after b1 and b2, as in its code. None for no
            change.
        latent: `mean` of the posterior of the VAE; or `sample`, one draw for each member of the
            ensemble, as in DIFT's code.
        ensemble: Over how many samples of noise the features are averaged.
        seed: Of the noise. Each window of each image gets the same.
        noise: `resized`, drawn at 64 x 64 and resized bicubically where the latent of a window has
            another size, as in the original of "A Tale of Two Features"; `gaussian`, drawn at the
            size of the latent; or an array (images, channels, rows, columns) of the size of a
            window's latent, with a second axis for the members of an ensemble above 1, for each
            image or one for all.
        components: To how many principal components `combine` reduces each layer; None for as it
            is.
        resampling: How `combine` brings the layers to one grid, as in `Layer`.
        device, dtype, batch_size: As in `Backbone`. `auto` precision is float16 on GPUs, where an
            encoder that overflows in it runs in float32, and float32 on the CPU.

    Raises:
        WeightsNotFoundError: The weights are not on this machine, or the folder is not one of
            Stable Diffusion.
        OptionError: An option is out of range, or the model doesn't have a layer.
    """

    source = "stable_diffusion"
    _incidental = (*Backbone._incidental, "variant", "components", "resampling")

    def __init__(
        self,
        *,
        model: str = "sd-1.5",
        variant: str | None = None,
        size: int = 960,
        fit: Fit = "pad",
        window: int | None = 512,
        timestep: int = 100,
        layers: str | Sequence[str] = ("decoder_2", "decoder_5", "decoder_8"),
        prompt: str = "",
        captioner: str | None = None,
        captioner_antialias: bool = True,
        free_u: Sequence[float] | None = None,
        latent: Latent = "mean",
        ensemble: int = 1,
        seed: int = 42,
        noise: Noise | npt.ArrayLike = "resized",
        components: int | None = 256,
        resampling: Resampling = "cascade",
        device: str = "auto",
        dtype: Precision = "auto",
        batch_size: int | None = None,
    ) -> None:
        super().__init__(size=size, fit=fit, device=device, dtype=dtype, batch_size=batch_size)
        if variant is not None:
            check_choice("variant", variant, VARIANTS)
        self.take_weights(model, "stable_diffusion", variant)
        self.variant = variant
        folder = self.checkpoint.folder
        self.unet_config = read_config(folder / "unet" / "config.json", "UNet2DConditionModel")
        self.vae_config = read_config(folder / "vae" / "config.json", "AutoencoderKL")
        self.schedule = read_config(folder / "scheduler" / "scheduler_config.json", "DDPMScheduler")
        steps = self.schedule.get("num_train_timesteps", 1000)
        self.timestep = check_int("timestep", timestep, minimum=0, maximum=steps - 1)
        if not isinstance(prompt, str):
            raise OptionError(f"prompt must be text, not {prompt!r}")
        self.prompt = prompt
        if captioner is not None and (not isinstance(captioner, str) or not captioner):
            raise OptionError(
                f"captioner must be a name or the path of a folder, not {captioner!r}",
                hint="the published one is odise",
            )
        self.captioner = captioner
        antialias = check_choice("captioner_antialias", captioner_antialias, (True, False))
        self.captioner_antialias = antialias
        self.free_u = check_free_u(free_u)
        self.stages = find_stages(self.free_u, self.unet_config)
        self.latent: Latent = check_choice("latent", latent, get_args(Latent))
        self.ensemble = check_int("ensemble", ensemble, minimum=1, maximum=_LARGEST_ENSEMBLE)
        self.seed = check_int("seed", seed, minimum=0, maximum=_LARGEST_SEED)
        self.noise = check_noise(noise, self.ensemble)
        self.components = (
            None if components is None else check_int("components", components, minimum=1)
        )
        self.resampling: Resampling = resampling
        # Canvas pixels per cell of the latent.
        self.factor = int(2 ** (len(self.vae_config["block_out_channels"]) - 1))
        self.places = choose_places(layers, find_places(self.unet_config, self.factor))
        self.layers = [
            Layer(name, place.stride, components=self.components, resampling=resampling)
            for name, place in self.places.items()
        ]
        self.check_size()
        self.window = None if window is None else check_int("window", window, minimum=self.multiple)
        if window is not None:
            check_multiple(window, self.multiple, "window")
        self.image_captioner = None
        if captioner is not None:
            weights = find_weights(captioner, "captioner")
            self.image_captioner = Captioner(
                weights, self.unet_config, antialias=antialias, device=self.torch_device
            )
            self.revision = f"{self.revision}+{weights.revision}"

    @property
    def settings(self) -> dict[str, Any]:
        """Each setting by name; layers by their names, and an array of noise by its digest.

        A captioner of a folder is `local`: the revision says which. Without one, how it would see
        the image is as by default.
        """
        settings = {**super().settings, "layers": list(self.places)}
        if self.image_captioner is not None:
            settings["captioner"] = self.image_captioner.checkpoint.name
        elif "captioner_antialias" in settings:
            settings["captioner_antialias"] = True
        if not isinstance(self.noise, str):
            settings["noise"] = f"sha256:{hashlib.sha256(self.noise.tobytes()).hexdigest()}"
        return settings

    @property
    def multiple(self) -> int:
        """Canvas pixels per cell of the U-Net's coarsest level: all levels hold whole cells.

        With fit `short`, those of the layers alone, as in the evaluation of DIFT on DAVIS.
        """
        if self.fit == "short":
            return math.lcm(self.factor, *(place.stride for place in self.places.values()))
        return int(self.factor * 2 ** (len(self.unet_config["up_block_types"]) - 1))

    @cached_property
    @torch.inference_mode(False)
    def conditioning(self) -> Conditioning:
        """The prompt as the U-Net reads it; the text encoders are let go once it is there."""
        conditioning = encode_prompt(self.checkpoint, self.prompt)
        return conditioning.to(self.torch_device, self.torch_dtype)

    @cached_property
    @torch.inference_mode(False)
    def vae(self) -> Any:
        """The `AutoencoderKL` of diffusers without its decoder; loaded when it is first needed."""
        dtype, device = self._vae_dtype, self.torch_device
        return load_encoder(self.checkpoint, self.vae_config, dtype=dtype, device=device)

    @cached_property
    @torch.inference_mode(False)
    def unet(self) -> Any:
        """The U-Net of diffusers up to the last layer; loaded when it is first needed."""
        last, dtype, device = max(self.places.values()), self.torch_dtype, self.torch_device
        return load_unet(self.checkpoint, self.unet_config, last=last, dtype=dtype, device=device)

    def _stream(self, images: Iterable[ImageLike]) -> Iterator[Features | DescrError]:
        # An array of noise is for one image, or has some for each.
        if not isinstance(self.noise, str) and len(self.noise) > 1:
            images = list(images)
            if len(self.noise) != len(images):
                raise OptionError(f"noise is for {len(self.noise)} images, not for {len(images)}")
        return super()._stream(images)

    def forward(self, pixels: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """The layers by name; an array of noise is taken from its beginning."""
        return self.forward_batch(pixels, range(len(pixels)))

    def forward_batch(
        self,
        pixels: torch.Tensor,
        images: Sequence[int],
        canvases: Sequence[Canvas] | None = None,
    ) -> Mapping[str, torch.Tensor]:
        """The layers, averaged over windows and ensemble, float32: (batch, channel, rows, columns).

        Cells off the image may hold anything where `canvases` say how the images lie.
        """
        crops = Crops(pixels, self.window, canvases)
        mean, deviation = self.posterior(crops.pixels, crops)
        noisy = self.noisy(mean, [images[canvas] for canvas, _ in crops.places], deviation)
        conditioning = self.conditioning
        if self.image_captioner is not None:
            captioner, prompted = self.image_captioner, bool(self.prompt)
            conditioning = captioner(crops.pixels, conditioning, prompted=prompted)
            conditioning = conditioning.to(self.torch_device, self.torch_dtype)
        owners = torch.arange(len(mean), device=pixels.device).repeat_interleave(self.ensemble)
        height, width = crops.pixels.shape[2:]

        def run(part: slice) -> dict[str, torch.Tensor]:
            latents, own = noisy[part].to(self.torch_dtype), conditioning.of(owners[part])
            step, canvas = self.timestep, (height, width)
            return decoder_states(self.unet, latents, step, own, self.places, canvas, self.stages)

        item = unet_activations(self.unet_config, noisy.shape[2:].numel(), self.torch_dtype)
        return crops.averaged(run, item, self.ensemble, self.places)

    def working_memory(self, height: int, width: int) -> int:
        """See `Backbone.working_memory`: the encoder's or the U-Net's; weights do not count."""
        window = cut_windows(height, width, self.window)[0]
        pixels = window.height * window.width
        latent = pixels // self.factor**2
        encoder = encoder_activations(self.vae_config, pixels, self._vae_dtype, self.torch_device)
        unet = unet_activations(self.unet_config, latent, self.torch_dtype)
        # Each member of the ensemble has noise and latents of 4 channels in float32, twice each.
        noise = 64 * self.ensemble * height * width // self.factor**2
        return super().working_memory(height, width) + max(encoder, unet + noise)

    def latents(self, pixels: torch.Tensor) -> torch.Tensor:
        """Latents (batch, channel, rows, columns) of pictures: posterior means, scaled, float32."""
        return self.posterior(pixels)[0]

    def posterior(
        self, pixels: torch.Tensor, crops: Crops | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of the latents of pictures, which `crops` may have cut."""
        crops = crops or Crops(pixels, None)
        area, dtype, count = pixels.shape[2:].numel(), self._vae_dtype, len(pixels)
        item = encoder_activations(self.vae_config, area, dtype, self.torch_device)
        at_once = crops.at_once(item)
        parts = in_batches(lambda part: encode_posterior(self.vae, pixels[part]), count, at_once)
        means, deviations = zip(*(one for _, one in parts), strict=True)
        return torch.cat(means), torch.cat(deviations)

    def noisy(
        self, latents: torch.Tensor, images: Sequence[int], deviation: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Latents with the noise of the timestep: (batch * ensemble, channel, rows, columns).

        The members of a latent follow each other. `images` are the places of their images in the
        call, which index an array of noise; `deviation` is for draws around the mean.
        """
        shape = (latents.shape[1], latents.shape[2], latents.shape[3])
        if isinstance(self.noise, str):
            noise = draw_noise(self.noise, self.ensemble, shape, self.seed)[None]
        elif (own := self.noise.shape[2:]) != shape:
            fault = f"noise has (channels, rows, columns) = {own}"
            raise OptionError(f"{fault}, the latents of these images {shape}")
        else:
            places = [image if len(self.noise) > 1 else 0 for image in images]
            noise = torch.from_numpy(self.noise[places])
        members = latents[:, None]
        if self.latent == "sample" and deviation is not None:
            # Of another seed than the noise, which the draws would equal otherwise.
            draws = draw_noise("gaussian", self.ensemble, shape, self.seed + 1)
            members = members + deviation[:, None] * draws.to(latents.device)
        signal, amount = signal_and_noise(self.schedule, self.timestep)
        noisy = signal * members + amount * noise.to(latents.device)
        return noisy.expand(-1, self.ensemble, -1, -1, -1).flatten(0, 1)

    @property
    def _vae_dtype(self) -> torch.dtype:
        return encoder_dtype(self.vae_config, self.torch_dtype)
