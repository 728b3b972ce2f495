# ---
# minutes: 45
# needs: [06_evaluation]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # A mixture of tastes
#
# Give each person several tastes, let the film decide which of them speaks, and find out whether real
# ratings need more than one.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("11_mixture_of_tastes")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What one vector cannot say
#
# Somebody likes loud comedies, and also quiet, serious films. This person does not care for the other two
# combinations, quiet comedies and loud, serious films. Each film has two numbers, funny and loud. Which
# vector $p$ of two numbers describes the person?

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

kinds = ["funny and loud", "serious and quiet", "funny and quiet", "serious and loud"]
four_films = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])  # (4 films, 2 axes)
wanted = np.array([1.0, 1.0, 0.0, 0.0])  # stars above what the biases say
best_p = np.linalg.lstsq(four_films, wanted, rcond=None)[0]  # the least squared error
said_by_one = four_films @ best_p  # (4 films,)
pd.DataFrame({"wanted": wanted, "said by one vector": said_by_one.round(2)}, index=kinds)

# %% [markdown]
# The best vector predicts zero for all four films. This is no accident: $p \cdot (-q) = -(p \cdot q)$. So
# a person with only one vector who likes the film $q$ must dislike its mirror image $-q$ just as much.
# Matrix factorisation has one way out: a third axis, for films that are both funny and loud, or neither.
# But then every person and every film needs a number on this axis, and all of these must be learned.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Several tastes, and the film decides
#
# There is another way out: a **mixture of tastes**, with several vectors per person. Taste $m$ has a vector
# $U_m$ (what I like) and a vector $A_m$ (which films this taste is for). The film's vector $q$ is multiplied
# with both (Kula 2017):
#
# $$s = \mu + b_u + b_i + \sum_m w_m\,(U_m \cdot q), \qquad
# w = \mathrm{softmax}_m (A_m \cdot q)$$
#
# First there is one product for each taste, $A_m \cdot q$. Then a softmax **over the tastes** turns these
# products into weights: for each film, the weights of a person's tastes add up to 1.

# %% [markdown]
# ### Exercise: the weights
#
# Write `weights(A, q)`. `A` has the shape (B, tastes, d): for each of the B rows, the vectors $A_m$ of its
# user. `q` has the shape (B, d). The result has the shape (B, tastes). The model below is trained with
# your function.
#
# <details><summary>Hint 1</summary>
#
# `q[:, None]` has the shape (B, 1, d), so each film's vector is multiplied with every taste in its row.
# The product of two vectors is `(a * b).sum(-1)`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Sum over the numbers of the vectors (the last axis) first. The result has the shape (B, tastes), and
# `.softmax(-1)` of it is a softmax over tastes.
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
# It is easy to take the softmax over the wrong axis. In 2019 the tutorial `cemoody/simple_mf` took it
# over the $d$ numbers of the vectors, before summing them. The shapes fit, and the loss falls. But then
# each of the $d$ numbers gets one weight, the same for all tastes of a person. These weights cannot
# choose between tastes: the tastes just add up to a single vector whose numbers are reweighted.
#
# Now our person gets two tastes. Each taste speaks for the films that it likes.

# %%
speaks_for = ws.use("11.weights", weights)
my_U = torch.tensor([[0.5, 0.5], [-0.5, -0.5]])  # (2 tastes, 2 axes)
my_A = 6 * my_U


def mixture(q):
    """Weights of our person's tastes and the score, for films q (B, 2): (B, 2) and (B,)."""
    w = speaks_for(my_A.expand(len(q), 2, 2), q)
    return w, (w * (q @ my_U.T)).sum(-1)


w_four, said_by_two = mixture(torch.from_numpy(four_films).float())
columns = {"wanted": wanted, "weight of taste 1": w_four[:, 0], "said by two tastes": said_by_two}
pd.DataFrame({k: np.round(np.asarray(v), 2) for k, v in columns.items()}, index=kinds)

# %% [markdown]
# Here is the same thing, drawn as a map. Look where taste 1 speaks, and where taste 2 does. Each arrow is
# a taste's vector $U_m$: it points at the films that the taste likes.

# %% slideshow={"slide_type": "subslide"}
line = torch.linspace(-1.6, 1.6, 81)
grid = torch.cartesian_prod(line, line)  # (81 * 81 films, 2 axes)
fig, ax = plt.subplots(figsize=(7.5, 5))
share = mixture(grid)[0][:, 0].view(81, 81).T
image = ax.pcolormesh(line, line, share, cmap=ws.DIVERGING, vmin=0, vmax=1, alpha=0.6)
for m, (x, y) in enumerate(my_U.tolist(), start=1):
    ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "lw": 3})
    ax.text(x + 0.1, y - 0.2, f"taste {m}", fontsize=13)
for (x, y), name in zip(four_films, kinds, strict=True):
    ax.plot(x, y, "o", color="black")
    ax.text(x, y + 0.12, name, ha="center")
ax.set(xlabel="funny (axis 1)", ylabel="loud (axis 2)", title="The film decides which taste speaks")
fig.colorbar(image, label="weight of taste 1")
alt = "A map of films: taste 1 speaks for the upper right half, taste 2 for the lower left half."
ws.show(fig, alt=alt + " The other two films lie on the border, where both weights are a half.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model: biased MF and four lines
#
# The tables come from the library's class, and the equation is ours. The marked lines are new in comparison
# with `BiasedMF`.


# %%
class Tastes(rt.models.MixtureOfTastes):
    def forward(self, batch):
        user, item = batch.need("user", "item")
        q = self.item_factors[item]  # (B, dim)
        w = self.mixed(self.user_attention[user], q)  # NEW (B, tastes)
        liking = (self.user_tastes[user] * q[:, None]).sum(-1)  # NEW (B, tastes): U_m . q
        personal = (w * liking).sum(-1)  # NEW in place of p . q
        return self.mean + self.user_bias[user] + self.item_bias[item] + personal  # (B,)

    def mixed(self, A, q):
        return speaks_for(A, q)  # NEW your function


# %% [markdown]
# Two things to check. First, **with one taste the model is biased MF**, since the softmax of a single number
# is 1. Second, our class computes what the library's class does. (With the same seed both start from the same
# numbers. The tastes of a person start with *different* numbers: equal ones would get equal gradients and stay
# equal for ever.)

# %%
batch = next(iter(page.valid.batches(batch_size=500)))
plain = rt.models.BiasedMF.for_dataset(page.train, dim=8, seed=1)
single = Tastes.for_dataset(page.train, dim=8, n_tastes=1, seed=1)
gap_mf = float((single(batch) - plain(batch)).abs().max().detach())

library = rt.models.MixtureOfTastes.for_dataset(page.train, n_tastes=3, seed=1)
ours = Tastes.for_dataset(page.train, n_tastes=3, seed=1)
gap_library = float((ours(batch) - library(batch)).abs().max().detach())
print(f"Largest difference from MF: {gap_mf:.0e} stars, from the library: {gap_library:.0e} stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One taste per film
#
# Weights like 0.6 and 0.4 are hard to talk about: which taste was it? If exactly *one* taste spoke for each
# film, a person's films would fall into groups that we can name. But "take the largest" has no gradient.
# **Gumbel-softmax** avoids the problem in two steps.
#
# 1. In training, *draw* the taste at random, with the probabilities of the softmax. There is a trick for
#    this: add noise $g = -\ln(-\ln u)$, with $u$ uniform between 0 and 1, to each $a_m = A_m \cdot q$, and
#    take the largest sum. This noise is called **Gumbel noise**.
# 2. The score uses the drawn taste. The gradient uses a soft copy, $\mathrm{softmax}((a + g)/\tau)$. The
#    temperature $\tau$ falls during training, so that the soft copy comes closer to the hard choice.
#
# After training nothing is drawn: the taste with the largest product speaks.

# %% [markdown]
# ### Exercise: draw by taking the largest
#
# Write `draw(logits, u)`, for two tensors of the shape (n, tastes). Return one taste for each row: integers
# of the shape (n,). *Logits* are the numbers that go into a softmax, and `u` are the uniform numbers. The
# hard model below draws with your function.
#
# <details><summary>Hint 1</summary>
#
# Two logarithms, two minus signs: `-torch.log(-torch.log(u))`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Add the noise to the logits themselves. If you add it to their softmax, all tastes come out almost equally
# often, and nothing crashes.
#
# </details>


# %% tags=["stub"]
def draw(logits, u):
    """logits (n, tastes), u (n, tastes) uniform -> (n,) integers."""
    return None  # your turn


# %% tags=["solution"]
def draw(logits, u):
    """logits (n, tastes), u (n, tastes) uniform -> (n,) integers."""
    return (logits - torch.log(-torch.log(u))).argmax(-1)


# %%
ws.check("11.draw", draw)

# %%
from torch.nn.functional import one_hot

drawn = ws.use("11.draw", draw)


class Hard(rt.models.GumbelTastes, Tastes):
    def mixed(self, A, q):
        a = (A * q[:, None]).sum(-1)  # (B, tastes)
        if not self.training:
            return one_hot(a.argmax(-1), self.n_tastes)  # NEW the largest speaks
        u = torch.rand(a.shape, generator=self.generator)
        hard = one_hot(drawn(a, u), self.n_tastes)  # NEW for the score: your function
        soft = ((a - torch.log(-torch.log(u))) / self.temperature).softmax(-1)  # NEW for gradients
        return hard + soft - soft.detach()  # NEW the value of one, the slope of the other


# %%
ours = Hard.for_dataset(page.train, n_tastes=3, seed=1)
library = rt.models.GumbelTastes.for_dataset(page.train, n_tastes=3, seed=1)
gap_hard = float((ours(batch) - library(batch)).abs().max().detach())
print(f"Largest difference from the library, with the same noise: {gap_hard:.0e} stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Can it find tastes that are there?
#
# Before we believe the model on real people, we try it on people whose tastes we know. We *plant* two
# tastes per person, each for different films. We compare three models: biased MF, the soft mixture and the
# hard one. We train each of them twice, once with each of two penalties, and keep the penalty with the
# smaller error on validation rows. Then the test rows decide. Two planted worlds show how much depends on
# luck.

# %%
settings = {
    rt.models.BiasedMF: {"dim": 16},
    Tastes: {"dim": 4},
    Hard: {"dim": 4},
}


def chosen(cls, train, valid):
    """The fitted model whose penalty gives the smaller error on validation rows."""
    models = [cls.for_dataset(train, l2=l2, **settings[cls]) for l2 in (0.01, 0.03)]
    for model in models:
        print("▮", end="")  # one per training
        rt.fit(model, train, epochs=60, lr=0.1, batch_size=1024, progress=False)
    errors = [rt.metrics.rmse(valid.rating, rt.predict(model, valid)) for model in models]
    return models[int(np.argmin(errors))]


# %%
world = {"n_users": 300, "n_items": 300, "n_ratings": 36_000, "dim": 4, "noise": 0.3}
world |= {"signal": 1.2, "selection": 0.5, "whole_stars": False}
planted_error, found = [], []
for seed in range(page.pick(2, 1)):
    print(f"world {seed}, six trainings", end=" ")
    people = rt.datasets.planted(**world, n_tastes=2, seed=seed)
    train, valid, test = people.split(seed=seed)
    models = {cls.__name__: chosen(cls, train, valid) for cls in settings}
    errors = {name: rt.metrics.rmse(test.rating, rt.predict(m, test)) for name, m in models.items()}
    planted_error.append(errors)
    found.append((people, models))
    print()
    for name in ("Tastes", "Hard"):
        against = rt.compare(models[name], models["BiasedMF"], test, train=train, metric="rmse")
        print(f"world {seed}, {name} against BiasedMF, {against}")
pd.DataFrame(planted_error).rename_axis("world").round(3)

# %% [markdown]
# Where people have two tastes, the soft mixture (`Tastes`) makes a smaller error than one vector, and the
# intervals are far from zero. The hard mixture (`Hard`) pays for choosing one taste per film: its error
# can't be told apart from that of one vector.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Are they the *same* tastes?
#
# A smaller error is no proof that the model found what we planted. So we ask, for each person and film:
# does the same taste speak in the model as in the planted data? The order of tastes has no meaning: what
# we planted as the first may come back as the second. So for each person we first look for the
# **permutation** (the order) that fits best, and *then* count. (With many tastes this is the assignment
# problem, which SciPy solves.)
#
# When we choose the better of two orders, even a random guess agrees on more than half of the films on
# average. So we repeat the count after shuffling the people: the result is what chance alone gives.

# %%
from scipy.optimize import linear_sum_assignment


def agreement(a, b, where=None, n_tastes=2):
    """Share of films with the same taste, after each person's best permutation: (n_users,).

    a, b (n_users, n_films): which taste speaks; where (n_users, n_films): the films that count
    """
    shares = []
    for u in range(len(a)):
        some = slice(None) if where is None else where[u]
        counts = np.zeros((n_tastes, n_tastes))
        np.add.at(counts, (a[u][some], b[u][some]), 1)
        best = counts[linear_sum_assignment(-counts)]
        shares.append(best.sum() / max(counts.sum(), 1))
    return np.array(shares)


# %%
def who_speaks(model):
    """The taste that speaks for each user and item: (n_users, n_items)."""
    everybody = torch.arange(model.n_users)
    return model.of_catalogue(model.user_attention, everybody).argmax(1).numpy()


# %%
same = {}
for name in ("Tastes", "Hard"):
    rows = []
    for people, models in found:
        truth = people.truth
        logits = np.einsum("umd,id->umi", truth.user_attention, truth.item_factors)
        planted, back = logits.argmax(1), who_speaks(models[name])  # (n_users, n_items)
        sure = np.abs(logits[:, 0] - logits[:, 1]) > 3  # one taste has a weight above 0.95
        mixed = back[np.random.default_rng(0).permutation(len(back))]
        shares = [agreement(planted, back), agreement(planted, mixed)]
        rows.append([*shares, agreement(planted, back, sure), agreement(planted, mixed, sure)])
    same[name] = np.concatenate(rows, axis=1)  # (4, n_users of all worlds)

# %%
print("Share of films for which the planted taste speaks (in brackets: 95% interval over people)")
for name, (back, chance, sure, sure_chance) in same.items():
    lead = rt.interpret.mean_interval(back - chance)
    print(f"{name:>7}: {back.mean():.2f}, people shuffled {chance.mean():.2f},", end=" ")
    print(f"difference {lead.value:+.3f} ({lead.low:+.3f} to {lead.high:+.3f})")
    print(f"{'':>9}where one taste clearly speaks: {sure.mean():.2f},", end=" ")
    print(f"people shuffled {sure_chance.mean():.2f}")

# %% [markdown]
# The models find more of the planted tastes than chance does, and the interval is far from zero. They do
# not find all of them. Where both tastes speak nearly equally for a film, nobody can tell which one spoke.
# Among the films that clearly belong to one taste, the agreement is higher.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## MovieLens, honestly
#
# Now real people. The settings of all models were chosen on validation rows. Each model is trained with
# three seeds. This is the one time that the page looks at the test part.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the MovieLens table: who has more than one taste? All hands go up. So why does the
# table not show it? Collect reasons: there are too few ratings, people rate only films that they chose
# to see, and MF has axes to spare. (5 minutes)

# %%
contenders = {
    "biases only": (rt.models.BiasedMF, {"dim": 0}),
    "BiasedMF": (rt.models.BiasedMF, {}),
    "two tastes": (Tastes, {}),
    "three tastes": (Tastes, {"n_tastes": 3}),
    "two tastes, one speaks": (Hard, {}),
}
fitted, seeds = {}, range(page.pick(3, 2))
for number, (name, (cls, given)) in enumerate(contenders.items(), start=1):
    print(f"\n{number} of {len(contenders)}, {name:<23}", end="")
    for seed in seeds:
        print("▮", end="")  # one per training
        fitted[name, seed] = cls.for_dataset(page.train, seed=seed, **given)
        rt.fit(fitted[name, seed], page.train, seed=seed, progress=False)

# %%
stars = page.test.rating
runs = {k: rt.metrics.rmse(stars, rt.predict(m, page.test)) for k, m in fitted.items()}
of_seeds = pd.Series(runs).unstack()[list(seeds)].loc[list(contenders)]  # (models, seeds)
print("RMSE on test rows, in stars")
of_seeds.assign(mean=of_seeds.mean(axis=1)).rename_axis("seed", axis=1).round(4)

# %%
verdicts = {}
for name in list(contenders)[2:]:
    each = [
        rt.compare(
            fitted[name, s], fitted["BiasedMF", s], page.test, train=page.train, metric="rmse"
        )
        for s in seeds
    ]
    better, worse = sum(e.high < 0 for e in each), sum(e.low > 0 for e in each)
    verdicts[name] = "better" if better > 1 else "worse" if worse > 1 else "not told apart"
    one = each[0]
    print(f"{name:>22} minus BiasedMF: {one.difference:+.4f} ({one.low:+.4f} to {one.high:+.4f}),")
    print(f"{'':>22} with {len(seeds)} seeds: {verdicts[name]}")

# %% [markdown]
# The intervals printed above are over users, and come from the first seed. We call a model "better"
# ("worse") if its interval lies entirely below (above) zero for at least two seeds. On MovieLens a second
# taste gains nothing that we can see. Kula's own numbers on MovieLens agree: added to matrix
# factorisation, the mixture brought no clear gain. Added to a model that reads *sequences* of films, it
# raised MRR (page 06) by about ten per cent. So "no gain here" is a statement about this data and model.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How many tastes speak?
#
# Can we at least read from the model how many tastes are at work? **Entropy** says how undecided the
# weights $w$ of a film are: $-\sum_m w_m \ln w_m$, in *nats*, the unit of natural logarithms. It is 0 if
# one taste has all the weight, and $\ln 2 \approx 0.69$ if two tastes have equal weights.

# %% [markdown]
# ### Exercise: entropy
#
# Write `entropy(w)` for an array `w` of the shape (n, tastes). Each row has an entropy: return the mean
# over the rows. Mind weights that are exactly 0. The next cells measure with your function.
#
# <details><summary>Hint 1</summary>
#
# $0 \cdot \ln 0$ counts as 0, but NumPy says `nan`. `np.where(w > 0, w, 1.0)` inside the logarithm
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

# %% [markdown]
# It is tempting to measure the entropy on MovieLens and on the planted people, and to compare. But the penalty
# changes the entropy as well. So we train with the *same* settings on three data sets: planted people with
# two tastes, planted people with one taste, and MovieLens. And we do it at two strengths of the penalty.

# %%
nats = ws.use("11.entropy", entropy)
data_sets = {
    "planted, two tastes": found[0][0].split(seed=0),
    "planted, one taste": rt.datasets.planted(**world, n_tastes=1, seed=0).split(seed=0),
    page.data.name: (page.train, page.valid, page.test),
}

# %%
undecided, held_out = {}, {}
for name, (train, valid, _) in data_sets.items():
    for l2 in (0.01, 0.06):
        print(f"{name}, l2 = {l2}", end=" ... ")
        model = Tastes.for_dataset(train, l2=l2)
        rt.fit(model, train, progress=False)
        w = model.mixed(model.user_attention[train.user], model.item_factors[train.item])
        undecided[name, f"l2 = {l2}"] = float(nats(w.detach().double().numpy()))
        held_out[name, f"l2 = {l2}"] = rt.metrics.rmse(valid.rating, rt.predict(model, valid))
print("done\nentropy in nats; two tastes of equal weight have 0.69")
pd.Series(undecided).unstack(sort=False).round(2)

# %%
print("RMSE on validation rows, in stars")
pd.Series(held_out).unstack(sort=False).round(3)

# %% [markdown]
# For planted people with one taste there is nothing for the film to decide. So we hoped that entropy
# would be lower for those with two, each for different films. With the weak penalty this is so,
# and MovieLens lies between the two. With the strong penalty this order is gone: now MovieLens has the
# lowest entropy. The second table says why. With the strong penalty the models of the planted people
# have learned little, and their two tastes are alike because both are almost zero. So entropy describes
# the fitted model with its penalty. It does not tell us how many tastes people have.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# What are your own tastes? On page 04, where each person had one vector, we computed your vector by a
# formula (a ridge regression on your ratings). Here there is no such formula, because the score is not
# linear in the vectors of your tastes. So you simply **take part in training**, as one more person.

# %%
me = page.data.user_vocab.ids.max() + 1  # a number that nobody has
mine = pd.DataFrame({"user": me, "item": list(page.me), "rating": list(page.me.values())})
ratings = pd.concat([page.train.ratings[["user", "item", "rating"]], mine])
with_me = rt.datasets.from_frame(ratings, items=page.data.items)
two_runs = []
for seed in (0, 1):
    print(f"seed {seed}", end=" ... ")
    model = rt.models.MixtureOfTastes.for_dataset(with_me, seed=seed)
    rt.fit(model, with_me, seed=seed, progress=False)
    two_runs.append(model)
print("done")

# %% [markdown]
# We describe each of your tastes by the films for which it speaks, with those that it likes best on top. Only
# well-known films count, so that we can trust their vectors.

# %%
model, you = two_runs[0], with_me.user_vocab.position(me)
known = with_me.counts("item") >= page.pick(50, 40)
speaks = who_speaks(model)  # (n_users, n_items)
liked = model.of_catalogue(model.user_tastes, torch.tensor([you]))[0].detach().numpy()
titles = with_me.items["title"].to_numpy()
my_tastes = {}
for m in range(model.n_tastes):
    of_taste = np.flatnonzero(known & (speaks[you] == m))
    top = of_taste[np.argsort(-liked[m, of_taste], kind="stable")][:6]
    my_tastes[f"taste {m + 1}"] = pd.Series(titles[top])
print("Our sample person:" if page.me_is_sample else "You:")
ws.films(pd.DataFrame(my_tastes).fillna(""))

# %% [markdown]
# It is tempting to give each taste a name. First ask the question of page 03: **would we find the same
# tastes again?** We trained the same model with two seeds. For what share of the films does the same taste
# speak in both runs? And how large is that share when we shuffle the people?

# %%
again = who_speaks(two_runs[1])
stable = agreement(speaks[:, known], again[:, known])  # (n_users,)
mixed_up = again[np.random.default_rng(0).permutation(len(again))]
by_chance = agreement(speaks[:, known], mixed_up[:, known])
count = with_me.counts("user")
fifths = np.array_split(np.argsort(count, kind="stable"), 5)  # people by number of ratings
groups = [rt.interpret.mean_interval(stable[g]) for g in fifths]
chance = rt.interpret.mean_interval(by_chance)
lead = rt.interpret.mean_interval((stable - by_chance)[fifths[-1]])  # the busiest people

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
middle = [np.median(count[g]) for g in fifths]
value, low, high = np.array([g[:3] for g in groups]).T
ax.errorbar(middle, value, yerr=[value - low, high - value], fmt="o-", capsize=4, label="people")
ax.axhline(chance.value, color=ws.PALETTE["vermilion"], linestyle="--", label="people shuffled")
label = "sample person" if page.me_is_sample else "you"
ax.plot(count[you], stable[you], "D", color=ws.PALETTE["black"], markersize=10, label=label)
ax.set(xscale="log", ylim=(0.45, 1.0), xlabel="ratings per person")
ax.set(ylabel="films with the same taste (share)")
ax.set(title="Do two seeds find the same tastes? (95% intervals over people)")
ax.set_xticks(middle, [f"{m:.0f}" for m in middle])
ax.minorticks_off()
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
alt = f"Agreement between seeds: {value[0]:.0%} for people with few ratings, {value[-1]:.0%} with many,"
ws.show(fig, alt=alt + f" {chance.value:.0%} by chance; {label}: {stable[you]:.0%}.")

# %%
way = lead.value / (1 - chance.value)  # from chance to "always the same"
apart = "more than by chance" if lead.low > 0 else "not told apart from chance"
print(f"The busiest fifth: {value[-1]:.0%} of films get the same taste from both seeds, {apart}:")
print(f"{lead.value:+.3f} ({lead.low:+.3f} to {lead.high:+.3f}). That is {way:.0%} of the way from")
print("chance to tastes that are always the same.")
print(f"{label}: {stable[you]:.0%}. A single person may be high or low by luck.")

# %% [markdown]
# So don't name your tastes: most of what the table shows is an accident of the seed, however plausible it
# looks. Your recommendations do not suffer from this. The scores from the two seeds agree well, whichever
# taste speaks:

# %%
both = [m.score_items(rt.Batch(user=torch.tensor([you])))[0].detach().numpy() for m in two_runs]
alike = float(np.corrcoef(both[0][known], both[1][known])[0, 1])
print(f"Correlation of your scores from the two seeds: {alike:.2f}.")
ws.films(rt.recommend(model, with_me, user=me, k=5), ["title", "genres"])

# %% [markdown]
# **Your turn.** Plant a harder world: set `n_ratings` to 9,000, a quarter of what it was. First guess two
# numbers: the gain of `Tastes` over `BiasedMF`, and the share of films for which the planted taste speaks.
# Then run the two cells of "Can it find tastes that are there?" and those of "Are they the *same* tastes?",
# and look.
#
# A last question, without a check. A family shares one account. To tell the members of the family apart, a
# mixture of tastes would need to know something that is not in the table of ratings. What?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * One vector must dislike the mirror image of what it likes. Several tastes need not.
# * The softmax runs over the *tastes*, and each taste gives one product. With one taste the model is biased MF, exactly.
# * To draw a taste, add Gumbel noise to the products and take the largest sum. The gradient goes through
#   a soft copy.
# * Tastes have no order: find the best permutation before you compare them, and see how well chance does.
# * Where two tastes were planted, the soft mixture has a smaller error than one vector, and finds a good
#   part of these tastes. On MovieLens the model with two tastes can't be told apart from the model with
#   one, and another seed hardly finds the same tastes again.
# * Entropy depends on the penalty. Compare it only between models with the same penalty.
#
# **To read on**
#
# * M. Kula, "Mixture-of-tastes models for representing users with diverse interests", arXiv,
#   2017: the model, and the two results on MovieLens that we quoted.
# * E. Jang, S. Gu and B. Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017: the soft
#   copy and its temperature.
# * J. Weston, R. Weiss and H. Yee, "Nonlinear latent factorization by embedding multiple user interests",
#   RecSys 2013: several vectors per person, of which the best one speaks.
