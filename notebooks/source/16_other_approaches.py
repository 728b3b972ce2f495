# ---
# minutes: 45
# needs: [02_mf_follow_along, 06_evaluation]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Other approaches, one table
#
# Meet the simple methods that are hard to beat, tune them as carefully as your own model, and put
# every approach into one table under one protocol.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("16_other_approaches")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A recommender without training
#
# The next cell fits a model that has no epochs, no learning rate and no random numbers. It solves
# one equation. Then it recommends five films from your ratings, and says why.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

train, valid = page.train, page.valid
start = time.perf_counter()
ease = rt.models.EASE.for_dataset(train)
ease.fit(train)
print(f"Fitted in {time.perf_counter() - start:.1f} seconds. For you:")
for film in rt.recommend(ease, page.data, ratings=page.me, k=5, reasons=True).itertuples():
    print(f"{film.title}\n    {film.reasons}")

# %% [markdown]
# The brackets say what each of your ratings adds to the score. (The score is not a number of stars
# here; only its order counts.) A film that you rated low still adds a little: you chose to watch it,
# which you did not do with most films.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before going on: where in the table at the end will this model stand, among all the
# models of the series? Write the guesses down. (3 minutes)

# %% [markdown]
# ## One protocol
#
# Numbers can be compared only if they were made in the same way. On this page:
#
# * a film is *relevant* if the user gave it 4 or 5 stars;
# * it is ranked among the **whole** catalogue, less what the user has rated in training;
# * the measure is NDCG@10, the mean over users (page 06);
# * settings are chosen on the validation part. Test parts are for the table at the end.


# %%
def ndcg(model):
    return rt.evaluate(model, valid, train=train)["ndcg@10"]


def fitted(cls, **settings):
    model = cls.for_dataset(train, **settings)
    rt.fit(model, train, progress=False)
    return model


score = {"Popularity": ndcg(fitted(rt.models.Popularity)), "EASE": ndcg(ease)}
print(f"NDCG@10: popularity {score['Popularity']:.3f}, EASE {score['EASE']:.3f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What is missing says something too
#
# Rating models look at the ratings that are there. But people choose what they watch. A film that
# somebody never rated is one that they did not choose: perhaps they disliked the look of it, and more
# often they never met it. Either way they chose it less than the films that they rated. So fill the
# table: a rating of $r$ stars becomes $x_{ui} = r/5$, and a missing one becomes 0.

# %%
x = ease.table(train).toarray()  # (n_users, n_items)
print(f"{x.shape[0]:,} users, {x.shape[1]:,} films; {np.mean(x == 0):.0%} of the table is zero.")

# %% [markdown]
# **EASE** predicts each column of this table from all the *other* columns, by ridge regression
# (least squares, with $\lambda$ times the squared weights as a penalty):
# $s_{ui} = \sum_j x_{uj} W_{ji}$, and a film may not predict itself, $W_{ii} = 0$. That sounds like
# one regression per film. But all of them come out of one inverse. With
# $P = (x^\top x + \lambda I)^{-1}$,
#
# $$W_{ji} = -\,P_{ji} / P_{ii} \quad (j \ne i), \qquad W_{ii} = 0.$$

# %% [markdown]
# ### Exercise: EASE in five lines
#
# Write `ease_weights(x, l2)`, which returns $W$, (n_items, n_items). `l2` is $\lambda$.
#
# <details><summary>Hint 1</summary>
#
# `np.linalg.inv(x.T @ x + l2 * np.eye(n_items))` is $P$. Its diagonal is `np.diag(p)`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# *Column* $i$ is divided by $P_{ii}$. numpy lines a vector up with the last axis, the columns, so
# `-p / np.diag(p)` is right. `np.fill_diagonal(w, 0)` does the rest.
#
# </details>


# %% tags=["stub"]
def ease_weights(x, l2):
    """x (n_users, n_items) -> W (n_items, n_items)."""
    return None  # your turn


# %% tags=["solution"]
def ease_weights(x, l2):
    """x (n_users, n_items) -> W (n_items, n_items)."""
    p = np.linalg.inv(x.T @ x + l2 * np.eye(x.shape[1]))
    w = -p / np.diag(p)
    np.fill_diagonal(w, 0)
    return w


# %%
ws.check("16.ease", ease_weights)

# %%
mine = ease_weights(x, ease.l2)
library = ease.weights.numpy()
gap_ease = np.nan if mine is None else float(np.abs(mine - library).max())
told = "your function is still open" if mine is None else f"{gap_ease:.0e}"
print(f"Largest difference to the library: {told}.")
strongest = np.unravel_index(library.argmax(), library.shape)
titles = page.data.items["title"].to_numpy()
print(f"The largest weight leads from {titles[strongest[0]]} to {titles[strongest[1]]}.")

# %% [markdown]
# Two relatives need even less. **ItemKNN** takes the cosine of two columns for the weight, and keeps
# only each film's nearest neighbours. **PureSVD** keeps the few directions along which the table
# varies most: $s = x\,Q Q^\top$. (This is the SVD of textbooks. What rating libraries call SVD is
# our `BiasedMF`: it leaves missing ratings out.)

# %%
knn, svd = fitted(rt.models.ItemKNN), fitted(rt.models.PureSVD)
length = np.linalg.norm(x, axis=0)
cosine = x.T @ x / (np.outer(length, length) + knn.shrink)
kept = knn.weights.numpy() != 0
gap_knn = float(np.abs(cosine - knn.weights.numpy())[kept].max())
q = np.linalg.svd(x, full_matrices=False)[2][: svd.dim].T  # (n_items, dim)
everybody = rt.Batch(user=torch.arange(train.n_users))
gap_svd = float(np.abs(x @ q @ q.T - svd.score_items(everybody).numpy()).max())
score |= {"ItemKNN": ndcg(knn), "PureSVD": ndcg(svd)}
print(f"Differences to the library: {gap_knn:.0e} and {gap_svd:.0e}.")
pd.Series(score, name="NDCG@10").round(3).to_frame()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Alternating least squares
#
# Matrix factorisation can fill the whole table as well: it should give $x_{ui}$ everywhere, zeros
# too. But a zero is only a weak opinion, so each cell gets a *confidence* $c_{ui} = 1 + \alpha x_{ui}$:
#
# $$\sum_{u,i} c_{ui}\,(x_{ui} - p_u \cdot q_i)^2 + \lambda \Big(\sum_u |p_u|^2 + \sum_i |q_i|^2\Big)$$
#
# Hold all $q$ fixed, and each user is a small ridge regression with an exact solution. Then hold
# all $p$ fixed and solve the films. Each half of a sweep can only lower the sum.
#
# Only: the sum runs over the whole table. The **Gram trick** avoids that. Without ratings, every
# user would need the same matrix, $G = \sum_i q_i q_i^\top$. So compute $G$ once, and for each user
# add what the few *rated* films have on top:
#
# $$\Big(G + \sum_{i\ \mathrm{rated}} (c_{ui} - 1)\, q_i q_i^\top + \lambda I\Big)\, p_u
# = \sum_{i\ \mathrm{rated}} c_{ui}\, x_{ui}\, q_i$$

# %% [markdown]
# ### Exercise: one user, without touching the zeros
#
# Write `user_row(q, x, gram, c, l2)`. `q` (n, dim) are the vectors of the *rated* films only, `x`
# and `c` (n,) their values and confidences, `gram` is $G$, (dim, dim), and `l2` is $\lambda$.
#
# <details><summary>Hint 1</summary>
#
# $\sum_i w_i\, q_i q_i^\top$ is `(q * w[:, None]).T @ q`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# $G$ holds each rated film once already. So on the left the weight is `c - 1`, on the right `c * x`.
# `np.linalg.solve(left, right)` gives the row.
#
# </details>


# %% tags=["stub"]
def user_row(q, x, gram, c, l2):
    """q (n, dim), x (n,), gram (dim, dim), c (n,) -> p_u (dim,)."""
    return None  # your turn


# %% tags=["solution"]
def user_row(q, x, gram, c, l2):
    """q (n, dim), x (n,), gram (dim, dim), c (n,) -> p_u (dim,)."""
    left = gram + (q * (c - 1)[:, None]).T @ q + l2 * np.eye(q.shape[1])
    return np.linalg.solve(left, q.T @ (c * x))


# %%
ws.check("16.user_row", user_row)

# %% [markdown]
# Now sweep, and write the objective down after each half. (In 64-bit numbers, so that "never rises"
# can be taken at its word. `worst` and `prior` make the library's model the one above: its targets are
# x, its scores start at 0.)

# %%
classic = {"dim": 64, "l2": 40.0, "alpha": 8.0, "sweeps": 8, "worst": 0.2, "prior": 0.0}
als = rt.models.ImplicitALS.for_dataset(train, **classic).double()
cells = als.cells(train)  # the same table x, sparse, by rows and by columns
objective = [als.objective(train)]
for _ in range(als.sweeps):
    for side in ("item", "user"):
        als.solve(cells, side)
        objective.append(als.objective(train))

# %%
fig, ax = plt.subplots()
ax.plot(np.arange(len(objective)) / 2, objective, "o-", color=ws.PALETTE["blue"])
ax.set(xlabel="sweeps (number)", ylabel="objective (weighted squared errors)")
ax.set(title="Each half-sweep lowers the sum")
worst = float(np.diff(objective).max())
ws.show(
    fig,
    alt=f"Objective against sweeps: falls steeply at first, then hardly; from {objective[0]:,.0f} "
    f"to {objective[-1]:,.0f}, never up.",
)

# %%
u = int(np.argmax(train.counts("user")))
rated = x[u] > 0
q_all = als.item_factors.numpy()
c = 1 + als.alpha * x[u, rated]
row = user_row(q_all[rated], x[u, rated], q_all.T @ q_all, c, als.l2)
gap_als = np.nan if row is None else float(np.abs(row - als.user_factors[u].numpy()).max())
told = "your function is still open" if row is None else f"{gap_als:.0e}"
print(f"Largest difference of your row to the library's: {told}.")
score["ImplicitALS, classic"] = ndcg(als.float())
print(f"NDCG@10 {score['ImplicitALS, classic']:.3f}, after {als.sweeps} sweeps.")

# %% [markdown]
# ### A ranker that hears dislikes
#
# In this classic form a film with one star still has a *higher* target, $1/5$, than a film that nobody
# rated, 0. So hating ten films gives nearly the list of loving them. The series' ranker,
# `page.ranker`, changes two things. The targets run in a straight line from 1 for the best rating to
# **below 0** for the worst (`worst`), so a dislike pushes similar films down. And each score starts at
# how popular the film is (`prior`), so that somebody without ratings gets what most people like.

# %%
score["ImplicitALS, hears dislikes"] = ndcg(page.ranker)
known = page.data.item_vocab.ids[np.argsort(-train.counts("item"), kind="stable")[:60]]
genres = page.data.items["genres"]
kind = max({g for i in known for g in genres[i]}, key=lambda g: sum(g in genres[i] for i in known))
ten = [i for i in known.tolist() if kind in genres[i]][:10]

# %%
low, high = page.data.scale
agree = {}
for name, model in (("classic", als), ("hears dislikes", page.ranker)):
    loved, hated = (
        set(rt.recommend(model, page.data, ratings=dict.fromkeys(ten, stars))["title"])
        for stars in (high, low)
    )
    agree[name] = len(loved & hated)
    print(f"{name}: NDCG@10 {score[f'ImplicitALS, {name}']:.3f};", end=" ")
    print(f"{len(ten)} films of the kind {kind}, loved or hated: {agree[name]} of 10 titles agree.")

# %% [markdown]
# ### Plays instead of stars
#
# Often nobody gives stars, and you know only how *often* somebody played a song. Here are planted
# plays: fame and chance decide what people try once, and taste decides what they play again.

# %%
maker = np.random.default_rng(0)
liking = maker.normal(size=(300, 4)) @ maker.normal(size=(200, 4)).T / 2  # (people, songs)
tries = 0.3 * liking + maker.normal(size=200) + maker.gumbel(size=liking.shape)
songs = np.argsort(-tries, axis=1)[:, :50]  # each person tries 50 of 200 songs
plays = pd.DataFrame({"user": np.repeat(np.arange(300), 50), "item": songs.ravel()})
plays["plays"] = 1 + maker.poisson(np.exp(1.2 * liking[plays["user"], plays["item"]]))
print(plays["plays"].describe()[["50%", "mean", "max"]].round(1).to_dict())

# %% [markdown]
# `counts="plays"` turns c plays into a confidence $1 + \alpha \ln(1 + c)$, which becomes the weight of
# the row. Is that better than plain pairs, which forget how often? We ask twice: for all held-out
# songs, and for those that somebody played five times or more.

# %%
often_played = {}
for alpha in (None, 1.0, 10.0):
    kept = {} if alpha is None else {"counts": "plays", "alpha": alpha}
    heard = rt.datasets.from_frame(plays if kept else plays[["user", "item"]], **kept)
    *parts, held_out = heard.split("random", seed=1)  # the same rows each time
    player = rt.models.ImplicitALS.for_dataset(parts[0], dim=16)
    rt.fit(player, parts[0], progress=False)
    often = held_out.take(plays["plays"].to_numpy()[held_out.row] >= 5)
    often_played["plain pairs" if alpha is None else f"counts, alpha {alpha:g}"] = [
        rt.evaluate(player, part, train=parts, metrics=["ndcg@10"])["ndcg@10"]
        for part in (held_out, often)
    ]
pd.DataFrame(often_played, index=["all songs", "played 5 times or more"]).T.round(3)

# %% [markdown]
# For the question what somebody tries next, counts are no better than plain pairs. For what they will
# *love*, they are clearly better, and a larger `alpha` helps. So first say which of the two your list
# is for, and measure that. (On data of your own: `docs/your_data.md`.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Learning the order itself
#
# Page 02 trained MF with ranking losses. Two of them belong in the comparison:
#
# * **BPR**: a rated film should beat an unrated one, $-\ln \sigma(s_{ui} - s_{uj})$. The unrated
#   film $j$ is drawn among those that this user has *not rated in training*.
# * **Softmax**: pick the rated film out of a line-up, $-\ln \mathrm{softmax}(s)$. In the line-up
#   stand some unrated films (*sampled*), or the whole catalogue (*full*, `negatives="all"`).
#
# The logarithm matters. Look at the slope where the order is most wrong:

# %%
lead = torch.tensor([-10.0, -2.0, 0.0, 2.0], requires_grad=True)
slopes = {}
for name, loss in (("1 - sigmoid", 1 - lead.sigmoid()), ("-ln sigmoid", -lead.sigmoid().log())):
    slopes[name] = torch.autograd.grad(loss.sum(), lead)[0].numpy().round(5)
pd.DataFrame(slopes, index=pd.Index(lead.tolist(), name="lead of the rated film"))

# %% [markdown]
# Without the logarithm, a pair that is ten points wrong has next to no gradient, and is never
# repaired. (You will meet this form in the wild, under the name of BPR.) With it, such a pair pulls
# with full force.
#
# Each rating counts as much as its stars, like $x$ above. The other settings are the best of a few
# trials; more of that below.

# %%
from dataclasses import replace

weighted = replace(train, weight=train.rating / 5)  # 5 stars count five times as much as one
bpr = rt.models.MF.for_dataset(train, dim=64, l2=0.015)
rt.fit(bpr, weighted, loss=rt.losses.bpr, negatives=4, batch_size=1024,
       epochs=page.pick(30, 10), progress=False)  # fmt: skip
score["BPR"] = ndcg(bpr)


# %%
class RankedMF(rt.models.MF):
    def penalty(self, batch):  # NEW: paid for the rated film, not for the line-up
        return super().penalty(replace(batch, item=batch.item[:, :1]))


softmax = RankedMF.for_dataset(train, dim=32, l2=0.06)
rt.fit(softmax, weighted, loss=rt.losses.sampled_softmax, negatives=32, batch_size=256,
       epochs=page.pick(8, 3), progress=False)  # fmt: skip
score["sampled softmax"] = ndcg(softmax)
pd.Series(score, name="NDCG@10").sort_values(ascending=False).round(3).to_frame()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Tune the baseline
#
# EASE has a single setting, $\lambda$. Here is what it is worth.

# %%
strengths = [1, 3, 10, 30, 100, 200, 400, 1000, 3000]
tuned = [ndcg(fitted(rt.models.EASE, l2=float(s))) for s in strengths]
fig, ax = plt.subplots()
ax.semilogx(strengths, tuned, "o-", color=ws.PALETTE["blue"], label="EASE")
ax.axhline(score["BPR"], color=ws.PALETTE["vermilion"], linestyle="--", label="tuned BPR")
ax.axhline(score["Popularity"], color=ws.PALETTE["black"], linestyle=":", label="popularity")
ax.set(xlabel="l2 of EASE (squared ratings)", ylabel="NDCG@10 on validation films")
ax.set(title="One setting decides who wins")
ax.legend()
ws.show(
    fig,
    alt=f"NDCG@10 of EASE against l2: {tuned[0]:.3f} at 1, best {max(tuned):.3f} in the middle; "
    f"tuned BPR is a horizontal line at {score['BPR']:.3f}.",
)

# %% [markdown]
# Now the same for all. Searching takes minutes, so these numbers come from the project's ledger,
# `benchmarks/results.json`. *Careless* is a setting that somebody takes who does not look. *Tuned* is
# the best of a few trials. Two contenders come from a well-known library named `implicit`: its ALS
# and its BPR (`ImplicitALS` is ours). Their careless setting is that library's default.

# %%
tuning = ws.ledger("16", "tuning")
trials = pd.DataFrame(tuning.record["rows"]).T
trials = trials.rename(columns={"valid": "tuned"})
tried = trials["trials"].astype(int).sort_values()
trials = trials.dropna(subset="careless").sort_values("tuned")
careless = trials["careless_settings"].map(
    lambda chosen: ", ".join(f"{k} {v:g}" for k, v in chosen.items()) or "the library's defaults"
)
trials = trials[["careless", "tuned", "trials"]].astype(float)
print(f"Trials per model: {', '.join(f'{name} {n}' for name, n in tried.items())}.")
careless.rename("the careless setting").to_frame()

# %% [markdown]
# The numbers of trials are not equal: the two softmax rows had the fewest. A model with few trials may
# have more to give, so read its row as a lower bound.

# %% slideshow={"slide_type": "subslide"} tags=["long"]
fig, ax = plt.subplots(figsize=(9, 4.5))
y = np.arange(len(trials))
ax.hlines(y, trials["careless"], trials["tuned"], color=ws.PALETTE["sky"], linewidth=4)
ax.plot(trials["careless"], y, "s", color=ws.PALETTE["vermilion"], label="careless")
ax.plot(trials["tuned"], y, "o", color=ws.PALETTE["blue"], label="tuned")
ax.set_yticks(y, trials.index)
ax.set(xlabel="NDCG@10 on validation films", ylabel="model", title="Careless and tuned")
ax.legend(loc="lower right")
gain = (trials["tuned"] / trials["careless"] - 1).median()
ws.show(
    fig,
    alt="For each model its careless and its tuned NDCG@10: "
    + "; ".join(f"{n} {r.careless:.3f} to {r.tuned:.3f}" for n, r in trials.iterrows()),
)
print(f"Measured on {tuning.data}. Tuning gains {gain:.0%} for the median model.")

# %% [markdown]
# ### Exercise: write a bad paper
#
# You are fond of one model and tune it. The others you run carelessly. Which models can be
# "better than EASE" in your paper, although EASE tuned beats them? Give a list of names from the
# index of `trials`.
#
# <details><summary>Hint 1</summary>
#
# `trials.loc["EASE", "careless"]` is what your paper says of EASE, and `trials.loc["EASE", "tuned"]`
# is the truth.
#
# </details>
# <details><summary>Hint 2</summary>
#
# You need the rows whose `tuned` is above the first number and below the second.
#
# </details>

# %% tags=["stub"]
unfair = None  # your turn: a list of names

# %% tags=["solution"]
base = trials.loc["EASE"]
unfair = list(
    trials.index[(trials["tuned"] > base["careless"]) & (trials["tuned"] < base["tuned"])]
)

# %%
ws.check("16.unfair", unfair)

# %% [markdown]
# This is not a joke. When others ran published models again beside carefully tuned simple ones, many
# of the gains were gone (Ferrari Dacrema and others 2019; Rendle and others 2019, 2020). So: same
# data, same measure, and the *same number of trials* for the baseline.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Models of stars, once more
#
# Three more models predict stars, as on page 02. Each is BiasedMF with one thing changed.
#
# **SVD++**: a user is also the sum of what they rated, whatever the stars. With $N(u)$ the user's
# training films, $p_u$ becomes $p_u + |N(u)|^{-1/2} \sum_{j \in N(u)} y_j$. Here it is, for one
# user and one film, beside the library:

# %%
svdpp = fitted(rt.models.SVDpp)
p, q, y = (getattr(svdpp, n).detach() for n in ("user_factors", "item_factors", "item_implicit"))
b_u, b_i = svdpp.user_bias.detach(), svdpp.item_bias.detach()
u, i = int(valid.user[0]), int(valid.item[0])
history = train.item[train.user == u]  # N(u)
vector = p[u] + y[history].sum(0) / np.sqrt(len(history))  # NEW (dim,)
stars = float(svdpp.mean + b_u[u] + b_i[i] + vector @ q[i])
gap_svdpp = abs(stars - float(rt.predict(svdpp, valid, clip=False)[0]))
print(f"{titles[i]}: {stars:.2f} stars; difference to the library {gap_svdpp:.0e}.")

# %% [markdown]
# **Tensor factorisation** gives time a vector too: $\sum_f p_{uf}\, q_{if}\, w_{tf}$. If all $w$
# are one, it *is* MF. That is how it starts; small random numbers in three factors would multiply to
# nothing, and learning would crawl.

# %%
plain = rt.models.BiasedMF.for_dataset(train, seed=1)
tensor = rt.models.TensorFactorization.for_dataset(train, dim=plain.dim, seed=1)
gap_tensor = float(np.abs(rt.predict(tensor, valid) - rt.predict(plain, valid)).max())
print(f"Ones as third factor: {gap_tensor:.0e} stars from MF.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Hashing: fewer vectors than films
#
# A shop with a hundred million items has no memory for as many vectors. **Hashing** keeps a table of
# fewer rows, and a fixed function sends each id to one of them. Who shares a row shares a vector: a
# *collision*. With two hash functions, and for each id two learned weights on its two rows, hardly
# anybody shares both.

# %% [markdown]
# ### Exercise: how many collide?
#
# Write `shared(n, buckets)`: the share of `n` ids that are *not* alone in their bucket, expected for
# a hash that spreads ids evenly.
#
# <details><summary>Hint 1</summary>
#
# Take one id. Each of the other `n - 1` misses its bucket with probability `1 - 1 / buckets`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The id is alone if *all* of the others miss: that probability to the power `n - 1`.
#
# </details>


# %% tags=["stub"]
def shared(n, buckets):
    """Expected share of ids with company, 0 to 1."""
    return None  # your turn


# %% tags=["solution"]
def shared(n, buckets):
    """Expected share of ids with company, 0 to 1."""
    return 1 - (1 - 1 / buckets) ** (n - 1)


# %%
ws.check("16.shared", shared)

# %%
hashed, small = {}, {}
for compress in (2.0, 4.0, 8.0, 16.0):
    model = small[compress] = fitted(rt.models.HashedMF, compress=compress)
    buckets, n = len(model.hashed_items), page.data.n_items
    found = model.collisions("item")
    numbers = sum(t.numel() for t in model.parameters())
    error = rt.metrics.rmse(valid.rating, rt.predict(model, valid))
    hashed[compress] = (buckets, found.one, shared(n, buckets), found.both, 4e-3 * numbers, error)
columns = ["rows", "share a row", "expected", "share both", "memory (kB)", "RMSE (stars)"]
collisions = pd.DataFrame(hashed, index=columns).T.rename_axis("films per row").astype(float)
collisions.round(3)

# %% [markdown]
# One hash: as many share a row as chance would have it, soon nearly all. Two hashes: few share
# both, as long as there are many more *pairs* of rows than films. That ends too, in the last line.

# %%
full, biases = fitted(rt.models.BiasedMF), fitted(rt.models.BiasedMF, dim=0)
full_kb = 4e-3 * sum(t.numel() for t in full.parameters())
rmse = {
    name: rt.metrics.rmse(valid.rating, rt.predict(m, valid))
    for name, m in (("BiasedMF", full), ("biases only", biases))
}

# %% tags=["long"]
fig, ax = plt.subplots()
ax.plot(collisions["memory (kB)"], collisions["RMSE (stars)"], "o-", label="hashed, two rows an id",
        color=ws.PALETTE["blue"])  # fmt: skip
ax.plot(full_kb, rmse["BiasedMF"], "s", label="a vector for each", color=ws.PALETTE["orange"])
ax.axhline(rmse["biases only"], color="black", ls=":", label="no vectors, biases only")
ax.set(xlabel="memory of all parameters (kB)", ylabel="RMSE (stars)", title="What memory buys")
ax.legend(loc="center right")
least = collisions.iloc[-1]
ws.show(
    fig,
    alt=f"RMSE against memory: {rmse['BiasedMF']:.3f} stars with a vector for each at "
    f"{full_kb:.0f} kB, {least['RMSE (stars)']:.3f} with hashing at {least['memory (kB)']:.0f} kB; "
    f"biases only {rmse['biases only']:.3f}.",
)

# %% [markdown]
# Read the figure from right to left: how much accuracy does each halving cost? Where the curve meets
# the dotted line, so many films share their rows that the vectors say nothing any more.
#
# Two things to watch. The hash must be the same tomorrow and on the next machine; Python's own `hash()` of a
# text is not. And the remainder of a number is a poor hash. Where all ids end in 0, say, nine rows
# of ten stay empty and the tenth holds everybody.

# %% [markdown]
# The models of stars side by side, each with the settings that the library starts from. (FM is the
# factorisation machine of page 10, which knows genres and ages as well.)

# %%
fm = fitted(rt.models.FactorizationMachine)
tensor = fitted(rt.models.TensorFactorization)
for name, model in (("SVD++", svdpp), ("Tensor", tensor), ("FM", fm)):
    rmse[name] = rt.metrics.rmse(valid.rating, rt.predict(model, valid))
rmse["HashedMF"] = collisions.loc[4.0, "RMSE (stars)"]
pd.Series(rmse, name="RMSE (stars), validation").sort_values().round(4).to_frame()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One table
#
# Every approach on the five official folds u1 to u5, with the settings chosen above. From the
# ledger again, since five folds of everything take minutes. The films can be ordered by predicted
# stars too, so models of stars have both measures. Two more columns: *recall@10* is the share of a
# user's relevant films that are among the ten, and *coverage* is the share of the catalogue that is
# on anybody's list.

# %%
measured = ws.ledger("16", "table")
rows = measured.record["rows"]
table = pd.DataFrame(rows).T.sort_values("ndcg@10", ascending=False)
shown = {
    "ndcg@10": "NDCG@10",
    "ndcg@10_sd": "sd of folds",
    "recall@10": "recall@10",
    "coverage": "coverage",
    "rmse": "RMSE (stars)",
    "seconds": "fit (CPU s)",
}
machine = measured.record["machine"]
print(f"{measured.data}, {machine['cpu']}, one thread, {machine['date']}.")
numbers = table[list(shown)].rename(columns=shown).astype(float)
numbers.map(lambda value: "" if np.isnan(value) else f"{value:.3f}")

# %% [markdown]
# The folds differ a good deal (*sd of folds*), but they differ for all models alike: compare two
# models fold by fold, not by that column.

# %%
folds = pd.DataFrame({name: row["ndcg@10_folds"] for name, row in rows.items()})
for name in ("EASE", "BPR", "ItemKNN"):
    lead = folds["ImplicitALS"] - folds[name]
    print(f"ImplicitALS leads {name} by {lead.min():+.3f} to {lead.max():+.3f} on the folds.")

# %% [markdown]
# And where did the models of stars go? They were asked how many stars a film would get *if* you
# watched it, and not whether you would.

# %%
of_stars = table["rmse"].notna()
best_stars = table.loc[of_stars, "ndcg@10"].astype(float)
heads = rows["Popularity"]["ndcg@10"]
print(f"Lists by the best of the star models ({best_stars.idxmax()}): {best_stars.max():.3f}.")
worth = "less" if best_stars.max() < heads else "more"
print(f"Lists by counting heads: {heads:.3f}. Lists of star models are worth {worth} than that.")

# %% [markdown]
# How well known are the films on a list?

# %%
often, seen = train.counts("item"), torch.from_numpy(x > 0)
asked = {"EASE": ease, "SVD++": svdpp, "BiasedMF": full, "HashedMF": small[4.0]}
rare_places = {}
for name, model in asked.items():
    scores = model.score_items(everybody).detach().masked_fill(seen, -torch.inf)
    many = often[scores.topk(10).indices]  # (n_users, 10): training ratings of each film
    rare_places[name] = float((many < 10).mean())
    print(f"{name}: {np.median(many):.0f} ratings in the middle; fewer than ten for", end=" ")
    print(f"{rare_places[name]:.0%} of the places.")

# %% [markdown]
# A film with three ratings, all of five stars, is probably not *that* good. But it comes first in a
# list by expected stars, as soon as its bias has been trained to believe them. `HashedMF` needs larger
# steps, and more of them, than `BiasedMF`. Its biases go further, and it is last in the table, although
# its stars are not the worst. If you want a list, train and measure for a list.
#
# Do not take the ledger's word for it. Here are the quick ones on fold u1, fitted now:

# %%
fold, held_out = next(iter(page.data.folds(5)))
live = {}
for name in ("Popularity", "ItemKNN", "PureSVD", "EASE", "ImplicitALS"):
    settings = dict(tuning.record["rows"][name]["settings"])
    if name == "ImplicitALS":  # the ledger's is the classic one
        settings = {**classic, **settings}
    model = getattr(rt.models, name).for_dataset(fold, **settings)
    rt.fit(model, fold, progress=False)
    now = rt.evaluate(model, held_out, train=fold)["ndcg@10"]
    live[name] = {"now": now, "ledger": rows[name]["ndcg@10_folds"][0]}
print(f"First fold: now on {page.data.name}, in the ledger {measured.data}.")
pd.DataFrame(live).T.round(4)

# %% [markdown]
# For stars, one approach is not in the table: averaging over draws of the posterior (page 13). Here
# it is on the same fold, beside the best single answer that the library has, SVD++ with the side
# tables. Both read the same: ids, side tables and histories. Published figures can be compared only
# where they are for the same fold, and here is one, from ratings alone.

# %%
single = rt.models.SVDpp.for_dataset(fold, features=True)
draws = rt.models.BayesianFM.for_dataset(fold, samples=page.pick(150, 30), thin=2)
errors = {}
for name, model in (("SVD++ with side tables", single), ("BayesianFM", draws)):
    begin = time.process_time()
    rt.fit(model, fold, progress=False)
    spent = time.process_time() - begin
    found = rt.evaluate(model, held_out, train=fold, metrics=["rmse", "ndcg@10"])
    errors[name] = found["rmse"]
    print(
        f"{name}: {found['rmse']:.4f} stars, NDCG@10 {found['ndcg@10']:.3f}, {spent:.0f} s of CPU"
    )
published = {"GLocal-K (Han and others 2021), as published for u1 of MovieLens-100K": 0.8889}
for name, error in published.items():
    print(f"{name}: {error} stars")

# %%
by_draws = rt.compare(draws, single, held_out, train=fold, metric="rmse")
print(f"BayesianFM minus SVD++ with side tables: {by_draws}")

# %% [markdown]
# So the best stars and the best lists of the series come from different models, and each has its
# price in seconds: this cell for stars, the head of the table for lists.
#
# And is it worth the time? Accuracy against seconds of fitting, for three of those that rank:

# %% slideshow={"slide_type": "subslide"} tags=["long"]
versus = ws.ledger("16", "versus_implicit")
fig, ax = plt.subplots(figsize=(9, 5))
lines = versus.record["curves"]
for name, style, colour, label in (
    ("ImplicitALS", "o-", "blue", "ALS of this library, by sweeps"),
    ("implicit ALS", "s--", "orange", "ALS of implicit, by sweeps"),
):
    spent, quality = np.array(lines[name]).T
    ax.plot(spent, quality, style, color=ws.PALETTE[colour], label=label)
(spent, quality), *_ = lines["EASE"]
ax.plot(spent, quality, "*", markersize=14, color=ws.PALETTE["green"], label="EASE")
ax.set(xscale="log", xlabel="CPU time of the fit (s)", ylabel="NDCG@10 on validation films")
ax.set(title="Accuracy against time")
ax.set_xticks([0.05, 0.1, 0.2, 0.5, 1], ["0.05", "0.1", "0.2", "0.5", "1"])
ax.legend()
ws.show(
    fig,
    alt="NDCG@10 against CPU seconds: both ALS curves rise steeply within the first sweeps and "
    f"flatten near {max(q for _, q in lines['ImplicitALS']):.3f}; EASE is one point at "
    f"{quality:.3f}.",
)

# %%
for name in ("EASE", "ImplicitALS"):
    value, low, high, n = versus.record["rows"][f"{name} - implicit ALS"]
    print(f"{name} minus implicit's ALS, on test: {value:+.4f} ({low:+.4f} to {high:+.4f}).")
times = versus.record["rows"]["bpr_times"]
print(f"Our BPR has {times:.1f} times the NDCG@10 of implicit's, each the best of its trials.")
print(f"ALS here takes {float(versus):.2f} times implicit's time, at equal sizes: 32 factors and 8")
print("sweeps each, one thread. (The table above has the fit of each model's own best size.)")

# %% [markdown]
# Why is our BPR so far ahead? Ours counts each rating by its stars and draws four unrated films per
# rating; the other one takes every rating alike, and one unrated film. So we take these two away.

# %%
bare = rt.models.MF.for_dataset(train, dim=64, l2=0.015)
rt.fit(bare, train, loss=rt.losses.bpr, negatives=1, batch_size=1024,
       epochs=page.pick(30, 10), progress=False)  # fmt: skip
score["BPR, bare"] = ndcg(bare)
print(f"Our BPR {score['BPR']:.3f}; all ratings alike, one unrated film: {score['BPR, bare']:.3f}.")

# %% [markdown]
# The brackets are 95 % intervals over users (page 06). An interval without zero says: with other
# users the same one would be ahead. If zero is inside, nobody can tell them apart on this data.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# Four models, the same ratings: yours. Where they agree, the choice of the model does not matter.

# %%
lists = {
    name: rt.recommend(model, page.data, ratings=page.me, k=8)["title"]
    for name, model in {
        "EASE": ease,
        "ItemKNN": knn,
        "ImplicitALS": page.ranker,
        "BiasedMF": full,
    }.items()
}
common = len(set(lists["EASE"]) & set(lists["ImplicitALS"]))
apart = len(set(lists["EASE"]) & set(lists["BiasedMF"]))
print("For our sample person:" if page.me_is_sample else "For you:")
print(f"EASE shares {common} of 8 films with ImplicitALS, and {apart} with BiasedMF.")
ws.films(pd.DataFrame(lists))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When to leave this library
#
# This library is for learning, and for data that fit one machine. Others do parts of it better.
#
# | library | where it fits | know before you compare |
# |---|---|---|
# | **implicit** | ALS and BPR on clicks, plays and purchases, in compiled code on many cores or a GPU | its confidence is $\alpha r$, ours $1 + \alpha x$: settings do not carry over |
# | **Surprise** | predicting stars; one short file for each family of methods | its SVD++ takes long; an unknown user or film gets the mean, and a flag says so |
# | **LensKit** | experiments: splits, metrics and baselines with their conventions written down | ask of NDCG which gain and which ideal |
# | **RecBole** | a large collection of published models under one trainer | settings are strings; its BPR has a vanishing slope where the order is very wrong |
# | **Spotlight** | reading: a small, clear design in PyTorch, to which this library owes much | its BPR lacks the logarithm; its examples let rated films compete in the ranking |
# | **TorchRec** | tables of vectors too large for one machine, split over many GPUs | you bring the model, the data and the evaluation |
#
# The third column is no small print. LensKit and RecBole were found to differ on the same
# item-kNN and the same films (arXiv 2407.13531). After both used the same NDCG and cut the neighbours alike, the
# numbers were identical.
#
# Leave when you have more rows than memory, more than one machine, or an interface that must
# answer within milliseconds for millions. Page 19 shows how far this library goes before that.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Missing ratings say something. Models that use them rank far better than models of stars.
# * EASE, ALS and neighbours are solved, not trained, and they are hard to beat on data of this size.
# * ALS needs each row's few ratings and one common table, thanks to the Gram trick.
# * A ranker can hear dislikes: give them a target below that of the films that nobody rated.
# * A baseline that is not tuned is no baseline.
# * Hashing trades memory for collisions; two hashes and learned weights make them rare.
#
# **At home:** run `python -m benchmarks peers`, which makes the ledger's numbers of this page, and add
# a contender of your own.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Return to the guesses from the start. Then ask: which of these models would you show to a customer,
# if they had to understand why? (5 minutes)
