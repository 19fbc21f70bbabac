"""What is kept in memory of what costs time to make, up to so many bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """Values by key, the least recently used dropped first; several threads may ask at once.

    The values take at most so many bytes together, each as many as `size` says; the last one
    asked for is kept in any case.
    """

    def __init__(self, most: int, size: Callable[[V], int]) -> None:
        self.most = most
        self.taken = 0
        self._size = size
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = threading.Lock()
        # Never dropped: whoever waits at the lock of a key must not meet another one's.
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of this key; `make` is called for one that isn't there, by one thread."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    return self._values[key]
            value = make()
            with self._lock:
                self._values[key] = value
                self.taken += self._size(value)
                while self.taken > self.most and len(self._values) > 1:
                    _, dropped = self._values.popitem(last=False)
                    self.taken -= self._size(dropped)
        return value
