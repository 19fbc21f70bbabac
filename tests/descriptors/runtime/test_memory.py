import pytest
import torch
from descr.descriptors import Backbone, Layer
from descr.descriptors.errors import DescrError
from descr.descriptors.runtime.memory import fitting, in_batches, is_out_of_memory
from descr.descriptors.testing import render_picture
from hypothesis import given
from hypothesis import strategies as st

CPU = torch.device("cpu")


@given(count=st.integers(0, 40), at_once=st.integers(1, 50), fits=st.integers(1, 50))
def test_every_item_is_run_once_in_order_in_batches_that_fit(count, at_once, fits):
    def run(batch):
        if batch.stop - batch.start > fits:
            raise torch.OutOfMemoryError("out of memory")
        return list(range(batch.start, batch.stop))

    done = list(in_batches(run, count, at_once))
    assert [item for _, items in done for item in items] == list(range(count))
    assert all(len(items) <= min(at_once, fits) for _, items in done)
    assert all(list(range(part.start, part.stop)) == items for part, items in done)


def test_one_item_that_does_not_fit_is_an_error():
    def run(batch):
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        list(in_batches(run, 3, 2))


def test_other_errors_pass():
    def run(batch):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        list(in_batches(run, 3, 2))


def test_what_fits_is_bounded_by_a_gigabyte_on_the_cpu():
    assert fitting(1 << 28, CPU) == 4
    assert fitting(1 << 33, CPU) == 1


def test_torchs_own_error_on_the_cpu_is_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shapes differ"))


def test_an_extraction_that_runs_out_of_memory_says_what_to_lower():
    class Huge(Backbone):
        layers = (Layer("all", 8),)

        def forward(self, pixels):
            return {"all": torch.empty(1 << 60, dtype=torch.uint8)}

    with pytest.raises(DescrError, match="Huge ran out of memory on cpu") as caught:
        Huge(size=64, device="cpu").extract([render_picture(64, 64)])
    assert caught.value.hint is not None
    assert "lower size" in caught.value.hint
