"""The same image, settings and weights give the same features, whatever they are computed on."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from descr.descriptors import SIFT, Descriptor
from descr.descriptors.features.tree import tree_layers
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from descr.descriptors.models.vit.dinov2 import DINOv2
from support.models import DINOV2, IMAGES, STABLE_DIFFUSION

TOLERANCE = 1e-5
"""In cosine distance: hundreds of roundings of float32, a hundredth of one of bfloat16."""


def descriptors() -> list[Descriptor]:
    return [
        SIFT(size=128),
        DINOv2(model=str(DINOV2), size=112, device="cpu", dtype="float32"),
        StableDiffusion(model=str(STABLE_DIFFUSION), size=128, device="cpu", dtype="float32"),
    ]


def features(companions: int) -> dict[str, np.ndarray]:
    """The layers of one image (channel, cell), extracted among so many others, by their paths."""
    image, other = IMAGES
    return {
        path: layer["features"].values.reshape(layer.sizes["channel"], -1)
        for describe in descriptors()
        for path, layer in tree_layers(describe.extract([image, *[other] * companions])[0]).items()
    }


@pytest.fixture(scope="module")
def here() -> dict[str, np.ndarray]:
    return features(companions=0)


@pytest.mark.parametrize(
    ("threads", "companions", "processor"),
    [
        (3, 2, {}),
        (1, 0, {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}),
        (2, 1, {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}),
    ],
)
def test_features_are_the_same_in_a_fresh_process(here, tmp_path, threads, companions, processor):
    path = tmp_path / "features.npz"
    subprocess.run(
        [sys.executable, __file__, str(path), str(threads), str(companions)],
        check=True,
        env={**os.environ, **processor, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    there = np.load(path)
    assert set(there) == set(here)
    for name, ours in here.items():
        pair = (values.astype(np.float64) for values in (ours, there[name]))
        a, b = (values / np.linalg.norm(values, axis=0) for values in pair)
        distance = 1 - (a * b).sum(axis=0)
        assert distance.max() < TOLERANCE, name


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]))
    np.savez(sys.argv[1], **features(companions=int(sys.argv[3])))
