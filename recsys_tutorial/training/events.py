"""Reading back the event files that `fit(log_dir=...)` writes and TensorBoard shows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def scalars(log_dir: str | Path) -> pd.DataFrame:
    """Every scalar in the event files in `log_dir` and the folders below it, sorted.

    Where a run was written twice, the later value of each step counts.

    Returns:
        A frame with run (the file's folder relative to `log_dir`, as TensorBoard names runs), tag,
        step, value, time (seconds since 1970 when it was written).

    Raises:
        FileNotFoundError: there is no event file.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    root = Path(log_dir)
    folders = sorted({file.parent for file in root.rglob("events.out.tfevents.*")})
    if not folders:
        raise FileNotFoundError(f"no event files in {root}: write some by fit(..., log_dir=...)")
    rows = []
    for folder in folders:
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
        run = folder.relative_to(root).as_posix()
        rows += [
            (run, tag, event.step, event.value, event.wall_time)
            for tag in events.Tags()["scalars"]
            for event in events.Scalars(tag)
        ]
    frame = pd.DataFrame(rows, columns=["run", "tag", "step", "value", "time"])
    frame = frame.sort_values(["run", "tag", "step", "time"])
    return frame.drop_duplicates(["run", "tag", "step"], keep="last", ignore_index=True)
