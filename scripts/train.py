"""Train any model of the library, on one process or on many, on one machine or on several.

    python scripts/train.py --data ml-1m --model BiasedMF --set dim=32
    torchrun --standalone --nproc_per_node=2 scripts/train.py --data ml-25m --batch-size 65536

Each process takes its part of every step, so N processes do what one does with N times the
`--batch-size`. With `--checkpoint-dir` the same command resumes a run that was stopped, after its
last whole epoch. `torchrun --max-restarts=3` does that by itself when a process dies: all processes
start again, and the result is that of an undisturbed run.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# torchrun starts this file, not the package: the checkout may not be installed
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

OF_FIT = ("epochs", "batch_size", "lr", "negatives", "early_stopping", "threads", "seed",
          "checkpoint_dir", "log_dir")  # fmt: skip


def setting(text: str) -> tuple[str, Any]:
    """`dim=32` -> ("dim", 32): plain Python values, else text."""
    name, _, value = text.partition("=")
    if not value:
        raise argparse.ArgumentTypeError(f"{name}: write NAME=VALUE, dim=32 say")
    with suppress(ValueError, SyntaxError):
        return name, ast.literal_eval(value)
    return name, value


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    from recsys_tutorial import losses, models

    known = [name for name in models.__all__ if name not in ("Model", "FoldedUser")]
    functions = [n for n, one in vars(losses).items() if hasattr(one, "needs")]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    said = "a name that rt.datasets.load knows, or a directory that Dataset.save wrote (it may "
    said += "hold two, `train` and `valid`: then all processes share one copy in memory)"
    add("--data", default="ml-100k", help=said)
    add("--data-dir", help="where to look for named data, and to keep it")
    add("--split", default="random", choices=["random", "last", "time"])
    add("--model", default="BiasedMF", choices=known, help="a class of rt.models")
    said = "a hyperparameter of the model; repeat it for several: --set dim=32 --set l2=0.05"
    add("--set", action="append", default=[], type=setting, metavar="NAME=VALUE", help=said)
    add("--loss", choices=functions, help="a function of rt.losses; else the model's own")
    add("--epochs", type=int)
    add("--batch-size", type=int, help="rows per step, for each process")
    add("--lr", type=float)
    add("--negatives", type=int, default=0)
    add("--early-stopping", type=int)
    add("--threads", type=int, default=1, help="of the CPU, for each process")
    add("--seed", type=int, default=0, help="of split, start and shuffling")
    add("--checkpoint-dir", help="where checkpoints are; resumes after the last whole epoch there")
    add("--log-dir", help="tensorboardX scalars, written by one process")
    add("--save", type=Path, help="file for the trained weights (.safetensors)")
    return parser.parse_args(given)


@contextmanager
def group() -> Iterator[None]:
    """Inside, this process and its peers are one group: nccl between GPUs, gloo otherwise.

    A single process needs no group. `ignite.distributed` uses the group that it finds.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield
        return
    import ignite.distributed as idist
    import torch
    from torch import distributed

    local = int(os.environ.get("LOCAL_WORLD_SIZE", "0")) == world
    if local or os.environ.get("MASTER_ADDR") in ("localhost", "127.0.0.1"):
        # All processes are on this machine, which needs no name service and no network.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, rank, _ = next(distributed.rendezvous("env://"))
    # torchrun keeps one store for all attempts. Each attempt gets its own names there: else a new
    # process would find the addresses of dead ones, and fail or wait for ever.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    fresh = distributed.PrefixStore(f"attempt {attempt} of {world}", store)
    distributed.init_process_group(
        "nccl" if cuda else "gloo", store=fresh, rank=rank, world_size=world
    )
    try:
        yield
    finally:
        idist.finalize()


def parts(options: argparse.Namespace) -> tuple[Any, Any]:
    """The training and the validation part; this script never reads the test part."""
    import recsys_tutorial as rt

    place = Path(options.data)
    if (place / "train").is_dir():
        return rt.datasets.open(place / "train"), rt.datasets.open(place / "valid")
    if (place / "meta.json").is_file():
        data = rt.datasets.open(place)
    else:
        data = rt.datasets.load(options.data, data_dir=options.data_dir)
    return data.split(options.split, seed=options.seed)[:2]


def train(options: argparse.Namespace) -> None:
    """What each process does."""
    import ignite.distributed as idist
    from ignite.utils import setup_logger

    import recsys_tutorial as rt

    logger = setup_logger("train", distributed_rank=idist.get_rank())  # only the first one speaks
    training, valid = parts(options)
    kind, loss = getattr(rt.models, options.model), getattr(rt.losses, options.loss or "", None)
    model = kind.for_dataset(training, **{"seed": options.seed, **dict(options.set)})
    logger.info("%s on %r, %d process(es)", options.model, training, idist.get_world_size())
    given = {name: getattr(options, name) for name in OF_FIT}
    history = rt.fit(
        model, training, valid, loss=loss, resume=options.checkpoint_dir is not None,
        progress="always", device=str(idist.device()), **given,
    )  # fmt: skip
    last = history.rows[-1]
    logger.info("done: %s", ", ".join(f"{k} {v:.6g}" for k, v in last.items()))
    if options.save and idist.get_rank() == 0:
        from safetensors.torch import save_file

        state = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
        options.save.parent.mkdir(parents=True, exist_ok=True)
        save_file(state, options.save)


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    with group():
        train(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
