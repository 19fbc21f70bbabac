"""Time and memory of extraction on full-size models with random weights, and what was promised.

    python benchmarks/extraction.py [sd] [windows] [dinov2] [loading] [combine] [fused] [show]

The models have the sizes of Stable Diffusion 1.5 and DINOv2 ViT-B/14; their weights are drawn, and
written to a temporary folder first (6 GB). The floors are the networks called directly, in the
same precision, on pixels that are there already; they take turns with extraction, which also
reads the image, makes the canvas and labels the features. Each case runs in processes of its own.
Ends with exit code 1 where a promise is broken.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import bare
import full_size
import measure
import PIL.Image
import torch
from descr.cli.main import run as run_command
from descr.descriptors import Fused, combine
from descr.descriptors.backbone import Backbone
from descr.descriptors.models.diffusion.latent import encoder_activations
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from descr.descriptors.models.diffusion.windows import cut_windows
from descr.descriptors.models.vit.dinov2 import DINOv2
from descr.descriptors.runtime.memory import fitting
from descr.descriptors.runtime.precision import computes_natively
from descr.descriptors.testing import render_picture
from rich.console import Console
from rich.table import Table

PICTURE = (750, 1000)
Row = tuple[str, float, str, float]
"""What was measured, the number, its unit, and the most that was promised."""


def time_sd(folder: Path, options: argparse.Namespace) -> list[Row]:
    """Extraction of the recipe `sd` against the VAE and the U-Net, cut after the last layer.

    The bare networks run on as many windows of as many pixels, in the same batches.
    """
    model = full_size.stable_diffusion(folder, torch.float32)
    describe = StableDiffusion(model=str(model), size=options.sd_size, dtype="float32")
    picture = render_picture(*PICTURE)
    windows = cut_windows(options.sd_size, options.sd_size, describe.window)
    pixels = windows[0].height * windows[0].width
    item = encoder_activations(describe.vae_config, pixels, torch.float32, describe.torch_device)
    work = {
        "ours": lambda: describe.extract([picture]),
        "bare": bare.stable_diffusion(
            model,
            windows[0].height,
            torch.float32,
            windows=len(windows),
            encoded_at_once=fitting(item, describe.torch_device),
        ),
    }
    taken = measure.seconds(work, rounds=options.rounds)
    return [
        (
            f"sd at {options.sd_size}, float32: {taken['ours']:.1f} s, the bare networks "
            f"{taken['bare']:.1f} s",
            taken["ours"] / taken["bare"],
            "x",
            1.05,
        )
    ]


def memory_of_windows(folder: Path, options: argparse.Namespace) -> list[Row]:
    """The most memory that windows take above the weights, to that of one pass."""
    full_size.stable_diffusion(folder, torch.float32)
    peaks = {}
    for window in ("512", "None"):
        found = _in_a_process("pass", str(options.sd_size), window, "--folder", str(folder))
        peaks[window] = found["peak"] - found["weights"]
    return [
        (
            f"sd at {options.sd_size} above its weights: {peaks['512'] / 1e9:.2f} GB in windows, "
            f"{peaks['None'] / 1e9:.2f} GB in one pass",
            peaks["512"] / peaks["None"],
            "x",
            1.0,
        )
    ]


def time_dinov2(folder: Path, options: argparse.Namespace) -> list[Row]:
    """Extraction of the recipe `dinov2` against the model of transformers."""
    model = full_size.dinov2(folder, "base")
    describe = DINOv2(model=str(model), size=options.dinov2_size, dtype="float32")
    picture = render_picture(*PICTURE)
    work = {
        "ours": lambda: describe.extract([picture]),
        "bare": bare.dinov2(model, options.dinov2_size, torch.float32),
    }
    taken = measure.seconds(work, rounds=options.rounds)
    return [
        (
            f"dinov2 at {options.dinov2_size}, float32: {taken['ours']:.2f} s, the bare model "
            f"{taken['bare']:.2f} s",
            taken["ours"] / taken["bare"],
            "x",
            1.05,
        )
    ]


def time_combine(folder: Path, options: argparse.Namespace) -> list[Row]:
    """The joint PCA and the fusion of two images' trees of the sizes of the recipe `fused`."""
    trees = [_tree(seed) for seed in (0, 1)]
    taken = measure.seconds({"combine": lambda: combine(trees)}, rounds=options.rounds)
    return [("combine of two trees of SD and DINOv2, 3600 cells", taken["combine"], "s", 1.0)]


def memory_of_loading(folder: Path, options: argparse.Namespace) -> list[Row]:
    """The most memory that loading takes, to that of the weights in use."""
    rows: list[Row] = []
    for kind, stored, used in (
        ("sd", "float32", "float32"),
        ("sd", "float32", "bfloat16"),
        ("sd", "float16", "float16"),
        ("sd", "float16", "float32"),
        ("dinov2", "float32", "float32"),
        ("dinov2", "float32", "bfloat16"),
    ):
        if not computes_natively(getattr(torch, used)):
            continue
        found = _in_a_process("load", kind, stored, used, "--folder", str(folder))
        rows.append(
            (
                f"loading {kind} in {used} from files in {stored}: weights of "
                f"{found['weights'] / 1e6:.0f} MB",
                found["peak"] / found["weights"],
                "x",
                1.2,
            )
        )
    return rows


def memory_of_fused(folder: Path, options: argparse.Namespace) -> list[Row]:
    """The most memory that extraction of two images takes above the weights, in float32."""
    full_size.stable_diffusion(folder, torch.float16), full_size.dinov2(folder, "base")
    found = _in_a_process(
        "extract", str(options.sd_size), str(options.dinov2_size), "--folder", str(folder)
    )
    return [
        (
            f"fused on two images, float32: {found['seconds']:.0f} s, above weights of "
            f"{found['weights'] / 1e9:.2f} GB",
            (found["peak"] - found["weights"]) / 1e9,
            "GB",
            2.5,
        )
    ]


def memory_of_show(folder: Path, options: argparse.Namespace) -> list[Row]:
    """The most memory that `descr show` of many images takes, to that of a fifth of them."""
    for seed in range(150):
        PIL.Image.fromarray(render_picture(300, 450, seed=seed)).save(folder / f"{seed}.png")
    few, many = (
        _in_a_process("show", count, "--folder", str(folder))["peak"] for count in ("30", "150")
    )
    name = f"show of 150 small images: {many / 1e9:.2f} GB, of 30: {few / 1e9:.2f} GB"
    return [(name, many / few, "x", 1.5)]


CASES: dict[str, Callable[[Path, argparse.Namespace], list[Row]]] = {
    "sd": time_sd,
    "windows": memory_of_windows,
    "dinov2": time_dinov2,
    "combine": time_combine,
    "loading": memory_of_loading,
    "fused": memory_of_fused,
    "show": memory_of_show,
}


def load(folder: Path, kind: str, stored: str, used: str) -> dict[str, float]:
    """Load one model, in this process, and say how many bytes that took."""
    precision = getattr(torch, stored)
    if kind == "sd":
        model = full_size.stable_diffusion(folder, precision)
        describe: Backbone = StableDiffusion(model=str(model), device="cpu", dtype=used)  # type: ignore[arg-type]
    else:
        model = full_size.dinov2(folder, "base", precision)
        describe = DINOv2(model=str(model), device="cpu", dtype=used)  # type: ignore[arg-type]
    _import_libraries()
    networks: list[Any] = []

    def run() -> None:
        if isinstance(describe, StableDiffusion):
            assert describe.conditioning is not None
            networks.extend([describe.vae, describe.unet])
        elif isinstance(describe, DINOv2):
            networks.append(describe.network)

    peak = measure.peak_memory(run)
    return {"peak": peak, "weights": _bytes(networks)}


def extract(folder: Path, sd_size: str, dinov2_size: str) -> dict[str, float]:
    """Extract two images with both networks, in this process; bytes and seconds."""
    sd = StableDiffusion(
        model=str(full_size.stable_diffusion(folder, torch.float16)),
        size=int(sd_size),
        device="cpu",
        dtype="float32",
    )
    dino = DINOv2(
        model=str(full_size.dinov2(folder, "base")),
        size=int(dinov2_size),
        device="cpu",
        dtype="float32",
    )
    pictures = [render_picture(*PICTURE, seed=seed) for seed in (0, 1)]
    _import_libraries()
    seconds: list[float] = []

    def run() -> None:
        once = {"run": lambda: Fused(sd, dino).extract(pictures)}
        seconds.append(measure.seconds(once, rounds=1, warm=False)["run"])

    peak = measure.peak_memory(run)
    return {"peak": peak, "weights": _bytes([sd.vae, sd.unet, dino.network]), "seconds": seconds[0]}


def extract_sd(folder: Path, size: str, window: str) -> dict[str, float]:
    """Extract one image with Stable Diffusion, in this process; bytes."""
    sd = StableDiffusion(
        model=str(full_size.stable_diffusion(folder, torch.float32)),
        size=int(size),
        window=None if window == "None" else int(window),
        device="cpu",
        dtype="float32",
    )
    picture = render_picture(*PICTURE)
    _import_libraries()
    peak = measure.peak_memory(lambda: sd.extract([picture]))
    return {"peak": peak, "weights": _bytes([sd.vae, sd.unet])}


def show(folder: Path, count: str) -> dict[str, float]:
    """Draw the joint components of so many pictures with SIFT, in this process; bytes."""
    pictures = [str(folder / f"{seed}.png") for seed in range(int(count))]
    command = ["show", *pictures, "--descriptor", "sift", "-o", str(folder / "show.png"), "--json"]
    with redirect_stdout(StringIO()):
        return {"peak": measure.peak_memory(lambda: run_command([*command, "--width", "400"]))}


def _import_libraries() -> None:
    """Import what extraction imports, so that only weights and activations are counted."""
    from descr.descriptors.runtime.quiet import quiet

    with quiet():
        from diffusers import AutoencoderKL, UNet2DConditionModel  # noqa: F401
        from transformers import (  # noqa: F401
            CLIPTextModel,
            CLIPTokenizer,
            Dinov2Model,
            Dinov2WithRegistersModel,
        )


def _bytes(networks: list[Any]) -> int:
    return sum(weight.nbytes for network in networks for weight in network.parameters())


def _tree(seed: int) -> Any:
    """A tree of random features of the sizes that the recipe `fused` gives for a square image."""
    from descr.descriptors.features.tree import LayerFeatures, build_tree
    from descr.descriptors.image.reading import Image

    generator = torch.Generator().manual_seed(seed)
    layers = []
    for source, layer, channels, cells, components in (
        ("stable_diffusion", "decoder_2", 1280, 15, 256),
        ("stable_diffusion", "decoder_5", 1280, 30, 256),
        ("stable_diffusion", "decoder_8", 640, 60, 256),
        ("dinov2", "token", 768, 60, None),
    ):
        features = torch.randn(channels, cells, cells, generator=generator).numpy()
        centres = (torch.arange(cells, dtype=torch.float64).numpy() + 0.5) * 960 / cells - 0.5
        layers.append(
            LayerFeatures(
                source=source,
                layer=layer,
                features=features,
                y=centres,
                x=centres,
                model="random",
                revision="1",
                settings={},
                components=components,
            )
        )
    image = Image(render_picture(960, 960, seed=seed), f"{seed}.png")
    return build_tree(image, "random", layers)


def _in_a_process(*arguments: str) -> dict[str, float]:
    """What this script prints with these arguments in a process of its own."""
    command = [sys.executable, __file__, "--one", *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> int:
    """Run the cases, print the table, and say whether the promises were kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--rounds", type=int, default=2, help="times that each is timed")
    parser.add_argument("--sd-size", type=int, default=960, help="canvas of Stable Diffusion")
    parser.add_argument("--dinov2-size", type=int, default=840, help="canvas of DINOv2")
    parser.add_argument("--folder", type=Path, help="where the models are kept, to use them again")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        work, *arguments = options.cases
        run = {"load": load, "extract": extract, "pass": extract_sd, "show": show}[work]
        print(json.dumps(run(options.folder, *arguments)))
        return 0

    table = Table("extraction", "measured", "at most", "promise")
    kept = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        for case in options.cases or CASES:
            for title, value, unit, most in CASES[case](folder, options):
                holds = value <= most
                kept &= holds
                table.add_row(
                    title, f"{value:.2f} {unit}", f"{most:.2f}", "kept" if holds else "BROKEN"
                )
    Console(width=120).print(table)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
