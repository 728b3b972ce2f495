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
# The model has seen people, films and stars: no genre, no year, no plot. From these it has learned a
# few numbers for each film. Along which lines do you think it sorts the films?
#
# Commit yourself **before** you look, because afterwards you can find a story for anything. These are
# the words to choose from. All but `popularity` are facts that nobody has told the model:

# %%
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from recsys_workshop.labs import naming, stability

known = naming.attributes(page.train)  # one row per film, one column per word
print(", ".join(known.columns))

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Give the room two minutes, in pairs. Collect words on a board and leave them there; come back to them
# at "Was your guess right?". Do not scroll down until the words are on the board.

# %% [markdown]
# ### Exercise: your guess
#
# Put at least three of these words into `my_axes`, starting with the one that you expect to matter
# most. They are kept on this machine, and further down we compare them with the model.
#
# <details><summary>Hint</summary>
#
# A list of strings, spelled as above: `["year", "Comedy", "Drama"]`. No guess is wrong, but only
# words from the list can be looked up.
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
# Start with the simplest numbers of the model. It predicts each rating as
#
# $$\text{stars} \approx \mu + b_u + b_i + p_u \cdot q_i$$
#
# with the overall mean $\mu$, the person's generosity $b_u$, a row $p_u$ of the table of people and a
# row $q_i$ of the table of films. $b_i$ is what people in general think of film $i$. Isn't that just its
# mean rating? No: a mean depends on *who* rated. Strict people pull it down; people who pick films that
# suit them push it up. The model can separate these effects.

# %%
model = page.model
table = rt.interpret.biases(model, page.train)  # a row per film; all numbers in stars
often = table[table["ratings"] >= 50]
columns = ["title", "ratings", "mean", "bias", "generosity", "fans", "beyond"]
ws.films(often.nlargest(5, "bias").round(2), columns)

# %% [markdown]
# Each row adds up: mean rating = overall mean + `bias` + `generosity` + `fans` + a small rest.
#
# * `generosity`: do the people who rated it give many stars to everything? (their mean $b_u$)
# * `fans`: does the film suit its raters better than it would suit people in general?
# * `beyond` = −(`generosity` + `fans`). Above zero, the film is **loved beyond its ratings**: the
#   people who rated it were strict, or it was not made for them.

# %%
ends = pd.concat([often.nlargest(5, "beyond"), often.nsmallest(5, "beyond").iloc[::-1]])
fig, ax = plt.subplots(figsize=(9, 5))
up = ends["beyond"] > 0
colours = np.where(up, ws.PALETTE["blue"], ws.PALETTE["orange"])
ax.barh(ends["title"], ends["beyond"], color=colours)
ax.axvline(0, color=ws.PALETTE["black"], linewidth=1)
ax.invert_yaxis()
ax.set(xlabel="loved beyond its ratings (stars)", ylabel="film")
ax.set(title="Right: better liked than the mean rating says")
first, last = ends.iloc[0], ends.iloc[-1]
about = f"from {first['title']}, {first['beyond']:+.2f}, to {last['title']}, {last['beyond']:+.2f}"
ws.show(fig, alt=f"Bars of ten films by how far they are loved beyond their ratings: {about}.")

# %%
same = np.corrcoef(often["mean"], often["bias"])[0, 1]
print(f"Mean rating and bias are close (correlation {same:.2f}): for most films it matters little")
print("who rated. For the top and the bottom film of the figure, the raters move the mean by")
print(f"{-first['beyond']:+.2f} and {-last['beyond']:+.2f} stars.")

# %% [markdown]
# Bars to the left belong to films that were rated by people whom they suit, or by generous people. So a
# mean rating also says something about the audience.
#
# ### Exercise: find it yourself
#
# Write `loved_beyond(table, least)`: the title of the film that is loved furthest beyond its ratings,
# among films with at least `least` ratings. `table` has the columns of the table above. The next cell
# calls your function for several values of `least`.
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
mine_works = ws.check("03.loved_beyond", loved_beyond)

# %%
whose = "Your" if mine_works else "Our"
print(f"{whose} function finds the film that is loved furthest beyond its ratings:")
for least in (1, 10, 50, 100):
    enough = table[table["ratings"] >= least]
    ours = enough.loc[enough["beyond"].idxmax(), "title"]
    title = loved_beyond(table, least) if mine_works else ours
    rated = enough[enough["title"] == title].nlargest(1, "beyond")["ratings"].max()
    print(f"  among those with at least {least:>3}: {title}, {rated} ratings")

# %% [markdown]
# With a small `least`, the winner can be a film with few ratings, and the model knows little about such
# a film. Which limit would you put on a public list of "hidden gems"? (No check: there is no right
# answer.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Idea 2: axes, the widest first
#
# What is left is personal: $(p_u - \bar p) \cdot q_i$, how much better film $i$ suits person $u$ than
# the average person. (The average person's part, $\bar p \cdot q_i$, is the same for everybody: the
# column `bias` above includes it.) These numbers form a table of all people by all films.
# **Principal component analysis** (PCA) gives one number to each person and one to each film, so that
# their products come as close to that table as possible. Then it subtracts these products, does the same
# with what is left, and so on. Each round gives one **axis**.
#
# There is one trap. Call the table of people $P$ and the table of films $Q$. The columns of $Q$ will not
# do as axes, because they are an accident of training: for any invertible matrix $M$, the tables
# $P M^{-\top}$ and $Q M$ have the same product $P Q^\top$. So we analyse the entries of that product, the
# *scores*: they are the same for every $M$.
#
# A short cut avoids the table of all people by all films. The QR decomposition writes $P$, and likewise
# $Q$, as a product of two tables: one with perpendicular columns of length 1, and a small square one.
# Here it is for twelve people and three columns:

# %%
tall = np.random.default_rng(0).normal(size=(12, 3))
small_left, small_r = np.linalg.qr(tall)  # (12, 3) and (3, 3)
shown = {
    "P: 12 × 3": tall,
    "= left: 12 × 3": small_left,
    "times R: 3 × 3": small_r,
    "columns of left\nwith each other": small_left.T @ small_left,
}
fig, panels = plt.subplots(1, 4, figsize=(10, 4))
for ax, (name, table_of) in zip(panels, shown.items(), strict=True):
    ax.imshow(table_of, cmap=ws.DIVERGING, vmin=-2, vmax=2)
    ax.set(title=name, ylim=(11.5, -0.5))
    ax.set_axis_off()
ws.show(fig, alt="A tall table is a tall table with perpendicular columns times a small square one. "
                 "Products of these columns: 1 with themselves, 0 with each other.")  # fmt: skip

# %% [markdown]
# The right-hand panel shows that each column of *left*, multiplied by itself, gives 1, and multiplied by
# any other column, 0. So multiplying vectors by *left* keeps their lengths and the angles between them.
# That is why one small table is enough to find the axes: $R$ of $P$ times the transpose of $R$ of $Q$.
# The *width* of an axis is the standard deviation of what this axis adds to the scores. The cell prints
# the squared width of each axis as a share of their sum:

# %% slideshow={"slide_type": "subslide"}
P = model.user_factors.detach().double().numpy()  # (n_users, d)
Q = model.item_factors.detach().double().numpy()  # (n_items, d)
P = P - P.mean(0)  # centred over people
left, R_left = np.linalg.qr(P)  # P = left @ R_left, (n_users, d) @ (d, d)
right, R_right = np.linalg.qr(Q)  # Q = right @ R_right
U, size, Vt = np.linalg.svd(R_left @ R_right.T)  # a small matrix, (d, d)
share = size**2 / (size**2).sum()
print("Share of the personal variance on each axis:", share[:6].round(3))

# %%
axes = rt.interpret.pca(model)  # the same, with units and fixed signs
# The library leaves out people without training ratings, so the last digit may differ.
same_as_ours = np.allclose(axes.share[:10], share[:10], atol=0.005)
print("These lines and the library agree:", same_as_ours)
print(f"users {axes.users.shape}, in standard deviations; items {axes.items.shape}, in stars")

# %% [markdown]
# Units make axes readable. A person at 1 on an axis is one standard deviation from the average. A film
# at 0.2 gets 0.2 stars more from that person than from the average person. Which end is positive means
# nothing: if you flip the signs of people and films together, their products stay the same.
#
# ### Which axes are more than noise?
#
# PCA always finds axes, even in pure noise. So make noise that looks like our data: subtract the biases
# from each rating, **shuffle** what is left among the ratings of the same person, add the biases again,
# and fit the model to the result. Three things stay as they were: which films each person rated, the
# biases, and how much each person's ratings scatter. Only taste is gone. If an axis is not wider than
# the widest axis of the models fitted to shuffled ratings, we call it noise. (That is strict: some
# narrower axes may still hold a trace of something.)

# %%
noise = np.vstack(  # stars, a row per shuffle
    [
        stability.permutation_baseline(model, page.train, repeats=1, seed=seed)[0, :12]
        for seed in ws.steps(range(page.pick(6, 2)), "shuffle")
    ]
)
chance = noise.max()
real = int((axes.sd > chance).sum())
print(
    f"{real} of {len(axes)} axes are wider than the widest of {len(noise)} shuffles, {chance:.3f} stars."
)

# %%
many = np.arange(1, 13)
fig, ax = plt.subplots()
for number, one in enumerate(noise):
    label = "fitted to shuffled ratings" if number == 0 else None
    ax.plot(many, one[:12], ":", color=ws.PALETTE["vermilion"], label=label)
ax.plot(many, axes.sd[:12], marker="o", label="fitted to the ratings")
ax.set(xlabel="axis, the widest first", ylabel="width (stars)", ylim=(0, None))
ax.set(title="Only the first axes are wider than noise")
ax.legend()
shown = f"the first {real} are above the widest of the shuffled ones, {chance:.3f} stars"
ws.show(fig, alt=f"Width of the first 12 axes, falling from {axes.sd[0]:.2f} stars: {shown}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Give them names, or refuse to
#
# Here are the three widest axes as strips. Each short line is a well-known film. Beside each end are
# the titles of three films. We chose films that lie far out on this axis and less far on the others. The
# diamond is you; its position is the share of people who are to your left. Read the ends aloud, and
# name each axis in your own words before you read on.

# %% tags=["long"]
me = rt.interpret.place(axes, model, page.me)  # (axes,), in standard deviations of the people
counts, titles = page.train.counts("item"), page.data.items["title"].to_numpy()
well = np.flatnonzero(counts >= np.quantile(counts, 0.85))  # the best known films
pure = axes.items[well] / np.linalg.norm(axes.items[well, :6], axis=1, keepdims=True)
fig, panels = plt.subplots(3, 1, figsize=(13, 7), sharex=True)
for k, ax in enumerate(panels):
    ax.plot(axes.items[well, k].argsort().argsort() / len(well), 0 * well, "|", ms=14, color="0.7")
    below = (axes.users[axes.seen_user, k] < me[k]).mean()
    ax.plot(below, 0, "D", ms=13, color=ws.PALETTE["vermilion"])
    ends_of = np.argsort(pure[:, k])[[0, 1, 2, -3, -2, -1]]
    for x, side, some in ((-0.02, "right", ends_of[:3]), (1.02, "left", ends_of[3:])):
        text = "\n".join(t.rsplit(" (", 1)[0][:32] for t in titles[well[some]])  # no years
        ax.text(x, 0, text, ha=side, va="center", fontsize=12, parse_math=False)
    ax.set(xlim=(-0.55, 1.55), yticks=[], title=f"axis {k + 1}", xticks=[0, 0.5, 1])
panels[-1].set_xlabel("share of films, or of people, to the left")
ws.show(fig, alt="Three strips, one per axis, with the titles at both ends and a diamond for you.")

# %% [markdown]
# Here are the ends of the six widest axes as a list, this time from all films with at least 30 ratings:

# %%
print("The same model is trained once more, from another seed ...", flush=True)
other = stability.refit(model, page.train, seed=1)
again = rt.interpret.matches(axes, rt.interpret.pca(other))
found = naming.describe(axes, page.train, baseline=noise, again=again)
for axis, row in found.iterrows():
    print(f"Axis {axis}, low end:  {row['low']}")
    print(f"        high end: {row['high']}\n")

# %% [markdown]
# Now test the story. An axis **means nothing** if it is no wider than chance. It also means nothing if
# the same model, started from another seed, does not find it again. By "not found again" we mean that
# even the most similar axis of the second model has a cosine below 0.7 with the axis of the first. (The
# cosine is 1 if two axes have the same direction, and 0 if they have nothing in common.) An axis that
# passes is *stable between seeds*. It has a *name* only if one of the words has a correlation with it of
# at least 0.3, positive or negative. A correlation that large must also be rare when the words are
# shuffled among the films. In the table, `sd` is the width, `chance` the greatest width with shuffled
# ratings, `again` the best cosine in the second model, and `r` the correlation with the word under
# `goes with`.

# %%
found[["share", "sd", "chance", "again", "goes with", "r", "verdict"]]

# %%
nothing = found["verdict"].str.startswith("nothing")
nameless = found["verdict"].str.startswith("stable")
print(
    f"Of the {len(found)} widest axes, {nothing.sum()} mean nothing, {nameless.sum()} are stable but"
)
print(f"have no name among our words, and {(~nothing & ~nameless).sum()} have a name.")

# %% [markdown]
# An axis without a name is no failure: our words are genres and years, and people's tastes may differ
# in something that no database has a column for. If one of your axes has no name, look at its ends
# again. Which word would you add to our list?
#
# ### Was your guess right?

# %%
if guess and not nothing.all():
    strength = naming.correlations(axes, page.train).loc[:, ~nothing.to_numpy()]
    words = [w for w in guess if w in strength.index]
    best = strength.loc[words].abs()
    print(pd.DataFrame({"axis": best.idxmax(axis=1), "|r|": best.max(axis=1)}).round(2).to_string())
    missed = strength.abs().max(axis=1).drop(words).idxmax()
    print(f"The strongest word that you did not name: {missed}.")
elif guess:
    print("None of the axes means anything here, so no guess can be right.")
else:
    print("You have written nothing down, so you cannot be wrong. Go back and guess!")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Back to the board. Who had popularity? Is it a property of a film, or of its audience? Let the room
# name the first axis in its own words before you offer "art house against multiplex". (8 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Stable is not the same as true
#
# Another seed sees the *same ratings*. A harder question is whether other people would give the same
# axes. Divide the people into two halves at random, and fit each half on its own.

# %%
from dataclasses import replace

halves = stability.halves(page.train)
one, two = (stability.refit(model, half, seed=0) for half in ws.steps(halves, "half"))
both = np.minimum(*(half.counts("item") for half in halves)) >= 10  # films known to both
a, b = rt.interpret.pca(one), rt.interpret.pca(two)
people = rt.interpret.matches(a, b, both)
mixed = replace(b, items=np.random.default_rng(0).permutation(b.items))  # films shuffled
luck = rt.interpret.matches(a, mixed, both).max()
print(f"With shuffled films, the best match has a cosine of {luck:.2f}.")
print(f"A best match of {luck:.2f} or less is no better than what shuffled films give.")
pd.DataFrame({"another seed": again[:6], "other people": people[:6]}, index=found.index).round(2)

# %% [markdown]
# Believe the second column more than the first, and call an axis stable only if *both* are far above the
# cosine of shuffled films. (In the second column, row 1 is about axis 1 of the first half, and so on.
# Its axes may come in a different order from those of the model fitted to everybody.) The test is hard,
# because each half has only half of the ratings. An axis that fails it may still hold for other people,
# but the test does not show that: we only know that the axis fits the people in our data. If two axes
# are about equally wide, they may also swap or mix: then the plane that they span can be stable
# although the axes are not. Page 14 takes that up.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Idea 3: who agrees, and who does not
#
# Two films are **neighbours** if the model expects them to suit the same people. We measure this by the
# cosine between two rows of `axes.items`. It is also the correlation, over people, between how well one
# film suits them and how well the other does.

# %%
favourite = page.data.items["title"][max(page.me, key=page.me.get)]  # your best rated film
sloppy = favourite.lower()[:2] + favourite.lower()[1:]  # one letter too many, a common slip
near = rt.interpret.neighbours(model, page.train, sloppy, k=6)
print(f"You typed {sloppy!r}. Films {near.columns.name}:")
ws.films(near)

# %% [markdown]
# Change the title and run the cell again. A title that does not exist gets a helpful answer, too:

# %%
try:
    rt.interpret.neighbours(model, page.train, "love story 3000", k=6)
except KeyError as error:
    print(error.args[0])

# %% [markdown]
# ### Exercise: nearest neighbour
#
# Write `nearest(places, i)`: the position of the film, other than `i` itself, that is most similar to
# film `i` by cosine. `places` is an array (films, axes). The cell after the check uses your function to
# walk from film to film. It visits well-known films only, so its first step may not lead to the first
# film of the list above.
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
walks = ws.check("03.nearest", nearest)

# %%
places, left_over = axes.items[well], list(range(len(well)))
chain = [int(np.flatnonzero(titles[well] == favourite)[0]) if favourite in titles[well] else 0]
while walks and len(chain) < 6:
    following = left_over[nearest(places[left_over], left_over.index(chain[-1]))]
    left_over.remove(chain[-1])  # never back to where we came from
    chain.append(following)
print(" → ".join(titles[well[chain]]) if walks else "The walk starts when `nearest` works.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Polarizability
#
# A shop wants to know how much there is to gain from knowing a person. Some films please everybody about
# equally: recommend them to anybody. Others split the room. **Polarizability** is that split, in stars:
# the standard deviation, over people, of $(p_u - \bar p) \cdot q_i$.
#
# ### Exercise: write it
#
# `polarizability(P, Q)` gets people (n_users, d) and films (n_items, d), and returns one number per film.
#
# <details><summary>Hint</summary>
#
# `P @ Q.T` has people in rows and films in columns. Along which axis do the people lie? The mean of the
# squares of some numbers is their variance only if their mean is zero.
#
# </details>


# %% tags=["stub"]
def polarizability(P, Q):
    return None  # your turn: (n_items,) stars


# %% tags=["solution"]
def polarizability(P, Q):
    return (P @ Q.T).std(axis=0)  # a standard deviation centres by itself


# %%
splits = ws.check("03.polarizability", polarizability)

# %%
spread = rt.interpret.polarizability(model, page.train, again=other)
often = spread[spread["ratings"] >= 50]
ends = pd.concat([often.nlargest(6, "polarizability"), often.nsmallest(6, "polarizability")])
columns = ["title", "ratings", "polarizability", "beyond_popularity", "again"]
ws.films(ends.round(3), columns)

# %% [markdown]
# We fit a straight line that predicts polarizability from the logarithm of the number of ratings.
# `beyond_popularity` is how far a film lies above that line (below it, the number is negative). `again`
# is the polarizability in the model from another seed. The next figure shows whether polarizability
# depends on popularity:

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
ax.set(xscale="log", xlabel="ratings per film", ylabel="polarizability (stars)")
ax.set(title="Do rare films please everybody alike, or are they unknown?", ymargin=0.12)
ax.xaxis.set_major_formatter("{x:g}")
ax.tick_params(which="minor", labelbottom=False)
ax.legend(loc="upper left")
medians = middle["polarizability"].round(2).tolist()
ws.show(fig, alt=f"Polarizability against ratings; medians from rare to frequent: {medians}.")

# %%
few, many = seen["ratings"].quantile([0.1, 0.9])
rare = seen.loc[seen["ratings"] <= few, "polarizability"].median()
frequent = seen.loc[seen["ratings"] >= many, "polarizability"].median()
print(f"Median of the rarest tenth of the films, up to {few:.0f} ratings: {rare:.2f} stars.")
print(f"Median of the most rated tenth, from {many:.0f} ratings: {frequent:.2f} stars.")

# %% [markdown]
# A film with one or two ratings may seem to please everybody equally. That is not agreement: the model
# knows little about the film, and the penalty keeps its numbers small. So compare films with many
# ratings, and do not trust a small number on a rare film.
#
# ### Personalizability
#
# Polarizability is what the *model* says. Do new ratings confirm it? **Personalizability** is how much
# the personal part improves the prediction of ratings that the model has not seen: the squared error
# without it minus the squared error with it, in stars². We split the films into five groups by your
# `polarizability`, from low to high. For each group the figure shows the personalizability, averaged
# over people, with an interval: how far that average might move if we had asked other people.

# %% tags=["long"]
function = polarizability if splits else (lambda P, Q: (P @ Q.T).std(axis=0))
print("The groups are made with", "your function." if splits else "ours: yours is not finished.")
well_rated = page.train.counts("item") >= 20
score = np.asarray(function(P, Q))  # (n_items,) stars
edges = np.quantile(score[well_rated], [0.2, 0.4, 0.6, 0.8])
group = np.digitize(score, edges)[page.valid.item]  # (n_valid,) 0 to 4
full = rt.predict(model, page.valid, clip=False)
personal = (P[page.valid.user] * Q[page.valid.item]).sum(1)  # P is centred: the personal part
misses = [(page.valid.rating - guess_of) ** 2 for guess_of in (full - personal, full)]
frame = pd.DataFrame({"user": page.valid.user, "group": group, "gain": misses[0] - misses[1]})
frame = frame[well_rated[page.valid.item]]
gains = [
    rt.interpret.mean_interval(each["gain"].groupby(each["user"]).mean())
    for _, each in frame.groupby("group")
]

# %%
fig, ax = plt.subplots()
value, low, high, _ = np.array(gains).T
ax.errorbar(range(1, 6), value, [value - low, high - value], fmt="o", capsize=5)
ax.axhline(0, color="black", linestyle=":")
ax.set(xlabel="fifth of the films, the most polarizable on the right", xticks=range(1, 6))
ax.set(ylabel="personalizability (stars²)", title="What knowing the person gains on new ratings")
said = "; ".join(f"{v:.3f}" for v in value)
ws.show(fig, alt=f"Gain of the personal part for five groups of films, with intervals: {said}.")

# %% [markdown]
# Where the interval includes zero, we cannot tell whether knowing the person helps. Polarizability and
# personalizability belong together: a film is worth personalising if people differ about it *and* we can
# tell who is on which side.
#
# How far can we trust the order of the films by polarizability? Compare two seeds again, then two halves
# of the people.

# %%
seeds = spread.attrs["reliability"]
a, b = (rt.interpret.polarizability(m, page.train)["polarizability"][both] for m in (one, two))
halved = np.corrcoef(a, b)[0, 1]
whole = 2 * halved / (1 + halved)  # Spearman-Brown: expected of two groups of full size
print(f"Correlation of polarizability between two seeds: {seeds:.2f};")
print(f"between halves of the people, for films with 10 or more ratings in each: {halved:.2f}.")
print(f"Expected between two groups, each with as many people as we have: about {whole:.2f};")
print(f"expected between our values and the true ones: about {whole**0.5:.2f}.")

# %% [markdown]
# The first number alone would make you believe anything, because two seeds share every accident of the
# data. (The last number is higher than the one before it: values from a second group have errors of
# their own, and true values have none. Both estimates assume that the errors of the two halves are
# independent. On planted data, where we know the truth, the last one was about right.) Trust the films
# at the ends, and not small differences in rank in the middle.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Idea 4: maps, and what their distances do not mean
#
# The method **t-SNE** draws films on a plane so that close neighbours stay close. It gives up everything
# else for that. Here are six of its maps of the *same* films: two seeds, and three values of the
# *perplexity*, which is roughly the number of neighbours that each film tries to keep. (Here we let it
# start from random places. When it starts from PCA, which is the default, maps of different seeds look
# more alike, but that does not make them more correct.)

# %%
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

rows = np.flatnonzero(page.train.counts("item") >= page.pick(50, 40))
places = axes.items[rows]
unit = places / np.linalg.norm(places, axis=1, keepdims=True)  # so that nearness is the cosine
perplexities, maps = (5, 30, 100) if len(rows) > 300 else (3, 10, 30), {}
with threadpool_limits(1):  # with so few films, more threads cost more than they save
    for seed, p in ws.steps([(seed, p) for seed in (0, 1) for p in perplexities], "map"):
        tsne = TSNE(perplexity=p, init="random", max_iter=500, random_state=seed)
        maps[seed, p] = tsne.fit_transform(unit)  # (films, 2)

# %%
kept = {key: naming.neighbours_kept(places, xy).mean() for key, xy in maps.items()}
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
# The colour shows the place on the first axis; the circles mark one film and its ten nearest by cosine.
# Shapes, gaps and islands change from panel to panel, although the films are the same. Can you measure
# distances on such a map with a ruler?

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
print(f"Of ten neighbours, a map with perplexity {p} keeps {10 * kept[0, p]:.1f} on average.")
print("Are the distances of far pairs in the same order (1: yes; 0: nothing in common)?")
print(f"  maps from two seeds {agree:.2f}; a map and the cosines {right:.2f};")
print(f"  the first two axes of the model from two seeds {stable:.2f}.")

# %% [markdown]
# So read a t-SNE map like this: **which films are next to each other** is worth a look; check it with
# `neighbours`. Ignore how far apart two islands are, how large they are and where they lie: another seed
# can change all of it. If you need a map whose directions mean something, use the axes themselves.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You on the map
#
# Your ratings are enough to place you: the model finds the row $p$ that explains them best, while all
# films stay where they are.

# %%
print("This is an invented person." if page.me_is_sample else f"You, from {len(page.me)} ratings.")
for k in (0, 1):
    below = (axes.users[axes.seen_user, k] < me[k]).mean()
    low, high = (found[end].iloc[k].split("; ")[0] for end in ("low", "high"))
    print(f"Axis {k + 1}, from {low} to {high}: {me[k]:+.2f}; {below:.0%} of people lie lower.")

# %%
mine = page.data.item_vocab.index(list(page.me))
plane = axes.items[:, :2]
labels = [f"axis {k} (stars per standard deviation)" for k in (1, 2)]
fig, ax = plt.subplots(figsize=(9, 6))
ax.scatter(*plane[rows].T, s=14, color=ws.PALETTE["sky"], label="films")
ax.scatter(*plane[mine].T, marker="D", color=ws.PALETTE["vermilion"], label="rated")
for i in mine[np.argsort(-np.abs(plane[mine]).max(1))[:4]]:
    side = "right" if plane[i, 0] > 0 else "left"  # titles grow towards the middle
    ax.annotate(page.data.items["title"].iloc[i], plane[i], ha=side, fontsize=10, parse_math=False)
tip = me[:2] / np.linalg.norm(me[:2]) * np.linalg.norm(plane[rows], axis=1).max() * 0.8
ax.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "linewidth": 3})
ax.annotate("you", tip * 1.08, fontsize=16, ha="center", va="center")
ax.set(xlabel=labels[0], ylabel=labels[1], aspect="equal", title="Films in your direction suit you")
ax.legend()
ws.show(fig, alt=f"Films on axes 1 and 2, and an arrow: you, at {me[0]:.2f} and {me[1]:.2f}.")

# %% [markdown]
# As far as these two axes go, films in the direction of the arrow suit you better than they suit the
# average person. Films on the opposite side suit you less, and for films at a right angle there is no
# difference. How did your ratings bring you there? Add them step by step:

# %%
path = {}
for n in sorted({min(n, len(page.me)) for n in (1, 3, 6, 1000)}):
    some = dict(list(page.me.items())[:n])
    path[n] = np.linalg.norm(rt.interpret.place(axes, model, some)[:2])  # distance from the average
print("Number of ratings: your distance from the average person on the first two axes, in")
print("standard deviations:", "; ".join(f"{n}: {distance:.2f}" for n, distance in path.items()))

# %% [markdown]
# Few ratings are little evidence: after the first one, you are still near the middle. The penalty does
# that, and it is wise: a newcomer gets what most people like. Later ratings may take you farther out, or
# back in.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Walk around
#
# Hover over a film or search for one. Or press Tab until a frame appears around the map, and then walk
# with the arrow keys. Choose a film to see the titles of its nearest films by cosine on *all* axes. Some
# of them are far away on the map, because it shows only two of the axes. The arrow is you.

# %%
from recsys_workshop import labs

film_map = labs.maps.film_map(
    page.train, plane, labels=labels, places=axes.items, mine=page.me, you=me[:2]
)
film_map

# %% [markdown]
# The map is one file that needs no network. `film_map.save("films.html")` writes it, so that you can
# send it to somebody.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## At home: the projector
#
# TensorBoard is a viewer that runs in the browser. Its *Projector* shows the places of the films in three
# dimensions (the map above has two), and runs PCA and t-SNE while you watch. The next cell writes the
# files and prints the command for a terminal (*File → New → Terminal*).

# %%
folder = labs.maps.projector(axes.items, page.train, page.folder / "runs" / "03_projector")
print(f'tensorboard --host 127.0.0.1 --logdir "{folder}"')

# %% [markdown]
# Run the command in a terminal, open the address that TensorBoard prints there, and choose *Projector*
# (if it is not at the top, look in the menu on the right). *Search* finds a title, and a click on a film
# lists its nearest: set the distance to *cosine*. Start t-SNE twice and compare.
#
# If the notebook runs on another computer and your browser cannot reach its ports, as on Binder,
# TensorBoard does not open. The map above has search and neighbours as well. On Colab use
# `%load_ext tensorboard` and `%tensorboard --logdir` with the folder.

# %% [markdown]
# ## At home: the same scores from other tables
#
# Why not simply look at the table of films? Because it is not the only one. Write `twin(P, Q)`: two
# *other* tables of the same shapes with the same products, `P2 @ Q2.T` equal to `P @ Q.T`, but with
# different cosines between films. The cell after the check draws your pair.
#
# <details><summary>Hint 1</summary>
#
# Whatever you do to the films, undo it for the people. A rotation is not enough: it keeps all angles.
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
twins = ws.check("03.twin", twin)

# %%
rng = np.random.default_rng(0)
small = rng.normal(size=(5, 2)), rng.normal(size=(6, 2))  # five people and six films
made = twin(*small) if twins else (small[0] / [3.0, 1.0], small[1] * [3.0, 1.0])
fig, panels = plt.subplots(2, 3, figsize=(10, 5.5), width_ratios=(2, 6, 6))
for axs, (p, q), who in zip(panels, (small, made), ("the tables", "their twin"), strict=True):
    for ax, shown, name in zip(axs, (p, q.T, p @ q.T), ("people", "films", "scores"), strict=True):
        ax.imshow(shown, cmap=ws.DIVERGING, vmin=-3, vmax=3)
        ax.set(title=f"{who}: {name}", xticks=[], yticks=[], xlabel="", ylabel="")
ws.show(fig, alt="Two rows of three tables: people, films and scores. The tables of people and of "
              "films differ between the rows; the scores are the same.")  # fmt: skip

# %% [markdown]
# There are infinitely many such pairs of tables. Training with a penalty prefers those without extreme
# stretching, so cosines between raw rows often look sensible. Steck, Ekanadham and Kallus warn against
# relying on that: with some penalties such cosines are arbitrary. `rt.interpret` does not rely on it:
# `pca(model)` gives the same result for all twins.

# %% [markdown]
# ## What we learned
#
# * A bias is what people in general think; a mean rating also depends on who rated.
# * Take axes from the scores, not from the tables, and compare them with shuffled ratings before you
#   name them.
# * Neighbours please the same people. Polarizable films split people; personalizability says whether
#   knowing the person helps.
# * What holds for other seeds need not hold for other people.
# * On a t-SNE map, look at neighbours and check them; do not trust distances.
#
# **One question to end with**, and no check: which of your conclusions about your own users would you
# still believe if you had data from only half of them?
#
# **Read on.** Steck, Ekanadham and Kallus 2024, *Is cosine-similarity of embeddings really about
# similarity?*; Chang et al. 2009, *Reading tea leaves: how humans interpret topic models* (if you name
# axes, test whether others can); Wattenberg, Viégas and Johnson 2016, *How to use t-SNE effectively*.
