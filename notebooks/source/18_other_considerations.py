# ---
# minutes: 65
# needs: [13_variational_mf, 16_other_approaches, 17_deploy]
# knows: "what a covariance is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # What else matters
#
# A good list is not only accurate. It is also cheap, quick, explained, varied, honest about risk, and
# good for more people than just the best customers. Measure each of these, and what it costs.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("18_other_considerations")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ten good guesses
#
# The page has two parts, which need not be read on the same day: *cheap, quick, explained* (25 minutes)
# and *varied, fair* (40 minutes). Sections marked *at home* take additional time. The lists on this page
# come from the series' ranker, `ImplicitALS` (page 16). Here is your list.

# %%
import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from recsys_workshop.labs import drawings
from recsys_workshop.labs import rerank as rr

data, train, valid, test = page.data, page.train, page.valid, page.test
titles = data.items["title"].to_numpy()
model = page.ranker
print("For our sample person:" if page.me_is_sample else "For you:")
ws.films(rt.recommend(model, data, ratings=page.me, stars=page.model), ["title", "genres", "stars"])

# %% [markdown]
# Each film may well be right. Now look at the list as a whole: how many of its films are of the same
# kind? Does it hold one that you would not have found yourself? Accuracy asks neither question.
#
# Both parts need two things: everybody's hundred best candidates, and one number per user that says how
# good their list is, its NDCG@10 (page 06).
#
# The ranker's score is $p_u \cdot q_i + b_i$, where $b_i$ says how popular the film is. We append $b_i$
# to each film's vector and a 1 to each user's vector. Then a score is simply the product of two rows.

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
# ## Part 1: cheap, quick, explained
#
# What does one answer cost in memory and in time, and can you explain why it is this answer and not
# another?
#
# ### Cheap
#
# A service that answers requests keeps the items' table in memory: one vector per film. A user's vector
# can be computed when their ratings arrive. For our films the table is small. For ten million songs
# with 128 numbers each it takes five gigabytes, on every machine that answers. Does each number need
# 32 bits?
#
# There are two ways to use fewer. **Half precision** uses 16 bits per number. **int8** uses 8: divide
# each row by its largest absolute value, multiply by 127, and round to whole numbers. Multiply these by
# the row's *scale*, its largest absolute value / 127, and you nearly get the old numbers back.

# %% [markdown]
# ### Exercise: eight bits
#
# Write `int8(table)`. It returns the whole numbers, as `np.int8`, and the scales, `(n, 1)`, such that
# `numbers * scales` is close to the table. Films without ratings have a row of zeros.
#
# <details><summary>Hint 1</summary>
#
# `np.abs(table).max(1, keepdims=True)` is the largest value of each row, and `np.round` rounds.
# (`astype` alone cuts off the decimals. That doubles the error and always shrinks the number.)
#
# </details>
# <details><summary>Hint 2</summary>
#
# With a scale of 0 you would divide 0 by 0. `np.where(scales > 0, scales, 1)` helps.
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
# What does it cost in quality? We count the films that stay in each top ten, and compare NDCG.

# %%
numbers, scales = ws.use("18.int8", int8)(Q)
tables = {
    "32 bits": (Q, Q.nbytes),
    "16 bits": (Q.astype(np.float16), Q.nbytes // 2),
    "8 bits": (numbers * scales, numbers.nbytes + scales.nbytes),
}
rows = {}
for name, (table, size) in tables.items():
    lists = best(P @ table.astype(np.float32).T, [train], n=10)[0]
    same = np.mean([np.isin(ten, top[u, :10]).mean() for u, ten in enumerate(lists)])
    rows[name] = {"kB": size / 1e3, "same films": same, "NDCG@10": np.nanmean(ndcg(lists, valid))}
    if name != "32 bits":
        print(
            f"NDCG@10, {name} minus 32 bits:",
            rt.interpret.mean_interval(ndcg(lists, valid) - plain),
        )

# %%
weights = pd.DataFrame(rows).T
weights.style.format({"kB": "{:.0f}", "same films": "{:.1%}", "NDCG@10": "{:.4f}"})

# %% [markdown]
# Eight bits need a quarter of the memory, plus a little for the scales, and give nearly the same lists.
# In each row, the larger numbers keep about two digits, and the ratings are too noisy to describe a
# taste more precisely than that. Measure this on your own data before you rely on it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### At once
#
# You rate a film, and the next list should know about it. Training the whole model again would take too
# long. But the items' vectors hardly change with one rating, and your vector is the solution of one
# small system of equations (page 17). So each time you click on a rating, we can compute your vector
# again, and with it a new list.


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
ws.films(pd.DataFrame(lists))

# %% [markdown]
# How long does it take? Do not ask for the average: it hides the one request in a hundred that keeps
# somebody waiting. Ask for **percentiles**. Half of the requests are faster than the 50th percentile,
# and all but one in a hundred are faster than the 99th.

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
ax.set(xlim=(0, 1.3 * p99), xlabel="time for one answer (milliseconds)")
ax.set(ylabel="requests answered by then (%)", title="Most answers are quick, and a few are not")
ax.legend(loc="lower right")
alt = (
    f"Share of requests answered against time: half within {p50:.2f} ms, 99 % within {p99:.2f} ms."
)
ws.show(fig, alt=alt)

# %%
print(f"From ratings to a new list: {p50:.2f} ms at the median; 1 in 100 takes over {p99:.2f} ms.")
print(f"One core could answer about {1000 / np.mean(milliseconds):,.0f} clicks per second.")

# %% [markdown]
# This is the arithmetic alone. The network and the browser add their time.

# %% [markdown]
# ### Without looking at every item (at home)
#
# We compared you with *all* films. That still works with fifty thousand films, but not with a hundred
# million. A search for **approximate neighbours** looks at only some of them: group the vectors by
# nearness beforehand, then search only the groups nearest to you.
#
# There is a trap. These methods find the vectors that are *nearest* to yours. We want those with the
# largest *inner product*, which is something else: a long vector can have the largest product and yet
# be far from yours. A trick turns one question into the other. Give each item one more number,
# $\sqrt{M^2 - |q|^2}$, where $M$ is the largest length, and give the user a 0 there. Now all items have
# the length $M$, and
# $|p - q|^2 = |p|^2 + M^2 - 2\, p \cdot q$: the nearest item *is* the one with the largest product.
#
# We invent many films as mixtures of real ones, and search them with and without this number.

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
    "nearest, vectors as they are": (many, askers),
    "nearest, with one more number": (np.c_[many, longer], np.c_[askers, 0 * askers[:, 0]]),
}
for name, (items, users) in spaces.items():
    index, looks = grouped(items, page.pick(200, 40)), (1, 2, 4, 8, 16, 32)
    curves[name] = [measured(searcher(items, index, look), users) for look in looks]

# %%
fig, ax = plt.subplots()
for (name, points), style in zip(curves.items(), ("D", "s--", "o-"), strict=True):
    recall, spent = np.array(points).T
    ax.plot(spent, 100 * recall, style, label=name, markersize=8)
ax.set(xscale="log", xlabel="time for one request (microseconds)", ylim=(-5, 108))
ax.set(
    ylabel="share of the true ten that is found (%)", title=f"Ten of {n:,}: look at more, find more"
)
ax.legend(loc="center right")
found = {name: max(recall for recall, _ in points) for name, points in curves.items()}
most = ", ".join(f"{name} {share:.0%}" for name, share in found.items())
ws.show(fig, alt=f"Share of the true ten found against time. At most: {most}.")

# %%
for name, points in curves.items():
    good = [point for point in points if point[0] >= 0.9]  # the first of them is the quickest
    recall, spent = good[0] if good else max(points)
    print(f"{name}: {recall:.0%} of the true ten in {spent:.0f} microseconds")

# %% [markdown]
# The search by groups gives a curve, not a point: look at more groups, and you find more, but it takes
# longer. If you forget the extra number, the answers come quickly and without any error message, but
# they have little to do with the question. Libraries such as `faiss` do the same in compiled code, and
# group the vectors more cleverly.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Why
#
# *Because you liked Star Wars* is a claim. Is it true? For a person who was folded in (page 17) it can
# be exactly true. Your vector is the solution of linear equations, so it is a sum of parts, one for each
# of your ratings (an exercise on page 17), and so is each score. We want reasons in stars, so we ask the
# model of page 02, which predicts stars.

# %%
base_rows, base = (table.numpy() for table in page.model.item_rows())  # (n_items, d), (n_items,)
you = page.model.fold_in(torch.from_numpy(my_items), torch.tensor(my_stars, dtype=torch.float32))
stars = base + base_rows @ you.row.numpy()
film = int(answer(my_items, my_stars).argmax())  # the first of your list
parts = you.parts.numpy() @ base_rows[film]  # (n,), in stars
gap = float(abs(base[film] + parts.sum() - stars[film]))
print(f"{titles[film]}: {base[film]:.2f} stars for everybody, and your {len(parts)} ratings add")
print(
    f"{parts.sum():+.2f}: {base[film] + parts.sum():.3f} stars. The model says {stars[film]:.3f}."
)

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
# If a low rating has a bar to the right, a film that you did *not* like counts in favour of the
# recommended one. That happens when the vectors of the two films point in opposite directions. Nobody
# reads that many bars, so a list names at most two ratings per film. `rt.recommend(reasons=True)` picks
# ratings that speak for *this* film more than for films in general (a generous rater's stars lift all
# films alike, so they do not explain this one). Its numbers say how much more a rating adds to this film
# than to an average film, so they differ from the bars. There is a second reason for the difference:
# these numbers come from the ranker, the model that fills the list, and not from the star model.

# %%
why = rt.recommend(page.ranker, data, ratings=page.me, k=5, reasons=True, stars=page.model)
ws.films(why, ["title", "stars", "reasons"])

# %% [markdown]
# Such reasons are true of the model: they say why *the model* ranks the film here, not why you will
# like it. For a network with three layers even that can only be estimated.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What part 1 showed
#
# * Eight bits per number are enough to store these vectors.
# * One more number turns *largest product* into *nearest*.
# * One small system of equations makes a new list after each click. It also splits a film's score into
#   parts, one for each rating.
#
# **Try it.** Keep four bits per number: below the line that makes `numbers` and `scales`, add the line
# `numbers, scales = np.round(numbers / 18).astype(np.int8), 18 * scales`. First write down how many
# films you expect to stay in the lists, then look. **And a question without a check:** your service must
# answer 99 % of its requests within 50 ms, and one film in ten thousand is new each day. What would you
# store in eight bits, and what would you compute on each request?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Part 2: varied, fair
#
# What do lists gain if they give up a little accuracy? And are they equally accurate for everybody?
#
# ### Varied
#
# Ten films that are each a good guess may be ten versions of much the same film. If you are not in the
# mood for it, all ten are wrong at once. **Maximal marginal relevance** (MMR) fills the list one film at
# a time. Each step takes the film $i$ with the largest
#
# $$\lambda\, r_i - (1 - \lambda) \max_{j \in \text{list}} s_{ij},$$
#
# its relevance less its similarity to the most similar film already in the list. With $\lambda = 1$ that
# is the plain ranking. Relevance and similarity need a common scale for this, so relevance is
# stretched: the last candidate gets 0, the first gets 1.

# %% [markdown]
# ### Exercise: the next film
#
# Write `next_one(r, s, chosen, lam)`: which position comes next? `r` (n,) and `s` (n, n) are arrays,
# relevance (stretched already) and similarity; `lam` is $\lambda$. `chosen` is a list of positions. It
# may be empty: then nothing is similar yet, and the maximum counts as 0. Your function makes all the MMR
# lists of this page.
#
# <details><summary>Hint 1</summary>
#
# `s[:, chosen].max(axis=1)` is the similarity of each candidate to the most similar film in the list.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A film already in the list cannot come again: set its value to `-np.inf` before `argmax`.
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
# When are two films alike? We look at two things, each of which counts half: their genres, and who
# watches them (the ranker's vectors).

# %%
take_next = ws.use("18.next_one", next_one)
shares, genres = rr.genre_shares(data.items["genres"])  # (n_items, genres), rows sum to 1
about = shares / np.linalg.norm(shares, axis=1, keepdims=True)
vectors = Q[:, :-1]  # without popularity
audience = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
features = np.hstack([about, audience])  # the cosine of two rows is the mean of both cosines


def varied(scores, items, lam, k=10):
    """k positions among the candidates, in the order in which they were taken."""
    least = scores[np.isfinite(scores)].min()  # -inf: a film that was rated
    r, s = (scores - least) / (scores.max() - least), rr.cosine(features[items])
    chosen = []
    for _ in range(k):
        chosen.append(take_next(r, s, chosen, lam))
    return chosen


# %% [markdown]
# Watch a list being filled. Each column of the figure is one step, each row a candidate, and the number
# is the value of the formula. Look at how the values of similar films drop once one of them is taken.

# %%
mine = answer(my_items, my_stars)
cand = np.argsort(-mine, kind="stable")[:100]
r, s = (mine[cand] - mine[cand].min()) / np.ptp(mine[cand]), rr.cosine(features[cand])
steps, lam = varied(mine[cand], cand, 0.5, k=6), 0.5
values = np.array(
    [lam * r - (1 - lam) * (s[:, steps[:k]].max(1) if k else 0 * r) for k in range(6)]
).T  # (100, 6): the value of each candidate at each step
drawn = sorted({*range(8), *steps})
fig = drawings.filling(titles[cand[drawn]], values[drawn], [drawn.index(i) for i in steps])
taken = ", ".join(titles[cand[i]] for i in steps)
ws.show(fig, alt=f"Values of candidates at six steps, the largest framed. Taken: {taken}.")

# %% [markdown]
# The first step takes the first film of the plain list, since an empty list has no similarity to
# anything. From the second step on, films close to one already taken give way. Here are whole lists.

# %%
columns = {f"lambda {lam}": sorted(varied(mine[cand], cand, lam)) for lam in (1, 0.6, 0.3)}
ws.films(pd.DataFrame({name: titles[cand[ten]] for name, ten in columns.items()}))

# %% [markdown]
# One detail matters a lot: the ten are *chosen* for being different, but they need not be *shown* in the
# order in which they were chosen. We show them by score, best first. What does the order alone cost?

# %%
chosen = np.array([varied(s, t, 0.5) for t, s in zip(top, score, strict=True)])  # (n_users, 10)
as_taken, by_score = (np.take_along_axis(top, c, axis=1) for c in (chosen, np.sort(chosen)))
print("NDCG@10 of the same ten films, best first minus in the order of choosing:")
print(rt.interpret.mean_interval(ndcg(by_score, valid) - ndcg(as_taken, valid)))

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What does it cost?
#
# MMR looks at pairs. A **determinantal point process** (DPP) looks at the list as a whole. Let
# $s_\text{list}$ be the table of similarities between the films of the list. The measure of diversity is
# $\ln \det s_\text{list}$, the logarithm of the (squared) volume that the films' vectors span. It is 0
# if the films have nothing in common, and negative otherwise. It falls as a film comes closer to being a
# mixture of the others. The DPP takes the film that increases
#
# $$\lambda \sum_{i \in \text{list}} r_i + (1 - \lambda) \ln \det s_\text{list}$$
#
# the most. Here $\lambda$ weighs different quantities from those in MMR, so we compare curves, not
# values of $\lambda$. And who measures the diversity? If we used the similarity that chose the films, a
# method could win by flattering its own judge. So we measure diversity with a similarity that chose
# nothing: that of the star model's vectors (page 02).

# %%
methods = {
    "MMR": lambda s, t, user, lam: varied(s, t, lam),
    "DPP": lambda s, t, user, lam: rr.dpp(s, rr.cosine(features[t]), 10, lam),
}
grid = {"MMR": (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3), "DPP": (1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.4)}


def relist(name, lam, top, score):
    """Everybody's ten by a method, the best first: (n_users, 10)."""
    positions = [
        np.sort(methods[name](s, t, user, lam))  # candidates come best first
        for user, (t, s) in enumerate(zip(top, score, strict=True))
    ]
    return np.take_along_axis(top, np.array(positions), axis=1)


# %%
judge = page.model.item_rows()[0].numpy()  # (n_items, d): chose none of the films
made = {}
for name in methods:
    print(f"{name}, {len(top):,} lists for each lambda:", end=" ")
    for lam in grid[name]:
        made[name, lam] = relist(name, lam, top, score)
        print(lam, end=" ", flush=True)
    print()

# %%
one, other = made["DPP", 1][0], made["DPP", 0.7][0]
volume = [np.linalg.slogdet(rr.cosine(features[ten]))[1] for ten in (one, other)]
print(f"ln det for the first user: plain list {volume[0]:.1f}, DPP at lambda 0.7 {volume[1]:.1f}.")


def on_a_curve(name, measure):
    """(measure of the lists, mean NDCG@10) for each lambda of a method."""
    lists = [made[name, lam] for lam in grid[name]]
    return np.array([(measure(ten), np.nanmean(ndcg(ten, valid))) for ten in lists]).T


def diversity(lists):
    return rt.metrics.intra_list_diversity(lists, judge)


# %%
fig, ax = plt.subplots()
trade = {name: on_a_curve(name, diversity) for name in methods}
for (name, (x, y)), style in zip(trade.items(), ("o-", "s--"), strict=True):
    ax.plot(x, y, style, label=name)
    for lam, *at in list(zip(grid[name], x, y, strict=True))[3:]:
        aside = (6, 6) if name == "DPP" else (-26, -14)
        ax.annotate(f"{lam}", at, xytext=aside, textcoords="offset points")
ax.set(xlabel="diversity of a list (1 - mean cosine)", ylabel="NDCG@10, validation")
ax.set(title="Variety costs accuracy: each point is a lambda (axes do not start at 0)")
ax.legend(loc="lower left")
(x, y), ends = trade["MMR"], "NDCG falls from {:.2f} to {:.2f} while diversity rises from {:.2f} to"
ws.show(fig, alt=f"{ends.format(y[0], y[-1], x[0])} {x[-1]:.2f} with MMR; the DPP's curve is near.")

# %% [markdown]
# No formula says where to stop. A rule helps, and we make one *now*, on validation data: take the most
# varied lists that keep 95 % of the NDCG.


# %%
def chosen_lam(name):
    """The smallest lambda that keeps 95 % of the plain lists' NDCG."""
    quality = {lam: np.nanmean(ndcg(made[name, lam], valid)) for lam in grid[name]}
    return min(lam for lam in grid[name] if quality[lam] >= 0.95 * quality[1])


picked = {name: made[name, chosen_lam(name)] for name in ("MMR", "DPP")}
for name, lists in picked.items():
    print(f"{name}: lambda {chosen_lam(name)}, diversity {diversity(lists):.3f}")
lead = rt.interpret.mean_interval(ndcg(picked["DPP"], valid) - ndcg(picked["MMR"], valid))
verdict = "the interval excludes zero" if lead.off_zero else "not told apart"
print(f"DPP minus MMR at these settings: NDCG@10 {lead}, {verdict}.")

# %% [markdown]
# One thing to watch: NDCG cannot see what variety is good for. It asks which of the ten films got 4
# stars or more from you, but you gave those stars without having seen our list. Only an A/B test
# (page 07) can show whether varied lists make people come back.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the curve: how much accuracy would you give up for lists that are a tenth more
# varied? Who decides that in your company?

# %% [markdown] slideshow={"slide_type": "slide"}
# ### In your proportions
#
# Somebody watches seven dramas for every three comedies. The ten likeliest films may well be ten
# dramas: each of them *is* likelier than any comedy. A **calibrated** list keeps the proportions. Let
# $p$ be the shares of genres in what you have rated (weighted by stars; a film of three genres counts a
# third for each) and $q$ the shares in the list. The divergence
#
# $$D(p, q) = \sum_g p_g \ln \frac{p_g}{\tilde q_g}, \qquad \tilde q = 0.99\, q + 0.01\, p,$$
#
# says how far $q$ is from $p$, in nats. A little of $p$ is mixed into $\tilde q$, so that a genre
# missing from the list costs much, but not infinitely much. Each step takes the film that makes
# $\lambda \sum_{i \in \text{list}} r_i - (1 - \lambda)\, D(p, q)$ largest.

# %% [markdown]
# ### Exercise: how far off
#
# Write `divergence(p, q)` for two arrays of shares. Genres that you never watch, $p_g = 0$, count 0.
#
# <details><summary>Hint 1</summary>
#
# `0 * np.log(0)` is not 0 but `nan`. Keep only the places where `p > 0`, in both arrays.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `p` is both the factor before the logarithm and the numerator. With `q` as the factor, a genre that the
# list leaves out would cost nothing.
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
nats = ws.use("18.divergence", divergence)
my_target = np.average(shares[my_items], axis=0, weights=my_stars)  # (genres,)
my_lists = {
    f"list, lambda {lam}": shares[cand[rr.calibrated(mine[cand], shares[cand], my_target, 10, lam)]]
    for lam in (1, 0.3)
}
bars = {"your ratings": my_target, **{name: rows.mean(0) for name, rows in my_lists.items()}}
off = {name: nats(my_target, share) for name, share in bars.items()}
print("; ".join(f"{name}: {distance:.2f} nats off" for name, distance in off.items()))

# %%
shown = np.argsort(-my_target, kind="stable")[:8]
fig, ax = plt.subplots(figsize=(9, 4.5))
for k, ((name, share), hatch) in enumerate(zip(bars.items(), ("", "//", ".."), strict=True)):
    at = np.arange(len(shown)) + 0.27 * (k - 1)
    ax.bar(at, 100 * share[shown], 0.27, label=name, hatch=hatch, edgecolor="white")
ax.set_xticks(range(len(shown)), [genres[g] for g in shown], rotation=30, ha="right")
ax.set(xlabel="genre", ylabel="share (%)", title="Calibration brings your genres back")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
alt = ", ".join(f"{name} {distance:.2f} nats" for name, distance in off.items())
ws.show(fig, alt=f"Bars: shares of genres in your ratings and in two lists. Distances: {alt}.")

# %% [markdown]
# Now for everybody. Perhaps varied lists also come closer to people's proportions? We measure all three
# methods by this distance, though only calibration was made to reduce it.

# %%
target = np.zeros((data.n_users, len(genres)))
np.add.at(target, train.user, train.rating[:, None] * shares[train.item])
target /= np.maximum(target.sum(1, keepdims=True), 1e-9)
methods["calibrated"] = lambda s, t, user, lam: rr.calibrated(s, shares[t], target[user], 10, lam)
grid["calibrated"] = (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.2)
for lam in grid["calibrated"]:
    made["calibrated", lam] = relist("calibrated", lam, top, score)
    print(lam, end=" ", flush=True)


def miscalibrated(lists):
    """Mean over users of how far a list is from their genres, in nats."""
    return np.mean([nats(p, shares[ten].mean(0)) for p, ten in zip(target, lists, strict=True)])


# %%
fig, ax = plt.subplots()
calibration = {name: on_a_curve(name, miscalibrated) for name in methods}
for (name, (x, y)), style in zip(calibration.items(), ("o-", "s--", "^-"), strict=True):
    ax.plot(x, y, style, label=name)
ax.invert_xaxis()
ax.set(xlabel="distance from the user's genres (nats); better to the right")
ax.set(ylabel="NDCG@10, validation")
ax.set(title="Calibrated lists come closest at the least cost (axes do not start at 0)")
ax.legend(loc="lower left")
x, y = calibration["calibrated"]
alt = f"Calibrated: distance from {x[0]:.2f} down to {x[-1]:.2f} nats, NDCG {y[0]:.3f} to {y[-1]:.3f}. "
ws.show(fig, alt=f"{alt}The curves of MMR and DPP lie below it and end earlier.")

# %%
for lam in (0.7, 0.5, 0.2):
    change = rt.interpret.mean_interval(ndcg(made["calibrated", lam], valid) - plain)
    distance = miscalibrated(made["calibrated", lam])
    word = "a cost" if change.high < 0 else "no clear cost"
    print(f"lambda {lam}: {distance:.2f} nats; NDCG@10 minus that of plain lists: {change}: {word}")

# %% [markdown]
# A list of ten has room for good films of other genres, as long as the best stay on top. The cost begins
# where the list has to take films from far down the ranking.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### A list is a portfolio (at home)
#
# A bank does not buy the ten shares with the highest expected gain. It asks how uncertain each one is,
# and above all whether they fall *together*. Page 13 has a model that answers both: `VariationalMF`
# describes you by a distribution over vectors instead of a single vector. What it does not know about
# you affects its predictions for all films of the same kind, so these predictions are wrong together:
# their errors have a **covariance**.
#
# We train it without a fifth of the people. We meet those people below.

# %%
away = np.random.default_rng(18).choice(data.n_users, data.n_users // 5, replace=False)
is_new = np.isin(data.user, away)
known, new = data.take(~is_new), data.take(is_new)
doubter = rt.models.VariationalMF.for_dataset(known)
rt.fit(doubter, known)


def believed(items, stars, candidates):
    """Expected stars (n,) of candidates for somebody known by ratings, and their covariance."""
    given = torch.from_numpy(items), torch.tensor(stars, dtype=torch.float32)
    mean, covariance = doubter.expect(doubter.fold_in(*given), torch.from_numpy(candidates))
    return mean.double().numpy(), covariance.double().numpy()


# %% [markdown]
# ### Exercise, at home: the next share
#
# A list's *worth* is the weighted mean of its films' stars, $\sum_a w_a x_a$, in which higher places
# count more ($w$ sums to 1). The list is filled from the top. Each place gets the film that makes
# *expected worth − b · variance of the worth* largest. A $b$ above 0 avoids risk. A $b$ below 0 seeks
# it, and takes films that may turn out to be wonderful. Write
# `next_share(mean, covariance, w, chosen, b)`: which film goes to place `len(chosen)`? Your function
# makes the lists below.
#
# <details><summary>Hint 1</summary>
#
# The variance of a weighted sum is $\sum_a \sum_c w_a w_c C_{ac}$. Write down what film $i$ at place $a$
# adds to it: one term of its own, and two equal terms with each film above it.
#
# </details>
# <details><summary>Hint 2</summary>
#
# It adds $w_a^2 C_{ii} + 2 w_a \sum_{c < a} w_c C_{ic}$. With an empty list the sum is 0.
#
# </details>


# %% tags=["stub"]
def next_share(mean, covariance, w, chosen, b):
    """mean (n,), covariance (n, n), w (k,), chosen: positions -> the next position."""
    return None  # your turn


# %% tags=["solution"]
def next_share(mean, covariance, w, chosen, b):
    """mean (n,), covariance (n, n), w (k,), chosen: positions -> the next position."""
    a = len(chosen)
    together = covariance[:, chosen] @ w[:a]  # 0 for an empty list
    value = w[a] * mean - b * (w[a] ** 2 * np.diag(covariance) + 2 * w[a] * together)
    value[chosen] = -np.inf
    return int(value.argmax())


# %%
ws.check("18.next_share", next_share)

# %%
take_share = ws.use("18.next_share", next_share)
place = 1 / np.log2(np.arange(2, 12))  # how much each place counts
place /= place.sum()


def portfolio(mean, covariance, b):
    """Ten positions: what next_share takes, one after the other."""
    ten = []
    for _ in range(10):
        ten.append(take_share(mean, covariance, place, ten, b))
    return np.array(ten)


def sd(ten, covariance):
    """Standard deviation of a list's worth, in stars."""
    return np.sqrt(place @ covariance[np.ix_(ten, ten)] @ place)


# %%
unseen = np.setdiff1d(np.arange(data.n_items), my_items)
mean, covariance = believed(my_items, my_stars, unseen)
risks = (-5, -3, -1.5, 0, 1.5, 5, 10, 20)  # b, in 1/stars
yours = {b: portfolio(mean, covariance, b) for b in risks}
frontier = {b: (place @ mean[ten], sd(ten, covariance)) for b, ten in yours.items()}
for b, name in ((10, "cautious"), (0, "plain"), (-5, "bold")):
    print(f"{name} (b = {b}): {frontier[b][0]:.2f} stars, give or take {frontier[b][1]:.2f}")
ws.films(pd.DataFrame({f"b = {b}": titles[unseen[yours[b]]] for b in (10, 0, -5)}))

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Does the model keep its promises?
#
# A model can say anything about its own doubts. So we ask the people it has never met. We give the model
# five ratings from each person. From the *other films that they rated* it chooses ten, cautiously or
# boldly. Then we compare what it promised with what they gave.

# %% tags=["long"]
rng = np.random.default_rng(0)
promised, gave, sure = ({b: [] for b in risks} for _ in range(3))  # (people, 4) each
for user in np.unique(new.user):
    theirs = np.flatnonzero(new.user == user)
    if len(theirs) < page.pick(45, 25):
        continue
    for b in risks:
        [found[b].append([]) for found in (promised, gave, sure)]
    for _ in range(4):  # the five given ratings are drawn four times
        given, rest = np.split(rng.permutation(theirs), [5])
        stars, doubts = believed(new.item[given], new.rating[given], new.item[rest])
        for b in risks:
            ten = portfolio(stars, doubts, b)
            promised[b][-1].append(place @ stars[ten])
            sure[b][-1].append(sd(ten, doubts))
            gave[b][-1].append(place @ new.rating[rest][ten])
    if len(gave[0]) % 20 == 0:
        print(f"{len(gave[0])} people", end="; ", flush=True)
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
for (name, both), style, side in zip(worth.items(), ("o--", "s-"), (10, -18), strict=True):
    ax.plot(*np.array(both).T, style, label=name)
    for b, at in zip(risks, both, strict=True):
        if b in (-5, 0, 20):
            aside = (10, -12) if (b, style) == (20, "o--") else (-14, side)
            ax.annotate(f"b = {b}", at, xytext=aside, textcoords="offset points")
ax.set(xlabel="how far off a list is (stars)", ylabel="worth of a list (stars)")
ax.set(title="Caution lowers the risk, promised and real (axes do not start at 0)")
ax.legend(loc="lower right")
ax.margins(y=0.15)
off = {b: float(np.sqrt(missed[b].mean())) for b in risks}
alt = f"Worth against risk. Bold lists miss by {off[-5]:.2f} stars, plain ones by {off[0]:.2f}, "
ws.show(fig, alt=f"{alt}the most cautious by {off[20]:.2f}.")

# %%
cost, optimism = ({b: rt.interpret.mean_interval(np.subtract(*two[b]).mean(1)) for b in risks}
    for two in ({b: (gave[0], gave[b]) for b in risks}, {b: (promised[b], gave[b]) for b in risks})
)  # fmt: skip
print("Squared error of bold lists minus that of cautious ones (b = 10), in stars^2:")
print("  ", rt.interpret.mean_interval(missed[-5] - missed[10]))
print("Worth of plain lists minus that of cautious ones, in stars:", cost[10])
print("Plain lists, promised minus given, in stars:", optimism[0])

# %% [markdown]
# Caution costs stars, and it does lower the risk, as the model promised. (These are films that people
# chose to watch; among all films the lists would probably be worth less.)
#
# If people give a list fewer stars than it promised, that comes from choosing by prediction: some
# predictions are too high and some too low, and you mostly pick the ones that are too high.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The test, once
#
# We chose everything on validation ratings. Now comes the test part. Each method uses the $\lambda$
# that our rule chose, and we compare its lists with the plain lists of the same users.

# %%
final_top, final_score = best(P @ Q.T, [train, valid])
final = {"plain": final_top[:, :10]}
for name in methods:
    lam = chosen_lam(name)
    final[f"{name}, {lam}"] = relist(name, lam, final_top, final_score)
quality = {name: ndcg(lists, test) for name, lists in final.items()}

# %%
raters = train.counts("item")
head = np.argsort(-raters, kind="stable")[: data.n_items // 10]  # the best-known tenth
table = pd.DataFrame(
    {
        "NDCG@10": {name: np.nanmean(q) for name, q in quality.items()},
        "diversity": {name: diversity(lists) for name, lists in final.items()},
        "genre distance (nats)": {name: miscalibrated(lists) for name, lists in final.items()},
        "best-known tenth": {name: np.isin(lists, head).mean() for name, lists in final.items()},
    }
)
table.style.format("{:.3f}")

# %%
for name in list(final)[1:]:
    change = rt.interpret.mean_interval(quality[name] - quality["plain"])
    print(f"{name} minus plain: NDCG@10 {change}{'' if change.off_zero else ', not told apart'}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Who is served badly?
#
# The last column of the table says what share of the places in the lists goes to the best-known tenth of
# the films. Recommenders learn from ratings, and a well-known film has many of them. How much of that
# share is due to people's taste, and how much to the machine?

# %%
liked = test.rating >= 4
slots = table.loc["plain", "best-known tenth"]
print("The tenth of the films with the most training ratings has")
print(f"{raters[head].sum() / len(train):>6.0%} of the training ratings,")
print(f"{np.isin(test.item[liked], head).mean():>6.0%} of the test ratings of 4 stars and more,")
print(f"{slots:>6.0%} of all places in our lists.")

# %%
log_raters = np.log2(np.maximum(raters, 1))
watched = np.bincount(train.user, log_raters[train.item], data.n_users)
watched /= np.maximum(train.counts("user"), 1)
told = log_raters[final["plain"]].mean(1)
span = np.array([min(watched.min(), told.min()), max(watched.max(), told.max())])
ticks = 2 ** np.arange(np.ceil(span[0]), span[1])

# %%
fig, ax = plt.subplots(figsize=(6.5, 5.5))
ax.scatter(2**watched, 2**told, s=12, alpha=0.5, label="a user")
ax.plot(2**span, 2**span, "--", color="black", label="equally well known")
ax.set(xscale="log", yscale="log")
for axis in (ax.xaxis, ax.yaxis):
    axis.set_ticks(ticks, [f"{t:.0f}" for t in ticks])
    axis.set_ticks([], minor=True)
ax.set(xlabel="ratings per film they rated (geometric mean)")
ax.set_ylabel("ratings per film in their list")
ax.set_title("Lists hold better-known films than people rate")
ax.legend(loc="lower right")
above = float((told > watched).mean())
ws.show(fig, alt=f"One dot per user; {above:.0%} lie above the line: lists of better-known films.")

# %% [markdown]
# Nearly everybody gets films that are better known than those they watch. The gap is widest for people
# who watch little-known films. Part of this is reasonable: little is known about a film with three
# ratings. Part of it may be a loop that feeds itself (page 07): what is shown gets rated.
#
# You can reduce this pull towards well-known films: divide each score by (ratings of the film)$^a$.
# Again we draw a curve, on validation ratings.

# %%
turned = {}
for a in (0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5):
    lists = best(P @ Q.T / np.maximum(raters, 1) ** a, [train], n=10)[0]
    turned[a] = np.isin(lists, head).mean(), ndcg(lists, valid)

# %%
fig, ax = plt.subplots()
x, y = np.array([(100 * share, np.nanmean(each)) for share, each in turned.values()]).T
ax.plot(x, y, "o-")
for a, *at in zip(turned, x, y, strict=True):
    if a in (0, 0.2, 0.3, 0.4):
        ax.annotate(f"a = {a}", at, xytext=(8, -16), textcoords="offset points")
ax.margins(y=0.1, x=0.1)
likes = 100 * np.isin(test.item[liked], head).mean()
ax.axvline(likes, linestyle="--", color="black", label="their share of what people like")
ax.set(xlabel="places of the best-known tenth (%)", ylabel="NDCG@10, validation")
ax.set(title="First steps away from well-known films are cheap (axes do not start at 0)")
ax.legend(loc="lower right")
alt = f"From {x[0]:.0f} % down to {x[-1]:.0f} % of places for the best-known tenth, NDCG goes from "
ws.show(fig, alt=f"{alt}{y[0]:.2f} to {y[-1]:.2f}.")

# %%
for a in (0.1, 0.3, 0.5):
    change = rt.interpret.mean_interval(turned[a][1] - plain)
    print(f"a = {a}: NDCG@10 minus plain {change}{'' if change.off_zero else ', not told apart'}")

# %% [markdown]
# Well-known films make up a larger share of the lists than they do of the films that people like.
# Bringing their share of the lists down to that level costs a lot of accuracy, since the model knows
# much less about the other films. (NDCG itself favours well-known films: people can only have rated what
# they found.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Group by group
#
# An average mostly describes the largest groups. So we compute the same NDCG for groups of users: by how
# much they rated, by age, and by gender (the data records two). Each group has an interval, since the
# mean of a small group moves by chance alone.

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
    if np.isfinite(quality["plain"][members]).sum() >= 20  # smaller groups say too little
}

# %%
labels = [f"{name} ({got.n})" for name, got in served.items()]
value, low, high = np.array([got[:3] for got in served.values()]).T
fig, ax = plt.subplots(figsize=(8, 5))
ax.errorbar(value, labels, xerr=[value - low, high - value], fmt="o", capsize=4)
ax.axvline(np.nanmean(quality["plain"]), color="black", linestyle="--", label="all users")
ax.invert_yaxis()
ax.set(xlabel="NDCG@10, test, with 95 % interval", ylabel="group (users with something to find)")
ax.set(title="The same model, group by group (axis does not start at 0)")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
worst, top_group = min(served, key=served.get), max(served, key=served.get)
ws.show(fig, alt=f"One dot with its interval per group. Lowest: {worst}; highest: {top_group}.")

# %% [markdown]
# Two things to watch before you draw conclusions. People who have rated a lot also have more liked films
# in the test part, and that alone raises their NDCG. And groups differ in more than one way: if women
# and men have a different NDCG, is gender the reason, or has one group rated more? So we compare each
# group with people of the same activity.

# %%
usual = np.array([np.nanmean(quality["plain"][quarter == k]) for k in range(4)])
rest = quality["plain"] - usual[quarter]  # above the mean of users with about as many ratings
alike = {
    name: rt.interpret.mean_interval(rest[members])
    for name, members in list(groups.items())[4:]
    if name in served
}
for name, gap_alike in alike.items():
    gap_all = served[name].value - np.nanmean(quality["plain"])
    print(f"{name}: {gap_all:+.3f} against all; at equal activity {gap_alike}")

# %% [markdown]
# These are many intervals at once. Even if no group differed from the others at all, there would be a
# chance of about two in five that at least one of ten 95 % intervals misses the dashed line. So treat
# what stands out here as a reason to look again, on other splits and other data. What to do about it is
# another question: more data from the small groups, features, a model of their own, or a list that
# admits what it does not know.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the figure: which group will be served worst? Then: in your product, which groups
# can you not even see in your data? (40 minutes for this part)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Choose films for variety, but show them by score: showing the same films in the order in which they
#   were chosen costs accuracy.
# * Variety costs accuracy. Calibration costs little at first. Draw the curve, then choose by a rule.
# * Measure diversity with a judge that did not choose the films.
# * Risk is a covariance: what the model does not know about you makes its predictions wrong together.
# * Averages hide people. Look at groups, with intervals, at equal activity.
#
# **Try it.** Compute the similarity from the genres alone (`features = about`). First write down which
# way the MMR curve will move, then run the cells again. **And a question without a check:** your shop
# may show one list to everybody who is new. Would you fill it by score, by variety or by caution, and
# how would you find out whether you were right?
#
# **Sources.** H. Steck, "Calibrated recommendations", RecSys 2018. L. Chen, G. Zhang, E. Zhou, "Fast
# greedy MAP inference for determinantal point process", NeurIPS 2018. M. D. Ekstrand and others, "All
# the cool kids, how do they fit in?", FAT* 2018: who is served how well, on this data too.
