# ---
# minutes: 80
# needs: [02_mf_follow_along]
# knows: "what RMSE and AUC are"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Evaluate without fooling yourself
#
# Catch evaluations that have seen the answer, say how certain a number is, and choose a metric that
# measures what you want: two parts, about 40 minutes each.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("06_evaluation")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The best model of the whole series
#
# This is part one of two: **leaks**. It ends with a summary, where you can take a break.
#
# Here are two models of the same class, tested on the same ratings. Run the cell.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

data, train, valid, test = page.data, page.train, page.valid, page.test
secret = rt.datasets.concat(train, test)  # what could possibly be in here?
wonder = rt.models.BiasedMF.for_dataset(secret, l2=0.03)
rt.fit(wonder, secret, epochs=20)
rmse = {"the model of page 02": rt.metrics.rmse(test.rating, rt.predict(page.model, test))}
rmse["the wonder"] = rt.metrics.rmse(test.rating, rt.predict(wonder, test))
for name, stars in rmse.items():
    print(f"Error of {name}: {stars:.2f} stars")

# %% [markdown]
# If you have read the cell, you know why: the wonder was trained on the test ratings. It has learned
# them by heart, and knows no more about tomorrow than the other model.
#
# Nobody does that on purpose. But the same crime has many smaller forms, called **leaks**, and they
# happen in published papers and in good companies. This part is about catching them. The rule is short:
# **whatever is counted, averaged or fitted comes from the training part. You choose on the validation
# part. You look at the test part once.** (This page is about looking, so it looks at the test part all
# the time. But it chooses nothing there.)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before running the cell, ask the room for the best error they have ever seen on this data. With a random
# split of MovieLens-100K, an error below 0.85 stars is a reason to look for a leak. After the cell: who
# has found a leak in their own work, and how? (5 minutes; the stories are the best part of this page)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Choosing is training, too
#
# Why only once? Take 200 models that are *equally good*, because we make them so: the model of page 02
# plus random noise of a fifth of a star. We choose the one that is best on 500 validation ratings, as
# you would choose settings, and then look at the test part.

# %%
rng = np.random.default_rng(0)
few = valid.take(np.arange(min(500, len(valid))))
rows = [few, test]
center = [rt.predict(page.model, part) for part in rows]
lead = []  # how far the winner is ahead of the average model: (20 contests, 2 parts), in stars
for _ in ws.steps(range(20), "contest"):
    error = [
        np.sqrt(((c + rng.normal(0, 0.2, (200, len(p))) - p.rating) ** 2).mean(1))  # (200,)
        for c, p in zip(center, rows, strict=True)
    ]
    winner = error[0].argmin()
    lead.append([e.mean() - e[winner] for e in error])
lead_valid, lead_test = np.mean(lead, axis=0)

# %%
print(f"On the ratings that chose it, the winner leads the average by {lead_valid:.4f} stars.")
print(f"On the test part it leads by {lead_test:+.4f}. (mean of 20 contests of 200 equal models)")

# %% [markdown]
# The lead was luck, and luck does not repeat. If you report the number by which you chose, you report
# the luck. Fewer rows and more candidates make it larger.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A laboratory for leaks
#
# The most common leak needs no mistake in the code: split the ratings at random, and the model trains on
# some ratings that were given *after* those it has to predict. How much is that worth?
#
# To measure what the later ratings are worth, change only whether the model trains on them. The test rows
# stay the same, and so does the number of training ratings, in total and for each tested user. In
# **past** all training ratings come before the test. In **mixed** some of them are exchanged for later ones.
#
# Past and future are separated at one moment for everybody: `cut` is the share of all ratings that come
# before it. A tested user has at least `least` ratings on each side.

# %%
from recsys_workshop import labs
from recsys_workshop.labs.leakage import laboratory

least = page.pick(5, 3)  # ratings on each side of the cut
lab = laboratory(data, cut=0.7, least=least, seed=0)
users = np.unique(lab.test.user)
print(f"{len(lab.test):,} test ratings of {len(users)} users;", end=" ")
print(f"{len(lab.past):,} training ratings in past, {len(lab.mixed):,} in mixed.")

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharex=True, sharey=True)
start = data.timestamp.min()
for ax, name in zip(axes, ("past", "mixed"), strict=True):
    for part, colour, mark in ((getattr(lab, name), "blue", "|"), (lab.test, "vermilion", "x")):
        place = np.searchsorted(users[:20], part.user)
        shown = np.isin(part.user, users[:20])
        day = (part.timestamp[shown] - start) / 86_400
        label = "test" if part is lab.test else "training"
        ax.plot(day, place[shown], mark, color=ws.PALETTE[colour], ms=9, label=label)
    ax.set(title=f"{name}: what the model may see", xlabel="day")
axes[0].set_ylabel("user")
axes[0].set_yticks([])
axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
text = "In past, all training marks are left of the test marks; in mixed, some are to the right."
ws.show(fig, alt=f"Training and test ratings of twenty users over time. {text}")

# %% [markdown]
# Now train the same model on both, three times. Each time, we use a different seed, both to choose the
# ratings that are exchanged and for training. Guess first: how many hundredths of a star is a look into
# the future worth?

# %%
misses = {"past": [], "mixed": []}  # squared misses of each test row, one array per seed
for seed in ws.steps(range(3), "seed"):
    lab = laboratory(data, cut=0.7, least=least, seed=seed)
    for name in misses:
        part = getattr(lab, name)
        model = rt.models.BiasedMF.for_dataset(part, seed=seed)
        rt.fit(model, part, seed=seed, epochs=page.pick(None, 3), progress=False)
        misses[name].append((rt.predict(model, lab.test) - lab.test.rating) ** 2)
stars = {name: np.sqrt(np.mean(each, axis=1)) for name, each in misses.items()}  # (3,) seeds
for name, each in stars.items():
    print(f"trained on {name}: {each.mean():.3f} stars off", end=" ")
    print(f"(three seeds: {min(each):.3f} to {max(each):.3f})")

# %% [markdown]
# Three seeds show how much the result depends on the training run and on the exchanged ratings. They say
# nothing about the *users*: would the gain be similar with other users? To find out, we draw users again
# and again from those we have, with replacement, and compute the mean each time. That is the
# **bootstrap**. We draw users and not rows, because the ratings of one person are alike: a hundred of
# them are not a hundred opinions.
#
# ### Exercise: the bootstrap
#
# Write `bootstrap(values, draws, seed)`: draw `len(values)` of the values with replacement, take their
# mean, and do that `draws` times. Return the means, an array (draws,). The figure below and its two
# intervals are made with it.
#
# <details><summary>Hint 1</summary>
#
# `rng = np.random.default_rng(seed)`; `rng.integers(0, n, n)` draws n positions with replacement.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `values[positions].mean()` is one of the means. Collect `draws` of them.
#
# </details>


# %% tags=["stub"]
def bootstrap(values, draws, seed):
    return None  # your turn: (draws,)


# %% tags=["solution"]
def bootstrap(values, draws, seed):
    rng, n = np.random.default_rng(seed), len(values)
    return np.array([values[rng.integers(0, n, n)].mean() for _ in range(draws)])


# %%
draws_well = ws.check("06.bootstrap", bootstrap)

# %% [markdown]
# Now bootstrap the gain in two ways. When we draw rows, each test rating counts as an opinion of its own.
# When we draw users, all ratings of one person are drawn together, as one opinion. Which histogram will be
# wider?

# %%
gap = np.mean(misses["past"], axis=0) - np.mean(misses["mixed"], axis=0)  # (n_test,), stars²
each = pd.Series(gap).groupby(lab.test.user).agg(["mean", "size"])  # one line per user


def by_counts(values, draws, seed):
    """The same as `bootstrap`, but draw how often each value comes up, not the values."""
    n = len(values)
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), draws) @ values / n


draw_means = bootstrap if draws_well else by_counts
print("We draw with", "your function." if draws_well else "our function: yours is not finished.")
# one value per user, scaled so that their mean is gap.mean()
of_user = (each["mean"] * each["size"] / each["size"].mean()).to_numpy()
both_ways = {"rows (too narrow)": gap, "users": of_user}
histograms = {name: draw_means(values, 2_000, 0) for name, values in both_ways.items()}

# %%
fig, ax = plt.subplots()
bounds = {}
for (name, means), colour in zip(histograms.items(), ("sky", "orange"), strict=True):
    bounds[name] = np.quantile(means, [0.025, 0.975])
    ax.hist(means, bins=50, alpha=0.7, color=ws.PALETTE[colour], label=f"drawing {name}")
    ax.plot(bounds[name], [-8 if name == "users" else -16] * 2, lw=5, color=ws.PALETTE[colour])
ax.axvline(0, color="black", linestyle=":")
ax.set(xlabel="gain in squared error from knowing the future (stars²)", ylabel="bootstrap draws")
ax.set(title="The middle 95% of the draws is the interval")
ax.set_yticks([t for t in ax.get_yticks() if t >= 0])
ax.legend(loc="upper left")
said = "; ".join(f"{name}: {low:.2f} to {high:.2f}" for name, (low, high) in bounds.items())
ws.show(fig, alt=f"Two histograms of bootstrap means, with their 95% intervals: {said}.")

# %%
leak_stars = stars["past"].mean() - stars["mixed"].mean()
leak_rows = rt.interpret.mean_interval(each["mean"], weights=each["size"])
leak_users = rt.interpret.mean_interval(each["mean"])
print(f"Error in past minus error in mixed: {leak_stars:+.3f} stars (above zero is a gain).")
print("Gain in squared error, in stars² (95% interval):")
print(f"  your draws of {said}." if draws_well else f"  our draws of {said}.")
for how, leak in (("each rating counts", leak_rows), ("each user counts", leak_users)):
    print(f"  library, users drawn, {how}: {leak},", end=" ")
    print("clear of zero" if leak.off_zero else "zero is inside")

# %% [markdown]
# Both histograms have the same middle. The one for rows is too narrow, because drawing rows counts the
# ratings of one person as independent opinions. The library always draws users, but it can weight them
# in two ways. "Each rating counts" means that a user's weight is the number of their test ratings. Then
# the few people with many test ratings decide the mean, so the interval is wide. "Each user counts"
# means that all weigh the same, whether they have two test ratings or two hundred. These are different
# questions, with different answers and different widths: say which one you ask.
#
# Few people rated both before and after the cut. So we hardly know the size of the gain, and we know
# its sign only if zero lies outside the interval. Change `cut` and `least` above and watch how the
# interval moves. A table that gives such a number without an interval hides all this.
#
# Where can such a gain come from? People's tastes may change, and so may what they can watch: new films
# come out. The next cell looks at the films: how well does plain popularity find what people rate next?

# %%
found = {}
for name in ("past", "mixed"):
    part = getattr(lab, name)
    counts = rt.models.Popularity.for_dataset(part)
    rt.fit(counts, part, progress=False)
    found[name] = rt.evaluate(counts, lab.test, train=part)
    unknown = (part.counts("item")[lab.test.item] == 0).mean()
    print(f"{name}: popularity puts a test film above {found[name]['ranking_auc']:.0%} of", end=" ")
    print(f"the others; {unknown:.0%} of test ratings are of films without a training rating.")

# %% [markdown]
# If popularity does no better in mixed than in past, we see no sign that the gain comes from new films. If
# it does better, later ratings have told it which films people will rate.
#
# Should you split by time? If you want to know how a system will do tomorrow: yes. A random split
# answers another question: how well does the model fill the gaps in the table? Many published results
# answer that second question. Never compare a number from a random split with one from a split by time.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The detective
#
# Smaller leaks hide in the preparation of the data: a mean here, a count there, computed *before* the
# split. There is a simple way to catch them. What you prepare must not depend on the test part. So
# prepare it two more times: once with high and low stars swapped in the test part, and once with half of
# its rows gone. If the result differs, something has seen the test part. `sees_test` does just that.
#
# Here are four suspects, and two that should be innocent. Each gets the two parts and returns what it
# has prepared. For the fourth, a rating's *rank* is its place in the history of its user: the share of
# the user's ratings that came before it.


# %%
def film_means(part):
    """Mean stars of each film, the overall mean where there is no rating: (n_items,)."""
    total = np.bincount(part.item, part.rating, part.n_items)
    count = part.counts("item")
    return np.where(count > 0, total / np.maximum(count, 1), part.rating.mean())


def order(part, rows):
    """ "Rank": the share of a user's ratings in `part` that came before each of the rows: (n,)."""
    span = int(data.timestamp.max()) + 1  # so that one number holds the user and the time
    known = np.sort(part.user.astype(np.int64) * span + part.timestamp)
    first = rows.user.astype(np.int64) * span
    before = np.searchsorted(known, first + rows.timestamp) - np.searchsorted(known, first)
    return before / np.maximum(part.counts("user")[rows.user], 1)


# %%
def both(train, test):
    return rt.datasets.concat(train, test)


floor = max(5, int(np.quantile(data.counts("item"), 0.1)))  # ratings that make a film known
suspects = {
    "mean stars of each film": lambda train, test: film_means(both(train, test)),
    "popularity": lambda train, test: both(train, test).counts("item"),
    "vocabulary of known films": lambda train, test: both(train, test).counts("item") >= floor,
    "rank: order of a user's ratings": lambda train, test: order(both(train, test), train),
    "mean stars, from train alone": lambda train, test: film_means(train),
    "list of all film ids": lambda train, test: train.item_vocab.ids,
}
caught = {name: labs.leakage.sees_test(make, train, test) for name, make in suspects.items()}
pd.Series({n: "has seen the test" if c else "innocent" for n, c in caught.items()}, name="verdict")

# %% [markdown]
# The first four are all caught. The list of ids is innocent: it says which row of a table belongs to
# which film, and nothing else about that film. But if the counts of all ratings decide which films are in
# the list ("films with at least five ratings"), it is guilty like the third suspect, and it quietly leaves
# out the hardest test rows.
#
# They are caught. But does the crime pay?

# %%
everything = both(train, test)


def error_of(prediction, rows=slice(None)):
    return rt.metrics.rmse(test.rating[rows], prediction[rows])


def by_position(part):
    """Film means plus a correction: the mean miss in each tenth of users' histories, (n_test,)."""
    miss = train.rating - film_means(part)[train.item]
    tenth = [np.minimum((10 * order(part, rows)).astype(int), 9) for rows in (train, test)]
    mean = pd.Series(miss).groupby(tenth[0]).mean().reindex(range(10)).fillna(0)
    return film_means(train)[test.item] + mean.to_numpy()[tenth[1]]


# %% [markdown]
# For each suspect, compare the honest way with the guilty way on the same test part. Honest means that
# only training ratings enter. (The guilty vocabulary skips the test rows of films that it does not
# know: that is its trick.) Errors are in stars, lower is better; popularity is judged by the share of
# films that it puts below a test film.


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
    "rank (stars)": [error_of(by_position(part)) for part in (train, everything)],
}
pd.DataFrame(payoff, index=["honest", "guilty"]).T.round(4)

# %%
rare = train.counts("item")[test.item] <= floor
honest, guilty = (error_of(film_means(part)[test.item], rare) for part in (train, everything))
print(f"Films with at most {floor} training ratings ({rare.sum()} test rows):", end=" ")
print(f"{honest:.2f} stars off if honest, {guilty:.2f} if guilty.")
print(f"The vocabulary left out {(~kept).sum()} of {len(test):,} test rows.")
small = [n for n, (h, g) in payoff.items() if abs(h - g) < 0.005]
print("These leaks change the number by less than 0.005 here:", ", ".join(small))

# %% [markdown]
# Are these gains more than luck? Compare the honest way with the guilty way user by user, and bootstrap
# the users:


# %%
def gain_of(one, other, rows=slice(None)):
    """Squared error of one way minus that of the other in stars², with its interval over users."""
    gain = pd.Series((one - test.rating) ** 2 - (other - test.rating) ** 2)[rows]
    return rt.interpret.mean_interval(gain.groupby(test.user[rows]).mean())


plain, leaky = (film_means(part)[test.item] for part in (train, everything))
pays = {
    "film means": gain_of(plain, leaky),
    f"film means, films with at most {floor} ratings": gain_of(plain, leaky, rare),
    "rank": gain_of(by_position(train), by_position(everything)),
}
for name, gain in pays.items():
    print(f"{name}: the leak gains {gain} stars²", "" if gain.off_zero else "(interval includes 0)")

# %% [markdown]
# The leak in the film means does pay: if a film has few ratings, the rating to be predicted makes up a
# large part of its mean. The others pay little here. Most test ratings are of films with many ratings,
# and the test part is only a tenth of all ratings, so it hardly changes a count. That depends on the
# data, and does not make them innocent. In the two planted worlds that follow, each of these other leaks
# does pay. (**Planted** data is made up, so that we know the truth.) The first is a shop with two
# ratings per film on average; the suspects are popularity, and a vocabulary of films with at least ten
# ratings.

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
# The second is a site that unhappy people leave; the suspect is "rank". At any moment you know how many
# ratings somebody has given *before*. You do not know how many there will be *in the end*, and it is
# this final number that says how happy they are.

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
# The suspect "rank" divides by the number of all ratings of the user, later ones included. So together
# with the number of ratings that came before, it can give away *how many there will be*. The detective
# finds the leak even where it happens to do little damage.

# %% [markdown]
# ### Exercise: an honest mean
#
# Write `prepare(train, test)`: the mean stars of each film, as an array (n_items,), pulled towards
# the overall mean as if five more people had given exactly that: (sum + 5 · mean) / (count + 5). It
# must pass the detective. The cell after the check compares it with the plain mean.
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
honest_mean = ws.check("06.prepare", prepare)

# %%
if honest_mean:
    yours = np.asarray(prepare(train, test))[test.item]
    pulled = error_of(yours, rare)
    print(f"Films with few ratings: {honest:.3f} stars off with the plain mean,", end=" ")
    print(f"{pulled:.3f} with yours.")
    gain = gain_of(plain, yours, rare)
    print(f"Squared error with the plain mean, minus that with yours: {gain} stars²", end="")
    print("." if gain.off_zero else "; zero is inside the interval.")
else:
    print("Once your function passes the check, this cell compares your mean with the plain one.")

# %% [markdown]
# ### Twins (at home)
#
# There is one leak that the detective cannot see: the same thing under two names. If a person rated it
# under both, one rating can be in the training part and the other in the test part. Then the first can
# give away the second, although no row is in both parts. Equal titles reveal it.

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
    print(f"Whole test part: {copied:.4f} with copying, {error_of(prediction):.4f} without.")

# %% [markdown]
# These rows are too few to change the error on the whole test part by much. A shop has many more twins,
# and they would change it: sizes and colours of one shirt, a song on three albums, a repost. Merge them,
# or put all twins on one side of the split. What if a third of a catalogue were second copies?

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

# %% [markdown]
# ### Part one in four lines
#
# * Everything that you count, average or fit comes from the training part. A detective checks that.
# * Choosing is training: the number by which you choose flatters the winner.
# * Keep the test rows and the number of training ratings fixed, and you see what a look into the future
#   is worth.
# * Draw users, not rows: then a number has an interval that you can believe.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two AUCs, two questions
#
# This is part two: **metrics**. What does each of them measure, and which one do you want?
#
# AUC compares pairs of ratings, one of four stars or more and one below: it is the share of pairs that
# the scores put in the right order. But whose ratings are they? In the **pooled** AUC, a pair may be one
# of your ratings and one of mine. Then it helps to know that you are generous and I am not. In the AUC
# **conditional on the user**, both ratings come from the same person. (The name is ours; in advertising,
# a version weighted by clicks is called GAUC.) Nobody ever sees a list that mixes your films and mine.
#
# Here are five models that know different things:

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
pooled = {
    n: rt.interpret.auc_interval(liked, scores[n], test.user, samples=300)
    for n in ws.steps(scores, "model")
}
within = {
    n: rt.interpret.mean_interval(rt.metrics.group_auc(liked, s, test.user).auc)
    for n, s in scores.items()
}

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots(figsize=(9, 4.5))
kinds = (("pooled", pooled, "blue", "o"), ("within each user", within, "vermilion", "s"))
for label, intervals, colour, mark in kinds:
    value = np.array([i.value for i in intervals.values()])
    reach = np.array([[i.value - i.low, i.high - i.value] for i in intervals.values()]).T
    y = np.arange(len(value))[::-1] + (0.12 if mark == "o" else -0.12)
    ax.errorbar(value, y, xerr=reach, fmt=mark, ms=9, color=ws.PALETTE[colour], label=label)
ax.axvline(0.5, color="0.6", linestyle=":")
ax.set_yticks(range(len(scores))[::-1], list(scores))
ax.set(title="Knowing who rates helps only the pooled AUC", ylabel="what the model knows")
ax.set(xlabel="AUC (share of pairs in the right order; bars: 95% intervals over users)")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
rows = [f"{n}: {pooled[n].value:.2f} pooled, {within[n].value:.2f} within" for n in scores]
ws.show(fig, alt="AUC of five models with intervals. " + "; ".join(rows) + ".")

# %% [markdown]
# *Who rates* is well above chance when pooled, and exactly at chance (0.5) within users, because it gives
# all films of a person the same score. Now compare *who + which* with *film + taste*. Which of the two
# would you use to fill a list?

# %%
a, b = "film + taste", "who + which"
pooled_gap = rt.interpret.auc_interval(liked, scores[a], test.user, minus=scores[b], samples=300)
one_each = [rt.metrics.group_auc(liked, scores[n], test.user).auc for n in (a, b)]  # (n_users,)
within_gap = rt.interpret.mean_interval(one_each[0] - one_each[1])
print(f"{a} minus {b}, pooled: {pooled_gap}")
print(f"{a} minus {b}, within users: {within_gap}")
flip = pooled_gap.high < 0 < within_gap.low
print("They disagree, clearly." if flip else "No clear disagreement on this data.")
left_out = np.isnan(one_each[0]).sum()
print(f"Within users we leave out {left_out} of the {len(one_each[0])} users:", end=" ")
print("they liked all of their test films, or none.")

# %% [markdown]
# Both models are judged on the same users, and we take the difference of their AUCs: for each user
# (within users), or for each bootstrap draw of users (pooled). This is called a **paired** comparison,
# and it matters: a user who is easy for one model is usually easy for the other too, and in the
# difference this cancels out. `rt.compare` does the same for any metric, and it is what this series uses
# to compare two models.
#
# Where the two AUCs disagree, the pooled number puts the wrong model on the home page.

# %% [markdown]
# ### Exercise: conditional AUC by hand
#
# Write `my_conditional_auc(labels, scores, users)` with nothing but `rt.metrics.auc`: the mean over users
# of the AUC within their rows. Users whose rows are all liked or all disliked have no AUC: leave them
# out.
#
# <details><summary>Hint 1</summary>
#
# Loop over `np.unique(users)`; `users == u` picks the rows of one user.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `rt.metrics.auc` gives NaN if all rows of a user are liked, or none is; `np.nanmean` leaves NaN out.
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
auc_works = ws.check("06.conditional_auc", my_conditional_auc)

# %% [markdown]
# Put it to work. Does the order of the models depend on how busy people are? Split the test rows into
# two parts: those of busy people, who have many test ratings, and those of the others.

# %%
busy = np.bincount(test.user, minlength=data.n_users)[test.user]
many = busy > np.median(busy)  # (n_test,) rows of busy people
conditional = my_conditional_auc if auc_works else rt.metrics.conditional_auc
print(
    "Conditional AUC by", "your function:" if auc_works else "the library (yours is not finished):"
)
for name, score in scores.items():
    two = [conditional(liked[rows], score[rows], test.user[rows]) for rows in (many, ~many)]
    print(f"  {name:>12}: busy people {two[0]:.3f}, others {two[1]:.3f}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ratings are missing, and not at random
#
# Every number above is computed on ratings that people *chose* to give. People rate what they watched,
# and watch what they expect to like. What does that do to an evaluation? We can answer that only where
# we also know the ratings that nobody gave: in a planted world. In this one, the chance that a film is
# rated doubles with every additional star that the person would give it. The world is a table with one
# cell for each person and film. We judge two models, and each predicts one number for the whole table:
# *rosy* predicts the mean of the ratings that were given, *sober* the mean of all cells.

# %% tags=["long"]
rng = np.random.default_rng(6)
truth = np.clip(np.round(2.6 + rng.normal(0, 1.1, (600, 300))), 1, 5)  # stars, all cells
propensity = 0.01 * 2 ** (truth - 1)  # chance that a cell is rated: 1% to 16%
given = rng.random(truth.shape) < propensity
judged = {
    "rosy (mean of what was rated)": truth[given].mean(),
    "sober (mean of everything)": truth.mean(),
}
weight = 1 / propensity[given]
table = {
    name: [
        np.sqrt(((truth - stars) ** 2).mean()),
        np.sqrt(((truth[given] - stars) ** 2).mean()),
        np.sqrt((weight * (truth[given] - stars) ** 2).sum() / weight.sum()),
    ]
    for name, stars in judged.items()
}
mnar = pd.DataFrame(table, index=["all cells (the truth)", "rated cells", "rated, weighted"]).T
mnar.round(3)

# %% [markdown]
# On the rated cells the rosy model wins, although it is the worse one. The last column weights each
# rating by 1 / **propensity**, where the propensity is the chance that the rating was given: a rating
# that was unlikely to be given stands for the many like it that are missing. So this column has the two
# models in the right order, from the rated cells alone (Schnabel et al. 2016). The catch: here we know
# the propensities. MovieLens does not tell us its propensities, so they have to be modelled. The
# conditional AUC, too, is blind to what is missing: it judges the order of the films that a person chose
# to rate, and says nothing about the others.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Rank against everything
#
# Is a film that somebody later loved among the model's top ten? To know, you have to rank the whole
# catalogue. For a long time papers avoided that work: they ranked the film against only 99 others, drawn
# at random. That is cheaper, and noisy; but is it *fair*?
#
# The measure is the **hit rate**: of all test ratings of four stars or more, the share whose film is in
# its person's top ten. A film whose true rank is 50 of 1,000 has about five films above it among 99
# drawn ones. So how often is it in the top ten of those hundred?

# %%
chance = labs.sampling.expected_sampled_hit_rate(rank=50, candidates=1_000)
print(f"Place 50 of 1,000, against 99 drawn films: in the top ten {chance:.1%} of the time.")

# %% [markdown]
# Against 99 drawn films, being at the very top and being somewhere near it look the same. Can that
# reverse the order of two real models? We searched for such a pair on purpose, and took the clearest of
# a dozen: plain **popularity**, and a **singular value decomposition** (SVD) of the table of who rated
# what, with far too many axes. The SVD is bold: its hits are often at the very top, and its misses far
# down the catalogue.

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
for seed in ws.steps((0, 1, 2), "split"):  # three splits, three samples
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
    ax.set(title=f"against {how}", ylabel="hit rate (share in the top ten)", xlim=(-0.3, 1.3))
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
print("All three splits reverse the order." if flipped else "Not all three splits reverse it here.")

# %% [markdown]
# Both vertical axes start above zero; read the slopes, not the heights. Now a smaller example: two
# invented models rank a catalogue of 1,000 films, and the person likes two of them. `places` holds the
# places of these two. You can check the column "against all films" in your head.

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
# *Careful* never has a liked film in its top ten, but against 99 drawn films it has the higher hit rate.
# Krichene and Rendle showed this in 2020. An AUC against drawn films is right on average, because it
# counts all pairs equally. Metrics that look only at the top are not. Ranking a catalogue of a few
# thousand films takes seconds: **rank all of it.** Apart from this experiment, this series always does.

# %% [markdown]
# ### Exercise: back to the true rank
#
# A paper gives you sampled ranks. Write `true_rank(sampled, candidates, negatives)`, which estimates a
# film's true rank. `sampled` is its rank in the small list (the film and the drawn films), `negatives` is
# the number of drawn films, and `candidates` is the number of films in the full list, this one included.
# The estimate must be right on average.
#
# <details><summary>Hint 1</summary>
#
# `sampled - 1` of the `negatives` drawn films were above it. What share is that?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The same share of the other `candidates - 1` films is above it. And rank 1 has nothing above it.
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
# The next cell computes three metrics for a small example, and the text below the cell explains them. A
# model shows five films, and the person likes those at places 2 and 5.

# %%
good = np.array([0, 1, 0, 0, 1])  # 1 where the person likes the film
worth = 1 / np.log2(np.arange(2, 7))  # of places 1 to 5: place 1 is worth most
ideal = np.sort(good)[::-1]  # the best order of the same five
print(f"precision@5: {good.mean():.2f} of the shown films are liked")
print(f"NDCG@5: {(good * worth).sum():.3f} of at most {(ideal * worth).sum():.3f}", end=", ")
print(f"so {(good * worth).sum() / (ideal * worth).sum():.3f}")
print(f"reciprocal rank: the first liked film is at place {good.argmax() + 1}, so {1 / 2:.2f}")

# %% [markdown]
# **NDCG** (normalised discounted cumulative gain) gives each place a worth, the first place the most. It
# adds up the worth of the places with liked films, and divides by the sum that the best possible order
# would get. **MRR** is the mean reciprocal rank: one over the place of the first liked film, averaged
# over people. **Recall at k** is the share of the liked films that are shown, **precision at k** the
# share of the shown films that are liked. **MAE** is the mean absolute error, **coverage** the share of
# the catalogue that anybody gets to see. Here are most of them, with all films ranked, for three models:
# the star model of page 02 ("stars"), the model that fills lists ("lists"), and popularity ("most
# rated"). The last two predict no stars, so they have no RMSE and no MAE.

# %%
crowd = rt.models.Popularity.for_dataset(train)
rt.fit(crowd, train, progress=False)
three = {"stars": page.model, "lists": page.ranker, "most rated": crowd}
found_by = {n: rt.evaluate(m, test, train=[train, valid]) for n, m in three.items()}
wanted = ["rmse", "mae", "auc", "conditional_auc", "ndcg@10", "recall@10", "mrr", "coverage"]
metrics_of = pd.DataFrame(found_by).reindex(wanted).round(3)
lists_gap = rt.compare(page.ranker, crowd, test, train=[train, valid], metric="ndcg@10")
print(f"lists (first) minus most rated (second), {lists_gap}")
metrics_of

# %% [markdown]
# **Calibration error** is for predicted chances. Sort the predictions into ten bins by the stated
# chance. In each bin, see how far the mean stated chance is from the share of cases in which the event
# happened. The error is the mean of these ten gaps, weighted by the number of predictions in each bin. We
# compute the chance of "four stars or more" in two ways. The first is a guess: a straight line, from 0
# at one star to 1 at five. The second is a curve, fitted on the validation part.

# %%
from sklearn.linear_model import LogisticRegression

on_valid = rt.predict(page.model, valid)[:, None]
curve = LogisticRegression().fit(on_valid, valid.rating >= 4)
stated = {
    "a straight line": np.clip((prediction - 1) / 4, 0, 1),
    "a fitted curve": curve.predict_proba(prediction[:, None])[:, 1],
}
calibration = {n: rt.metrics.calibration_error(liked, p) for n, p in stated.items()}
for name, error in calibration.items():
    order_kept = rt.metrics.auc(liked, stated[name])
    print(f"{name}: calibration error {error:.3f}, AUC {order_kept:.3f}")

# %% [markdown]
# The order is the same, so AUC cannot tell them apart; only the calibration error sees that one of them
# states false chances. This table sums up the metrics of this part:
#
# | You want to know | Look at | It does not see |
# |---|---|---|
# | how far off the displayed stars are | RMSE, MAE | whether the list is any good |
# | which of all (person, ad) pairs are clicked (advertising) | pooled AUC, calibration | whether a better AUC comes from ordering each person's own ads or from telling people apart |
# | whether the order fits the person, among what was rated or shown | conditional AUC | films never rated |
# | whether the first screen is good | NDCG, recall, precision at k, all films ranked | what is below place k |
# | how soon the first good film comes | MRR | all films after it |
# | whether the whole catalogue gets a chance | coverage | whether anybody likes it |
#
# Then say how you measured: split, seed, what you left out of the ranking, how many users, how wide the
# interval is. And in the end somebody has to try it with users: A/B tests are on the next page.

# %% [markdown]
# ### Exercise: which one?
#
# Three questions, three answers out of `"rmse"`, `"auc"`, `"conditional_auc"`, `"ndcg"`. Each is used
# at most once.
#
# 1. A home page shows five films. Which of two models fills it better?
# 2. An advertiser pays for a click. Of all (person, ad) pairs of the day, which ones will be clicked?
# 3. Each film says "we think you will give it 3.7". How wrong is that?
#
# <details><summary>Hint</summary>
#
# For each question, ask: do we compare scores of *different* people? Does only the top matter? Do we
# show the number itself?
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
# * Everything that you count, average or fit comes from the training part, and a detective can check
#   that. Look for twins yourself.
# * Draw users, and judge both models on the same users: then their difference has an honest interval.
# * Pooled AUC also rewards knowing who is generous; conditional AUC rewards only the order of each
#   person's own films. Top-k metrics need the whole catalogue.
# * Ratings are not missing at random: people rate what they expect to like, and that flatters a model whose
#   predictions are too high.
# * Say the question first, then the number.
#
# **One question to end with**, and no check: a colleague reports a gain of 0.002 in NDCG. Which three
# things do you ask before you congratulate them?
#
# **Read on.** Krichene and Rendle 2020, *On sampled metrics for item recommendation*; Schnabel et al.
# 2016, *Recommendations as treatments: debiasing learning and evaluation*; Ferrari Dacrema, Cremonesi
# and Jannach 2019, *Are we really making much progress?*
