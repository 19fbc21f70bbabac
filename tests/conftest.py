import numpy as np
import pytest
from skimage import data


@pytest.fixture(scope="session")
def chelsea() -> np.ndarray:
    """A cat, uint8 (300, 451, 3)."""
    return data.chelsea()


@pytest.fixture(scope="session")
def motorcycle() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A stereo pair, uint8 (500, 741, 3) each, and the disparity of the left one in pixels."""
    return data.stereo_motorcycle()
