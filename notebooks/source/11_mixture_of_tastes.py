# ---
# minutes: 40
# needs: [02_mf_follow_along]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # A mixture of tastes
#
# Give each person several tastes, let the film decide which of them speaks, and find out whether
# real people need more than one.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("11_mixture_of_tastes")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What one vector cannot say
#
# Somebody likes loud comedies, and quiet serious films. The other two kinds leave this person cold.
# Two numbers a film, two for the person: which vector $p$ says that?

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

kinds = ["funny and loud", "serious and quiet", "funny and quiet", "serious and loud"]
films = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])  # (4 films, 2 axes)
liking = np.array([1.0, 1.0, 0.0, 0.0])  # stars above what the biases say
p = np.linalg.lstsq(films, liking, rcond=None)[0]  # the best there is
said_by_one = films @ p  # (4 films,)
pd.DataFrame({"wanted": liking, "said by one vector": said_by_one.round(2)}, index=kinds)

# %% [markdown]
# The best vector says nothing at all. Of course: $p \cdot (-q) = -(p \cdot q)$. Whoever likes a film
# must dislike its mirror image just as much. Matrix factorisation has one way out: spend a third
# axis on "both or neither", for this person and everybody else. With many axes it does so, and pays
# in numbers to be learned.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Several tastes, and the film decides
#
# The other way out: several vectors a person. Taste $m$ has a vector $U_m$ (what I like) and a
# vector $A_m$ (which films this taste is for). The film's own vector $q$ meets both (Kula 2017):
#
# $$s = \mu + b_u + b_i + \sum_m w_m\,(U_m \cdot q), \qquad
# w = \mathrm{softmax}_m (A_m \cdot q)$$
#
# First one product for each taste, $A_m \cdot q$. Then a softmax **over the tastes**: the weights of
# a person's tastes for this film sum to 1.

# %% [markdown]
# ### Exercise: the weights
#
# Write `weights(A, q)`. `A` has the shape (B, tastes, d): for each of B rows the attention vectors
# of a user. `q` has the shape (B, d). The result has the shape (B, tastes).
#
# <details><summary>Hint 1</summary>
#
# `q[:, None]` has the shape (B, 1, d) and meets all tastes of its row. A product of two vectors is
# `(a * b).sum(-1)`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Sum over the numbers of the vectors (the last axis) first. What is left has the shape (B, tastes),
# and `.softmax(-1)` of that is over tastes.
#
# </details>


# %% tags=["stub"]
def weights(A, q):
    """A (B, tastes, d), q (B, d) -> (B, tastes)."""
    return None  # your turn


# %% tags=["solution"]
def weights(A, q):
    """A (B, tastes, d), q (B, d) -> (B, tastes)."""
    return (A * q[:, None]).sum(-1).softmax(-1)


# %%
ws.check("11.weights", weights)

# %% [markdown]
# A published notebook took the softmax over the $d$ numbers of the vectors instead, before the sum.
# Shapes fit, the loss falls, and it is one taste whose numbers are reweighed. Now our person, with two
# tastes:

# %%
U = torch.tensor([[0.5, 0.5], [-0.5, -0.5]])  # (2 tastes, 2 axes)
A = 6 * U  # each taste is for the films that it likes
q = torch.from_numpy(films).float()
w = (q @ A.T).softmax(-1)  # (4 films, 2 tastes)
said = (w * (q @ U.T)).sum(-1)
columns = {"wanted": liking, "weight of taste 1": w[:, 0], "said by two tastes": said}
pd.DataFrame({k: np.round(np.asarray(v), 2) for k, v in columns.items()}, index=kinds)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model: biased MF and four lines
#
# The tables come from the library's class; the equation is ours. Against `BiasedMF` new are the
# lines that are marked.


# %%
class Tastes(rt.models.MixtureOfTastes):
    def forward(self, batch):
        user, item = batch.need("user", "item")
        q = self.item_factors[item][:, None]  # (B, 1, dim)
        liking = (self.user_tastes[user] * q).sum(-1)  # NEW (B, tastes): U_m . q
        attention = (self.user_attention[user] * q).sum(-1)  # NEW (B, tastes): A_m . q
        weight = self.mix(attention)  # NEW softmax over tastes
        personal = (weight * liking).sum(-1)  # NEW
        return self.mean + self.user_bias[user] + self.item_bias[item] + personal  # (B,)

    def mix(self, attention):
        return attention.softmax(-1)


# %% [markdown]
# Two promises to check. **One taste is biased MF**: the softmax of a single number is 1. And ours
# computes what the library's does. (The library starts both from the same numbers if told the same
# seed. All tastes start *different*: equal ones would get equal gradients, and stay equal for ever.)

# %%
batch = next(iter(page.valid.batches(batch_size=500)))
plain = rt.models.BiasedMF.for_dataset(page.train, dim=8, seed=1)
one = Tastes.for_dataset(page.train, dim=8, n_tastes=1, seed=1)
gap_mf = float((one(batch) - plain(batch)).abs().max().detach())

library = rt.models.MixtureOfTastes.for_dataset(page.train, n_tastes=3, seed=1)
mine = Tastes.for_dataset(page.train, n_tastes=3, seed=1)
gap_library = float((mine(batch) - library(batch)).abs().max().detach())
print(f"Largest difference to MF: {gap_mf:.0e} stars, to the library: {gap_library:.0e} stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A taste with edges
#
# Weights like 0.6 and 0.4 are hard to talk about: which taste was it? If exactly *one* taste spoke
# for a film, each person's films would fall into groups that one can name. But "take the largest" has
# no gradient. **Gumbel-softmax** goes around that in two steps.
#
# 1. *Draw* the taste in training, with the chances of the softmax. There is a trick: add noise
#    $g = -\ln(-\ln u)$, with $u$ uniform in (0, 1), to each number and take the largest.
# 2. Forward take the drawn taste. Backward pretend it was the soft $\mathrm{softmax}((a + g)/\tau)$.
#    The temperature $\tau$ falls during training, so that the soft one comes closer to the hard one.
#
# Afterwards nothing is drawn: the largest speaks.

# %% [markdown]
# ### Exercise: draw by taking the largest
#
# Write `draw(logits, u)`, both arrays of shape (n, tastes): one taste for each row, an integer.
# *Logits* are the numbers that go into a softmax; `u` are the uniform ones.
#
# <details><summary>Hint 1</summary>
#
# Two logarithms, two minus signs: `-np.log(-np.log(u))`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The noise is added to the logits themselves. With probabilities in their place all tastes come out
# almost equally often, and nothing crashes.
#
# </details>


# %% tags=["stub"]
def draw(logits, u):
    """logits (n, tastes), u (n, tastes) uniform -> (n,) integers."""
    return None  # your turn


# %% tags=["solution"]
def draw(logits, u):
    """logits (n, tastes), u (n, tastes) uniform -> (n,) integers."""
    return (logits - np.log(-np.log(u))).argmax(-1)


# %%
ws.check("11.draw", draw)


# %%
class Hard(rt.models.GumbelTastes, Tastes):
    def mix(self, attention):
        u = torch.rand(attention.shape, generator=self.generator)
        noisy = attention - torch.log(-torch.log(u))  # NEW
        soft = (noisy / self.temperature).softmax(-1)  # NEW what backward sees
        hard = torch.nn.functional.one_hot(noisy.argmax(-1), self.n_tastes)  # NEW forward
        return hard + soft - soft.detach()  # NEW the value of one, the slope of the other


mine = Hard.for_dataset(page.train, n_tastes=3, seed=1)
library = rt.models.GumbelTastes.for_dataset(page.train, n_tastes=3, seed=1)
gap_hard = float((mine(batch) - library(batch)).abs().max().detach())
print(f"Largest difference to the library, with the same noise: {gap_hard:.0e} stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Can it find tastes that are there?
#
# Before we believe it on real people, people whose tastes we know. We *plant* them: each has two,
# each for other films. All three models get the same number of settings to choose from, by validation
# rows; then test rows decide. Once is luck, so there are several seeds.

# %%
settings = {
    rt.models.BiasedMF: [{"dim": d, "l2": 0.03} for d in (16, 24)],
    rt.models.MixtureOfTastes: [{"dim": d, "l2": 0.01} for d in (4, 5)],
    rt.models.GumbelTastes: [{"dim": d, "l2": 0.01} for d in (4, 5)],
}


def best(cls, train, valid):
    """The fitted model of the settings with the smallest error on validation rows."""
    models = [cls.for_dataset(train, **chosen) for chosen in settings[cls]]
    for model in models:
        rt.fit(model, train, epochs=60, lr=0.1, batch_size=1024, progress=False)
    errors = [rt.metrics.rmse(valid.rating, rt.predict(model, valid)) for model in models]
    return models[int(np.argmin(errors))]


# %%
sizes = {"n_users": 300, "n_items": 300, "n_ratings": 36_000, "dim": 4}
taste = {"n_tastes": 2, "noise": 0.3, "signal": 1.2, "selection": 0.5, "whole_stars": False}
planted_error, found = [], []
for seed in range(page.pick(2, 1)):
    people = rt.datasets.planted(**sizes, **taste, seed=seed)
    train, valid, test = people.split(seed=seed)
    models = {cls.__name__: best(cls, train, valid) for cls in settings}
    planted_error.append(
        {name: rt.metrics.rmse(test.rating, rt.predict(m, test)) for name, m in models.items()}
    )
    found.append((people, models))
pd.DataFrame(planted_error).rename_axis("seed").round(3)

# %%
mean_error = pd.DataFrame(planted_error).mean()
for name in ("MixtureOfTastes", "GumbelTastes"):
    saved = mean_error["BiasedMF"] - mean_error[name]
    print(f"{name}: {saved:.3f} stars less error than one vector a person.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Are they the *same* tastes?
#
# A smaller error is no proof that it found what we planted. Compare: for each person and film, which
# taste speaks? But the order of tastes means nothing: what we planted as first may come back as
# second. So we look for the **permutation** that fits best, for each person alone, and *then* count.
# (With many tastes this is the assignment problem; SciPy solves it by the Hungarian method.)
#
# Choosing the better of two orders lifts luck above one half. So we do the same with the people mixed
# up: that is what chance gives.

# %%
from scipy.optimize import linear_sum_assignment


def agreement(a, b, n_tastes=2):
    """Share of films with the same taste, after each person's best permutation.

    a, b (n_users, n_films): which taste speaks -> (n_users,)"""
    shares = []
    for mine, theirs in zip(a, b, strict=True):
        counts = np.zeros((n_tastes, n_tastes))
        np.add.at(counts, (mine, theirs), 1)
        rows, columns = linear_sum_assignment(-counts)
        shares.append(counts[rows, columns].sum() / len(mine))
    return np.array(shares)


# %%
def who_speaks(model):
    """The taste that speaks for each user and item: (n_users, n_items)."""
    everybody = torch.arange(model.n_users)
    return model.of_catalogue(model.user_attention, everybody).argmax(1).numpy()


# %%
rng = np.random.default_rng(0)
same = []
for people, models in found:
    truth = people.truth
    logits = np.einsum("umd,id->umi", truth.user_attention, truth.item_factors)
    speaks = logits.argmax(1)  # (n_users, n_items): as planted
    for name in ("MixtureOfTastes", "GumbelTastes"):
        back = who_speaks(models[name])
        pairs = {"found": back, "people mixed up": back[rng.permutation(len(back))]}
        row = {k: agreement(speaks, v).mean() for k, v in pairs.items()}
        same.append({"model": name, **row})
same = pd.DataFrame(same).groupby("model", sort=False).mean()
print("For how many films the planted taste speaks, from 0 to 1:")
same.round(2)

# %% [markdown]
# Not perfect, and it cannot be: where both tastes say nearly the same of a film, nobody can tell which
# of them spoke. But the tastes are found. The method works *where there is something to find*.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## MovieLens, honestly
#
# Now real people. The settings were chosen on validation rows, for all three alike; three seeds tell
# how large the noise is. This is the one time that this page looks at the test part.

# %%
contenders = {
    "biases only": (rt.models.BiasedMF, {"dim": 0}),
    "BiasedMF": (rt.models.BiasedMF, {}),
    "two tastes": (rt.models.MixtureOfTastes, {}),
    "three tastes": (rt.models.MixtureOfTastes, {"n_tastes": 3}),
    "two tastes, Gumbel": (rt.models.GumbelTastes, {}),
}
runs, fitted = [], {}
for seed in range(page.pick(3, 2)):
    for name, (cls, chosen) in contenders.items():
        model = cls.for_dataset(page.train, seed=seed, **chosen)
        rt.fit(model, page.train, seed=seed, progress=False)
        error = rt.metrics.rmse(page.test.rating, rt.predict(model, page.test))
        runs.append({"model": name, "seed": seed, "RMSE (stars)": error})
        fitted[name, seed] = model

# %%
by_model = pd.DataFrame(runs).groupby("model", sort=False)["RMSE (stars)"]
table = pd.DataFrame({"RMSE (stars)": by_model.mean(), "between seeds": by_model.std(ddof=1)})
gain = table["RMSE (stars)"]["biases only"] - table["RMSE (stars)"]
table.assign(**{"gain over biases": gain}).map("{:.4f}".format)

# %%
lead = float(gain["two tastes"] - gain["BiasedMF"])
noise = float(np.hypot(*table["between seeds"][["two tastes", "BiasedMF"]]))
verdict = "better than" if lead > 2 * noise else "worse than" if lead < -2 * noise else "level with"
print(f"Two tastes against one vector: {lead:+.4f} stars, noise between seeds {noise:.4f}.")
print(f"The verdict: two tastes are {verdict} biased MF on {page.data.name}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise: how many tastes speak?
#
# **Entropy** tells how undecided the weights $w$ of a film are: $-\sum_m w_m \ln w_m$, in *nats*, the
# unit of natural logarithms. 0 if one taste speaks alone, $\ln 2 \approx 0.69$ if two speak alike.
# Write `entropy(w)` for an array `w` of shape (n, tastes): the mean over the rows. Mind weights that
# are exactly 0.
#
# <details><summary>Hint 1</summary>
#
# $0 \cdot \ln 0$ counts as 0, but NumPy says `nan`. `np.where(w > 0, w, 1.0)` inside of the logarithm
# helps, since $\ln 1 = 0$.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Sum over tastes, mean over rows: `.sum(-1).mean()`.
#
# </details>


# %% tags=["stub"]
def entropy(w):
    """w (n, tastes), rows sum to 1 -> one number, in nats."""
    return None  # your turn


# %% tags=["solution"]
def entropy(w):
    """w (n, tastes), rows sum to 1 -> one number, in nats."""
    return -(w * np.log(np.where(w > 0, w, 1.0))).sum(-1).mean()


# %%
ws.check("11.entropy", entropy)

# %%
planted_people, planted_models = found[0]
undecided = {
    "planted people": planted_models["MixtureOfTastes"].entropy(planted_people)["choice"],
    page.data.name: fitted["two tastes", 0].entropy(page.train)["choice"],
    "coin flip": np.log(2),
}
for name, nats in undecided.items():
    print(f"{name:>16}: {nats:.2f} nats")

# %% [markdown]
# On our data the choice of the taste is closer to a coin flip. A common reading would be that people
# have one taste. Careful: matrix factorisation had many axes to spend on "both or neither", and
# most people here have rated some dozens of films. All we may say is that *these ratings* do not need a
# second taste. Kula saw no gain on MovieLens either, and a clear one on sparser data of a shop.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# What are your own tastes? For one vector there was a formula (ridge regression on what you rated).
# Here there is none: the score is no straight line in your numbers. So you simply **take part in
# training**, as one more person.

# %%
me = page.data.user_vocab.ids.max() + 1  # a number that nobody has
rows = pd.DataFrame({"user": me, "item": list(page.me), "rating": list(page.me.values())})
ratings = pd.concat([page.train.ratings[["user", "item", "rating"]], rows])
with_me = rt.datasets.from_frame(ratings, items=page.data.items)
ours = []
for seed in (0, 1):
    model = rt.models.MixtureOfTastes.for_dataset(with_me, seed=seed)
    rt.fit(model, with_me, seed=seed, progress=False)
    ours.append(model)

# %% [markdown]
# Name a taste by films: those for which it speaks, the best liked on top. Only well-known films, so
# that their own vectors can be trusted.

# %%
model, you = ours[0], with_me.user_vocab.position(me)
known = with_me.counts("item") >= page.pick(50, 40)
speaks = who_speaks(model)  # (n_users, n_items)
liked = model.of_catalogue(model.user_tastes, torch.tensor([you]))[0].detach().numpy()
titles = with_me.items["title"].to_numpy()
my_tastes = {}
for m in range(model.n_tastes):
    films = np.flatnonzero(known & (speaks[you] == m))
    top = films[np.argsort(-liked[m, films], kind="stable")][:6]
    my_tastes[f"taste {m + 1}"] = pd.Series(titles[top])
print("Our sample person:" if page.me_is_sample else "You:")
pd.DataFrame(my_tastes).fillna("")

# %% [markdown]
# Tempting to find two words for these. First the question of page 03: **would it come out again?** We
# have the same model from another seed. For how many films does the same taste speak, permutation
# matched, and what is it with people mixed up?

# %%
again = who_speaks(ours[1])
stable = agreement(speaks[:, known], again[:, known])
chance = agreement(speaks[:, known], again[rng.permutation(len(again))][:, known]).mean()
count = with_me.counts("user")
edges = np.unique(np.quantile(count, [0, 0.2, 0.4, 0.6, 0.8, 1]).astype(int))
group = np.clip(np.digitize(count, edges) - 1, 0, len(edges) - 2)
by_count = [stable[group == g].mean() for g in range(len(edges) - 1)]

# %%
middle = [np.median(count[group == g]) for g in range(len(edges) - 1)]
fig, ax = plt.subplots()
ax.plot(middle, by_count, "o-", label="people, by number of ratings")
ax.axhline(chance, color=ws.PALETTE["vermilion"], linestyle="--", label="people mixed up")
label = "sample person" if page.me_is_sample else "you"
ax.plot(count[you], stable[you], "D", color=ws.PALETTE["black"], markersize=10, label=label)
ax.set(xscale="log", ylim=(0.45, 1.0), xlabel="ratings of a person (number)")
ax.set(ylabel="films with the same taste (share)", title="Do two tastes come out again?")
ax.set_xticks(middle, [f"{m:.0f}" for m in middle])
ax.minorticks_off()
ax.legend()
alt = f"Agreement between seeds: from {by_count[0]:.0%} to {by_count[-1]:.0%} with more ratings, "
ws.show(fig, alt=alt + f"against {chance:.0%} by chance; {label} at {stable[you]:.0%}.")

# %% [markdown]
# The line is a mean over hundreds of people; a single diamond may lie high or low by luck.

# %%
print(f"{len(page.me)} ratings: {stable[you]:.0%} of the films are told apart alike, where chance")
print(f"gives {chance:.0%}. With the most ratings it is {by_count[-1]:.0%}.")
enough = by_count[-1] > chance + 0.15
print(
    "Many ratings bring tastes back: with as many, yours would mean something."
    if enough
    else "Even people with hundreds of ratings hardly get their tastes back. Do not name yours."
)

# %% [markdown]
# This is what honest interpretation looks like here: the table above reads well, and the check says how
# much of it is an accident of the seed. Your recommendations do not suffer. Scores come out again,
# whichever taste speaks:

# %%
both = [m.score_items(rt.Batch(user=torch.tensor([you])))[0].detach().numpy() for m in ours]
alike = float(np.corrcoef(both[0][known], both[1][known])[0, 1])
print(f"Correlation of your scores from the two seeds: {alike:.2f}.")
ws.films(rt.recommend(model, with_me, user=me, k=5), ["title", "genres"])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * One vector must dislike the mirror image of what it likes; several tastes need not.
# * The softmax is over *tastes*, of one product each. With one taste it is biased MF, exactly.
# * Gumbel noise draws a taste by taking the largest; the gradient goes through the soft copy.
# * Tastes have no order: compare them up to permutation, and against chance.
# * Planted tastes are found. On MovieLens the second taste buys nothing, and does not come out again.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the MovieLens table: who has more than one taste? All hands go up. So why does the
# table not show it? Collect reasons: too few ratings, stars given after the choice, MF's spare axes.
# (5 minutes)
