import cv2
import pytest
import torch
from descr.descriptors import Backbone, Layer
from descr.descriptors.errors import OutOfMemoryError
from descr.descriptors.runtime import memory
from descr.descriptors.runtime.memory import (
    check_fits,
    fitting,
    in_batches,
    is_out_of_memory,
    memory_errors,
)
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

    with pytest.raises(OutOfMemoryError, match="Huge for array ran out of memory on cpu") as caught:
        Huge(size=64, device="cpu").extract([render_picture(64, 64)])
    assert caught.value.hint is not None
    assert "lower size" in caught.value.hint


def test_what_does_not_fit_is_refused_with_what_it_takes_and_what_is_free(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 18_200_000_000)
    assert check_fits(9_000_000_000, "it", "lower it") == 2
    with pytest.raises(OutOfMemoryError) as caught:
        check_fits(2_900_000_000_000, "SIFT at size=1000000", "lower size")
    assert caught.value.message == (
        "SIFT at size=1000000 needs about 2.9 TB of memory, and 18.2 GB are free on cpu"
    )
    assert caught.value.hint == "lower size"


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("(-4:Insufficient memory) Failed")])
def test_other_libraries_errors_of_memory_are_known(error):
    refused = pytest.raises(OutOfMemoryError, match="SIFT ran out of memory on cpu")
    with refused, memory_errors("SIFT", CPU):
        raise error
