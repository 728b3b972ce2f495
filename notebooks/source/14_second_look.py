# ---
# minutes: 40
# needs: [03_interpretation, 11_mixture_of_tastes]
# knows: "what an axis of PCA is (page 03)"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # A second look inside
#
# Train the same model again (with another seed, in another size, on the ratings of other people, on
# ratings from another time) and find out which of its meanings come back.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("14_second_look")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Same scores, other numbers
#
# Pause. Since page 03 we have improved our models, and judged them mostly by their errors. But we do not
# care about scores alone. We care about **what they mean**: which films go together, along which lines
# people differ, what your taste is. A meaning that disappears when the seed changes is no meaning.
#
# So we train biased MF twice. Only the seed differs.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from recsys_workshop.labs import drawings, naming, stability

# %%
when = page.train.timestamp
by_time = [page.train.take(when <= np.median(when)), page.train.take(when > np.median(when))]
least = np.min(
    [half.counts("item") for half in by_time], axis=0
)  # ratings in the half that has fewer
enough = (page.train.counts("item") >= page.pick(50, 30)) & (least >= 10)
known = np.flatnonzero(enough)  # the films that the page talks about


def train(part, seed=0, **settings):
    model = rt.models.BiasedMF.for_dataset(part, seed=seed, **settings)
    rt.fit(model, part, seed=seed)
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
# The scores agree, and the vectors have nothing to do with each other. Rotate all vectors, of people and
# of films, in the same way: no score changes. So each seed ends up in a rotation of its own. The films'
# vectors are a map with one point per film. Before you compare two such maps number by number, you have
# to rotate one onto the other.
#
# PCA (page 03) looks like a cure, since it puts the widest axis of each map first. But it looks at each
# map alone. Two axes of almost equal width may change places or mix, and the sign of an axis is
# arbitrary. So we use PCA to find the widest axes, and then rotate one set of axes onto the other.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Turning one map onto another
#
# Two tables, $A$ and $B$, have one row per film and one column per axis. Which rotation $R$ brings $A R$
# closest to $B$? This is the **Procrustes** problem. Reflections are allowed too, since they change no
# score either: all we ask is $R^\top R = I$. Then $\|A R\|$ is the same for every $R$, so
# $\|A R - B\|^2$ is smallest where the trace $\operatorname{tr}(R^\top A^\top B)$ is largest. With the
# SVD $A^\top B = U S V^\top$ this trace is
#
# $$\operatorname{tr}(R^\top U S V^\top) = \operatorname{tr}(Z S), \qquad Z = V^\top R^\top U.$$
#
# $Z$ is orthogonal, so none of its entries is above 1, and $S$ is diagonal without negative entries. So
# the trace is largest where $Z$ is the identity.
#
# With enough axes any map can be turned to fit a few films. So we fit the rotation on half of the
# films, the **anchors**, and judge it on the others.

# %% [markdown]
# ### Exercise: the rotation
#
# Write `rotation(a, b, anchors)`: `a` and `b` are maps of shape (n_films, d), and `anchors` holds the
# row numbers of the anchors. It returns $R$, of shape (d, d), which turns `a` onto `b` and is fitted on
# the anchors alone. The page turns all its maps with your function.
#
# <details><summary>Hint 1</summary>
#
# Which $R$ makes $V^\top R^\top U = I$? Multiply by $V$ from the left and by $U^\top$ from the right.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.linalg.svd(m)` returns three things: `u, s, vt`. The last one is transposed already. Leave out the
# singular values `s`: with them $R$ would stretch the map, not only turn it.
#
# </details>


# %% tags=["stub"]
def rotation(a, b, anchors):
    """a, b (n_films, d), anchors: positions -> (d, d), so that a @ R is close to b."""
    return None  # your turn


# %% tags=["solution"]
def rotation(a, b, anchors):
    """a, b (n_films, d), anchors: positions -> (d, d), so that a @ R is close to b."""
    u, _, vt = np.linalg.svd(a[anchors].T @ b[anchors])
    return u @ vt


# %%
ws.check("14.rotation", rotation)

# %% [markdown]
# **Trust a tool only after it has found what you hid.** We turn a map by a rotation that we know, and
# add noise. The tool must give the rotation back. Then the other way round: we shuffle the films, so
# that there is *nothing* to find.
#
# To judge, we take $1 - \|A R - B\|^2 / \|B\|^2$ over the held-out films. 1 is perfect. 0 is no better
# than putting every film at the origin, and below 0 is worse than that. (In the library, all of this is
# `rt.interpret.procrustes`.)

# %%
turn = ws.use("14.rotation", rotation)
AXES = 8  # the widest ones; most of the others are noise (page 03)
anchors = np.random.default_rng(0).permutation(len(known))[: len(known) // 2]
held = np.setdiff1d(np.arange(len(known)), anchors)


def met(x, y):
    """1 - |x - y|^2 / |y|^2 over the held-out films."""
    return float(1 - ((x - y)[held] ** 2).sum() / (y[held] ** 2).sum())


def directions(x, y):
    """Mean cosine between the two places of each held-out film."""
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return float(((x * y).sum(1) / lengths)[held].mean())


# %%
rng = np.random.default_rng(0)
map_one = rt.interpret.pca(one).items[known, :AXES]  # (films, axes), stars
hidden = np.linalg.qr(rng.normal(size=(AXES, AXES)))[0]  # a rotation that we know
turned = (map_one + rng.normal(size=map_one.shape) * 0.2 * map_one.std(0)) @ hidden
shuffled = rng.permutation(turned)
error = float(np.abs(turn(map_one, turned, anchors) - hidden).max())
checked = {
    "turned back": met(map_one @ turn(map_one, turned, anchors), turned),
    "not turned": met(map_one, turned),
    "films shuffled": met(map_one @ turn(map_one, shuffled, anchors), shuffled),
}
print(f"Hidden rotation: no entry is off by more than {error:.2f}. Agreement on held-out films:")
print("; ".join(f"{name} {value:.2f}" for name, value in checked.items()))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Seeds, sizes, people, times
#
# Now we ask five real questions. Each one compares two models, and the seeds always differ.
#
# * **Another seed**: the ratings and the size of the model stay the same.
# * **Another size**: each vector of the second model has a quarter as many numbers.
# * **Other ratings**: half of the ratings, drawn at random, against the other half; the same people.
# * **Other people**: half of the people, drawn at random, against the other half.
# * **Another time**: the first half of the ratings in time against the second.
#
# The last three belong together. All of them halve the ratings. "Other people" also changes the people.
# "Another time" changes the time, and also the people, because some may have rated in one half only. So
# if less comes back with "other people" than with "other ratings", that points to the people. If less
# comes back with "another time" than with "other people", that points to the time.

# %%
drawn = np.random.default_rng(1).permutation(len(page.train)) % 2 == 0  # half of the ratings
halves = {
    "other ratings": (page.train.take(drawn), page.train.take(~drawn)),
    "other people": stability.halves(page.train),
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

# %% [markdown]
# First a picture of the first pair, on the two axes of PCA that the two seeds agree on least. Follow one
# named film from map to map: the seeds put it in different places. In the third map, after the turn, it
# is close to its place in map A (the black ring).

# %%
a, b = maps["another seed"]
same = (a * b).sum(0) / (np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0))
pair = np.sort(np.argsort(same)[:2])  # the axes that disagree most
turned_b = b @ turn(b, a, anchors)
views = {"map A, first seed": a, "map B, second seed": b, "B turned onto A": turned_b}
famous = np.argsort(-page.train.counts("item")[known], kind="stable")[:60]
chosen = famous[np.argsort(-np.linalg.norm(a[famous][:, pair], axis=1))[:6]]
names = page.data.items["title"].to_numpy()[known]
fig = drawings.maps({name: x[:, pair] for name, x in views.items()}, names, chosen, pair + 1)
alt = f"Three maps of films on axes {pair[0] + 1} and {pair[1] + 1}. {names[chosen[0]]} and five others"
alt += " are named: B shows them in other places than A, but close to these once it is turned."
ws.show(fig, alt=alt)

# %%
rows = []
for name, (a, b) in maps.items():
    onto, mixed = a @ turn(a, b, anchors), rng.permutation(b)
    luck = a @ turn(a, mixed, anchors)
    row = {"pair": name, "not turned": met(a, b), "held out": met(onto, b)}
    row |= {"shuffled": met(luck, mixed), "cosine": directions(onto, b)}
    rows.append(row | {"cosine, shuffled": directions(luck, mixed)})
turning = pd.DataFrame(rows).set_index("pair")
turning.round(2)

# %% [markdown]
# *Not turned* is the agreement of the axes of PCA as they come, the first with the first and so on. *Held
# out* is the agreement after the turn. For *shuffled*, we shuffle the films of the second map and then
# turn the first onto it: this is what turning alone can fake. A rotation cannot stretch, so two maps of
# different width are punished even where the films lie in the same directions. That can bring the number
# below 0, which means: by this measure, nothing agrees. *Cosine* looks at directions only. It is the mean
# over held-out films, and 1 if all agree.

# %%
for name, row in turning.iterrows():
    share = f"{row['held out']:.0%} of the map agrees" if row["held out"] > 0 else "nothing agrees"
    print(f"{name}: {share}; mean cosine {row['cosine']:.2f}, shuffled", end=" ")
    print(f"{row['cosine, shuffled']:+.2f}.")

# %% [markdown]
# ## What survives?
#
# A map holds several kinds of meaning. We take them one by one, each with its own chance level.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Axes
#
# For each axis of the first model we look for the best cosine with an axis of the second. As on page 03,
# we call it the same axis if that cosine is at least 0.7.

# %%
match, axis_luck = {}, {}
for name, (a, b) in pairs.items():
    first, second = rt.interpret.pca(a), rt.interpret.pca(b)
    match[name] = rt.interpret.matches(first, second, known, among=AXES)
    x, y = first.items[known, :AXES], rng.permutation(second.items[known, :AXES])
    cosines = (x / np.linalg.norm(x, axis=0)).T @ (y / np.linalg.norm(y, axis=0))
    axis_luck[name] = np.abs(cosines).max(1).mean()  # the best match after shuffling the films

# %%
number = np.arange(1, AXES + 1)
fig, ax = plt.subplots()
for (name, values), style in zip(match.items(), ("o-", "s--", "v-", "D-.", "^:"), strict=True):
    ax.plot(number, values, style, label=name)
ax.axhline(max(axis_luck.values()), color=ws.PALETTE["black"], linewidth=1, label="chance")
ax.set(xlabel="axis, the widest first", ylabel="best match (cosine)", ylim=(0, 1.02))
ax.set(title="Wide axes come back more often than narrow ones")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
told = "; ".join(f"{name} {v[0]:.2f} and {v[-1]:.2f}" for name, v in match.items())
ws.show(fig, alt=f"Best match of each of {AXES} axes; of the first and the last: {told}.")

# %%
kept_axes = {name: int((values >= 0.7).sum()) for name, values in match.items()}
for name, n in kept_axes.items():
    print(f"{name}: {n} of {AXES} axes come back.")

# %% [markdown]
# Axes of about equal width may mix. Then the plane that two axes span comes back, but the two axes do
# not.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Neighbours
#
# Which films are most alike? A rotation changes no cosine, so we need not turn anything here.
#
# ### Exercise: neighbours that stay
#
# Write `kept(a, b, k)` for two maps of the same films. Take the `k` nearest neighbours of a film in `a`
# (by cosine, without the film itself). What share of them is also among its `k` nearest in `b`? Return
# the mean over films. Your function fills the row of neighbours in the table at the end.
#
# <details><summary>Hint 1</summary>
#
# `unit = x / np.linalg.norm(x, axis=1, keepdims=True)`; then `unit @ unit.T` holds all cosines.
# `np.fill_diagonal(cosines, -np.inf)` takes the films themselves out.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.argsort(-cosines, axis=1)[:, :k]` are the neighbours. For two such rows, `np.intersect1d(r, s)`
# holds those in both. Divide their number by `k`.
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
share_kept = ws.use("14.kept", kept)
neighbours = {name: float(share_kept(a, b, 10)) for name, (a, b) in maps.items()}
neighbour_luck = 10 / (len(known) - 1)  # ten drawn at random
for name, share in neighbours.items():
    print(f"{name}: {share:.0%} of a film's neighbours stay; by chance {neighbour_luck:.0%}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Clusters
#
# We cut the map into six clusters with k-means: it looks for six centres, such that each film is close
# to one of them. (It sees directions only, because we first scale each vector to length 1.) If two films
# are in one cluster in the first map, are they in one cluster in the second? The **adjusted Rand index**
# counts such pairs and subtracts what chance gives: 1 means the same clusters, 0 means chance. How the
# clusters are numbered makes no difference. K-means itself is shaky: with other seeds, this index can
# move by 0.1 or more.

# %%
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score


def clusters(x, k=6):
    """k-means on directions: the number of each film's cluster, (n_films,)."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return KMeans(k, n_init=10, random_state=0).fit_predict(unit)


# %%
cluster_match, cluster_luck = {}, {}
for name, (a, b) in maps.items():
    first, second = clusters(a), clusters(b)
    cluster_match[name] = adjusted_rand_score(first, second)
    cluster_luck[name] = adjusted_rand_score(first, rng.permutation(second))
for name, value in cluster_match.items():
    print(f"{name}: adjusted Rand index {value:.2f}; films shuffled {cluster_luck[name]:+.2f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Gumbel tastes: groups with edges
#
# On page 11 each person had several tastes, and exactly one spoke for each film. For *one person*, that
# sorts all films into separate groups, and another seed rarely gives the same groups. But look at all
# people together. Take two films: **for what share of the people does the same taste speak for both?**
# How a model numbers its tastes makes no difference here, so we need not match the tastes of one seed to
# those of the other. And the accidents in each person's tastes may average out over all people.

# %%
PERSONS_TASTES = 4


def who_speaks(train, seed):
    """Which taste speaks, (n_users, films), by Gumbel tastes from this seed."""
    model = rt.models.GumbelTastes.for_dataset(train, n_tastes=PERSONS_TASTES, seed=seed)
    rt.fit(model, train, seed=seed)
    everybody = torch.arange(model.n_users)
    return model.of_catalogue(model.user_attention, everybody).argmax(1).numpy()[:, known]


speaks = [who_speaks(page.train, seed) for seed in (0, 1)]

# %% [markdown]
# ### Exercise: how often together
#
# Write `together(speaks)`. It takes a table (n_users, n_films) with the number of the taste that speaks,
# for each person and film. It returns a table (n_films, n_films) with the share of people for whom the
# same taste speaks for both films.
#
# <details><summary>Hint 1</summary>
#
# For one taste `m`, `hit = (speaks == m).astype(float)` is a table of zeros and ones, and `hit.T @ hit`
# counts the people for whom it speaks for both films. (Without `.astype(float)` the product would hold
# only True and False, not counts.)
#
# </details>
# <details><summary>Hint 2</summary>
#
# Sum over the tastes and divide by the number of people. A film is always together with itself, so the
# diagonal is 1.
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
# Which films go with the best-known one? And does the second seed agree, over all pairs of films?

# %%
titles = page.data.items["title"].to_numpy()[known]
popular = page.train.counts("item")[known]
shares = [ws.use("14.together", together)(s) for s in speaks]
best = int(popular.argmax())
order = np.argsort(-shares[0][best], kind="stable")
beside = [f"{titles[i]} ({shares[0][best, i]:.0%})" for i in order if i != best][:4]
print(f"Most often together with {titles[best]}: {'; '.join(beside)}.")
pairs_of_films = np.triu_indices(len(known), 1)
r = np.corrcoef(*[t[pairs_of_films] for t in shares])[0, 1]
print(f"Correlation of the two seeds over all pairs: {r:.2f}.")

# %% [markdown]
# To get groups, we describe each film by a row of zeros and ones. Each taste of each person has its own
# column, with a 1 if that taste speaks for the film. (Dot products of these rows, divided by the number
# of people, are the shares above.) We subtract the mean row, keep the six widest directions (by an SVD),
# and run k-means on them. We also measure how well the two seeds agree on a *single* person's tastes.

# %%
from scipy.optimize import linear_sum_assignment


def personal_agreement(a, b):
    """Mean share of films with the same taste, after the best renumbering for each person."""
    m, share = PERSONS_TASTES, []
    for mine, theirs in zip(a, b, strict=True):
        counts = np.bincount(m * mine + theirs, minlength=m * m).reshape(m, m)
        share.append(counts[linear_sum_assignment(-counts)].sum() / len(mine))
    return float(np.mean(share))


# %%
def groups(speaks, k=6):
    """Films that go together for many people: the number of each film's group, (n_films,)."""
    onehot = np.concatenate([speaks == m for m in range(PERSONS_TASTES)]).T.astype(float)
    u, size, _ = np.linalg.svd(onehot - onehot.mean(0), full_matrices=False)
    return KMeans(k, n_init=10, random_state=0).fit_predict(u[:, :k] * size[:k])


# %%
single = personal_agreement(*speaks)
single_luck = personal_agreement(speaks[0], rng.permutation(speaks[1]))
found = [groups(s) for s in speaks]
group_match = adjusted_rand_score(*found)
group_luck = adjusted_rand_score(found[0], rng.permutation(found[1]))
print(
    f"One person's tastes from two seeds agree on {single:.0%} of films; chance {single_luck:.0%}."
)
print(f"Groups over all people: adjusted Rand index {group_match:.2f}, chance {group_luck:+.2f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Names for groups
#
# Each film is now in exactly one group. Can we give these groups names? A name consists of the two
# attributes (genres, year, popularity) in which the group's films are most above the average film, and
# the two in which they are most below. The table also lists each group's best-known films. (A group need
# not be a genre: it may stand out by `year`, where more means newer, or by `popularity`, where more
# means better known.) *Stays* is the share of a group's films that are together again in the best
# matching group of the other seed. *Luck* is the same share after the films of the other seed have been
# shuffled. Only a group that stays gets a name: at least 70 % of its films must be together again.

# %%
words = naming.attributes(page.train).iloc[known]
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
    name = f"more {' and '.join(most)}, less {' and '.join(fewest)}"
    row |= {"name": name if row["stays"] >= 0.7 else "(none)"}
    named.append(row | {"known for": "; ".join(titles[top])})
named = pd.DataFrame(named).sort_values("stays", ascending=False, ignore_index=True)
named.round(2)

# %%
firm = named[named["stays"] >= 0.7]
print(f"{len(firm)} of 6 groups keep at least 70% of their films together. Their names:")
for _, group in firm.iterrows():
    print(f"* {group['name']} ({group['films']} films, such as {group['known for']})")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# Where are *you* on the axes of the two seeds? We turn the axes of the second onto those of the first.
# The rotation is fitted on films, and then it turns you. We only rotate and never stretch: if we rotate
# films and people alike, your scores stay as they are, but if we stretched both, they would change.

# %%
mine = []
for model in (one, two):
    axes = rt.interpret.pca(model)
    row = rt.interpret.place(axes, model, page.me)[:AXES]  # in standard deviations of people
    mine.append(row * axes.sd[:AXES])  # in stars: how much an axis matters for you
mine[1] = mine[1] @ turn(maps["another seed"][1], maps["another seed"][0], anchors)
you_alike = float(mine[0] @ mine[1] / np.prod([np.linalg.norm(x) for x in mine]))

# %%
fig, ax = plt.subplots()
ax.bar(number - 0.2, mine[0], 0.4, label="first seed")
ax.bar(number + 0.2, mine[1], 0.4, hatch="//", label="second seed, turned")
ax.axhline(0, color=ws.PALETTE["black"], linewidth=1)
ax.set(xlabel="axis of the first seed, the widest first", ylabel="your place (stars)")
ax.set(title=f"{'The sample person' if page.me_is_sample else 'You'}, seen by two seeds")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
alt = f"Bars: one person's place on {AXES} axes by two seeds; the cosine between the two is"
ws.show(fig, alt=f"{alt} {you_alike:.2f}.")

# %%
who = "the sample person" if page.me_is_sample else "you"
print(f"Cosine between the two places of {who}: {you_alike:.2f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What survives, in one table
#
# Each row is a kind of meaning. Each column is a change that it had to survive, and the last column is
# chance. We tested the tastes with another seed only.

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
# The rows have different scales. To compare them, we put chance at 0 and perfect agreement at 1.

# %%
left = survives.drop(columns="chance").sub(survives["chance"], axis=0)
left = left.div(1 - survives["chance"], axis=0)  # 0 is chance, 1 is perfect
for name in pairs:
    order = left[name].dropna().sort_values(ascending=False)
    print(f'{name}: "{order.index[0]}" survives best, {order.iloc[0]:.0%} of the way from', end=" ")
    print(f'chance to perfect; "{order.index[-1]}" survives least, {order.iloc[-1]:.0%}.')

# %% [markdown]
# How much of the loss is due to fewer ratings, how much to other people, how much to time? We compare
# two columns at a time: "another seed" with "other ratings", then "other ratings" with "other people",
# then "other people" with "another time". Each step below is such a difference, averaged over the rows.
# Steps of a few per cent are noise. A minus sign means a gain. The step "other people" can be a gain: a
# split by people leaves each person all of their own ratings, and a split by ratings leaves each person
# only about half of them.

# %%
mean = left.dropna().mean()  # over the rows that have all columns
steps = {"fewer ratings": mean["another seed"] - mean["other ratings"]}
steps["other people"] = mean["other ratings"] - mean["other people"]
steps["another time"] = mean["other people"] - mean["another time"]
for name, step in steps.items():
    print(f"{name}: {round(step, 2) + 0.0:.0%} lost")
print(f"Most is lost to {max(steps, key=steps.get)}.")

# %% [markdown]
# So when somebody shows you a map of films with names on its axes, ask three questions. Does it come back
# with another seed? Does it come back with the ratings of other people? And what would chance have given?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Equal scores do not mean equal numbers: turn first, then compare.
# * Fit the rotation on anchors and believe only held-out films. First try it on a hidden rotation and on
#   shuffled films.
# * Each kind of meaning has its own chance level. Without it, a number for agreement means nothing.
# * Another seed is the easiest test. The test that counts is other ratings.

# %%
print(f"* How many of {AXES} axes come back: ", end="")
print("; ".join(f"{name} {n}" for name, n in kept_axes.items()) + ".")
lead = group_match - cluster_match["another seed"]
than = "about as well as" if abs(lead) < 0.25 else "better than" if lead > 0 else "worse than"
print(f"* With another seed, groups by Gumbel tastes come back {than} clusters.")
alone = left["another seed"].iloc[-1]
print(f"* One person's tastes get {alone:.0%} of the way from chance to perfect: ", end="")
print("mostly an accident of the seed." if alone < 0.3 else "some of them can be trusted.")

# %% [markdown]
# **Try it.** Set `AXES = 3`, or 16. First write down which rows of the table will come closer to 1, then
# run the page again from that cell on. **And a question without a check:** your colleague names six
# groups of customers in a meeting. Which two experiments of this page would you ask for before anybody
# builds on these groups?
#
# **Sources.** P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem",
# *Psychometrika* 31, 1966. L. Hubert, P. Arabie, "Comparing partitions", *Journal of Classification* 2,
# 1985: the adjusted Rand index. J. Chang and others, "Reading tea leaves: how humans interpret topic
# models", NIPS 2009.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before you show the last table, ask the room to rank its rows: axes, neighbours, clusters, tastes. Most
# people expect neighbours to be the most stable. (5 minutes)
