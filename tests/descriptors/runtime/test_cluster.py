"""Work on worker processes."""

import os
import signal

import dask
import distributed
import pytest
import torch
from descr.descriptors import on_workers, open_cluster
from descr.descriptors.errors import ClusterError, OptionError
from descr.descriptors.runtime import cluster


@pytest.fixture
def machine(monkeypatch):
    """A machine of so many cores and CUDA devices."""

    def have(cores, devices, visible=None):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
        monkeypatch.setattr(cluster.psutil, "cpu_count", lambda logical: cores // 2)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return have


@pytest.mark.parametrize(
    ("cores", "workers", "count", "threads"),
    [(8, None, 4, "2"), (64, None, 8, "8"), (2, 2, 2, "1"), (2, 5, 5, "1"), (8, 1, 1, "8")],
)
def test_workers_share_the_cores_of_the_machine(machine, cores, workers, count, threads):
    machine(cores, 0)
    places = cluster.environments(workers)
    assert len(places) == count
    assert {one["OMP_NUM_THREADS"] for one in places} == {threads}
    assert {one["OPENCV_FOR_THREADS_NUM"] for one in places} == {threads}
    assert not any("CUDA_VISIBLE_DEVICES" in one for one in places)


@pytest.mark.parametrize(
    ("workers", "visible", "devices"),
    [(None, None, "012"), (None, "5,7,1", "571"), (2, None, "01"), (4, None, "0120")],
)
def test_each_worker_sees_one_device(machine, workers, visible, devices):
    machine(12, 3, visible)
    places = cluster.environments(workers)
    assert [one["CUDA_VISIBLE_DEVICES"] for one in places] == list(devices)


def test_what_cannot_be_opened_is_told(monkeypatch):
    with pytest.raises(OptionError, match="workers must be an integer of at least 1"):
        open_cluster(0).__enter__()
    with pytest.raises(OptionError, match="exclude each other"):
        open_cluster(2, scheduler="tcp://a:1").__enter__()
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        pytest.raises(ClusterError, match=r"no dask scheduler answers at tcp://127.0.0.1:1: "),
    ):
        open_cluster(scheduler="tcp://127.0.0.1:1").__enter__()
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r'pip install "descr-sdk\[distributed\]"'):
        open_cluster(2).__enter__()


def test_batches_are_taken_as_workers_get_free(client):
    taken = []

    def batches():
        for number in range(40):
            taken.append(number)
            yield [number, 1]

    for place, (batch, result) in enumerate(on_workers(client, sum, batches())):
        assert result == sum(batch)
        assert len(taken) <= place + 1 + 4
    assert place == 39


class Loaded:
    """Counts in a file how often it comes to a process."""

    def __init__(self, note):
        self.note = note

    def __setstate__(self, state):
        vars(self).update(state)
        with self.note.open("a") as file:
            print(os.getpid(), file=file)

    def __call__(self, batch):
        return batch


def test_work_comes_to_each_process_once(client, tmp_path):
    work = Loaded(tmp_path / "note")
    assert len(list(on_workers(client, work, [[number] for number in range(12)]))) == 12
    processes = work.note.read_text().split()
    assert len(set(processes)) == len(processes) <= 2


def test_workers_keep_freed_memory_for_their_next_arrays(client):
    assert set(client.run(os.environ.get, "MALLOC_TRIM_THRESHOLD_").values()) == {None}


def test_an_error_of_the_work_names_the_worker_if_it_is_one_of_descr(client):
    def refuse(batch):
        raise OptionError("no such thing", hint="take another")

    with pytest.raises(OptionError) as caught:
        list(on_workers(client, refuse, [[1]]))
    assert caught.value.message.startswith("no such thing (on the worker tcp://127.0.0.1:")
    assert caught.value.hint == "take another"
    with pytest.raises(ZeroDivisionError):
        list(on_workers(client, lambda batch: 1 // 0, [[1]]))
    with pytest.raises(ClusterError, match="can't import what it needs: No module named 'nowhere'"):
        list(on_workers(client, lambda batch: __import__("nowhere"), [[1]]))


def test_a_worker_that_is_long_in_starting_again_is_not_given_up():
    def die_once(batch):
        if os.getpid() in batch:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1ms"}),
        open_cluster(1) as client,
    ):
        ((_, first),) = on_workers(client, die_once, [()])
        ((_, second),) = on_workers(client, die_once, [(first,)])
        assert first != second


def test_a_scheduler_that_goes_away_is_told():
    own = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
    with (
        distributed.LocalCluster(**own, dashboard_address=None) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        results = on_workers(client, sum, [[number] for number in range(99)])
        next(results)
        local.close()
        with pytest.raises(ClusterError, match="scheduler is gone"):
            list(results)
