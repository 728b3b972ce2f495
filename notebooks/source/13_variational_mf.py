# ---
# minutes: 45
# needs: [02_mf_follow_along, 06_evaluation]
# knows: "what a normal distribution is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # What the model does not know
#
# Watch the doubt about a film shrink as ratings come in, draw samples where there is no formula, check
# whether a model is as sure as it should be, and use its doubt to try out new films without losing your
# visitors.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("13_variational_mf")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same stars, but not the same certainty
#
# The next cell trains a model that does not settle for one best answer. It draws 150 answers, one after
# the other. Each is a full set of the model's numbers that is plausible, given the ratings. The model
# leaves out the first few, which depend on where it started, and keeps every second one of the others.
# Then each of the kept answers tells us how many stars you would give.

# %%
import numpy as np
import pandas as pd
import torch

ids = {"features": False, "histories": False, "dim": page.pick(10, 3)}
draws = {"samples": page.pick(150, 40), "thin": 2}
sampled = rt.models.BayesianFM.for_dataset(page.train, **ids, **draws)
history = rt.fit(sampled, page.train)

# %%
titles = page.data.items["title"].to_numpy()
count = page.train.counts("item")  # training ratings of each film
rated = torch.tensor([page.data.item_vocab.position(i) for i in page.me])
stars = torch.tensor(list(page.me.values()))
# Each answer has its own numbers for the films; given these, draw yours 20 times. The result is
# (20, n_answers, n_items), in stars.
answers = torch.stack([sampled.draws_from(rated, stars, seed=s) for s in range(20)])
score = answers.mean((0, 1))
about_you = answers.var(0).mean(0).sqrt()  # films' numbers stay, yours are drawn again
about_film = answers.mean(0).var(0).sqrt()  # how your mean differs between answers

# %%
known = np.flatnonzero(count >= page.pick(150, 60))  # films that many have rated
few = np.flatnonzero((count > 0) & (count <= page.pick(5, 40)))
unsure = int(few[(score + about_film)[few].argmax()])  # it may be great
sure = int(known[abs(score - score[unsure])[known].argmin()])
print("Our sample person:" if page.me_is_sample else "You:")
for film in (sure, unsure):
    print(f"{score[film]:.1f} stars for {titles[film]} ({count[film]} ratings):", end=" ")
    print(f"± {about_you[film]:.2f} doubt about you, ± {about_film[film]:.2f} about the film.")

# %% [markdown]
# The two scores are nearly the same, and a score is all that biased matrix factorisation would show. But
# many people have rated one film, and few have rated the other. A shop should treat them differently.
# Where do the numbers behind the ± come from, and can we trust them?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Belief about one film
#
# Start with a single unknown number: how far, in stars, people rate a certain film above their own mean.
# Before we have seen a rating of it, all we have to go on is what films are like in general. That is the
# **prior**, here a normal distribution with mean 0 and variance $\tau^2$. Each rating $x$, counted from
# the person's own mean, is the unknown number plus **noise** of variance $\sigma^2$: tastes differ, and
# even the same person would not always give the same stars. What we believe once we have seen the
# ratings is the **posterior**.

# %%
mine = np.bincount(page.train.user, page.train.rating) / page.train.counts("user").clip(1)
above = page.train.rating - mine[page.train.user]  # stars above the person's own mean
level = np.bincount(page.train.item, above, page.data.n_items) / count.clip(1)
tau2 = float(level[count >= 20].var())  # films differ by this much
noise2 = float((above - level[page.train.item]).var())  # and ratings of one film by this
film = int(count.argmax())
x = above[page.train.item == film]  # the film's ratings, in the order of the table
print(f"{titles[film]}: {len(x)} ratings; tau² = {tau2:.2f} and sigma² = {noise2:.2f} stars².")

# %% [markdown]
# ### Exercise: what a few ratings say
#
# Write `belief(x, prior, noise)`: the mean and the variance of the posterior after the ratings `x`. Here
# `prior` is $\tau^2$ and `noise` is $\sigma^2$. For normal distributions there is a short, exact
# formula: the posterior's **precision**, one over the variance, is a sum. The prior contributes
# $1/\tau^2$, and each rating contributes $1/\sigma^2$.
#
# <details><summary>Hint 1</summary>
#
# With $n$ ratings the posterior's precision is $1/\tau^2 + n/\sigma^2$. Its variance is one over that.
# Without ratings it must be the prior's variance.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The posterior's mean is a weighted mean: the prior says 0 and has the weight $1/\tau^2$, and each
# rating says its own $x$ and has the weight $1/\sigma^2$.
#
# </details>


# %% tags=["stub"]
def belief(x, prior, noise):
    """x (n,), two variances -> mean and variance of the posterior."""
    return None  # your turn


# %% tags=["solution"]
def belief(x, prior, noise):
    """x (n,), two variances -> mean and variance of the posterior."""
    variance = 1 / (1 / prior + len(x) / noise)
    return variance * np.sum(x) / noise, variance


# %%
ws.check("13.belief", belief)


# %% [markdown]
# The posterior can also be computed without that formula: on a grid of possible values, multiply the
# prior by the probability of the ratings (the likelihood), and divide by the sum. We use this to check
# the function.

# %%
believed = ws.use("13.belief", belief)
grid = np.linspace(-4, 4, 1_601)  # stars


def on_a_grid(x, prior, noise):
    """The same, by multiplying densities on a grid."""
    log = -(grid**2) / (2 * prior) - ((np.reshape(x, (-1, 1)) - grid) ** 2).sum(0) / (2 * noise)
    p = np.exp(log - log.max())
    mean = (p * grid).sum() / p.sum()
    return mean, (p * (grid - mean) ** 2).sum() / p.sum()


# %%
shrinking = {n: believed(x[:n], tau2, noise2) for n in (0, 1, 5, 50)}
gap_grid = max(abs(shrinking[n][0] - on_a_grid(x[:n], tau2, noise2)[0]) for n in shrinking)
print(f"Largest difference between the formula's means and the grid's: {gap_grid:.0e} stars.")

# %% slideshow={"slide_type": "subslide"} tags=["long"]
import matplotlib.pyplot as plt

at = np.linspace(-1.6, 2.2, 400)
fig, ax = plt.subplots()
for (n, (mean, variance)), style, colour in zip(
    shrinking.items(), (":", "-.", "--", "-"), ("black", "green", "orange", "blue"), strict=True
):
    density = np.exp(-((at - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    ax.plot(at, density, style, color=ws.PALETTE[colour], label=f"after {n} rating{'s' * (n != 1)}")
ax.set(xlabel="stars above what a person usually gives", ylabel="density (per star)")
ax.set_title(f"Belief about {titles[film]}")
ax.legend()
widths = {n: float(np.sqrt(variance)) for n, (_, variance) in shrinking.items()}
alt = "Four bell curves, narrower with more ratings: "
ws.show(fig, alt=alt + ", ".join(f"± {w:.2f} after {n}" for n, w in widths.items()) + " stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two unknowns: draw them in turn
#
# A new person has rated ten films by a new director, on average about a star above the mean of all
# ratings. Is the director good, or is the person generous? The ratings tell us only about the *sum* of
# the two. So the two numbers are tied together: if one is larger, the other must be smaller.
#
# For a model with thousands of numbers that are tied to each other, no formula gives the posterior. But
# if all numbers except one were known, that one would be easy: it is the exercise above. **Gibbs
# sampling** makes use of that. Draw the first given the second, then the second given the first, and
# so on. After a while each pair of values turns up as often as the posterior says.

# %% [markdown]
# ### Exercise: one step of Gibbs sampling
#
# Write `gibbs_step(director, person, r, prior, noise, rng)`. `r` holds the ratings minus the mean of all
# ratings; each is `director + person + noise`. The director's number and the person's have the same
# `prior` variance. Return the new pair. (`believed`, the function from above, gives mean and variance,
# and `rng.normal(mean, sd)` draws.)
#
# <details><summary>Hint 1</summary>
#
# If the person's number is known, `r - person` holds ratings of the director alone.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Draw the person given the *new* director. A standard deviation is the square root of a variance.
#
# </details>


# %% tags=["stub"]
def gibbs_step(director, person, r, prior, noise, rng):
    """Two numbers, r (n,) -> the next two numbers."""
    return None  # your turn


# %% tags=["solution"]
def gibbs_step(director, person, r, prior, noise, rng):
    """Two numbers, r (n,) -> the next two numbers."""
    mean, variance = believed(r - person, prior, noise)
    director = rng.normal(mean, np.sqrt(variance))
    mean, variance = believed(r - director, prior, noise)
    return director, rng.normal(mean, np.sqrt(variance))


# %%
ws.check("13.gibbs_step", gibbs_step)

# %%
r = np.random.default_rng(1).normal(1.0, np.sqrt(noise2), 10)
precision = np.eye(2) / tau2 + len(r) / noise2  # exact, since all distributions are normal
covariance = np.linalg.inv(precision)
centre = covariance @ np.full(2, r.sum() / noise2)
step = ws.use("13.gibbs_step", gibbs_step)
rng, pair, chain = np.random.default_rng(0), (0.0, 0.0), []
for _ in range(2_000):
    pair = step(*pair, r, tau2, noise2, rng)
    chain.append(pair)
chain = np.array(chain)

# %%
angle = np.linspace(0, 2 * np.pi, 200)
circle = 2.15 * np.array([np.cos(angle), np.sin(angle)])  # holds 90 % of standard normal pairs
exact = centre[:, None] + np.linalg.cholesky(covariance) @ circle
narrow = centre[:, None] + np.sqrt(1 / np.diag(precision))[:, None] * circle

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots(figsize=(6, 6))
ax.plot(*chain[:1_000].T, ".", ms=3, color=ws.PALETTE["sky"], label="Gibbs draws")
ax.plot(*chain[:8].T, "o-", lw=1, ms=4, color=ws.PALETTE["black"], label="the first eight")
ax.plot(*exact, "-", color=ws.PALETTE["blue"], label="exact, 90 %")
ax.plot(*narrow, "--", color=ws.PALETTE["vermilion"], label="independent (variational), 90 %")
ax.set(xlabel="director above the mean (stars)", ylabel="person above the mean (stars)")
ax.set_title("Good director, or generous person?")
ax.legend()
ax.set_aspect("equal")
alt = "A long tilted ellipse, the exact posterior, filled by the draws; the small round ellipse of "
ws.show(fig, alt=alt + "the independent approximation lies inside it and misses both ends.")

# %%
sds = {"exact": covariance[0, 0] ** 0.5, "independent": precision[0, 0] ** -0.5}
sds["drawn"] = float(chain[100:, 0].std())  # the first hundred depend on the start
for name, sd in sds.items():
    print(f"Doubt about the director, {name + ':':12} ± {sd:.2f} stars")

# %% [markdown]
# The draws fill the exact ellipse. They also show the price of drawing in turn: along the length of the
# ellipse, each draw is only a small step from the one before. Neighbouring draws are alike, so many are
# needed.
#
# `BayesianFM` above did the same with a few thousand vectors. It goes through the positions of these
# vectors one by one. At each position it draws the number of every user, given all other numbers, and
# then the number of every film. It also draws the variances of the users' and the films' numbers
# ($\tau^2$) and of the noise ($\sigma^2$). Together they decide how near the numbers stay to their mean.
# That is what a penalty is for, so there is none to tune. A prediction is the **mean over the draws**.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The shortcut: a family and a bound
#
# Sampling takes time. **Variational** methods choose a family of simple distributions and look for the
# member that comes nearest to the posterior. The usual family treats all numbers as independent, each
# with a normal distribution of mean $m$ and variance $v$. In the figure above this is the dashed
# ellipse. You can see in which direction it errs: it is too narrow. It cannot be tilted, and it prefers
# to stay where the posterior is high, so it is **too sure**.
#
# The nearest member is the one with the largest **ELBO** (evidence lower bound). To define the evidence,
# draw the model's numbers from the prior, and compute the probability of the ratings given these
# numbers. Average this probability over all such draws. The logarithm of the average is the
# **evidence**. For each member $q$ of the family
#
# $$\mathrm{ELBO}(q) = \mathbb{E}_q[\ln p(\text{ratings} \mid \text{numbers})]
#   - \mathrm{KL}(q \,\|\, \text{prior})
#   = \text{evidence} - \mathrm{KL}(q \,\|\, \text{posterior}).$$
#
# KL is the Kullback-Leibler divergence. It says how far apart two distributions are, and is never below
# 0. So the ELBO never exceeds the evidence, and raising it brings $q$ nearer to the posterior.

# %%
from scipy import stats


def elbo(m, v):
    """The ELBO of two independent normal numbers, means m (2,) and variances v (2,), in nats."""
    fit = stats.norm.logpdf(r, sum(m), np.sqrt(noise2)).sum() - len(r) * sum(v) / (2 * noise2)
    kl = 0.5 * ((m**2 + v) / tau2 - 1 - np.log(v / tau2)).sum()
    return fit - kl


together = noise2 * np.eye(len(r)) + 2 * tau2  # all ratings share director + person
evidence = stats.multivariate_normal.logpdf(r, np.zeros(len(r)), together)
times = np.geomspace(1 / 3, 3, 61)
bound = np.array([elbo(centre, t**2 / np.diag(precision)) for t in times])

# %%
fig, ax = plt.subplots()
ax.plot(times, bound, color=ws.PALETTE["vermilion"], label="ELBO of the independent family")
ax.axhline(evidence, color=ws.PALETTE["blue"], ls="--", label="evidence")
ax.set(xscale="log", xlabel="width (1 is that of the best member)", ylabel="nats")
ax.set_xticks([1 / 3, 1, 3], ["1/3", "1", "3"])
ax.minorticks_off()
ax.set_title("The bound has a peak, below the evidence")
ax.legend()
alt = f"The ELBO peaks at width 1, {evidence - bound.max():.2f} nats below the evidence."
ws.show(fig, alt=alt)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model: biased MF with widths
#
# `VariationalMF` gives every number of `BiasedMF` a variance. The score then has a variance too. The
# variances of independent terms add up, and the product of a user's number $p$ and a film's number $q$
# has the variance $m_p^2 v_q + v_p m_q^2 + v_p v_q$. Here is the model, with its new lines marked.
#
# In training it *draws* each score: $m + \sqrt{v}\,\varepsilon$, where $m$ and $v$ are the score's mean
# and variance and $\varepsilon$ is standard normal. This is **reparameterisation**: the random number
# $\varepsilon$ does not depend on $m$ and $v$, so gradients can pass through the draw to both. For
# normal noise the expected loss has a closed form, so we could do without the draws. We draw because the
# same code then works for any loss, such as a logistic one, for which no closed form exists.

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
        score = self.mean + (p * q).sum(-1) + b_u + b_i  # as in BiasedMF
        unknown = (p**2 * v_q + v_p * q**2 + v_p * v_q).sum(-1) + v_u + v_i  # NEW
        noise = self.log_noise.exp()  # NEW
        if self.training:
            drawn = torch.randn(score.shape, generator=self.generator)  # NEW one per row
            return Belief(score + unknown.sqrt() * drawn, noise)  # NEW
        return Belief(score, unknown + noise)  # NEW


# %% [markdown]
# Its loss is minus the ELBO, divided by the number $N$ of ratings. The first part is the mean **negative
# log-likelihood**, which punishes wrong scores and wrong certainty:
# $\frac{(r - s)^2}{2v} + \frac12 \ln 2 \pi v$ for a rating $r$, with the score $s$ and the variance $v$
# that the model returns. The second is KL$/N$, the price of knowing: a charge for moving away from the
# prior. The KL is a sum over all users and films, but we need not compute all of it in each batch. A
# user with $n_u$ ratings is met $n_u$ times per epoch. If we add $1/n_u$ of their KL each time, one
# epoch adds the whole of it exactly once. Films are charged in the same way.


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
# Is this the library's model? We copy the numbers of the library's model into ours, and compare
# variances and KL.

# %%
model = rt.models.VariationalMF.for_dataset(page.train, dim=page.pick(16, 4))
rt.fit(model, page.train, background=True).wait()  # the curve shows how far it has got
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
print(f"The variances differ by at most {gap:.0e} stars², the KL by {kl_gap:.0e} of its size.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Does it know what it does not know?
#
# A model that says ±1 star can be checked. It states an interval for each rating that it has not seen.
# If its 90 % intervals are right, 90 % of these ratings lie inside their own intervals. This is
# **calibration**.

# %% [markdown]
# ### Exercise: how many are inside
#
# Write `coverage(rating, score, sd, promised)`: the share of ratings that lie inside their intervals.
# Each interval has the score in its middle. It is just wide enough to hold the rating with the
# probability `promised` (0.9, say), if the error is normal with the standard deviation `sd`. (The
# coverage of page 06 is something else: the share of the catalogue that is recommended.)
#
# <details><summary>Hint 1</summary>
#
# A 90 % interval leaves out 5 % on each side. So 95 % of the normal distribution lies below its upper
# end, which is `NormalDist().inv_cdf(0.95)`, or 1.645, standard deviations above the score.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A rating is inside if `abs(rating - score)` is smaller than half the interval's width. Each row has a
# width of its own.
#
# </details>

# %%
from statistics import NormalDist


# %% tags=["stub"]
def coverage(rating, score, sd, promised):
    """Arrays (n,), (n,), (n,) and a share -> a share from 0 to 1."""
    return None  # your turn


# %% tags=["solution"]
def coverage(rating, score, sd, promised):
    """Arrays (n,), (n,), (n,) and a share -> a share from 0 to 1."""
    z = NormalDist().inv_cdf(0.5 + promised / 2)
    return float((abs(rating - score) < z * sd).mean())


# %%
ws.check("13.coverage", coverage)

# %%
inside = ws.use("13.coverage", coverage)


def beliefs(model, data):
    """Score and standard deviation (stars) for each row of `data`, as arrays."""
    with torch.no_grad():
        score, variance = model(next(iter(data.batches(batch_size=len(data)))))
    return score.numpy(), variance.sqrt().numpy()


# %% [markdown]
# First a mistake that is easy to make: the KL on the wrong scale. A mean loss needs KL$/N$. What happens
# with a tenth of it, with ten times as much, and with the whole, undivided KL added to each batch's mean
# loss?

# %%
scales = [0.1, 1.0, 10.0, float(len(page.train))]
scaled = {1.0: model}  # already trained
for scale in (0.1, 10.0, scales[-1]):
    scaled[scale] = rt.models.VariationalMF.for_dataset(page.train, dim=model.dim, kl=scale)
    print(f"KL times {scale:g}:", flush=True)
    rt.fit(scaled[scale], page.train, background=True).wait()

# %%
rmse, shares = [], []
for scale in scales:
    s, width = beliefs(scaled[scale], page.valid)
    rmse.append(rt.metrics.rmse(page.valid.rating, s.clip(*page.data.scale)))
    shares.append(inside(page.valid.rating, s, width, 0.9))
    print(f"KL times {scale:g}: 90 % intervals cover {shares[-1]:.0%}, RMSE {rmse[-1]:.3f} stars")
for scale in (0.1, 10.0):
    more = rt.compare(scaled[scale], model, page.valid, train=page.train, metric="rmse")
    print(f"KL times {scale:g} minus KL times 1: {more}")

# %%
base = rt.models.BiasedMF.for_dataset(page.train, dim=0)
rt.fit(base, page.train, progress=False)
plain = rt.metrics.rmse(page.valid.rating, rt.predict(base, page.valid))
print(
    f"RMSE of biases only: {plain:.3f} stars. With the whole KL, undivided: {rmse[-1]:.3f} stars. "
    "That model has learned nothing."
)

# %% [markdown]
# Too little KL: the model learns noise by heart and is sure of it. Far too much: it does not dare to
# learn anything, and its intervals are right only because they are as wide as the spread of all ratings.
#
# Now we check both models, the variational and the sampled one, with intervals from 10 % to 95 %. We
# look at people with few and with many ratings separately, since an average can hide that the promise is
# broken for one of the groups.

# %%
levels = np.array([0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
n = page.train.counts("user")[page.valid.user]
edge = page.pick(100, 45)
groups = {f"fewer than {edge} ratings": n < edge, f"{edge} ratings or more": n >= edge}
held = {}
for name, one in {"variational": model, "sampled": sampled}.items():
    s, width = beliefs(one, page.valid)
    for group, rows in groups.items():
        of = page.valid.rating[rows], s[rows], width[rows]
        held[f"{name}, {group}"] = [inside(*of, level) for level in levels]

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots(figsize=(6, 5))
ax.plot([0, 1], [0, 1], color="black", lw=1, ls="--", label="as promised")
for (name, share), style, colour in zip(
    held.items(), ("o-", "s-", "^:", "v:"), ("blue", "sky", "vermilion", "orange"), strict=True
):
    ax.plot(levels, share, style, color=ws.PALETTE[colour], label=name)
ax.set(xlabel="promised share", ylabel="share of ratings inside", title="Are the intervals right?")
ax.legend()
worst = max(abs(np.array(share) - levels).max() for share in held.values())
alt = f"Share inside against promised share, two models, two groups: at most {worst:.2f} apart."
ws.show(fig, alt=alt)

# %% [markdown]
# The curves stay near the line. We cannot expect them to lie exactly on it: ratings are whole stars from
# 1 to 5, so they are not normally distributed. And although the variational model is too sure of each of
# its own numbers, it is not too sure of a rating: most of a rating's variance is noise, and both models
# have learned from the data how large it is.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Uncertainty falls with ratings
#
# A model should be less sure about people and films with few ratings. We make such people and films, as
# on page 08: a tenth of the users and a tenth of the films keep only 0, 5 or 20 of their training
# ratings, while the rows to be predicted stay the same. Then we compare what the variational model
# *says* (its standard deviation) with how wrong it *is* (its error).

# %%
from recsys_workshop.labs import cold_start

cold = cold_start.make(page.data, seed=1)
kept = [0, 5, 20]
says, wrong_by = {"user": [], "item": []}, {"user": [], "item": []}
for many in kept:
    part = cold.train(many)
    cut = rt.models.VariationalMF.for_dataset(part, dim=model.dim)
    print(f"{many} ratings left:", flush=True)
    rt.fit(cut, part, background=True).wait()
    for side, rows in cold.test.items():
        s, width = beliefs(cut, rows)
        says[side].append(float(np.sqrt((width**2).mean())))
        wrong_by[side].append(float(np.sqrt(((rows.rating - s) ** 2).mean())))

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
for ax, (side, name) in zip(axes, {"user": "people", "item": "films"}.items(), strict=True):
    ax.plot(kept, says[side], "o-", label="what the model says (sd)")
    ax.plot(kept, wrong_by[side], "s--", label="how wrong it is (RMSE)")
    ax.set(xlabel="training ratings kept for each", ylabel="stars", title=name.capitalize())
    ax.set_xticks(kept)
axes[0].legend()
alt = (
    f"Standard deviation and error against ratings kept. For people the model says "
    f"± {says['user'][0]:.2f} stars with none and ± {says['user'][-1]:.2f} with {kept[-1]}; the error falls too."
)
ws.show(fig, alt=alt)

# %%
for side, name in {"user": "People", "item": "Films"}.items():
    for at in (0, -1):
        print(
            f"{name} with {kept[at]} ratings: the model says ± {says[side][at]:.2f} stars,", end=" "
        )
        print(f"and its RMSE is {wrong_by[side][at]:.2f} stars.")

# %% [markdown]
# The stated doubt and the actual error fall together, and differ by only a few hundredths of a star.
# (The axis does not begin at zero.) Neither comes close to zero: most of the error is noise, which no
# number of ratings takes away.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# Now your own uncertainty. We give the model your ratings one after the other, and after each we ask how
# unsure it still is about your scores for well-known films. What it knows about the films stays as it
# is. With a normal prior and normal noise, Bayes' rule gives the answer, and no training is needed.

# %%
often = torch.tensor(known)  # films that the model knows well
you = model.fold_in(rated, stars)  # what your ratings say about you


def unsure_of(belief):
    """Mean standard deviation over well-known films, in stars, without the noise of ratings."""
    return float(model.expect(belief, often).variance.diagonal().sqrt().mean())


yours = [unsure_of(model.fold_in(rated[:n], stars[:n])) for n in range(len(rated) + 1)]

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
ax.plot(range(len(yours)), yours, "o-")
ax.set(xlabel="ratings that you have given", ylabel="how unsure the model is (stars)")
ax.set(ylim=(0, 1.1 * yours[0]), title="The model gets to know you")
alt = f"Doubt falls from {yours[0]:.2f} stars without ratings to {yours[-1]:.2f} with {len(rated)}."
ws.show(fig, alt=alt)

# %% [markdown]
# Which films is it still unsure of, and which should it ask you about next? These are two different
# questions. If the model is wrong about *you*, it is wrong about similar films in the same direction, so
# your rating of one film says something about all films like it. The covariance of your scores says how
# much: once you have rated film $j$, the variance of your score for film $i$ falls by
# $\mathrm{cov}_{ij}^2 / (v_j + \sigma^2)$, where $v_j$ is the variance of your score for film $j$ before
# you rate it. The film to ask about is the one whose rating would reduce these variances most, summed
# over all well-known films.

# %%
theirs = model.expect(you, often)
noise = float(model.log_noise.detach().exp())
taken_away = (theirs.variance**2).sum(0) / (theirs.variance.diagonal() + noise)  # stars², summed
new = ~torch.isin(often, rated)
ask = often[new][taken_away[new].argsort(descending=True)[:5]]
width = theirs.variance.diagonal().sqrt()
doubt = often[new][width[new].argsort(descending=True)[:5]]
ws.films(pd.DataFrame({"ask you about": titles[ask], "most unsure of": titles[doubt]}))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## To explore or to use what you know
#
# Back to the shop. Twenty new films are on the shelf, and nobody has rated them yet. Every visitor is
# shown one film, and rates it. The shop wants everybody to see the best film for them. But what it
# believes about a film comes only from the people who were shown it. This is a **bandit** problem, named
# after slot machines (one-armed bandits): nobody knows which pays best. There are three ways to choose:
#
# * **greedy**: the film with the highest score. After one unlucky rating a good film may never be
#   shown again;
# * **ε-greedy**: greedy, but one visitor in ten gets a film at random;
# * **Thompson sampling**: draw a number for each film from the posterior of its score, and show the
#   film with the highest number.
#
# Thompson sampling needs nothing but draws. The probability that it shows a film is the probability,
# given the ratings so far, that this film is the best. So a film that may be good gets its chance. A
# film that is surely worse gets none. With a sampled model such as `BayesianFM` it is even simpler: take
# one of its draws, and sort the films by their scores in it. Here is the film that each of five draws
# would show you first:

# %%
unseen = torch.ones(page.data.n_items, dtype=torch.bool)
unseen[rated] = False
unseen[torch.from_numpy(count) < page.pick(20, 5)] = False
first_of = [int(one.masked_fill(~unseen, -9).argmax()) for one in answers[0, :5]]
print("five draws:       ", "; ".join(titles[f] for f in first_of))
print("mean of all draws:", titles[int(score.masked_fill(~unseen, -9).argmax())])

# %% [markdown]
# ### Exercise: Thompson's choice
#
# The shop's belief about film $i$ is a normal distribution of a *vector* $w_i$, with the mean $m_i$ and
# the covariance matrix $C_i$. A visitor with the vector $z$ would give it $w_i \cdot z$ stars above the
# average. Write `choose(mean, covariance, visitor, rng)`: the position of the film that Thompson
# sampling shows this visitor. You do not need to draw the vectors themselves: find out how the score of
# each film is distributed.
#
# <details><summary>Hint 1</summary>
#
# If $w$ is normal, so is the single number $w \cdot z$. Its mean is $m \cdot z$, and its variance is
# $z^\top C z$, the sum of $z_a C_{ab} z_b$ over all pairs of positions.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `covariance @ visitor` is $C_i z$ for each film, shape (n, d). Each film needs a draw of its own.
#
# </details>


# %% tags=["stub"]
def choose(mean, covariance, visitor, rng):
    """(n, d), (n, d, d), (d,), a numpy Generator -> the position of a film."""
    return None  # your turn


# %% tags=["solution"]
def choose(mean, covariance, visitor, rng):
    """(n, d), (n, d, d), (d,), a numpy Generator -> the position of a film."""
    sd = np.sqrt((covariance @ visitor) @ visitor)
    return int(np.argmax(mean @ visitor + sd * rng.normal(size=len(sd))))


# %%
ws.check("13.choose", choose)

# %% [markdown]
# The simulated shop is built from what our model has learned: the model's users are the shop's visitors,
# and new films are drawn from the model's prior. What the shop loses, compared with one that knows
# everything, is called **regret**, here in stars per visit. We average over many shops, since a single
# one may just be lucky.

# %%
p = model.user_factors.detach().numpy()
visitors = np.c_[p, np.ones(len(p))]  # the last column is for a film's bias
of_bias = float(model.bias_prior[1].detach().exp())
prior = [*[float(model.factor_prior.exp())] * model.dim, of_bias]  # variances
ways = {
    "greedy": {"width": 0},
    "ε-greedy, 10 %": {"width": 0, "epsilon": 0.1},
    "Thompson": {"choose": ws.use("13.choose", choose)},
}
shop = {"items": 20, "visits": 2_000, "seed": 2}

# %%
from recsys_workshop import labs

regret = {
    way: labs.simulate.bandit(visitors, prior, noise, seeds=60, **shop, **how)
    for way, how in ways.items()
}
colours = dict(zip(ways, ("orange", "green", "blue"), strict=True))

# %% slideshow={"slide_type": "subslide"} tags=["long"]
fig, ax = plt.subplots()
for (way, lost), style in zip(regret.items(), ("--", "-.", "-"), strict=True):
    total = lost.cumsum(1)
    ax.plot(total.mean(0), style, color=ws.PALETTE[colours[way]], label=way)
ax.set(
    xlabel="visits",
    ylabel="regret so far (stars)",
    title="What the shop loses when no film leaves the shelf",
)
ax.legend(title="mean of the shops")
final = {way: float(lost.sum(1).mean()) for way, lost in regret.items()}
alt = "Regret so far against visits: " + ", ".join(f"{w} ends at {v:.0f}" for w, v in final.items())
ws.show(fig, alt=alt + " stars on average.")

# %%
for way, lost in regret.items():
    print(
        f"{way:16} {lost.mean():.3f} stars per visit; in the last quarter {lost[:, -500:].mean():.3f}"
    )


def less(one, other):
    """Regret of one way minus that of another in the same shops, and its interval, in words."""
    gap = rt.interpret.mean_interval(one - other)
    told = "" if gap.off_zero else ", not told apart"
    return f"{gap.value:+.3f} stars per visit ({gap.low:+.3f} to {gap.high:+.3f}{told})"


for way in ("greedy", "ε-greedy, 10 %"):
    print(f"Thompson minus {way}: {less(regret['Thompson'].mean(1), regret[way].mean(1))}")

# %% [markdown]
# Greedy shops are lucky or unlucky: some find a good film early, others keep showing a poor one.
# ε-greedy repairs that, but goes on showing one visitor in ten a film at random, however much it knows.
# Thompson sampling pays for its trials at the beginning, and then less and less.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where Thompson does not win
#
# Thompson sampling pays at the beginning for what it earns later. So what if there is no later? We let
# films leave the shelf after a while, and a new film takes the place of each. And what if the shop's
# beliefs are wrong? To find out, we make its draws three times too wide. (Here the simulation chooses
# the films by its own rule, not by your `choose`.)

# %%
lives = [50, 500, 5000]
everything_tried = {**ways, "Thompson": {"width": 1}, "Thompson, 3 times too wide": {"width": 3}}
by_life = {
    way: [
        labs.simulate.bandit(visitors, prior, noise, seeds=40, life=life, **shop, **how).mean(1)
        for life in lives
    ]
    for way, how in everything_tried.items()
}

# %%
styles = dict(zip(by_life, ("o--", "^-.", "s-", "v:"), strict=True))
colours["Thompson, 3 times too wide"] = "vermilion"
means = {way: [float(run.mean()) for run in runs] for way, runs in by_life.items()}
errors = {
    way: [float(run.std()) / len(run) ** 0.5 for run in runs] for way, runs in by_life.items()
}
first, last = means["Thompson"][0] - means["greedy"][0], means["Thompson"][-1] - means["greedy"][-1]
alt = (
    f"Regret against how long films stay. Thompson minus greedy is {first:+.2f} stars per visit "
    f"for the shortest lives, {last:+.2f} for the longest; three times too wide is worst."
)

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
for way, mean in means.items():
    line = {"fmt": styles[way], "color": ws.PALETTE[colours[way]], "label": way, "capsize": 3}
    ax.errorbar(lives, mean, 2 * np.array(errors[way]), **line)
ax.set_xscale("log")
ax.set_xticks(lives, [f"{life:,}" for life in lives])
ax.minorticks_off()
ax.set(xlabel="visits that a film stays, on average", ylabel="regret (stars per visit)")
ax.set(ylim=(0, None), title="Short lives, and wrong beliefs")
ax.legend(title="mean of the shops, ± 2 standard errors")
ws.show(fig, alt=alt)

# %%
print("Regret of Thompson minus that of another way (below zero, Thompson is better):")
for way in ("greedy", "ε-greedy, 10 %"):
    for life, one, other in zip(lives, by_life["Thompson"], by_life[way], strict=True):
        print(f"{way}, films stay {life:,} visits: {less(one, other)}")

# %% [markdown]
# Where films stay, what was learned has time to pay off. So explore where there is time to use what you
# find: in a catalogue, but not in this morning's news. And explore with beliefs that are right: a model
# that is too unsure of everything tries films for far too long. That is why calibration came first.
# ε-greedy, which only adds a little randomness, is simple and hard to beat.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Averaging beats one best guess
#
# Is averaging worth the time? The project keeps a record of its longer runs, the ledger. From it we take
# the errors on the five splits that come with MovieLens, its *folds*. Each row compares a model that
# learns one best guess with a `BayesianFM`, which averages over draws and reads the same things. In the
# first row these are ids alone; the second adds the side tables; the third also adds the films that each
# person rated. (One exception: in this third row, `BayesianFM` also reads who rated each film.)

# %%
guesses, levels_of = (ws.ledger("13", key).record["rows"] for key in ("guesses", "levels"))
reads = {"ids": "BiasedMF", "side tables": "SideFeatureMF", "histories": "SVDpp, features"}
on_folds = {}
for level, name in reads.items():
    one, many = guesses[name], levels_of[level]
    pairs = zip(one["rmse_folds"], many["rmse_folds"], strict=True)
    on_folds[f"+ {level}" if on_folds else level] = {
        "best guess of": name, "RMSE (stars)": f"{one['rmse']:.4f}",
        "CPU s": f"{one['seconds']:.1f}", "mean of draws, RMSE": f"{many['rmse']:.4f}",
        "mean of draws, CPU s": f"{many['seconds']:.1f}",
        "folds won by the mean of draws": f"{sum(a > b for a, b in pairs)} of 5",
    }  # fmt: skip
pd.DataFrame(on_folds).T

# %% [markdown]
# In each row the two models have nearly the same formula. The main difference is that `BayesianFM`
# averages over what it does not know. It also takes longer, and it has to keep its draws.
#
# Now we compare the models of this page, using the test part once. We add one more `BayesianFM`, with
# side tables and histories. For models that do not say how sure they are, we take one fixed width for
# all ratings: the standard deviation of their errors on the validation rows.

# %%
full = rt.models.BayesianFM.for_dataset(page.train, dim=ids["dim"], **draws)
history = rt.fit(full, page.train)

# %% tags=["long"]
rows, stars_of = {}, page.test.rating
seldom = count[page.test.item] < page.pick(20, 40)
contenders = {
    "biases only": base, "biased MF": page.model, "variational MF": model,
    "sampled, ids alone": sampled, "sampled, with histories": full,
}  # fmt: skip
for name, other in contenders.items():
    if hasattr(other, "kl") or hasattr(other, "samples"):
        s, width = beliefs(other, page.test)
    else:
        s = rt.predict(other, page.test, clip=False)
        error = page.valid.rating - rt.predict(other, page.valid, clip=False)
        width = np.full(len(s), error.std())
    off = (stars_of - s) / width
    rows[name] = {
        "RMSE (stars)": rt.metrics.rmse(stars_of, s.clip(*page.data.scale)),
        "surprise (nats)": float((off**2 / 2 + np.log(width * np.sqrt(2 * np.pi))).mean()),
        "in 90 % intervals": inside(stars_of, s, width, 0.9),
        "in 90 % intervals, rare films": inside(stars_of[seldom], s[seldom], width[seldom], 0.9),
    }
table = pd.DataFrame(rows).T
table.round(3)

# %%
pairs = (("variational MF", "biased MF"), ("sampled, ids alone", "biased MF"),
         ("sampled, ids alone", "variational MF"),
         ("sampled, with histories", "sampled, ids alone"))  # fmt: skip
gains = {}
for one, other in pairs:
    gains[one, other] = rt.compare(
        contenders[one], contenders[other], page.test, train=[page.train, page.valid], metric="rmse"
    )
    print(f"{one} minus {other}: {gains[one, other]}")

# %% [markdown]
# The intervals of these differences are paired by person (page 06). A value below zero means that the
# first model errs less. The sampled model with ids alone has the same formula as biased MF, so its lead
# shows what averaging is worth. Side tables and histories add to that lead.
#
# **Surprise** is the negative log-likelihood: how unexpected the ratings were. One fixed width does well
# on average, since most of the doubt is noise. But a fixed width does not say which films and people the
# model is less sure of, and exploring needs that.
#
# Others have found that averaging also wins on larger data (Rendle, Zhang and Koren 2019). One warning:
# `BayesianFM(days=True)` adds a vector for each person on each day. Its error is lower still:

# %%
print(f"RMSE with days, on the five folds: {levels_of['days']['rmse']:.4f} stars.")

# %% [markdown]
# But these folds are random, so the training part holds other ratings of the same day. That is
# interpolation. It says nothing about tomorrow, as page 09 shows.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Belief is a distribution. Ratings add precision to it, and it narrows.
# * Where no formula gives the posterior, Gibbs sampling draws from it, number by number. A prediction
#   is a mean over draws.
# * A variational family is a shortcut with a bound. The independent one is too sure of each number.
# * Check what a model says about its own uncertainty: look at its intervals, group by group, on data
#   that it has not seen.
# * Thompson sampling turns draws into exploration. It wins where films stay and beliefs are right.
#
# **Open task.** Set `samples=30` in the first cell, predict what happens to the error and to the stated
# doubt, and then look. And a question without a check: for which decision in your work would the ±
# change what you do?
#
# Sources: Salakhutdinov and Mnih 2008; Rendle, Zhang and Koren 2019; Kingma and Welling 2014. The
# further reading of the series has them in full.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the figure with the two ellipses: good director, or generous person? Then: which of
# the two shapes should a shop trust? (5 minutes) Before the last bandit figure, ask: in which shop would
# you rather be greedy? (Possible answers: news, offers of the day, a conference programme.)
