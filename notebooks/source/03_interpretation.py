# ---
# minutes: 45
# needs: [02_mf_follow_along]
# knows: "what a matrix product is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # What the model has learned
#
# Look into a trained recommender, say in words what it has found out about films and people, and know
# which of these words to trust.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("03_interpretation")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## First write down what you expect
#
# The model was given people, films and stars: no genre, no year, no plot. From these it has made up
# numbers for each film. Along which lines do you think it sorts the films?
#
# Commit yourself **before** you look. Whoever looks first finds a story for anything. These are the
# words to choose from, things that we know of the films and the model does not:

# %%
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

known = rt.interpret.attributes(page.train)  # one row per film, one column a word
print(", ".join(known.columns))

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Give the room two minutes, in pairs. Collect words on a board and leave them there; come back to them
# at "Was your guess right?". Do not scroll down before.

# %% [markdown]
# ### Exercise: your guess
#
# Put at least three of these words into `my_axes`, the one that you expect to matter most first. They
# are kept on this machine and held against the model further down.
#
# <details><summary>Hint</summary>
#
# A list of strings, spelled as above: `["year", "Comedy", "Drama"]`. There is no wrong guess; a word
# that is not in the list cannot be looked up, that is all.
#
# </details>

# %% tags=["stub"]
my_axes = []  # your turn: three words or more

# %% tags=["solution"]
my_axes = ["Action", "year", "Drama", "popularity"]  # a guess, and not a good one

# %%
guess = ws.expect("03.axes", my_axes)  # kept: later runs of this page find it again
ws.check("03.guess", guess)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Idea 1: loved beyond their ratings
#
# Start with the simplest numbers of the model. It says of each rating
#
# $$\text{stars} \approx \mu + b_u + b_i + p_u \cdot q_i$$
#
# with the overall mean $\mu$, the person's kindness $b_u$ and the rows $p_u$ and $q_i$ of the two tables.
# $b_i$ is what people in general think of film $i$. Is that not just its mean rating? No: a mean
# depends on *who* rated. Stern people pull it down, and people pick films that suit them. The model
# can tell these apart.

# %%
model = page.model
table = rt.interpret.biases(model, page.train)  # a row per film; all numbers in stars
often = table[table["ratings"] >= 50]
often.nlargest(5, "bias")[["title", "ratings", "mean", "bias", "generosity", "fans", "beyond"]]

# %% [markdown]
# Each row adds up: mean rating = overall mean + `bias` + `generosity` + `fans` + a small rest.
#
# * `generosity`: do those who rated it give many stars to everything? (their mean $b_u$)
# * `fans`: does it suit those who rated it better than it would suit people at large?
# * `beyond` = −(`generosity` + `fans`). Above zero, the film is **loved beyond its ratings**: its
#   raters were stern, or not the people it was made for.

# %%
ends = pd.concat([often.nlargest(5, "beyond"), often.nsmallest(5, "beyond").iloc[::-1]])
fig, ax = plt.subplots(figsize=(9, 5))
up = ends["beyond"] > 0
colours = np.where(up, ws.PALETTE["blue"], ws.PALETTE["orange"])
ax.barh(ends["title"], ends["beyond"], color=colours)
ax.axvline(0, color=ws.PALETTE["black"], linewidth=1)
ax.invert_yaxis()
ax.set(xlabel="loved beyond its ratings (stars)", ylabel="film")
first, last = ends.iloc[0], ends.iloc[-1]
about = f"from {first['title']}, {first['beyond']:+.2f}, to {last['title']}, {last['beyond']:+.2f}"
ws.show(fig, alt=f"Bars of ten films by how far they are loved beyond their ratings: {about}.")

# %%
same = np.corrcoef(often["mean"], often["bias"])[0, 1]
print(
    f"Mean rating and bias go together closely (correlation {same:.2f}): who rated matters little"
)
print(f"for most films. At the ends it is {first['beyond']:+.2f} and {last['beyond']:+.2f} stars.")

# %% [markdown]
# Bars to the left belong to films that were rated by the people whom they suit, or by generous ones:
# their ratings are about their audience, too.
#
# ### Exercise: find it yourself
#
# Write `loved_beyond(table, least)`: the title of the film that is loved farthest beyond its ratings,
# among films with at least `least` ratings. `table` is one like above.
#
# <details><summary>Hint 1</summary>
#
# `table[table["ratings"] >= least]` keeps some rows.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `frame.loc[frame["x"].idxmax(), "title"]` is the title of the row with the largest `x`.
#
# </details>


# %% tags=["stub"]
def loved_beyond(table, least):
    return None  # your turn: a title


# %% tags=["solution"]
def loved_beyond(table, least):
    enough = table[table["ratings"] >= least]
    return enough.loc[enough["beyond"].idxmax(), "title"]


# %%
ws.check("03.loved_beyond", loved_beyond)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Idea 2: axes, the widest first
#
# What is left is personal: $(p_u - \bar p) \cdot q_i$, how much better film $i$ suits person $u$ than
# the average person. (The average person's part, $\bar p \cdot q_i$, belongs to the bias.) It is a table
# of all people by all films. Principal component analysis, PCA, asks: which *one* number for each
# person and each film gives back as much of that table as possible? Then a second, and so on.
#
# One trap. Call the table of people $P$ and that of films $Q$. Take the columns of $Q$ as axes, and you
# look at an accident: for any invertible matrix $M$ the tables $P M^{-\top}$ and $Q M$ give the same scores, to the last digit. So
# ask the *scores*. That needs no table of all people by all films:

# %%
P = model.user_factors.detach().double().numpy()  # (n_users, d)
Q = model.item_factors.detach().double().numpy()  # (n_items, d)
P = P - P.mean(0)  # centred over people
left, R_left = np.linalg.qr(P)  # P = left @ R_left
right, R_right = np.linalg.qr(Q)  # Q = right @ R_right
U, size, Vt = np.linalg.svd(R_left @ R_right.T)  # a small matrix, (d, d)
share = size**2 / (size**2).sum()
print("Share of the personal variance on each axis:", share[:6].round(3))

# %%
axes = rt.interpret.pca(model)  # the same, with units and fixed signs
same_as_ours = np.allclose(axes.share[:10], share[:10], atol=0.005)  # it leaves out unseen people
print("Our lines and the library agree:", same_as_ours)
print(f"users {axes.users.shape}, in standard deviations; items {axes.items.shape}, in stars")

# %% [markdown]
# Units make axes readable. A person at 1 on an axis is one standard deviation from the average. A film
# at 0.2 gets 0.2 stars more from that person than from the average one.
#
# ### Which axes are more than noise?
#
# PCA always returns axes, of pure noise too. So make noise that looks like our data: take what is left
# of each rating over the biases, **shuffle** it among the ratings, fit the model anew. Who rated what
# stays, the biases stay, and no taste does. An axis that is not wider than the widest of *those* means
# nothing to us. (That is strict: some narrower ones may still hold a trace of something.)

# %%
noise = rt.interpret.permutation_baseline(model, page.train, repeats=page.pick(3, 2))  # stars
chance = noise.max()
real = int((axes.sd > chance).sum())
print(
    f"{real} of {len(axes)} axes are wider than any axis of {len(noise)} shuffles ({chance:.3f})."
)

# %%
many = np.arange(1, 13)
fig, ax = plt.subplots()
for number, one in enumerate(noise):
    label = "fitted to shuffled ratings" if number == 0 else None
    ax.plot(many, one[:12], ":", color=ws.PALETTE["vermilion"], label=label)
ax.plot(many, axes.sd[:12], marker="o", label="fitted to the ratings")
ax.set(xlabel="axis, the widest first", ylabel="width of the axis (stars)", ylim=(0, None))
ax.legend()
shown = f"the first {real} are above the widest of the shuffled ones, {chance:.3f} stars"
ws.show(fig, alt=f"Width of the first 12 axes, falling from {axes.sd[0]:.2f} stars: {shown}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Give them names, or refuse to
#
# The films at both ends of an axis tell a story. Read them aloud, and name each axis in your own words
# before you read on.

# %%
other = rt.interpret.refit(model, page.train, seed=1)  # the same model from another seed
again = rt.interpret.matches(axes, rt.interpret.pca(other))
found = rt.interpret.describe(axes, page.train, baseline=noise, again=again)
for axis, row in found.iterrows():
    print(f"Axis {axis}, low end:  {row['low']}")
    print(f"        high end: {row['high']}\n")

# %% [markdown]
# Now the test of the story. An axis **means nothing** if it is no wider than chance, or if the same
# model started from another seed does not find it again (a cosine below 0.7; the cosine is 1 for the
# same direction, and 0 for two that have nothing in common). An axis that passes is
# stable; it has a *name* only if one of the words correlates with it at 0.3 or more, and more than
# with shuffled films.

# %%
found[["share", "sd", "chance", "again", "goes with", "r", "verdict"]]

# %%
nothing = found["verdict"].str.startswith("nothing")
nameless = found["verdict"].str.startswith("stable")
print(f"The {len(found)} widest axes: {nothing.sum()} without a meaning, {nameless.sum()} stable")
print(f"without a name among our words, {(~nothing & ~nameless).sum()} with a name.")

# %% [markdown]
# An axis without a name is no failure: our words are genres and years, and people may agree on
# something that no database has a column for. Look at the ends of the first axis again. Which word is
# missing?
#
# ### Was your guess right?

# %%
if guess:
    strength = rt.interpret.correlations(axes, page.train).loc[:, ~nothing.to_numpy()]
    words = [w for w in guess if w in strength.index]
    best = strength.loc[words].abs()
    print(pd.DataFrame({"axis": best.idxmax(axis=1), "|r|": best.max(axis=1)}).round(2).to_string())
    missed = strength.abs().max(axis=1).drop(words).idxmax()
    print(f"The strongest word that you did not name: {missed}.")
else:
    print("You wrote nothing down, so there is nothing to be wrong about. Go back and guess!")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Back to the board. Who had popularity? Is it a property of a film, or of its audience? Let the room
# name the first axis in its own words before you offer "art house against multiplex". (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Stable is not the same as true
#
# Another seed sees the *same ratings*. A harder question: would other people give the same axes? Cut the
# people into two halves at random and fit each half alone.

# %%
from dataclasses import replace

halves = rt.interpret.halves(page.train)
one, two = (rt.interpret.refit(model, half, seed=0) for half in halves)
both = np.minimum(*(half.counts("item") for half in halves)) >= 10  # films known to both
a, b = rt.interpret.pca(one), rt.interpret.pca(two)
people = rt.interpret.matches(a, b, both)
mixed = replace(b, items=np.random.default_rng(0).permutation(b.items))  # films shuffled
luck = rt.interpret.matches(a, mixed, both).max()
print(f"Shuffled films reach {luck:.2f}: what is not above that has not been found again.")
pd.DataFrame({"another seed": again[:6], "other people": people[:6]}, index=found.index).round(2)

# %% [markdown]
# The second column is the one to believe. A half has only half of the ratings, so it is a hard test;
# but an axis that fails it has been learned from these very people, and nobody knows whether it holds
# for the next ones. Where neighbouring axes are about equally wide they may also trade places or mix:
# the plane is stable then, its axes are not. Page 14 takes that up.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Idea 3: who agrees, and who does not
#
# Two films are **neighbours** if the model expects the same people to like them more than average. With
# our axes that is the cosine between two rows of `axes.items`.

# %%
favourite = page.data.items["title"][max(page.me, key=page.me.get)]  # your best rated film
sloppy = favourite.lower()[:2] + favourite.lower()[1:]  # a letter too many, as people type
print("Searching for:", sloppy)
rt.interpret.neighbours(model, page.train, sloppy, k=6)

# %% [markdown]
# Change the title and run it again. A title that nobody can make out gets an answer, too:

# %%
try:
    rt.interpret.neighbours(model, page.train, "love story 3000", k=6)
except KeyError as error:
    print(error.args[0])

# %% [markdown]
# ### Exercise: nearest neighbour
#
# Write `nearest(places, i)`: the position of the film that is most similar to film `i` by cosine, and
# not film `i` itself. `places` is an array (films, axes).
#
# <details><summary>Hint 1</summary>
#
# Divide each row by its length, `np.linalg.norm(places, axis=1, keepdims=True)`. Then a product of two
# rows is their cosine.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Film `i` has a cosine of 1 with itself. Set that entry to `-np.inf` before you take the `argmax`.
#
# </details>


# %% tags=["stub"]
def nearest(places, i):
    return None  # your turn: a position


# %% tags=["solution"]
def nearest(places, i):
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    cosine = unit @ unit[i]
    cosine[i] = -np.inf
    return int(cosine.argmax())


# %%
ws.check("03.nearest", nearest)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Polarizability
#
# For a shop it matters how much there is to gain from knowing a person. Some films please all alike:
# recommend them to anybody. Others split the room. **Polarizability** is that split, in stars: the
# standard deviation, over people, of $(p_u - \bar p) \cdot q_i$.
#
# ### Exercise: write it
#
# `polarizability(P, Q)` gets people (n_users, d) and films (n_items, d), and returns one number per film.
#
# <details><summary>Hint</summary>
#
# `P @ Q.T` has people in rows and films in columns. Which axis are the people? A mean of squares is not
# a variance unless the mean is zero.
#
# </details>


# %% tags=["stub"]
def polarizability(P, Q):
    return None  # your turn: (n_items,) stars


# %% tags=["solution"]
def polarizability(P, Q):
    return (P @ Q.T).std(axis=0)  # a standard deviation centres by itself


# %%
ws.check("03.polarizability", polarizability)

# %%
spread = rt.interpret.polarizability(model, page.train, again=other)
often = spread[spread["ratings"] >= 50]
ends = pd.concat([often.nlargest(6, "polarizability"), often.nsmallest(6, "polarizability")])
ends[["title", "ratings", "polarizability", "beyond_popularity", "again"]]

# %% [markdown]
# `beyond_popularity` is what a straight line on the logarithm of the number of ratings leaves. Draw it
# to see why one should look:

# %%
seen = spread[spread["ratings"] > 0]
bins = np.unique(np.geomspace(1, seen["ratings"].max() + 1, 9).round())
middle = seen.groupby(pd.cut(seen["ratings"], bins, right=False), observed=True).median(True)
fig, ax = plt.subplots(figsize=(9, 5))
ax.scatter(seen["ratings"], seen["polarizability"], s=12, color=ws.PALETTE["sky"])
ax.plot(middle["ratings"], middle["polarizability"], "o-", color="black", label="median")
look = {"textcoords": "axes fraction", "arrowprops": {"arrowstyle": "-"}, "parse_math": False}
for i, spot in ((ends.index[0], (0.45, 0.95)), (ends.index[6], (0.45, 0.02))):
    ax.annotate(ends["title"][i], ends.loc[i, ["ratings", "polarizability"]], spot, **look)
ax.set(xscale="log", xlabel="ratings of the film", ylabel="polarizability (stars)")
ax.xaxis.set_major_formatter("{x:g}")
ax.margins(y=0.12)
ax.legend(loc="upper left")
medians = ", ".join(f"{value:.2f}" for value in middle["polarizability"])
ws.show(fig, alt=f"Polarizability against ratings; medians from rare to frequent: {medians}.")

# %%
few, many = seen["ratings"].quantile([0.1, 0.9])
rare = seen.loc[seen["ratings"] <= few, "polarizability"].median()
frequent = seen.loc[seen["ratings"] >= many, "polarizability"].median()
print(f"Median of the rarest tenth of the films, up to {few:.0f} ratings: {rare:.2f} stars.")
print(f"Median of the most rated tenth, from {many:.0f} ratings: {frequent:.2f} stars.")

# %% [markdown]
# Where the rarest films have one or two ratings, they come out as agreed upon. That is not agreement:
# the model knows little of them and has been told to keep numbers small when it does not know. So
# compare films with many ratings, and never read a small number on a rare film.
#
# How far can the order of films be trusted? Once more seeds, then people.

# %%
seeds = spread.attrs["reliability"]
a, b = (rt.interpret.polarizability(m, page.train)["polarizability"][both] for m in (one, two))
halved = np.corrcoef(a, b)[0, 1]
whole = 2 * halved / (1 + halved)  # Spearman and Brown: what two halves together would reach
print(f"Correlation between two seeds {seeds:.2f}, between two halves of the people {halved:.2f}.")
print(
    f"For all people together that makes about {whole:.2f}; with the truth, about {whole**0.5:.2f}."
)

# %% [markdown]
# The first number alone would have you believe anything. Two seeds share every accident of the data.
# (The last number supposes that the halves err independently. On planted data, where the truth is
# known, it comes out about right.) Trust the films at the ends, and not a difference of places in the
# middle.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Idea 4: maps, and what their distances do not mean
#
# t-SNE puts films on paper so that those near to each other stay near. It pays with everything else.
# Here it is six times, on the *same* films: two seeds, three values of the perplexity, which is
# about how many neighbours each film tries to keep. (It starts from random places. Started from PCA,
# as is the default, seeds look more alike; they are not more right.)

# %%
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

rows = np.flatnonzero(page.train.counts("item") >= page.pick(50, 40))
places = axes.items[rows]
unit = places / np.linalg.norm(places, axis=1, keepdims=True)  # so that nearness is the cosine
perplexities, maps = page.pick((5, 30, 100), (3, 10, 30)), {}
with threadpool_limits(1):  # for so few films threads cost more than they save
    for seed in (0, 1):
        for p in perplexities:
            tsne = TSNE(perplexity=p, init="random", max_iter=500, random_state=seed)
            maps[seed, p] = tsne.fit_transform(unit)  # (films, 2)

# %%
kept = {key: rt.interpret.neighbours_kept(places, xy).mean() for key, xy in maps.items()}
star = unit[:, 0].argmax()  # one film, and its ten nearest by cosine: where do they go?
ten = np.argsort(-(unit @ unit[star]))[:11]
fig, panels = plt.subplots(2, 3, figsize=(11, 7))
for ax, (key, xy) in zip(panels.flat, maps.items(), strict=True):
    ax.scatter(*xy.T, c=places[:, 0], s=9, cmap="cividis")
    ax.scatter(*xy[ten].T, s=60, facecolor="none", edgecolor=ws.PALETTE["vermilion"])
    ax.set(title=f"seed {key[0]}, perplexity {key[1]}\nneighbours kept {kept[key]:.0%}")
    ax.set(xticks=[], yticks=[], xlabel="no unit", ylabel="no unit")
text = f"Each keeps {min(kept.values()):.0%} to {max(kept.values()):.0%} of the ten nearest films."
ws.show(
    fig, alt=f"Six t-SNE maps of the same films; shapes change with perplexity and seed. {text}"
)

# %% [markdown]
# Colour is the place on the first axis, circles are one film with its ten nearest by cosine. Shapes,
# gaps and islands change from panel to panel; the films are the same. How far can a ruler be trusted?

# %%
from scipy.spatial.distance import pdist  # distances of all pairs
from scipy.stats import spearmanr  # do two orders agree? 1 for the same, 0 for nothing in common

p = perplexities[1]
cosine = pdist(places, "cosine")
far = cosine > np.median(cosine)  # the pairs that are not near each other


def order(x, y):
    return spearmanr(x[far], y[far]).statistic


# %%
agree = order(pdist(maps[0, p]), pdist(maps[1, p]))
right = order(pdist(maps[0, p]), cosine)
stable = order(pdist(axes.items[rows, :2]), pdist(rt.interpret.pca(other).items[rows, :2]))
print(
    f"Of ten neighbours a map with perplexity {p} keeps {10 * kept[0, p]:.1f} and loses the rest."
)
print(
    f"Distances of far pairs: two seeds agree to {agree:.2f}, a map and the cosines to {right:.2f},"
)
print(f"and the first two axes of two separately trained models to {stable:.2f}.")

# %% [markdown]
# So read a t-SNE map like this: **who stands next to whom** is worth a look, to be checked with
# `neighbours`. Of the distance between two islands, of their size and order, believe nothing that
# another seed does not repeat. For a map whose directions mean something, take the axes themselves.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You on the map
#
# Your ratings are enough to place you: the model finds the row $p$ that explains them best, while all
# films stay where they are.

# %%
me = rt.interpret.place(axes, model, page.me)  # (axes,), in standard deviations of the people
print("This is an invented person." if page.me_is_sample else f"You, from {len(page.me)} ratings.")
for k in (0, 1):
    below = (axes.users[axes.seen_user, k] < me[k]).mean()
    low, high = (found[end].iloc[k].split("; ")[0] for end in ("low", "high"))
    print(f"Axis {k + 1}, from {low} to {high}: {me[k]:+.2f}; {below:.0%} of the people are below.")

# %%
mine = page.data.item_vocab.index(list(page.me))
plane = axes.items[:, :2]
labels = [f"axis {k} (stars per standard deviation)" for k in (1, 2)]
fig, ax = plt.subplots(figsize=(9, 6))
ax.scatter(*plane[rows].T, s=14, color=ws.PALETTE["sky"], label="films")
ax.scatter(*plane[mine].T, marker="D", color=ws.PALETTE["vermilion"], label="rated")
for i in mine[np.argsort(-np.abs(plane[mine]).max(1))[:6]]:
    side = "right" if plane[i, 0] > 0 else "left"  # titles grow towards the middle
    ax.annotate(page.data.items["title"].iloc[i], plane[i], ha=side, fontsize=10, parse_math=False)
tip = me[:2] / np.linalg.norm(me[:2]) * np.linalg.norm(plane[rows], axis=1).max() * 0.8
ax.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "linewidth": 3})
ax.annotate("you", tip * 1.08, fontsize=16, ha="center", va="center")
ax.set(xlabel=labels[0], ylabel=labels[1], aspect="equal")
ax.legend()
ws.show(fig, alt=f"Films on axes 1 and 2, and an arrow: you, at {me[0]:.2f} and {me[1]:.2f}.")

# %% [markdown]
# Films in the direction of the arrow suit you better than they suit the average person, those on the
# other side less, those at a right angle neither. How did your ratings bring you there? One by one:

# %%
path = {}
for n in sorted({min(n, len(page.me)) for n in (1, 3, 6, 1000)}):
    some = dict(list(page.me.items())[:n])
    path[n] = np.linalg.norm(rt.interpret.place(axes, model, some)[:2])  # distance from the average
print("Distance from the average person, in standard deviations, on the first two axes:")
print("; ".join(f"{n} ratings: {distance:.2f}" for n, distance in path.items()))

# %% [markdown]
# Few ratings are little evidence: after one, everybody stands near the middle, whatever it was. That is
# the penalty's doing, and it is wise. A newcomer is recommended what most people like.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Walk around
#
# Hover over a film, search for one, or press Tab until the map is framed and walk with the arrow keys.
# A chosen film shows its nearest by cosine on *all* axes: some of them are far away on paper.

# %%
from recsys_workshop import labs

film_map = labs.maps.film_map(page.train, plane, labels=labels, places=axes.items, mine=page.me)
film_map

# %% [markdown]
# The map is one file that needs no network. `film_map.save("films.html")` writes it; send it to
# somebody.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## At home: the projector
#
# TensorBoard can turn the same places in three dimensions, with PCA and t-SNE running before your
# eyes. The next cell writes the files and prints the command for a terminal (*File → New → Terminal*).

# %%
folder = labs.maps.projector(axes.items, page.train, page.folder / "runs" / "03_projector")
print(f'tensorboard --host 127.0.0.1 --logdir "{folder}"')

# %% [markdown]
# Open the address that it prints and choose *Projector* (where it is not on top, in the menu at the
# right). *Search* finds a title, a click on a film lists its nearest: set the distance to *cosine*.
# Start t-SNE twice and compare.
#
# Where a port of that machine cannot be reached, as on Binder, TensorBoard does not open: the map
# above has search and neighbours as well. On Colab use
# `%load_ext tensorboard` and `%tensorboard --logdir` with the folder.

# %% [markdown]
# ## At home: the same scores from other tables
#
# Why not simply look at the table of films? Because it is not the only one. Write `twin(P, Q)`: two
# *other* tables of the same shapes with the same products, `P2 @ Q2.T` equal to `P @ Q.T`, in which the
# cosines between films are different.
#
# <details><summary>Hint 1</summary>
#
# Whatever you do to the films, undo it on the people. A rotation will not do: it keeps all angles.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Stretch one column of `Q` by 10. What must happen to the same column of `P`?
#
# </details>


# %% tags=["stub"]
def twin(P, Q):
    return P, Q  # your turn: two other tables


# %% tags=["solution"]
def twin(P, Q):
    stretch = np.ones(Q.shape[1])
    stretch[0] = 10.0
    return P / stretch, Q * stretch


# %%
ws.check("03.twin", twin)

# %% [markdown]
# Training and a penalty choose one of the twins, and that is why cosines between raw rows often look
# sensible. `rt.interpret` does not rely on it: `pca(model)` comes out the same for all twins.

# %% [markdown]
# ## What we learned
#
# * A bias is what people in general think; a mean rating is that, plus who rated.
# * Axes are asked of the scores, and held against shuffled ratings before they get a name.
# * Neighbours please the same people. Polarizable films split them, and are where knowing a person pays.
# * What holds over seeds need not hold over people.
# * On a t-SNE map look at neighbours, never at distances.
