import numpy as np
import pytest
from descr.descriptors.store.filters import UNDO
from descr.descriptors.store.groups import UnreadableError
from numcodecs.zstd import compress

ZSTD = 32015


@pytest.mark.parametrize("size", [1, 63, 64, 65, 300, 70_000])
def test_a_frame_of_zstd_says_its_size(size):
    data = np.random.default_rng(0).bytes(size)
    assert bytes(UNDO[ZSTD](compress(data), size)) == data
    for other in (size + 1, size + 256, size - 1):
        with pytest.raises(UnreadableError, match="another size"):
            UNDO[ZSTD](compress(data), other)
