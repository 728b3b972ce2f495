# ---
# minutes: 45
# needs: [02_mf_follow_along, 08_cold_start_and_side_features]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Deep factorisation and several outputs
#
# Put a small network beside the product, find out where it pays and where it does not, and let one
# pair of vectors answer three questions.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("12_deep_mf_and_multi_output")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Something that no product says
#
# Winter films are loved in winter. But winter is in July for half of the world. We make such data:
# whether a film is liked depends on the film, on where the user lives *and* on the time of year, all
# three together. Take one of them away and nothing is left: on the average of a year everybody likes
# everything alike.

# %% tags=["long"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch


def hemispheres(seed, n_users=400, n_items=150, each=40):
    """Ratings over one year; noise of half a star."""
    rng = np.random.default_rng(seed)
    winter, north = rng.integers(0, 2, n_items), rng.integers(0, 2, n_users)
    user = np.repeat(np.arange(n_users), each)
    item = np.concatenate([rng.permutation(n_items)[:each] for _ in range(n_users)])
    year = rng.uniform(0, 1, len(user))  # 0 and 1 are New Year
    liked = (2 * winter[item] - 1) * (2 * north[user] - 1) * np.cos(2 * np.pi * year)
    rating = 3 + liked + rng.normal(0, 0.5, len(user))
    ratings = pd.DataFrame({"user": user, "item": item, "rating": rating})
    ratings["timestamp"] = 788_918_400 + (year * 31_536_000).astype(int)  # in 1995
    homes = pd.DataFrame({"user": range(n_users), "home": np.array(["south", "north"])[north]})
    kinds = [("winter",) if w else ("summer",) for w in winter]
    films = pd.DataFrame({"item": range(n_items), "genres": kinds})
    return rt.datasets.from_frame(ratings, users=homes, items=films)


# %% [markdown]
# The models of the pages before this one know all that is needed: ids, home, genre, time. But each
# of them adds up terms of at most *two* things: user and film, film and time.

# %%
planted_train, _, planted_test = hemispheres(seed=0).split(valid=0, test=0.2)
contenders = {
    "BiasedMF": {},
    "SideFeatureMF": {},
    "TemporalMF": {},
    "FactorizationMachine": {"fields": ["home", "genres"]},
}
planted_error, planted_model = {}, {}
for name, settings in contenders.items():
    model = getattr(rt.models, name).for_dataset(planted_train, dim=8, **settings)
    rt.fit(model, planted_train, epochs=25, progress=False)
    found = rt.predict(model, planted_test)
    planted_error[name] = rt.metrics.rmse(planted_test.rating, found)
    planted_model[name] = model
pd.DataFrame({"RMSE (stars)": planted_error}).round(3)

# %%
always_mean = rt.metrics.rmse(planted_test.rating, np.full(len(planted_test), 3.0))
better = [name for name, error in planted_error.items() if error < always_mean]
print(f"Saying 3 stars always: {always_mean:.3f}. Better than that: {', '.join(better) or 'none'}.")
print("Knowing everything but the noise: 0.500.")

# %% [markdown]
# A model that is worse than "always 3" has learned noise by heart: there is nothing else to be found
# for it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A network beside the product
#
# A **multilayer perceptron** (MLP) can say such things. It takes all that is known as one row of
# numbers $z$: the user's vector, the film's vector, the features of both, the time. It makes 64
# *hidden numbers* $h$ of them, each a weighted sum. It cuts off what is negative, and adds up what is
# left, with weights again:
#
# $$s = \underbrace{\mu + b_u + b_i + p_u \cdot q_i}_{\text{as ever}}
# + v \cdot \max(0,\, h), \qquad h = z\,W + c$$
#
# $W$, $c$ and $v$ are learned, like the vectors.
#
# The cut makes it more than a sum. One hidden number can be "on" for northern users *and* winter
# films *and* cold months, and off as soon as one of the three is missing.

# %% [markdown]
# ### Exercise: the network
#
# Write `network(z, W, c, v)`, the part of $s$ after "as ever". `z` has the shape (B, n), one row per
# rating; `W` (n, 64), `c` (64,), `v` (64,). All are tensors; the result has the shape (B,).
#
# <details><summary>Hint 1</summary>
#
# `z @ W` has the shape (B, 64). Add `c`, and `.relu()` cuts off what is negative.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Cut the hidden numbers, not the result: what the network adds to a score may well be negative.
#
# </details>


# %% tags=["stub"]
def network(z, W, c, v):
    """(B, n), (n, 64), (64,), (64,) -> (B,)"""
    return None  # your turn


# %% tags=["solution"]
def network(z, W, c, v):
    """(B, n), (n, 64), (64,), (64,) -> (B,)"""
    return (z @ W + c).relu() @ v


# %%
ws.check("12.network", network)

# %% [markdown] slideshow={"slide_type": "slide"}
# Here is the model: `BiasedMF`, and what is marked. Look at `last`: it starts at **zero**. So the model
# starts as biased MF, and whatever the network says beyond it has to be learned.

# %% tags=["long"]
from recsys_tutorial.models.features import feature_table


class Deep(rt.models.BiasedMF):
    def add_network(self, train, width=64, l2_deep=200.0):
        self.x = feature_table(train.users, train.counts("user")).values  # NEW (n_users, f)
        self.y = feature_table(train.items, train.counts("item")).values  # NEW (n_items, g)
        n = 2 * self.dim + self.x.shape[1] + self.y.shape[1]
        self.first = self.random_table(n, width, sd=0.4)  # NEW W
        self.shift = torch.nn.Parameter(torch.zeros(width))  # NEW c
        self.last = torch.nn.Parameter(torch.zeros(width))  # NEW v
        self.l2_deep, self.n = l2_deep, len(train)
        return self

    def forward(self, batch):
        user, item = batch.need("user", "item")
        p, q = self.user_factors[user], self.item_factors[item]
        z = torch.cat([p, self.x[user], q, self.y[item]], -1)  # NEW (B, n)
        h = (z @ self.first + self.shift).relu()  # NEW (B, 64)
        return super().forward(batch) + h @ self.last  # NEW

    def penalty(self, batch):
        squares = sum(w.square().sum() for w in (self.first, self.shift, self.last))
        return super().penalty(batch) + self.l2_deep * squares / self.n  # NEW


# %% [markdown]
# In the library it is `rt.models.DeepMF`, which hears one more number: the time, measured in standard
# deviations (`timed=False` leaves it out). Two promises to check: at the start it is biased MF, and
# with the same weights the class above says what the library's says.

# %%
batch = next(iter(page.valid.batches(("user", "item"), batch_size=500)))
mine = Deep.for_dataset(page.train, dim=8, seed=1).add_network(page.train)
plain = rt.models.BiasedMF.for_dataset(page.train, dim=8, seed=1)
library = rt.models.DeepMF.for_dataset(page.train, dim=8, seed=1, timed=False)
with torch.no_grad():
    gap_start = float((mine(batch) - plain(batch)).abs().max())
    parts = [library.deep_user, library.deep_user_side, library.deep_item, library.deep_item_side]
    mine.first.copy_(torch.cat(parts))
    for weights in (mine.last, library.deep_last):
        weights.copy_(torch.linspace(-1, 1, 64))
    gap_library = float((mine(batch) - library(batch)).abs().max())
print(f"Largest difference to BiasedMF at the start: {gap_start:.0e} stars,")
print(f"to the library with the same weights: {gap_library:.0e} stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where it pays
#
# Back to winter. The same data, the same number of passes, now with the network:

# %%
deep = rt.models.DeepMF.for_dataset(planted_train, dim=8, l2_deep=20)
rt.fit(deep, planted_train, epochs=25, progress=False)
planted_error["DeepMF"] = rt.metrics.rmse(planted_test.rating, rt.predict(deep, planted_test))
pd.DataFrame({"RMSE (stars)": planted_error}).round(3)

# %% [markdown]
# What has it learned? We ask it for every week of the year, for users of both homes and winter films,
# and take means. The curve that we planted is dashed.

# %% tags=["long"]
weeks = np.arange(53)
when = torch.from_numpy(788_918_400 + weeks * 7 * 86_400)
homes = planted_train.users["home"].to_numpy()
kind = np.array([genres[0] for genres in planted_train.items["genres"]])
films = torch.from_numpy(np.flatnonzero(kind == "winter"))
fig, ax = plt.subplots()
colours = {"north": "blue", "south": "orange"}
curves = {}
for home, line in (("north", "-"), ("south", "-.")):
    people = np.flatnonzero(homes == home)[: page.pick(100, 20)]
    curve = np.zeros(len(weeks))
    for u in people.tolist():
        one = rt.Batch(user=torch.tensor(u), item=films[:, None], time=when)
        curve += deep(one).detach().numpy().mean(0) / len(people)  # (films, weeks)
    curves[home] = curve
    ax.plot(weeks, curve, line, color=ws.PALETTE[colours[home]], label=f"{home}: DeepMF")
    sign = 1 if home == "north" else -1
    ax.plot(weeks, 3 + sign * np.cos(2 * np.pi * weeks / 52), "k--", lw=1)
ax.set(xlabel="week of the year", ylabel="rating of winter films (stars)")
ax.set(title="Winter films, north and south (dashed: as planted)")
ax.legend()
alt = "Winter films over the year: high at both ends for the north, in the middle for the south."
ws.show(fig, alt=alt)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## It has to be held
#
# On real ratings a network can do harm: it is quick to learn training ratings by heart. What holds it
# is a penalty of its own, `l2_deep`, on the squares of its weights. We try four strengths on
# MovieLens, and look at validation rows.

# %%
strengths = [0, 20, 200, 2000]
stars = page.valid.rating
held, train_error, valid_error = {}, [], []
for strength in strengths:
    model = rt.models.DeepMF.for_dataset(page.train, l2_deep=strength)
    rt.fit(model, page.train, progress=False)
    train_error.append(rt.metrics.rmse(page.train.rating, rt.predict(model, page.train)))
    valid_error.append(rt.metrics.rmse(stars, rt.predict(model, page.valid)))
    held[strength] = model
product = rt.models.BiasedMF.for_dataset(page.train)
rt.fit(product, page.train, progress=False)
of_product = rt.metrics.rmse(stars, rt.predict(product, page.valid))

# %%
fig, ax = plt.subplots()
places = range(len(strengths))
ax.plot(places, valid_error, "o-", color=ws.PALETTE["blue"], label="validation rows")
ax.plot(places, train_error, "s--", color=ws.PALETTE["orange"], label="training rows")
ax.axhline(of_product, color="black", ls=":", label="BiasedMF, validation rows")
ax.set_xticks(places, [str(s) for s in strengths])
ax.set(xlabel="penalty on the network, l2_deep (stars²)", ylabel="RMSE (stars)")
ax.set(title="A network that is not held learns by heart")
ax.legend()
alt = (
    f"RMSE against the penalty: without one {train_error[0]:.2f} on training rows and "
    f"{valid_error[0]:.2f} on validation rows; lowest at {strengths[np.argmin(valid_error)]}."
)
ws.show(fig, alt=alt)

# %%
print(f"Not held, the network costs {valid_error[0] - of_product:.3f} stars against BiasedMF;")
print(f"held best, it gains {of_product - min(valid_error):.3f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where it does not
#
# So the network wins on MovieLens? Look closer before you say so. It was given more than BiasedMF:
# genres, ages, times. We take these away, and we give them to a model without a network. And one more
# question, which was disputed for years: can a network learn the product itself? Then we would not
# need to write it down.

# %%
from dataclasses import replace

only_users, only_items = page.train.users[["user"]], page.train.items[["item", "title"]]
bare = replace(page.train, users=only_users, items=only_items, timestamp=None)


class NoProduct(rt.models.DeepMF):
    def forward(self, batch):
        user, item = batch.need("user", "item")
        biases = self.user_bias[user] + self.item_bias[item]
        return self.mean + biases + self.deep(batch)  # the network instead of the product


# %%
best = strengths[int(np.argmin(valid_error))]
tuned = {"width": 128, "l2_deep": 100, "l2": 0.05}
verdict = {"product, ids alone": of_product}
for name, cls, train, settings in (
    ("network instead, ids alone", NoProduct, bare, tuned),
    ("product and network, ids alone", rt.models.DeepMF, bare, {}),
    ("product, with features", rt.models.SideFeatureMF, page.train, {}),
):
    model = cls.for_dataset(train, **settings)
    rt.fit(model, train, progress=False)
    verdict[name] = rt.metrics.rmse(stars, rt.predict(model, page.valid))
verdict["product and network, all"] = min(valid_error)
pd.DataFrame({"RMSE (stars)": verdict}).round(4)

# %%
instead = verdict["network instead, ids alone"] - of_product
beside = of_product - verdict["product and network, ids alone"]
fields = of_product - verdict["product, with features"]
print(f"The network instead of the product: {instead:+.3f} stars of error.")
print(f"Beside it, with ids alone, it gains {beside:.3f}; features without a network {fields:.3f}.")

# %% [markdown]
# (`tuned` is the best of five settings that we tried for the network alone, on these validation
# rows.) Two lessons:
#
# * **A product is hard to learn.** In theory a network can compute one; from tens of thousands of
#   ratings it does not. Rendle and others (2020) showed the same for a famous model that had been
#   said to beat matrix factorisation: with a product that was tuned with equal care, it did not.
# * **Here it is the features that pay, not the depth.** A sum of vectors says what genres and ages
#   have to say. A network pays where several fields must come *together*, as in winter, and where
#   there are enough ratings to learn it from.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One trunk, three outputs
#
# A shop wants to know more than stars. Will you rate this film at all? And when will you be back? We
# could train three models. Or one: the vectors $p$ and $q$ are a *trunk*, and three small **heads**
# read the same products $p_f q_f$:
#
# * **score**, the rating in stars: their sum, as ever;
# * **seen**, rated or not: another weight for each $f$. It needs pairs that were *not* rated, so
#   each training row brings four drawn films along. They have no rating, and only this head hears
#   of them;
# * **gap**, the time to the user's next rating.
#
# Look at the gaps first.

# %%
from recsys_tutorial.models.multi_output import multi_output, time_to_next

gap = time_to_next(page.train, page.train)  # seconds; NaN in each user's last row
known = gap[~np.isnan(gap)]
at_once = float((known == 0).mean())
fig, ax = plt.subplots()
ax.hist(np.log1p(known), bins=60, color=ws.PALETTE["blue"])
ticks = {"0": 0, "10 s": 10, "1 min": 60, "1 h": 3600, "1 day": 86_400, "100 days": 8_640_000}
ax.set_xticks([np.log1p(s) for s in ticks.values()], list(ticks))
ax.set(xlabel="time to the next rating", ylabel="ratings", title="When the next rating comes")
alt = f"Histogram of times to the next rating: {at_once:.0%} at zero, most others within minutes."
ws.show(fig, alt=alt)

# %% [markdown]
# One number cannot say this. No average is any use where a heap lies at zero (the web page showed
# many films at once) and the rest runs from seconds to months. So the head has **two numbers**: the
# log-odds that the gap is zero ($\ln$ of the chance that it is over the chance that it is not), and,
# if it is not, the expected $\ln(1 + \text{seconds})$.

# %% [markdown]
# ### Exercise: gaps
#
# Write `gaps(times)`: from the times of one user's training ratings, sorted, the time from each to
# the next. After the last one nothing is known in training: there it must be NaN. The loss leaves
# such rows out; a 0 would be taken for a return at once.
#
# <details><summary>Hint</summary>
#
# `np.diff(times)` has all differences, one less than there are times.
#
# </details>


# %% tags=["stub"]
def gaps(times):
    """(n,) sorted seconds -> (n,) seconds to the next one"""
    return None  # your turn


# %% tags=["solution"]
def gaps(times):
    """(n,) sorted seconds -> (n,) seconds to the next one"""
    return np.append(np.diff(times), np.nan)


# %%
ws.check("12.gaps", gaps)

# %% [markdown] slideshow={"slide_type": "slide"}
# The model, against `BiasedMF`:

# %% tags=["long"]
from recsys_tutorial.models.multi_output import Outputs


class ThreeOutputs(rt.models.BiasedMF):
    def add_heads(self):
        def zeros(*shape):
            return torch.nn.Parameter(torch.zeros(*shape))

        self.heads, self.shift = zeros(3, self.dim), zeros(3)  # NEW
        self.item_seen = zeros(self.n_items)  # NEW
        self.user_gap, self.item_gap = zeros(self.n_users, 2), zeros(self.n_items, 2)  # NEW
        return self

    def forward(self, batch):
        user, item = batch.need("user", "item")
        both = self.user_factors[user] * self.item_factors[item]  # (*S, dim), the trunk
        other = both @ self.heads.T + self.shift  # NEW (*S, 3)
        seen = other[..., 0] + self.item_seen[item]  # NEW log-odds
        gap = other[..., 1:] + self.user_gap[user] + self.item_gap[item]  # NEW (*S, 2)
        return Outputs(super().forward(batch), seen, gap)  # NEW


# %%
library = rt.models.MultiOutputMF.for_dataset(page.train, dim=8)
with torch.no_grad():
    for weights in library.parameters():
        weights.copy_(torch.linspace(-1, 1, weights.numel()).view_as(weights))
mine = ThreeOutputs.for_dataset(page.train, dim=8).add_heads()
mine.load_state_dict(library.state_dict())
three = zip(mine(batch), library(batch), strict=True)
gap_heads = max(float((a - b).abs().max().detach()) for a, b in three)
print(f"Largest difference to the library in any of the outputs: {gap_heads:.0e}")

# %% [markdown]
# One loss for all: a weighted sum. Squared errors come in stars², losses of chances in *nats* (the
# unit of natural logarithms). So each **weight** is a rate of exchange:
# `multi_output(rating=1, seen=0.4, gap=0.3)` takes 0.4 stars² for one nat of `seen`. The weights were
# chosen on validation rows, for the rating's sake: with a weight of 1 for `seen` the rating got worse
# again.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What does sharing buy?
#
# Each head alone, with a weight of zero for the others, against all three together. For each we
# measure on validation rows: RMSE of the rating; how well `seen` tells a rated film from one drawn
# among those the user never rated (AUC); and how wrong it is about the time.

# %% tags=["long"]
from recsys_tutorial.training.negatives import Negatives

user, item = (torch.from_numpy(c).long() for c in (page.valid.user, page.valid.item))
unrated = Negatives(page.data, torch.Generator().manual_seed(0)).draw(user, 1)[:, 0]
later = time_to_next(page.valid, page.train)
told, zero, rest = ~np.isnan(later), later == 0, later > 0


def judge(model):
    """Four numbers on the validation rows."""
    with torch.no_grad():
        out = model(rt.Batch(user=user, item=item))
        other = model(rt.Batch(user=user, item=unrated))
    odds, length = (out.gap[:, k].numpy() for k in (0, 1))
    wrong = np.logaddexp(0, np.where(zero, -odds, odds))[told]
    labels = np.repeat([1, 0], len(user))
    return {
        "RMSE (stars)": rt.metrics.rmse(stars, out.score.clamp(*model.scale).numpy()),
        "seen (AUC)": rt.metrics.auc(labels, torch.cat([out.seen, other.seen]).numpy()),
        "gap is 0 (nats)": wrong.mean(),
        "ln(1 + gap) (RMSE)": rt.metrics.rmse(np.log1p(later[rest]), length[rest]),
    }


# %%
plan = {
    "rating alone": ((1, 0, 0), {}),
    "seen alone": ((0, 1, 0), {"l2": 0.03}),
    "gap alone": ((0, 0, 1), {"l2": 0.03}),
    "shared": ((1, 0.4, 0.3), {}),
}
runs, seeds = {}, range(page.pick(2, 1))
shared = None
for name, (weights, settings) in plan.items():
    for seed in seeds:
        model = rt.models.MultiOutputMF.for_dataset(page.train, seed=seed, **settings)
        rt.fit(model, page.train, loss=multi_output(*weights), seed=seed, progress=False)
        runs[name, seed] = judge(model)
        shared = model

# %%
table = pd.DataFrame(runs).T.groupby(level=0, sort=False).mean()
nothing = judge(rt.models.MultiOutputMF.for_dataset(page.train))  # before training: constants
for row, column in (("rating alone", 0), ("seen alone", 1), ("gap alone", slice(2, 4))):
    own = table.loc[row].iloc[column]
    table.loc[row] = np.nan  # what was not trained says nothing
    table.iloc[table.index.get_loc(row), column] = own
table.loc["nothing learned"] = nothing
table.round(3).astype(object).where(table.notna(), "")

# %%
gain = table.loc["rating alone"].iloc[0] - table.loc["shared"].iloc[0]
loss = table.loc["seen alone"].iloc[1] - table.loc["shared"].iloc[1]
per_seed = [
    runs["rating alone", s]["RMSE (stars)"] - runs["shared", s]["RMSE (stars)"] for s in seeds
]
print(f"Sharing: the rating gains {gain:.4f} stars (by seed: {np.round(per_seed, 4).tolist()}),")
print(
    f"seen loses {loss:.3f} of AUC, and the time to the next rating is predicted as well as before."
)

# %% [markdown]
# Why should the rating gain? Because people choose what they watch. *Which* films you rated says
# something of your taste, beyond the stars that you gave. To be sure that this is the reason, plant
# it: one rating is mostly noise, but users rate mostly films of their own kind. And as a control,
# users who choose blindly.


# %% tags=["long"]
def kinds(seed, own, n_users=300, n_items=120, each=16):
    """Four kinds of users and films; a share `own` of what one rates is of the own kind."""
    rng = np.random.default_rng(seed)
    of_user, of_item = rng.integers(0, 4, n_users), rng.integers(0, 4, n_items)
    user, item = np.repeat(np.arange(n_users), each), []
    for kind in of_user:
        same = of_item == kind
        chance = np.where(same, own / same.sum(), (1 - own) / (~same).sum())
        item.append(rng.choice(n_items, each, replace=False, p=chance))
    item = np.concatenate(item)
    rating = np.where(of_user[user] == of_item[item], 4.0, 2.0) + rng.normal(0, 1.5, len(user))
    return rt.datasets.from_frame(pd.DataFrame({"user": user, "item": item, "rating": rating}))


# %%
gain_planted = {}
for name, own in (("choice tells of taste", 0.7), ("choice is blind", 0.25)):
    gains = []
    for seed in range(page.pick(3, 1)):
        train, _, test = kinds(seed, own).split(valid=0, test=0.25, seed=seed)
        errors = []
        for weights in ((1, 0, 0), (1, 1, 0)):
            model = rt.models.MultiOutputMF.for_dataset(train, dim=8, seed=seed)
            rt.fit(model, train, loss=multi_output(*weights), epochs=20, progress=False)
            errors.append(rt.metrics.rmse(test.rating, rt.predict(model, test)))
        gains.append(errors[0] - errors[1])
    gain_planted[name] = float(np.mean(gains))
    print(f"{name}: the rating gains {np.mean(gains):+.3f} stars by sharing")

# %% [markdown]
# So sharing is a trade. What the heads have in common is learned from more data. What they do not
# have in common they fight over: `seen` alone, with vectors of its own, remains the better judge of
# what will be rated. And a head that has nothing to give (when you come back has little to do with
# which film you rate) neither helps nor harms.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# How do these models treat somebody new, like you? DeepMF first:

# %%
try:
    rt.recommend(held[best], page.data, ratings=page.me)
except TypeError as error:
    refused = str(error)
    print(refused)

# %% [markdown]
# Its score is no longer a straight line in $p$, so that there is no closed form for your vector: you
# would have to wait for the next training. In a shop that is a price, and the product's answer within
# a millisecond a reason to keep it.
#
# The three outputs have no such trouble: every head is linear in $p$. Your vector is folded in from
# your ratings. Of your pace nothing is known; it counts as everybody's.

# %% tags=["long"]
import copy

my_items = page.data.item_vocab.index(list(page.me))
my_stars = torch.tensor(list(page.me.values()), dtype=torch.float32)
with torch.no_grad():
    you = copy.deepcopy(shared)
    row = you.fold_in(torch.from_numpy(np.asarray(my_items)).long(), my_stars).row
    you.user_factors[0], you.user_bias[0], you.user_gap[0] = row[:-1], row[-1], 0.0
    out = you(rt.Batch(user=torch.tensor(0), item=torch.arange(you.n_items)))
# `seen` was learned among 1 rated and 4 drawn films; among all films the odds are lower:
n = len(page.me)
odds = out.seen + np.log(4 * n / (you.n_items - n))
films = page.data.items[["title"]].reset_index(drop=True)
films["stars"] = out.score.clamp(*you.scale).numpy()
films["you rate it"] = odds.sigmoid().numpy()
films["at once"] = out.gap[:, 0].sigmoid().numpy()
films["else after (s)"] = out.gap[:, 1].expm1().numpy()
new = films[(page.train.counts("item") >= page.pick(20, 5)) & ~films.index.isin(my_items)]

# %%
by_stars, by_seen = new.nlargest(5, "stars"), new.nlargest(5, "you rate it")
print("For our sample person." if page.me_is_sample else "For you.")
formats = {"stars": "{:.2f}", "you rate it": "{:.1%}", "at once": "{:.0%}"}
formats["else after (s)"] = "{:.0f}"
both_lists = pd.concat({"most stars": by_stars, "most likely to be rated": by_seen})
both_lists.style.format(formats)

# %%
overlap = len(set(by_stars["title"]) & set(by_seen["title"]))
print(f"The two lists share {overlap} of 5 films.")

# %% [markdown]
# What you would love is one question, and what you will rate another. Which list should a shop show?
# Neither question is *the* question. A film that you will watch anyway needs no recommendation; one
# that you would love and never see does you no good either. The outputs let you ask for both: say, the
# most stars among films that you might well rate.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The final table
#
# So far we looked at validation rows only. Here are the test rows, once.

# %%
final = {"BiasedMF": product, "DeepMF": held[best], "MultiOutputMF": shared}
error = {
    name: rt.metrics.rmse(page.test.rating, rt.predict(model, page.test))
    for name, model in final.items()
}
simple = rt.models.SideFeatureMF.for_dataset(page.train)
rt.fit(simple, page.train, progress=False)
error["SideFeatureMF"] = rt.metrics.rmse(page.test.rating, rt.predict(simple, page.test))
final_table = pd.DataFrame({"RMSE on test rows (stars)": error}).sort_values(
    "RMSE on test rows (stars)"
)
print(f"Least error: {final_table.index[0]}.")
final_table.round(4)

# %% [markdown]
# `SideFeatureMF` (page 08) has no network and no second question, and knows genres, ages and
# occupations. Compare the others with it, not with `BiasedMF` alone.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * A network beside the product says what takes three fields at once. Start its last layer at zero,
#   give it a penalty of its own, and it does no harm.
# * A network in place of the product is worse: the product is hard to learn.
# * On MovieLens the features pay more than the depth. Try the simple model first.
# * One trunk with several heads is a trade: a head gains from another that knows something of the
#   same, and pays where they differ. Measure each alone.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the table of "Where it does not", ask the room: can a network learn to multiply? Most say
# yes, and they are right in principle. Then show the row. (5 minutes)
#
# Before the last lists: would you rather be shown what you will watch anyway, or what you would love?
# (5 minutes)
