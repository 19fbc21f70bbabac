import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import pytest
import torch
from descr.applications.evaluation import Settings, open_dataset, predict
from descr.applications.evaluation.run import workers
from descr.applications.evaluation.run.workers import Cache, in_order_of_completion, on_processes
from descr.descriptors import SIFT, Layer
from descr.descriptors.errors import ClusterError
from descr.matchers import NearestNeighbor


class Joint(SIFT):
    """SIFT that is reduced by a PCA of both images of a pair, as Stable Diffusion is."""

    def __init__(self, *, size: int = 96, step: int = 4) -> None:
        super().__init__(size=size, step=step)
        self.layers = [Layer("scale_1", step, components=24)]


class Mortal(NearestNeighbor):
    """Answers in worker processes alone, the first of which dies of it."""

    uses_source = True

    def __init__(self, *, owner: int = 0, mark: str = "") -> None:
        super().__init__()
        self.owner, self.mark = owner, mark

    def __repr__(self) -> str:
        return repr(NearestNeighbor())

    def match(self, query, source, target):
        assert os.getpid() != self.owner
        if not os.path.exists(self.mark):
            open(self.mark, "x").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().match(query, source, target)


@pytest.fixture
def by_value() -> Iterator[None]:
    """The classes of this file go to workers with their code, as those of a notebook do."""
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


def in_another_thread():
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


@pytest.mark.parametrize("workers", [1, 3])
def test_torch_works_on_one_thread_in_every_worker_and_in_no_other(workers):
    def work(_):
        return torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for item, count in in_order_of_completion(work, range(6), workers):
            assert (count, torch.get_num_threads(), in_another_thread()) == (1, 2, 2), item
        with pytest.raises(ZeroDivisionError):
            list(in_order_of_completion(lambda item: 1 // item, range(6), workers))
        assert (torch.get_num_threads(), in_another_thread()) == (2, 2)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_item_is_done_once(workers):
    done = dict(in_order_of_completion(lambda item: item * item, range(20), workers))
    assert done == {item: item * item for item in range(20)}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_failure_stops_the_rest(workers):
    begun = []

    def work(item):
        begun.append(item)
        if item == 4:
            raise KeyError(item)
        return item

    with pytest.raises(KeyError):
        list(in_order_of_completion(work, range(1000), workers))
    assert len(begun) <= 5 + 2 * workers


@pytest.mark.parametrize("failing", range(1, 12))
def test_a_failure_takes_nothing_with_it_that_was_done_before(failing):
    done = set()

    def take():
        for item, _ in in_order_of_completion(lambda item: 1 / item, range(failing, -9, -1), 1):
            time.sleep(0.01)  # The worker is ahead, up to what fails.
            done.add(item)

    with pytest.raises(ZeroDivisionError):
        take()
    assert done.issuperset(range(1, failing + 1))


def test_no_more_is_taken_ahead_than_workers_need():
    release, taken = threading.Event(), []

    def items():
        for item in range(50):
            taken.append(item)
            yield item

    work = in_order_of_completion(lambda item: release.wait(30), items(), 2)
    consumer = threading.Thread(target=next, args=(work,))
    consumer.start()
    while len(taken) < 4:
        release.wait(0.01)
    assert not release.wait(0.1)
    assert len(taken) == 4
    release.set()
    consumer.join()
    work.close()


@pytest.fixture
def restless():
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_what_is_taken_is_what_is_there_with_threads_that_wait_for_each_other(restless):
    """Room for one value, and two that are asked for in turns: each drops the other."""
    cache = Cache(1, len)

    def ask(seed):
        chosen = random.Random(seed)
        for _ in range(1500):
            assert len(cache.get(chosen.choice("ab"), lambda: bytes(10))) == 10

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.taken == 10


def test_a_value_that_could_not_be_made_is_made_when_it_is_asked_for_again():
    cache = Cache(100, len)

    def fail():
        raise OSError("not there")

    with pytest.raises(OSError, match="not there"):
        cache.get("key", fail)
    assert cache.get("key", lambda: b"made") == b"made"


def test_processes_multiply_on_one_thread_too(client, tmp_path):
    done = dict(
        on_processes(client, lambda item: (item, torch.get_num_threads()), range(9), tmp_path)
    )
    assert done == {item: (item, 1) for item in range(9)}


def test_a_folder_that_workers_do_not_share_is_an_error(client, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ClusterError, match="is another folder here"):
        list(on_processes(client, abs, range(9), Path("/proc/self/cwd")))


def test_an_item_that_costs_several_workers_is_an_error(client, monkeypatch, tmp_path):
    def lose(client, work, batches):
        yield from (
            (batch, ClusterError("each worker that was given it died")) for batch in batches
        )

    monkeypatch.setattr(workers, "on_workers", lose)
    with pytest.raises(ClusterError, match="each worker that was given it died"):
        list(on_processes(client, abs, range(9), tmp_path))


@pytest.mark.parametrize(
    ("name", "kind", "align_pose", "is_mortal"),
    [
        ("spair-71k", SIFT, False, True),
        ("spair-71k", Joint, True, False),
        ("tss", Joint, False, False),
        ("davis-2017", SIFT, False, False),
    ],
)
def test_workers_answer_as_one_process_does(
    client, by_value, written, tmp_path, monkeypatch, name, kind, align_pose, is_mortal
):
    # Workers run in another folder.
    monkeypatch.chdir(tmp_path)
    dataset = open_dataset(name, os.path.relpath(written(name).folder))
    describe, settings = kind(size=96, step=8), Settings(align_pose=align_pose)
    alone = predict(dataset, describe, folder="alone", settings=settings)
    mark = tmp_path / "died"
    if not is_mortal:
        mark.touch()
    mortal = Mortal(owner=os.getpid(), mark=str(mark))
    there = predict(dataset, describe, mortal, folder="there", settings=settings, client=client)
    assert there.drop_attrs().identical(alone.drop_attrs())
    assert mark.exists()
