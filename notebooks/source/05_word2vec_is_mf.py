# ---
# minutes: 40
# needs: [02_mf_follow_along]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # word2vec is matrix factorisation
#
# Train the recommender of page 02 on a dictionary, look at what it makes of words, and then treat
# films as if they were words.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("05_word2vec_is_mf")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Start: words as users and as items
#
# A recommender learns who goes with what. Which words go with which? We take the definitions and
# examples of a large English dictionary. The first time this fetches 11 MB.

# %%
import numpy as np
import pandas as pd
import torch

text = page.text
print(f"{text.name}: {len(text.passages):,} passages. One of them:")
print(text.passages[len(text.passages) // 2])

# %% [markdown]
# We count how often each word has each other word near it: up to five places away, in the same
# passage. Words that are too rare are left out: they have too little company to learn from.

# %%
import time

from recsys_workshop import labs

began = time.process_time()
corpus = labs.words.corpus(text.passages, min_count=page.pick(90, 5))
counts = labs.words.cooccurrences(corpus, window=5)  # (V, V), sparse and symmetric
spent = time.process_time() - began
words = corpus.vocab.ids
n_words = len(words)
print(f"{len(corpus.code):,} running words, {n_words:,} different ones that are often enough,")
print(f"{counts.nnz:,} pairs, counted in {spent:.1f} s.")

# %% [markdown]
# Now make a table of ratings from these counts. The *user* is a word, the *item* is a word near it,
# and the rating says how much more often they meet than by chance. Then start the very
# `BiasedMF` that you know. It trains in the background while we look at what it is fed with.

# %%
settings = {"epochs": page.pick(6, 10), "lr": 0.02, "batch_size": page.pick(16_384, 2_048)}
data = labs.words.pmi_dataset(corpus, counts)
model = rt.models.BiasedMF.for_dataset(data, dim=page.pick(64, 16), l2=0.03)
training = rt.fit(model, data, background=True, **settings)
data.take(np.arange(3)).ratings

# %% [markdown] slideshow={"slide_type": "slide"}
# ## From counts to ratings
#
# Which words have the word below near them most often? Counts alone give the same answer for every
# word: those that are everywhere.

# %%
probe = text.words[0]
row = corpus.vocab.position(probe)
often = pd.Series(counts[row].toarray()[0], index=words)
ratings = pd.Series(labs.words.pmi(counts)[row].toarray()[0], index=words)
seen = often >= 2
pd.DataFrame(
    {
        f"most often near {probe!r}": often.nlargest(8).index,
        "most above chance": ratings[seen].nlargest(8).index,
    }
)

# %% [markdown]
# Chance is what would happen if words did not care about each other. If $w$ is one word in 100, and
# $c$ one in 50, then one pair in 5,000 would be $w$ with $c$. **Pointwise mutual information**
# (PMI) compares with that:
#
# $$\mathrm{PMI}(w, c) = \ln \frac{P(w, c)}{P(w)\,P(c)}
# = \ln \frac{n_{wc}\; n}{n_w\, n_c}$$
#
# $n_{wc}$ is how often the pair was counted, $n_w$ and $n_c$ are the sums of its row and its
# column, and $n$ is the sum of everything. A PMI of 0 is chance; 1 is $e \approx 2.7$ times as
# often as chance.

# %% [markdown]
# ### Exercise: PMI
#
# Write `pmi(n)` for a square table of counts, all above zero: a table of the same shape.
#
# <details><summary>Hint 1</summary>
#
# `n.sum(1, keepdims=True)` are the sums of the rows as a column, `n.sum(0, keepdims=True)` those of
# the columns as a row. Their product is a table.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.log(n * n.sum() / (rows * columns))`
#
# </details>


# %% tags=["stub"]
def pmi(n):
    """(V, V) counts -> (V, V) in nats."""
    return None  # your turn


# %% tags=["solution"]
def pmi(n):
    """(V, V) counts -> (V, V) in nats."""
    return np.log(n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0, keepdims=True)))


# %%
ws.check("05.pmi", pmi)

# %% [markdown]
# The library changes this in three small ways. The sum of a column is first raised to the power
# 0.75: rare words get far too large a PMI by a single meeting, and this takes some of it off. What
# is below zero becomes zero: pairs rarer than chance are mostly just rare. And a neighbour that is
# $d$ places away counts as $1/d$.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two things that a table of words needs
#
# **Pairs that never meet.** The logarithm of 0 is no number, so these have no rating. But that
# two words never meet says something. We draw as many such pairs as there are pairs that meet, and
# rate them 0.
#
# **Weights.** Look at how well most pairs are known.

# %%
meets = counts.data
print(f"{(meets <= 1).mean():.0%} of the pairs were counted once or less.")
print(f"Of all that was counted, they are {meets[meets <= 1].sum() / meets.sum():.0%}.")

# %% [markdown]
# So most rows are hardly measured: one meeting more would change their rating. A Dataset may have a
# column `weight`, and this is how `fit` uses it. With weights $w$ the loss of a batch is
#
# $$\frac{\sum_r w_r\,(\text{rating}_r - \text{score}_r)^2}{\sum_r w_r}$$
#
# A row of weight 3 counts as much as the same row three times. Only ratios matter: doubling all
# weights changes nothing. We weight by the square root of the count. (The count itself would let a
# few thousand pairs with "the" and "of" outweigh all others.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which words are near?
#
# Each word now has two vectors: one as a user and one as an item. They say much the same, so we add
# them. Near means pointing the same way: a high **cosine**.


# %%
def vectors_of(model):
    """(V, dim): each word's vector as a user plus that as an item."""
    return (model.user_factors + model.item_factors).detach().numpy()


training.wait()
vectors = vectors_of(model)
del data  # millions of rows: their memory is needed below
near = {word: list(labs.words.nearest(corpus.vocab, vectors, word, 6).index) for word in text.words}
pd.DataFrame({word: " ".join(found) for word, found in near.items()}, index=["near"]).T

# %% [markdown]
# Nobody told the model what any word means. It has only seen which words meet. Words that keep the
# same company get the same vector, even if they never meet each other: as two users with the same
# taste do.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same without weights
#
# Now leave out both: no pairs that never meet, and all rows weighted alike. This is what you get
# if you simply call the ratings ratings.


# %%
def learn(counts, **how):
    """Vectors (V, dim) of a new model, trained on the PMI of these counts."""
    data = labs.words.pmi_dataset(corpus, counts, **how)
    model = rt.models.BiasedMF.for_dataset(data, dim=page.pick(64, 16), l2=0.03)
    rt.fit(model, data, progress=False, **settings)
    return vectors_of(model)


naive = learn(counts, zeros=0, power=0)
plain = {word: list(labs.words.nearest(corpus.vocab, naive, word, 6).index) for word in text.words}
pd.DataFrame(
    {word: [" ".join(near[word]), " ".join(plain[word])] for word in text.words},
    index=["weights and zeros", "without"],
).T

# %% [markdown]
# Some of it still looks fine. Single examples always do, so we want a number: a judge that knows
# nothing of our training.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A judge: the singular value decomposition
#
# For a full table with all rows weighted alike, the best factorisation is known in closed form: cut
# off the singular value decomposition (SVD). So we fill the table with zeros where nothing was
# counted, cut it, and ask: of the ten nearest words, how many are the same? We ask it of 200
# frequent words, after the very commonest. As a control, the text is shuffled: the same words as
# often, in no order.

# %%
from sklearn.decomposition import TruncatedSVD

table = labs.words.pmi(counts)
svd = TruncatedSVD(page.pick(100, 16), random_state=0)
judge = svd.fit_transform(table) / np.sqrt(svd.singular_values_)

order = np.random.default_rng(0).permutation(len(corpus.code))
shuffled = labs.words.Corpus(corpus.vocab, corpus.code[order], corpus.passage, corpus.count)
no_sense = learn(labs.words.cooccurrences(shuffled), zeros=0.4)

# %%
frequent = np.argsort(-corpus.count, kind="stable")[page.pick(100, 20) :][:200]
shared = {
    name: labs.words.overlap(v, judge, frequent)
    for name, v in (("weights and zeros", vectors), ("without", naive), ("shuffled", no_sense))
}
medians = {name: float(np.median(n)) for name, n in shared.items()}
medians

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
height = np.arange(11)
for (name, n), style in zip(shared.items(), ("o-", "s--", "^:"), strict=True):
    ax.plot(height, np.bincount(n, minlength=11), style, label=name)
ax.set(xlabel="of the ten nearest words, shared with the SVD", ylabel="words")
ax.set(title="How far gradient descent agrees with the SVD", xticks=height)
ax.legend()
alt = ", ".join(f"{name} {median:.0f}" for name, median in medians.items())
ws.show(fig, alt=f"Words by number of shared neighbours; the medians are: {alt} of ten.")

# %% [markdown]
# Two quite different methods agree on the meaning of words, and more so where pairs count by how
# often they were met and where zeros are shown. On shuffled text there is nothing to agree on. (It
# was trained with fewer zeros, to save memory.) They need not agree on all ten: an SVD with another
# number of dimensions does not agree with this one on all ten either.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Directions have meaning
#
# If the step from *man* to *king* is the same as the step from *woman* to *queen*, we can compute
# with words: king − man + woman should be near queen.

# %% [markdown]
# ### Exercise: analogies
#
# Write `target(v, a, b, c)`: the vector where *b is to a as ? is to c* should be found. `v` is a
# table of vectors, the others are row numbers. Long vectors (of frequent words) must not outweigh
# short ones.
#
# <details><summary>Hint 1</summary>
#
# First give each of the three vectors the length 1: divide it by `np.linalg.norm` of itself.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Then start at c and take the step from a to b: `c + (b - a)`.
#
# </details>


# %% tags=["stub"]
def target(v, a, b, c):
    """v (V, d) and three row numbers -> (d,)."""
    return None  # your turn


# %% tags=["solution"]
def target(v, a, b, c):
    """v (V, d) and three row numbers -> (d,)."""
    unit = v / np.linalg.norm(v, axis=1, keepdims=True)
    return unit[c] + unit[b] - unit[a]


# %%
ws.check("05.target", target)

# %% [markdown]
# The library's `analogy` does that, and leaves the three words of the question out of the answer.
# (Without this the answer is often *b* or *c* itself, a fact that is seldom told.)

# %%
known = [q for q in text.analogies if all(w in corpus.vocab for w in q)]
answers = [list(labs.words.analogy(corpus.vocab, vectors, *q[:3], k=5).index) for q in known]
right = [q[3] == found[0] for q, found in zip(known, answers, strict=True)]
pd.DataFrame(
    {
        "question": [f"{a} : {b} = {c} : ?" for a, b, c, _ in known],
        "hoped for": [q[3] for q in known],
        "found": [" ".join(found[:3]) for found in answers],
    }
)

# %%
in_five = [q[3] in found for q, found in zip(known, answers, strict=True)]
print(f"First answer right: {sum(right)} of {len(known)}; among the first five: {sum(in_five)}.")
bad = sum(labs.words.analogy(corpus.vocab, naive, *q[:3], k=1).index[0] == q[3] for q in known)
print(f"Without weights and zeros, the first answer is right for {bad}.")
if abs(sum(right) - bad) <= 2:
    print("So few questions cannot tell the two apart; the neighbours above can.")

# %% [markdown]
# A few hits are no proof, but by chance one answer in thousands would be right. The text is small;
# word vectors that others publish were trained on far more.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A map
#
# Take the words that we looked at with their nearest ones, and look at them from the side from
# which they are farthest apart (two principal axes).

# %%
groups = {w: [w, *near[w][:4]] for w in text.words}
shown = list(dict.fromkeys(w for group in groups.values() for w in group))
rows = vectors[corpus.vocab.index(shown)]
rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
centred = rows - rows.mean(0)
_, size, axes = np.linalg.svd(centred, full_matrices=False)
place = dict(zip(shown, centred @ axes[:2].T, strict=True))

# %% tags=["long"]
fig, ax = plt.subplots(figsize=(10, 7))
looks = [(c, m) for m in "osD" for c in ("blue", "vermilion", "green", "purple")]
for (word, group), (colour, mark) in zip(groups.items(), looks, strict=False):
    points = np.array([place[w] for w in group])
    ax.scatter(*points.T, marker=mark, color=ws.PALETTE[colour])
    for rank, j in enumerate(np.argsort(points[:, 1])):  # from below, names left and right in turn
        how = {"weight": "bold" if group[j] == word else "normal", "va": "center"}
        how["ha"], aside = ("left", 7) if rank % 2 else ("right", -7)
        ax.annotate(group[j], points[j], (aside, 0), textcoords="offset points", **how)
ax.margins(x=0.15)
share = (size[:2] ** 2).sum() / (size**2).sum()
ax.set(xlabel="first axis (no unit)", ylabel="second axis (no unit)", title="Words in two axes")
ws.show(
    fig,
    alt=f"Map of {len(shown)} words in {len(groups)} groups of neighbours, each group together: "
    + ", ".join(groups),
)
print(f"Two axes hold {share:.0%} of the differences between these words: a map leaves much out.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## And word2vec?
#
# word2vec, in its most used form, never makes this table. It walks through the text. For each pair
# that meets it makes up $k$ pairs, with words drawn at random, and learns to tell the real pair
# from the made-up ones by the score $s_{wc} = p_w \cdot q_c$. On page 02 you met this loss as
# `logistic`. Over the whole text, each pair gives
#
# $$-\,n_{wc}\,\ln\sigma(s_{wc})\;-\;k\,\frac{n_w\,n_c}{n}\,\ln\sigma(-s_{wc})$$
#
# $\sigma(s) = 1 / (1 + e^{-s})$ turns a score into a chance, that of being real. The first factor is
# how often the pair meets, the second how often it is made up. Where is the minimum? Set the derivative to zero: the score must be the logarithm of first over second.

# %% [markdown]
# ### Exercise: the best score
#
# Write `best_score(n_wc, n_w, n_c, n, k)`: the score that minimises the line above. Then look at
# it again: what have you seen before?
#
# <details><summary>Hint 1</summary>
#
# The derivative of $-a \ln\sigma(s) - b \ln\sigma(-s)$ is $-a\,(1-\sigma(s)) + b\,\sigma(s)$.
#
# </details>
# <details><summary>Hint 2</summary>
#
# It is zero where $\sigma(s) = a / (a + b)$, and that is $s = \ln (a / b)$.
#
# </details>


# %% tags=["stub"]
def best_score(n_wc, n_w, n_c, n, k):
    """Counts and the number of made-up pairs for each real one -> the score."""
    return None  # your turn


# %% tags=["solution"]
def best_score(n_wc, n_w, n_c, n, k):
    """Counts and the number of made-up pairs for each real one -> the score."""
    return np.log(n_wc * n / (n_w * n_c)) - np.log(k)  # PMI, less a constant


# %%
ws.check("05.best_score", best_score)

# %% [markdown]
# That was paper. Now do it: a toy language of eight words, vectors with eight numbers (enough to
# reach every table), and an optimiser that knows nothing of PMI.

# %%
rng = np.random.default_rng(0)
n, k = torch.tensor(rng.integers(1, 30, (8, 8)), dtype=torch.float64), 5
made_up = k * n.sum(1, keepdim=True) * n.sum(0) / n.sum()
p, q = (torch.tensor(rng.normal(size=(8, 8)), requires_grad=True) for _ in "pq")
exactly = {"max_iter": 2_000, "tolerance_change": 0, "line_search_fn": "strong_wolfe"}
steps = torch.optim.LBFGS([p, q], **exactly)


# %%
def word2vec_loss():
    steps.zero_grad()
    score = p @ q.T
    loss = -(n * score.sigmoid().log() + made_up * (-score).sigmoid().log()).sum()
    loss.backward()
    return loss


steps.step(word2vec_loss)
expected = labs.words.pmi(n.numpy(), smoothing=1, positive=False).toarray() - np.log(k)
gap = np.abs((p @ q.T).detach().numpy() - expected).max()
print(f"Largest difference between p·q and PMI - ln {k}: {gap:.0e}.")

# %% [markdown]
# So word2vec factorises the table of PMI, shifted by a constant, without ever writing it down (Levy
# and Goldberg, 2014). With fewer numbers than words it cannot reach every entry. Then it gives way
# where pairs are rare: each pair weighs as much as it is drawn. That is our column `weight`.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Films as words: item2vec
#
# A **sentence** may be anything that people put together. Take the films that one person rated in
# one sitting, in the order of rating; a new sitting begins after half an hour of silence. Not one
# line of the method changes. Stars are not even looked at.

# %%
rated = page.train.ratings.sort_values(["user", "timestamp"], kind="stable")
new = rated["user"].ne(rated["user"].shift()) | (rated["timestamp"].diff() > 1800)
sittings = [films.to_numpy() for _, films in rated.groupby(new.cumsum())["item"]]
print(
    f"{len(sittings):,} sittings, with {np.mean([len(s) for s in sittings]):.0f} films on average"
)


# %%
def item2vec(sentences, seed=0):
    """Films that occur often enough as a Corpus, and their vectors."""
    films = labs.words.corpus(sentences, min_count=page.pick(30, 10))
    data = labs.words.pmi_dataset(films, labs.words.cooccurrences(films, window=5), seed=seed)
    model = rt.models.BiasedMF.for_dataset(data, dim=16, l2=0.03, seed=seed)
    rt.fit(model, data, epochs=10, lr=0.02, batch_size=4_096, progress=False, seed=seed)
    return films, vectors_of(model)


films, film_vectors = item2vec(sittings)
title = page.data.items["title"]

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two kinds of near
#
# The model of page 02 has vectors of films too, made from stars. Compare the neighbours of some
# films that you like.

# %%
liked = [i for i, stars in page.me.items() if stars >= 4 and i in films.vocab]
places = rt.interpret.pca(page.model).items[page.data.item_vocab.index(films.vocab.ids)]
both = {"by company (item2vec)": film_vectors, "by stars (MF)": places}
rows = []
for film in liked[:4]:
    near_film = {
        kind: labs.words.nearest(films.vocab, v, film, 4).index for kind, v in both.items()
    }
    for pair in zip(*near_film.values(), strict=True):
        rows.append([title[film], *title[list(pair)]])
pd.DataFrame(rows, columns=["near", *both]).set_index("near")

# %% [markdown]
# They answer different questions. Company: who was *watched* and ticked off together, liked or not.
# Stars: what pleases the *same people*, whether or not they sat down to it together. In numbers,
# over all films that have a vector, with five neighbours each:

# %%
genres = {i: set(g) for i, g in page.data.items["genres"].items()}
year = page.data.items["year"].astype(float)


def alike(v):
    """Over all films and five neighbours: shared genres, and years between them."""
    same, apart = [], []
    for film in films.vocab.ids:
        for other in labs.words.nearest(films.vocab, v, film, 5).index:
            same.append(len(genres[film] & genres[other]) / len(genres[film] | genres[other]))
            apart.append(abs(year[film] - year[other]))
    return {"genres shared": np.mean(same), "years apart": np.nanmean(apart)}


# %%
rng = np.random.default_rng(1)
_, unordered = item2vec([rng.permutation(s) for s in sittings])
kinds = {
    **both,
    "company, order of rating shuffled": unordered,
    "any films": rng.normal(size=film_vectors.shape),
}
compared = pd.DataFrame({kind: alike(v) for kind, v in kinds.items()}).T
compared

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What the order of rating really is
#
# Shuffle the films within each sitting, and part of the likeness in genre goes. So the order
# carries something. But is it taste? Count which film directly follows which.


# %%
import itertools


def successions(sentences):
    """How often one film directly follows another, largest first."""
    pairs = [pair for s in sentences for pair in itertools.pairwise(s)]
    return pd.Series(pairs).value_counts()


# %%
followed = successions(sittings)
by_chance = successions([rng.permutation(s) for s in sittings])
many = page.pick(8, 4)
frequently, if_shuffled = int((followed >= many).sum()), int((by_chance >= many).sum())
print(
    f"{frequently} pairs of films follow each other {many} times or more; shuffled: {if_shuffled}."
)
for a, b in followed.index[:3]:
    print(f"  {followed[(a, b)]} times: {title[a]}, then {title[b]}")

# %% [markdown]
# On MovieLens hundreds of people did not happen to think of the same two films in a row. The site
# showed lists, and people ticked them off from top to bottom. Part of what item2vec finds there is
# the **page layout of 1997**. Whatever you take for sentences, ask who put the words in that order.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# Your own place among films is the mean of the films that you like. Which films are near it?

# %%
unit = film_vectors / np.linalg.norm(film_vectors, axis=1, keepdims=True)
my_place = unit[films.vocab.index(liked)].mean(0)
close = labs.words.nearest(films.vocab, film_vectors, my_place, len(films.vocab))
close = close[~close.index.isin(list(page.me))][:8]
print("For our sample person:" if page.me_is_sample else "For you:")
pd.DataFrame({"title": title[close.index].to_numpy(), "cosine": close.to_numpy()})

# %% [markdown]
# Nothing was trained for you: a new person, a shopping basket, a playlist are all the mean of what
# is in them. That is why item2vec is popular, and why it makes a good first recommender where there
# are no stars.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Words are users and items. Their rating is PMI: how far above chance they meet.
# * A table of counts needs weights, and pairs that never occur: with them the neighbours agree far
#   more with those of another method.
# * word2vec factorises the same table (less $\ln k$), without writing it down.
# * Films in sittings are words in sentences. Company is not liking, and the order of
#   rating may be somebody's page layout.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the table of neighbours, ask the room for words to look up, and for a word that has two
# meanings (bank, bark, spring): one vector must serve both. (5 minutes)
