# ---
# minutes: 45
# needs: [06_evaluation, 08_cold_start_and_side_features]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Factorisation machines
#
# Take everything that is known about a rating (the person, the film, the age, the genres), and let every
# part of it interact with every other. Do it at hardly more cost than matrix factorisation, and measure
# what it buys.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("10_factorization_machines")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One rating, one long row
#
# So far a rating has been a pair: a user and an item. Page 08 added features to each of the two. Now we
# treat everything that is known about a rating alike. Here is one rating, with some of what is known
# about it.

# %%
import numpy as np
import pandas as pd
import torch

data = page.data
rated = page.train.ratings.iloc[0]
who, film = data.users.loc[rated["user"]], data.items.loc[rated["item"]]
print(f"{rated['rating']:.0f} stars, by a {who['occupation']} of {who['age']},")
print(f"for {film['title']}: {', '.join(film['genres'])}")

# %% [markdown]
# A **factorisation machine** (FM) writes this as one long row $x$, which is zero almost everywhere. Each
# **field** (user, item, occupation, genres) has its own stretch of the row. In that stretch there is a 1
# at each value that applies to this rating, so a film of three genres has three ones. We say that a
# place with a 1 is *on*.
#
# The stretches lie one after the other. So each field begins where the one before it ends.

# %%
occupations = sorted(set(data.users["occupation"]))
genres = sorted({g for several in data.items["genres"] for g in several})
names = ["user", "item", "occupation", "genres"]
sizes = [data.n_users, data.n_items, len(occupations), len(genres)]
positions = [
    [data.user_vocab.position(rated["user"])],
    [data.item_vocab.position(rated["item"])],
    [occupations.index(who["occupation"])],
    [genres.index(g) for g in film["genres"]],
]
pd.DataFrame({"field": names, "size": sizes, "positions that are on, within the field": positions})

# %% [markdown]
# ### Exercise: which places are on?
#
# Write `places(sizes, positions)`. `sizes` has one number per field. `positions` has one list per field:
# which positions *within that field* are on. Return one flat list: the places of the *long row* that are
# on. The rest of the page reads its rows with your function.
#
# <details><summary>Hint 1</summary>
#
# Position 3 of the second field is the place `sizes[0] + 3`, and position 3 of the third field is the
# place `sizes[0] + sizes[1] + 3`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Go through the fields with a running `start`, which begins at 0. Add `start` to each position of the
# field, and after the field add its size to `start`.
#
# </details>


# %% tags=["stub"]
def places(sizes, positions):
    """A number per field; a list of positions per field -> a list of places."""
    return None  # your turn


# %% tags=["solution"]
def places(sizes, positions):
    """A number per field; a list of positions per field -> a list of places."""
    start, found = 0, []
    for size, own in zip(sizes, positions, strict=True):
        found += [start + p for p in own]
        start += size
    return found


# %%
ws.check("10.places", places)

# %% [markdown]
# This looks too simple to get wrong. In 2019 the tutorial `cemoody/simple_mf` made a mistake here: to
# find where its last field begins, it added that field's own size instead of the size of the field just
# *before* it. Two fields then overlapped: the occupation, and a field that numbers each user's ratings
# (first, second, and so on). Some places stood for an occupation and for one of these numbers at
# once, with a single vector for both. Nothing crashed, and the model trained. Only a test finds such a
# mistake.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Every pair meets
#
# Each place $j$ of the row has a weight $w_j$ and a vector $v_j$, just as each user and each item had a
# bias and a vector on earlier pages. The prediction $s(x)$ is the mean rating $\mu$, plus the weight of
# each place that is on, plus, for each pair of such places, the product of their two vectors:
#
# $$s(x) = \mu + \sum_j w_j x_j + \sum_{j<k} (v_j \cdot v_k)\, x_j x_k$$
#
# Here are the pairs of our rating. The thick arc, between user and item, is matrix factorisation. All the
# other arcs are new.

# %%
from itertools import combinations

import matplotlib.pyplot as plt

to_places = ws.use("10.places", places)
on = to_places(sizes, positions)
field = [name for name, own in zip(names, positions, strict=True) for _ in own]
print(*(f"{name}: place {place:,}" for name, place in zip(field, on, strict=True)), sep="\n")

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots(figsize=(10, 3.4))
angle = np.linspace(0, np.pi, 50)
for a, b in combinations(range(len(on)), 2):
    x, y = (a + b) / 2 + (b - a) / 2 * np.cos(angle), 0.35 + (b - a) / 2 * np.sin(angle)
    ax.plot(x, y, color=ws.PALETTE["blue"] if b < 2 else "0.6", lw=5 if b < 2 else 2)
for k, place in enumerate(on):
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": ws.PALETTE["orange"]}
    ax.text(k, 0, f"{field[k]}\nplace {place:,}", ha="center", va="center", bbox=box)
ax.set(xlim=(-0.6, len(on) - 0.4), ylim=(-0.4, len(on) / 2 + 0.2))
ax.set_axis_off()
pairs_on = len(on) * (len(on) - 1) // 2
alt = f"A row with {len(on)} places on, every two of them joined by an arc: {pairs_on} pairs."
ws.show(fig, alt=alt + " The thick arc, user and item, is matrix factorisation.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The trick
#
# If $n$ places are on, there are $n(n-1)/2$ pairs. For our rating that is a handful. But a field may
# also list *all* films that a person has rated, and then hundreds of places are on.
#
# Most of the work can be avoided. Suppose for a moment that vectors are single numbers, and write $a_j$
# for $v_j x_j$. Square the sum of all $a_j$:
#
# $$\Big(\sum_j a_j\Big)^2 = \sum_j a_j^2 + 2 \sum_{j<k} a_j a_k$$
#
# The right-hand side contains each square once and each pair twice. So the sum over all pairs is
#
# $$\sum_{j<k} a_j a_k = \tfrac12 \Big[\Big(\sum_j a_j\Big)^2 - \sum_j a_j^2\Big],$$
#
# half of *square of the sum minus sum of the squares*. It visits each place once. Vectors have more than
# one number: do the same for each of the numbers, and add up the results.

# %% [markdown]
# ### Exercise: all pairs in one pass
#
# Write `pairs(a)`. `a` is a tensor of the shape (..., k, d): for each rating, one row $v_j x_j$ per place
# that is on. Return the sum over all pairs of places, in the shape (...,). Use no loop, and no table of
# all pairs. The model below is trained with your function.
#
# <details><summary>Hint 1</summary>
#
# The sum over places is `a.sum(-2)`. It has the shape (..., d).
#
# </details>
# <details><summary>Hint 2</summary>
#
# Square that sum, subtract `(a**2).sum(-2)`, and add up the d numbers with `.sum(-1)`. Then take half.
#
# </details>


# %% tags=["stub"]
def pairs(a):
    """a (..., k, d) -> (...,)"""
    return None  # your turn


# %% tags=["solution"]
def pairs(a):
    """a (..., k, d) -> (...,)"""
    return 0.5 * (a.sum(-2) ** 2 - (a**2).sum(-2)).sum(-1)


# %%
ws.check("10.pairs", pairs)

# %% [markdown]
# What does it save? We time both ways. To make it fair, the slow way has no Python loop either: one matrix
# product multiplies every place with every other place.

# %%
import time

all_pairs = ws.use("10.pairs", pairs)


def slow_pairs(a):
    """a (k, d) -> one number; visits all pairs."""
    return ((a @ a.T).sum() - (a * a).sum()) / 2


# %%
def fastest(way, a, repeat=9):
    """Microseconds of the fastest of some runs."""
    spent = []
    for _ in range(repeat):
        start = time.perf_counter()
        way(a)
        spent.append(time.perf_counter() - start)
    return 1e6 * min(spent)


# %%
lengths = np.array([8, 32, 128, 512, 2048])
rows = [torch.randn(n, 16, generator=torch.Generator().manual_seed(0)) for n in lengths]
assert all(torch.isclose(slow_pairs(a), all_pairs(a), rtol=1e-2, atol=1.0) for a in rows)
ways = {"all pairs": slow_pairs, "in one pass": all_pairs}
spent = {name: [fastest(way, a) for a in rows] for name, way in ways.items()}
times = spent["all pairs"][-1] / spent["in one pass"][-1]

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
for (name, microseconds), style in zip(spent.items(), ("o-", "s--"), strict=True):
    ax.loglog(lengths, microseconds, style, label=name)
ax.set(xlabel="places that are on", ylabel="time for one row (microseconds)")
ax.set(title="With few places on, both ways are quick")
ax.set_xticks(lengths, [str(n) for n in lengths])
ax.minorticks_off()
ax.legend()
alt = f"Time against places on: with {lengths[-1]:,} of them, all pairs take {times:.0f} times as long"
ws.show(fig, alt=alt + " as one pass.")

# %%
print(
    f"With {lengths[0]} places on, all pairs take {spent['all pairs'][0]:.0f} microseconds, one pass"
)
print(
    f"{spent['in one pass'][0]:.0f}; with {lengths[-1]:,} places on, all pairs take"
    f" {times:.0f} times as long."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model reads the row
#
# The library's `rt.models.FactorizationMachine` looks up users and items in separate tables. Ours reads
# the long row just as the equation does: one weight and one vector per place. Only the marked lines are
# new; the tables and penalties come from the library. Ages and years are cut into at most ten ranges
# each, so each $x_j$ is 0 or 1. Not every rating has the same number of places on, but a tensor needs
# lists of equal length. So we fill up the shorter lists with an extra place at the end of the row, whose
# weight and vector are zero.


# %%
def on_places(model, side):
    """Which places are on for each "user" or each "item": (n, k), filled up with the last place."""
    sizes = [model.n_users, model.n_items, *model.sizes]
    x = getattr(model, f"{side}_x").numpy()  # (n, side places), zeros and ones
    fields = np.split(x, np.cumsum(model.sizes)[:-1], axis=1)
    rows = []
    for k in range(len(x)):
        own = [[k], []] if side == "user" else [[], [k]]
        rows.append(to_places(sizes, own + [np.flatnonzero(f[k]) for f in fields]))
    longest = max(len(row) for row in rows)
    last = sum(sizes)
    return torch.tensor([[*row, *[last] * (longest - len(row))] for row in rows])


# %% slideshow={"slide_type": "subslide"}
from torch.nn.functional import pad


class FM(rt.models.FactorizationMachine):
    def read(self, train):
        super().read(train)
        self.user_on, self.item_on = on_places(self, "user"), on_places(self, "item")  # NEW

    def forward(self, batch):
        user, item = batch.need("user", "item")
        on = torch.cat([self.user_on[user], self.item_on[item]], -1)  # NEW (B, k) places
        w = torch.cat([self.user_bias, self.item_bias, self.side_bias])  # NEW all fields in a row
        v = torch.cat([self.user_factors, self.item_factors, self.side_factors])  # NEW
        w, v = pad(w, (0, 1)), pad(v, (0, 0, 0, 1))  # NEW the last place is zero
        return self.mean + w[on].sum(-1) + all_pairs(v[on])  # NEW the equation (B,)


# %% [markdown]
# We check two claims. First, **an FM contains matrix factorisation**: with user and item as the only
# fields there is a single pair, and half of $(p+q)^2 - p^2 - q^2$ is $p \cdot q$. Second, our class
# computes what the library's class does.

# %%
batch = next(iter(page.valid.batches(batch_size=500)))
of_users, of_films = ["age", "gender", "occupation"], ["year", "genres"]
two_fields = rt.models.FactorizationMachine.for_dataset(page.train, fields=[], dim=8, seed=1)
plain = rt.models.BiasedMF.for_dataset(page.train, dim=8, seed=1)
settings = {"fields": of_users + of_films, "dim": 8, "seed": 1}
library = rt.models.FactorizationMachine.for_dataset(page.train, **settings)
ours = FM.for_dataset(page.train, **settings)
with torch.no_grad():
    gap_mf = float((two_fields(batch) - plain(batch)).abs().max())
    gap_library = float((ours(batch) - library(batch)).abs().max())
print(f"Largest difference to MF: {gap_mf:.0e} stars, to the library: {gap_library:.0e} stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why a vector per place?
#
# There is a simpler way to let two fields meet: one weight for each pair of values, such as "engineer and
# western". These are **crossed weights**. But then a pair that is in no training row has no weight. In an FM
# the engineers' vector is learned from all the pairs with engineers, and the vector of westerns from all the
# pairs with westerns. So their product says something about a pair that was never seen.
#
# We plant a world to test this: 30 jobs and 30 kinds of film. How well a kind suits the people in a job
# (their taste) comes from two hidden numbers per job and two per kind. About half of the pairs never
# occur in training.


# %% tags=["long"]
def jobs_and_kinds(seed, n=30, n_users=1_500, n_items=600, each=12):
    """Training rows, test rows of pairs seen in training, and test rows of pairs never seen."""
    rng = np.random.default_rng(seed)
    taste = 0.5 * rng.normal(size=(n, 2)) @ rng.normal(size=(2, n))  # (jobs, kinds), stars
    job, kind = rng.integers(0, n, n_users), rng.integers(0, n, n_items)
    in_training = rng.random((n, n)) < 0.5  # half of the pairs
    cells = np.unique(
        np.repeat(np.arange(n_users), each) * n_items + rng.integers(0, n_items, n_users * each)
    )
    user, item = cells // n_items, cells % n_items
    rating = 3 + taste[job[user], kind[item]] + rng.normal(0, 0.5, len(user))
    planted = rt.datasets.from_frame(
        pd.DataFrame({"user": user, "item": item, "rating": rating}),
        users=pd.DataFrame({"user": range(n_users), "job": [f"job {j}" for j in job]}),
        items=pd.DataFrame({"item": range(n_items), "kind": [f"kind {k}" for k in kind]}),
    )
    known, held = in_training[job[user], kind[item]], rng.random(len(user)) < 0.2
    return (
        planted.take(known & ~held),
        planted.take(known & held),
        planted.take(~known),
        (job, kind),
    )


# %%
train, *tests, (job, kind) = jobs_and_kinds(seed=0)
fm = rt.models.FactorizationMachine.for_dataset(train, fields=["job", "kind"], dim=8, l2_side=0.01)
biases = rt.models.BiasedMF.for_dataset(train, dim=0)
for model in (fm, biases):
    print(type(model).__name__, end=" ... ")
    rt.fit(model, train, epochs=30, batch_size=1024, progress=False)
print("done")


def cell_of(part):
    """The number of each row's pair of job and kind: (n,)."""
    return 30 * job[part.user] + kind[part.item]


# %%
left = train.rating - rt.predict(biases, train, clip=False)  # beyond the biases
count = np.bincount(cell_of(train), minlength=900)
crossed = np.bincount(cell_of(train), left, minlength=900) / (
    count + 2
)  # shrunk means; 0 if unseen

# %%
names_of = ["biases only", "biases and crossed weights", "factorisation machine"]
reach, leads = {name: [] for name in names_of}, []
for part in tests:
    base = rt.predict(biases, part, clip=False)
    said = [base, base + crossed[cell_of(part)], rt.predict(fm, part, clip=False)]
    for name, predicted in zip(reach, said, strict=True):
        reach[name].append(rt.metrics.rmse(part.rating, predicted))
    square = (np.array(said) - part.rating) ** 2  # (3, n)
    lead = pd.Series(square[1] - square[2]).groupby(part.user).agg(["mean", "size"])
    leads.append(rt.interpret.mean_interval(lead["mean"], weights=lead["size"]))

# %%
for pairs_of, lead in zip(("pairs seen", "pairs never seen"), leads, strict=True):
    print(f"{pairs_of}: mean squared error of crossed weights minus that of the FM", end=" ")
    print(f"{lead.value:+.3f} stars² (95% over users: {lead.low:+.3f} to {lead.high:+.3f})")
print("RMSE in stars; the noise alone is 0.5")
pd.DataFrame(reach, index=["pairs seen in training", "pairs never seen"]).T.round(3)

# %% [markdown]
# Where the pair was seen, crossed weights help a lot. Where it was not, they add exactly nothing. The FM
# is better in both columns: two numbers per job and two per kind are enough to describe the taste, while
# the crossed model needs nine hundred weights. And the FM reaches pairs that never occurred in training.
# Matrix factorisation does the same for a person and a film that they have not rated: that is the whole
# idea of page 02.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What do the fields buy?
#
# Now real ratings. We train one model on user and film alone, one that adds the users' fields (age,
# gender, job), one that adds the films' fields (year, genres), and one with all of them. The fair
# comparison is with the first of these, which knows ids alone and has the same penalties. `BiasedMF` has
# other settings: if we compared with it, we could not tell whether the fields or the settings made the
# difference.
#
# One more model is a control: it has all fields, but they are shuffled. Each person gets the fields of
# *another* person, and each film gets those of another film. If this model were better too, the gain
# would come from having more numbers to learn, and not from what the fields say.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before you show the table: which will help more, what we know about users or about films?
# Most say users. Then ask why it is films: many films have few ratings, and every user has twenty or
# more. (5 minutes)

# %%
from recsys_workshop.labs import cold_start

dealt = cold_start.shuffled_features(page.train, seed=5)
machine, side = rt.models.FactorizationMachine, of_users + of_films
plan = {
    "biases only": (rt.models.BiasedMF, page.train, {"dim": 0}),
    "BiasedMF": (rt.models.BiasedMF, page.train, {}),
    "FM, ids alone": (machine, page.train, {"fields": []}),
    "FM, ids and users' fields": (machine, page.train, {"fields": of_users}),
    "FM, ids and films' fields": (machine, page.train, {"fields": of_films}),
    "FM, ids and all fields": (machine, page.train, {"fields": side}),
    "FM, all fields, shuffled": (machine, dealt, {"fields": side}),
}

# %%
fits, seeds = {}, range(page.pick(3, 1))
for number, (name, (cls, train, settings)) in enumerate(plan.items(), start=1):
    print(f"\n{number} of {len(plan)}, {name:<26}", end="")
    for seed in seeds:
        print("▮", end="")  # one mark per training
        cls = FM if (name, seed) == ("FM, ids and all fields", 0) else cls  # your class, once
        fits[name, seed] = cls.for_dataset(train, seed=seed, **settings)
        rt.fit(fits[name, seed], train, seed=seed, progress=False)

# %%
error = {
    name: np.mean(
        [rt.metrics.rmse(page.test.rating, rt.predict(fits[name, s], page.test)) for s in seeds]
    )
    for name in plan
}
table = pd.DataFrame({"RMSE on test rows (stars)": error})
table["gain over ids alone"] = error["FM, ids alone"] - table["RMSE on test rows (stars)"]
table.round(4)

# %% [markdown]
# This is the one time that the page looks at test rows; the settings were chosen on validation rows. Now
# we compare each FM with the one that knows ids alone, on the same users. We say "better" only if the
# interval of the difference excludes zero for at least two of the seeds.


# %%
def against_ids(name, part):
    """Differences in RMSE to ids alone, one per seed, and the verdict."""
    found = [
        rt.compare(fits[name, s], fits["FM, ids alone", s], part, train=page.train, metric="rmse")
        for s in seeds
    ]
    better, worse = sum(f.high < 0 for f in found), sum(f.low > 0 for f in found)
    enough = min(2, len(found))
    verdict = "better" if better >= enough else "worse" if worse >= enough else "not told apart"
    return found, verdict


# %%
count = page.train.counts("item")[page.test.item]  # training ratings of each test row's film
rare = count < page.pick(30, 40)
verdicts = {}
for rows, part in (("all", page.test), ("rare films", page.test.take(rare))):
    print(f"{rows} ({len(part):,} test rows)")
    for name in list(plan)[3:]:
        found, verdicts[rows, name] = against_ids(name, part)
        one = found[0]
        print(f"  {name:26} {one.difference:+.4f} ({one.low:+.4f} to {one.high:+.4f}),", end=" ")
        print(verdicts[rows, name])

# %% [markdown]
# On MovieLens the fields of *films* pay off, most of all for films with few ratings: such a film's own
# ratings say little, but its genres have thousands of ratings. A model with age, gender and occupation
# can't be told apart from a model without them. Fields that belong to somebody else bring no gain that
# we could measure: a model is not better just because it has more numbers.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Look inside: which age likes what?
#
# The model has one vector per range of ages and one per genre. Their product says how many stars an age
# and a genre together add to the prediction. We put these products into a table with one row per age.
#
# One thing to watch: every rating comes with exactly one age. So if all ages like a genre, the model can
# store this either in the genre's products with all the ages or in the genre's own weight, and the
# ratings do not tell us which. The mean of a column of the table therefore has no meaning. The mean of
# a row has much the same problem, because an age has its own weight too. Subtract both means: only what
# is left can have a meaning.

# %% [markdown]
# ### Exercise: remove what has no meaning
#
# Write `centred(table)`: subtract the mean of each row and the mean of each column, so that all rows and
# all columns of the result have the mean zero. The next figure shows your result.
#
# <details><summary>Hint 1</summary>
#
# `table.mean(1, keepdims=True)` are the means of the rows, `table.mean(0, keepdims=True)` those of
# the columns.
#
# </details>
# <details><summary>Hint 2</summary>
#
# If you subtract both at once, the mean of the whole table is subtracted twice. So take two steps: first
# the rows, then the columns of the result.
#
# </details>


# %% tags=["stub"]
def centred(table):
    """(a, b) -> (a, b), all rows and all columns with mean zero."""
    return None  # your turn


# %% tags=["solution"]
def centred(table):
    """(a, b) -> (a, b), all rows and all columns with mean zero."""
    table = table - table.mean(1, keepdims=True)
    return table - table.mean(0, keepdims=True)


# %%
ws.check("10.centred", centred)

# %%
without_means = ws.use("10.centred", centred)
per_genre = np.array([[g in of_film for g in genres] for of_film in data.items["genres"]]).sum(0)
common = [g for g, n in zip(genres, per_genre, strict=True) if n >= page.pick(40, 10)]


def age_by_genre(model):
    """Stars that an age and a common genre add together: (ages, genres)."""
    starts = np.cumsum([0, *model.sizes])
    stretch = {f: slice(*starts[k : k + 2]) for k, f in enumerate(model.fields)}
    side = model.side_factors.detach().numpy()  # (side places, dim)
    columns = [genres.index(g) for g in common]
    return without_means(side[stretch["age"]] @ side[stretch["genres"]][columns].T)


# %%
model = fits["FM, ids and all fields", 0]
likes, control = age_by_genre(model), age_by_genre(fits["FM, all fields, shuffled", 0])
age_x = model.user_x[:, : model.sizes[0]].numpy()  # (n_users, ages); age is the first side field
ages = [data.users["age"].to_numpy()[age_x[:, k] == 1] for k in range(model.sizes[0])]
labels = [f"{a.min()} to {a.max()}" for a in ages]
top = np.abs(likes).max()
spread = {"true fields": float(likes.std()), "shuffled fields": float(control.std())}

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(13, 4.8), sharey=True)
for ax, values, title in zip(axes, (likes, control), spread, strict=True):
    image = ax.imshow(values, cmap=ws.DIVERGING, vmin=-top, vmax=top, aspect="auto")
    ax.set_xticks(range(len(common)), common, rotation=45, ha="right")
    ax.set(xlabel="genre", title=f"Age and genre, {title}")
axes[0].set_yticks(range(len(labels)), labels)
axes[0].set(ylabel="age (years)")
fig.colorbar(image, label="stars")
alt = f"Ages against genres, twice. Standard deviation {spread['true fields']:.3f} stars, and"
ws.show(fig, alt=alt + f" {spread['shuffled fields']:.3f} where all fields were shuffled.")

# %% [markdown]
# The picture on the right is what noise looks like. The left one has more in it. Is it enough for a
# story such as "the older they are, the more they like this"? Two more questions will tell us. Does
# the same table come out with another seed? And does it come out with *other people*? For the second
# question we split the users into halves at random, train once on each half, and correlate the
# two tables.

# %%
again = age_by_genre(fits["FM, ids and all fields", seeds[-1]])
same_people = float(np.corrcoef(likes.ravel(), again.ravel())[0, 1])
halves = []
for draw in range(page.pick(4, 2)):
    half = np.random.default_rng(draw).permutation(data.n_users) < data.n_users // 2
    two_tables = []
    for part in (half, ~half):
        train = page.train.take(part[page.train.user])
        fitted = machine.for_dataset(train, fields=side)
        rt.fit(fitted, train, progress=False)
        two_tables.append(age_by_genre(fitted).ravel())
    halves.append(float(np.corrcoef(*two_tables)[0, 1]))
    print(f"halves {draw + 1}: correlation {halves[-1]:.2f}")
print(f"all people, another seed: correlation {same_people:.2f}")

# %%
largest = f"and {top:.2f} in its strongest cell"
spread_all = (rt.predict(model, page.valid) - rt.predict(fits["biases only", 0], page.valid)).std()
print(f"The table has a standard deviation of {spread['true fields']:.4f} stars, {largest};")
print(f"with shuffled fields it is {spread['shuffled fields']:.4f}.")
print(f"What the model adds to the biases has a standard deviation of {spread_all:.2f} stars.")

# %% [markdown]
# On MovieLens another seed gives nearly the same table, so training is not the problem. Other people
# give a different table: the correlation between halves is weak, and it changes from one split to the
# next. So there is *something* in ages and genres, but no single cell of the picture can be trusted. The
# effect is also small. If we had compared seeds only, their agreement would have fooled us: both models
# agree because they saw the same people.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# Suppose that a shop knows only your age. The model then scores each film by its bias, plus the product
# of your age's vector and the film's. Here are the ten films with the highest scores for the youngest
# and for the oldest range of ages, among films with enough ratings.

# %%
with torch.no_grad():
    q, b_i = model.all_items()  # (n_items, dim) and (n_items,): film, year and genres together
    by_age = (q @ model.side_factors[: model.sizes[0]].T).numpy()  # (n_items, ages), in stars
known = np.flatnonzero(page.train.counts("item") >= page.pick(50, 20))
titles = data.items["title"].to_numpy()
first_guess = {}
for k in (0, -1):
    order = np.argsort(-(b_i.numpy() + by_age[:, k])[known], kind="stable")[:10]
    first_guess[labels[k]] = titles[known][order]
shared = len(set(first_guess[labels[0]]) & set(first_guess[labels[-1]]))
print(f"The two lists share {shared} of 10 films.")
ws.films(pd.DataFrame(first_guess))

# %% [markdown]
# On MovieLens an age hardly changes the list. Page 08 measured the error and came to the same
# conclusion: age, gender and occupation together changed the error for a user without ratings by no more
# than chance would. And as soon as you have rated some films, the model can go by your ratings instead:

# %%
for_me = rt.recommend(model, data, ratings=page.me, k=5)
print("For our sample person:" if page.me_is_sample else "For you:")
ws.films(for_me, ["title", "genres"])

# %% [markdown]
# **Your turn.** Give films a field that says nothing: the first letter of their title. First guess what
# it does to the error on rare films. Then put `data.items.assign(letter=data.items["title"].str[0])`
# into a copy of the training part (`dataclasses.replace(page.train, items=...)`). Train on it with
# `fields=["year", "genres", "letter"]`, and compare on `page.valid` with the FM that has only the first
# two fields.
#
# A last question, without a check. A shop adds the field "film looked at just before". Which pairs does the
# field create? Which of these pairs can the model learn from the clicks of one day? And is there a film
# whose prediction none of these pairs improves?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Everything that is known about a rating is one long row. Each field begins where the one before it ends.
# * All pairs of places meet. Half of *square of the sum minus sum of the squares* adds them up in one pass.
# * With two fields, user and item, the model is biased matrix factorisation.
# * A vector per place says something about a pair that was never seen; a weight per pair does not.
# * Compare a model that has fields with the same model on ids alone, and with the same model on somebody
#   else's fields. On MovieLens the fields of films pay off, most of all for rare films.
# * Before you tell a story about a table, ask whether other people would give the same table.
#
# **To read on**
#
# * S. Rendle, "Factorization machines", ICDM 2010: the model and its trick, short and clear.
# * S. Rendle, "Factorization machines with libFM", ACM Transactions on Intelligent Systems and Technology
#   3(3), 2012: how to train them, with more kinds of fields.
# * Y. Juan, Y. Zhuang, W.-S. Chin and C.-J. Lin, "Field-aware factorization machines for CTR prediction",
#   RecSys 2016: each place has a separate vector for *every field* that it meets.
