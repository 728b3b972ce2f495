# ---
# minutes: 45
# needs: [13_variational_mf, 16_other_approaches, 17_deploy]
# knows: "what a covariance is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # What else matters
#
# A good list is not only accurate: it is cheap, quick, explained, varied, honest about risk, and good
# for more than its best customers. Measure each of these, and what it costs.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("18_other_considerations")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ten good guesses
#
# The lists of this page come from the series' ranker, `ImplicitALS` (page 16). Here is your list.

# %%
import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from recsys_workshop.labs import rerank as rr

data, train, valid, test = page.data, page.train, page.valid, page.test
titles = data.items["title"].to_numpy()
model = page.ranker
print("For our sample person:" if page.me_is_sample else "For you:")
ws.films(rt.recommend(model, data, ratings=page.me, stars=page.model), ["title", "genres", "stars"])

# %% [markdown]
# Each film on it may well be right. But look at the list as one thing: how many of its films are the
# same kind of film? Does it hold one that you would not have found yourself? Accuracy asks neither.
#
# For what follows we need two things: everybody's hundred best candidates, and how good a list is, its
# NDCG@10, for each user apart (page 06).
#
# The ranker's score is $p_u \cdot q_i + b_i$, where $b_i$ says how popular the film is. We append $b_i$
# to each film's vector, and a 1 to each user's. Then a score is simply the product of two rows.

# %%
Q = np.c_[model.item_factors.numpy(), model.item_rows()[1].numpy()]  # (n_items, d), b_i comes last
P = np.c_[model.user_factors.numpy(), np.ones(data.n_users, np.float32)]  # (n_users, d)


def best(scores, seen, n=100):
    """Each user's n best unseen items: positions (n_users, n) and their scores."""
    scores = scores.copy()
    for part in seen:
        scores[part.user, part.item] = -np.inf
    top = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return top, np.take_along_axis(scores, top, axis=1)


# %%
def ndcg(lists, part):
    """NDCG@10 of each user's list: (n_users,), NaN where there was nothing to find."""
    liked = np.zeros((data.n_users, data.n_items), dtype=bool)
    liked[part.user, part.item] = part.rating >= 4
    discount = 1 / np.log2(np.arange(2, 12))
    found = np.take_along_axis(liked, lists, axis=1) @ discount
    ideal = np.append(np.nan, np.cumsum(discount))[np.minimum(liked.sum(1), 10)]
    return found / ideal


top, score = best(P @ Q.T, [train])
plain = ndcg(top[:, :10], valid)
print(f"On validation ratings the plain lists have an NDCG@10 of {np.nanmean(plain):.3f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Cheap
#
# What must be in memory to answer a request? The items' table: one vector per film. A user's vector
# can be computed from their ratings when they come. For our films that is little; for ten million
# songs with 128 numbers each it is five gigabytes, on every machine that answers. Does each number
# need 32 bits?
#
# There are two ways to use fewer. **Half precision** keeps 16 of the 32 bits. **int8** keeps 8: divide
# each row by its largest absolute number, multiply by 127, and round to whole numbers. One *scale*
# per row, its largest absolute number / 127, turns them back.

# %% [markdown]
# ### Exercise: eight bits
#
# Write `int8(table)`: the whole numbers, as `np.int8`, and the scales, `(n, 1)`, such that
# `numbers * scales` is about the table. Films that nobody rated have a row of zeros.
#
# <details><summary>Hint 1</summary>
#
# `np.abs(table).max(1, keepdims=True)` is the largest of each row, and `np.round` rounds. (`astype`
# alone cuts off the decimals, which errs twice as much and always towards zero.)
#
# </details>
# <details><summary>Hint 2</summary>
#
# A scale of 0 would divide 0 by 0. `np.where(scales > 0, scales, 1)` helps.
#
# </details>


# %% tags=["stub"]
def int8(table):
    """(n, d) -> whole numbers (n, d) as np.int8, and scales (n, 1)."""
    return None  # your turn


# %% tags=["solution"]
def int8(table):
    """(n, d) -> whole numbers (n, d) as np.int8, and scales (n, 1)."""
    scales = np.abs(table).max(1, keepdims=True) / 127
    scales = np.where(scales > 0, scales, 1)
    return np.round(table / scales).astype(np.int8), scales.astype(np.float32)


# %%
ws.check("18.int8", int8)

# %% [markdown]
# And what does it cost in quality? A list of ten changes in steps, so we count: the share of films
# that stay in the top ten, and NDCG.

# %%
tables = {"32 bits": (Q, Q.nbytes), "16 bits": (Q.astype(np.float16), Q.nbytes // 2)}
if (small := int8(Q)) is not None:
    numbers, scales = small
    tables["8 bits"] = numbers * scales, numbers.nbytes + scales.nbytes
rows = {}
for name, (table, size) in tables.items():
    lists = best(P @ table.astype(np.float32).T, [train], n=10)[0]
    same = np.mean([np.isin(ten, top[u, :10]).mean() for u, ten in enumerate(lists)])
    rows[name] = {"kB": size / 1e3, "same films": same, "NDCG@10": np.nanmean(ndcg(lists, valid))}
weights = pd.DataFrame(rows).T
print(f"The whole model: {P.size + Q.size:,} numbers, {(P.nbytes + Q.nbytes) / 1e6:.2f} MB.")
weights.style.format({"kB": "{:.0f}", "same films": "{:.1%}", "NDCG@10": "{:.4f}"})

# %% [markdown]
# Eight bits need a little more than a quarter of the memory (because of the scales) and give nearly
# the same lists: ratings are so noisy that the third digit of a taste says nothing. Measure it on your
# own lists, as here, before you believe it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## At once
#
# You rate a film, and the next list should know. Training again takes too long, but the items stay
# where they are, and you are one small system of equations (page 17). So: one answer after each click.


# %%
def answer(items, stars):
    """Scores of all items for somebody known by ratings alone; what is rated is -inf."""
    you = model.fold_in(torch.from_numpy(items), torch.tensor(stars, dtype=torch.float32))
    scores = Q @ np.append(you.row.numpy(), 1)
    scores[items] = -np.inf
    return scores


my_items, my_stars = data.item_vocab.index(page.me), np.array(list(page.me.values()))
lists = {}
for clicks in (1, 3, len(my_items)):
    first = np.argsort(-answer(my_items[:clicks], my_stars[:clicks]), kind="stable")[:5]
    lists[f"after {clicks} ({titles[my_items[clicks - 1]]})"] = titles[first]
pd.DataFrame(lists, index=range(1, 6))

# %% [markdown]
# How long does it take? Not "on average": the average hides the one request in a hundred during which
# somebody waits. One asks for **percentiles**: half of the requests are faster than the 50th, all but
# one in a hundred faster than the 99th.

# %%
import time

milliseconds = []
for user in np.random.default_rng(0).integers(0, data.n_users, page.pick(500, 100)):
    mine = train.user == user
    items, stars = train.item[mine], train.rating[mine]
    start = time.perf_counter()
    scores = answer(items, stars)
    ten = np.argpartition(-scores, 10)[:10]
    ten = ten[np.argsort(-scores[ten])]
    milliseconds.append(1e3 * (time.perf_counter() - start))
p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99])

# %%
fig, ax = plt.subplots()
ax.plot(np.sort(milliseconds), np.linspace(0, 100, len(milliseconds)))
for share, at, mark in zip((50, 95, 99), (p50, p95, p99), "os^", strict=True):
    ax.plot(at, share, mark, color=ws.PALETTE["vermilion"], label=f"{share} %: {at:.2f} ms")
ax.set(xscale="log", xlabel="time for one answer (milliseconds)")
ax.set(ylabel="requests answered by then (%)", title="A new list after a click")
ax.legend()
alt = f"Share of requests answered against time: half within {p50:.2f} ms, 99 % in {p99:.2f} ms."
ws.show(fig, alt=alt)

# %%
print(f"From ratings to a new list: {p50:.2f} ms in the middle, above {p99:.2f} ms for 1 in 100.")
print(f"One core could answer about {1000 / np.mean(milliseconds):,.0f} clicks a second.")

# %% [markdown]
# This is the arithmetic alone; the network and the browser come on top.

# %% [markdown]
# ### Without looking at every item (at home)
#
# We compared you with *all* films. That is still possible with fifty thousand films, and impossible
# with a hundred million. **Approximate neighbours** look at some of them: group the vectors by
# nearness beforehand, and search only the groups that are nearest to you.
#
# There is a trap. Such methods find vectors that are *near* yours, and we want those with the largest
# *inner product*, which is something else: a long vector far away may have it. A trick turns one into
# the other. Give each item one more number, $\sqrt{M^2 - |q|^2}$ with $M$ the largest length, and give
# the user a 0 there. Now all items have the length $M$, and
# $|p - q|^2 = |p|^2 + M^2 - 2\, p \cdot q$: the nearest item *is* the one with the largest product.
#
# We make up many films, mixtures of real ones, and search them both ways.

# %%
from sklearn.cluster import MiniBatchKMeans

rng = np.random.default_rng(0)
n = page.pick(50_000, 5_000)
mix, a, b = rng.random((n, 1)), *rng.integers(0, data.n_items, (2, n))
noise = 0.1 * Q.std() * rng.normal(size=(n, Q.shape[1]))
many = (mix * Q[a] + (1 - mix) * Q[b] + noise).astype(np.float32)
length = np.linalg.norm(many, axis=1)
longer = np.sqrt(np.maximum(length.max() ** 2 - length**2, 0)).astype(np.float32)
askers = P[rng.integers(0, data.n_users, 100)]
truth = np.argsort(-askers @ many.T, axis=1)[:, :10]


# %%
def grouped(items, groups):
    """Items by nearness: the centres (groups, d), and the positions in each group."""
    means = MiniBatchKMeans(groups, n_init=1, max_iter=10, random_state=0).fit(items)
    return means.cluster_centers_, [np.flatnonzero(means.labels_ == g) for g in range(groups)]


def searcher(items, index, look):
    """A function that finds the ten nearest items to p among the `look` nearest groups."""
    centres, members = index

    def search(p):
        groups = np.argsort(((centres - p) ** 2).sum(1))[:look]
        some = np.concatenate([members[g] for g in groups])
        return some[np.argsort(((items[some] - p) ** 2).sum(1))[:10]]

    return search


# %%
def measured(search, users):
    """Share of the true ten that are found, and microseconds per request (the median)."""
    share, spent = [], []
    for user, ten in zip(users, truth, strict=True):
        start = time.perf_counter()
        found = search(user)
        spent.append(1e6 * (time.perf_counter() - start))
        share.append(np.isin(found, ten).mean())
    return np.mean(share), np.median(spent)


# %%
curves = {"exact": [measured(lambda p: np.argpartition(-(many @ p), 10)[:10], askers)]}
spaces = {
    "near, as they are": (many, askers),
    "near, with one more number": (np.c_[many, longer], np.c_[askers, 0 * askers[:, 0]]),
}
for name, (items, users) in spaces.items():
    index, looks = grouped(items, page.pick(200, 40)), (1, 2, 4, 8, 16, 32)
    curves[name] = [measured(searcher(items, index, look), users) for look in looks]

# %%
fig, ax = plt.subplots()
for (name, points), style in zip(curves.items(), ("D", "s--", "o-"), strict=True):
    recall, spent = np.array(points).T
    ax.plot(spent, recall, style, label=name, markersize=8)
ax.set(xscale="log", xlabel="time for one request (microseconds)", ylim=(-0.05, 1.08))
ax.set(ylabel="share of the true ten found", title=f"Ten of {n:,}: look at more, find more")
ax.legend()
found = {name: max(recall for recall, _ in points) for name, points in curves.items()}
alt = "Share of the true ten found against time. At most: " + ", ".join(
    f"{name} {share:.2f}" for name, share in found.items()
)
ws.show(fig, alt=alt)

# %%
for name, points in curves.items():
    good = [point for point in points if point[0] >= 0.9]  # the first of them is the quickest
    recall, spent = good[0] if good else max(points)
    print(f"{name}: {recall:.0%} of the true ten in {spent:.0f} microseconds")

# %% [markdown]
# It is a curve, not a point: look at more groups and find more. And somebody who forgets the extra
# number gets answers quickly, without any error, that have little to do with the question. Libraries
# such as `faiss` do the same in compiled code, and group the vectors more cleverly.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why
#
# *Because you liked Star Wars* is a claim. Is it true? For somebody folded in it can be, exactly. The
# person is a solution of linear equations, so it is a sum of parts, one for each rating (an exercise of
# page 17), and so is each score. For reasons in stars we take the model of page 02, which predicts
# them.

# %%
rows, base = (table.numpy() for table in page.model.item_rows())  # (n_items, d), (n_items,)
you = page.model.fold_in(torch.from_numpy(my_items), torch.tensor(my_stars, dtype=torch.float32))
stars = base + rows @ you.row.numpy()
film = int(answer(my_items, my_stars).argmax())  # the first of your list
parts = you.parts.numpy() @ rows[film]  # (n,), in stars
gap = float(abs(base[film] + parts.sum() - stars[film]))
print(f"{titles[film]}: {base[film]:.2f} stars for everybody, and your {len(parts)} ratings")
print(f"{parts.sum():+.2f}: {base[film] + parts.sum():.3f}. The model says {stars[film]:.3f}.")

# %%
order = np.argsort(parts)
colors = [ws.PALETTE["blue" if part > 0 else "vermilion"] for part in parts[order]]
labels = [
    f"{titles[i]}, rated {s:g}" for i, s in zip(my_items[order], my_stars[order], strict=True)
]
fig, ax = plt.subplots(figsize=(9, 0.4 * len(parts) + 1.2))
ax.barh(labels, parts[order], color=colors)
ax.axvline(0, color="black", linewidth=1)
ax.set(xlabel="contribution (stars)", ylabel="your rating", title=f"Why {titles[film]}?")
high, low = labels[-1], labels[0]
ws.show(fig, alt=f"Bars: what each rating adds. Most: {high}. Least: {low}.")

# %% [markdown]
# Look for a low rating on the right side: a film that you did *not* like speaks for this one, if their
# vectors point apart. And nobody reads that many bars. In words it is one or two of them, and
# `rt.recommend(reasons=True)` picks those that speak for *this* film more than for films in general (a
# generous rater's stars lift all films alike, and explain none). Its numbers say how much more, so
# they are not the bars' lengths.

# %%
why = rt.recommend(page.ranker, data, ratings=page.me, k=5, reasons=True, stars=page.model)
ws.films(why, ["title", "stars", "reasons"])

# %% [markdown]
# They are true of the model: they say why *the model* ranks the film, not why you will like it. For a
# network with three layers even that can only be estimated.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Varied
#
# Ten films that are each likely may be ten times the same film. If you are not in the mood for it, all
# ten are wrong at once. **Maximal marginal relevance** (MMR) fills the list from the top, and each place
# gets the film $i$ with the largest
#
# $$\lambda\, r_i - (1 - \lambda) \max_{j \in \text{list}} s_{ij},$$
#
# its relevance less how similar it is to the most similar film already there. With $\lambda = 1$ that is
# the plain ranking. Relevance has to be on the scale of similarity for this to mean anything, so it is
# stretched: the last candidate has 0, the first has 1.

# %% [markdown]
# ### Exercise: the next film
#
# Write `next_one(r, s, chosen, lam)`: which position comes next? `r` (n,) and `s` (n, n) are arrays,
# relevance (stretched already) and similarity; `lam` is $\lambda$. `chosen` is a list of positions,
# perhaps empty: then nothing is similar yet, and the maximum counts as 0.
#
# <details><summary>Hint 1</summary>
#
# `s[:, chosen].max(axis=1)` is the similarity to the most similar one of the list, for all candidates.
#
# </details>
# <details><summary>Hint 2</summary>
#
# What is in the list cannot come again: set its value to `-np.inf` before `argmax`.
#
# </details>


# %% tags=["stub"]
def next_one(r, s, chosen, lam):
    """r (n,), s (n, n), chosen: positions -> the next position."""
    return None  # your turn


# %% tags=["solution"]
def next_one(r, s, chosen, lam):
    """r (n,), s (n, n), chosen: positions -> the next position."""
    nearest = s[:, chosen].max(axis=1) if chosen else np.zeros(len(r))
    value = lam * r - (1 - lam) * nearest
    value[chosen] = -np.inf
    return int(value.argmax())


# %%
ws.check("18.next_one", next_one)

# %% [markdown]
# When are two films alike? We ask for two things, each a half: their genres, and who watches them (the
# model's vectors). Here are your lists, as they are and varied.

# %%
shares, genres = rr.genre_shares(data.items["genres"])  # (n_items, genres), rows sum to 1
about = shares / np.linalg.norm(shares, axis=1, keepdims=True)
vectors = Q[:, :-1]  # without popularity
audience = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
features = np.hstack([about, audience])  # the cosine of two rows is the mean of both cosines
mine = answer(my_items, my_stars)
cand = np.argsort(-mine, kind="stable")[:100]
pd.DataFrame(
    {
        f"lambda {lam}": titles[cand[rr.mmr(mine[cand], rr.cosine(features[cand]), 10, lam)]]
        for lam in (1, 0.6, 0.3)
    },
    index=range(1, 11),
)

# %% [markdown]
# The first film never changes, since an empty list has no similarity to anything. From the second on, whatever is too
# close to what stands above it gives way.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What does it cost?
#
# MMR looks at pairs. A **determinantal point process** (DPP) looks at the list as a whole: its
# diversity is the volume that the films' vectors span, $\ln \det s$, which falls to nothing as soon as
# one film is a mixture of others. It is filled from the top as well, and a trick with Cholesky factors
# makes it nearly as quick. How good they are is a question for a curve, since $\lambda$ is ours.


# %%
def relist(method, lam, top, score):
    """Everybody's ten, by a function of scores, items, user and lambda: (n_users, 10)."""
    return np.array(
        [t[method(s, t, user, lam)] for user, (t, s) in enumerate(zip(top, score, strict=True))]
    )


methods = {
    "MMR": lambda s, t, user, lam: rr.mmr(s, rr.cosine(features[t]), 10, lam),
    "DPP": lambda s, t, user, lam: rr.dpp(s, rr.cosine(features[t]), 10, lam),
}

# %%
grid = {"MMR": (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3), "DPP": (1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.4)}
trade = {}
for name, method in methods.items():
    for lam in grid[name]:
        lists = relist(method, lam, top, score)
        varied = rt.metrics.intra_list_diversity(lists, features)
        trade[name, lam] = varied, float(np.nanmean(ndcg(lists, valid)))

# %%
fig, ax = plt.subplots()
for name, style in zip(methods, ("o-", "s--"), strict=True):
    points = [trade[name, lam] for lam in grid[name]]
    ax.plot(*np.array(points).T, style, label=name)
    for lam, at in list(zip(grid[name], points, strict=True))[1::2]:
        aside = (4, 6) if name == "DPP" else (-24, -12)
        ax.annotate(f"{lam}", at, xytext=aside, textcoords="offset points")
ax.set(xlabel="diversity of a list (1 - mean cosine)", ylabel="NDCG@10, validation")
ax.set(title="Accuracy against diversity, for values of lambda")
ax.legend()
start, end = trade["MMR", 1], trade["MMR", 0.3]
alt = f"NDCG falls from {start[1]:.2f} to {end[1]:.2f} while diversity rises from {start[0]:.2f} "
ws.show(fig, alt=f"{alt}to {end[0]:.2f} with MMR; the other curve is the DPP's.")

# %%
by_mmr, by_dpp = (np.array([trade[n, lam] for lam in grid[n]]).T for n in ("MMR", "DPP"))
at = np.linspace(start[0], min(by_mmr[0].max(), by_dpp[0].max()), 20)[1:]  # diversities of both
lead = np.interp(at, *by_dpp) - np.interp(at, *by_mmr)
print(f"At equal diversity the DPP has {lead.min():+.3f} to {lead.max():+.3f} more NDCG than MMR.")

# %% [markdown]
# More variety costs accuracy, and the two curves show the price. At the same diversity, whichever
# curve is higher is the better method. No formula says where to stop, but a rule helps, and we make
# one *now*, on validation data: the most varied lists that keep 95 % of the NDCG.


# %%
def chosen_lam(name):
    """The smallest lambda that keeps 95 % of the plain lists' NDCG."""
    least = 0.95 * trade[name, 1][1]
    return min(lam for lam in grid[name] if trade[name, lam][1] >= least)


for name in methods:
    print(f"{name}: lambda {chosen_lam(name)}")

# %% [markdown]
# One thing to watch: NDCG cannot see what variety is good for. It asks whether you rated this film later, in a
# world without our list. That people come back because they were surprised shows in an A/B test only
# (page 07).

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the curve: how much accuracy would you give for lists that are a tenth more varied?
# Who decides that in your company? (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A list is a portfolio
#
# A bank does not buy the ten shares of the highest expected gain. It asks how uncertain each one is, and
# above all whether they fall *together*. Page 13 has a model that says both: `VariationalMF` knows your
# vector as a distribution. What it does not know of you is in every film's prediction, so
# films of the same kind are wrong together: they have a **covariance**.
#
# We train it without a fifth of the people, and meet them below.

# %%
rng = np.random.default_rng(18)
away = rng.choice(data.n_users, data.n_users // 5, replace=False)
is_new = np.isin(data.user, away)
known, new = data.take(~is_new), data.take(is_new)
doubter = rt.models.VariationalMF.for_dataset(known)
rt.fit(doubter, known, progress=False)


def believed(items, stars, candidates):
    """Expected stars (n,) of candidates for somebody known by ratings, and their covariance."""
    given = torch.from_numpy(items), torch.tensor(stars, dtype=torch.float32)
    mean, covariance = doubter.expect(doubter.belief_from(*given), torch.from_numpy(candidates))
    return mean.double().numpy(), covariance.double().numpy()


# %% [markdown]
# ### Exercise: the risk of a list
#
# A list's worth is the weighted mean of its films' stars, $\sum_a w_a x_a$, in which higher places
# count more. Write `list_sd(w, covariance)`: its standard deviation, in stars.
#
# <details><summary>Hint 1</summary>
#
# The variance of a sum is the sum of *all* covariances, each with both weights:
# $\sum_a \sum_c w_a w_c C_{ac}$. Deviations are on the diagonal, as squares.
#
# </details>
# <details><summary>Hint 2</summary>
#
# As matrices: `w @ covariance @ w`, and then the root.
#
# </details>


# %% tags=["stub"]
def list_sd(w, covariance):
    """w (k,), covariance (k, k) in stars^2 -> one number, in stars."""
    return None  # your turn


# %% tags=["solution"]
def list_sd(w, covariance):
    """w (k,), covariance (k, k) in stars^2 -> one number, in stars."""
    return np.sqrt(w @ covariance @ w)


# %%
ws.check("18.list_sd", list_sd)

# %% [markdown]
# Each place then gets the film that adds most to *expected stars - b · variance of the list*. A $b$
# above 0 avoids risk. A $b$ below 0 seeks it: the film that may be wonderful.

# %%
unseen = np.setdiff1d(np.arange(data.n_items), my_items)
mean, covariance = believed(my_items, my_stars, unseen)
risks = (-1, -0.6, -0.3, 0, 0.3, 1, 2, 4)
yours = {b: rr.portfolio(mean, covariance, 10, b) for b in risks}
frontier = {b: rr.mean_and_risk(yours[b], mean, covariance) for b in risks}
pd.DataFrame({f"b = {b}": titles[unseen[yours[b]]] for b in (2, 0, -1)}, index=range(1, 11))


# %%
def correlation(ten):
    """Mean correlation of the predictions of two films of a list."""
    c = covariance[np.ix_(ten, ten)]
    c = c / np.sqrt(np.outer(np.diag(c), np.diag(c)))
    return float((c.sum() - len(ten)) / (c.size - len(ten)))


together = {b: correlation(yours[b]) for b in (2, 0, -1)}
for (b, both), kind in zip(together.items(), ("cautious", "plain", "bold"), strict=True):
    mean_b, sd_b = frontier[b]
    print(f"{kind}: {mean_b:.2f} stars, give or take {sd_b:.2f}; two films correlate by {both:.2f}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Do the promises hold?
#
# A model can say anything about its own doubts. So: the people that it has never met. Five ratings of
# each are given to it, and of the *rest of what they rated* it chooses ten, cautiously or boldly. We
# compare what it promised with what they gave.

# %% tags=["long"]
place = 1 / np.log2(np.arange(2, 12))  # what each place of a list counts
place /= place.sum()
promised, gave, sure = ({b: [] for b in risks} for _ in range(3))  # (people, 4) each
for user in np.unique(new.user):
    theirs = np.flatnonzero(new.user == user)
    if len(theirs) < page.pick(45, 25):
        continue
    for b in risks:
        [found[b].append([]) for found in (promised, gave, sure)]
    for _ in range(4):  # which five are given is chance
        given, rest = np.split(rng.permutation(theirs), [5])
        stars, doubts = believed(new.item[given], new.rating[given], new.item[rest])
        for b in risks:
            ten = rr.portfolio(stars, doubts, 10, b)
            promised[b][-1].append(place @ stars[ten])
            sure[b][-1].append(rr.mean_and_risk(ten, stars, doubts).sd)
            gave[b][-1].append(place @ new.rating[rest][ten])
print(f"{len(gave[0])} new people, four lists of ten films for each.")

# %%
noise = doubter.log_noise.exp().item() * (place**2).sum()  # the whims of ten ratings, stars^2
missed = {b: np.square(np.array(gave[b]) - promised[b]).mean(1) for b in risks}  # (people,)
worth = {
    "promised": [
        (np.sqrt(np.mean(np.square(sure[b])) + noise), np.mean(promised[b])) for b in risks
    ],
    "what they gave": [(np.sqrt(missed[b].mean()), np.mean(gave[b])) for b in risks],
}

# %%
fig, ax = plt.subplots()
for (name, both), style in zip(worth.items(), ("o--", "s-"), strict=True):
    ax.plot(*np.array(both).T, style, label=name)
    for b, at in zip(risks, both, strict=True):
        if b in (-1, 0, 4):
            ax.annotate(f"b = {b}", at, xytext=(-12, 9), textcoords="offset points")
ax.set(xlabel="how far off a list is (stars)", ylabel="worth of a list (stars)")
ax.set(title="Risk and worth: what was promised, and what came")
ax.legend(loc="lower right")
ax.margins(y=0.12)
off = {b: float(np.sqrt(missed[b].mean())) for b in risks}
alt = f"Worth against risk. Bold lists miss by {off[-1]:.2f} stars, plain ones by {off[0]:.2f}, "
ws.show(fig, alt=f"{alt}the most cautious by {off[4]:.2f}, both as promised and as it came.")

# %%
print(f"Bold lists (b = -1) miss by {off[-1]:.2f} stars, plain by {off[0]:.2f}, cautious ones")
print(f"(b = 2) by {off[2]:.2f}. Bold less cautious, as squares:")
print(rt.interpret.mean_interval(missed[-1] - missed[2]), "stars^2")
paid = np.mean(gave[0]) - np.mean(gave[2])
print(f"Caution costs {paid:.2f} of the {np.mean(gave[0]):.2f} stars of a plain list.")
print(f"Plain lists had promised {np.mean(promised[0]):.2f}.")

# %% [markdown]
# Caution costs some stars, and the risk moves in the direction that was promised. (These are films that
# people chose to watch; of all films the lists would be worth less.)
#
# If lists get less than they promised, that is a law of choosing: among predictions that are too high
# or too low, one picks those that are too high.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## In your proportions (at home)
#
# Somebody watches seven dramas for every three comedies. The ten likeliest films may well be ten
# dramas: each of them *is* likelier than any comedy. A **calibrated** list keeps the proportions. A film
# of three genres counts a third for each; $p$ are the shares of what you have rated (weighted by stars),
# $q$ those of the list, and $\sum_g p_g \ln (p_g / \tilde q_g)$ says how far $q$ is from $p$. A little
# of $p$ is mixed into $\tilde q$, so that a genre that the list lacks costs much, but not infinitely
# much.

# %% [markdown]
# ### Exercise, at home: how far off
#
# Write `divergence(p, q)` for two arrays of shares, with $\tilde q = 0.99\, q + 0.01\, p$. Genres that
# you never watch, $p_g = 0$, count 0.
#
# <details><summary>Hint 1</summary>
#
# `0 * np.log(0)` is not 0 but `nan`. Keep only the places where `p > 0`, in both arrays.
#
# </details>
# <details><summary>Hint 2</summary>
#
# It is `p` that stands before the logarithm and above the line. With `q` there, a list without your
# main genre would cost nothing.
#
# </details>


# %% tags=["stub"]
def divergence(p, q):
    """p (g,), q (g,), shares that sum to 1 -> one number, in nats."""
    return None  # your turn


# %% tags=["solution"]
def divergence(p, q):
    """p (g,), q (g,), shares that sum to 1 -> one number, in nats."""
    there = p > 0
    p, q = p[there], q[there]
    return float((p * np.log(p / (0.99 * q + 0.01 * p))).sum())


# %%
ws.check("18.divergence", divergence)

# %%
my_target = np.average(shares[my_items], axis=0, weights=my_stars)  # (genres,)
my_lists = {
    f"lambda {lam}": shares[cand[rr.calibrated(mine[cand], shares[cand], my_target, 10, lam)]]
    for lam in (1, 0.3)
}
bars = {"your ratings": my_target, **{name: rows.mean(0) for name, rows in my_lists.items()}}

# %%
shown = np.argsort(-my_target, kind="stable")[:8]
fig, ax = plt.subplots(figsize=(9, 4.5))
for k, ((name, share), hatch) in enumerate(zip(bars.items(), ("", "//", ".."), strict=True)):
    at = np.arange(len(shown)) + 0.27 * (k - 1)
    ax.bar(at, 100 * share[shown], 0.27, label=name, hatch=hatch, edgecolor="white")
ax.set_xticks(range(len(shown)), [genres[g] for g in shown], rotation=30, ha="right")
ax.set(xlabel="genre", ylabel="share (%)", title="Your genres, and those of your list")
ax.legend()
off = {name: rr.miscalibration(my_target, rows) for name, rows in my_lists.items()}
alt = ", ".join(f"{name} {nats:.2f} nats" for name, nats in off.items())
ws.show(fig, alt=f"Bars: genres of your ratings and of two lists. Off by: {alt}.")

# %%
target = np.zeros((data.n_users, len(genres)))
np.add.at(target, train.user, train.rating[:, None] * shares[train.item])
target /= np.maximum(target.sum(1, keepdims=True), 1e-9)
methods["calibrated"] = lambda s, t, user, lam: rr.calibrated(s, shares[t], target[user], 10, lam)
grid["calibrated"] = (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.2)


def miscalibrated(lists):
    """Mean over users of how far a list is from their genres, in nats."""
    return np.mean(
        [rr.miscalibration(p, shares[ten]) for p, ten in zip(target, lists, strict=True)]
    )


# %%
for lam in grid["calibrated"]:
    lists = relist(methods["calibrated"], lam, top, score)
    trade["calibrated", lam] = miscalibrated(lists), float(np.nanmean(ndcg(lists, valid)))

# %%
points = [trade["calibrated", lam] for lam in grid["calibrated"]]
x, y = np.array(points).T
fig, ax = plt.subplots()
ax.plot(x, y, "o-")
for lam, at in zip(grid["calibrated"], points, strict=True):
    ax.annotate(f"{lam}", at, xytext=(4, -14), textcoords="offset points")
ax.margins(y=0.1)
ax.set(xlabel="distance from the user's genres (nats)", ylabel="NDCG@10, validation")
ax.set(title="Accuracy against calibration, for values of lambda")
alt = f"Distance from {x[0]:.2f} down to {x[-1]:.2f} nats; NDCG from {y[0]:.2f} to {y[-1]:.2f}, "
ws.show(fig, alt=f"{alt}at most {max(y):.3f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The test, once
#
# Everything was chosen on validation ratings. Now the test part, with the values that our rule chose,
# against the plain lists of the same users.

# %%
final_top, final_score = best(P @ Q.T, [train, valid])
final = {"plain": final_top[:, :10]}
for name, method in methods.items():
    final[f"{name}, {chosen_lam(name)}"] = relist(method, chosen_lam(name), final_top, final_score)
quality = {name: ndcg(lists, test) for name, lists in final.items()}

# %%
raters = train.counts("item")
head = np.argsort(-raters, kind="stable")[: data.n_items // 10]  # the best-known tenth
table = pd.DataFrame(
    {
        "NDCG@10": {name: np.nanmean(q) for name, q in quality.items()},
        "diversity": {n: rt.metrics.intra_list_diversity(v, features) for n, v in final.items()},
        "off genres (nats)": {name: miscalibrated(lists) for name, lists in final.items()},
        "best-known tenth": {name: np.isin(lists, head).mean() for name, lists in final.items()},
    }
)
table.style.format("{:.3f}")

# %%
for name in list(final)[1:]:
    change = rt.interpret.mean_interval(quality[name] - quality["plain"])
    print(f"{name} less plain: NDCG@10 {change}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Who is served badly?
#
# Look at the last column. Recommenders learn from what was rated, and what is well known was rated by
# many. How much of it is taste, and how much is the machine?

# %%
liked = test.rating >= 4
slots = table.loc["plain", "best-known tenth"]
print("The tenth of the films with most training ratings has")
print(f"{raters[head].sum() / len(train):>6.0%} of the training ratings,")
print(f"{np.isin(test.item[liked], head).mean():>6.0%} of the test ratings of 4 stars and more,")
print(f"{slots:>6.0%} of all places in our lists.")

# %%
log_raters = np.log2(np.maximum(raters, 1))
watched = np.bincount(train.user, log_raters[train.item], data.n_users)
watched /= np.maximum(train.counts("user"), 1)
told = log_raters[final["plain"]].mean(1)

# %%
fig, ax = plt.subplots(figsize=(6.5, 5.5))
ax.scatter(2**watched, 2**told, s=12, alpha=0.5)
span = np.array([min(watched.min(), told.min()), max(watched.max(), told.max())])
ax.plot(2**span, 2**span, "--", color="black", label="as well known")
ax.set(xscale="log", yscale="log")
ticks = 2 ** np.arange(np.ceil(span[0]), span[1])
for axis in (ax.xaxis, ax.yaxis):
    axis.set_ticks(ticks, [f"{t:.0f}" for t in ticks])
    axis.set_ticks([], minor=True)
ax.set(xlabel="ratings of a film that they rated (geometric mean)")
ax.set(ylabel="ratings of a film in their list", title="Everybody is sent to what is well known")
ax.legend()
above = float((told > watched).mean())
ws.show(fig, alt=f"A dot a user; {above:.0%} lie above the line: lists are better known.")

# %% [markdown]
# Hardly anybody gets films as little known as those they watch. Whoever loves what is rare is sent
# furthest from it. Part of it is plain reason (of a film with three ratings little is known), part is a
# loop that feeds itself (page 07): what is shown gets rated.
#
# It can be turned back: divide each score by (ratings of the film)$^a$. Again a curve, on validation
# ratings.

# %%
turned = {}
for a in (0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5):
    lists = best(P @ Q.T / np.maximum(raters, 1) ** a, [train], n=10)[0]
    turned[a] = np.isin(lists, head).mean(), np.nanmean(ndcg(lists, valid))

# %%
fig, ax = plt.subplots()
x, y = np.array(list(turned.values())).T
ax.plot(100 * x, y, "o-")
for a in (0, 0.1, 0.2, 0.3, 0.5):
    at = (100 * turned[a][0], turned[a][1])
    ax.annotate(f"a = {a}", at, xytext=(6, -14), textcoords="offset points")
ax.margins(y=0.1)
ax.axvline(100 * np.isin(test.item[liked], head).mean(), linestyle="--", color="black")
ax.set(xlabel="places of the best-known tenth (%); dashed: of what people like")
ax.set(ylabel="NDCG@10, validation", title="Accuracy against the well known")
alt = f"From {x[0]:.0%} down to {x[-1]:.0%} of places for the best-known tenth, NDCG goes from "
ws.show(fig, alt=f"{alt}{y[0]:.2f} to {y[-1]:.2f}, slowly at first.")

# %% [markdown]
# The first steps cost little. But to give the well known no more places than they have among what people
# like is expensive, for a model that knows next to nothing of the others. (NDCG itself leans to the well
# known: people can only have rated what they found.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Group by group
#
# An average is most of all the average of those who are many. So: the same NDCG for users by how much
# they rated, by age and by gender (as it stands in the data, which knows two). An interval goes with
# each, since a small group's mean moves by itself.

# %% tags=["long"]
activity, people = train.counts("user"), data.users
quarter = np.searchsorted(np.quantile(activity, [0.25, 0.5, 0.75]), activity)
groups = {
    f"{activity[quarter == k].min()} to {activity[quarter == k].max()} ratings": quarter == k
    for k in range(4)
}
for low, high in ((0, 24), (25, 34), (35, 49), (50, 99)):
    groups[f"age {low} to {high}"] = people["age"].between(low, high).to_numpy()
for code, name in (("F", "women"), ("M", "men")):
    groups[name] = (people["gender"] == code).to_numpy()
served = {
    name: rt.interpret.mean_interval(quality["plain"][members])
    for name, members in groups.items()
    if np.isfinite(quality["plain"][members]).sum() >= 20  # of fewer we say nothing
}

# %%
labels = [f"{name} ({got.n})" for name, got in served.items()]
value, low, high = np.array([got[:3] for got in served.values()]).T
fig, ax = plt.subplots(figsize=(8, 5))
ax.errorbar(value, labels, xerr=[value - low, high - value], fmt="o", capsize=4)
ax.axvline(np.nanmean(quality["plain"]), color="black", linestyle="--", label="all users")
ax.invert_yaxis()
ax.set(xlabel="NDCG@10, test, with 95 % interval", ylabel="group (users with something to find)")
ax.set(title="The same model, group by group")
ax.legend()
worst, top_group = min(served, key=served.get), max(served, key=served.get)
ws.show(fig, alt=f"Dots with intervals a group. Lowest: {worst}; highest: {top_group}.")

# %% [markdown]
# Before drawing conclusions, two cautions. Who has rated much has more in the test part to be found, so
# their NDCG is higher for that alone. And groups differ in more than their name: do women and men differ,
# or people who rated little and much? Compare each with people of the same activity.

# %%
usual = np.array([np.nanmean(quality["plain"][quarter == k]) for k in range(4)])
rest = quality["plain"] - usual[quarter]  # above those who rated about as much
alike = {
    name: rt.interpret.mean_interval(rest[members])
    for name, members in list(groups.items())[4:]
    if name in served
}
for name, gap_alike in alike.items():
    gap_all = served[name].value - np.nanmean(quality["plain"])
    print(f"{name}: {gap_all:+.3f} against all; at equal activity {gap_alike}")

# %% [markdown]
# These are many intervals at once. Where no group differs from the others at all, ten intervals of 95 %
# still have a chance of two in five that one of them misses the line. What stands out here is a reason
# to look again, on other splits and other data. What to do about it is another question: more data of
# those who are few, features, a model of their own, or a list that knows what it does not know.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the figure: which group will be served worst? Then: in your product, which groups
# can you not even see in your data? (5 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Eight bits per number are enough to store vectors, and one more number turns *largest product* into *nearest*.
# * A new list after a click is a small system of equations, and its reasons sum to the score.
# * Variety, calibration and caution are bought with accuracy. Draw the curve, then choose by a rule.
# * Risk is a covariance: what the model does not know of you makes films wrong together.
# * Averages hide people. Look at groups, with intervals, at equal activity.
