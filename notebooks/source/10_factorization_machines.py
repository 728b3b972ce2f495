# ---
# minutes: 35
# needs: [02_mf_follow_along]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Factorisation machines
#
# Let everything that is known of a rating meet everything else: who, which film, which age, which
# genres, at hardly more cost than matrix factorisation.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("10_factorization_machines")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One rating, one long row
#
# So far a rating was a pair: a user and an item. But we know more: the user's age and occupation,
# the film's genres. Look at one rating with all of it.

# %%
import numpy as np
import pandas as pd
import torch

rated = page.train.ratings.iloc[0]
who, film = page.data.users.loc[rated["user"]], page.data.items.loc[rated["item"]]
print(f"{rated['rating']:.0f} stars, by a {who['occupation']} of {who['age']},")
print(f"for {film['title']}: {', '.join(film['genres'])}")

# %% [markdown]
# A **factorisation machine** turns all of this into one long row $x$ of mostly zeros. Each *field*
# (user, item, occupation, genres) gets a stretch of its own, and in it a 1 stands where the rating
# belongs. A film of three genres has three ones: a *sum* of genres, not a mean.
#
# Where does each stretch begin? Right after those before it. This is the field's **offset**.

# %%
occupations = sorted(set(page.data.users["occupation"]))
genres = sorted({g for several in page.data.items["genres"] for g in several})
sizes = [page.data.n_users, page.data.n_items, len(occupations), len(genres)]
print(dict(zip(["user", "item", "occupation", "genres"], sizes, strict=True)))

# %% [markdown]
# ### Exercise: offsets
#
# Where do the four stretches begin? The first begins at 0. A list of four numbers, please, computed
# from `sizes`.
#
# <details><summary>Hint 1</summary>
#
# The second stretch begins where the first ends: at `sizes[0]`. The third at `sizes[0] + sizes[1]`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# It is a cumulative sum of the sizes *before* a field, its own not among them.
#
# </details>

# %% tags=["stub"]
offsets = None  # your turn: four numbers

# %% tags=["solution"]
offsets = [0, *np.cumsum(sizes)[:-1]]

# %%
ws.check("10.offsets", offsets)

# %% [markdown]
# It looks too easy to go wrong. A well-known tutorial added a field's own size to its offset, so
# that two fields shared the same places, and with them the same vectors: an occupation then *was*
# also how well known a film is. Nothing crashed. Such a slip is found by a test, or never.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Every pair meets
#
# Each place of the row gets a weight $w_j$, as biases had, and a vector $v_j$, as users and items
# had. Then every pair of places that are on adds the product of their vectors:
#
# $$s(x) = \mu + \sum_j w_j x_j + \sum_{j<k} (v_j \cdot v_k)\, x_j x_k$$
#
# User meets item: that is matrix factorisation. But also user meets genre, occupation meets genre,
# occupation meets film. Here are the pairs, written as they are defined.


# %%
def pairs_slowly(v, x):
    """Sum over all pairs of places: v (n, d), x (n,) -> one number."""
    total = 0.0
    for j in range(len(x)):
        for k in range(j + 1, len(x)):
            total += (v[j] @ v[k]) * x[j] * x[k]
    return total


v = np.array([[2.0], [3.0], [5.0], [7.0]])  # four places, vectors of one number
print("2·3 + 2·5 + 2·7 + 3·5 + 3·7 + 5·7 =", pairs_slowly(v, np.ones(4)))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The trick
#
# $n$ places make $n(n-1)/2$ pairs. Two thousand places: two million products for a single rating.
# But take vectors of one number, $a_j = v_j x_j$, and square the sum of all of them:
#
# $$\Big(\sum_j a_j\Big)^2 = \sum_j a_j^2 + 2 \sum_{j<k} a_j a_k$$
#
# On the right are the squares, and each pair twice. So the sum of all pairs is
#
# $$\sum_{j<k} a_j a_k = \tfrac12 \Big[\Big(\sum_j a_j\Big)^2 - \sum_j a_j^2\Big],$$
#
# half of *square of the sum minus sum of the squares*, and this needs each place only once. Longer
# vectors are treated number by number, and the results added up.

# %% [markdown]
# ### Exercise: all pairs in one pass
#
# Write `pairs(v, x)`: the number of `pairs_slowly`, without a loop over pairs.
#
# <details><summary>Hint 1</summary>
#
# `a = v * x[:, None]` has a row for each place and a column for each number of the vectors. Sum over
# places is `.sum(0)`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# What is squared in the second term is $a_j = v_j x_j$, so `x` is squared as well. This matters as
# soon as some `x` is neither 0 nor 1.
#
# </details>


# %% tags=["stub"]
def pairs(v, x):
    """v (n, d), x (n,) -> one number."""
    return None  # your turn


# %% tags=["solution"]
def pairs(v, x):
    """v (n, d), x (n,) -> one number."""
    a = v * x[:, None]  # (n, d)
    return 0.5 * (a.sum(0) ** 2 - (a**2).sum(0)).sum()


# %%
ws.check("10.pairs", pairs)

# %% [markdown]
# What does it save? We measure both ways on rows of growing length. To be fair, all pairs are taken
# in one call too: `einsum` goes through all $j$ and $k$ without Python's slow loops.


# %%
import time


def fastest(run, repeat=7):
    """Seconds of the fastest of some runs."""
    spent = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        spent.append(time.perf_counter() - start)
    return min(spent)


# %%
lengths = np.array([64, 128, 256, 512, 1024])
rng = np.random.default_rng(0)
seconds = {"all pairs": [], "square of the sum": []}
for n in lengths:
    a = rng.normal(size=(n, 16))  # v x, for n places that are on
    both = [
        lambda a=a: (np.einsum("jf,kf->", a, a) - (a * a).sum()) / 2,
        lambda a=a: ((a.sum(0) ** 2).sum() - (a * a).sum()) / 2,
    ]
    assert np.isclose(both[0](), both[1]())
    for way, run in zip(seconds, both, strict=True):
        seconds[way].append(fastest(run))

# %% slideshow={"slide_type": "subslide"}
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
for (way, spent), style in zip(seconds.items(), ("o-", "s--"), strict=True):
    ax.loglog(lengths, 1e6 * np.array(spent), style, label=way)
ax.set(xlabel="places that are on (number)", ylabel="time for one row (microseconds)")
ax.set(title="All pairs, and the square of the sum")
ax.set_xticks(lengths, [str(n) for n in lengths])
ax.minorticks_off()
ax.legend()
times = seconds["all pairs"][-1] / seconds["square of the sum"][-1]
ws.show(
    fig,
    alt=f"Time against places on: at {lengths[-1]:,}, all pairs take {times:.0f} times as long.",
)

# %%
print(f"With {lengths[-1]:,} places on, the trick is {times:.0f} times as fast.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model: biased MF and a few lines
#
# In our data each place belongs to the user or to the item. So one sum over a user's places, one
# over an item's, and the trick. We take the class of page 02 and change what is marked.


# %% tags=["long"]
class FM(rt.models.BiasedMF):
    def add_fields(self, user_x, item_x):
        self.user_x, self.item_x = user_x, item_x  # NEW (n_users, n_side), (n_items, n_side)
        self.side_factors = self.random_table(user_x.shape[1], self.dim)  # NEW v of the side fields
        self.side_bias = torch.nn.Parameter(torch.zeros(user_x.shape[1]))  # NEW w of them
        return self

    def sums(self, w, v, x, who):
        w, v, x = w[who], v[who], x[who]  # (B,), (B, dim), (B, n_side)
        squares = v**2 + x**2 @ self.side_factors**2  # NEW sum of (v x)^2
        return w + x @ self.side_bias, v + x @ self.side_factors, squares  # NEW

    def forward(self, batch):
        user, item = batch.need("user", "item")
        w_u, sum_u, squares_u = self.sums(self.user_bias, self.user_factors, self.user_x, user)
        w_i, sum_i, squares_i = self.sums(self.item_bias, self.item_factors, self.item_x, item)
        pairs = (sum_u + sum_i) ** 2 - squares_u - squares_i  # NEW in place of p * q
        return self.mean + w_u + w_i + 0.5 * pairs.sum(-1)  # (B,)


# %% [markdown]
# The x of a user has ones among occupations only, that of an item among genres only. User and item
# themselves need no long row of zeros: looking up row `who` of a table is the same.

# %%
n_side = len(occupations) + len(genres)
user_x = torch.zeros(page.data.n_users, n_side)
item_x = torch.zeros(page.data.n_items, n_side)
for u, job in enumerate(page.data.users["occupation"]):
    user_x[u, occupations.index(job)] = 1
for i, several in enumerate(page.data.items["genres"]):
    for genre in several:
        item_x[i, len(occupations) + genres.index(genre)] = 1
print(f"On average a film has {item_x.sum(1).mean():.1f} genres.")

# %% [markdown]
# Two promises to check. First: **FM contains MF.** With user and item as the only fields there is
# one pair, and half of $(p+q)^2 - p^2 - q^2$ is $p \cdot q$. Second: what we wrote is what the library
# has as `rt.models.FactorizationMachine`.

# %%
batch = next(iter(page.test.batches(batch_size=500)))
plain = rt.models.BiasedMF.for_dataset(page.train, dim=8, seed=1)
nothing = torch.zeros(page.data.n_users, 0), torch.zeros(page.data.n_items, 0)
two_fields = FM.for_dataset(page.train, dim=8, seed=1).add_fields(*nothing)
gap_mf = float((two_fields(batch) - plain(batch)).abs().max().detach())

fields = ["occupation", "genres"]
library = rt.models.FactorizationMachine.for_dataset(page.train, fields=fields, dim=8, seed=1)
mine = FM.for_dataset(page.train, dim=8, seed=1).add_fields(user_x, item_x)
gap_library = float((mine(batch) - library(batch)).abs().max().detach())
print(f"Largest difference to MF: {gap_mf:.0e} stars, to the library: {gap_library:.0e} stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What do the fields buy?
#
# We train with no side fields, with those of users, with those of films, and with all. The last row
# is a control: all fields, but dealt out to the wrong people and films. If that helped as well, it
# would be the extra numbers that help, and not what they say.

# %%
from dataclasses import replace

of_users, of_films = ["age", "gender", "occupation"], ["year", "genres"]
rng = np.random.default_rng(5)
dealt = page.train
for side, columns in (("users", of_users), ("items", of_films)):
    frame = getattr(dealt, side).copy()
    order = rng.permutation(len(frame))
    for column in columns:
        frame[column] = frame[column].to_numpy()[order]
    dealt = replace(dealt, **{side: frame})

# %%
plan = {
    "biases only": None,
    "user, item": [],
    "and the user's fields": of_users,
    "and the film's fields": of_films,
    "and all fields": of_users + of_films,
    "and all, dealt out wrongly": of_users + of_films,
}

# %%
error, models = {}, {}
for name, chosen in plan.items():
    train = dealt if "wrongly" in name else page.train
    if chosen is None:
        model = rt.models.BiasedMF.for_dataset(train, dim=0)
    else:
        model = rt.models.FactorizationMachine.for_dataset(train, fields=chosen)
    rt.fit(model, train, progress=False)
    models[name] = model
    error[name] = rt.metrics.rmse(page.test.rating, rt.predict(model, page.test))

# %%
table = pd.DataFrame({"RMSE (stars)": error})
table["gain over biases (stars)"] = error["biases only"] - table["RMSE (stars)"]
table.round(4)

# %%
gain = error["user, item"] - error["and all fields"]
fake = error["user, item"] - error["and all, dealt out wrongly"]
print(f"All fields gain {gain:.3f} stars over user and item; dealt out wrongly {fake:+.3f}.")

# %% [markdown]
# Where should fields help most? A film with five ratings says little by itself, but its genres have
# thousands. So look at rare films apart.

# %%
count = page.train.counts("item")[page.test.item]  # training ratings of each test row's film
rare = count < page.pick(30, 40)
stars, gains = page.test.rating, {}
for name, part in (("rare films", rare), ("the others", ~rare)):
    before, after = (
        rt.metrics.rmse(stars[part], rt.predict(models[m], page.test)[part])
        for m in ("user, item", "and all fields")
    )
    print(f"{name} ({part.sum():,} test rows): {before:.3f} to {after:.3f} stars")
    gains[name] = before - after

# %% [markdown]
# How strongly to hold each vector near zero is half of the result, and there are
# **two kinds of penalty**. Paid *per rating*, a film rated a hundred times is held a hundred times
# as strongly. Paid *per row*, every film is held alike, and what many ratings say comes through. The
# library pays both (`l2` and `l2_table`). The settings were chosen on validation rows, not here.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Look inside: who likes what
#
# The machine has a vector for each range of ages, and one for each genre. Their product says how
# many stars they bring each other. One thing to watch: every user has exactly one age. A number added to a
# whole column (a genre that all ages like) may stand there or in the genre's own weight: nobody can
# tell. A number added to a whole row likewise. Only what is left without both means anything.

# %% [markdown]
# ### Exercise: take out what means nothing
#
# Write `centred(table)`: take off each row's mean and each column's mean, so that all rows and
# columns of the result have mean zero.
#
# <details><summary>Hint 1</summary>
#
# `table.mean(1, keepdims=True)` are the means of the rows, `table.mean(0, keepdims=True)` those of
# the columns.
#
# </details>
# <details><summary>Hint 2</summary>
#
# If you take off both, the mean of everything is taken off twice. Or do it in two steps: first
# rows, then the columns of the result.
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
model = models["and all fields"]
starts = dict(zip(model.fields, np.cumsum([0, *model.sizes]), strict=False))
size = dict(zip(model.fields, model.sizes, strict=True))
stretch = {f: slice(starts[f], starts[f] + size[f]) for f in model.fields}
side = model.side_factors.detach().numpy()  # (n_side, dim)
on = model.item_x[:, stretch["genres"]].sum(0).numpy() >= page.pick(40, 10)  # films enough
common = [genre for genre, enough in zip(genres, on, strict=True) if enough]
by_age = side[stretch["age"]] @ side[stretch["genres"]][on].T  # (ages, genres), in stars
mine = centred(by_age)
likes = by_age if mine is None else mine  # the raw table until you have written `centred`

# %%
age_x = model.user_x[:, stretch["age"]].numpy()  # (n_users, ages)
ages = [page.data.users["age"].to_numpy()[age_x[:, k] == 1] for k in range(size["age"])]
labels = [f"{a.min()} to {a.max()}" for a in ages]
top = np.abs(likes).max()
fig, ax = plt.subplots(figsize=(10, 4.5))
image = ax.imshow(likes, cmap=ws.DIVERGING, vmin=-top, vmax=top, aspect="auto")
ax.set_yticks(range(len(labels)), labels)
ax.set_xticks(range(len(common)), common, rotation=45, ha="right")
ax.set(xlabel="genre", ylabel="age (years)", title="What age and genre bring each other")
fig.colorbar(image, label="stars")
rise = likes[len(likes) // 2 :].mean(0) - likes[: len(likes) // 2].mean(0)  # older less younger
low, high = common[rise.argmin()], common[rise.argmax()]
alt = (
    f"Ages against genres: from the younger to the older half {high} gains most, {low} loses most."
)
ws.show(fig, alt=alt)

# %%
print(f"From the younger to the older half: {high} gains most, {low} loses most.")
spread = (rt.predict(model, page.test) - rt.predict(models["biases only"], page.test)).std()
print(
    f"The largest number in the picture is {top:.2f} stars. All that the model adds to the biases"
)
print(
    f"is {spread:.2f} stars (standard deviation), most of it by who you are and which film it is."
)

# %% [markdown]
# We left out genres of few films: the more often a field is on, the more can be said of it. Before
# you tell a story about the rest, look at the scale. These are averages over people who rated films
# on the web; one person is moved far more by what they have rated than by their age.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# A factorisation machine helps most before anything is rated. Suppose that all we know of you is
# your age. Your vector is then that of your age, and the films that gain most by it are these.

# %%
q, _ = model.all_items()  # (n_items, dim): film, year and genres together
known = page.train.counts("item") >= page.pick(50, 20)
titles = page.data.items["title"].to_numpy()
first_guess = {}
for k in (0, -1):
    p = model.side_factors[stretch["age"]][k]  # a user of whom only the age is known
    score = (q @ p).detach().numpy()
    first_guess[labels[k]] = titles[known][np.argsort(-score[known], kind="stable")[:5]]
ws.films(pd.DataFrame(first_guess))

# %% [markdown]
# And as soon as you have rated something, that speaks louder:

# %%
for_me = rt.recommend(model, page.data, ratings=page.me, k=5)
print("For our sample person:" if page.me_is_sample else "For you:")
ws.films(for_me, ["title", "genres"])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * All that is known of a rating is one long row; each field has its stretch, which begins where
#   those before it end.
# * All pairs of places meet, and half of *square of the sum minus sum of the squares* makes that
#   linear in their number.
# * With two fields it is biased matrix factorisation; each further field is more of the same.
# * Fields help if they say something: deal them out wrongly and the gain is gone.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the table of fields: which will buy more, what we know of users or of films?
# Most say users. Then ask why it is films (many have few ratings). (5 minutes)
