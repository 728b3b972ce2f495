"""Training: one verb, `fit`, on pytorch-ignite; `History` is what it returns."""

from recsys_tutorial.training.fitting import fit
from recsys_tutorial.training.history import History, TrainingDiverged

__all__ = ["History", "TrainingDiverged", "fit"]
