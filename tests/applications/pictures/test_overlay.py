import numpy as np
import pytest
from descr.applications.pictures.overlay import Overlay, opaque, shade


def test_a_sheet_without_drawings_changes_nothing() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(Overlay(20, 30).over(picture), picture)


def test_colours_cover_and_shades_darken() -> None:
    picture = np.full((20, 30, 3), 100, np.uint8)
    overlay = Overlay(20, 30)
    overlay.circle((10, 10), opaque((200, 20, 60)), 4)
    overlay.circle((22, 10), shade(0.5), 4)
    drawn = overlay.over(picture)
    assert drawn[10, 10].tolist() == [200, 20, 60]
    assert drawn[10, 22].tolist() == pytest.approx([50, 50, 50], abs=1)
    assert drawn[2, 2].tolist() == [100, 100, 100]


def test_a_ring_is_hollow() -> None:
    overlay = Overlay(40, 40)
    overlay.circle((20, 20), opaque((255, 0, 0)), 10, 3)
    drawn = overlay.over(np.zeros((40, 40, 3), np.uint8))[:, :, 0]
    assert drawn[20, 20] == 0
    assert drawn[20, 10] == drawn[30, 20] == 255
    radii = np.hypot(*(np.indices(drawn.shape) - 20))[drawn >= 128]
    assert 8 <= radii.min() < radii.max() <= 12
