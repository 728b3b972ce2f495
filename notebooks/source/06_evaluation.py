# ---
# minutes: 45
# needs: [02_mf_follow_along]
# knows: "RMSE and AUC, as on page 02"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Evaluate without fooling yourself
#
# Catch evaluations that have seen the answer, say how sure a number is, and choose a metric that
# measures what you want.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("06_evaluation")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The best model of the whole series
#
# Here it is. Two models, the same class, tested on the same ratings. Run the cell.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

data, train, valid, test = page.data, page.train, page.valid, page.test
secret = rt.datasets.concat(train, test)  # what could possibly be in here?
wonder = rt.models.BiasedMF.for_dataset(secret, l2=0.03)
rt.fit(wonder, secret, epochs=20, progress=False)
rmse = {"of page 02": rt.metrics.rmse(test.rating, rt.predict(page.model, test))}
rmse["the wonder"] = rt.metrics.rmse(test.rating, rt.predict(wonder, test))
for name, stars in rmse.items():
    print(f"Error of the model {name}: {stars:.2f} stars")

# %% [markdown]
# You have read the cell: the wonder was trained on the test ratings. It has learned them by heart,
# and knows nothing more about tomorrow than the other one does.
#
# Nobody does that on purpose. But the same crime has many smaller forms, and they are committed in
# published papers and in good companies. This page is about catching them. The rule is short:
# **whatever is counted, averaged, chosen or fitted comes from the training part. You choose on the
# validation part. You look at the test part once.** (This page is about looking, so it looks at the test
# part all the time. It chooses nothing by it.)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before running the cell, ask the room for the best error they have ever seen on this data. Below
# 0.85 stars on MovieLens-100K somebody has made a mistake. After the cell: who has found a leak in
# their own work, and how? (5 minutes; the stories are the best part of this page)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Choosing is training, too
#
# Why only once? Take 200 models that are *equally good*, since we make them so: the model of page 02
# plus noise of a fifth of a star. We choose the one that is best on 500 validation ratings, as you
# would choose settings, and then look at the test.

# %%
rng = np.random.default_rng(0)
few = valid.take(np.arange(min(500, len(valid))))
rows = [few, test]
center = [rt.predict(page.model, part) for part in rows]
lead = []  # how far the winner is ahead of the average model: (20 contests, 2 parts), in stars
for _ in range(20):
    error = [
        np.sqrt(((c + rng.normal(0, 0.2, (200, len(p))) - p.rating) ** 2).mean(1))  # (200,)
        for c, p in zip(center, rows, strict=True)
    ]
    winner = error[0].argmin()
    lead.append([e.mean() - e[winner] for e in error])
lead_valid, lead_test = np.mean(lead, axis=0)

# %%
print(f"Where it was chosen, the winner leads the average by {lead_valid:.4f} stars.")
print(f"On the test part by {lead_test:+.4f}. (mean of 20 contests among 200 equal models)")

# %% [markdown]
# The lead was luck, and luck does not repeat. If the number that chose is also the number you
# report, you report the luck. The fewer rows and the more candidates, the larger it is.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A laboratory for leaks
#
# The most common leak needs no mistake in the code: split the ratings at random, and the model is
# trained on what people did *after* the moment that it is asked about. How much is that worth?
#
# To measure it, change that one thing only. The test rows stay the same, the number of training
# ratings stays the same, for each tested user too. In **past** all of them come before the test. In
# **mixed** some are exchanged for later ones.

# %%
from recsys_workshop import labs
from recsys_workshop.labs.leakage import laboratory

least = page.pick(5, 3)  # ratings on each side of the cut
lab = laboratory(data, cut=0.7, least=least, seed=0)
users = np.unique(lab.test.user)
print(f"{len(lab.test):,} test ratings of {len(users)} users;", end=" ")
print(f"{len(lab.past):,} training ratings in past, {len(lab.mixed):,} in mixed.")

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True)
start = data.timestamp.min()
for ax, name in zip(axes, ("past", "mixed"), strict=True):
    for part, colour, mark in ((getattr(lab, name), "blue", "|"), (lab.test, "vermilion", "x")):
        place = np.searchsorted(users[:20], part.user)
        shown = np.isin(part.user, users[:20])
        day = (part.timestamp[shown] - start) / 86_400
        label = "test" if part is lab.test else "training"
        ax.plot(day, place[shown], mark, color=ws.PALETTE[colour], ms=9, label=label)
    ax.set(title=name, xlabel="day")
axes[0].set_ylabel("user")
axes[0].set_yticks([])
axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
text = "In past, all training marks are left of the test marks; in mixed, some are to the right."
ws.show(fig, alt=f"Training and test ratings of twenty users over time. {text}")

# %% [markdown]
# Now the same model on both, with three seeds for the choice of rows and for training. Guess first:
# how many hundredths of a star is a look into the future worth?

# %%
misses = {"past": [], "mixed": []}  # squared misses of each test row, one array a seed
for seed in range(3):
    lab = laboratory(data, cut=0.7, least=least, seed=seed)
    for name in misses:
        part = getattr(lab, name)
        model = rt.models.BiasedMF.for_dataset(part, seed=seed)
        rt.fit(model, part, seed=seed, epochs=page.pick(None, 3), progress=False)
        misses[name].append((rt.predict(model, lab.test) - lab.test.rating) ** 2)
stars = {name: np.sqrt(np.mean(each, axis=1)) for name, each in misses.items()}  # (3,) seeds
for name, each in stars.items():
    print(f"trained on {name}: {each.mean():.3f} stars off, seeds from {min(each):.3f}", end=" ")
    print(f"to {max(each):.3f}")

# %% [markdown]
# Three seeds say how much training and drawing wobble. They say nothing about the *users*: with
# others, would it come out alike? To find out we draw users again and again from those we have, with
# replacement, and look at the mean each time. That is the **bootstrap**. Users, not rows: the
# ratings of one person are alike, and a hundred of them are not a hundred opinions.

# %%
gap = np.mean(misses["past"], axis=0) - np.mean(misses["mixed"], axis=0)  # (n_test,), stars²
each = pd.Series(gap).groupby(lab.test.user).agg(["mean", "size"])  # one line per user
leak_stars = stars["past"].mean() - stars["mixed"].mean()
leak_rows = rt.interpret.mean_interval(each["mean"], weights=each["size"])
leak_users = rt.interpret.mean_interval(each["mean"])
print(f"Knowing later ratings takes {leak_stars:.3f} stars off the error.")
print("Gain in squared error, in stars² (95% interval):")
for how, leak in (("each rating counts", leak_rows), ("each user counts", leak_users)):
    print(f"  {how}: {leak},", "clear of zero" if leak.off_zero else "zero is inside")

# %% [markdown]
# Read the intervals with respect: they are wide. So few people came back after the cut that we know
# the sign of the gain, where zero is outside, but hardly its size. Change `cut` and `least` above and
# see how it moves. A table that gives such a number without an interval hides that.
#
# Where does the gain come from? People's tastes may move on, and so does what is on: some films were
# not out yet. The next cell looks at films: how good is plain popularity at finding what people rate
# next?

# %%
found = {}
for name in ("past", "mixed"):
    part = getattr(lab, name)
    counts = rt.models.Popularity.for_dataset(part)
    rt.fit(counts, part, progress=False)
    found[name] = rt.evaluate(counts, lab.test, train=part)
    unknown = (part.counts("item")[lab.test.item] == 0).mean()
    print(
        f"{name}: popularity puts a test film above {found[name]['ranking_auc']:.0%} of the",
        end=" ",
    )
    print(f"others; {unknown:.0%} of the test ratings are of films without a training rating.")

# %% [markdown]
# So split by time? If you want to know how a system will do tomorrow: yes. A random split answers
# another question, how well the table's holes are filled, and it is the one that many published
# tables ask. Never compare numbers of the two.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The detective
#
# Smaller leaks hide in preparation: a mean here, a count there, computed *before* the split. There
# is a simple way to catch them. Whatever you prepare must not depend on the test part. So turn the
# test ratings upside down, take half of them away, prepare again, and see whether anything differs.
# `sees_test` does just that.
#
# Four suspects, and two that should be innocent. Each gets the two parts and returns what it has prepared.


# %%
def film_means(part):
    """Mean stars of each film, the overall mean where there is no rating: (n_items,)."""
    total = np.bincount(part.item, part.rating, part.n_items)
    count = part.counts("item")
    return np.where(count > 0, total / np.maximum(count, 1), part.rating.mean())


def order(part):
    """How many ratings the same user gave earlier ("rank"), as a share of all theirs: (n,)."""
    frame = pd.DataFrame({"user": part.user, "time": part.timestamp, "row": part.row})
    ranked = frame.sort_values(["time", "row"]).groupby("user").cumcount()
    return (ranked.sort_index() / part.counts("user")[part.user]).to_numpy()


# %%
def both(train, test):
    return rt.datasets.concat(train, test)


floor = max(5, int(np.quantile(data.counts("item"), 0.1)))  # ratings that make a film known
suspects = {
    "mean stars of each film": lambda train, test: film_means(both(train, test)),
    "popularity": lambda train, test: both(train, test).counts("item"),
    "vocabulary of known films": lambda train, test: both(train, test).counts("item") >= floor,
    "rank: order of a user's ratings": lambda train, test: order(both(train, test))[: len(train)],
    "mean stars, from train alone": lambda train, test: film_means(train),
    "list of all film ids": lambda train, test: train.item_vocab.ids,
}
caught = {name: labs.leakage.sees_test(make, train, test) for name, make in suspects.items()}
pd.Series({n: "has seen the test" if c else "innocent" for n, c in caught.items()}, name="verdict")

# %% [markdown]
# The first four are all caught. The list of ids is innocent: an *index* says which row of a table
# belongs to whom, and nothing about them. It becomes a statistic as soon as ratings decide who gets
# in ("films with at least five ratings"), and then it quietly leaves out the test rows that are hardest.
#
# Caught is one thing. Does the crime pay?

# %%
everything = both(train, test)


def error_of(prediction, rows=slice(None)):
    return rt.metrics.rmse(test.rating[rows], prediction[rows])


def position_error(part):
    """Film means, corrected by what the tenths of users' histories (rank) lie above or below."""
    miss = train.rating - film_means(part)[train.item]
    tenth = [np.minimum((10 * order(p)).astype(int), 9) for p in (part, everything)]
    mean = pd.Series(miss).groupby(tenth[0][: len(train)]).mean().reindex(range(10)).fillna(0)
    return error_of(film_means(train)[test.item] + mean.to_numpy()[tenth[1][len(train) :]])


# %% [markdown]
# For each suspect the honest way and the guilty way, on the same test part. Errors are in stars,
# lower is better; popularity is judged by the share of films that it puts below a test film.


# %%
def chart(counts):
    model = rt.models.Popularity.for_dataset(train)
    rt.fit(model, train, progress=False)
    model.score.copy_(model.score.new_tensor(counts))
    return rt.evaluate(model, test, train=[train, valid])["ranking_auc"]


prediction = rt.predict(page.model, test)
kept = everything.counts("item")[test.item] >= floor
payoff = {
    "film means (stars)": [error_of(film_means(p)[test.item]) for p in (train, everything)],
    "popularity (share below)": [chart(p.counts("item")) for p in (train, everything)],
    "vocabulary (stars)": [error_of(prediction), error_of(prediction, kept)],
    "rank (stars)": [position_error(train), position_error(everything)],
}
pd.DataFrame(payoff, index=["honest", "guilty"]).T.round(4)

# %%
rare = train.counts("item")[test.item] <= floor
honest, guilty = (error_of(film_means(part)[test.item], rare) for part in (train, everything))
print(f"Films with at most {floor} training ratings ({rare.sum()} test rows):", end=" ")
print(f"{honest:.2f} stars honest, {guilty:.2f} guilty.")
print(f"The vocabulary left out {(~kept).sum()} of {len(test):,} test rows.")
small = [n for n, (h, g) in payoff.items() if abs(h - g) < 0.005]
print("Here next to nothing was gained by:", ", ".join(small))

# %% [markdown]
# A film mean pays at once: where a film has few ratings, the mean *is* the answer. The others pay
# little here, since most test ratings are of films with many ratings, and a tenth of them hardly
# moves a count. That is luck, not innocence. In two planted worlds each of them pays. The first is a
# shop with two ratings a film: popularity, and a vocabulary of films with at least ten.

# %%
thin = rt.datasets.planted(n_users=400, n_items=4_000, n_ratings=8_000, min_ratings=5, seed=3)
shop_train, _, shop_test = thin.split("random", valid=0, test=0.2, seed=3)
planted_popularity = []
for part in (shop_train, thin):
    model = rt.models.Popularity.for_dataset(shop_train)
    rt.fit(model, shop_train, progress=False)
    model.score.copy_(model.score.new_tensor(part.counts("item")))
    found_it = rt.evaluate(model, shop_test, train=shop_train)["ranking_auc"]
    planted_popularity.append(found_it)
print("Popularity puts a test film above", end=" ")
print("{:.0%} (honest), {:.0%} (guilty) of the others.".format(*planted_popularity))

# %%
model = rt.models.BiasedMF.for_dataset(shop_train, dim=8)
rt.fit(model, shop_train, progress=False)
stars_off = rt.predict(model, shop_test) - shop_test.rating
known_films = thin.counts("item")[shop_test.item] >= 10
planted_vocabulary = [np.sqrt((m**2).mean()) for m in (stars_off, stars_off[known_films])]
print("All test rows: {:.2f} stars off; known films: {:.2f},".format(*planted_vocabulary), end=" ")
print(f"but those are only {known_films.mean():.0%} of the rows.")

# %% [markdown]
# The second is a site that the unhappy leave. How many ratings somebody gave *before* is known at
# the time. How many there will be *in the end* is not, and says how happy they are.

# %%
rng = np.random.default_rng(4)
mood = rng.normal(size=2_000)  # of each user; the unhappy leave soon
n_rated = 1 + rng.poisson(np.exp(1.5 + 0.7 * mood))  # ratings until they leave
user = np.repeat(np.arange(2_000), n_rated)
rank = np.arange(len(user)) - np.repeat(np.cumsum(n_rated) - n_rated, n_rated)
time = rng.random(2_000)[user] + 0.01 * rank
rating = 3.5 + 0.5 * mood[user] + rng.normal(0, 0.5, len(user))
early, rank_error = time < 0.7, {}
for name, feature in (("honest", rank), ("guilty", np.log(n_rated[user]))):
    x = np.column_stack([np.ones(len(user)), feature])
    line, *_ = np.linalg.lstsq(x[early], rating[early])
    rank_error[name] = rt.metrics.rmse(rating[~early], (x @ line)[~early])
print(f"Knowing how many ratings came before: {rank_error['honest']:.2f} stars off;", end=" ")
print(f"knowing how many there will be: {rank_error['guilty']:.2f}.")

# %% [markdown]
# *How many ratings there will be* is what "rank, as a share of all" betrays. The detective asks
# nothing about damage, so it does not depend on luck.

# %% [markdown]
# ### Exercise: an honest mean
#
# Write `prepare(train, test)`: the mean stars of each film, as an array (n_items,), pulled towards
# the overall mean as if five more people had given that: (sum + 5 · mean) / (count + 5). It must
# pass the detective.
#
# <details><summary>Hint 1</summary>
#
# `np.bincount(part.item, part.rating, part.n_items)` sums the stars of each film;
# `part.counts("item")` counts them.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Three things are computed: sum, count and overall mean. All of them from `train`. `test` is there
# to tempt you.
#
# </details>


# %% tags=["stub"]
def prepare(train, test):
    return None  # your turn


# %% tags=["solution"]
def prepare(train, test):
    total = np.bincount(train.item, train.rating, train.n_items)
    return (total + 5 * train.rating.mean()) / (train.counts("item") + 5)


# %%
ws.check("06.prepare", prepare)

# %% [markdown]
# ### Twins (at home)
#
# One leak the detective cannot see: the same thing under two names. Then the training part holds
# the answer to a test row, though no row is in both. Titles give them away.

# %%
doubles = labs.leakage.twins(data.items)
known = labs.leakage.twin_ratings(train, test)  # (n_test,) stars under the other id, else NaN
has = ~np.isnan(known)
print(f"{len(doubles)} titles have two ids: {', '.join(list(doubles)[:2]) or 'none here'} ...")
print(f"{has.sum()} of {len(test):,} test rows have a twin in train.")
if has.any():
    print(f"Copying the twin: {error_of(known, has):.2f} stars off; our model there:", end=" ")
    print(f"{error_of(prediction, has):.2f}.")
    copied = error_of(np.where(has, known, prediction))
    print(
        f"Over the whole test part: {copied:.4f} with copying, {error_of(prediction):.4f} without."
    )

# %% [markdown]
# So few rows do not move the whole. In a shop they would: sizes and colours of one shirt, a song on
# three albums, a retweet. Merge them, or put all twins on one side of the split. What if a third of
# a catalogue were second copies?

# %%
made = rt.datasets.planted(seed=5)
names = [f"Title {i % 133}" for i in range(made.n_items)]  # items 134 to 200 are twins of 1 to 67
titles = pd.DataFrame({"item": made.items["item"], "title": names})
first = made.ratings[made.ratings["item"] <= 133]
again = first[first["item"] <= 67].assign(item=lambda f: f["item"] + 133)  # rated under both ids
shelf = rt.datasets.from_frame(pd.concat([first, again]), items=titles)

# %%
left, _, right = shelf.split("random", valid=0, test=0.1, seed=5)
answer = labs.leakage.twin_ratings(left, right)
model = rt.models.BiasedMF.for_dataset(left)
rt.fit(model, left, progress=False)
guess = rt.predict(model, right)
with_copies = np.where(np.isnan(answer), guess, answer)
cheat = [rt.metrics.rmse(right.rating, p) for p in (guess, with_copies)]
print("A planted shelf full of twins: {:.2f} stars off, and {:.2f} with copying.".format(*cheat))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two AUCs, two questions
#
# AUC is the share of pairs that are in the right order: one rating of four stars or more, one below.
# But pairs of what? **Pooled**, a pair may be a rating of yours and one of mine. Then it helps to
# know that you are generous and I am not. **Conditional on the user**, both are of one person.
# Nobody is ever shown a list that mixes your films and mine. (The name is ours; in advertising a
# cousin weighted by clicks is called GAUC.)
#
# Five models that know different things:

# %%
biases = rt.models.BiasedMF.for_dataset(train, dim=0)
rt.fit(biases, train, valid, progress=False)
b_u, b_i = (b.detach().numpy() for b in (biases.user_bias, biases.item_bias))
full = rt.predict(page.model, test, clip=False)
scores = {
    "who rates": b_u[test.user],
    "which film": b_i[test.item],
    "who + which": rt.predict(biases, test, clip=False),
    "film + taste": full - page.model.user_bias.detach().numpy()[test.user],
    "everything": full,
}

# %%
liked = test.rating >= 4
pooled = {n: rt.interpret.auc_interval(liked, s, test.user, samples=300) for n, s in scores.items()}
within = {n: rt.interpret.conditional_auc_interval(liked, s, test.user) for n, s in scores.items()}

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots(figsize=(9, 4.5))
kinds = (("pooled", pooled, "blue", "o"), ("within each user", within, "vermilion", "s"))
for label, intervals, colour, mark in kinds:
    value = np.array([i.value for i in intervals.values()])
    bounds = np.array([[i.value - i.low, i.high - i.value] for i in intervals.values()]).T
    y = np.arange(len(value))[::-1] + (0.12 if mark == "o" else -0.12)
    ax.errorbar(value, y, xerr=bounds, fmt=mark, ms=9, color=ws.PALETTE[colour], label=label)
ax.axvline(0.5, color="0.6", linestyle=":")
ax.set_yticks(range(len(scores))[::-1], list(scores))
ax.set(xlabel="AUC (share of pairs in the right order; bars: 95% over users)", ylabel="model knows")
ax.legend(loc="lower center")
rows = [f"{n}: {pooled[n].value:.2f} pooled, {within[n].value:.2f} within" for n in scores]
ws.show(fig, alt="AUC of five models with intervals. " + "; ".join(rows) + ".")

# %% [markdown]
# *Who rates* is well above chance when pooled, and exactly a coin within users: it gives all films of
# a person the same score. Now compare *who + which* with *film + taste*. Which of the two would you
# use to fill a list?

# %%
a, b = "film + taste", "who + which"
pooled_gap = rt.interpret.auc_interval(liked, scores[a], test.user, minus=scores[b], samples=300)
one_each = [rt.metrics.group_auc(liked, scores[n], test.user).auc for n in (a, b)]  # (n_users,)
within_gap = rt.interpret.mean_interval(one_each[0] - one_each[1])
print(f"{a} minus {b}, pooled: {pooled_gap}")
print(f"{a} minus {b}, within users: {within_gap}")
flip = pooled_gap.high < 0 < within_gap.low
print("They disagree, and both are sure." if flip else "No clear disagreement on this data.")
left_out = np.isnan(one_each[0]).sum()
print(
    f"Left out within users: {left_out} of {len(one_each[0])} users, with one kind of rating only."
)

# %% [markdown]
# The difference was taken user by user before resampling. That is called *paired*, and it matters:
# what makes a user easy makes them easy for both models, and cancels.
#
# Where they disagree, the pooled number puts the wrong model on the home page.

# %% [markdown]
# ### Exercise: conditional AUC by hand
#
# Write `my_conditional_auc(labels, scores, users)` with nothing but `rt.metrics.auc`: the mean over
# users of the AUC within their rows. Users with only liked or only disliked rows have none: leave
# them out.
#
# <details><summary>Hint 1</summary>
#
# Loop over `np.unique(users)`; `users == u` picks the rows of one user.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `rt.metrics.auc` gives NaN for a user with one kind of row; `np.nanmean` leaves NaN out.
#
# </details>


# %% tags=["stub"]
def my_conditional_auc(labels, scores, users):
    return None  # your turn


# %% tags=["solution"]
def my_conditional_auc(labels, scores, users):
    rows = [users == u for u in np.unique(users)]
    return np.nanmean([rt.metrics.auc(labels[r], scores[r]) for r in rows])


# %%
ws.check("06.conditional_auc", my_conditional_auc)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Rank against everything
#
# Is a film that somebody went on to love among the model's top ten? To know, you have to rank the
# whole catalogue. For a long time papers saved the work: they ranked the film against 99 others,
# drawn at random. Cheaper, and noisy; but is it *fair*?
#
# The measure is the **hit rate**: of all the films asked about, the share that gets into the top ten.
# A film that is truly at place 50 of 1,000 has about five films above it among 99 drawn ones. So it
# gets into that top ten:

# %%
chance = labs.sampling.expected_sampled_hit_rate(rank=50, candidates=1_000)
print(f"Place 50 of 1,000, against 99 drawn films: in the top ten {chance:.1%} of the time.")

# %% [markdown]
# Being right on top and being somewhere near it look the same. Can that turn the order of two real
# models round? We went looking for a pair, on purpose, and took the clearest of a dozen: plain
# **popularity**, and a **singular value decomposition** of the table of who rated what, with far too
# many axes. It is bold: often right on top, and lost in the depth of the catalogue.

# %%
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds


def two_models(part, axes):
    """Score tables (n_users, n_items) of both, made from the training part alone."""
    ones = np.ones(len(part))
    rated = csr_array((ones, (part.user, part.item)), shape=(part.n_users, part.n_items))
    p, strength, q = svds(rated, k=axes, rng=0)  # the strongest axes of who rated what
    return {"popularity": np.tile(rated.sum(axis=0), (part.n_users, 1)), "SVD": (p * strength) @ q}


# %%
hit_rate = []
for seed in (0, 1, 2):  # three splits, three samples
    fit_on, watched, asked = data.split("random", seed=seed)
    asked = asked.take(asked.rating >= 4)
    for name, table in two_models(fit_on, axes=100).items():
        rank, candidates = labs.sampling.exact_ranks(table, asked, [fit_on, watched])
        drawn = labs.sampling.sampled_ranks(rank, candidates, 99, seed=seed)
        for how, r in (("all films", rank), ("99 drawn films", drawn)):
            hit_rate.append((seed, name, how, (r <= 10).mean()))
hit_rate = pd.DataFrame(hit_rate, columns=["split", "model", "against", "hit rate"])
table = hit_rate.pivot(index=["against", "split"], columns="model", values="hit rate")
table.round(3)

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(10, 4.5))
for ax, how in zip(axes, ("all films", "99 drawn films"), strict=True):
    for seed, mark in zip((0, 1, 2), "os^", strict=True):
        ax.plot([0, 1], table.loc[(how, seed)], marker=mark, label=f"split {seed}")
    ax.set_xticks([0, 1], table.columns)
    ax.set(title=f"against {how}", ylabel="hit rate in the top ten", xlim=(-0.3, 1.3))
    ax.set_xlabel("model")
axes[0].legend()
better = {
    how: (table.loc[how, "SVD"] > table.loc[how, "popularity"]).sum()
    for how in table.index.levels[0]
}
text = ", ".join(f"SVD better against {how} in {n} of 3 splits" for how, n in better.items())
ws.show(fig, alt=f"Hit rates of popularity and SVD: {text}.")

# %%
flipped = better["all films"] == 3 and better["99 drawn films"] == 0
print("The order turns round in all three splits." if flipped else "On this data it does not turn.")

# %% [markdown]
# And a planted pair, so small that you can check it in your head. Each model ranks two films, in a
# catalogue of 1,000:

# %%
places = {"bold": (5, 700), "careful": (40, 60)}
chances = {
    name: [
        np.mean([r <= 10 for r in ranks]),
        np.mean([labs.sampling.expected_sampled_hit_rate(r, 1_000) for r in ranks]),
    ]
    for name, ranks in places.items()
}
pd.DataFrame(chances, index=["against all films", "against 99 drawn films"]).T.round(2)

# %% [markdown]
# *Careful* never shows a right film in its top ten, and wins. This was shown by Krichene and Rendle
# in 2020. AUC survives sampling, since it counts all pairs alike. Everything that looks at the top
# does not. A catalogue of some thousands is ranked in seconds: **rank all of it.** All tables of this
# series do.

# %% [markdown]
# ### Exercise: back to the true rank
#
# You are handed a paper's sampled ranks. Write `true_rank(sampled, candidates, negatives)`: an
# estimate of the rank among all candidates that is right on average.
#
# <details><summary>Hint 1</summary>
#
# `sampled - 1` of the `negatives` drawn films were above it. What share is that?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The same share of the other `candidates - 1` films is above it. And rank 1 has nothing above.
#
# </details>


# %% tags=["stub"]
def true_rank(sampled, candidates, negatives):
    return None  # your turn


# %% tags=["solution"]
def true_rank(sampled, candidates, negatives):
    return 1 + (candidates - 1) * (sampled - 1) / negatives


# %%
ws.check("06.true_rank", true_rank)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Which metric, when
#
# | You want to know | Look at | It does not see |
# |---|---|---|
# | how far off shown stars are | RMSE, MAE | whether the list is any good |
# | who of all clicks at all, for a price (advertising) | pooled AUC, calibration | order within a person |
# | whether the order fits the person, among what was rated or shown | conditional AUC | films never rated |
# | whether the first screen is good | NDCG, recall, precision at k, all films ranked | what is below k |
# | how soon the first good one comes | MRR | all that follow |
# | whether the whole catalogue gets a chance | coverage, novelty | whether anybody likes it |
#
# The names that are new: *MAE* is the mean absolute error. *Calibration* asks whether of all that got a
# chance of 30% about 30% happen. *Precision at k* is the share of the k films shown that are good,
# *recall at k* the share of the good films that are shown. *NDCG* counts the good ones as well, those
# further up more. *MRR* is the mean of 1/place of the first good one. *Coverage* is the share of the
# catalogue that is shown to anybody, *novelty* how little known the shown films are.
#
# Then say how it was measured: split, seed, what was left out of the ranking, how many users, how
# wide the interval. And in the end somebody has to ask the users; that is the next page.

# %% [markdown]
# ### Exercise: which one?
#
# Three questions, three answers out of `"rmse"`, `"auc"`, `"conditional_auc"`, `"ndcg"`. Each is used
# at most once.
#
# 1. A home page shows five films. Which of two models fills it better?
# 2. An advertiser pays for a click. Of all (person, ad) pairs of the day, which ones will be clicked?
# 3. Next to each film stands "we think you will give it 3.7". How wrong is that?
#
# <details><summary>Hint</summary>
#
# Ask of each: are scores of *different* people compared? Does only the top matter? Is the number
# itself shown?
#
# </details>

# %% tags=["stub"]
metrics = None  # your turn: a list of three

# %% tags=["solution"]
metrics = ["ndcg", "auc", "rmse"]

# %%
ws.check("06.which_metric", metrics)

# %% [markdown]
# ## What we learned
#
# * Everything that is counted, chosen or fitted comes from the training part, and a detective can
#   check that. Twins have to be looked for.
# * Hold test rows and sizes fixed, and you see what a look into the future is worth.
# * Resample users, and pair the models: then a difference has an interval.
# * Pooled AUC rewards knowing people, conditional AUC rewards knowing their order. Top-k metrics want
#   the whole catalogue.
