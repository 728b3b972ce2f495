"""Words as users and as items: co-occurrences, pointwise mutual information, word vectors.

Text becomes a Dataset (user: a word, item: a word near it, rating: their PMI), so that `fit` trains
on it the very models that it trains on films; and films become "words" of "sentences" the same way.
Church and Hanks 1990 (PMI); Levy and Goldberg 2014 (word2vec as its factorisation).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy.sparse as sp

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.frame import from_frame
from recsys_tutorial.datasets.vocabulary import Vocabulary

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""A word: letters of any script, with apostrophes inside it; digits are not letters."""


@dataclass(frozen=True)
class Corpus:
    """Text as numbers.

    vocab   : the V words that are frequent enough
    code    : int64 (n,), position of each running word in `vocab`; -1 for a rare word, which keeps
              its place, so that the words around it do not become neighbours
    passage : int64 (n,), the number of the passage that each running word is in
    count   : int64 (V,), how often each word occurs
    """

    vocab: Vocabulary
    code: np.ndarray
    passage: np.ndarray
    count: np.ndarray


def corpus(passages: Iterable[str | Sequence[Hashable]], *, min_count: int = 1) -> Corpus:
    """Cut passages into words, and number the words that occur `min_count` times or more.

    passages : texts, which are lower-cased and cut by `WORD`; or sequences of ids (films, say),
               taken as they are

    Raises ValueError where no word occurs often enough.
    """
    passages = list(passages)
    number: dict[Hashable, int] = {}
    lengths = np.zeros(len(passages), dtype=np.int64)

    def running() -> Iterator[int]:  # as numbers, since all words as text would fill the memory
        for i, one in enumerate(passages):
            words = WORD.findall(one.lower()) if isinstance(one, str) else one
            lengths[i] = len(words)
            for word in words:
                yield number.setdefault(word, len(number))

    first_seen = np.fromiter(running(), dtype=np.int64)
    words = list(number)
    count = np.bincount(first_seen)
    often = np.flatnonzero(count >= min_count)
    if len(often) == 0:
        raise ValueError(
            f"no word occurs {min_count} times: the most frequent, {words[count.argmax()]!r}, "
            f"occurs {count.max()} times; lower min_count, or give more text"
        )
    vocab = Vocabulary([words[w] for w in often], kind="word")
    place = np.full(len(words), -1, dtype=np.int64)
    place[often] = vocab.index([words[w] for w in often])
    counted = np.empty(len(vocab), dtype=np.int64)
    counted[place[often]] = count[often]
    passage = np.repeat(np.arange(len(passages)), lengths)
    return Corpus(vocab, place[first_seen], passage, counted)


def cooccurrences(text: Corpus, window: int = 5) -> sp.csr_matrix:
    """How often two words are near each other: symmetric (V, V); d places away counts 1/d.

    A window never crosses the end of a passage. A word that follows itself counts twice, once from
    each side, as any pair does.
    """
    n = len(text.vocab)
    total = sp.csr_matrix((n, n))
    for d in range(1, window + 1):
        left, right = text.code[:-d], text.code[d:]
        near = (text.passage[:-d] == text.passage[d:]) & (left >= 0) & (right >= 0)
        pairs = (np.full(int(near.sum()), 1.0 / d), (left[near], right[near]))
        total = total + sp.coo_matrix(pairs, shape=(n, n)).tocsr()
    return (total + total.T).tocsr()


def pmi(
    counts: sp.spmatrix | np.ndarray, *, smoothing: float = 0.75, positive: bool = True
) -> sp.csr_matrix:
    r"""Pointwise mutual information $\ln \frac{P(w, c)}{P(w)\,P(c)}$ in nats, rows w, columns c.

    Above zero: the pair occurs more often than chance would have it. Only pairs that occur have an
    entry, since 0 has no logarithm.

    counts    : (V, V) numbers >= 0, how often each pair occurs
    smoothing : P(c) is proportional to count^smoothing, which makes the large PMI of rare words
                smaller; 1 for the plain definition
    positive  : entries below zero become (explicit) zeros: PPMI. Pairs below chance are mostly
                rare, so their counts say little
    """
    table = sp.coo_matrix(counts, dtype=np.float64)
    table.sum_duplicates()
    table.eliminate_zeros()
    of_word = np.asarray(table.sum(1)).ravel()
    of_context = np.asarray(table.sum(0)).ravel()
    smoothed = np.where(of_context > 0, of_context, 1.0) ** smoothing * (of_context > 0)
    chance = of_word[table.row] * (smoothed / smoothed.sum())[table.col]  # expected count
    values = np.log(table.data / chance)
    if positive:
        values = np.maximum(values, 0.0)
    return sp.csr_matrix((values, (table.row, table.col)), shape=table.shape)


def pmi_dataset(
    text: Corpus, counts: sp.spmatrix, *, zeros: float = 1.0, power: float = 0.5, seed: int = 0
) -> Dataset:
    """A Dataset to factorise: user w, item c, rating PMI(w, c), weight count^power.

    Two kinds of rows: each pair that occurs, and pairs drawn from those that never do, with rating
    0 and weight 1. Without these, and without weights, pairs seen once or twice by accident would
    dominate, because most pairs are like that. `fit` divides the weighted errors of a batch by the
    batch's weights, so only ratios of weights matter; penalties count each row once.

    zeros  : pairs that never occur, per pair that does. They are drawn with replacement and then
             each is kept once, so there are somewhat fewer; all of them if there are no more
    power  : 1 weights a pair by its count, which suits the noise of counting; then a few
             thousand pairs with "the" and "of" outweigh all others. 0 gives all pairs the same
             weight; 0.5 is in between
    seed   : seed of the draw
    """
    n = len(text.vocab)
    table = pmi(counts).tocoo()
    weight = sp.csr_matrix(counts, dtype=np.float64)
    weight.eliminate_zeros()
    weight.sum_duplicates()  # the order of entries of a csr matrix: that of `pmi`
    known = table.row.astype(np.int64) * n + table.col
    never = _never(np.sort(known), n * n, round(zeros * len(known)), seed)
    words = text.vocab.ids
    side = pd.DataFrame({"user": words, "item": words, "rating": 0.0})
    blank = from_frame(side, name="words", source=f"{len(text.code):,} running words")
    pairs = np.concatenate([known, never])
    rating = np.concatenate([table.data, np.zeros(len(never))]).astype(np.float32)
    return replace(  # narrow columns: there are millions of rows, and they would be most of memory
        blank,
        user=(pairs // n).astype(np.int32),
        item=(pairs % n).astype(np.int32),
        rating=rating,
        weight=np.concatenate([weight.data**power, np.ones(len(never))]).astype(np.float32),
        row=np.arange(len(rating), dtype=np.int32),
        scale=(float(rating.min()), float(rating.max())),
    )


def _never(known: np.ndarray, cells: int, n: int, seed: int) -> np.ndarray:
    """Up to n cells of a table that are not among the known ones; both sorted."""
    free = cells - len(known)
    if n >= free:
        rank = np.arange(free)
    else:
        rank = np.unique(np.random.default_rng(seed).integers(free, size=n))
    # The cell of rank r among the free ones lies after as many known ones as begin before it.
    return rank + np.searchsorted(known - np.arange(len(known)), rank, side="right")


def nearest(
    vocab: Vocabulary, vectors: np.ndarray, of: Hashable | np.ndarray, k: int = 10
) -> pd.Series:
    """The k words whose vectors point most nearly the same way, with their cosines, best first.

    vectors : (V, d), one row per word
    of      : a word, which is left out of the answer, or a vector (d,)

    Raises KeyError for an unknown word.
    """
    own = None if isinstance(of, np.ndarray) else _position(vocab, of)
    towards = of if isinstance(of, np.ndarray) else vectors[own]
    length = np.linalg.norm(vectors, axis=1) * np.linalg.norm(towards)
    cosine = np.where(length > 0, vectors @ towards / np.maximum(length, 1e-300), -1.0)
    best = np.argsort(-cosine, kind="stable")
    best = best[best != own][:k] if own is not None else best[:k]
    return pd.Series(cosine[best], index=vocab.ids[best], name="cosine")


def _position(vocab: Vocabulary, word: Hashable) -> int:
    if word not in vocab:
        raise KeyError(
            f"{word!r} is not among the {len(vocab):,} words that have a vector: it is rarer than "
            "min_count, or spelled differently (words are in lower case)"
        )
    return vocab.position(word)


def overlap(one: np.ndarray, other: np.ndarray, words: np.ndarray, k: int = 10) -> np.ndarray:
    """For each word (position): how many of its k nearest words two sets of vectors share."""
    a, b = (_nearest_positions(vectors, words, k) for vectors in (one, other))
    return (a[:, :, None] == b[:, None, :]).sum((1, 2))


def _nearest_positions(vectors: np.ndarray, words: np.ndarray, k: int) -> np.ndarray:
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
    cosine = unit[words] @ unit.T
    cosine[np.arange(len(words)), words] = -np.inf
    return np.argsort(-cosine, axis=1, kind="stable")[:, :k]
