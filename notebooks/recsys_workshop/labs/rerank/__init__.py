"""From scores to a list: choose k items that are good *together*.

Every function takes plain arrays over n candidates and returns positions, as
int64 of length min(k, candidates); it knows no model and no Dataset. Four conventions hold:

* A candidate scored NaN or -inf is masked (already rated, say): it is never chosen, and what the
  other arrays say of it is never read.
* `lam` is the weight of relevance. With `lam=1` the result is the plain ranking, ties in the order
  of the candidates.
* Relevance and what it is weighed against need a common scale, so both methods map scores linearly
  to 0 (the worst candidate) to 1 (the best). The same `lam` therefore means the same for stars and
  for logits, but depends on who the candidates are: pass the best hundred, not the catalogue.
* All of them are greedy: each step takes what is best given what was taken before. Equal values go
  to the higher score, then to the first candidate. `dpp` returns the order of choosing: show
  its list by score.
"""

from recsys_workshop.labs.rerank.calibration import calibrated, genre_shares, miscalibration
from recsys_workshop.labs.rerank.diversity import cosine, dpp

__all__ = [
    "calibrated",
    "cosine",
    "dpp",
    "genre_shares",
    "miscalibration",
]
