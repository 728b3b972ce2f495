# ---
# minutes: 45
# needs: [06_evaluation]
# knows: "what an A/B test is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # The machinery around a recommender
#
# See how data flows around a model in use, how that flow misleads people who train and test on it, and
# how a good log lets you judge a recommender that nobody has seen yet.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("07_infrastructure")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One click goes round
#
# You build no model on this page: you run the cells, look at the results, and solve four short
# exercises. We come back to the picture below throughout the page. It is an example: your company will
# have other boxes, and the same loop.

# %%
import matplotlib.pyplot as plt

from recsys_workshop.labs.drawing_infrastructure import infrastructure

text = """While somebody waits, candidates are chosen from millions of articles, ranked and shown. All
day, a log takes in what was shown, with which features, and what was clicked; it feeds today's
features, and the steps that choose and rank candidates read them. Every night the log becomes a
training table, and training makes features, vectors and a model, which both steps read the next day."""
ws.show(infrastructure(), alt=text)

# %% [markdown]
# Follow one click. Somebody opens the shop. A quick step picks a few hundred **candidates** from
# millions of articles (on this page, everything on sale is called an article). A slower, more accurate
# step **ranks** them, and ten are shown. All of this goes into the **log**: not only the click, but
# *what was shown* and *which features the model saw*. A **feature** is any number that the model reads,
# such as a count of clicks. Within seconds the click changes one of today's features. At night the click
# becomes a row of the training table, and tomorrow's model has learned from it.
#
# Two things make this hard, and this page is about them. First, the same feature is computed twice: at
# night for training, and in the shop when a list is made. Second, the data go round in a loop: the model is
# trained on what it chose to show.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Let the room find their own company in the picture. Which box is missing, and which one is a
# spreadsheet? Ask who logs what was *shown*: without it nobody can learn from what was not clicked.
# (6 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What today's clicks add
#
# A model trained at night knows your taste but not your mood. It can't know that tonight you want
# something to watch with the children. Your first click says so.
#
# We simulate this, so that we know the truth. Each invented person has a long-term taste, a share for
# each of six genres. Each day has a hidden mood, which is one genre. Four clicks in ten follow the
# mood, and the others follow the taste. This function simulates one such day:

# %%
import numpy as np
import pandas as pd


def a_day(taste, mood_share, rng, clicks=10):
    """Today's mood and the genres clicked (0 to 5); a share of the clicks follows the mood."""
    mood = rng.choice(6, p=taste)
    return mood, np.where(rng.random(clicks) < mood_share, mood, rng.choice(6, clicks, p=taste))


rng = np.random.default_rng(3)
taste = rng.dirichlet(np.full(6, 0.3))
print("long-term taste:", ", ".join(f"{share:.0%}" for share in taste))
for name in ("Monday", "Tuesday", "Wednesday"):
    mood, clicked = a_day(taste, 0.4, rng)
    print(f"{name:>10}: mood {mood}, clicks", *clicked)

# %% [markdown]
# A model predicts the genre of the next click. It has two weights, w₁ for the person's long-term
# profile (the clicks per genre on other days, an estimate of the taste), and w₂ for today's clicks:
#
# > score of a genre = w₁ ln(its clicks on other days + ½) + w₂ ln(its clicks today + ½)
#
# The probability of a genre is proportional to e^score. The weights are fitted to one half of the
# people, by maximum likelihood. The model then predicts the clicks of the other half. It gets today's
# clicks at once (*streamed*), three clicks late, or never (*nightly*: "its clicks today" is always 0).
#
# How good is it? We measure its **surprise**: −ln of the probability that it gave to what happened. A
# model that is always sure and always right has a surprise of 0. The unit of a natural logarithm is
# called a **nat**. As a limit we also show the best possible model. This model knows each person's taste
# exactly, and how moods work. It does not know today's mood, and has to infer it from today's clicks.
# We run the simulation several times with new people, and call each run a *world*.

# %%
from recsys_workshop import labs

days = labs.simulate.intraday(genres=6, mood=0.4, lag=3, seeds=page.pick(20, 6), seed=0)
by_world = days.groupby(["feed", "world"])[["surprise", "offline", "hit"]].mean()
names = {"nightly": "never (nightly)", "late": "three clicks late", "streamed": "at once"}
names["truth"] = "best possible"


def band(ax, each, style, label):
    """Mean over the columns of `each` as a line, with a band of two standard errors."""
    mean, error = each.mean(axis=1), each.std(axis=1) / np.sqrt(each.shape[1])
    (line,) = ax.plot(mean, style, label=label)
    low, high = mean - 2 * error, mean + 2 * error
    ax.fill_between(mean.index, low, high, color=line.get_color(), alpha=0.2)


# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
surprise = days.pivot(index=["click", "world"], columns="feed", values="surprise")
saved = surprise.rsub(surprise["nightly"], axis=0)  # paired: the same clicks of the same world
for (feed, label), style in zip(list(names.items())[1:], ("^-.", "o-", "k:"), strict=True):
    band(ax, saved[feed].unstack(), style, label)
ax.axhline(0, color=ws.PALETTE["vermilion"], ls="--", label=names["nightly"])
ax.set(xlabel="click of the day", ylabel="less surprise than nightly (nats)")
ax.set(title="What today's clicks save (bands: ± 2 standard errors)")
ax.legend(title="today's clicks\nreach the model", loc="center left", bbox_to_anchor=(1, 0.5))
last = saved.groupby("click").mean().iloc[-1]
ends = ", ".join(f"{label} {last[feed]:.2f}" for feed, label in names.items())
ws.show(fig, alt=f"Surprise saved at each click of a day, with bands. At the last click: {ends}.")

# %%
mean_by_feed = by_world.groupby("feed").mean()
gain = by_world["surprise"]["nightly"] - by_world["surprise"]["streamed"]  # one per world
possible = by_world["surprise"]["nightly"] - by_world["surprise"]["truth"]
print(f"Streaming lowers the surprise by {gain.mean():.3f} nats per click", end=" ")
print(f"(sd over {len(gain)} worlds {gain.std():.3f});", end=" ")
print(f"that is {gain.mean() / possible.mean():.0%} of the possible gain.")
foreseen = ", ".join(f"{mean_by_feed['hit'][feed]:.1%} ({label})" for feed, label in names.items())
print("Share of clicks whose genre the model puts first:", foreseen)

# %% [markdown]
# In each world all models have to predict the same clicks, so we can subtract: a line shows how much
# less surprised its model is than the nightly one, which is the line at zero. Before the first click all
# the models know the same things. The streamed model even starts a little worse: its weights are a
# compromise between the first click, where only the profile helps, and the later clicks, where today's
# counts help too. Then it pulls away. A late stream does nothing until it arrives, and many visits are
# over by then.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Training and the shop see different features
#
# Now a mistake that is easy to make. The training table is built at midnight from the finished log, and
# each click of the day gets the column "clicks on this genre today". The shop uses a column of the same
# name. But the count made at midnight also includes the click of its own row, which the model has to
# predict, and the clicks that came *after* it. This is **training/serving skew**.

# %%
worse = by_world["surprise"]["skewed"] - by_world["surprise"]["nightly"]
weight = days.groupby("feed")["today"].mean()
print("In the training table, the skewed model looks better than the best possible one", end=" ")
print(f"({mean_by_feed['offline']['truth']:.2f} nats).", end=" ")
print(f"In the shop it is worse than the nightly model in {(worse > 0).sum()}", end=" ")
print(f"of {len(worse)} worlds.")
print(f"Weight of today's clicks: {weight['streamed']:.2f} in the streamed model,", end=" ")
print(f"{weight['skewed']:.2f} in the skewed one.")
skew = mean_by_feed.loc[["nightly", "streamed", "skewed"], ["offline", "surprise", "hit"]]
skew.columns = [
    "surprise in training (nats)",
    "surprise in the shop (nats)",
    "right genre in the shop",
]
skew.round(3)

# %% [markdown]
# The skewed model learned that today's count gives the answer away, and trusts it about twice as much as
# it should. But look at the last column of the table: it picks the right genre about as often as the
# streamed model does. Where only the *order* of the genres counts, you may never notice. Where the
# probability is used (to bid, to mix lists, to decide whether to send a message at all), the harm is
# real.
#
# The cure is dull and complete: **log the features as they were when they were used, and train on
# those.** The log is the box in bold in the picture.

# %% [markdown]
# ### Exercise: as it was
#
# Films were shown at the times `shown`, and clicks came at the times `clicks` (two arrays of seconds,
# not sorted). Write `clicks_so_far(shown, clicks)`: for each showing, how many clicks came *strictly
# before* it. The table below the check uses your function.
#
# <details><summary>Hint 1</summary>
#
# `clicks[None, :] < shown[:, None]` is a table of yes and no with one row per showing.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Sum it along the axis of the clicks: `.sum(axis=1)`. With many rows, use `np.searchsorted` on the
# sorted clicks.
#
# </details>


# %% tags=["stub"]
def clicks_so_far(shown, clicks):
    return None  # your turn


# %% tags=["solution"]
def clicks_so_far(shown, clicks):
    return (clicks[None, :] < shown[:, None]).sum(axis=1)


# %%
ws.check("07.clicks_so_far", clicks_so_far)

# %% [markdown]
# Here is Wednesday again, with both counts as rows: the count that the shop saw, and the count made at
# midnight. A model that is trained on the second count has seen the future.

# %%
count = ws.use("07.clicks_so_far", clicks_so_far)
second = np.arange(len(clicked)) * 60  # one click per minute
as_it_was, midnight = np.zeros(len(clicked), int), np.zeros(len(clicked), int)
for genre in range(6):
    here = clicked == genre
    as_it_was[here] = count(second[here], second[here])
    midnight[here] = here.sum()
columns = {"genre clicked": clicked, "count as it was": as_it_was, "count at midnight": midnight}
pd.DataFrame(columns, index=pd.RangeIndex(1, 11, name="click")).T

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One machine is mostly enough
#
# Before anybody orders a cluster: measure, and multiply. How many bytes does one rating take here? And
# how many ratings per second can one processor of this machine train on?

# %%
train = page.train
columns = (train.user, train.item, train.rating, train.timestamp)
bytes_each = sum(c.itemsize for c in columns)
model = rt.models.BiasedMF.for_dataset(train)
history = rt.fit(model, train, epochs=page.pick(4, 2), progress=False)
seconds = history.frame["seconds"].iloc[-1]
speed = len(history.frame) * len(train) / seconds  # ratings per second
print(f"{bytes_each} bytes per rating; {speed / 1e6:.2f} million ratings per second", end=" ")
print(f"with vectors of {model.dim} numbers.")

# %%
sizes = {
    "MovieLens-100K": (943, 1_682, 100_000),
    "MovieLens-32M": (200_948, 87_585, 32_000_204),
    "a large shop": (10_000_000, 1_000_000, 1_000_000_000),
}
plan = pd.DataFrame(sizes, index=["people", "things", "ratings"]).T
plan["ratings (GiB)"] = plan["ratings"] * bytes_each / 2**30
numbers = (plan["people"] + plan["things"]) * model.dim
plan["vectors (GiB)"] = numbers * 4 / 2**30  # four bytes per number
plan["one epoch (minutes)"] = plan["ratings"] / speed / 60
plan.round(2)

# %% [markdown]
# Take the minutes as a lower bound. They assume that speed does not fall with size, but rows of large
# tables come from main memory and not from the cache; page 19 measures what that costs. The columns in
# GiB hold at any size. If the data and the model fit into the memory of one machine, train on one
# machine. Then there is no network, you need not wait for the slowest machine, and everything that the
# training run logs is in one file.
#
# In a large shop, other parts of the picture may need several machines: to answer thousands of requests
# per second, to keep the log, and to go on when one machine fails.

# %% [markdown]
# ### Exercise: does it fit?
#
# A shop has 20 million people and 5 million articles, and each gets a vector of 32 numbers of 4 bytes.
# While the model trains, each number of the model needs three more: its gradient, and two that the
# optimiser Adam keeps. How many GiB (2³⁰ bytes) is that in all?
#
# <details><summary>Hint</summary>
#
# Rows times numbers times bytes; then times four: the number, its gradient, and Adam's two.
#
# </details>

# %% tags=["stub"]
gib = None  # your turn

# %% tags=["solution"]
gib = (20e6 + 5e6) * 32 * 4 * 4 / 2**30

# %%
ws.check("07.memory", gib)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## An A/B test that shares its log
#
# In an A/B test half of the visitors get recommender A, the other half (the other **arm**) get B, and
# the better one wins. That is simple if neither half affects the other. But recommenders learn, and in
# many companies they learn from *one* log. Then A is trained on what B has shown, and B on what A has
# shown. When one arm changes what happens in the other, this is called **interference**.
#
# Here is a shop in which it matters. It has 40 articles, and they come and go: each night each of them
# is replaced with a probability of 2%. Some are much better than others, and each of five groups of
# visitors has its own taste: the probability of a click is 1 / (1 + e^(2 − quality − taste)). A
# recommender reads the log at midnight. It estimates the click rate of each article, and shows the best
# one. In a share `explore` of the visits it shows a random article instead, to find out how good that
# article is:


# %%
def recommend(log, usual, visitors, rng, explore, personal=False, prior=10):
    """log (2, shops, groups, items) of views and clicks -> today's views (shops, groups, items)."""
    n_items, (n_shops, n_groups) = log.shape[-1], log.shape[1:3]
    views, clicks = log if personal else log.sum(axis=2, keepdims=True)  # each group, or all
    rate = (clicks + prior * usual) / (views + prior)  # a new article counts as a usual one
    best = (rate + 1e-9 * rng.random(rate.shape)).argmax(axis=-1)  # equal rates: any of them
    each = visitors // n_groups
    at_random = rng.binomial(each, explore, (n_shops, n_groups))  # how many
    views = rng.multinomial(at_random, np.full(n_items, 1 / n_items))
    return views + (each - at_random)[..., None] * np.eye(n_items, dtype=int)[best]


# %% [markdown]
# This is one run of the shop, for one recommender or for two that share a log. If each arm has its own
# log, the arms do not affect each other, so each gets its own run. We run many shops side by side:


# %%
def run_shop(shelf, arms, visitors, rng):
    """Clicks per view of each arm, (arms, shops); all arms read one log, and write into it."""
    chance, new = shelf  # of a click, (days, shops, groups, items); bool (days, shops, 1, items)
    log = np.zeros((2, *chance.shape[1:]))  # views and clicks of each article
    totals, usual = np.zeros((len(arms), 2, chance.shape[1])), chance.mean()
    for p, replaced in zip(chance, new, strict=True):
        log = np.where(replaced, 0, log)  # nothing is known of a new article
        shown = [recommend(log, usual, visitors, rng, **arm) for arm in arms]
        day = np.array([[views, rng.binomial(views, p)] for views in shown])
        log += day.sum(axis=0)  # at midnight
        totals += day.sum(axis=(3, 4))  # (arms, 2, shops)
    return totals[:, 1] / totals[:, 0]


# %% [markdown]
# A always shows the article that looks best by the log. B does the same, but explores in one visit in ten.
# In a simulation we can see what nobody can see in a real shop: the clicks per 100 views when all
# visitors get A (the **whole shop on A**), minus those when all get B (the **whole shop on B**), with
# the same articles. That is the truth. We compare five tests with it, all in the same invented shops and
# over 60 days:
#
# * *50/50, one log*: the usual test. Both arms learn from everything that was shown.
# * *Interleaved, one log*: each visitor sees one article of A and one of B.
# * *50/50, one log per arm*: each arm learns from its own visits only.
# * *One log per arm, half the articles*: in addition, each arm has half of the articles to itself, so each
#   article gets as many views as in the whole shop.
# * *One log per arm, full length*: each arm gets as many visits as the whole shop, as if the shop had
#   twice the visitors. So only chance distinguishes it from the truth.

# %%
designs = {  # name, do the arms share a log, share of the visitors per arm, half the articles each
    "truth": ("truth: whole shop on each", False, 1, False),
    "pooled": ("50/50, one log", True, 1 / 2, False),
    "interleaved": ("interleaved, one log", True, 1, False),
    "diverted": ("50/50, one log per arm", False, 1 / 2, False),
    "co_diverted": ("one log per arm, half the articles", False, 1 / 2, True),
    "equal_log": ("one log per arm, full length", False, 1, False),
}
labels = {test: name for test, (name, *_) in designs.items()}


# %%
def a_minus_b(test, shelf, a, b, visitors, rng):
    """What a test reports, or the truth: clicks per view under A minus those under B, (shops,)."""
    _, one_log, share, halved = designs[test]
    each = int(share * visitors)
    if one_log:
        in_a, in_b = run_shop(shelf, [a, b], each, rng)
    else:
        of_a, of_b = ([x[..., i::2] for x in shelf] for i in (0, 1)) if halved else (shelf, shelf)
        (in_a,), (in_b,) = run_shop(of_a, [a], each, rng), run_shop(of_b, [b], each, rng)
    return in_a - in_b


a, b, rng = {"explore": 0.0}, {"explore": 0.1}, np.random.default_rng(1)
shelf = labs.simulate.shelf(page.pick(200, 40), days=60, seed=0)
each_test = ws.steps(designs, "test")  # says how far it is
shops = pd.DataFrame({test: a_minus_b(test, shelf, a, b, 1_000, rng) for test in each_test})


# %%
def strip(shops, title, columns):
    """The mean over shops with its 95% interval, and each shop as a faint dot."""
    fig, ax = plt.subplots(figsize=(9, 4.8))
    rng = np.random.default_rng(0)
    for place, name in enumerate(columns[::-1]):
        x = 100 * shops[name]
        if len(x) <= 200:
            ax.plot(x, place + rng.uniform(-0.2, 0.2, len(x)), ".", color="0.75", zorder=1)
        colour = ws.PALETTE["black" if name == "truth" else "vermilion"]
        wide = 1.96 * x.std() / np.sqrt(len(x))
        ax.errorbar(x.mean(), place, xerr=wide, fmt="D", ms=9, color=colour, capsize=6)
    ax.axvline(0, color="0.4", linestyle=":")
    ax.set_yticks(range(len(columns)), [labels[c] for c in columns[::-1]])
    ax.set_ylim(-0.5, len(columns) - 0.5)
    ax.set(xlabel="A minus B (clicks per 100 views)", ylabel="measured by", title=title)
    return fig


# %% slideshow={"slide_type": "subslide"}
fig = strip(shops, "A never explores, B does: which one is better?", list(labels))
means = "; ".join(f"{labels[c]} {100 * shops[c].mean():+.1f}" for c in labels)
ws.show(fig, alt=f"A minus B in clicks per 100 views, mean over invented shops. {means}.")


# %%
def against_truth(shops):
    """For each test: A minus B, how far that is from the truth, how often the wrong one wins."""
    root, truth = np.sqrt(len(shops)), shops["truth"]
    for name in (name for name in labels if name in shops):
        gap, off, note = 100 * shops[name], 100 * (shops[name] - truth), ""
        if name != "truth":
            far = 1.96 * off.std() / root
            told = " (may be chance)" if abs(off.mean()) < far else ""
            wrong = (np.sign(gap) != np.sign(truth)).mean()
            note = f"; differs from the truth by {off.mean():+.1f} ± {far:.1f}{told}"
            note += f"; wrong winner in {wrong:.0%} of shops"
        print(f"{labels[name]:>34}: {gap.mean():+5.1f} ± {1.96 * gap.std() / root:.1f}{note}")


print(f"A minus B in clicks per 100 views: mean of {len(shops)} shops with its 95% interval.")
against_truth(shops)

# %% [markdown]
# The usual test does not just get the size of the effect wrong: it **reverses the effect**, and with
# great confidence. A lives on what B finds out, and does not pay for it. Switch B off, and A has nobody
# left to live on: the whole shop on A gets far fewer clicks than the whole shop on B, as the first line
# says. Nothing in the test's own numbers hints at this. The test even looks precise: the grey dots (one
# per shop) lie closest together where the log is shared.
#
# The remedy is one log per arm (**data-diverted**). Now the sign is right on average, and the size is
# near the truth. Each arm learns from only half of the visits; to see whether that matters, compare the
# lines *50/50, one log per arm* and *full length*. But read the last number of each line too. A single
# shop is noisy: even with logs of full length, a test in one shop sometimes names the wrong winner.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the figure: "B wastes every tenth visit. Who wins?" Let them vote for the truth and for the
# test. Then ask who shares a log between arms, and who has ever compared what a test promised with what
# happened after the launch. (8 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### When one log per arm misleads (at home)
#
# Is one log per arm always right? Here is another pair. A counts clicks separately for each of 15 groups
# of visitors (`personal`), and B counts all visitors together. Both show a random article in half of
# their visits. A is better *if it has enough data*. Now take 300 small shops whose articles change, run
# each of them for 40 days, and test the pair in four of the five ways:

# %%
a, b = ({"explore": 0.5, "personal": grouped, "prior": 3} for grouped in (True, False))
small = labs.simulate.shelf(300, days=40, groups=15, taste=0.65, quality=0.8, seed=0)
rng, asked = np.random.default_rng(1), [test for test in designs if test != "interleaved"]
each_test = ws.steps(asked, "test")
hungry = pd.DataFrame({test: a_minus_b(test, small, a, b, 200, rng) for test in each_test})
fig = strip(hungry, "A needs much data, B needs little", asked)
means = "; ".join(f"{labels[c]} {100 * hungry[c].mean():+.1f}" for c in hungry)
ws.show(fig, alt=f"A minus B in clicks per 100 views, mean over 300 small shops. {means}.")

# %%
against_truth(hungry)

# %% [markdown]
# Here a log per arm is too short for A, which needs much data, and on average the better arm seems to
# lose. One shared log errs in the other direction and makes A look better than it is, since A also
# learns from the visits of B. With half the articles per arm (*user-corpus co-diversion*) we see no
# clear difference between the mean and the truth, but in a single shop the test is little better than
# tossing a coin. Only the *full length* test is right on average in both examples.
#
# So before a test ask: *what would each arm learn from if it had the whole shop to itself?* And give it
# that.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### A more precise test: interleaving (at home)
#
# An A/B test compares *people*, and people differ far more than recommenders do. **Interleaving** lets A
# and B pick in turn for one list, as captains pick teams, and asks whose picks are clicked. So A and B
# are compared on the same visitor. This function drafts the lists; a coin decides who begins each round:


# %%
def draft(orders, places, rng):
    """Orders of A and B (2, visitors, articles) -> picks and whose (0: A), (visitors, places)."""
    everyone = np.arange(orders.shape[1])
    taken = np.zeros(orders.shape[1:], dtype=bool)
    picks, whose = [], []
    for _ in range(places // 2):
        begins = rng.integers(0, 2, len(everyone))  # a coin for each visitor
        for who in (begins, 1 - begins):
            order = orders[who, everyone]  # (visitors, articles), the best first
            free = ~np.take_along_axis(taken, order, axis=1)
            picks.append(order[everyone, free.argmax(axis=1)])  # the first that is free
            taken[everyone, picks[-1]] = True
            whose.append(who)
    return np.stack(picks, axis=1), np.stack(whose, axis=1)


# %% [markdown]
# Each visitor wants some articles more than others. A ranker sees that with noise, and we know the truth:
# A ranks with less noise than B. Visitors also differ in how eagerly they click. We give both tests the
# same visitors:


# %%
def visit(n, rng, noises=(1.0, 1.3), articles=20, places=6):
    """Clicks on A's list, on B's, and on A's picks minus those on B's picks in one list: (3, n)."""
    want = rng.normal(size=(n, articles))
    seen = [want + noise * rng.normal(size=want.shape) for noise in noises]
    orders = np.argsort(-np.stack(seen), axis=-1)  # (2, n, articles)
    eager = 1.5 * rng.normal(size=(n, 1))
    would = rng.random(want.shape) < 1 / (1 + np.exp(3 - eager - want))  # click, if it is shown
    clicks = [np.take_along_axis(would, o[:, :places], axis=1).sum(axis=1) for o in orders]
    picks, whose = draft(orders, places, rng)
    clicked = np.take_along_axis(would, picks, axis=1)
    return np.stack([*clicks, (clicked * (1 - 2 * whose)).sum(axis=1)])


# %% [markdown]
# The figure shows the **power** of both tests: the share of tests that find the better ranker. Both tests
# are set so that two equal rankers give a false alarm in 5% of tests.


# %%
def power_of(visits, n):
    """visits (tests, 3, visitors) -> shares of tests that find A, with n visitors: two numbers."""
    a, b, lead = visits[:, 0, : n // 2], visits[:, 1, n // 2 : n], visits[:, 2, :n]
    z = (a.mean(1) - b.mean(1)) / np.sqrt((a.var(1) + b.var(1)) / (n // 2))
    paired = lead.mean(1) / np.sqrt(lead.var(1) / n)
    return {"A/B": (z > 1.96).mean(), "interleaved": (paired > 1.96).mean()}


sizes, rng = page.pick([100, 200, 400, 800, 1600], [100, 400, 800]), np.random.default_rng(0)
visits = np.stack([visit(max(sizes), rng) for _ in range(page.pick(200, 100))])
power = pd.DataFrame({n: power_of(visits, n) for n in sizes}).T


# %%
fig, ax = plt.subplots()
ax.plot(power["interleaved"], "o-", label="interleaved")
ax.plot(power["A/B"], "s--", label="A/B")
ax.set_xscale("log")
ax.set_xticks(sizes, [str(s) for s in sizes])
ax.minorticks_off()
ax.set(xlabel="visitors in the test", ylabel="power (share of tests)", ylim=(0, 1))
ax.set(title="How often a test finds the better ranker")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
text = ", ".join(f"{n}: {r.interleaved:.0%} against {r['A/B']:.0%}" for n, r in power.iterrows())
ws.show(fig, alt=f"How often interleaving and A/B find the better ranker, by visitors. {text}.")

# %% [markdown]
# Interleaving is more precise, but with a shared log it measures the wrong difference: see
# *interleaved, one log* in the figure "A never explores, B does". It is no cure for interference.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### How many visitors
#
# How many visitors does an A/B test need? Say the click rate is p in both arms, and n visitors come to
# each. The difference of two observed rates then has a standard error of √(2 p (1 − p) / n). We call a
# difference *significant* beyond 1.96 standard errors, so that two equal arms raise a false alarm in 5%
# of tests. That share is the **level**. The *lift* is the true difference of the two rates. What a test
# observes is the lift plus noise, and this sum has to exceed 1.96 standard errors. In 80% of tests the
# noise is above −0.84 standard errors. So if the lift is 1.96 + 0.84 standard errors, the sum exceeds
# 1.96 standard errors in 80% of tests: the test has a power of 80%.

# %% [markdown]
# ### Exercise: how many visitors?
#
# Write `visitors(rate, lift)`: the visitors needed *in each arm* to see a click rate rise from `rate` to
# `rate + lift`. The next cell runs two thousand tests with your number.
#
# <details><summary>Hint 1</summary>
#
# The lift has to be (1.96 + 0.84) standard errors. Write that as an equation and solve it for n.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Square both sides: lift² = (1.96 + 0.84)² · 2 p (1 − p) / n.
#
# </details>


# %% tags=["stub"]
def visitors(rate, lift):
    """Click rate of the first arm, how much higher the second is -> visitors in each arm."""
    return None  # your turn


# %% tags=["solution"]
def visitors(rate, lift):
    """Click rate of the first arm, how much higher the second is -> visitors in each arm."""
    return int(np.ceil(2 * (1.96 + 0.84) ** 2 * rate * (1 - rate) / lift**2))


# %%
ws.check("07.visitors", visitors)

# %%
needed = ws.use("07.visitors", visitors)
rng = np.random.default_rng(0)
found = {}
for lift in (0.02, 0.01, 0.002):
    n = int(needed(0.1, lift))
    first, second = (rng.binomial(n, rate, 2_000) / n for rate in (0.1, 0.1 + lift))
    pooled = (first + second) / 2
    z = (second - first) / np.sqrt(2 * pooled * (1 - pooled) / n)
    found[lift] = (z > 1.96).mean()
    print(
        f"From 10.0% to {0.1 + lift:.1%}: {n:>9,} visitors in each arm; {found[lift]:.0%} of tests find the rise"
    )

# %% [markdown]
# Half the lift needs four times the visitors.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### When to look (at home)
#
# So tests take long, and people get impatient: they look before the end, and stop as soon as the
# difference is significant. Take two arms that are *the same*, and look at them every day:

# %%
rng = np.random.default_rng(0)
tests, days_run, each, rate = 2_000, 20, 200, 0.1  # `each`: visitors per day and arm
clicks = rng.binomial(each, rate, size=(2, tests, days_run)).cumsum(axis=2)
n = each * np.arange(1, days_run + 1)  # (days,) visitors so far
pooled = clicks.sum(axis=0) / (2 * n)  # (tests, days)
z = (clicks[1] - clicks[0]) / np.sqrt(2 * n * pooled * (1 - pooled))
significant = np.abs(z) > 1.96
once = significant.mean(axis=0)  # (days,) looked at on that day only
stopped = np.maximum.accumulate(significant, axis=1).mean(axis=0)  # on that day or before

# %%
fig, ax = plt.subplots()
ax.plot(range(1, days_run + 1), 100 * stopped, "o-", label="stopped at the first significant look")
ax.plot(range(1, days_run + 1), 100 * once, "s--", label="looked once, on that day")
ax.axhline(5, color="0.4", linestyle=":")
ax.set_xticks([1, 5, 10, 15, 20])
ax.set(xlabel="days, with one look per day", ylabel="false alarms (% of tests)", ylim=(0, None))
ax.set(title="Two equal arms: looking every day raises false alarms")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
ends = f"{stopped[-1]:.0%} when stopping at the first significant look, {once[-1]:.0%} when"
ws.show(fig, alt=f"False alarms among equal arms after 20 days: {ends} looking once, at the end.")

# %% [markdown]
# Each look is a new chance to be fooled. Fix the number of visitors beforehand and look once. Or use a
# method that allows many looks (a sequential test). Or look early only to stop a test that does harm, and
# never to name a winner.
#
# One look is always allowed, and should come first: are the arms as large as planned? If 50/50 was
# planned and one arm has clearly fewer visitors than the other, some of its visitors got lost somewhere,
# and no later number can be trusted. This is the **sample-ratio check**.

# %% [markdown]
# ### CUPED: compare people with their own past (at home)
#
# People differ, and much of the difference was there before the test. **CUPED** (controlled experiments
# using pre-experiment data) looks at what each visitor did before the test. From this it predicts how
# far their clicks during the test lie above or below the average, and it subtracts the predicted
# difference from those clicks. What visitors did before does not depend on their arm, so on average over
# many tests the difference between the arms stays the same. But it is less noisy, so the test is more
# precise.

# %%
rng = np.random.default_rng(0)
arm = rng.integers(0, 2, 20_000)  # which recommender each visitor gets
eager = rng.gamma(2.0, 2.0, 20_000)  # clicks per week that this visitor makes on average
before, during = rng.poisson(eager), rng.poisson(eager + 0.2 * arm)
slope = np.cov(before, during)[0, 1] / before.var(ddof=1)
print(f"sample-ratio check: {(arm == 1).sum():,} of 20,000 visitors in the second arm,", end=" ")
print(f"{abs(arm.mean() - 0.5) / np.sqrt(0.25 / 20_000):.1f} standard errors from one half")
for name, y in (("as it is", during), ("CUPED", during - slope * (before - before.mean()))):
    lift = y[arm == 1].mean() - y[arm == 0].mean()
    error = np.sqrt(sum(y[arm == a].var() / (arm == a).sum() for a in (0, 1)))
    print(f"{name:>9}: {lift:+.2f} ± {1.96 * error:.2f} clicks per week; planted +0.20")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Judge a recommender that nobody has seen
#
# A test takes weeks, and shows a new idea to real people. Can you judge the new recommender from the log
# that you already have? The log says what the *old* recommender showed. What the new one would have
# shown is mostly not in it. A *policy* is a rule that gives, for each visitor, the probability that each
# article is shown. Judging a new policy from the log of an old one is called **off-policy evaluation**.
#
# It works if the old policy showed some articles at random, and if the log says how likely each showing
# was. We simulate a shop to know the truth, with five groups of visitors and twenty articles. In half of
# the visits the old policy shows the article with the best quality, and in the other half an article
# drawn at random. The new policy knows the tastes of the groups, and draws at random in 5% of the visits.

# %%
rng = np.random.default_rng(0)
groups, items, views = 5, 20, 20_000
quality, taste = 0.6 * rng.normal(size=items), 0.6 * rng.normal(size=(groups, items))
p_click = 1 / (1 + np.exp(2 - quality - taste))  # (groups, items); nobody sees it


def policy(scores, explore):
    """How likely each article is for each group, (groups, items): mostly the best one."""
    best = np.eye(items)[np.broadcast_to(scores, (groups, items)).argmax(axis=1)]
    return (1 - explore) * best + explore / items


# %%
def make_log(old, rng):
    """Group, article shown and click of each view: three arrays (views,)."""
    group = rng.integers(groups, size=views)
    shown = (rng.random((views, 1)) > old.cumsum(axis=1)[group]).sum(axis=1).clip(0, items - 1)
    return group, shown, rng.random(views) < p_click[group, shown]


# %%
def click_rates(shown, click):
    """A model: clicks per view of each article (items,), the same for all groups."""
    views_of = np.bincount(shown, minlength=items)
    return (np.bincount(shown, click, items) + 10 * click.mean()) / (views_of + 10)


old, new = policy(quality, explore=0.5), policy(quality + taste, explore=0.05)
truth = float((new * p_click).sum(axis=1).mean())  # clicks per view under the new policy
group, shown, click = make_log(old, rng)
by_model = (new * click_rates(shown, click)).sum(axis=1).mean()
print(f"clicks per view: old policy {click.mean():.3f}, new policy in truth {truth:.3f},")
print(f"new policy according to a model of click rates per article {by_model:.3f}")

# %% [markdown]
# The obvious way is to learn a model of click rates from the log and ask it. This one counts clicks per
# article and knows nothing of groups, so it can't see why the new policy is good.
#
# The log can tell us the click rate of the new policy without a model. Take a view that the old policy
# made with probability 0.025, and that the new one would make with probability 0.95. The new policy
# would make such views 38 times as often, so a click in this view counts 38 times: the weight of each
# click is *new probability / old probability*. This is **inverse propensity scoring** (IPS); the logged
# probability is called the propensity.

# %% [markdown]
# ### Exercise: inverse propensity scoring
#
# Write `ips(click, new_p, old_p)`: the estimated clicks per view under the new policy, from three arrays
# with one entry per logged view: click or not, and the probabilities of this view under both policies.
# Everything below uses your function.
#
# <details><summary>Hint 1</summary>
#
# Weight each view by `new_p / old_p`, and take the mean of weight times click over *all* views.
#
# </details>
# <details><summary>Hint 2</summary>
#
# If the two policies are the same, all weights are 1, and the answer is the mean of the clicks.
#
# </details>


# %% tags=["stub"]
def ips(click, new_p, old_p):
    """Three arrays (views,) -> clicks per view under the new policy."""
    return None  # your turn


# %% tags=["solution"]
def ips(click, new_p, old_p):
    """Three arrays (views,) -> clicks per view under the new policy."""
    return (click * new_p / old_p).mean()


# %%
ws.check("07.ips", ips)

# %% [markdown]
# IPS is right on average, and noisy: a few views carry huge weights. Two related estimates are less noisy.
#
# * **Self-normalised** (SNIPS) divides by the sum of the weights and not by the number of views.
# * **Doubly robust** asks the model first, and uses IPS only for what the model got wrong: clicks minus
#   predicted rates. It is right on average if *either* the probabilities *or* the model are right.
#
# A single log may be lucky or unlucky, so we draw two hundred logs from each of two old policies: one
# shows a random article in half of the visits, the other in one visit in ten.

# %%
estimate = ws.use("07.ips", ips)


def estimates(old, rng):
    """Clicks per view of the new policy by four methods, from one log of the old policy."""
    group, shown, click = make_log(old, rng)
    new_p, old_p = new[group, shown], old[group, shown]
    rates = click_rates(shown, click)
    model = (new * rates).sum(axis=1).mean()
    weighted = estimate(click, new_p, old_p)
    return {
        "model of clicks": model,
        "IPS": weighted,
        "self-normalised": weighted / (new_p / old_p).mean(),
        "doubly robust": model + estimate(click - rates[shown], new_p, old_p),
    }


# %%
rng = np.random.default_rng(1)
judged = {
    explore: pd.DataFrame([estimates(policy(quality, explore), rng) for _ in range(200)])
    for explore in (0.5, 0.1)
}
for explore, table in judged.items():
    print(f"{explore:.0%} of the log is random; truth {truth:.3f} clicks per view")
    for name, values in table.items():
        off = values.mean() - truth
        print(
            f"{name:>17}: {values.mean():.3f}, off by {off:+.3f} on average; sd {values.std():.3f}"
        )

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(12, 4.5), sharex=True, sharey=True)
for ax, (explore, table) in zip(axes, judged.items(), strict=True):
    for k, name in enumerate(table):
        low, high = np.quantile(table[name], [0.025, 0.975])
        ax.plot([low, high], [k, k], lw=5, alpha=0.4, color=ws.PALETTE["blue"])
        ax.plot(table[name].mean(), k, "D", color=ws.PALETTE["blue"])
    ax.axvline(truth, color=ws.PALETTE["vermilion"], linestyle="--", label="truth")
    ax.set(title=f"{explore:.0%} of the log is random")
    ax.set(xlabel="clicks per view of the new policy\n(the axis does not start at 0)")
axes[0].set_yticks(range(4), list(table))
axes[0].set(ylabel="estimated by", ylim=(3.6, -0.6))
axes[1].legend(loc="upper right")
alt = "Estimates from 200 logs: means with bars that hold 95% of them, and the truth as a line."
ws.show(fig, alt=alt + " The model is off; the others are centred on the truth.")

# %% [markdown]
# The model of clicks is precise and wrong: it is **biased**, and a longer log does not help it. The
# three methods that use the logged probabilities are centred on the truth. The more random showings the
# log contains, the smaller is their spread. So the random showings, which look like a waste, are what
# makes these estimates possible. Where the old policy never shows an article, its probability is zero,
# and no formula can say what would have happened.
#
# **Your turn.** Let the new policy explore more (`policy(quality + taste, explore=0.5)`). Predict what
# happens to the spread, run the cells again, and look.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The loop closes
#
# Last, we leave the recommender alone. Every night it is trained on its own log, and every day it shows
# what it thinks is best. There are 100 people and 100 films. The model knows each person's taste, as one
# vector per person. Each night it fits one vector per film to the ratings so far. Each person is shown
# five films per day; on the first day they are drawn at random. What do the lists look like after 40
# days? Each night's training is a ridge regression per film, that is, least squares with a penalty:


# %%
def fit_films(log, people):
    """The log's sums (2, shops, people, films), people (shops, people, 3) -> (shops, films, 3)."""
    views, ratings = log  # how often shown to whom, and the sum of the ratings
    square = people[..., :, None] * people[..., None, :]  # (shops, people, 3, 3)
    gram = np.einsum("spf,spij->sfij", views, square) + np.eye(3)  # an unseen film stays 0
    right = np.einsum("spf,spi->sfi", ratings, people)
    return np.linalg.solve(gram, right[..., None])[..., 0]


def best_five(score):
    """The places of each person's five highest scores: (..., films) -> (..., 5)."""
    return np.argpartition(-score, 4, axis=-1)[..., :5]


# %% [markdown]
# Each person also has a *best list*, the five films that suit their taste best. We compare the model's
# lists with the best lists. *Joy* is how much people like the films in a list on average, as a share of
# what they get from the best lists.


# %%
def describe(lists, score):
    """Lists (shops, people, 5) -> joy, films that two people share, share of films: (3, shops)."""
    n_people, n_films = score.shape[1:]
    joy = np.take_along_axis(score, lists, axis=-1).mean(axis=(1, 2))
    on = np.stack([np.bincount(shop.ravel(), minlength=n_films) for shop in lists])  # lists
    shared = (on * (on - 1)).sum(axis=1) / (n_people * (n_people - 1))  # mean over pairs
    return np.stack([joy, shared, (on > 0).mean(axis=1)])


# %%
def feedback_loop(people, score, explore, rng, days=40):
    """What `describe` says of each day's lists, and the joy in what was shown: (4, days, shops)."""
    log, history = np.zeros((2, *score.shape)), []
    shop, person, _ = np.ogrid[: len(score), : score.shape[1], :1]
    for _ in range(days):
        guess = people @ fit_films(log, people).swapaxes(1, 2)  # (shops, people, films)
        chosen = best_five(guess + 1e-9 * rng.random(guess.shape))  # equal guesses: any
        by_chance = rng.random(chosen.shape) < explore
        shown = np.where(by_chance, rng.integers(0, score.shape[2], chosen.shape), chosen)
        liked = np.take_along_axis(score, shown, axis=-1)
        np.add.at(log[0], (shop, person, shown), 1)
        np.add.at(log[1], (shop, person, shown), liked + rng.normal(size=liked.shape))
        history.append([*describe(chosen, score), liked.mean(axis=(1, 2))])
    return np.swapaxes(history, 0, 1)


# %%
rng = np.random.default_rng(0)
people, films = rng.normal(size=(2, page.pick(20, 10), 100, 3))  # of so many shops
score = people @ films.swapaxes(1, 2) / np.sqrt(3)  # how well each film suits each person
most, least, _ = describe(best_five(score), score)  # joy and films shared in the best lists
loops, final, columns = {}, {}, ("joy", "overlap", "alive", "served")
for share in (0.0, 0.1, 0.3):
    run = feedback_loop(people, score, share, np.random.default_rng(1))
    units = zip(columns, run, (most, least, 1, most), strict=True)
    loops[share] = {name: x / unit for name, x, unit in units}  # (days, shops) each
    end = final[share] = {name: x[-1].mean() for name, x in loops[share].items()}
    print(f"{share:.0%} of the places at random: two people's lists share", end=" ")
    print(f"{end['overlap']:.2f} times as many films as their best lists;", end=" ")
    print(f"{end['alive']:.0%} of the films are in some list;", end=" ")
    print(f"joy in what was shown, random places included: {end['served']:.0%}.")


# %% slideshow={"slide_type": "subslide"}
panels = {
    "overlap": "films that two people's lists share\n(1 = as many as their best lists share)",
    "joy": "joy in the model's lists\n(share of the best possible)",
}
fig, axes = plt.subplots(1, 2, figsize=(11, 4.8))
for ax, (column, label) in zip(axes, panels.items(), strict=True):
    for (share, tables), style in zip(loops.items(), ("-", "--", "-."), strict=True):
        band(ax, pd.DataFrame(tables[column])[1:], style, f"{share:.0%} of places at random")
    ax.axhline(1, color="0.4", linestyle=":")
    ax.set(xlabel="day", ylabel=label)
axes[0].set(title="Do people's lists become more alike?")
axes[1].set(title="Are the lists good? (neither axis starts at 0)")
axes[1].legend(loc="lower right")
ends = (f"{e:.0%}: overlap {f['overlap']:.2f}, joy {f['joy']:.2f}" for e, f in final.items())
text = "; ".join(ends)
ws.show(fig, alt=f"Overlap and joy over days, by share of random places. At the end: {text}.")

# %% [markdown]
# Left alone, the loop makes people's lists **more alike than their tastes are**, and the lists are not
# the best for them either. A film that was unlucky in its first showings is never shown again, so nobody
# learns that some people would have loved it. When a few places in each list are filled at random, the
# films that the model chooses differ more from person to person, and they suit people better. This has a
# price, which you see in the last number of each printed line: joy in what was shown falls, since a
# random film suits most people less well than a chosen one. In this small world, where tastes and films
# do not change, the films shown at random cost more joy every day than the better lists bring. Once the
# lists have become better, you could show fewer random films.
#
# Where articles come and go, you always need some random showings, since nobody knows yet how good a new
# article is. In the first A/B test above only B showed random articles. Where the arms shared a log,
# both lived on what B found out. Page 13 shows a better way than random places: it explores where the
# model is unsure.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask: where in the first picture would you put the random places? (In ranking, and the log must say
# *that* a place was random, and with which probability: off-policy evaluation lives on such rows.) Who
# decides in your company that a tenth of the places may be "wasted"? (5 minutes)

# %% [markdown]
# A last question, without a check. Three teams ask you for a test. The first compares two fixed rankers,
# with few visitors. The second compares a recommender that explores with one that only reads the log. The
# third compares two colours of a button. Which test of this page would you give to each, and what would
# you ask them to log?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * A recommender is a loop. Log what was shown, how likely that was, and the features as they were, or
#   training and shop drift apart.
# * Measure bytes and seconds before you buy machines.
# * When two arms share a log, the test can name the wrong winner. Ask what each arm would learn from if
#   it had the whole shop to itself.
# * Fix the number of visitors, check that the arms have the shares you planned, and look once.
# * Logged probabilities let you judge a recommender that was never shown. The price is variance.
# * Left alone, the loop makes people's lists too alike. A few random places help; the log must say which
#   places were random.
#
# **To read on**
#
# * D. Sculley and others, "Hidden technical debt in machine learning systems", NIPS 2015: its picture of
#   a whole system shows the model as one small box among many.
# * R. Kohavi, D. Tang and Y. Xu, *Trustworthy Online Controlled Experiments*, Cambridge University
#   Press, 2020: A/B tests, interference, sample-ratio checks and CUPED.
# * M. Dudík, J. Langford and L. Li, "Doubly robust policy evaluation and learning", ICML 2011: the
#   model, IPS and the doubly robust estimate, and why the last is right if either the model or the
#   probabilities are right.
# * "Reducing symbiosis bias through better A/B tests of recommendation algorithms" (Brennan and others,
#   2025): arms that share a log, and the remedies; the shop on this page is ours.
# * F. Radlinski, M. Kurup and T. Joachims, "How does clickthrough data reflect retrieval quality?", CIKM
#   2008: interleaving by drafting teams.
