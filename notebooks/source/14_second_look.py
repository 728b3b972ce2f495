# ---
# minutes: 40
# needs: [03_interpretation, 11_mixture_of_tastes]
# knows: "what an axis of PCA is (page 03)"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # A second look inside
#
# Train the same model again, with another seed, another size, other people, another time, and find out
# which of its meanings come back.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("14_second_look")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Same scores, other numbers
#
# Pause. Since page 03 the models got better, and we looked at errors. But we do not care about scores
# alone, we care about **what they mean**: which films go together, along which lines people differ,
# what your taste is. A meaning that is gone after a change of the seed is no meaning.
#
# So train biased MF twice. Nothing differs but the seed.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

when = page.train.timestamp
by_time = [page.train.take(when <= np.median(when)), page.train.take(when > np.median(when))]
least = np.min([half.counts("item") for half in by_time], axis=0)  # ratings in either half
enough = (page.train.counts("item") >= page.pick(50, 30)) & (least >= 10)
known = np.flatnonzero(enough)  # the films to speak about


def train(part, seed=0, **settings):
    model = rt.models.BiasedMF.for_dataset(part, seed=seed, **settings)
    rt.fit(model, part, seed=seed, progress=False)
    return model


# %%
one, two = train(page.train, seed=0), train(page.train, seed=1)
scores = [rt.predict(m, page.valid) for m in (one, two)]
alike = float(np.corrcoef(*scores)[0, 1])
tables = [m.item_factors.detach().numpy()[known] for m in (one, two)]
cosine = (tables[0] * tables[1]).sum(1) / np.prod([np.linalg.norm(t, axis=1) for t in tables], 0)
print(f"Correlation of the scores: {alike:.2f}.")
print(f"Mean cosine between a film's two vectors: {cosine.mean():+.2f}.")

# %% [markdown]
# The scores agree, and the vectors have nothing to do with each other. Turn all vectors, of people and
# of films, by the same rotation: no score changes. Each seed ends up in a rotation of its own. So
# comparing numbers compares maps that may be rotated against each other. Rotate one first.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Turning one map onto another
#
# Two tables, $A$ and $B$: a row for each film, a column for each axis. Which rotation $R$ brings
# $A R$ closest to $B$? This is the **Procrustes** problem, and its answer is short
# (Schönemann 1966): take the SVD $A^\top B = U S V^\top$; then $R = U V^\top$.

# %% [markdown]
# ### Exercise: the rotation
#
# Write `rotation(a, b)` for arrays of shape (n_films, d). It returns $R$, of shape (d, d).
#
# <details><summary>Hint 1</summary>
#
# `np.linalg.svd(m)` returns three things: `u, s, vt`. The last one is transposed already.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `u @ vt`. The sizes `s` stay out: with them it would stretch, and not only turn.
#
# </details>


# %% tags=["stub"]
def rotation(a, b):
    """a, b (n_films, d) -> (d, d), so that a @ R is close to b."""
    return None  # your turn


# %% tags=["solution"]
def rotation(a, b):
    """a, b (n_films, d) -> (d, d), so that a @ R is close to b."""
    u, _, vt = np.linalg.svd(a.T @ b)
    return u @ vt


# %%
ws.check("14.rotation", rotation)

# %% [markdown]
# **Trust a tool only after it has found what you hid.** We turn a map by a rotation that we know, and
# add noise. The tool must give the rotation back. Then the other way round: films shuffled, so that
# there is *nothing* to find.
#
# With enough axes any map can be turned to fit a few films. So the rotation is fitted on half of the
# films, the **anchors**, and judged on the others: `held_out` is the share of their squared length
# that is met. 1 is perfect; 0 is no better than to put every film in the middle; below 0 is worse
# than that.

# %%
AXES = 8  # the widest ones; most of the others are noise (page 03)
rng = np.random.default_rng(0)
map_one = rt.interpret.pca(one).items[known, :AXES]  # (films, axes), stars
anchors = rng.permutation(len(known))[: len(known) // 2]

hidden = np.linalg.qr(rng.normal(size=(AXES, AXES)))[0]  # a rotation that we know
noise = rng.normal(size=map_one.shape) * 0.2 * map_one.std(0)
turned = (map_one + noise) @ hidden
back = rt.interpret.procrustes(map_one, turned, anchors)
error = float(np.abs(back.rotation - hidden).max())
shuffled = rt.interpret.procrustes(map_one, rng.permutation(turned), anchors)
print(f"Hidden rotation: no number of it is off by more than {error:.2f}.")
print(f"Held out {back.held_out:.2f}, without turning {back.before:.2f}.")
print(f"Shuffled films: held out {shuffled.held_out:.2f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Seeds, sizes, people, times
#
# Now five real questions. (From the second on the seed changes as well.)
#
# * **Another seed**: same ratings, same model.
# * **Another size**: a quarter of the numbers for each film.
# * **Other ratings**: half of the ratings, drawn at random, against the other half; the same people.
# * **Other people**: half of the people, drawn at random, against the other half.
# * **Another time**: the first half of the time against the second.
#
# The last three belong together. All of them halve the ratings, and in another time it may be other
# people who rate. Only what is lost beyond "other people" can be blamed on time, and only what is lost
# beyond "other ratings" on people.

# %%
drawn = rng.permutation(len(page.train)) % 2 == 0  # half of the ratings
halves = {
    "other ratings": (page.train.take(drawn), page.train.take(~drawn)),
    "other people": rt.interpret.halves(page.train),
    "another time": by_time,
}
pairs = {"another seed": (one, two), "another size": (one, train(page.train, seed=1, dim=16))}
for name, (first, second) in halves.items():
    pairs[name] = (train(first, seed=0), train(second, seed=1))
stayed = np.prod([half.counts("user") > 0 for half in by_time], axis=0).mean()
print(f"{stayed:.0%} of the people rated in both halves of the time.")

# %%
maps = {
    name: [rt.interpret.pca(m).items[known, :AXES] for m in both] for name, both in pairs.items()
}

# %%
held = np.setdiff1d(np.arange(len(known)), anchors)
rows = []
for name, (a, b) in maps.items():
    fit = rt.interpret.procrustes(a, b, anchors)
    luck = rt.interpret.procrustes(a, rng.permutation(b), anchors)
    row = {"pair": name, "not turned": fit.before, "anchors": fit.fitted, "held out": fit.held_out}
    row |= {"shuffled": luck.held_out, "cosine": fit.cosine[held].mean()}
    rows.append(row | {"cosine, shuffled": luck.cosine[held].mean()})
turning = pd.DataFrame(rows).set_index("pair")
turning.round(2)

# %% [markdown]
# `shuffled` is what turning alone can fake. `held out` is how much of the map is really there again, and
# `anchors` is kinder as a rule: those are the films that the rotation was fitted on. A rotation may not
# stretch, so two maps of different width are punished even where the films lie in the same
# directions; that can bring the number below 0. `cosine` looks at directions only: the mean over
# held-out films, 1 if all agree.

# %%
for name, row in turning.iterrows():
    print(f"{name}: of the map {max(row['held out'], 0):.0%} is met, the directions agree", end=" ")
    print(f"by {row['cosine']:.2f}, shuffled {row['cosine, shuffled']:+.2f}.")

# %% [markdown]
# ## What survives?
#
# A map is made of meanings. Take them one by one, each with its own chance level.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Axes
#
# For each axis of the first model: the best cosine with an axis of the second. From 0.7 on we called it
# the same axis on page 03.

# %%
match, axis_luck = {}, {}
for name, (a, b) in pairs.items():
    first, second = rt.interpret.pca(a), rt.interpret.pca(b)
    match[name] = rt.interpret.matches(first, second, known, among=AXES)
    x, y = first.items[known, :AXES], rng.permutation(second.items[known, :AXES])
    cosines = (x / np.linalg.norm(x, axis=0)).T @ (y / np.linalg.norm(y, axis=0))
    axis_luck[name] = np.abs(cosines).max(1).mean()  # the best match of films mixed up

# %%
number = np.arange(1, AXES + 1)
fig, ax = plt.subplots()
for (name, values), style in zip(match.items(), ("o-", "s--", "v-", "D-.", "^:"), strict=True):
    ax.plot(number, values, style, label=name)
ax.axhline(max(axis_luck.values()), color=ws.PALETTE["black"], linewidth=1, label="chance")
ax.set(xlabel="axis, the widest first", ylabel="best match (cosine)", ylim=(0, 1.02))
ax.set(title="Which axes come back?")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
told = "; ".join(f"{name} {v[0]:.2f} and {v[-1]:.2f}" for name, v in match.items())
ws.show(fig, alt=f"How well {AXES} axes are found again, first and last: {told}.")

# %%
kept_axes = {name: int((values >= 0.7).sum()) for name, values in match.items()}
for name, n in kept_axes.items():
    print(f"{name}: {n} of {AXES} axes come back.")

# %% [markdown]
# Axes of about equal width trade places, or mix. Then the plane comes back and its axes do not.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Neighbours
#
# Which films are most alike? Cosines do not care how the map is turned, so nothing has to be turned
# here.
#
# ### Exercise: neighbours that stay
#
# Write `kept(a, b, k)` for two maps of the same films: of the `k` nearest neighbours of a film in `a`
# (by cosine, the film itself left out), which share are also among its `k` nearest in `b`? The mean
# over films.
#
# <details><summary>Hint 1</summary>
#
# `unit = x / np.linalg.norm(x, axis=1, keepdims=True)`; then `unit @ unit.T` are all cosines.
# `np.fill_diagonal(cosines, -np.inf)` takes the films themselves out.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.argsort(-cosines, axis=1)[:, :k]` are the neighbours. For two such rows, `np.intersect1d(r, s)`
# are those in both; divide by `k`.
#
# </details>


# %% tags=["stub"]
def kept(a, b, k):
    """a, b (n_films, d) -> the mean share of k neighbours that stay."""
    return None  # your turn


# %% tags=["solution"]
def kept(a, b, k):
    """a, b (n_films, d) -> the mean share of k neighbours that stay."""
    near = []
    for x in (a, b):
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, -np.inf)
        near.append(np.argsort(-cosines, axis=1)[:, :k])
    return np.mean([len(np.intersect1d(r, s)) / k for r, s in zip(*near, strict=True)])


# %%
ws.check("14.kept", kept)

# %%
from sklearn.neighbors import NearestNeighbors


def nearest(x, k=10):
    """The k nearest films by cosine, (n_films, k), without the film itself."""
    found = NearestNeighbors(n_neighbors=k + 1, metric="cosine").fit(x).kneighbors(x)[1]
    return [set(row) - {i} for i, row in enumerate(found)]


neighbours = {}
for name, (a, b) in maps.items():
    stay = [len(r & s) / 10 for r, s in zip(nearest(a), nearest(b), strict=True)]
    neighbours[name] = float(np.mean(stay))
neighbour_luck = 10 / (len(known) - 1)  # ten drawn blindly
for name, share in neighbours.items():
    print(f"{name}: {share:.0%} of a film's neighbours stay; by chance {neighbour_luck:.0%}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Clusters
#
# Cut the map into six clusters (k-means on directions). Do two films that share a cluster share one
# again? The **adjusted Rand index** counts such pairs and takes off what chance gives: 1 is the same
# clusters, 0 is chance. It does not care how clusters are numbered. Mind that k-means itself is shaky:
# with other seeds these numbers move by a tenth or more.

# %%
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score


def clusters(x, k=6):
    """k-means on directions: (n_films,) numbers of clusters."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return KMeans(k, n_init=10, random_state=0).fit_predict(unit)


# %%
cluster_match, cluster_luck = {}, {}
for name, (a, b) in maps.items():
    first, second = clusters(a), clusters(b)
    cluster_match[name] = adjusted_rand_score(first, second)
    cluster_luck[name] = adjusted_rand_score(first, rng.permutation(second))
for name, value in cluster_match.items():
    print(f"{name}: adjusted Rand index {value:.2f}; films mixed up {cluster_luck[name]:+.2f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Gumbel tastes: groups with edges
#
# On page 11 each person had tastes, and exactly one spoke for a film. That puts the films of *one
# person* into hard groups, and these hardly came out again. But ask all people together: **for which
# share of them does the same taste speak for both of two films?** This has no order of tastes in it, so
# nothing must be matched, and the accidents of single people may average out.

# %%
PERSONS_TASTES = 4


def who_speaks(train, seed):
    """(n_users, films): which taste speaks, by Gumbel tastes from this seed."""
    model = rt.models.GumbelTastes.for_dataset(train, n_tastes=PERSONS_TASTES, seed=seed)
    rt.fit(model, train, seed=seed, progress=False)
    everybody = torch.arange(model.n_users)
    return model.of_catalogue(model.user_attention, everybody).argmax(1).numpy()[:, known]


speaks = [who_speaks(page.train, seed) for seed in (0, 1)]

# %% [markdown]
# ### Exercise: how often together
#
# Write `together(speaks)`: from numbers of tastes, (n_users, n_films), to shares of people,
# (n_films, n_films).
#
# <details><summary>Hint 1</summary>
#
# For one taste `m`, `(speaks == m)` is a table of zeros and ones; `hit.T @ hit` counts the people for
# whom both films are in it.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Sum over the tastes, divide by the number of people. A film is always together with itself: 1 on the
# diagonal. Make the table of numbers (`.astype(float)`): truth values do not add up.
#
# </details>


# %% tags=["stub"]
def together(speaks):
    """speaks (n_users, n_films) -> (n_films, n_films), from 0 to 1."""
    return None  # your turn


# %% tags=["solution"]
def together(speaks):
    """speaks (n_users, n_films) -> (n_films, n_films), from 0 to 1."""
    hits = [(speaks == m).astype(float) for m in range(speaks.max() + 1)]
    return sum(hit.T @ hit for hit in hits) / len(speaks)


# %%
ws.check("14.together", together)

# %% [markdown]
# Which films go with the best-known one, and does the second seed agree, over all pairs of films?

# %%
titles = page.data.items["title"].to_numpy()[known]
popular = page.train.counts("item")[known]
if together(speaks[0]) is not None:
    shares = [together(s) for s in speaks]
    best = int(popular.argmax())
    order = np.argsort(-shares[0][best], kind="stable")
    beside = [f"{titles[i]} ({shares[0][best, i]:.0%})" for i in order if i != best][:4]
    print(f"With {titles[best]} go: {'; '.join(beside)}.")
    pairs_of_films = np.triu_indices(len(known), 1)
    r = np.corrcoef(*[t[pairs_of_films] for t in shares])[0, 1]
    print(f"Correlation of the two seeds over all pairs: {r:.2f}.")

# %% [markdown]
# For groups we cut this table up: k-means on its main directions. (They are the SVD of the zeros and
# ones that the table is a product of.) And for the record, how well a *single* person's tastes agree:

# %%
from scipy.optimize import linear_sum_assignment


def personal_agreement(a, b):
    """Share of films with the same taste, after each person's best permutation, over people."""
    m, share = PERSONS_TASTES, []
    for mine, theirs in zip(a, b, strict=True):
        counts = np.bincount(m * mine + theirs, minlength=m * m).reshape(m, m)
        share.append(counts[linear_sum_assignment(-counts)].sum() / len(mine))
    return float(np.mean(share))


# %%
def groups(speaks, k=6):
    """Films that go together for most people: (n_films,) numbers of groups."""
    onehot = np.concatenate([speaks == m for m in range(PERSONS_TASTES)]).T.astype(float)
    u, size, _ = np.linalg.svd(onehot - onehot.mean(0), full_matrices=False)
    return KMeans(k, n_init=10, random_state=0).fit_predict(u[:, :k] * size[:k])


# %%
single = personal_agreement(*speaks)
single_luck = personal_agreement(speaks[0], rng.permutation(speaks[1]))
found = [groups(s) for s in speaks]
group_match = adjusted_rand_score(*found)
group_luck = adjusted_rand_score(found[0], rng.permutation(found[1]))
print(f"One person's tastes from two seeds: {single:.0%} of films alike, chance {single_luck:.0%}.")
print(f"Groups over all people: adjusted Rand index {group_match:.2f}, chance {group_luck:+.2f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Names for groups
#
# A hard group can be named: by its best-known films, and by the words (genres, age, fame) that its
# films have more, and less, than others. (More `year` is newer, more `popularity` is better known: a
# group need not be a genre.) `stays` is the share of its films that are together again in the best
# matching group of the other seed; `luck` is the same with the films of that seed mixed up. Names
# only for what stays.

# %%
words = rt.interpret.attributes(page.train).iloc[known]
standard = (words - words.mean()) / words.std(ddof=0).replace(0, 1)


def largest(inside, other):
    """Share of these films that lie in one group of the other seed."""
    return np.bincount(other[inside]).max() / len(inside)


# %%
named = []
for g in range(6):
    inside = np.flatnonzero(found[0] == g)
    luck = np.mean([largest(inside, rng.permutation(found[1])) for _ in range(50)])
    row = {"films": len(inside), "stays": largest(inside, found[1]), "luck": luck}
    top = inside[np.argsort(-popular[inside], kind="stable")][:3]
    lift = standard.iloc[inside].mean()
    most, fewest = lift.nlargest(2).index, lift.nsmallest(2).index
    row |= {"known for": "; ".join(titles[top]), "more": ", ".join(most)}
    named.append(row | {"less": ", ".join(fewest)})
named = pd.DataFrame(named).sort_values("stays", ascending=False, ignore_index=True)
named.round(2)

# %%
firm = int((named["stays"] >= 0.7).sum())
print(f"{firm} of 6 groups keep at least 70% of their films together. The others get no name.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# Where do *you* stand on the axes of the two seeds? The axes of the second are first turned onto those
# of the first. We turn *films*, and you with the same rotation: that is why a rotation is allowed
# and a stretch is not.

# %%
mine = []
for model in (one, two):
    axes = rt.interpret.pca(model)
    row = rt.interpret.place(axes, model, page.me)[:AXES]  # in standard deviations of people
    mine.append(row * axes.sd[:AXES])  # in stars: how much an axis matters for you
turn = rt.interpret.procrustes(maps["another seed"][1], maps["another seed"][0], anchors)
mine[1] = turn.apply(mine[1][None])[0]
you_alike = float(mine[0] @ mine[1] / np.prod([np.linalg.norm(x) for x in mine]))

# %%
fig, ax = plt.subplots()
ax.bar(number - 0.2, mine[0], 0.4, label="first seed")
ax.bar(number + 0.2, mine[1], 0.4, hatch="//", label="second seed, turned")
ax.axhline(0, color=ws.PALETTE["black"], linewidth=1)
ax.set(xlabel="axis of the first seed, the widest first", ylabel="your place (stars)")
ax.set(title="The sample person, twice" if page.me_is_sample else "You, twice")
ax.legend()
alt = f"Bars of a person's place on {AXES} axes by two seeds; they point alike, cosine"
ws.show(fig, alt=f"{alt} {you_alike:.2f}.")

# %%
who = "the sample person" if page.me_is_sample else "you"
print(f"Cosine between the two places of {who}: {you_alike:.2f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What survives, in one table
#
# Each row is a kind of meaning, each column a change that it had to survive; the last column is
# chance. The tastes were tried with other seeds only.

# %% tags=["long"]
survives = pd.DataFrame(
    {
        "the map, turned (cosine)": turning["cosine"].to_dict(),
        "first axis (cosine)": {name: v[0] for name, v in match.items()},
        f"all {AXES} axes (mean cosine)": {name: v.mean() for name, v in match.items()},
        "ten neighbours (share kept)": neighbours,
        "six clusters (adjusted Rand)": cluster_match,
        "groups by Gumbel tastes (adjusted Rand)": {"another seed": group_match},
        "one person's tastes (share alike)": {"another seed": single},
    }
).T[list(pairs)]
lucks = [turning["cosine, shuffled"].max(), max(axis_luck.values()), max(axis_luck.values())]
lucks += [neighbour_luck, max(cluster_luck.values()), group_luck, single_luck]
survives["chance"] = lucks
survives.map(lambda v: "" if np.isnan(v) else f"{v:.2f}")

# %% [markdown]
# The rows have different scales. To compare them, put chance at 0 and perfect at 1.

# %%
left = survives.drop(columns="chance").sub(survives["chance"], axis=0)
left = left.div(1 - survives["chance"], axis=0)  # 0 is chance, 1 is perfect
for name in pairs:
    order = left[name].dropna().sort_values(ascending=False)
    print(f"{name}: best {order.index[0]}, {order.iloc[0]:.0%} of the way from chance", end=" ")
    print(f"to perfect; least {order.index[-1]}, {order.iloc[-1]:.0%}.")

# %% [markdown]
# Of what is lost, how much is due to fewer ratings, how much to other people, how much to time? Each
# step below, as a mean over the rows. Steps of a few per cent are noise. A minus is a gain: that can be,
# since half of the people come with all their ratings, and half of the ratings make every person
# half as well known.

# %%
mean = left.dropna().mean()  # over the rows that have all columns
steps = {"fewer ratings": mean["another seed"] - mean["other ratings"]}
steps["other people"] = mean["other ratings"] - mean["other people"]
steps["another time"] = mean["other people"] - mean["another time"]
for name, step in steps.items():
    print(f"{name}: {round(step, 2) + 0.0:.0%} lost")
print(f"Most is lost to {max(steps, key=steps.get)}.")

# %% [markdown]
# So when somebody shows you a map of films with names on its axes, ask three things. Does it come back
# from another seed? From other ratings, of other people? And what would chance have given?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Equal scores do not mean equal numbers: turn first, then compare.
# * Procrustes turns; fit it on anchors, believe only held-out films, and try it on a hidden rotation and
#   on shuffled films before.
# * Each kind of meaning has its own chance level; without it no agreement means anything.
# * Another seed is the easiest test. Other ratings are the one that counts.

# %%
print(f"* Of {AXES} axes come back: ", end="")
print("; ".join(f"{name} {n}" for name, n in kept_axes.items()) + ".")
lead = group_match - cluster_match["another seed"]
than = "about as well as" if abs(lead) < 0.25 else "better than" if lead > 0 else "worse than"
print(f"* Groups by Gumbel tastes come back {than} clusters, from another seed.")
alone = left["another seed"].iloc[-1]
print(f"* One person's tastes get {alone:.0%} of the way from chance to perfect: ", end="")
print("mostly an accident of the seed." if alone < 0.3 else "some of them can be trusted.")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the last table let the room rank the rows: axes, neighbours, clusters, tastes. Most expect
# neighbours to be the most stable. (5 minutes)
