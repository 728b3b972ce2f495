# ---
# minutes: 40
# needs: [02_mf_follow_along]
# knows: "what a normal distribution is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Variational matrix factorisation
#
# Let the model say how sure it is, check that it is right about that, and use it to try out new
# films without losing your visitors.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("13_variational_mf")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same number of stars, and not the same
#
# We train at once: a model that knows how sure it is. It takes a few seconds, and it is the subject
# of this page. Then we ask what it expects you to think of two films.

# %%
import numpy as np
import pandas as pd
import torch

model = rt.models.VariationalMF.for_dataset(page.train, dim=page.pick(16, 4))
history = rt.fit(model, page.train, page.valid, progress=False)

# %%
titles = page.data.items["title"].to_numpy()
count = page.train.counts("item")  # training ratings of each film
rated = torch.tensor([page.data.item_vocab.position(i) for i in page.me])
stars = torch.tensor(list(page.me.values()))
you = model.belief_from(rated, stars)  # what your ratings tell of you

# %%
everything = torch.arange(page.data.n_items)
score, covariance = model.expect(you, everything)
sd = covariance.diagonal().sqrt()  # stars, for each film
known = count >= page.pick(150, 60)  # films that many have rated
few = (count > 0) & (count <= page.pick(5, 40))
unsure = int(np.flatnonzero(few)[score[few].argmax()])
sure = int(np.flatnonzero(known)[abs(score - score[unsure])[known].argmin()])
print("Our sample person:" if page.me_is_sample else "You:")
for film in (sure, unsure):
    print(f"{score[film]:.1f} ± {sd[film]:.2f} stars: {titles[film]}, rated {count[film]} times")

# %% [markdown]
# Biased matrix factorisation would show the two numbers before the ±, nearly the same. But one film
# has been seen by many, and of the other little is known. A shop should treat them differently. So
# where does the number behind the ± come from, and can we trust it?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A distribution in place of each number
#
# Until now a user was a list of numbers. Now each of these numbers is a **normal distribution**: a
# mean $m$, our best guess, and a variance $v$, how far off it may be. The same for films and for
# all biases. So each table gets a second one of the same shape. We take all these numbers as
# independent; that is not quite so, but it keeps the sums simple.
#
# A rating scatters too: ask the same person twice and you may get two answers. That is noise, with
# a variance $\sigma^2$ of its own, which is learned as well.
#
# $$r_{ui} \sim N(\mu + b_u + b_i + p_u \cdot q_i,\ \sigma^2)$$
#
# What is the variance of a score? Biases are simple: variances of independent numbers add up. The
# product needs a moment of thought.

# %% [markdown]
# ### Exercise: the variance of a product
#
# $p$ has the mean $m_p$ and the variance $v_p$, $q$ has $m_q$ and $v_q$, and they are independent.
# Write `variance_of_product(m_p, v_p, m_q, v_q)`: the variance of $p\,q$.
#
# <details><summary>Hint 1</summary>
#
# The variance of anything is the mean of its square, less the square of its mean. The mean of $p^2$
# is $m_p^2 + v_p$.
#
# </details>
# <details><summary>Hint 2</summary>
#
# $(m_p^2 + v_p)(m_q^2 + v_q) - m_p^2 m_q^2$. Three terms remain.
#
# </details>


# %% tags=["stub"]
def variance_of_product(m_p, v_p, m_q, v_q):
    """Four numbers -> the variance of p q."""
    return None  # your turn


# %% tags=["solution"]
def variance_of_product(m_p, v_p, m_q, v_q):
    """Four numbers -> the variance of p q."""
    return m_p**2 * v_q + v_p * m_q**2 + v_p * v_q


# %%
ws.check("13.variance_of_product", variance_of_product)

# %% [markdown]
# Not sure? Draw a million of them and look. With deep models one often has no formula, and drawing
# is all there is.

# %%
rng = np.random.default_rng(0)
p_drawn = rng.normal(2.0, np.sqrt(0.3), 1_000_000)  # mean 2, variance 0.3
q_drawn = rng.normal(-1.0, np.sqrt(0.2), 1_000_000)
mine = variance_of_product(2.0, 0.3, -1.0, 0.2)
mine = mine if mine is None else round(mine, 2)
print(f"drawn: {np.var(p_drawn * q_drawn):.2f}; by your formula: {mine}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model: biased MF and a few lines
#
# Here is the model with what is new. In training it *draws* each score from its distribution, anew
# for each row of a batch. So a number that is uncertain makes its scores jump about, and pays for
# it in errors. At evaluation nothing is drawn: the same question gets the same answer.

# %%
from collections import namedtuple

Belief = namedtuple("Belief", ["score", "variance"])


class Uncertain(rt.models.BiasedMF):
    def add_variances(self):
        for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
            start = torch.full_like(getattr(self, name), -4.0)  # NEW small: e^-4 = 0.02
            setattr(self, name + "_logvar", torch.nn.Parameter(start))  # NEW ln v
        self.log_noise = torch.nn.Parameter(torch.zeros(()))  # NEW ln sigma^2
        return self

    def pair(self, name, who):
        return getattr(self, name)[who], getattr(self, name + "_logvar")[who].exp()  # NEW m, v


# %%
class Drawing(Uncertain):
    def forward(self, batch):
        user, item = batch.need("user", "item")
        (p, v_p), (q, v_q) = self.pair("user_factors", user), self.pair("item_factors", item)
        (b_u, v_u), (b_i, v_i) = self.pair("user_bias", user), self.pair("item_bias", item)
        score = self.mean + (p * q).sum(-1) + b_u + b_i  # as ever
        unknown = (p**2 * v_q + v_p * q**2 + v_p * v_q).sum(-1) + v_u + v_i  # NEW
        noise = self.log_noise.exp()  # NEW
        if self.training:
            drawn = torch.randn(score.shape, generator=self.generator)  # NEW one a row
            return Belief(score + unknown.sqrt() * drawn, noise)  # NEW
        return Belief(score, unknown + noise)  # NEW


# %% [markdown] slideshow={"slide_type": "slide"}
# ## What is minimised
#
# With a distribution in place of a score, squared error is no longer enough: it does not care how
# sure the model was. The **negative log-likelihood** does. For a rating $r$, a score $s$ and a
# variance $v$ it is
#
# $$-\ln N(r \mid s, v) = \frac{(r - s)^2}{2v} + \frac12 \ln 2 \pi v .$$
#
# Too small a $v$, and an error costs dearly; too large a $v$, and the second term does.
#
# But one thing is missing. Scores that do not jump fit the ratings best. So all variances would
# shrink to zero, and we would be back where we were. What holds against it is the **prior**: what
# we believed before we saw a rating, $N(0, \tau^2)$. To know more than that must be paid for. The
# price is a distance between two distributions, the Kullback-Leibler divergence. Like the likelihood
# it is measured in *nats*, the unit of natural logarithms:
#
# $$\mathrm{KL} = \tfrac12 \left( \frac{m^2 + v}{\tau^2} - 1 - \ln \frac{v}{\tau^2} \right)$$
#
# It is 0 where mean and variance are still the prior's, and grows as a number moves away from 0 or
# becomes certain. The sum of both parts, over all ratings and all numbers, is called the negative
# **ELBO** (evidence lower bound). To make it small is to fit the ratings while claiming no more
# knowledge than they pay for:
#
# $$-\mathrm{ELBO} = \sum_{\text{ratings}} -\ln N(r \mid s, \sigma^2) \;+\; \sum_{\text{numbers}} \mathrm{KL}$$

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The scale is everything
#
# Our loss is a *mean* over the $N$ ratings, so the whole ELBO is divided by $N$: mean of the
# likelihood, plus $\mathrm{KL} / N$. In a batch there is no need to go through all tables. A user
# with $n_u$ ratings is met $n_u$ times per epoch. If each time they pay $1/n_u$ of their KL,
# they have paid once.


# %% tags=["long"]
class Variational(Drawing):
    def set_priors(self, of_factors, of_user_bias, of_item_bias):
        self.priors = of_factors, of_user_bias, of_item_bias  # ln tau^2 of each
        return self

    def penalty(self, batch):
        user, item = batch.need("user", "item")
        factors, user_bias, item_bias = self.priors
        total = 0.0
        for who, side, bias in ((user, "user", user_bias), (item, "item", item_bias)):
            kl = 0.0
            for name, prior in ((side + "_factors", factors), (side + "_bias", bias)):
                m, v = self.pair(name, who)
                each = 0.5 * ((m**2 + v) / prior.exp() - 1 - v.log() + prior)  # NEW
                kl = kl + each.reshape(len(who), -1).sum(1)  # NEW of each row of the batch
            n = getattr(self, side + "_count")[who]
            total = total + (kl / n).mean()  # NEW each row pays its share
        return total


# %% [markdown]
# Is this what the library has? We give ours the library's numbers and compare variances and KL.

# %%
ours = Variational.for_dataset(page.train, dim=model.dim).add_variances()
names = {"user_factors_logvar": "user_logvar", "item_factors_logvar": "item_logvar"}
with torch.no_grad():
    for name, table in ours.named_parameters():
        table.copy_(getattr(model, names.get(name, name)))
ours.set_priors(model.factor_prior, *model.bias_prior.detach())
batch = next(iter(page.train.batches(batch_size=1_000)))
with torch.no_grad():
    gap = float((ours.eval()(batch).variance - model(batch).variance).abs().max())
    kl_gap = float(abs(ours.penalty(batch) / model.penalty(batch) - 1))
print(f"Largest difference of variances: {gap:.0e} stars²; of the KL: {kl_gap:.0e} of it.")

# %% [markdown]
# Now the experiment. A well-known tutorial once added the KL of the *whole table* to each batch's
# mean loss, which is $N$ times too much. In an earlier version it was multiplied by $10^{-10}$,
# which is nothing. Let us see what wrong scales do, on validation rows. For each scale we look at
# two things: the error, and how many ratings lie in the interval that should hold 90 % of them.


# %%
def beliefs(model, data):
    """Score and standard deviation (stars) for each row of `data`, as arrays."""
    with torch.no_grad():
        score, variance = model(next(iter(data.batches(batch_size=len(data)))))
    return score.numpy(), variance.sqrt().numpy()


# %%
scales = [0.01, 0.1, 1.0, 10.0, 100.0, float(len(page.train))]
rmse, inside = [], []
for scale in scales:
    wrong = rt.models.VariationalMF.for_dataset(page.train, dim=model.dim, kl=scale)
    rt.fit(wrong, page.train, progress=False)
    s, width = beliefs(wrong, page.valid)
    rmse.append(rt.metrics.rmse(page.valid.rating, s.clip(*page.data.scale)))
    near = abs(page.valid.rating - s) < 1.645 * width  # 90 % of a normal distribution
    inside.append(float(near.mean()))

# %% slideshow={"slide_type": "subslide"} tags=["long"]
import matplotlib.pyplot as plt

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
left.semilogx(scales, rmse, "o-", color=ws.PALETTE["blue"])
left.set(ylabel="RMSE (stars)", title="Error")
right.semilogx(scales, inside, "s-", color=ws.PALETTE["vermilion"])
right.axhline(0.9, color="black", lw=1, ls="--")
right.text(scales[-1], 0.88, "promised: 0.9", ha="right", va="top")
right.set(ylabel="share inside", ylim=(0, 1), title="Ratings inside of the 90 % interval")
for ax in (left, right):
    ax.axvline(1, color="grey", lw=1, ls=":")
    ax.set_xlabel("KL multiplied by (1 is right)")
best = scales[int(np.argmin(rmse))]
alt = (
    f"Error and share inside against the scale of the KL. The error is least at {best:g}; "
    f"at 0.01 only {inside[0]:.0%} of the ratings are inside."
)
ws.show(fig, alt=alt)

# %%
base = rt.models.BiasedMF.for_dataset(page.train, dim=0)
rt.fit(base, page.train, progress=False)
plain = rt.metrics.rmse(page.valid.rating, rt.predict(base, page.valid))
print(f"Biases only: {plain:.3f} stars. With the right scale: {rmse[2]:.3f}.")
print(f"A hundredth of it: {rmse[0]:.3f} stars, and {inside[0]:.0%} inside where 90 % should be.")
print(f"The whole KL, undivided: {rmse[-1]:.3f} stars. Nothing has been learned.")

# %% [markdown]
# Too little KL: the model learns the noise by heart and is sure of it. Too much: it dares to learn
# nothing, and its interval is right only since it is as wide as all ratings.
#
# The prior's width is a choice too. With variance 1 for each of 16 numbers a product would have the
# variance 16, on a scale of five stars. The library counts what biases leave unexplained and gives
# about a third of that to tastes (`prior=0.3`, chosen on validation rows); the rest is noise. And
# one trap: users and films without any rating are in no batch, so they would keep their small first
# variance and look *most* certain of all. After training they get the prior.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does it know what it does not know?
#
# A model that says ±1 star can be checked. If its intervals are right, an interval for 90 % holds
# 90 % of ratings that it has not seen. This is **calibration**.

# %% [markdown]
# ### Exercise: how many are inside
#
# Write `coverage(rating, score, sd, z)`: the share of ratings that are less than `z` standard
# deviations away from the score. (A normal distribution has 90 % within $z = 1.645$.)
#
# <details><summary>Hint</summary>
#
# `abs(rating - score)` is how far off; compare it with `z * sd` for each row, then take the mean.
#
# </details>


# %% tags=["stub"]
def coverage(rating, score, sd, z):
    """Arrays (n,), (n,), (n,) and a number -> a share from 0 to 1."""
    return None  # your turn


# %% tags=["solution"]
def coverage(rating, score, sd, z):
    """Arrays (n,), (n,), (n,) and a number -> a share from 0 to 1."""
    return float((abs(rating - score) < z * sd).mean())


# %%
ws.check("13.coverage", coverage)

# %% [markdown]
# We ask for intervals from 10 % to 95 %, and for people with few and with many ratings apart: an
# average can hide that one group gets promises which are not kept.

# %%
import itertools
from statistics import NormalDist

levels = np.array([0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
z = np.array([NormalDist().inv_cdf(0.5 + level / 2) for level in levels])
s, width = beliefs(model, page.valid)
off = abs(page.valid.rating - s) / width  # in standard deviations
n = page.train.counts("user")[page.valid.user]
edges = page.pick([0, 50, 150, 1_000], [0, 30, 60, 1_000])
groups = {
    f"people with {low} to {high - 1} ratings": (n >= low) & (n < high)
    for low, high in itertools.pairwise(edges)
}
held = {name: [float((off[rows] < one).mean()) for one in z] for name, rows in groups.items()}

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots(figsize=(6, 5))
ax.plot([0, 1], [0, 1], color="black", lw=1, ls="--", label="as promised")
for (name, shares), style in zip(held.items(), ("o-", "s-", "^-"), strict=True):
    ax.plot(levels, shares, style, label=name)
ax.set(xlabel="promised share", ylabel="share of ratings inside")
ax.set_title("Are the intervals right?")
ax.legend()
worst = max(abs(np.array(shares) - levels).max() for shares in held.values())
alt = f"Share inside against promised share for three groups of people: at most {worst:.2f} apart."
ws.show(fig, alt=alt)

# %% [markdown]
# The curves stay near the line, for all groups. They need not be on it: ratings are whole stars
# from 1 to 5, no normal distribution.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Uncertainty falls with ratings
#
# The model should be less sure of people who have rated little. We make such people, as on page 08:
# a tenth of the users and of the films lose all but a few of their training ratings, and the rows
# to be predicted stay the same. Then we compare what the model *says* (its standard deviation) with
# how wrong it *is* (its error).

# %%
from recsys_workshop.labs import cold_start

cold = cold_start.make(page.data, seed=1)
kept = [0, 5, 10, 20]
says, wrong_by = {"user": [], "item": []}, {"user": [], "item": []}
for many in kept:
    part = cold.train(many)
    less = rt.models.VariationalMF.for_dataset(part, dim=model.dim)
    rt.fit(less, part, progress=False)
    for side, rows in cold.test.items():
        s, width = beliefs(less, rows)
        says[side].append(float(np.sqrt((width**2).mean())))
        wrong_by[side].append(float(np.sqrt(((rows.rating - s) ** 2).mean())))

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
for ax, (side, name) in zip(axes, {"user": "people", "item": "films"}.items(), strict=True):
    ax.plot(kept, says[side], "o-", label="what the model says (sd)")
    ax.plot(kept, wrong_by[side], "s--", label="how wrong it is (RMSE)")
    ax.set(xlabel="ratings left of each", ylabel="stars", title=name.capitalize())
    ax.set_xticks(kept)
axes[0].legend()
alt = (
    f"Standard deviation and error against ratings left. For people it says {says['user'][0]:.2f} "
    f"stars with none and {says['user'][-1]:.2f} with {kept[-1]}; the error falls alike."
)
ws.show(fig, alt=alt)

# %%
for side, name in {"user": "People", "item": "Films"}.items():
    for at in (0, -1):
        print(f"{name} with {kept[at]} ratings: it says {says[side][at]:.2f} stars,", end=" ")
        print(f"and is wrong by {wrong_by[side][at]:.2f}.")

# %% [markdown]
# What it says and how wrong it is fall together, a few hundredths of a star apart. (Note where the
# axis begins.) Neither comes close to zero. Most of the error is noise, and no number of ratings
# takes that away.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# Now your own uncertainty. We give the model your ratings one after the other, and after each we
# ask how unsure it is of you. What it knows of the films stays as it is. With a normal prior and
# normal noise this is Bayes' rule, and no training is needed.

# %%
often = torch.tensor(np.flatnonzero(known))  # films that the model knows well


def unsure_of(belief):
    """Mean standard deviation over well-known films, in stars, without the noise of ratings."""
    return float(model.expect(belief, often).variance.diagonal().sqrt().mean())


yours = [unsure_of(model.belief_from(rated[:n], stars[:n])) for n in range(len(rated) + 1)]

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
ax.plot(range(len(yours)), yours, "o-")
ax.set(xlabel="ratings that you have given", ylabel="how unsure the model is (stars)")
ax.set(ylim=(0, 1.1 * yours[0]), title="The model gets to know you")
alt = f"It falls from {yours[0]:.2f} stars without ratings to {yours[-1]:.2f} with {len(rated)}."
ws.show(fig, alt=alt)

# %% [markdown]
# Of which films is it still unsure, and which should it ask you about next? Not the same question.
# What is unknown of *you* ties films together: a rating of one tells of all that are like it. The
# covariance says how much: once you have rated film $j$, the variance of film $i$ falls by
# $\mathrm{cov}_{ij}^2 / (v_j + \sigma^2)$. The film to ask about is the one that takes away most,
# over all films.

# %%
theirs = model.expect(you, often)
noise = float(model.log_noise.detach().exp())
taken_away = (theirs.variance**2).sum(0) / (theirs.variance.diagonal() + noise)  # stars², in all
new = ~torch.isin(often, rated)
ask = often[new][taken_away[new].argsort(descending=True)[:5]]
width = theirs.variance.diagonal().sqrt()
doubt = often[new][width[new].argsort(descending=True)[:5]]
pd.DataFrame({"ask you about": titles[ask], "least sure of, for you": titles[doubt]})

# %% [markdown] slideshow={"slide_type": "slide"}
# ## To explore or to use what you know
#
# Back to the shop. Twenty new films are on the shelf, and nothing is known of them. Every visitor
# is shown one, and rates it. The shop wants everybody to see the best film for them. But what it
# believes about a film comes only from those who were shown it. Three ways to choose:
#
# * **greedy**: the film with the highest score. One unlucky rating, and a good film is never shown
#   again;
# * **by chance**: greedy, but every tenth visitor gets any film at all;
# * **Thompson sampling**: draw a number for each film from what you believe about it, score and
#   standard deviation, and show the highest.
#
# Thompson sampling needs nothing new. A film that may be good gets its chance, as often as it may
# be the best; one that is surely worse gets none.

# %% [markdown]
# ### Exercise: Thompson's choice
#
# Write `choose(score, sd, rng)`: the position of the film that Thompson sampling shows.
# `rng.normal(size=...)` draws standard normal numbers.
#
# <details><summary>Hint</summary>
#
# `score + sd * rng.normal(size=len(score))` is one draw for each film. The answer is the position
# of the largest.
#
# </details>


# %% tags=["stub"]
def choose(score, sd, rng):
    """Arrays (n,), (n,), a numpy Generator -> a position."""
    return None  # your turn


# %% tags=["solution"]
def choose(score, sd, rng):
    """Arrays (n,), (n,), a numpy Generator -> a position."""
    return int(np.argmax(score + sd * rng.normal(size=len(score))))


# %%
ws.check("13.choose", choose)

# %% [markdown]
# The simulated shop is made of what our model has learned: its users are the visitors, and new
# films are drawn from its prior. What is lost against a shop that knows everything is called
# **regret**, here in stars a visit. We run many shops, to see more than luck.

# %%
p = model.user_factors.detach().numpy()
visitors = np.c_[p, np.ones(len(p))]  # the last column meets a film's bias
of_bias = float(model.bias_prior[1].detach().exp())
prior = [*[float(model.factor_prior.exp())] * model.dim, of_bias]  # variances
ways = {
    "greedy": {"width": 0},
    "by chance, 10 %": {"width": 0, "epsilon": 0.1},
    "Thompson": {"width": 1},
}
shop = {"items": 20, "visits": 2_000, "seed": 2}

# %%
from recsys_workshop import labs

regret = {
    way: labs.simulate.bandit(visitors, prior, noise, seeds=80, **shop, **how)
    for way, how in ways.items()
}
colours = dict(zip(ways, ("orange", "green", "blue"), strict=True))

# %% slideshow={"slide_type": "subslide"} tags=["long"]
fig, ax = plt.subplots()
for (way, lost), style in zip(regret.items(), ("--", "-.", "-"), strict=True):
    total = lost.cumsum(1)
    low, middle, high = np.quantile(total, [0.1, 0.5, 0.9], axis=0)
    colour = ws.PALETTE[colours[way]]
    ax.plot(middle, style, color=colour, label=way)
    ax.fill_between(range(len(middle)), low, high, color=colour, alpha=0.15)
ax.set(xlabel="visits", ylabel="regret so far (stars)", title="Films that stay")
ax.legend(title="middle of the shops, and 80 % of them")
final = {way: float(lost.sum(1).mean()) for way, lost in regret.items()}
alt = "Regret so far against visits: " + ", ".join(f"{w} ends at {v:.0f}" for w, v in final.items())
ws.show(fig, alt=alt + " stars on average.")

# %%
for way, lost in regret.items():
    print(
        f"{way:16} {lost.mean():.3f} stars a visit; in the last quarter {lost[:, -500:].mean():.3f}"
    )

# %% [markdown]
# Look at the bands. Greedy shops are lucky or unlucky: some have found a good film early, others
# show a poor one for ever. Choosing by chance repairs that, but every tenth visitor goes on paying.
# Thompson pays at the beginning, and then less and less.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where Thompson does not win
#
# It pays at the beginning for what it earns later. So what if there is no later? We let films leave
# the shelf after a while, and a new one takes the place. And what if the shop's beliefs are wrong?
# We take standard deviations that are three times too wide.

# %%
lives = page.pick([50, 150, 500, 1500, 5000], [50, 500, 5000])
everything_tried = {**ways, "Thompson, 3 times too wide": {"width": 3}}
by_life = {
    way: [
        labs.simulate.bandit(visitors, prior, noise, seeds=40, life=life, **shop, **how).mean(1)
        for life in lives
    ]
    for way, how in everything_tried.items()
}

# %% slideshow={"slide_type": "subslide"} tags=["long"]
fig, ax = plt.subplots()
styles = dict(zip(by_life, ("o--", "^-.", "s-", "v:"), strict=True))
colours["Thompson, 3 times too wide"] = "vermilion"
for way, runs in by_life.items():
    mean = np.array([run.mean() for run in runs])
    error = np.array([run.std() / np.sqrt(len(run)) for run in runs])
    colour = ws.PALETTE[colours[way]]
    ax.errorbar(lives, mean, 2 * error, fmt=styles[way], color=colour, label=way, capsize=3)
ax.set_xscale("log")
ax.set_xticks(lives, [f"{life:,}" for life in lives])
ax.minorticks_off()
ax.set(xlabel="visits that a film stays, on average", ylabel="regret (stars a visit)")
ax.set(ylim=(0, None), title="Short lives, and wrong beliefs")
ax.legend(title="mean of the shops, ± 2 standard errors")
means = {way: [float(run.mean()) for run in runs] for way, runs in by_life.items()}
first, last = means["Thompson"][0] - means["greedy"][0], means["Thompson"][-1] - means["greedy"][-1]
alt = (
    f"Regret against how long films stay. Thompson less greedy is {first:+.2f} stars a visit "
    f"for the shortest lives, {last:+.2f} for the longest; three times too wide is worst."
)
ws.show(fig, alt=alt)

# %%
print("Regret of Thompson less that of greedy, in stars a visit (below zero Thompson is better):")
print(
    f"{first:+.2f} where films stay {lives[0]} visits, {last:+.2f} where they stay {lives[-1]:,}."
)
chance = means["Thompson"][-1] - means["by chance, 10 %"][-1]
print(f"Less that of choosing by chance, where films stay longest: {chance:+.2f}.")

# %% [markdown]
# Where films stay, what was learned has time to pay. And a little chance is a simple and strong
# opponent. So explore where there is time to use what you find: a catalogue, not this morning's
# news. And explore with beliefs that are right: a model that is too unsure of everything tries films
# for far too long. That is why calibration came first.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is it worth it?
#
# The test part, once. Beside our model stands biased matrix factorisation, to which we give one
# interval for all: as wide as its error on the validation rows. All three could be used in a shop,
# so the comparison is a fair one.

# %% tags=["long"]
rows = {}
stars_of = page.test.rating
seldom = count[page.test.item] < page.pick(20, 40)
for name, other in {"biases only": base, "biased MF": page.model, "variational MF": model}.items():
    if other is model:
        s, width = beliefs(model, page.test)
    else:
        s = rt.predict(other, page.test, clip=False)
        error = page.valid.rating - rt.predict(other, page.valid, clip=False)
        width = np.full(len(s), error.std())
    off = (stars_of - s) / width
    rows[name] = {
        "RMSE (stars)": rt.metrics.rmse(stars_of, s.clip(*page.data.scale)),
        "surprise (nats)": float((off**2 / 2 + np.log(width * np.sqrt(2 * np.pi))).mean()),
        "inside of 90 %": float((abs(off) < 1.645).mean()),
        "of rare films": float((abs(off[seldom]) < 1.645).mean()),
    }
table = pd.DataFrame(rows).T
table.round(3)

# %%
better = table.loc["biased MF"] - table.loc["variational MF"]
print(f"Against biased MF: {better['RMSE (stars)']:+.4f} stars of error saved,")
print(f"{better['surprise (nats)']:+.3f} nats of surprise. Rare films ({seldom.sum():,} rows) have")
print(
    f"{table.loc['variational MF', 'of rare films']:.0%} inside; one width for all gives them",
    end=" ",
)
print(f"{table.loc['biased MF', 'of rare films']:.0%}.")

# %% [markdown]
# Surprise is the negative log-likelihood: how unexpected the ratings were. One width for all does
# well on average, since most of the uncertainty is noise, which is much the same for everybody.
# What you gain is the difference between films and between people, and with it the right to
# explore.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Each number becomes a mean and a variance; so does each score. Likelihood punishes wrong scores
#   and wrong confidence alike.
# * The KL to the prior is the price of knowing. Beside a mean loss it is divided by $N$; any other
#   scale spoils error, intervals or both.
# * Check what a model says of its own uncertainty: intervals, by groups, on data it has not seen.
# * Thompson sampling turns uncertainty into exploration. It wins where films stay and beliefs are
#   right.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the figure of scales: what happens with the whole KL in each batch? Most
# expect a little less accuracy, not the mean of everything. (5 minutes) Before the last figure: for
# which shop would you rather be greedy? News, offers of the day, a conference programme.
