"""How many CPU threads torch works with, put back as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_inside = 0
_threads_before = 1
_counting = threading.Lock()


@contextmanager
def cpu_threads(number: int) -> Iterator[None]:
    """Inside, torch works with so many threads.

    Part of torch's setting belongs to the calling thread, part to the process: each run puts back
    its own, and the last of several that overlap what there was before the first.
    """
    global _inside, _threads_before
    own = torch.get_num_threads()
    with _counting:
        if _inside == 0:
            _threads_before = own
        _inside += 1
    torch.set_num_threads(number)
    try:
        yield
    finally:
        with _counting:
            _inside -= 1
            torch.set_num_threads(own if _inside else _threads_before)
