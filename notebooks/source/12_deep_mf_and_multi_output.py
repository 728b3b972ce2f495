# ---
# minutes: 60
# needs: [06_evaluation, 08_cold_start_and_side_features]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Deep factorisation and several outputs
#
# The page has two parts; you can read them on different days. Part 1 (30 minutes) puts a small network
# beside the product of the two vectors and finds out where that pays. Part 2 (30 minutes) lets one pair
# of vectors answer three questions.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("12_deep_mf_and_multi_output")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Part 1: deep
#
# **Goal:** know what a network can say that a product cannot, and measure whether real ratings need it.
#
# Winter films are loved in winter. But in half of the world, winter is in July. We make such data:
# whether a film is liked depends on the film, on where the user lives *and* on the time of year, on all
# three together. Leave one of the three out, and there is nothing left to learn: if you average over the
# year, over the two kinds of film, or over north and south, everybody likes everything equally.

# %% tags=["long"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch


def hemispheres(seed, n_users=400, n_items=150, each=40):
    """Ratings over one year, with a noise of half a star."""
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
# Between them, the models of the earlier pages read everything that is needed: ids, home, genre and
# time. But each model adds up terms that combine at most *two* things: user and film, or film and time.

# %%
planted_train, _, planted_test = hemispheres(seed=0).split(valid=0, test=0.2)
two_at_a_time = {
    "BiasedMF": {},
    "SideFeatureMF": {},
    "TemporalMF": {},
    "FactorizationMachine": {"fields": ["home", "genres"]},
}
planted_error = {}
for name, given in two_at_a_time.items():
    print(name, end=" ... ")
    model = getattr(rt.models, name).for_dataset(planted_train, dim=8, **given)
    rt.fit(model, planted_train, epochs=25, progress=False)
    predicted = rt.predict(model, planted_test)
    planted_error[name] = rt.metrics.rmse(planted_test.rating, predicted)
print("done")

# %%
always_mean = rt.metrics.rmse(planted_test.rating, np.full(len(planted_test), 3.0))
planted_error["always 3 stars"] = always_mean
pd.DataFrame({"RMSE (stars)": planted_error}).round(3)

# %% [markdown]
# A model that knew everything but the noise would have an error of 0.5. None of these models is
# noticeably better than "always 3 stars". A model that is worse has memorised noise, since there was
# nothing else for it to find.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### A network beside the product
#
# A **multilayer perceptron** (MLP) is a small network that can express what depends on three things at
# once. It takes all that is known as one row of numbers $z$: the user's vector and features, the film's
# vector and features, and the time. From $z$ it makes 64 **hidden numbers** $h$. Each of them is a
# weighted sum of the numbers in $z$, plus a constant. The network replaces negative hidden numbers by
# zero (the *cut*), and adds up what remains, again with weights:
#
# $$s = \underbrace{\mu + b_u + b_i + p_u \cdot q_i}_{\text{as before}}
# + v \cdot \max(0,\, h), \qquad h = z\,W + c$$
#
# $W$, $c$ and $v$ are learned like the vectors. The cut makes this more than a sum: a hidden number can
# be positive for northern users *and* winter films *and* the last months of the year, and zero as soon
# as one of the three is missing.

# %% tags=["hide-input"]
from recsys_workshop.labs import drawings

boxes = {
    "user": (0, 1.2, "user: vector $p$,\nfeatures", "blue"),
    "item": (0, 0, "film: vector $q$,\nfeatures", "vermilion"),
    "time": (0, -1.2, "time", "green"),
    "product": (3.6, 1.2, "product $p \\cdot q$", "black"),
    "hidden": (3.6, -0.6, "64 hidden numbers,\nnegative ones cut", "purple"),
    "score": (7, 0.3, "score $s$", "black"),
}
arrows = ["user product", "item product", "user hidden", "item hidden", "time hidden"]
fig = drawings.flow(boxes, [*arrows, "product score", "hidden score"])
alt = "The vectors of user and film go into a product. Vectors, features and the time go into 64 hidden"
ws.show(fig, alt=alt + " numbers beside it. The score adds up product and network.")

# %% [markdown]
# ### Exercise: the network
#
# Write `network(z, W, c, v)`: the last term of $s$, the one that the network adds. `z` has the shape (B,
# n), one row per rating; `W` is (n, 64), `c` and `v` are (64,). All are tensors, and the result has the
# shape (B,). The model below is trained with your function.
#
# <details><summary>Hint 1</summary>
#
# `z @ W` has the shape (B, 64). Add `c`; then `.relu()` replaces negative numbers by zero.
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
# Here is the model: it is `BiasedMF` plus the lines marked NEW. Look at `last`: it starts at **zero**. So the model
# starts as biased MF, and whatever the network adds to that has to be learned. The time is standardised: it is
# measured from its mean, in standard deviations.

# %%
from recsys_tutorial.models.features import feature_table

mlp = ws.use("12.network", network)


# %% tags=["long"]
class Deep(rt.models.BiasedMF):
    columns = ("user", "item", "rating", "time")  # NEW

    def add_network(self, train, width=64, l2_deep=200.0):  # NEW
        self.x = feature_table(train.users, train.counts("user")).values  # NEW (n_users, f)
        self.y = feature_table(train.items, train.counts("item")).values  # NEW (n_items, g)
        self.middle, self.spread = train.timestamp.mean(), train.timestamp.std()
        n = 2 * self.dim + self.x.shape[1] + self.y.shape[1] + 1
        self.first = self.random_table(n, width, sd=0.4)  # NEW W
        self.shift = torch.nn.Parameter(torch.zeros(width))  # NEW c
        self.last = torch.nn.Parameter(torch.zeros(width))  # NEW v
        self.l2_deep, self.n_train = l2_deep, len(train)
        return self

    def forward(self, batch):
        user, item = batch.user, batch.item
        t = ((batch.time.double() - self.middle) / self.spread).float()[:, None]
        p, q = self.user_factors[user], self.item_factors[item]
        z = torch.cat([p, self.x[user], q, self.y[item], t], -1)  # NEW (B, n)
        added = mlp(z, self.first, self.shift, self.last)  # NEW your function
        return super().forward(batch) + added  # NEW

    def penalty(self, batch):
        squares = sum(w.square().sum() for w in (self.first, self.shift, self.last))
        return super().penalty(batch) + self.l2_deep * squares / self.n_train  # NEW


# %% [markdown]
# In the library this model is `rt.models.DeepMF`. We check two things: at the start the model is biased
# MF, and with the same weights our class computes what the library's class does.

# %%
batch = next(iter(page.valid.batches(("user", "item", "time"), batch_size=500)))
ours = Deep.for_dataset(page.train, dim=8, seed=1).add_network(page.train)
plain = rt.models.BiasedMF.for_dataset(page.train, dim=8, seed=1)
library = rt.models.DeepMF.for_dataset(page.train, dim=8, seed=1)
with torch.no_grad():
    gap_start = float((ours(batch) - plain(batch)).abs().max())
    users, items = (
        (library.deep_user, library.deep_user_side),
        (library.deep_item, library.deep_item_side),
    )
    ours.first.copy_(torch.cat([*users, *items, library.deep_time]))
    for w in (ours.last, library.deep_last):
        w.copy_(torch.linspace(-1, 1, 64))
    gap_library = float((ours(batch) - library(batch)).abs().max())
print(f"Largest difference to BiasedMF at the start: {gap_start:.0e} stars,")
print(f"to the library with the same weights: {gap_library:.0e} stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Where it pays
#
# Back to winter: the same data and the same number of epochs, now with your network.

# %%
deep = Deep.for_dataset(planted_train, dim=8).add_network(planted_train, l2_deep=20)
rt.fit(deep, planted_train, epochs=25, progress=False)
planted_error["with the network"] = rt.metrics.rmse(
    planted_test.rating, rt.predict(deep, planted_test)
)
pd.DataFrame({"RMSE (stars)": planted_error}).round(3)

# %% [markdown]
# What has it learned? We ask it for predictions in every week of the year, for winter films and for users in
# the north and in the south, and take means. The dashed curves are what we planted.

# %%
weeks = np.arange(53)
when = torch.from_numpy(788_918_400 + weeks * 7 * 86_400)
homes = planted_train.users["home"].to_numpy()
kind = np.array([genres[0] for genres in planted_train.items["genres"]])
winter_films = torch.from_numpy(np.flatnonzero(kind == "winter"))
curves = {}
for home in ("north", "south"):
    people = torch.from_numpy(np.flatnonzero(homes == home)[:20])
    pairs = torch.cartesian_prod(people, winter_films).T  # (2, pairs)
    with torch.no_grad():
        each = [deep(rt.Batch(*pairs, time=t.expand(pairs.shape[1]))).mean() for t in when]
    curves[home] = np.array([float(mean) for mean in each])

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
for (home, curve), colour, style in zip(curves.items(), ("blue", "orange"), "-.", strict=True):
    ax.plot(weeks, curve, ls="-" if style == "-" else "-.", color=ws.PALETTE[colour], label=home)
    sign = 1 if home == "north" else -1
    ax.plot(weeks, 3 + sign * np.cos(2 * np.pi * weeks / 52), "k--", lw=1)
ax.set(xlabel="week of the year", ylabel="rating of winter films (stars)")
ax.set(title="Winter films, north and south (dashed: as planted)")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
alt = "Winter films over the year: high at both ends for the north, in the middle for the south."
ws.show(fig, alt=alt)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### It needs a penalty
#
# On real ratings a network can do harm: it quickly memorises the training ratings. A separate penalty on
# the squares of its weights, `l2_deep`, prevents that. We try four strengths on MovieLens and look at
# validation rows. (This is a long run. It prints how far it has got.)

# %%
strengths = [0, 20, 200, 2000]
stars = page.valid.rating
product = rt.models.BiasedMF.for_dataset(page.train)
rt.fit(product, page.train, progress=False)
of_product = rt.metrics.rmse(stars, rt.predict(product, page.valid))
held, train_error, valid_error = {}, [], []
for strength in strengths:
    print(f"{len(held) + 1} of {len(strengths)}, l2_deep = {strength}", end=" ... ")
    held[strength] = rt.models.DeepMF.for_dataset(page.train, l2_deep=strength)
    rt.fit(held[strength], page.train, progress=False)
    for part, errors in ((page.train, train_error), (page.valid, valid_error)):
        errors.append(rt.metrics.rmse(part.rating, rt.predict(held[strength], part)))
print("done")

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
ax.plot(range(4), valid_error, "o-", color=ws.PALETTE["blue"], label="validation rows")
ax.plot(range(4), train_error, "s--", color=ws.PALETTE["orange"], label="training rows")
ax.axhline(of_product, color="black", ls=":", label="BiasedMF, validation rows")
ax.set_xticks(range(4), [str(s) for s in strengths])
ax.set(xlabel="penalty on the network, l2_deep (stars²)", ylabel="RMSE (stars)")
ax.set(title="Without a penalty, a network memorises (axis does not start at 0)")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
best = strengths[int(np.argmin(valid_error))]
alt = f"RMSE against the penalty: without one {train_error[0]:.2f} on training rows and "
ws.show(fig, alt=alt + f"{valid_error[0]:.2f} on validation rows; lowest there at {best}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Where it does not
#
# So does the network win on MovieLens? Look closer before you say yes. It was given more information
# than `BiasedMF`: genres, ages and times. So we train it without this information, and we also give
# genres and ages to a model without a network: `SideFeatureMF` from page 08. But `SideFeatureMF` differs
# from `BiasedMF` in more than its features: it also has an extra penalty for each film and each person,
# shorter vectors and its own training settings. To measure the effect of these differences alone, we
# also train `SideFeatureMF` without features (the row "... penalties of page 08" in the table below).
#
# And one more question, which was disputed for years: can a network learn the product itself? If it can,
# we need not write the product into the model. We put networks of three shapes in its place, so that the
# answer does not depend on one unlucky shape.

# %%
from recsys_workshop.labs import cold_start

bare = cold_start.without_features(page.train)


# %%
class Instead(rt.models.DeepMF):
    def forward(self, batch):
        user, item = batch.need("user", "item")
        biases = self.user_bias[user] + self.item_bias[item]
        return self.mean + biases + self.deep(batch)  # the network instead of the product


class TwoLayers(Instead):
    def last_layer(self, h):
        return (h.relu() @ self.deep_second).relu() @ self.deep_last

    def set_features(self, x, y):
        super().set_features(x, y)
        self.deep_second = self.random_table(self.width, self.width, sd=self.width**-0.5)
        self.deep_last.data = torch.full_like(self.deep_last, 0.01)  # zero would stay zero


# %%
alone = {"timed": False, "l2": 0.05, "l2_deep": 100}
plan = {
    "biases only": (rt.models.BiasedMF, bare, {"dim": 0}),
    "product, ids alone": (rt.models.BiasedMF, bare, {}),
    "product, ids alone, penalties of page 08": (rt.models.SideFeatureMF, bare, {}),
    "network instead, 32 hidden": (Instead, bare, {**alone, "width": 32}),
    "network instead, 128 hidden": (Instead, bare, {**alone, "width": 128}),
    "network instead, two layers of 64": (TwoLayers, bare, {**alone, "width": 64}),
    "product and network, ids alone": (rt.models.DeepMF, bare, {"timed": False}),
    "product, with features": (rt.models.SideFeatureMF, page.train, {}),
}

# %%
tried = {}
for number, (name, (cls, train, given)) in enumerate(plan.items(), start=1):
    print(f"{number} of {len(plan)}: {name}", end=" ... ")
    tried[name] = cls.for_dataset(train, **given)
    rt.fit(tried[name], train, progress=False)
tried["product and network, with everything"] = held[best]
print("done")


# %%
def less(a, b, part=page.valid):
    """The error of a minus that of b, with its interval over users."""
    return rt.compare(a, b, part, train=page.train, metric="rmse")


verdict = {name: rt.metrics.rmse(stars, rt.predict(m, page.valid)) for name, m in tried.items()}
against = {name: less(m, tried["product, ids alone"]) for name, m in tried.items()}
table = pd.DataFrame({"RMSE (stars)": verdict})
table["difference to the product (stars)"] = [f"{c.difference:+.4f}" for c in against.values()]
table["interval over users"] = [f"{c.low:+.4f} to {c.high:+.4f}" for c in against.values()]
table.round(4)

# %%
shapes = [name for name in plan if name.startswith("network instead")]
chosen = min(shapes, key=verdict.get)
learned = (verdict["biases only"] - verdict[chosen]) / (verdict["biases only"] - of_product)
print(f"The best of the shapes ({chosen.split(', ')[1]}) has learned {learned:.0%} of what the")
print("product gains over biases only.")
penalties = tried["product, ids alone, penalties of page 08"]
with_ids = less(tried["product and network, ids alone"], penalties)
with_all = less(tried["product, with features"], held[best])
print("On ids alone, product and network minus the product with the penalties of page 08:")
print(f"{with_ids}.")
print("With features, the product alone minus product and network:")
print(f"{with_all}.")

# %%
again = []
for seed in range(1, page.pick(3, 2)):
    pair = []
    print(f"seed {seed}", end=" ... ")
    for name in (chosen, "product, ids alone"):
        cls, train, given = plan[name]
        pair.append(cls.for_dataset(train, seed=seed, **given))
        rt.fit(pair[-1], train, seed=seed, progress=False)
    again.append(less(*pair))
    print(f"error of the network instead minus that of the product: {again[-1]}")

# %% [markdown]
# Three lessons:
#
# * **A product is hard to learn.** In theory a network can compute one. From tens of thousands of ratings
#   our three shapes learn only a part of it. Rendle and others (2020) showed the same for neural collaborative
#   filtering, a model that had been said to beat matrix factorisation. It did not beat a carefully tuned
#   product.
# * **Beside a product, on ids alone,** the network gains a little over `BiasedMF`. But the model of page
#   08 without its features gains about as much, and it has no network. So that gain says little about
#   depth.
# * **Here the features pay, not the depth.** To use what genres or release years say, it is enough to
#   add a vector per feature to the vectors of the film and the user, as `SideFeatureMF` does. A network
#   pays where several fields matter only *together*, as for the winter films, and where there are enough
#   ratings to learn that from.
#
# **Your turn.** Give the shape with 32 hidden numbers a tenth of its penalty (`l2_deep=10`). First guess how
# the errors on training rows and on validation rows change. Then train it, and look at both.
#
# ### Part 1 in four lines
#
# * A network beside the product can learn what depends on three fields at once.
# * Start its last layer at zero and give its weights a separate penalty; then it does little harm.
# * A network in place of the product is worse, in all shapes that we tried.
# * Compare such a network with three simpler models: biases only, a product with the penalties of page
#   08, and a model with features but no network.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the table of "Where it does not", ask the room: can a network learn to multiply? Most say yes,
# and they are right in principle. Then show the rows "network instead". (5 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Part 2: several outputs
#
# **Goal:** let one pair of vectors answer three questions, and measure what sharing gains and costs.
#
# A shop wants to know more than stars. Will you rate this film at all? And when will you be back? We
# could train three models. Or we train one. The products $p_f q_f$, one for each dimension $f$ of the
# two vectors, are a shared **trunk**, and three small **heads** read them:
#
# * **score**, the rating in stars: the sum of the products, plus biases, as before;
# * **seen**, rated or not: another sum of the same products, with weights of its own. It needs pairs that
#   were *not* rated, so four films are drawn at random for each training row. They have no rating, and
#   only this head learns from them;
# * **gap**, the time until the user rates again.

# %% tags=["hide-input"]
boxes = {
    "user": (0, 0.8, "user: vector $p$", "blue"),
    "item": (0, -0.8, "film: vector $q$", "vermilion"),
    "trunk": (3.2, 0, "trunk:\nproducts $p_f q_f$", "black"),
    "score": (7, 1.3, "score: how many stars?", "orange"),
    "seen": (7, 0, "seen: rated at all?", "green"),
    "gap": (7, -1.3, "gap: back at once,\nand if not, when?", "purple"),
}
fig = drawings.flow(boxes, ["user trunk", "item trunk", "trunk score", "trunk seen", "trunk gap"])
alt = "The vectors of user and film meet in the trunk, the products of their numbers. Three heads read"
ws.show(fig, alt=alt + " it: score, seen and gap.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### When does somebody come back?
#
# The gap is the time to the user's next rating. Be careful here: the model sees only *training* ratings.
# When rows are held out, the user's next rating may be one of them, and then the next *training* rating
# comes later. So we look at both: the gaps among all ratings and those among training ratings.

# %%
from recsys_tutorial.losses import multi_output
from recsys_tutorial.models.multi_output import Outputs, time_to_next

gaps = {
    "all ratings": time_to_next(page.data, page.data),  # seconds; nan in each user's last row
    "training ratings": time_to_next(page.train, page.train),
}
gaps = {name: gap[~np.isnan(gap)] for name, gap in gaps.items()}
at_once = {name: float((gap == 0).mean()) for name, gap in gaps.items()}
for name, share in at_once.items():
    print(f"{name}: {share:.0%} are followed by another one by the same user in the same second")

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
ax.hist(np.log1p(gaps["all ratings"]), bins=60, color=ws.PALETTE["blue"])
ticks = {"0": 0, "10 s": 10, "1 min": 60, "1 h": 3600, "1 day": 86_400, "100 days": 8_640_000}
ax.set_xticks([np.log1p(s) for s in ticks.values()], list(ticks))
ax.set(xlabel="time to the next rating (logarithmic)", ylabel="ratings")
share = at_once["all ratings"]
ax.set(title=f"{share:.0%} of ratings are followed by another one in the same second")
alt = f"Histogram of times to the next rating: {share:.0%} at zero, most others within minutes."
ws.show(fig, alt=alt)

# %% [markdown]
# The model learns from the gaps between training ratings, which are somewhat longer. For our question,
# whether sharing helps, that does not matter: all models learn from the same gaps, and all are judged on
# the same ones. For a service that plans with these times, it would matter.
#
# One number cannot describe such a distribution. On MovieLens there is a heap at zero (its web page
# showed many films at once, and people could rate several of them in one go), and the rest runs from
# seconds to months. So the head has **two numbers**: the log-odds $o$ that the gap is zero and, if it is
# not, the expected value $g$ of $\ln(1 + \text{seconds})$. The loss of a row, in nats, is
#
# $$-\ln P(\text{what happened: gap} = 0 \text{ or gap} > 0)
# + \frac{(\ln(1 + \text{gap}) - g)^2}{2 \cdot 2^2}\,[\text{gap} > 0]$$
#
# with $P(\text{gap} = 0) = \sigma(o)$. The second term is the loss of a normal distribution with a
# standard deviation of 2 on the logarithmic scale, a factor of $e^2 \approx 7$ in time. After a user's
# last rating nothing is known, and the loss is 0.

# %% [markdown]
# ### Exercise: the loss of a gap
#
# Write `gap_loss(odds, expected, gap)`. All three are tensors of the shape (B,); `gap` is in seconds,
# and nan where nothing follows. Return the loss per row, (B,). Further down, we measure the gap head
# with your function.
#
# <details><summary>Hint 1</summary>
#
# `softplus(-odds)` is $-\ln \sigma(o)$, and `softplus(odds)` is $-\ln(1 - \sigma(o))$ (from
# `torch.nn.functional`). `torch.where(gap == 0, a, b)` chooses between them.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Replace nan before you compute with it: `gap.nan_to_num()`. At the end, set the loss to 0 where
# `gap.isnan()`.
#
# </details>

# %%
from torch.nn.functional import softplus


# %% tags=["stub"]
def gap_loss(odds, expected, gap):
    """odds, expected, gap (B,) -> (B,) in nats"""
    return None  # your turn


# %% tags=["solution"]
def gap_loss(odds, expected, gap):
    """odds, expected, gap (B,) -> (B,) in nats"""
    of_zero = torch.where(gap == 0, softplus(-odds), softplus(odds))
    of_rest = (gap.nan_to_num().log1p() - expected) ** 2 / 8 * (gap > 0)
    return torch.where(gap.isnan(), 0.0, of_zero + of_rest)


# %%
ws.check("12.gap_loss", gap_loss)

# %% [markdown] slideshow={"slide_type": "slide"}
# Here is the model, and what is new in comparison with `BiasedMF`:


# %% tags=["long"]
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
    for w in library.parameters():
        w.copy_(torch.linspace(-1, 1, w.numel()).view_as(w))
ours = ThreeOutputs.for_dataset(page.train, dim=8).add_heads()
ours.load_state_dict(library.state_dict())
three = zip(ours(batch), library(batch), strict=True)
gap_heads = max(float((a - b).abs().max().detach()) for a, b in three)
print(f"Largest difference to the library in any of the outputs: {gap_heads:.0e}")

# %% [markdown]
# There is one loss for all three heads, a weighted sum. Squared errors are in stars², and losses of
# probabilities are in nats. So each **weight** is a rate of exchange: `multi_output(rating=1, seen=0.4,
# gap=0.3)` says that one nat of `seen` is worth 0.4 stars². The weights were chosen on validation rows, so that
# the rating's error is small.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What does sharing buy?
#
# We train each head alone, with weight zero for the other two, and then all three together. On
# validation rows we measure each output: the RMSE of the rating; how well `seen` tells a rated film from
# one drawn among those that the user never rated (AUC); and, for the gap, the loss that you have just
# written.

# %%
from recsys_tutorial.training.negatives import Negatives

judge_gap = ws.use("12.gap_loss", gap_loss)
user, item = (torch.from_numpy(c).long() for c in (page.valid.user, page.valid.item))
unrated = Negatives(page.data, torch.Generator().manual_seed(0)).draw(user, 1)[:, 0]
later = torch.from_numpy(time_to_next(page.valid, page.train)).float()
labels = np.repeat([1, 0], len(user))


# %%
def judge(model):
    """Three numbers on the validation rows, and the scores of `seen`."""
    with torch.no_grad():
        out, other = (model(rt.Batch(user=user, item=i)) for i in (item, unrated))
        nats = judge_gap(out.gap[:, 0], out.gap[:, 1], later)
    told = ~later.isnan()
    seen = torch.cat([out.seen, other.seen]).numpy()
    rmse = rt.metrics.rmse(stars, out.score.clamp(*model.scale).numpy())
    return [rmse, rt.metrics.auc(labels, seen), float(nats[told].mean())], seen


# %%
head_plan = {
    "rating alone": ((1, 0, 0), {}, page.pick(3, 1)),
    "seen alone": ((0, 1, 0), {"l2": 0.03}, 1),
    "gap alone": ((0, 0, 1), {"l2": 0.03}, 1),
    "shared": ((1, 0.4, 0.3), {}, page.pick(3, 1)),
}
heads = {}
for name, (exchange, given, n_seeds) in head_plan.items():
    print(f"\n{name:<13}", end="")
    for seed in range(n_seeds):
        print("▮", end="")  # one per training
        heads[name, seed] = rt.models.MultiOutputMF.for_dataset(page.train, seed=seed, **given)
        rt.fit(
            heads[name, seed], page.train, loss=multi_output(*exchange), seed=seed, progress=False
        )

# %%
columns = ["rating, RMSE (stars)", "seen, AUC", "gap, loss (nats)"]
untrained = rt.models.MultiOutputMF.for_dataset(page.train)
judged = {"nothing learned": judge(untrained)[0]}
judged |= {name: judge(heads[name, 0])[0] for name in head_plan}
shown = pd.DataFrame(judged, index=columns).T.round(3).astype(object)
for row, column in (("rating alone", 0), ("seen alone", 1), ("gap alone", 2)):
    shown.loc[row, [c for k, c in enumerate(columns) if k != column]] = ""  # not trained
shown

# %%
sharing = []
for seed in range(head_plan["shared"][2]):
    sharing.append(less(heads["shared", seed], heads["rating alone", seed]))
    print(f"rating error, shared − alone, seed {seed}: {sharing[-1]}")

# %%
scores = [judge(heads[name, 0])[1] for name in ("shared", "seen alone")]
of_seen = rt.interpret.auc_interval(labels, scores[0], np.tile(page.valid.user, 2), minus=scores[1])
bounds = f"({of_seen.low:+.3f} to {of_seen.high:+.3f})"
print(f"seen AUC, shared − alone: {of_seen.value:+.3f} {bounds}")

# %%
with torch.no_grad():
    pair = rt.Batch(user=user, item=item)
    losses = [judge_gap(*heads[n, 0](pair).gap.T, later) for n in ("shared", "gap alone")]
more = pd.Series((losses[0] - losses[1]).numpy())[~later.isnan().numpy()]
by_user = more.groupby(page.valid.user[more.index]).agg(["mean", "size"])
of_gap = rt.interpret.mean_interval(by_user["mean"], weights=by_user["size"])
print(
    f"gap loss, shared − alone: {of_gap.value:+.4f} nats ({of_gap.low:+.4f} to {of_gap.high:+.4f})"
)

# %% [markdown]
# Why should the rating head gain? Because people choose what they watch. *Which* films you rated says
# something about your taste, beyond the stars that you gave. To see whether this can be the reason, we
# plant it. There are four kinds of films and four kinds of users, and users like films of their own
# kind. Each rating is mostly noise, but users mostly *rate* films of their own kind. As a control, we
# make the same data with users who choose blindly.


# %% tags=["long"]
def own_kind(seed, own, n_users=300, n_items=120, each=16):
    """Four kinds of users and films; a share `own` of a user's films is of the user's kind."""
    rng = np.random.default_rng(seed)
    of_user, of_item = rng.integers(0, 4, n_users), rng.integers(0, 4, n_items)
    who, film = np.repeat(np.arange(n_users), each), []
    for kind in of_user:
        same = of_item == kind
        chance = np.where(same, own / same.sum(), (1 - own) / (~same).sum())
        film.append(rng.choice(n_items, each, replace=False, p=chance))
    film = np.concatenate(film)
    rating = np.where(of_user[who] == of_item[film], 4.0, 2.0) + rng.normal(0, 1.5, len(who))
    return rt.datasets.from_frame(pd.DataFrame({"user": who, "item": film, "rating": rating}))


# %%
gain_planted = {}
for name, own in (("choice tells about taste", 0.7), ("choice is blind", 0.25)):
    gains = []
    for seed in range(page.pick(3, 1)):
        train, _, test = own_kind(seed, own).split(valid=0, test=0.25, seed=seed)
        errors = []
        for exchange in ((1, 0, 0), (1, 1, 0)):
            model = rt.models.MultiOutputMF.for_dataset(train, dim=8, seed=seed)
            rt.fit(model, train, loss=multi_output(*exchange), epochs=20, progress=False)
            errors.append(rt.metrics.rmse(test.rating, rt.predict(model, test)))
        gains.append(errors[0] - errors[1])
    gain_planted[name] = [float(g) for g in gains]
    print(f"{name}: the rating gains", ", ".join(f"{g:+.3f}" for g in gains), "stars by sharing")

# %% [markdown]
# So sharing is a trade. What the heads have in common is learned from more data. Where they differ, they
# compete for the same vectors: the model trained for `seen` alone remains the better judge of what will
# be rated. And the gap changes little either way, probably because how soon you come back has little to
# do with which film you rate.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### You
#
# How do these models treat somebody new, like you? `DeepMF` first:

# %%
try:
    rt.recommend(held[best], page.data, ratings=page.me)
except TypeError as error:
    refused = str(error)
    print(refused.split(";")[0] + ".")

# %% [markdown]
# Its score is not linear in $p$, so there is no closed form for your vector: you would have to wait for
# the next training. With the three outputs there is no such trouble, because every head is linear in
# $p$. Your vector is folded in from your ratings. We do not know how soon you come back, so for the gap
# we treat you as an average user.

# %% tags=["long"]
import copy

my_items = page.data.item_vocab.index(list(page.me))
my_stars = torch.tensor(list(page.me.values()), dtype=torch.float32)
with torch.no_grad():
    you = copy.deepcopy(heads["shared", 0])
    row = you.fold_in(torch.from_numpy(np.asarray(my_items)).long(), my_stars).row
    you.user_factors[0], you.user_bias[0], you.user_gap[0] = row[:-1], row[-1], 0.0
    out = you(rt.Batch(user=torch.tensor(0), item=torch.arange(you.n_items)))
# `seen` was learned among 1 rated and 4 drawn films; among all films the odds are lower:
n = len(page.me)
odds = out.seen + np.log(4 * n / (you.n_items - n))
table = page.data.items[["title"]].reset_index(drop=True)
table["predicted stars"] = out.score.clamp(*you.scale).numpy()
table["chance that you rate it (%)"] = 100 * odds.sigmoid().numpy()
new = table[(page.train.counts("item") >= page.pick(20, 5)) & ~table.index.isin(my_items)]
by_stars = new.nlargest(5, "predicted stars")
by_seen = new.nlargest(5, "chance that you rate it (%)")
print("For our sample person:" if page.me_is_sample else "For you:", "most stars")
ws.films(by_stars)

# %%
overlap = len(set(by_stars["title"]) & set(by_seen["title"]))
print(f"Most likely to be rated (on both lists: {overlap} of 5 films)")
ws.films(by_seen)

# %% [markdown]
# What you would love is one question, and what you will rate is another. A film that you will watch anyway
# needs no recommendation. A film that you would love and never see does you no good either. With both
# outputs you can ask for both: say, the most stars among the films that you are likely to rate.
#
# A last question, without a check. Which list should a shop show, and to whom? And if the shop chose films
# by a fourth head, what should that head predict?

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the last lists: would you rather be shown what you will watch anyway, or what you would love?
# (5 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The final table
#
# So far we have looked at validation rows only. Here are the test rows, once.

# %%
final = {
    "biases only": tried["biases only"],
    "BiasedMF": product,
    "SideFeatureMF without features": tried["product, ids alone, penalties of page 08"],
    "SideFeatureMF": tried["product, with features"],
    "DeepMF": held[best],
    "MultiOutputMF": heads["shared", 0],
}

# %%
stars_test = page.test.rating
error = {name: rt.metrics.rmse(stars_test, rt.predict(m, page.test)) for name, m in final.items()}
of_test = {name: less(m, final["SideFeatureMF"], page.test) for name, m in final.items()}
final_table = pd.DataFrame({"RMSE on test rows (stars)": error})
bounds = [f"{c.low:+.4f} to {c.high:+.4f}" for c in of_test.values()]
final_table["difference to SideFeatureMF (stars), interval over users"] = bounds
final_table.sort_values("RMSE on test rows (stars)").round(4)

# %% [markdown]
# `SideFeatureMF` (page 08) has no network and answers one question, and it knows genres, ages and occupations.
# Compare the others with it, and not with `BiasedMF` alone.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * A network beside the product can learn what depends on three fields at once. On MovieLens the features pay
#   more than the depth, and a network in place of the product is worse. Try the simple model first.
# * Sharing one trunk among several heads is a trade-off: a head can gain where another head learns
#   something that the first one needs, and lose where the two differ. Measure each head alone.
# * When you measure the time to the next event, say which events count as a "next" one: all of them, or
#   only those in the training part.
#
# **To read on**
#
# * X. He and others, "Neural collaborative filtering", WWW 2017, and the answer to it: S. Rendle,
#   W. Krichene, L. Zhang and J. Anderson, "Neural collaborative filtering vs. matrix factorization
#   revisited", RecSys 2020. Read both, in this order.
# * R. Caruana, "Multitask learning", Machine Learning 28, 1997: what tasks can gain by sharing a trunk.
