"""Words become a Dataset: counts and PMI by hand, planted topics and analogies found."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.decomposition import TruncatedSVD

import recsys_tutorial as rt
from recsys_workshop.labs import words
from recsys_workshop.labs.text import planted_text


def table(text: words.Corpus, counts: sp.csr_matrix) -> dict[tuple[str, str], float]:
    """The entries of a table of words against words, by name."""
    coo = counts.tocoo()
    ids = text.vocab.ids
    return {(ids[r], ids[c]): v for r, c, v in zip(coo.row, coo.col, coo.data, strict=True)}


# ---- corpus -----------------------------------------------------------------------------------


def test_words_are_lower_cased_and_cut_at_what_is_no_letter():
    text = words.corpus(["The dog's bone, 2 dogs--and Été!", "the END"])
    assert list(text.vocab.ids) == sorted(["the", "dog's", "bone", "dogs", "and", "été", "end"])
    assert " ".join(text.vocab.ids[text.code]) == "the dog's bone dogs and été the end"
    assert list(text.passage) == [0] * 6 + [1] * 2
    assert text.count[text.vocab.position("the")] == 2


def test_rare_words_keep_their_place():
    text = words.corpus(["a b a c a"], min_count=2)
    assert list(text.vocab.ids) == ["a"]
    assert list(text.code) == [0, -1, 0, -1, 0]
    assert table(text, words.cooccurrences(text, 2)) == {("a", "a"): 2 * (1 / 2 + 1 / 2)}


def test_sequences_of_ids_are_taken_as_they_are():
    text = words.corpus([[50, 7, 50], (), np.array([7])])
    assert list(text.vocab.ids) == [7, 50]
    assert list(text.code) == [1, 0, 1, 0]
    assert list(text.passage) == [0, 0, 0, 2]


def test_text_without_a_frequent_word_is_refused():
    with pytest.raises(ValueError, match="most frequent, 'b', occurs 2 times"):
        words.corpus(["a b b"], min_count=3)


# ---- counts -----------------------------------------------------------------------------------


def test_counts_by_hand():
    """x y z x: x-y 1 and 1/2 (y x two apart), x-z 1/2 and 1, y-z 1, x-x 1/3 from both sides."""
    text = words.corpus(["x y z x"])
    found = table(text, words.cooccurrences(text, window=3))
    half = {("x", "y"): 1.5, ("x", "z"): 1.5, ("y", "z"): 1.0}
    expected = {**half, **{(b, a): v for (a, b), v in half.items()}, ("x", "x"): 2 / 3}
    assert found == pytest.approx(expected)


def test_the_window_ends_where_it_says_and_where_a_passage_ends():
    text = words.corpus(["a b c", "d e"])
    assert set(table(text, words.cooccurrences(text, 1))) == {
        ("a", "b"), ("b", "a"), ("b", "c"), ("c", "b"), ("d", "e"), ("e", "d"),
    }  # fmt: skip
    wide = table(text, words.cooccurrences(text, 99))
    assert ("a", "c") in wide
    assert ("c", "d") not in wide


def test_counts_equal_those_of_plain_loops(rng):
    passages = [list(rng.integers(0, 12, n)) for n in rng.integers(1, 15, 60)]
    text = words.corpus(passages, min_count=40)
    expected = np.zeros((len(text.vocab),) * 2)
    place = {w: i for i, w in enumerate(text.vocab.ids.tolist())}
    for passage in passages:
        for i, w in enumerate(passage):
            for j, c in enumerate(passage):
                if i != j and abs(i - j) <= 4 and w in place and c in place:
                    expected[place[w], place[c]] += 1 / abs(i - j)
    counts = words.cooccurrences(text, 4)
    assert 0 < len(text.vocab) < 12
    np.testing.assert_allclose(counts.toarray(), expected, rtol=1e-12)
    assert (counts != counts.T).nnz == 0


def test_a_whole_dictionary_is_counted_by_distance():
    """2.8 million running words: the sum of all counts is known."""
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(1, 20_001)
    code = rng.choice(20_000, 2_800_000, p=frequency / frequency.sum())
    vocab = rt.datasets.Vocabulary(range(20_000))
    count = np.bincount(code, minlength=20_000)
    whole = words.Corpus(vocab, code, np.arange(len(code)) // 13, count)
    counts = words.cooccurrences(whole)
    # Each pair of places d apart within 13 gives 1/d, from both sides.
    per_passage = 2 * sum((13 - d) / d for d in range(1, 6))
    assert counts.sum() == pytest.approx(per_passage * len(code) / 13, rel=1e-3)


# ---- PMI --------------------------------------------------------------------------------------

COUNTS = np.array([[0.0, 4.0], [4.0, 8.0]])  # margins 4, 12; 16 in all


def test_pmi_by_hand():
    plain = words.pmi(COUNTS, smoothing=1, positive=False).toarray()
    expected = [[0, log(4 * 16 / (4 * 12))], [log(4 * 16 / (12 * 4)), log(8 * 16 / (12 * 12))]]
    np.testing.assert_allclose(plain, expected)
    # Contexts in proportion to 4^.75 and 12^.75.
    share = 12**0.75 / (4**0.75 + 12**0.75)
    smooth = words.pmi(COUNTS, positive=False).toarray()
    assert smooth[0, 1] == pytest.approx(log(4 / (4 * share)))
    assert smooth[1, 0] == pytest.approx(log(4 / (12 * (1 - share))))
    assert smooth[1, 0] < plain[1, 0]  # of the rare context


def test_pairs_that_never_occur_have_no_entry_and_negative_ones_become_zero():
    found = words.pmi(COUNTS, smoothing=1)
    assert found.nnz == 3
    assert found[1, 1] == 0 > words.pmi(COUNTS, smoothing=1, positive=False)[1, 1]


def test_independent_words_have_no_mutual_information():
    np.testing.assert_allclose(
        words.pmi(np.outer([1, 2, 3], [4, 5]), smoothing=1, positive=False).toarray(), 0, atol=1e-12
    )


# ---- the Dataset ------------------------------------------------------------------------------


def test_rows_are_pairs_that_occur_and_pairs_that_never_do(rng):
    text = words.corpus([list(rng.integers(0, 100, 6)) for _ in range(60)])
    counts = words.cooccurrences(text)
    data = words.pmi_dataset(text, counts, power=1.0, seed=1)
    assert data.user_vocab == data.item_vocab == text.vocab
    dense, values = counts.toarray(), words.pmi(counts).toarray()
    occurs = dense[data.user, data.item] > 0
    assert occurs.sum() == counts.nnz
    assert 0.5 * counts.nnz < (~occurs).sum() <= counts.nnz
    assert len(set(zip(data.user, data.item, strict=True))) == len(data)
    np.testing.assert_allclose(data.weight[occurs], dense[data.user, data.item][occurs], 1e-6)
    np.testing.assert_allclose(data.rating[occurs], values[data.user, data.item][occurs], 1e-6)
    assert set(data.rating[~occurs]) == {0.0}
    assert set(data.weight[~occurs]) == {1.0}
    again = words.pmi_dataset(text, counts, power=1.0, seed=1)
    other = words.pmi_dataset(text, counts, power=1.0, seed=2)
    assert np.array_equal(data.item, again.item)
    assert not np.array_equal(data.item, other.item)


def test_all_pairs_that_never_occur_if_there_are_no_more():
    text = words.corpus(["a b", "c d"])
    data = words.pmi_dataset(text, words.cooccurrences(text), zeros=1e6)
    assert len(data) == 16
    assert len(set(zip(data.user, data.item, strict=True))) == 16
    assert len(words.pmi_dataset(text, words.cooccurrences(text), zeros=0)) == 4


def test_drawn_pairs_cover_the_table_evenly():
    text = words.corpus([[i, (i + 1) % 100] for i in range(100)])
    data = words.pmi_dataset(text, words.cooccurrences(text), zeros=20)
    drawn = data.weight == 1
    drawn &= data.rating == 0
    per_row = np.bincount(data.user[drawn], minlength=100)
    assert per_row.min() > 15  # 33 expected, sd 5
    assert per_row.max() < 55


def test_a_weight_is_how_often_a_row_counts():
    """What `fit` minimises with weight 3 is what it would with the row three times."""
    score, rating = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 4.0])
    weighted = rt.losses.squared_error(score, rt.Batch(rating=rating, weight=torch.tensor([3, 1])))
    repeated = rt.losses.squared_error(
        torch.tensor([1.0, 1.0, 1.0, 2.0]), rt.Batch(rating=torch.tensor([0.0, 0.0, 0.0, 4.0]))
    )
    assert weighted == repeated == (3 * 1 + 4) / 4


# ---- looking ----------------------------------------------------------------------------------

VOCAB = rt.datasets.Vocabulary(["man", "woman", "king", "queen", "fog"])
VECTORS = np.array([[0.0, 0, 0], [2, 0, 1], [1, 0, 0], [3, 3, 0], [1, 3, 0.5]])  # sorted by word
#                    fog          king       man        queen       woman


def test_nearest_by_hand():
    found = words.nearest(VOCAB, VECTORS, "man", 2)
    assert list(found.index) == ["king", "queen"]
    np.testing.assert_allclose(found, [2 / 5**0.5, 1 / 2**0.5])
    assert len(words.nearest(VOCAB, VECTORS, "man", 99)) == 4
    assert words.nearest(VOCAB, VECTORS, np.array([1.0, 0, 0]), 1).index[0] == "man"


def test_what_cannot_be_looked_up_is_refused():
    with pytest.raises(KeyError, match="'dog' is not among the 5 words"):
        words.nearest(VOCAB, VECTORS, "dog")


def test_overlap_counts_shared_neighbours():
    line = np.stack([np.cos(np.arange(6) / 4), np.sin(np.arange(6) / 4)], axis=1)
    assert list(words.overlap(line, 3 * line, np.array([0, 5]), 2)) == [2, 2]
    swapped = line[[0, 4, 2, 3, 1, 5]]
    assert list(words.overlap(line, swapped, np.array([0]), 2)) == [1]


# ---- what is learned --------------------------------------------------------------------------


def vectors_of(text: words.Corpus, counts: sp.csr_matrix, seed: int, **settings) -> np.ndarray:
    data = words.pmi_dataset(text, counts, seed=seed, **settings)
    model = rt.models.BiasedMF.for_dataset(data, dim=16, l2=0.03, seed=seed)
    rt.fit(model, data, epochs=10, lr=0.02, batch_size=2048, progress=False, seed=seed)
    return (model.user_factors + model.item_factors).detach().numpy()


def purity(text: words.Corpus, vectors: np.ndarray, topic: dict[str, int]) -> float:
    """Share of the nearest ten words of a topic's words that are of the topic."""
    return float(
        np.mean(
            [
                topic.get(near) == topic[word]
                for word in list(topic)[::3]
                for near in words.nearest(text.vocab, vectors, word).index
            ]
        )
    )


@pytest.mark.parametrize("seed", [0, 3])
def test_planted_topics_and_analogies_are_found(seed):
    planted = planted_text(seed=seed)
    text = words.corpus(planted.passages)
    vectors = vectors_of(text, words.cooccurrences(text), seed)
    assert purity(text, vectors, planted.truth.topic) > 0.95
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    place = []
    for question in planted.analogies:
        a, b, c = (unit[text.vocab.position(word)] for word in question[:3])
        found = words.nearest(text.vocab, vectors, b - a + c, 23).index
        place.append([w for w in found if w not in question[:3]].index(question[3]))
    assert np.median(place) == 0  # the first answer is right; by chance one in 300 is
    assert max(place) < 10


def test_nothing_is_found_in_shuffled_text():
    planted = planted_text(seed=0)
    text = words.corpus(planted.passages)
    order = np.random.default_rng(0).permutation(len(text.code))
    shuffled = words.Corpus(text.vocab, text.code[order], text.passage, text.count)
    vectors = vectors_of(shuffled, words.cooccurrences(shuffled), 0)
    topics = len(set(planted.truth.topic.values()))
    assert purity(text, vectors, planted.truth.topic) < 1.5 / topics


def test_planted_neighbours_agree_with_a_truncated_svd():
    planted = planted_text(seed=4)
    text = words.corpus(planted.passages)
    counts = words.cooccurrences(text)
    svd = TruncatedSVD(16, random_state=0).fit(words.pmi(counts))
    oracle = svd.transform(words.pmi(counts)) / np.sqrt(svd.singular_values_)
    frequent = np.argsort(-text.count, kind="stable")[20:220]
    assert np.median(words.overlap(vectors_of(text, counts, 4), oracle, frequent)) >= 4


def test_the_optimum_of_word2vec_is_pmi_less_log_k():
    """Levy and Goldberg 2014, equation 7, with as many dimensions as words."""
    rng = np.random.default_rng(0)
    pairs = torch.tensor(rng.integers(1, 30, (7, 7)), dtype=torch.float64)
    of_word, of_context = pairs.sum(1, keepdim=True), pairs.sum(0, keepdim=True)
    for k in (1, 5):
        made_up = k * of_word * of_context / pairs.sum()  # how often each pair is made up
        p, q = (torch.tensor(rng.normal(size=(7, 7)), requires_grad=True) for _ in "pq")
        exact = {"tolerance_grad": 1e-11, "tolerance_change": 0.0}
        optimiser = torch.optim.LBFGS([p, q], max_iter=3000, line_search_fn="strong_wolfe", **exact)

        def loss(p=p, q=q, made_up=made_up, optimiser=optimiser):
            optimiser.zero_grad()
            score = p @ q.T
            softplus = torch.nn.functional.softplus
            total = (pairs * softplus(-score) + made_up * softplus(score)).sum()
            total.backward()
            return total

        optimiser.step(loss)
        plain = words.pmi(pairs.numpy(), smoothing=1, positive=False).toarray()
        np.testing.assert_allclose((p @ q.T).detach().numpy(), plain - log(k), atol=1e-4)
