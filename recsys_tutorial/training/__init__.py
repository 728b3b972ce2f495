"""Training: one verb, `fit`, on pytorch-ignite; `History` is what it returns."""

from recsys_tutorial.training.events import scalars
from recsys_tutorial.training.fitting import fit
from recsys_tutorial.training.history import History, TrainingDiverged
from recsys_tutorial.training.live import watch

__all__ = ["History", "TrainingDiverged", "fit", "scalars", "watch"]
