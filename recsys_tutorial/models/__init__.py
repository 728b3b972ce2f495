"""The models: each one is its equation. `X.for_dataset(train, **hyperparameters)` builds any."""

from recsys_tutorial.models.als import ImplicitALS
from recsys_tutorial.models.base import FoldedUser, Model
from recsys_tutorial.models.bayesian import BayesianFM
from recsys_tutorial.models.closed_form import EASE, ItemKNN, PureSVD
from recsys_tutorial.models.deep import DeepMF
from recsys_tutorial.models.fm import FactorizationMachine
from recsys_tutorial.models.hashed import HashedMF
from recsys_tutorial.models.lstm import SequenceLSTM
from recsys_tutorial.models.markov import Markov, SequentialRules
from recsys_tutorial.models.mf import MF, BiasedMF
from recsys_tutorial.models.multi_output import MultiOutputMF
from recsys_tutorial.models.popularity import Popularity
from recsys_tutorial.models.side import SideFeatureMF
from recsys_tutorial.models.svdpp import SVDpp
from recsys_tutorial.models.tastes import GumbelTastes, MixtureOfTastes
from recsys_tutorial.models.temporal import TemporalMF
from recsys_tutorial.models.tensor import TensorFactorization
from recsys_tutorial.models.transformer import SequenceTransformer
from recsys_tutorial.models.variational import VariationalMF

__all__ = [
    "EASE", "MF", "BayesianFM", "BiasedMF", "DeepMF", "FactorizationMachine", "FoldedUser",
    "GumbelTastes", "HashedMF", "ImplicitALS", "ItemKNN", "Markov", "MixtureOfTastes",
    "Model", "MultiOutputMF", "Popularity", "PureSVD", "SVDpp", "SequenceLSTM",
    "SequenceTransformer", "SequentialRules", "SideFeatureMF", "TemporalMF",
    "TensorFactorization", "VariationalMF",
]  # fmt: skip
