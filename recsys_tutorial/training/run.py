"""One training run: the ignite engine and all that is attached to it."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model
from recsys_tutorial.models.sequences import SequenceModel
from recsys_tutorial.training import checkpoint
from recsys_tutorial.training.distributed import own_states, peers
from recsys_tutorial.training.history import History, TrainingDiverged
from recsys_tutorial.training.loop import (
    Optimisers,
    TrainingBatches,
    compiled,
    cpu_threads,
    measure,
    one_cycle,
    scores,
    size,
)
from recsys_tutorial.training.negatives import Negatives
from recsys_tutorial.training.progress import Progress
from recsys_tutorial.training.sequences import SequenceBatches

LOG_EVERY = 50  # steps between two scalars: writing each one would cost more than a step


class Run:
    """Built by `fit`: `prepare` attaches what the caller asked for, `go` runs to the end."""

    def __init__(
        self,
        model: Model,
        train: Dataset,
        valid: Dataset | None,
        loss: Callable[..., Tensor],
        epochs: int,
        batch_size: int,
        lr: float,
        negatives: int | str,
        seed: int,
        device: torch.device,
    ) -> None:
        needs = losses.needs(loss)
        name = getattr(loss, "__name__", "this loss")
        sequential = needs.batch == "sequence"
        if sequential != isinstance(model, SequenceModel):
            kind = type(model).__name__
            raise ValueError(
                f"{kind} does not learn from sequences, and {name} does: use another loss"
                if sequential
                else f"{kind} learns from sequences, and {name} does not: leave loss=None"
            )
        if needs.batch != "pairs" and negatives != 0:
            raise ValueError(f"negatives={negatives!r}: {name} learns from rated rows alone")
        if negatives != "all" and (isinstance(negatives, str) or negatives < 0):
            raise ValueError(f'negatives={negatives!r} must be a number >= 0 or "all"')
        if needs.batch == "pairs":
            negatives = negatives or needs.negatives
        self.model, self.loss, self.epochs, self.lr = model.to(device), loss, epochs, lr
        self.negatives, self.device = negatives, device
        model.set_objective(loss, negatives, train)
        mine = valid
        self.peers = peers(model)
        self.first = self.peers is None or self.peers.first
        self.shuffle = torch.Generator().manual_seed(seed)
        self.draws = torch.Generator().manual_seed(seed + 1)
        if self.peers is not None:
            self.draws.manual_seed(seed + 1 + self.peers.rank * 2**20)  # others draw others
            mine = None if valid is None else self.peers.part(valid)
        sampled = needs.batch == "pairs" and negatives != "all"
        self.train: TrainingBatches | SequenceBatches
        self.valid: TrainingBatches | SequenceBatches | None = None
        self.valid_draws = torch.Generator()
        if isinstance(model, SequenceModel):
            self.train = SequenceBatches(model, train, batch_size, self.shuffle, device)
        else:
            self.train = TrainingBatches(
                model, train, loss, batch_size, negatives,
                Negatives(train, self.draws) if sampled else None, self.shuffle, device,
            )  # fmt: skip
        if mine is not None and isinstance(model, SequenceModel):
            self.valid = SequenceBatches(model, mine, batch_size, None, device, valid=True)
        elif mine is not None:
            contrast = Negatives(train, self.valid_draws) if sampled else None
            self.valid = TrainingBatches(
                model, mine, loss, 16 * 1024 if not sampled else batch_size, negatives,
                contrast, None, device,
            )  # fmt: skip
        if self.peers is not None:
            inner = self.train if isinstance(self.train, SequenceBatches) else self.train.batches
            inner.shard = self.peers.shard
            batch_size *= self.peers.world  # what a step of all together is made of
        width = 1 if not sampled else 1 + int(negatives)
        # A softmax over the catalogue touches every row of its tables in each step.
        touched = (
            train.n_items
            if sequential or negatives == "all"
            else min(batch_size, len(train)) * width
        )
        self.optimisers = Optimisers(model, lr, touched)
        self.total_steps = epochs * len(self.train)
        self.settings = {
            "model": f"{type(model).__name__}({model.n_users}, {model.n_items})",
            "tables": ", ".join(f"{k}{tuple(v.shape)}" for k, v in model.state_dict().items()),
            "loss": getattr(loss, "__name__", type(loss).__name__),
            "epochs": epochs, "batch_size": batch_size, "lr": lr, "negatives": negatives,
            "seed": seed,
        }  # fmt: skip
        self.data = {"data": train, "valid": valid}

    def prepare(
        self,
        history: History,
        log_dir: str | Path | None,
        patience: int | None,
        checkpoint_dir: str | Path | None,
        resume: bool,
        progress: bool | str,
        threads: int,
        compile: bool,
    ) -> None:
        """Build the engine and, to resume, load the last checkpoint."""
        from ignite.engine import Engine, Events

        self.history, self.patience, self.threads = history, patience, threads
        self.objective = compiled(self.losses_of) if compile else self.losses_of
        self.progress = Progress(progress if self.first else False, self.epochs)
        self.directory = None if checkpoint_dir is None else Path(checkpoint_dir)
        self.settings["early_stopping"] = patience
        if self.directory is not None:  # a checkpoint belongs to its data
            for part, data in self.data.items():
                self.settings[part] = None if data is None else _hash(data)
        del self.data
        self.best_value, self.best_epoch = math.inf, 0
        self.best_state: dict[str, Tensor] | None = None
        self.loss_sum, self.rows_seen = torch.zeros((), device=self.device), 0.0
        self.engine = Engine(self.step)
        self.engine.logger = logging.getLogger("recsys_tutorial.fit")
        self.engine.logger.setLevel(logging.CRITICAL)  # errors are raised, not logged as well
        self.engine.add_event_handler(Events.EPOCH_COMPLETED, self.end_of_epoch)
        self.writer: Any = None
        if log_dir is not None and self.first:
            from tensorboardX import SummaryWriter

            # Flushed each second by its own thread: TensorBoard would see nothing for two minutes.
            self.writer = SummaryWriter(str(log_dir), flush_secs=1)
        if resume:
            assert self.directory is not None
            last = self.directory / "last.pt"
            if last.exists():
                self.restore(checkpoint.load(last, self.settings))
            elif self.first:
                self.progress.say(f"no checkpoint in {self.directory} yet: starting from scratch")

    def go(self) -> None:
        """Run to the end; close what was opened, whatever happens."""
        self.good_state = _copy_of(self.model)
        spent = self.history.rows[-1]["seconds"] if self.history.rows else 0.0
        self.start = time.monotonic() - spent
        try:
            if len(self.history.rows) < self.epochs and self.history.stopped is None:
                self.model.train()
                # Gradients even if asked for inside no_grad.
                with cpu_threads(self.threads), torch.enable_grad():
                    self.engine.run(self.train, max_epochs=self.epochs)
        except KeyboardInterrupt:
            self.history.stopped = "interrupted"
            self.progress.say(
                f"interrupted in epoch {self.engine.state.epoch} of {self.epochs}: the model keeps "
                "what it has learned so far"
            )
        finally:
            if self.best_state is not None and self.patience is not None:
                self.model.load_state_dict(self.best_state)
            self.model.progress = 1.0
            self.model.reset_cold()
            self.model.eval()
            if self.writer is not None:
                self.writer.close()

    def losses_of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What a step makes smaller: the loss, and the model's penalty."""
        output = scores(self.model, batch, self.negatives)
        return self.loss(*self.model.in_units(output, batch)), self.model.penalty(batch)

    def step(self, engine: Any, batch: Batch) -> Tensor:
        """One gradient step: the only place where parameters change."""
        done = engine.state.iteration - 1
        rate = one_cycle(done, self.total_steps, self.lr)
        vars(self.model)["progress"] = done / self.total_steps  # a Module's own way is slow
        loss, penalty = self.objective(batch)
        peers = self.peers
        self.optimisers.zero_grad()
        (loss + penalty if peers is None else peers.weigh(loss, penalty, batch)).backward()
        if peers is not None:
            peers.add_gradients(self.model)
        self.optimisers.step(rate)
        loss = loss.detach()
        rows = size(batch)
        # A running sum, since a list of losses would keep the allocator from reusing memory; over
        # rows, not batches, since the last batch is smaller.
        self.loss_sum += loss * rows
        self.rows_seen += rows
        if engine.state.iteration % LOG_EVERY == 0:
            self.look(engine, float(loss if peers is None else peers.total(loss)[0]))
        return loss

    def look(self, engine: Any, loss: float) -> None:
        """Every now and then: write a scalar, notice a loss that is no number or a wish to stop."""
        if not math.isfinite(loss):
            self.diverged(loss)
        if self.writer is not None:
            self.writer.add_scalar("train/loss", loss, engine.state.iteration)
        if self.history.stop_requested:
            self.history.stopped = "stopped"
            engine.terminate()

    def end_of_epoch(self, engine: Any) -> None:
        epoch = engine.state.epoch
        sums = [float(self.loss_sum), self.rows_seen]
        loss_sum, rows = sums if self.peers is None else self.peers.total(*sums)
        train_loss = loss_sum / rows
        self.loss_sum.zero_()
        self.rows_seen = 0.0
        if not math.isfinite(train_loss):
            self.diverged(train_loss)
        self.model.reset_cold()
        row: dict[str, Any] = {"epoch": epoch, "train_loss": train_loss}
        if self.valid is not None:
            self.valid_draws.manual_seed(0)  # the same negatives after every epoch
            row.update(measure(self.model, self.valid, self.loss, self.negatives, self.peers))
        row["lr"] = one_cycle(engine.state.iteration - 1, self.total_steps, self.lr)
        row["seconds"] = time.monotonic() - self.start
        self.history.rows.append(row)
        if self.writer is not None:
            for name, value in row.items():
                if name not in ("epoch", "seconds", "lr"):
                    self.writer.add_scalar(f"epoch/{name}", value, epoch)
        self.good_state = _copy_of(self.model)
        self.keep_best(row, epoch, engine)
        if self.directory is not None:
            state = self.state(epoch)  # all of them: each adds what only it knows
            if self.first:
                checkpoint.save(self.directory / "last.pt", state)
        self.progress.epoch(row)
        if self.history.stop_requested and self.history.stopped is None:
            self.history.stopped = "stopped"
            engine.terminate()

    def keep_best(self, row: dict[str, Any], epoch: int, engine: Any) -> None:
        value = row.get("valid_rmse", row.get("valid_loss"))
        if value is None:
            return
        if value < self.best_value:
            self.best_value, self.best_epoch = value, epoch
            if self.patience is not None:
                self.best_state = self.good_state
            if self.directory is not None and self.first:
                best = {"run": self.settings, "epoch": epoch, "model": self.good_state}
                checkpoint.save(self.directory / "best.pt", best)
        elif self.patience is not None and epoch - self.best_epoch >= self.patience:
            self.history.stopped = "early"
            engine.terminate()

    def diverged(self, loss: float) -> None:
        """Put the last good weights back and say what to try."""
        epoch = self.engine.state.epoch
        self.model.load_state_dict(self.good_state)
        raise TrainingDiverged(
            f"the loss became {loss} in epoch {epoch}: the steps are too large for this data. Try "
            f"lr={self.lr / 10:g} (it was {self.lr:g}), or scale the ratings down. The model is as "
            f"it was {'before training' if not self.history.rows else 'after the epoch before'}."
        )

    # ---- checkpoints ----------------------------------------------------------------------

    def state(self, epoch: int) -> dict[str, Any]:
        generators = {"shuffle": self.shuffle, "draws": self.draws, "model": self.model.generator}
        return {
            "run": self.settings,
            "epoch": epoch,
            "model": self.good_state,
            "optimisers": self.optimisers.state_dict(),
            "generators": [{name: g.get_state() for name, g in generators.items()}]
            if self.peers is None
            else self.peers.states(generators),
            "rows": list(self.history.rows),
            "best": [self.best_value, self.best_epoch, self.best_state],
            "stopped": self.history.stopped,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self.model.load_state_dict(saved["model"])
        self.optimisers.load_state_dict(saved["optimisers"])
        generators = {"shuffle": self.shuffle, "draws": self.draws, "model": self.model.generator}
        for name, state in own_states(saved["generators"], self.peers).items():
            generators[name].set_state(state)
        self.history.rows = list(saved["rows"])
        self.best_value, self.best_epoch, self.best_state = saved["best"]
        self.history.stopped = saved["stopped"] if saved["stopped"] == "early" else None
        self.engine.load_state_dict(
            {
                "epoch": saved["epoch"],
                "max_epochs": self.epochs,
                "epoch_length": len(self.train),
            }
        )


def _copy_of(model: Model) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _hash(data: Dataset) -> str:
    digest = hashlib.sha256()
    for column in (data.user, data.item, data.rating, data.timestamp, data.weight):
        if column is None:
            digest.update(b"no such column")
            continue
        digest.update(np.ascontiguousarray(column).view(np.uint8).data)  # no copy
    return digest.hexdigest()[:16]
