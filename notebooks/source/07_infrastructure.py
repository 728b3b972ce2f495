# ---
# minutes: 45
# needs: [06_evaluation]
# knows: "what an A/B test is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # The machinery around a recommender
#
# See how data flows around a model that is in use, and how this flow misleads those who train and
# test on it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("07_infrastructure")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One click goes round
#
# Nothing to follow along here: run each cell, look, and talk. First the picture to which the whole
# page belongs. It is an example; yours will have other boxes and the same loop.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from recsys_workshop.labs.drawing_infrastructure import infrastructure

text = """While somebody waits: candidates are chosen out of millions, ranked and shown. All day: what
was shown, with which features, and what was clicked goes into a log, and from there into features of
today, which candidates and ranking read. Every night: the log becomes a training table, training
makes features, vectors and a model, which candidates and ranking read the next day."""
ws.show(infrastructure(), alt=text)

# %% [markdown]
# Follow one click. Somebody opens the shop. A cheap step picks some hundred **candidates** out of
# millions; a slower, more accurate step **ranks** them; ten are **shown**. All of it goes into the **log**: not only
# the click, but *what was shown* and *which features the model saw*. Within seconds the click is a
# **feature of today**. At night it is a row of the **training table**, and tomorrow's model has
# learned from it.
#
# Two things make this hard, and the rest of the page is about them. The same feature is computed
# twice, at night for training and in the shop for serving. And it is a loop: the model is trained on
# what it has shown itself.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Let the room find their own company in the picture: which box is missing, which is a spreadsheet?
# Ask who logs what was *shown*. Usually a third of the hands; the others cannot train on what was
# not clicked. (6 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Today is worth more than last month
#
# A model trained at night knows your taste, and nothing of your mood: that tonight you look for
# something to watch with the children. Your first click tells.
#
# We simulate that, so that we know the truth. Each invented person has a long-term taste for six
# genres, and each day a hidden mood, one genre. Four clicks in ten follow the mood, the rest the
# taste. A model with two weights foresees the next click from the long-term profile and from the
# counts of today. It gets today's clicks at once (*streamed*), three clicks late, or never
# (*nightly*).
#
# How good is it? We take its **surprise**: −ln of the probability that it gave to what happened. A
# model that is always sure and right has 0. (The unit of a natural logarithm is called *nat*.)

# %%
from recsys_workshop import labs

days = labs.simulate.intraday(genres=6, mood=0.4, lag=3, seeds=page.pick(20, 6), seed=0)
by_world = days.groupby(["feed", "world"])[["surprise", "offline", "hit"]].mean()
names = {"nightly": "never (nightly)", "late": "three clicks late", "streamed": "at once"}
names["truth"] = "best possible"


# %%
def band(ax, each, style, label):
    """Mean over the columns of `each` as a line, with a band of two standard errors."""
    mean, error = each.mean(axis=1), each.std(axis=1) / np.sqrt(each.shape[1])
    (line,) = ax.plot(mean, style, label=label)
    ax.fill_between(
        mean.index, mean - 2 * error, mean + 2 * error, color=line.get_color(), alpha=0.2
    )


# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
for (feed, label), style in zip(names.items(), ("s--", "^-.", "o-", "k:"), strict=True):
    of_feed = days[days["feed"] == feed]
    band(ax, of_feed.pivot(index="click", columns="world", values="surprise"), style, label)
ax.set(xlabel="click of the day", ylabel="surprise by the next click (nats, −ln p)")
ax.legend(title="today's clicks\nreach the model", loc="center left", bbox_to_anchor=(1, 0.5))
last = days[days["click"] == days["click"].max()].groupby("feed")["surprise"].mean()
ends = ", ".join(f"{label} {last[feed]:.2f}" for feed, label in names.items())
ws.show(fig, alt=f"Surprise by each click of a day, with bands over worlds. At the end: {ends}.")

# %%
mean_by_feed = by_world.groupby("feed").mean()
gain = by_world["surprise"]["nightly"] - by_world["surprise"]["streamed"]  # one a world
possible = by_world["surprise"]["nightly"] - by_world["surprise"]["truth"]
print(f"Streaming lowers the surprise by {gain.mean():.3f} nats a click,", end=" ")
print(
    f"{gain.mean() / possible.mean():.0%} of what is possible; between worlds ± {gain.std():.3f}."
)
foreseen = ", ".join(f"{mean_by_feed['hit'][feed]:.1%} ({label})" for feed, label in names.items())
print("The next genre is foreseen:", foreseen)

# %% [markdown]
# Before the first click all three know the same; the streamed one even starts a little worse, since
# its two weights must serve the whole day. Then it pulls away. A late stream does nothing until it
# arrives, and many visits are over by then.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Training saw another feature
#
# Now a mistake that is made everywhere. The training table is joined at midnight from the finished
# log: each click of the day gets the column "clicks on this genre today". It is the same column as in
# the shop, by name. But at midnight it also counts the clicks that came *later*, and the very click
# to be foreseen. This is **training/serving skew**.

# %%
skew = mean_by_feed.loc[["nightly", "streamed", "skewed"], ["offline", "surprise", "hit"]]
skew.columns = ["surprise in the training table", "surprise in the shop", "right genre in the shop"]
skew.round(3)

# %%
worse = by_world["surprise"]["skewed"] - by_world["surprise"]["nightly"]
weight = days.groupby("feed")["today"].mean()
print(
    f"In the table, skew looks better than the best possible ({mean_by_feed['offline']['truth']:.2f})."
)
print(
    f"In the shop it is worse than no stream at all in {(worse > 0).sum()} of {len(worse)} worlds."
)
print(f"Weight of today: {weight['streamed']:.2f} honest, {weight['skewed']:.2f} with skew.")

# %% [markdown]
# The model was taught that today's count gives the answer away, and trusts it twice as much as it
# should. Look at the last column, though: it picks the right genre as often. Where only the *order*
# counts, you may never notice. Where the probability is used (to bid, to mix lists, to decide whether
# to send a message at all), it is badly wrong.
#
# The cure is dull and complete: **log the features as they were when they were used, and train on
# those.** It is the box in bold in the picture.

# %% [markdown]
# ### Exercise: as it was
#
# Films were shown at the times `shown`, clicks came at the times `clicks` (arrays of seconds, in no
# order). Write `clicks_so_far(shown, clicks)`: for each showing, how many clicks came *strictly
# before* it.
#
# <details><summary>Hint 1</summary>
#
# `clicks[None, :] < shown[:, None]` is a table of yes and no, one line a showing.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Sum it along the axis of the clicks: `.sum(axis=1)`. (With many rows: `np.searchsorted` on the
# sorted clicks.)
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

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One machine is mostly enough
#
# Before anybody orders a cluster: measure, and multiply. How many bytes is a rating here, and how
# many ratings does this machine learn from in a second, on one processor?

# %%
train = page.train
columns = (train.user, train.item, train.rating, train.timestamp)
bytes_each = sum(c.itemsize for c in columns)
model = rt.models.BiasedMF.for_dataset(train)
history = rt.fit(model, train, epochs=page.pick(4, 2), progress=False)
seconds = history.frame["seconds"].iloc[-1]
speed = len(history.frame) * len(train) / seconds  # ratings a second
print(
    f"{bytes_each} bytes a rating; {speed / 1e6:.2f} million ratings a second, {model.dim} numbers each."
)

# %%
sizes = {
    "MovieLens-100K": (943, 1_682, 100_000),
    "MovieLens-32M": (200_948, 87_585, 32_000_204),
    "a large shop": (10_000_000, 1_000_000, 1_000_000_000),
}
plan = pd.DataFrame(sizes, index=["people", "things", "ratings"]).T
plan["ratings (GiB)"] = plan["ratings"] * bytes_each / 2**30
numbers = (plan["people"] + plan["things"]) * model.dim
plan["vectors (GiB)"] = numbers * 4 / 2**30  # four bytes a number
plan["an epoch (minutes)"] = plan["ratings"] / speed / 60
plan.round(2)

# %% [markdown]
# Take the minutes as a lower bound. They assume that speed does not fall with size; in truth rows of
# large tables come from main memory and not from the cache, and page 19 measures by how much. But the
# orders of magnitude stand. What fits into the memory of one machine should be trained on one
# machine: no network, no waiting for the slowest, one log file. Ratings and vectors of nearly
# everybody fit.
#
# What needs many machines is everything else in the picture: answering thousands of requests a
# second, keeping the log, surviving the loss of a disk.

# %% [markdown]
# ### Exercise: does it fit?
#
# 20 million people, 5 million things, 32 numbers each, 4 bytes a number. While it trains, Adam keeps
# two more numbers for each number of the model, and there is one for its gradient. How many GiB
# (2³⁰ bytes) are that altogether?
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
# Half of the visitors get recommender A, half get B, and the better one wins. Simple, if the two
# halves do not touch. But recommenders learn, and in many companies they learn from *one* log. Then A
# is trained on what B has shown, and B on what A has shown.
#
# Here is a shop in which that matters. Articles come and go, and some are much better than others. A
# always shows what looks best by the log. B does the same, but gives one visit in ten to an article
# at random, to find out. The truth is what nobody can see: the **whole shop on A**, minus the **whole
# shop on B**, with the same articles and visitors.

# %%
a, b = labs.simulate.Policy(explore=0.0), labs.simulate.Policy(explore=0.1)
shops = labs.simulate.ab_test(a, b, seeds=page.pick(60, 20), seed=0)
labels = {
    "truth": "truth: whole shop each",
    "pooled": "50/50, one log",
    "interleaved": "interleaved, one log",
    "diverted": "50/50, a log each",
    "co_diverted": "... and half the articles each",
    "equal_log": "a log each, of full length",
}


# %%
def strip(shops, title, columns):
    """The mean over shops with its 95% interval; each shop a faint dot, if they are not too many."""
    fig, ax = plt.subplots(figsize=(9, 4.8))
    rng = np.random.default_rng(0)
    for place, name in enumerate(columns[::-1]):
        x = 100 * shops[name]
        if len(x) <= 100:
            ax.plot(x, place + rng.uniform(-0.2, 0.2, len(x)), ".", color="0.75", zorder=1)
        colour = ws.PALETTE["black" if name == "truth" else "vermilion"]
        wide = 1.96 * x.std() / np.sqrt(len(x))
        ax.errorbar(x.mean(), place, xerr=wide, fmt="D", ms=9, color=colour, capsize=6)
    ax.axvline(0, color="0.4", linestyle=":")
    ax.set_yticks(range(len(columns)), [labels[c] for c in columns[::-1]])
    ax.set(xlabel="A minus B (clicks in 100 views)", ylabel="measured by", title=title)
    return fig


# %% slideshow={"slide_type": "subslide"}
fig = strip(shops, "A never explores, B does", list(labels))
means = ", ".join(f"{labels[c]} {100 * shops[c].mean():+.1f}" for c in labels)
ws.show(fig, alt=f"A minus B in clicks per 100 views, mean over invented shops: {means}.")

# %%
error = shops.std() / np.sqrt(len(shops))
print(f"{len(shops)} shops, clicks in 100 views, ± one standard error:")
for name in labels:
    wrong = (np.sign(shops[name]) != np.sign(shops["truth"])).mean()
    note = "" if name == "truth" else f"; the wrong winner in {wrong:.0%} of the shops"
    print(f"{labels[name]:>31}: {100 * shops[name].mean():+5.1f} ± {100 * error[name]:.1f}{note}")

# %% [markdown]
# The usual test does not shrink the effect, it **turns it round**, with great confidence. A lives on
# what B finds out, and does not pay for it. You switch B off, A has nobody left to live on, and the
# shop becomes worse than it ever was. Nothing in the test's own numbers hints at that: the dots of
# the one log lie closest together.
#
# The remedy: each arm learns from its own log (**data-diverted**). Now the sign is right. The size is
# not quite, since with half of the visitors each log is half as long as it would be. A log of full
# length cures that too: twice the visitors, or a test that runs on until the logs are long enough.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the figure: "B wastes every tenth visit. Who wins?" Let them vote for the truth and for the
# test. Then: who shares a log between arms? Nearly everybody. And who has ever compared a test's
# promise with what came after the launch? (8 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### When diversion misleads
#
# Is a log of one's own always right? Another pair: A counts clicks for each of 15 groups of visitors
# apart, B for all together. A is better, *if it has enough data*. A small shop, articles that change,
# and half of the log:

# %%
a, b = labs.simulate.Policy(explore=0.5, personal=True), labs.simulate.Policy(explore=0.5)
small = {"visitors": 200, "groups": 15, "days": 40, "taste": 0.65, "quality": 0.8, "prior": 3.0}
designs = ("pooled", "diverted", "co_diverted", "equal_log")
hungry = labs.simulate.ab_test(a, b, designs, seeds=300, seed=0, **small)
fig = strip(hungry, "A needs much data, B little", ["truth", *designs])
means = ", ".join(f"{labels[c]} {100 * hungry[c].mean():+.1f}" for c in hungry)
ws.show(fig, alt=f"A minus B in clicks per 100 views, mean over 300 small shops: {means}.")

# %%
error = 100 * hungry.std() / np.sqrt(len(hungry))
for name in ("truth", *designs):
    mean = 100 * hungry[name].mean()
    doubt = "" if abs(mean) > 2 * error[name] else " (not told from zero)"
    print(f"{labels[name]:>31}: {mean:+5.1f} ± {error[name]:.1f}{doubt}")

# %% [markdown]
# Diversion starves the arm that needs the data, and here the better one seems to lose. One log
# exaggerates it instead, since A feeds on all that B's random visits bring in. Halving the articles
# too (user-corpus co-diversion) keeps as many views for each article; here it is too noisy to tell,
# as each arm gets other articles. Only logs of full length come out right both times.
#
# So before a test ask: *what would each arm learn from if it were alone?* And give it that.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Sharper eyes: interleaving (at home)
#
# A/B compares *people*, and people differ far more than recommenders do. **Interleaving** lets A and
# B pick in turn for one list, as captains pick teams, and asks whose picks are clicked: each visitor
# is their own comparison. The truth is known here: A ranks with less noise than B.

# %%
sizes = page.pick([100, 200, 400, 800, 1600], [100, 400, 800])
power = labs.simulate.interleaving(sizes, tests=page.pick(200, 100), seed=0)
fig, ax = plt.subplots()
ax.plot(power["interleaved"], "o-", label="interleaved")
ax.plot(power["ab"], "s--", label="A/B")
ax.set_xscale("log")
ax.set_xticks(sizes, [str(s) for s in sizes])
ax.minorticks_off()
ax.set(xlabel="visitors of the test", ylabel="share of tests that find the better one", ylim=(0, 1))
ax.legend()
text = ", ".join(f"{n}: {r.interleaved:.0%} against {r.ab:.0%}" for n, r in power.iterrows())
ws.show(fig, alt=f"How often interleaving and A/B find the better ranker, by visitors. {text}.")

# %% [markdown]
# Sharp eyes see what is there, and with one log the wrong thing is there: look at *interleaved* in the
# figure of the shops. It does not cure mixing.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### How many, and when to look (at home)
#
# For a difference of means, each arm needs about 2 (1.96 + 0.84)² · sd² / effect² visitors, to see
# the effect four times out of five at the usual 5% level. For clicks, sd² is p (1 − p).

# %%
rate = 0.1
for effect in (0.02, 0.01, 0.002):
    n = labs.simulate.sample_size(np.sqrt(rate * (1 - rate)), effect)
    print(f"From {rate:.0%} to {rate + effect:.1%}: {n:,} visitors in each arm")

# %% [markdown]
# Half the effect, four times the visitors. That is why people look before the time is up, and stop
# when it says "significant". Two arms that are *the same*, looked at every day:

# %%
looks = labs.simulate.peeking(looks=20, tests=page.pick(2_000, 1_000), seed=0)
fig, ax = plt.subplots()
ax.plot(100 * looks["stopped"], "o-", label="stopped at the first significant look")
ax.plot(100 * looks["once"], "s--", label="looked once, on that day")
ax.axhline(5, color="0.4", linestyle=":")
ax.set_xticks([1, 5, 10, 15, 20])
ax.set(xlabel="days, and looks", ylabel="tests that find an effect (%)", ylim=(0, None))
ax.legend()
ends = (
    f"{looks['stopped'].iloc[-1]:.0%} when stopping at the first, {looks['once'].iloc[-1]:.0%} when"
)
ws.show(fig, alt=f"False alarms among equal arms after 20 looks: {ends} looking once.")

# %% [markdown]
# Each look is a new chance to be fooled. Fix the number beforehand and look once, or use a method
# that is made for looking (sequential tests), or look only for harm.

# %% [markdown]
# ### Exercise: how many visitors?
#
# Write `visitors(rate, lift)`: visitors *in each arm* to see a click rate rise from `rate` to
# `rate + lift`, with the formula above (1.96 and 0.84, sd² from `rate`), rounded up.
#
# <details><summary>Hint</summary>
#
# `2 * (1.96 + 0.84) ** 2 * rate * (1 - rate) / lift ** 2`, and `math.ceil` rounds up.
#
# </details>


# %% tags=["stub"]
def visitors(rate, lift):
    return None  # your turn


# %% tags=["solution"]
def visitors(rate, lift):
    return int(np.ceil(2 * (1.96 + 0.84) ** 2 * rate * (1 - rate) / lift**2))


# %%
ws.check("07.visitors", visitors)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The loop closes
#
# Last, leave the recommender alone with itself. Every night it is trained on its own log, every day
# it shows what it thinks best. 100 people with known tastes, 100 films, five shown a day. The first
# day is random. What becomes of the lists after 40 days?

# %%
sizes = {"users": 100, "items": 100, "places": 5, "days": 40, "seeds": page.pick(20, 10)}
loops = {chance: labs.simulate.feedback_loop(chance, **sizes, seed=0) for chance in (0.0, 0.1, 0.3)}
panels = {
    "overlap": "films that two people share\n(times those of the true best lists)",
    "joy": "joy in the model's lists\n(share of the best possible)",
}

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(11, 4.8))
for ax, (column, label) in zip(axes, panels.items(), strict=True):
    for (explore, frame), style in zip(loops.items(), ("-", "--", "-."), strict=True):
        later = frame[frame["day"] > 0].pivot(index="day", columns="shop", values=column)
        band(ax, later, style, f"{explore:.0%} of places to chance")
    ax.axhline(1, color="0.4", linestyle=":")
    ax.set(xlabel="day", ylabel=label)
axes[1].legend(loc="lower right")
final = {e: f[f["day"] == f["day"].max()].mean() for e, f in loops.items()}
ends = [f"{e:.0%} chance: overlap {f['overlap']:.2f}, joy {f['joy']:.2f}" for e, f in final.items()]
text = "; ".join(ends)
ws.show(fig, alt=f"Overlap and joy over days, bands over shops. At the end: {text}.")

# %%
for explore, end in final.items():
    print(f"{explore:.0%} of the places to chance:", end=" ")
    print(f"two people share {end['overlap']:.2f} times what their tastes share;", end=" ")
    print(f"{end['alive']:.0%} of the films are in any list; joy as served {end['served']:.0%}.")

# %% [markdown]
# Left alone, the loop makes people **more alike than they are**, and it is not even good for them: a
# film that was unlucky in its first showings is never shown again, so nobody learns that it was loved
# by some. A little chance repairs both. It has a price, and the last number of each line shows it:
# a place given to chance is, on average, a place given to a so-so film. In this small world, where
# tastes and films stand still, chance costs more on the day than it brings. Once the lists are
# repaired it could be turned down.
#
# Where articles come and go it is never done: B of the A/B test was this little chance, and the whole
# shop lived on it. Page 13 does better than chance, by exploring where the model is unsure.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask: where in the picture of the beginning would you put the chance? (In ranking, and it must go
# into the log *that* it was chance: such rows are worth gold for training and evaluation.) Who
# decides in your company that a tenth of the places may be "wasted"? (5 minutes)

# %% [markdown]
# ### Exercise: which test?
#
# Choose for each situation one of `"pooled"`, `"equal_log"`, `"interleaved"`.
#
# 1. Two fixed rankers, neither learns from the log. You have few visitors and want to know which one
#    orders better.
# 2. A new recommender explores, the old one lives on the log. You can wait.
# 3. Two colours of the same button. The log feeds nobody.
#
# <details><summary>Hint</summary>
#
# Ask of each: does anybody learn from the log? If so, it must not be shared. If not, the simple test
# is right, and where lists are compared there is a sharper one.
#
# </details>

# %% tags=["stub"]
tests = None  # your turn: a list of three

# %% tags=["solution"]
tests = ["interleaved", "equal_log", "pooled"]

# %%
ws.check("07.which_test", tests)

# %% [markdown]
# ## What we learned
#
# * A recommender is a loop. Log what was shown, with the features as they were, or training and shop
#   drift apart.
# * Measure bytes and seconds before you buy machines.
# * Arms that share a log can turn a test round. Ask what each would learn from alone.
# * Fix the number of visitors, look once. Interleaving sees more with less; it cures no mixing.
# * Left alone the loop makes people alike; a little chance, logged as such, repairs it.
