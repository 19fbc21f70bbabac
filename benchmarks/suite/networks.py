"""Time and memory of full-size networks with random weights, against the bare networks.

Of the sizes of Stable Diffusion 1.5 and DINOv2 ViT-B/14: 6 GB of weights are written first. The
floors are the networks called directly, in the same precision, on pixels that are there already;
extraction also reads the image, makes the canvas and labels the features. Memory is measured in
processes of their own, on the CPU.
"""

from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import PIL.Image
import torch
from descr.cli.main import run as run_command
from descr.descriptors import DINOv2, Fused, StableDiffusion
from descr.descriptors.backbone import Backbone
from descr.descriptors.models.diffusion.latent import encoder_activations
from descr.descriptors.models.diffusion.windows import cut_windows
from descr.descriptors.runtime.devices import computes_natively
from descr.descriptors.runtime.memory import fitting
from descr.descriptors.runtime.quiet import quiet
from descr.descriptors.testing import render_picture

from .. import full_size
from ..bench import Bench, in_a_process, peak_memory
from ..results import Row, at_most, to_floor

PICTURE = (750, 1000)
MEGA, GIGA = 1e6, 1e9
LOADING = (
    ("sd", "float32", "float32"),
    ("sd", "float32", "bfloat16"),
    ("sd", "float16", "float16"),
    ("sd", "float16", "float32"),
    ("dinov2", "float32", "float32"),
    ("dinov2", "float32", "bfloat16"),
)
"""Model, the precision of its files, and that of its weights in use."""


def run(
    bench: Bench, *, only: str = "", rounds: int = 2, sd_size: int = 960, dinov2_size: int = 840
) -> Iterator[Row]:
    """A row for each case; `only` names some of CASES, with commas."""
    for name in only.split(",") if only else CASES:
        yield from CASES[name](bench, rounds, sd_size, dinov2_size)


def time_sd(bench: Bench, rounds: int, sd_size: int, dinov2_size: int) -> Iterator[Row]:
    """Extraction by the recipe `sd` against the VAE and the U-Net, cut after the last layer.

    The bare networks run on as many windows of as many pixels, in the same batches.
    """
    model = full_size.stable_diffusion(bench.folder, torch.float32)
    describe = StableDiffusion(model=str(model), size=sd_size, dtype="float32", device=bench.device)
    picture = render_picture(*PICTURE)
    windows = cut_windows(sd_size, sd_size, describe.window)
    pixels = windows[0].height * windows[0].width
    item = encoder_activations(describe.vae_config, pixels, torch.float32, describe.torch_device)
    bare = full_size.bare_stable_diffusion(
        model,
        windows[0].height,
        windows=len(windows),
        encoded_at_once=fitting(item, describe.torch_device),
        device=bench.device,
    )
    work = {"value": lambda: describe.extract([picture]), "floor": bare}
    yield to_floor(f"sd at {sd_size}, float32", bench.race(work, rounds=rounds), most=1.05)


def time_dinov2(bench: Bench, rounds: int, sd_size: int, dinov2_size: int) -> Iterator[Row]:
    """Extraction by the recipe `dinov2` against the model of transformers."""
    model = full_size.dinov2(bench.folder, "base")
    describe = DINOv2(model=str(model), size=dinov2_size, dtype="float32", device=bench.device)
    picture = render_picture(*PICTURE)
    network = full_size.bare_dinov2(model, device=bench.device)
    pixels = torch.randn(1, 3, dinov2_size, dinov2_size, device=bench.device)
    work = {"value": lambda: describe.extract([picture]), "floor": lambda: network(pixels)}
    yield to_floor(f"dinov2 at {dinov2_size}, float32", bench.race(work, rounds=rounds), most=1.05)


def memory_of_windows(bench: Bench, rounds: int, sd_size: int, dinov2_size: int) -> Iterator[Row]:
    """The most memory that windows take above the weights, to that of one pass."""
    model = full_size.stable_diffusion(bench.folder, torch.float32)
    windows, whole = (in_a_process(extract_sd, model, sd_size, window) for window in (512, None))
    yield at_most(
        f"memory of sd at {sd_size} in windows",
        "to that of one pass",
        windows / whole,
        1.0,
        **{"GB": windows / GIGA, "GB in one pass": whole / GIGA},
    )


def memory_of_loading(bench: Bench, rounds: int, sd_size: int, dinov2_size: int) -> Iterator[Row]:
    """The most memory that loading takes, to that of the weights in use."""
    for kind, stored, used in LOADING:
        if not computes_natively(getattr(torch, used)):
            bench.skip(f"loading {kind} in {used}", "this processor has no instructions for it")
            continue
        peak, weights = in_a_process(load, bench.folder, kind, stored, used)
        yield at_most(
            f"memory of loading {kind} in {used} from files in {stored}",
            "to the weights",
            peak / weights,
            1.2,
            MB=weights / MEGA,
        )


def memory_of_fused(bench: Bench, rounds: int, sd_size: int, dinov2_size: int) -> Iterator[Row]:
    """The most memory that extraction of two images takes above the weights, in float32."""
    sd, dinov2 = (
        full_size.stable_diffusion(bench.folder, torch.float16),
        full_size.dinov2(bench.folder, "base"),
    )
    above, weights = in_a_process(extract_both, sd, sd_size, dinov2, dinov2_size)
    title = "GB above the weights"
    yield at_most("memory of fused on two images", title, above, 2.5, **{"GB of weights": weights})


def memory_of_show(bench: Bench, rounds: int, sd_size: int, dinov2_size: int) -> Iterator[Row]:
    """The most memory that `descr show` of many images takes, to that of a fifth of them."""
    for seed in range(150):
        PIL.Image.fromarray(render_picture(300, 450, seed=seed)).save(bench.folder / f"{seed}.png")
    few, many = (in_a_process(show, bench.folder, count) for count in (30, 150))
    yield at_most(
        "memory of show of 150 small images",
        "to that of 30",
        many / few,
        1.5,
        GB=many / GIGA,
    )


CASES = {
    "sd": time_sd,
    "dinov2": time_dinov2,
    "windows": memory_of_windows,
    "loading": memory_of_loading,
    "fused": memory_of_fused,
    "show": memory_of_show,
}


def load(folder: Path, kind: str, stored: str, used: Any) -> tuple[int, int]:
    """Load one model in this process: the bytes at most, and those of the weights."""
    precision = getattr(torch, stored)
    if kind == "sd":
        model = full_size.stable_diffusion(folder, precision)
        describe: Backbone = StableDiffusion(model=str(model), device="cpu", dtype=used)
    else:
        model = full_size.dinov2(folder, "base", precision)
        describe = DINOv2(model=str(model), device="cpu", dtype=used)
    import_libraries()
    networks: list[Any] = []

    def work() -> None:
        if isinstance(describe, StableDiffusion):
            assert describe.conditioning is not None
            networks.extend([describe.vae, describe.unet])
        elif isinstance(describe, DINOv2):
            networks.append(describe.network)

    return peak_memory(work), bytes_of(networks)


def extract_both(sd: Path, sd_size: int, dinov2: Path, dinov2_size: int) -> tuple[float, float]:
    """Extract two images in this process: GB above the weights, and GB of the weights."""
    parts = (
        StableDiffusion(model=str(sd), size=sd_size, device="cpu", dtype="float32"),
        DINOv2(model=str(dinov2), size=dinov2_size, device="cpu", dtype="float32"),
    )
    pictures = [render_picture(*PICTURE, seed=seed) for seed in (0, 1)]
    import_libraries()
    peak = peak_memory(lambda: Fused(*parts).extract(pictures))
    weights = bytes_of([parts[0].vae, parts[0].unet, parts[1].network])
    return (peak - weights) / GIGA, weights / GIGA


def extract_sd(model: Path, size: int, window: int | None) -> int:
    """Extract one image with Stable Diffusion in this process: the bytes above the weights."""
    sd = StableDiffusion(model=str(model), size=size, window=window, device="cpu", dtype="float32")
    picture = render_picture(*PICTURE)
    import_libraries()
    peak = peak_memory(lambda: sd.extract([picture]))
    return peak - bytes_of([sd.vae, sd.unet])


def show(folder: Path, count: int) -> int:
    """Draw the joint components of so many pictures with SIFT, in this process: the bytes."""
    pictures = [str(folder / f"{seed}.png") for seed in range(count)]
    command = ["show", *pictures, "--descriptor", "sift", "-o", str(folder / "show.png"), "--json"]
    with redirect_stdout(StringIO()):
        return peak_memory(lambda: run_command([*command, "--width", "400"]))


def import_libraries() -> None:
    """Import what extraction imports, so that only weights and activations are counted."""
    with quiet():
        from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: F401
        from transformers import (  # noqa: F401
            CLIPTextModel,
            CLIPTokenizer,
            Dinov2Model,
            Dinov2WithRegistersModel,
        )


def bytes_of(networks: list[Any]) -> int:
    """The bytes of the weights of networks."""
    return sum(weight.nbytes for network in networks for weight in network.parameters())
