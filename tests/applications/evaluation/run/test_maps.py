import random
import sys
import threading

import pytest
from descr.applications.evaluation.run.maps import Cache


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
