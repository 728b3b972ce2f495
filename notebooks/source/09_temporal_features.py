# ---
# minutes: 40
# needs: [02_mf_follow_along]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Time
#
# Give the model a clock, find out what it sees with it, and learn why most of what it gains cannot
# be had when you need it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("09_temporal_features")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How somebody rates
#
# Each rating comes with the second in which it was given. Look at one person's first evening.

# %%
import numpy as np
import pandas as pd
import torch

rows = page.data.ratings.sort_values(["user", "timestamp"], kind="stable")
one = rows[rows["user"] == page.data.user_vocab.ids[0]].head(8)
when = pd.to_datetime(one["timestamp"], unit="s")
titles = page.data.items.loc[one["item"], "title"].to_numpy()
pd.DataFrame({"when (UTC)": when.to_numpy(), "title": titles, "stars": one["rating"].to_numpy()})

# %%
same = rows.groupby("user")["timestamp"].diff().dropna()
print(f"{(same == 0).mean():.0%} of ratings came in the same second as the one before,")
print(f"{(same < 60).mean():.0%} within a minute of it.")

# %% [markdown]
# People tick off long lists. So the clock tells two things. The *date*: has the film aged, or the
# person changed? And the **order of rating**: is this somebody's first rating or the two hundredth?
# The order is easy to get wrong. It is the number of the user's *training* ratings that are
# **strictly earlier**: those of the same second do not count, and test ratings never do.

# %% [markdown]
# ### Exercise: order of rating
#
# Write `earlier(times)`: for the times of one user's ratings, in any order, how many of them are
# strictly earlier than each.
#
# <details><summary>Hint 1</summary>
#
# For `[50, 10, 10, 99]` it is `[2, 0, 0, 3]`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# In sorted times, `np.searchsorted(sorted_times, t, side="left")` counts those below `t`.
#
# </details>


# %% tags=["stub"]
def earlier(times):
    """times (n,) in seconds -> (n,) counts."""
    return None  # your turn


# %% tags=["solution"]
def earlier(times):
    """times (n,) in seconds -> (n,) counts."""
    return np.searchsorted(np.sort(times), times, side="left")


# %%
ws.check("09.earlier", earlier)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What the order tells
#
# Do people rate later films lower? An average over all would mislead: only busy people have a two
# hundredth rating, and famous films come first. So take off what the biases of user and film
# explain, and average what is left.

# %%
model = rt.models.TemporalMF.for_dataset(page.train)  # it counts; not trained yet
time = torch.from_numpy(page.train.timestamp)
order = model.earlier(torch.from_numpy(page.train.user), time).numpy()
biases = rt.models.BiasedMF.for_dataset(page.train, dim=0)
rt.fit(biases, page.train, progress=False)
left = page.train.rating - rt.predict(biases, page.train)  # in stars
step = np.ceil(np.log2(order + 0.5)).clip(0, 8).astype(int)  # 0, 1, 2-3, 4-7, ...
curve = pd.DataFrame({"step": step, "left": left}).groupby("step")["left"]
mean, noise = curve.mean(), curve.std() / np.sqrt(curve.size())

# %% slideshow={"slide_type": "subslide"}
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
ax.errorbar(mean.index, mean, yerr=2 * noise, fmt="o-", capsize=4)
ax.axhline(0, color=ws.PALETTE["black"], lw=1)
ax.set_xticks(mean.index, ["0"] + [str(2 ** (k - 1)) for k in mean.index[1:]])
ax.set(xlabel="ratings that the user gave before (number, at least)")
ax.set(ylabel="stars beyond the biases", title="Order of rating (bars: ± 2 standard errors)")
alt = f"Left over stars against order of rating: {mean.iloc[0]:+.2f} at the first."
ws.show(fig, alt=alt + f" At the last step {mean.iloc[-1]:+.2f}.")

# %%
print(f"Between the highest and the lowest point lie {mean.max() - mean.min():.2f} stars.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Films drift: bins
#
# For the date we cut the time of training into a few **bins** of equal length, and give each film a
# number of stars in each bin. These are few lines on top of the model of page 02.


# %%
class Drift(rt.models.BiasedMF):
    columns = ("user", "item", "rating", "time")  # NEW ask for the time as well

    def add_time(self, train, bins):  # NEW
        self.first, self.last = int(train.timestamp.min()), int(train.timestamp.max())
        self.bins = bins
        self.item_time = torch.nn.Parameter(torch.zeros(self.n_items, bins))  # in stars
        return self

    def bin(self, time):  # NEW equal steps; what is after training is in the last
        step = (time - self.first) * self.bins // (self.last - self.first + 1)
        return step.clamp(0, self.bins - 1)

    def forward(self, batch):
        return super().forward(batch) + self.item_time[batch.item, self.bin(batch.time)]  # NEW


# %% [markdown]
# The library has it as a part of `rt.models.TemporalMF`. Are the two the same? Give both the same
# numbers, and compare scores.

# %%
off = {"order_bins": 0, "user_bins": 0, "days": False}
library = rt.models.TemporalMF.for_dataset(page.train, dim=8, item_bins=8, **off)
mine = Drift.for_dataset(page.train, dim=8).add_time(page.train, bins=8)
stars = torch.randn(page.data.n_items, 8, generator=torch.Generator().manual_seed(0))
library.item_time.data, mine.item_time.data = stars, stars
batch = next(iter(page.train.batches(mine.columns, batch_size=500)))
gap = float((mine(batch) - library(batch)).abs().max().detach())
print(f"Largest difference on 500 training rows: {gap:.0e} stars.")

# %% [markdown]
# Beyond training they differ in one thing: where a film has no training rating in a bin, the library
# carries its last known bin forward, while ours would say 0.
#
# The model has eight numbers a film in place of one, and many bins hold a single rating or none. Left
# alone, it would learn noise. We expect that a film's number in one bin is close to that in the bin
# before. So we pay for each step between them: the **total variation**.

# %% [markdown]
# ### Exercise: total variation along time
#
# Write `total_variation(table)`: the sum over all films of the absolute steps from bin to bin. The
# table has a row for each film, a column for each bin.
#
# <details><summary>Hint 1</summary>
#
# For the table `[[0, 1, 3], [5, 5, 4]]` it is (1 + 2) + (0 + 1) = 4.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Time is the second axis: `table[:, 1:] - table[:, :-1]`. A well-known tutorial took steps along
# the other axis of its table, and it took long to be noticed: it ran, and smoothed nothing.
#
# </details>


# %% tags=["stub"]
def total_variation(table):
    """table (n_films, n_bins), a tensor -> one number."""
    return None  # your turn


# %% tags=["solution"]
def total_variation(table):
    """table (n_films, n_bins), a tensor -> one number."""
    return (table[:, 1:] - table[:, :-1]).abs().sum()


# %%
ws.check("09.total_variation", total_variation)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Does it find what is there?
#
# We plant it: forty invented films, and halfway through, half of them gain more than a star and the
# other half lose as much. Then we look at one of them, with three penalties: none, absolute steps,
# squared steps.

# %%
rng = np.random.default_rng(0)
cells = rng.permutation(150 * 40)[:3_000]
who, film = cells // 40, cells % 40
day = rng.integers(0, 80, len(cells))
jump = np.where(film % 2, 0.6, -0.6) * np.where(day >= 40, 1, -1)
stars = 3 + jump + rng.normal(0, 0.7, len(cells))
frame = pd.DataFrame({"user": who, "item": film, "rating": stars, "timestamp": day * 86_400})
made = rt.datasets.from_frame(frame)

# %%
kinds = {
    "no penalty": {"tv": 0.0},
    "absolute steps": {"tv": 4.0},
    "squared steps": {"tv": 6.0, "tv_squared": True},
}
only_drift = {"dim": 0, "l2_time": 0.1, **off}
drift = {}
for kind, penalty in kinds.items():
    model = rt.models.TemporalMF.for_dataset(made, item_bins=16, **only_drift, **penalty)
    rt.fit(model, made, epochs=30, lr=0.02, batch_size=256, progress=False)
    drift[kind] = (model.item_time + model.item_bias[:, None]).detach().numpy()  # (40, 16)

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
truth = np.where(np.arange(16) >= 8, 0.6, -0.6)
ax.step(range(16), truth, where="mid", color=ws.PALETTE["black"], lw=3, label="planted")
for (kind, table), style in zip(drift.items(), (":^", "-o", "--s"), strict=True):
    ax.plot(range(16), table[1], style, label=kind)
ax.set(xlabel="time (bins of 5 days)", ylabel="film's own stars above the mean")
ax.set(title="One invented film that jumped")
ax.legend()
away = {k: float(np.abs(t * np.where(np.arange(40) % 2, 1, -1)[:, None] - truth).mean())
        for k, t in drift.items()}  # fmt: skip
told = ", ".join(f"{kind} {value:.2f}" for kind, value in away.items())
ws.show(fig, alt=f"Planted jump and three fits; mean distance in stars over films: {told}.")

# %%
for kind, value in away.items():
    print(f"{kind:>15}: {value:.2f} stars from the truth, on average over films and bins")

# %% [markdown]
# Without a penalty the line follows the noise. Absolute steps allow *a few jumps* and keep the rest
# flat. Squared steps hate a large jump and make a slope of it. Choose by what you believe of your
# world: new owners of a shop are a jump, ageing is a slope.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same figures, three ways to test
#
# `rt.models.TemporalMF` has all of it: order, drift of films and users, and one thing more, a number
# for each **day of each user**: moods, or a friend at the same keyboard. What does it gain? That
# hangs on how the test rows are chosen.
#
# * **random**: any tenth of the rows
# * **last**: of each user the last tenth
# * **time**: one cut in time for everybody, the last tenth of all rows
#
# Before you look at the result: in which of them will time help most?

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Let the room vote on the three splits before running the cells. Most vote for "time", since the
# model is about time. (5 minutes with the discussion of the result)


# %%
def contenders():
    """Names, classes and settings; each builds on the one before."""
    yield "biases only", rt.models.BiasedMF, {"dim": 0}
    yield "biased MF", rt.models.BiasedMF, {}
    yield "and order, drift", rt.models.TemporalMF, {"days": False}
    yield "and days", rt.models.TemporalMF, {}


# %%
def squared_misses(model, test):
    """Squared errors (n,), and which rows are warm: user and film were in training."""
    known_user = model.user_count.numpy()[test.user] > 0
    warm = known_user & (model.item_count.numpy()[test.item] > 0)
    return (rt.predict(model, test) - test.rating) ** 2, warm


def rmse(misses):
    """Of squared errors; nan where there are none."""
    return np.sqrt(misses.mean()) if len(misses) else np.nan


def user_day(part):
    """One number (n,) for each pair of user and day."""
    return part.user * 10**6 + part.timestamp // 86_400


# %%
results, known_day, misses = [], {}, {}
for how in ("random", "last", "time"):
    train, _, test = page.data.split(how, valid=0, test=0.1, seed=42)
    for name, kind, settings in contenders():
        model = kind.for_dataset(train, **settings)
        rt.fit(model, train, progress=False)
        miss, warm = squared_misses(model, test)
        row = {"cold rows": (~warm).mean(), "warm": rmse(miss[warm]), "cold": rmse(miss[~warm])}
        results.append({"split": how, "model": name, **row})
        misses[how, name] = miss[warm]
    known_day[how] = np.isin(user_day(test), user_day(train)).mean()
results = pd.DataFrame(results)

# %%
wide = results.pivot(index="split", columns="model", values="warm")
wide = wide.loc[["random", "last", "time"], [name for name, *_ in contenders()]]
print("RMSE in stars over warm rows: user and film were seen in training")
wide.round(3)

# %% [markdown]
# And the rows of which the user or the film is new:

# %%
cold = results.pivot(index="split", columns="model", values="cold").loc[wide.index, wide.columns]
print("RMSE in stars over cold rows (nan: there is none)")
cold.assign(**{"share of test rows": results.groupby("split")["cold rows"].first()}).round(3)

# %% [markdown]
# ### Exercise: who is cold?
#
# Which share of the test rows of the *time* split belongs to users without any training rating? A
# number from 0 to 1, from the two Datasets below.
#
# <details><summary>Hint 1</summary>
#
# `np.isin(test.user, train.user)` says for each test row whether its user is in training.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The share of *rows* is asked, not of users, and of those who are *not* there.
#
# </details>

# %%
train, _, test = page.data.split("time", valid=0, test=0.1)

# %% tags=["stub"]
cold_share = None  # your turn

# %% tags=["solution"]
cold_share = (~np.isin(test.user, train.user)).mean()

# %%
ws.check("09.cold_share", cold_share)

# %% [markdown]
# A cut in time asks another question than a random split: on it, the newcomers decide.
# A single RMSE over warm and cold rows would hide that. Always print both, and the share.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Interpolation is not forecast

# %%
gain = wide.rsub(wide["biased MF"], axis=0)[["and order, drift", "and days"]]  # stars
error = gain.copy()  # standard error of the gain, from the same rows under both models
for how, name in misses:
    if name in error:
        change = misses[how, name] - misses[how, "biased MF"]
        error.loc[how, name] = change.std() / np.sqrt(len(change)) / 2 / wide.loc[how, name]

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
for k, (name, hatch) in enumerate(zip(gain.columns, ("", "//"), strict=True)):
    at = np.arange(3) + 0.4 * k - 0.2
    ax.bar(at, gain[name], 0.36, yerr=2 * error[name], capsize=5, label=name, hatch=hatch)
ax.axhline(0, color=ws.PALETTE["black"], lw=1)
ax.set_xticks(range(3), [f"{how}\n({known_day[how]:.0%} known days)" for how in gain.index])
ax.set(xlabel="how test rows were chosen", ylabel="gain over biased MF (stars)")
ax.set(title="What time gains, on warm rows (bars: ± 2 standard errors)")
ax.legend()
told = "; ".join(f"{how} {row['and days']:+.3f}" for how, row in gain.iterrows())
ws.show(fig, alt=f"Gain over biased MF of all temporal terms, in stars: {told}.")

# %%
for how, row in gain.iterrows():
    print(
        f"{how:>7}: order and drift {row.iloc[0]:+.3f}, with days {row.iloc[1]:+.3f} stars; on "
        f"{known_day[how]:.0%} of test rows the user has training ratings of that very day"
    )

# %% [markdown]
# On a random split nearly every test rating has neighbours in training that the same person gave on
# the same day, some of them *after* it. The model fills a gap between known points: it
# **interpolates**. A recommender at work never gets that: tomorrow's ratings do not exist yet. To
# **forecast** it can only carry on the last thing it knows, which is what the library does with bins
# without training ratings.
#
# "Last" is in between: of a user's own future nothing is known, but of everybody else's it is: the
# drift of films was learned from ratings given *after* the test rows. Only the cut in time is the
# forecast that a shop has to make. Look at the sign of its bars before you sell anybody a clock.
#
# So a gain on a random split is true, and of no use to somebody who has to predict tomorrow. Before
# you believe in a temporal model, ask what it knew of the day in question.

# %% [markdown]
# ### Exercise: which bar do you show?
#
# Three people ask you what the clock gains. For each, name the split whose bar answers:
#
# * `"holes"`: an archive lost some of its ratings, here and there, and wants them filled in;
# * `"tomorrow"`: a shop wants to know what the model will be worth next week, for anybody who comes;
# * `"next"`: a study predicts each person's last ratings, and has everybody else's, later ones too.
#
# <details><summary>Hint</summary>
#
# Ask of each what the model knows at the moment of the question: the days around it, the future of
# others, or nothing that comes later.
#
# </details>

# %% tags=["stub"]
shown = None  # your turn: {"holes": "random", "last" or "time", "tomorrow": ..., "next": ...}

# %% tags=["solution"]
shown = {"holes": "random", "tomorrow": "time", "next": "last"}

# %%
ws.check("09.shown", shown)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# You come after all the others. For you the films are as they stood at the end of training.

# %%
model = rt.models.TemporalMF.for_dataset(page.train)
rt.fit(model, page.train, progress=False)
for_me = rt.recommend(model, page.data, ratings=page.me, k=5)
print("For our sample person:" if page.me_is_sample else "For you:")
for_me[["title"]]

# %%
effect = model.order_bias.detach().numpy()
print(f"Your first rating is worth {effect[0]:+.2f} stars to the model, and one after")
print(
    f"a hundred others {effect[7]:+.2f}. The films stay in the same order: it is the same for all."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * The order of rating counts training ratings that are strictly earlier.
# * Bins let films drift; total variation, along *time*, keeps the drift from following noise.
#   Absolute steps leave jumps, squared ones slopes.
# * Choose test rows as the future will choose them; print cold share, warm and cold apart.
# * What looks like knowing the future is often knowing the same afternoon.
