"""Reading back the event files that `fit(log_dir=...)` writes and TensorBoard shows."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pandas as pd


def scalars(log_dir: str | Path) -> pd.DataFrame:
    """Every scalar in the event files at and below `log_dir`, sorted: run, tag, step, value, time.

    run  : folder of the file below `log_dir`, "." for itself: what TensorBoard calls a run
    time : seconds since 1970 when it was written

    Where a run was written twice, the later value of each step counts. A file that is being written
    is read as far as it is whole. Raises FileNotFoundError where there is no event file, ValueError
    for one that is damaged.
    """
    from tensorboardX.proto.event_pb2 import Event

    root = Path(log_dir)
    files = sorted(root.rglob("events.out.tfevents.*"))
    if not files:
        raise FileNotFoundError(f"no event files in {root}: write some by fit(..., log_dir=...)")
    rows = []
    for path in files:
        run = path.parent.relative_to(root).as_posix()
        for record in _records(path):
            event = Event.FromString(record)
            for value in event.summary.value:
                if value.WhichOneof("value") == "simple_value":
                    rows.append((run, value.tag, event.step, value.simple_value, event.wall_time))
    frame = pd.DataFrame(rows, columns=["run", "tag", "step", "value", "time"])
    frame = frame.sort_values(["run", "tag", "step", "time"])
    return frame.drop_duplicates(["run", "tag", "step"], keep="last", ignore_index=True)


def _records(path: Path) -> Iterator[bytes]:
    """A record is: length (8 bytes), its checksum (4), the content, its checksum (4)."""
    from tensorboardX.record_writer import masked_crc32c

    def checked(start: int, end: int) -> bytes:
        part = content[start:end]
        if struct.unpack_from("<I", content, end) != (masked_crc32c(part),):
            raise ValueError(f"{path} is damaged at byte {start}: delete it, and train again")
        return part

    content = path.read_bytes()
    start = 0
    while start + 12 <= len(content):
        (length,) = struct.unpack("<Q", checked(start, start + 8))
        end = start + 12 + length
        if end + 4 > len(content):
            return
        yield checked(start + 12, end)
        start = end + 4
