from pathlib import Path
from typing import Any

import pytest
from descr.cli.console.memory import weights_bytes
from descr.descriptors import SIFT, DINOv2, Fused, StableDiffusion
from support.models import DINOV2, STABLE_DIFFUSION


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))


@pytest.mark.usefixtures("half_precision")
def test_weights_count_once_and_in_the_precision_of_the_work() -> None:
    both = size_of(DINOV2), size_of(STABLE_DIFFUSION)
    dinov2 = DINOv2(model=str(DINOV2), size=56, dtype="float32", device="cpu")
    sd = StableDiffusion(model=str(STABLE_DIFFUSION), dtype="float32", device="cpu")
    half = DINOv2(model=str(DINOV2), size=56, dtype="bfloat16", device="cpu")
    assert weights_bytes(SIFT()) == 0
    assert weights_bytes(dinov2) == both[0]
    assert weights_bytes(half) == pytest.approx(both[0] / 2, abs=1)
    assert weights_bytes(Fused(dinov2, SIFT()), dinov2) == both[0]
    assert weights_bytes(Fused(sd, dinov2)) == sum(both)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("flow",), "memory: about 134.2 MB for the flow from a.png (96 x 64)"),
        (("swap", "--whole", "-o", "s.png"), "memory: about "),
        (("swap", "--whole", "-o", "s.png", "--gif", "s.gif"), "memory: about "),
    ],
)
def test_memory_is_said_with_that_of_weights(
    descr: Any, command: tuple[str, ...], says: str
) -> None:
    network = ("--descriptor", "dinov2", "--set", f"model={DINOV2}", "--set", "size=56")
    done = descr(command[0], "a.png", "b.png", *command[1:], *network, "--device", "cpu")
    assert done.code == 0, done.err
    message = [line for line in done.err.splitlines() if line.startswith("memory: ")]
    assert len(message) == 1
    assert message[0].startswith(says)
    assert message[0].endswith("B for weights")
