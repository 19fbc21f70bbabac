"""Images that are read ahead."""

import threading

from descr.descriptors.image.stream import read_ahead


def test_who_stops_does_not_wait_for_what_is_being_read():
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()

    def read(item):
        if item:
            begun.set()
            release.wait(30)
            ended.set()
        return item

    stream = read_ahead(range(3), read, ahead=1)
    assert next(stream) == 0
    assert begun.wait(30)
    stream.close()
    assert not ended.is_set()
    release.set()
    assert ended.wait(30)
