# ---
# minutes: 45
# needs: [02_mf_follow_along]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # word2vec is matrix factorisation
#
# Train the recommender of page 02 on a dictionary, look at what it learns about words, and then treat
# films as if they were words.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("05_word2vec_is_mf")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Start: words as users and as items
#
# A recommender learns who goes with what. Which words go with which? We take the definitions and
# examples of a large English dictionary. The first run downloads 11 MB.

# %%
import numpy as np
import pandas as pd
import torch

text = page.text
print(f"{text.name}: {len(text.passages):,} passages. One of them:")
print(text.passages[len(text.passages) // 2])

# %% [markdown]
# For each word, look at its **window**: the words up to five places away in the same passage. Each of
# them forms a pair with the word, and we count these pairs in a table. A neighbour that is $d$ places
# away counts as $1/d$.

# %%
import matplotlib.pyplot as plt

sentence = text.passages[len(text.passages) // 2].split()[:11]
centre = len(sentence) // 2
fig, ax = plt.subplots(figsize=(12, 2))
for at, word in enumerate(sentence):
    d = abs(at - centre)
    colour = ws.PALETTE["orange"] if d == 0 else (0.34, 0.71, 0.91, 1 / d)
    box = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "0.4"}
    ax.text(at, 0, word[:12], ha="center", va="center", fontsize=12, bbox=box, parse_math=False)
    entry = "the word" if d == 0 else f"1/{d}"
    ax.text(at, -0.5, entry, ha="center", va="center", fontsize=12)
ax.set(xlim=(-0.7, len(sentence) - 0.3), ylim=(-0.8, 0.5), title="One window, and what it adds")
ax.set_axis_off()
ws.show(fig, alt=f"A sentence with its middle word marked; its neighbours, {len(sentence) - 1} of "
              "them, are paler with distance and add 1/d to the table.")  # fmt: skip

# %% [markdown]
# Sum this over the whole text. We leave out words that are too rare: they have too few neighbours to
# learn from.

# %%
import time

from recsys_workshop import labs

began = time.process_time()
corpus = labs.words.corpus(text.passages, min_count=page.pick(90, 5))
counts = labs.words.cooccurrences(corpus, window=5)  # (V, V), sparse and symmetric
spent = time.process_time() - began
words = corpus.vocab.ids
n_words = len(words)
print(f"{len(corpus.code):,} words in all. {n_words:,} different words occur often enough,")
print(f"and form {counts.nnz:,} different pairs, counted in {spent:.1f} s.")

# %% [markdown]
# Now make a table of ratings from these counts. The *user* is a word, the *item* is a word near it,
# and the rating says how much more often they meet than by chance. Then train the `BiasedMF` that you
# know. It trains in the background while we look at its data.

# %%
settings = {"epochs": page.pick(6, 10), "lr": 0.02, "batch_size": page.pick(16_384, 2_048)}
data = labs.words.pmi_dataset(corpus, counts)
model = rt.models.BiasedMF.for_dataset(data, dim=page.pick(64, 16), l2=0.03)
training = rt.fit(model, data, background=True, **settings)
data.take(np.arange(3)).ratings

# %% [markdown] slideshow={"slide_type": "slide"}
# ## From counts to ratings
#
# Which words are most often near the word below? Counts alone give nearly the same answer for every
# English word: common words like "the" and "of".

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
# If only chance decided, words would take no notice of each other. If $w$ is one word in 100, and $c$
# one in 50, then one pair in 5,000 would be $w$ with $c$. **Pointwise mutual information** (PMI)
# is the logarithm of a ratio: how often a pair really meets, over how often it would meet by chance.
#
# $$\mathrm{PMI}(w, c) = \ln \frac{P(w, c)}{P(w)\,P(c)}
# = \ln \frac{n_{wc}\; n}{n_w\, n_c}$$
#
# $n_{wc}$ is how often the pair was counted, $n_w$ and $n_c$ are the sums of its row and its
# column, and $n$ is the sum of everything. With a PMI of 0, a pair meets as often as by chance; with a
# PMI of 1, $e \approx 2.7$ times as often.

# %% [markdown]
# ### Exercise: PMI
#
# Write `pmi(n)`. It takes a square table of counts, all above zero, and returns a table of the same
# shape with the PMI of each pair.
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
    """(V, V) counts -> (V, V) PMI, with the natural logarithm."""
    return None  # your turn


# %% tags=["solution"]
def pmi(n):
    """(V, V) counts -> (V, V) PMI, with the natural logarithm."""
    return np.log(n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0, keepdims=True)))


# %%
pmi_works = ws.check("05.pmi", pmi)

# %% [markdown]
# The table that we train on holds a PMI that differs from this formula in two small ways. The sum of
# each column is first raised to the power 0.75, and $n$ becomes the sum of these powers. Rare words then
# count as more common than they are, so their PMI is lower. Without this change, a single meeting could
# make the PMI of a rare word far too large. And a PMI below zero becomes zero: the counts of such pairs
# are mostly too small to tell whether they really meet less often than by chance.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two additions: zeros and weights
#
# **Zeros.** The logarithm of 0 is minus infinity, so pairs that never meet have no rating. But the fact
# that two words never meet tells us something. We draw about as many such pairs as there are pairs that
# meet, and rate them 0.
#
# **Weights.** For how many of the pairs is the count large enough to trust the rating?

# %%
meets = counts.data
print(f"{(meets <= 1).mean():.0%} of the pairs have a count of 1 or less,")
print(f"and together they make up {meets[meets <= 1].sum() / meets.sum():.0%} of all counts.")

# %% [markdown]
# We hardly know the rating of a pair with such a small count: one more meeting would change it a lot.
# Each pair is a row of the Dataset, so we give the Dataset a column `weight`. With weights $w$, the loss
# of a batch is
#
# $$\frac{\sum_r w_r\,(\text{rating}_r - \text{score}_r)^2}{\sum_r w_r}$$
#
# A row of weight 3 counts as much as the same row three times. Only ratios matter: doubling all weights
# changes nothing. As the weight of a pair, we take the square root of its count. (With the count itself,
# a few thousand pairs with "the" and "of" would outweigh all others.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which words are near?
#
# Each word now has two vectors: one as a user and one as an item. The two say much the same, so we add
# them. Two words are near if their vectors point the same way: if their **cosine** is high.


# %%
def vectors_of(model):
    """(V, dim): each word's vector as a user plus that as an item."""
    return (model.user_factors + model.item_factors).detach().numpy()


training.wait()
vectors = vectors_of(model)
data = None  # millions of rows: we need their memory below
near = {word: list(labs.words.nearest(corpus.vocab, vectors, word, 6).index) for word in text.words}
pd.DataFrame({word: " ".join(found) for word, found in near.items()}, index=["near"]).T

# %% [markdown]
# Nobody told the model what any word means. It has only seen which words meet. Words with the same
# company get similar vectors, even if they never meet each other, like two users with the same taste.
#
# **Try it.** Put a word of your own into `my_word`. Before you run the cell, write down three words that
# you expect. Then try a word with two meanings, such as *bank* or *spring*: one vector must serve both.

# %%
my_word = text.words[-1]  # change this
near_mine = labs.words.nearest(corpus.vocab, vectors, my_word, 8)
print(f"{my_word}:", ", ".join(f"{word} {cosine:.2f}" for word, cosine in near_mine.items()))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What do zeros and weights do?
#
# Two things were added, so there are four models: with both, with zeros alone, with weights alone, and
# with neither. Change one thing at a time, or you never know which one made the difference.


# %%
def learn(counts, **how):
    """Vectors (V, dim) of a new model, trained on the PMI of these counts."""
    data = labs.words.pmi_dataset(corpus, counts, **how)
    model = rt.models.BiasedMF.for_dataset(data, dim=page.pick(64, 16), l2=0.03)
    rt.fit(model, data, progress=False, **settings)
    return vectors_of(model)


variants = {"both": vectors}
settings_of = {
    "zeros alone": {"power": 0},
    "weights alone": {"zeros": 0},
    "neither": {"zeros": 0, "power": 0},
}
for name in ws.steps(settings_of, "model"):
    variants[name] = learn(counts, **settings_of[name])

# %%
naive = variants["neither"]
plain = {word: list(labs.words.nearest(corpus.vocab, naive, word, 6).index) for word in text.words}
pd.DataFrame(
    {word: [" ".join(near[word]), " ".join(plain[word])] for word in text.words},
    index=["both", "neither"],
).T

# %% [markdown]
# Some neighbours in the column `neither` still look fine. Single examples always do, so we need a number.
# We get it from a **judge**: another method, whose nearest words we compare with those of our models.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The judge inside, and the judge outside
#
# For a full table with all entries weighted alike, the best factorisation is known in closed form: the
# truncated **singular value decomposition** (SVD). So we fill the table of PMI with zeros where nothing
# was counted, and decompose it. We call this SVD the inside judge, because it works on our own table of
# PMI. We ask: of a word's ten nearest words in our model, how many are also among its ten nearest words
# in the SVD? We average over 200 frequent words, without the very commonest. As a control, we also train
# a model on shuffled text: the same words, each as often as before, in random order.
#
# But this judge fills its own table with zeros. Will it favour models that do the same? So there is a
# second judge, outside, that makes no table of PMI and fills nothing with zeros: **word2vec**, a
# well-known method that learns word vectors from pairs. We train it on the same pairs. Further down we
# see why it belongs on this page.

# %%
from sklearn.decomposition import TruncatedSVD

print("A singular value decomposition, then a training on shuffled text ...", flush=True)
table = labs.words.pmi(counts)
svd = TruncatedSVD(page.pick(100, 16), random_state=0)
judge = svd.fit_transform(table) / np.sqrt(svd.singular_values_)

order = np.random.default_rng(0).permutation(len(corpus.code))
shuffled = labs.words.Corpus(corpus.vocab, corpus.code[order], corpus.passage, corpus.count)
variants["shuffled text"] = learn(labs.words.cooccurrences(shuffled), zeros=0.4)

# %% [markdown]
# word2vec draws real pairs, each in proportion to how often its two words meet in the text. For each real
# pair it makes up $k$ pairs: it keeps the first word, and draws the second at random, in proportion to its
# count raised to a `power`. It learns to tell the real pairs from the made-up ones.


# %% tags=["long"]
def word2vec(counts, steps, dim, power=0.75, k=5, seed=0):
    """word2vec ("skip-gram with negative samples"): counts of pairs -> vectors p, q (V, dim)."""
    pairs, draw = counts.tocoo(), np.random.default_rng(seed)
    start = torch.Generator().manual_seed(seed)
    p, q = (
        (0.1 * torch.randn(counts.shape[0], dim, generator=start)).requires_grad_() for _ in "pq"
    )
    optimiser = torch.optim.Adam([p, q], lr=0.01)
    met = pairs.data.cumsum()  # to draw pairs in proportion to their counts
    noise = (np.asarray(counts.sum(0)).ravel() ** power).cumsum()
    for _ in ws.steps(range(steps), "step"):
        real = np.searchsorted(met, draw.random(4_096) * met[-1])
        fake = np.searchsorted(noise, draw.random((4_096, k)) * noise[-1])
        of = p[torch.from_numpy(pairs.row[real]).long()]  # (4096, dim)
        score = (of * q[torch.from_numpy(pairs.col[real]).long()]).sum(-1)
        others = (of[:, None] * q[torch.from_numpy(fake)]).sum(-1)  # (4096, k)
        softplus = torch.nn.functional.softplus
        optimiser.zero_grad()
        (softplus(-score).mean() + softplus(others).sum(1).mean()).backward()
        optimiser.step()
    return p.detach().numpy(), q.detach().numpy()


# %%
P, Q = word2vec(counts, steps=page.pick(1_500, 500), dim=page.pick(64, 16))
outside = P + Q
by_w2v = {w: list(labs.words.nearest(corpus.vocab, outside, w, 6).index) for w in text.words}
pd.DataFrame(
    {word: [" ".join(near[word]), " ".join(by_w2v[word])] for word in text.words},
    index=["PMI, BiasedMF", "word2vec"],
).T

# %%
frequent = np.argsort(-corpus.count, kind="stable")[page.pick(100, 20) :][:200]
judges = {"inside: SVD": judge, "outside: word2vec": outside}
shared = {
    name: {who: labs.words.overlap(v, j, frequent) for who, j in judges.items()}
    for name, v in variants.items()
}
means = pd.DataFrame({n: {who: each.mean() for who, each in s.items()} for n, s in shared.items()})
print("Of a word's ten nearest words, how many the judge finds too, on average:")
means.T.round(1)

# %%
fig, ax = plt.subplots()
height = np.arange(11)
for name, style in (("both", "o-"), ("weights alone", "s--"), ("shuffled text", "^:")):
    ax.plot(height, np.bincount(shared[name]["inside: SVD"], minlength=11), style, label=name)
ax.set(xlabel="nearest words shared with the SVD, of ten", ylabel="number of words")
ax.set(title="On shuffled text, the agreement is gone", xticks=height)
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
medians = {name: float(np.median(s["inside: SVD"])) for name, s in shared.items()}
alt = ", ".join(f"{name} {median:.0f}" for name, median in medians.items())
ws.show(fig, alt=f"Number of words by nearest words shared with the SVD; medians, of ten: {alt}.")

# %%
added = {  # what was added: two models to compare
    "zeros": ("zeros alone", "neither"),
    "weights": ("weights alone", "neither"),
    "weights on top of zeros": ("both", "zeros alone"),
}
gain = {}  # in shared nearest words, with an interval over the 200 words
for what, (one, other) in added.items():
    for who in judges:
        gain[what, who] = rt.interpret.mean_interval(shared[one][who] - shared[other][who])
        value, low, high, _ = gain[what, who]
        told = "" if gain[what, who].off_zero else ", so there may be no difference"
        print(f"Gain from {what} ({who}): {value:+.1f} ({low:+.1f} to {high:+.1f}{told})")

# %% [markdown]
# BiasedMF agrees with two quite different methods on which words are near, and on shuffled text there is
# nothing to agree on. (The model of the shuffled text was trained with fewer zeros, to save memory.) Read
# the gains in the last lines of the output with care. Each compares two rows of the table: the gain from
# zeros, for example, is *zeros alone* minus *neither*. The brackets show how far a gain might move if we
# had chosen other words. To compute them, we draw words at random from those that we judged until we
# have as many as before (one word may be drawn several times), and judge both models on the words
# drawn; we repeat this many times. For the inside judge, most of the gain of *both* over *neither*
# comes from the *zeros*. But this judge may favour zeros, because it fills its own table with them. The
# judge outside fills nothing with zeros: compare its gains with those of the inside judge. What a
# comparison says depends on who judges.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Directions have meaning
#
# If the step from *man* to *king* is the same as the step from *woman* to *queen*, we can calculate
# with words: king − man + woman should be near queen.

# %% [markdown]
# ### Exercise: analogies
#
# Write `target(v, a, b, c)`. For the question "*a* is to *b* as *c* is to what?", it returns the vector
# near which you expect the answer. `v` is a table of vectors, the others are row numbers. Long vectors
# (of frequent words) must not outweigh short ones. The next cells search with your function.
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
aims = ws.check("05.target", target)

# %% [markdown]
# The three words of the question must not be the answer. (If we allow them, the answer is often *b* or
# *c* itself, a fact that is seldom mentioned.) There is also a rival to beat: ignore *a* and *c*, and
# answer with the words **nearest to b** (Linzen 2016).


# %% tags=["long"]
def answer(v, question, use=None):
    """The five words nearest to the target, without those of the question."""
    a, b, c = (corpus.vocab.position(w) for w in question[:3])
    unit = v / np.linalg.norm(v, axis=1, keepdims=True)
    aim = use(v, a, b, c) if use else unit[b] - unit[a] + unit[c]
    found = labs.words.nearest(corpus.vocab, v, np.asarray(aim), 8).index
    return [w for w in found if w not in question[:3]][:5]


known = [q for q in text.analogies if all(w in corpus.vocab for w in q)]
answers = [answer(vectors, q, target if aims else None) for q in known]
pd.DataFrame(
    {
        "question": [f"{a} : {b} = {c} : ?" for a, b, c, _ in known],
        "hoped for": [q[3] for q in known],
        "found": [" ".join(found[:3]) for found in answers],
    }
)

# %%
right = [q[3] == found[0] for q, found in zip(known, answers, strict=True)]
in_five = [q[3] in found for q, found in zip(known, answers, strict=True)]
rivals = {
    "your target" if aims else "the library's target": answers,
    "nearest to b alone": [answer(vectors, q, lambda v, a, b, c: v[b]) for q in known],
    "the target, with neither zeros nor weights": [answer(naive, q) for q in known],
}
for name, found in rivals.items():
    first = sum(q[3] == f[0] for q, f in zip(known, found, strict=True))
    five = sum(q[3] in f for q, f in zip(known, found, strict=True))
    print(f"{name}: {len(known)} questions. The right answer comes first in {first},", end=" ")
    print(f"and among the first five in {five}.")

# %% [markdown]
# Compare the first line with the second before you admire it. If the second also has many right answers,
# these are near *b* anyway, and the analogy adds little. And with so few questions, we cannot tell which
# of two models is better. The text is small, too: published word vectors are trained on far more.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A map
#
# Take the words from above with their nearest words, and draw them along the two axes on which they
# differ most (the first two principal axes).

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
ax.set(
    xlabel="first axis (no unit)", ylabel="second axis (no unit)", title="Neighbours stay together"
)
ws.show(
    fig,
    alt=f"Map of {len(shown)} words in {len(groups)} groups of neighbours, each group together: "
    + ", ".join(groups),
)
print(f"Two axes show {share:.0%} of the differences between these words: a map leaves much out.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why word2vec is matrix factorisation
#
# word2vec never makes a table of PMI. It draws pairs from the text and makes up $k$ pairs for each of
# them; the score of a pair is $s_{wc} = p_w \cdot q_c$. Its loss is the one that you met on page 02 as
# `logistic`. If the second words of the made-up pairs are drawn in proportion to their counts, then all
# pairs of $w$ with $c$, real and made-up, together contribute this to the loss over the whole text:
#
# $$-\,n_{wc}\,\ln\sigma(s_{wc})\;-\;k\,\frac{n_w\,n_c}{n}\,\ln\sigma(-s_{wc})$$
#
# $\sigma(s) = 1 / (1 + e^{-s})$ turns the score of a pair into the chance that the pair is real. The
# factor before the first logarithm is how often the pair meets; the factor before the second is how
# often it is made up. Which score makes the sum smallest?

# %% [markdown]
# ### Exercise: the best score
#
# Work out on paper which score $s_{wc}$ minimises the formula above, and write it as
# `best_score(n_wc, n_w, n_c, n, k)`. Then look at it again: have you seen part of it before? The next
# cells train word2vec on a toy language, and compare its final scores with those of your formula.
#
# <details><summary>Hint 1</summary>
#
# Call the two factors $a$ and $b$, and set the derivative with respect to $s$ to zero. The derivative of
# $\ln\sigma(s)$ is $1 - \sigma(s)$.
#
# </details>
# <details><summary>Hint 2</summary>
#
# You get $\sigma(s)$ as a function of $a$ and $b$. Solve for $s$, and put the two factors back in.
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
minimum = ws.check("05.best_score", best_score)

# %% [markdown]
# That was on paper. Now we try it, with a toy language of eight words, vectors with eight numbers
# (enough to produce any table of eight by eight), and an optimiser that knows nothing about PMI.

# %%
rng = np.random.default_rng(0)
n, k = torch.tensor(rng.integers(1, 30, (8, 8)), dtype=torch.float64), 5
made_up = k * n.sum(1, keepdim=True) * n.sum(0) / n.sum()
p, q = (torch.tensor(rng.normal(size=(8, 8)), requires_grad=True) for _ in "pq")
exactly = {"max_iter": 2_000, "tolerance_change": 0, "line_search_fn": "strong_wolfe"}
steps = torch.optim.LBFGS([p, q], **exactly)


# %% tags=["long"]
def word2vec_loss():
    steps.zero_grad()
    score = p @ q.T
    loss = -(n * score.sigmoid().log() + made_up * (-score).sigmoid().log()).sum()
    loss.backward()
    return loss


_ = steps.step(word2vec_loss)

# %%
expected = labs.words.pmi(n.numpy(), smoothing=1, positive=False).toarray() - np.log(k)
whose = "PMI - ln k"
if minimum:  # your formula, entry by entry
    rows, columns, everything = n.sum(1).numpy(), n.sum(0).numpy(), n.sum().item()
    of_pair = [[(n[i, j].item(), rows[i], columns[j]) for j in range(8)] for i in range(8)]
    expected = np.array([[best_score(*pair, everything, k) for pair in row] for row in of_pair])
    whose = "your formula"
gap = np.abs((p @ q.T).detach().numpy() - expected).max()
print(f"Largest difference between p·q and {whose}: {gap:.0e}.")
if pmi_works:
    apart = np.abs(np.asarray(pmi(n.numpy())) - np.log(k) - expected).max()
    print(f"Largest difference between your pmi - ln {k} and {whose}: {apart:.0e}.")

# %% [markdown]
# So word2vec factorises the table of PMI, shifted by a constant, without ever writing it down (Levy
# and Goldberg, 2014). If a vector has fewer numbers than there are words, the scores cannot match every
# entry. Then word2vec fits frequent pairs better than rare ones, because the weight of a pair is how
# often it is drawn. In our own training the column `weight` plays that role, with the square root of the
# count.
#
# One detail matters a lot: *how the made-up words are drawn*. If they are drawn in proportion to their
# counts, popularity is divided out of the score, as in PMI. If they are drawn evenly, as on page 02,
# popularity is not divided out: the score of a popular word stays high. We test that with films, below.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Films as words: item2vec
#
# A **sentence** may be anything that people put together. Take the films that one person rated in
# one sitting, in the order of rating; a new sitting begins after half an hour without a rating. Not one
# line of the method changes. It does not even look at the stars.

# %%
rated = page.train.ratings.sort_values(["user", "timestamp"], kind="stable")
new = rated["user"].ne(rated["user"].shift()) | (rated["timestamp"].diff() > 1800)
sittings = [films.to_numpy() for _, films in rated.groupby(new.cumsum())["item"]]
mean_films = np.mean([len(s) for s in sittings])
print(f"{len(sittings):,} sittings, with {mean_films:.0f} films on average")


# %%
def item2vec(sentences, seed=0):
    """A Corpus of the films that occur often enough, and the vectors of these films."""
    films = labs.words.corpus(sentences, min_count=page.pick(30, 10))
    data = labs.words.pmi_dataset(films, labs.words.cooccurrences(films, window=5), seed=seed)
    model = rt.models.BiasedMF.for_dataset(data, dim=16, l2=0.03, seed=seed)
    rt.fit(model, data, epochs=10, lr=0.02, batch_size=4_096, progress=False, seed=seed)
    return films, vectors_of(model)


films, film_vectors = item2vec(sittings)
title = page.data.items["title"]

# %% [markdown]
# Now the test of how made-up pairs are drawn. We train word2vec three times on the same sittings. The
# trainings differ only in how the second film of a made-up pair is drawn: evenly (power 0), in
# proportion to its count to the power 0.75, or in proportion to its count (power 1). For each film, take
# all pairs in which it comes second, one for every first film, and take the mean of their scores. How
# much does this mean rise with the logarithm of how often the film occurs?

# %%
near_films, popularity_in = labs.words.cooccurrences(films, window=5), {}
for power in (0, 0.75, 1):
    p_films, q_films = word2vec(near_films, steps=page.pick(500, 250), dim=16, power=power)
    mean_score = (p_films @ q_films.T).mean(0)  # (n_films,)
    popularity_in[power] = float(np.polyfit(np.log(films.count), mean_score, 1)[0])
for power, slope in popularity_in.items():
    print(f"drawn by count^{power:g}: the score rises by {slope:+.2f} per unit of log count")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two kinds of near
#
# The model of page 02 has vectors of films, too, made from stars. Compare the neighbours of some films
# that you like.

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
ws.films(pd.DataFrame(rows, columns=["near", *both]))

# %% [markdown]
# They answer different questions. The vectors from sittings tell which films are *rated in one sitting*,
# liked or not. The vectors from stars tell which films please the *same people*, whether or not they
# rate them in one sitting. We now put numbers on this, over all films that have a vector, with five
# neighbours each. The brackets show how far a difference might move if we had chosen other films.

# %%
genres = {i: set(g) for i, g in page.data.items["genres"].items()}
year = page.data.items["year"].astype(float)


def alike(v):
    """For each film: mean share of genres in common with its neighbours, mean gap in years."""
    same, apart = [], []
    for film in films.vocab.ids:
        five = labs.words.nearest(films.vocab, v, film, 5).index
        mine = genres[film]
        same.append(np.mean([len(mine & genres[o]) / len(mine | genres[o]) for o in five]))
        apart.append((year[five] - year[film]).abs().mean())
    return {"genres shared": np.array(same), "years apart": np.array(apart)}  # (n_films,) each


# %%
rng = np.random.default_rng(1)
print("One more training, on shuffled sittings ...", flush=True)
_, unordered = item2vec([rng.permutation(s) for s in sittings])
kinds = {
    **both,
    "company, order of rating shuffled": unordered,
    "any films": rng.normal(size=film_vectors.shape),
}
per_film = {kind: alike(v) for kind, v in kinds.items()}
compared = pd.DataFrame(per_film).map(np.nanmean).T
compared

# %%
company, company_gap = per_film["by company (item2vec)"], {}
minus = {
    "by stars (MF)": "company minus stars",
    "company, order of rating shuffled": "order of rating minus shuffled order",
}
for other in minus:
    for what in ("genres shared", "years apart"):
        difference = company[what] - per_film[other][what]
        company_gap[other, what] = rt.interpret.mean_interval(difference)
        value, low, high, _ = company_gap[other, what]
        told = "" if company_gap[other, what].off_zero else ", so there may be no difference"
        print(f"{minus[other]}, {what}: {value:+.2f} ({low:+.2f} to {high:+.2f}{told})")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What the order of rating really is
#
# The last lines above compare the order of rating with a shuffled one. On MovieLens, neighbours share
# fewer genres if we shuffle the films within each sitting. So the order carries something. But is it taste?
# Count which film directly follows which.


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
print(f"In {frequently} pairs, the second film directly follows the first", end=" ")
print(f"{many} times or more; after shuffling, in {if_shuffled}. The most frequent:")
for a, b in followed.index[:3]:
    print(f"  {followed[(a, b)]} times: {title[a]}, then {title[b]}")

# %% [markdown]
# On MovieLens, there are far more such pairs than in shuffled sittings. It is no accident that so many
# people rated the same two films in a row: the site showed lists, and people probably went through them
# from top to bottom. So part of what item2vec finds there is probably the **page layout of 1997**, when
# the site began. Whenever you treat something as a sentence, ask: who made the order?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# Your own place among the films is the mean of the vectors of those that you like. Which films are near
# it?

# %%
unit = film_vectors / np.linalg.norm(film_vectors, axis=1, keepdims=True)
my_place = unit[films.vocab.index(liked)].mean(0)
close = labs.words.nearest(films.vocab, film_vectors, my_place, len(films.vocab))
close = close[~close.index.isin(list(page.me))][:8]
print("For our sample person:" if page.me_is_sample else "For you:")
ws.films(pd.DataFrame({"title": title[close.index].to_numpy(), "cosine": close.to_numpy()}))

# %% [markdown]
# Nothing was trained for you. The vector of a new person is the mean of the vectors of the films that they
# like, and a shopping basket or a playlist gets its vector in the same way. That makes item2vec a
# convenient first recommender where there are no stars.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Words are users and items. Their rating is PMI: how far above chance they meet.
# * Zeros and weights are two changes, so we tested them one at a time; and what a judge finds depends
#   on how the judge was made.
# * word2vec factorises the table of PMI (less $\ln k$), without writing it down. How it draws made-up
#   pairs decides whether popularity stays in the score.
# * Films in sittings are words in sentences. But films that are rated in one sitting need not be liked
#   by the same people, and the order of rating may come from somebody's page layout.
#
# **One question to end with** (no cell checks your answer): what are the sentences in your data, and who
# made their order?
#
# **Read on.** Levy and Goldberg 2014, *Neural word embedding as implicit matrix factorization*; Mikolov
# et al. 2013, *Distributed representations of words and phrases and their compositionality*; Barkan and
# Koenigstein 2016, *Item2vec: neural item embedding for collaborative filtering*; Linzen 2016, *Issues
# in evaluating semantic spaces using word analogies*.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the table of neighbours, ask the room for words to look up, and for a word that has two
# meanings (bank, bark, spring): one vector must serve both. (5 minutes)
