# ---
# minutes: 45
# needs: [06_evaluation]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Cold start and side features
#
# Create a cold start yourself, tell a model what is known about people and films, and measure where
# that helps and where it doesn't.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("08_cold_start_and_side_features")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Opening night
#
# A film opens tonight, and nobody has rated it. What does our model say about it? Take five well-known
# films, hide all their ratings, and train.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

data = page.data
opening = np.argsort(-data.counts("item"), kind="stable")[:5]  # the five most rated films
hidden = data.take(~np.isin(data.item, opening))  # all other ratings
model = rt.models.BiasedMF.for_dataset(hidden)
rt.fit(model, hidden)

shown = data.take(np.isin(data.item, opening))
table = pd.DataFrame({"film": data.items["title"].to_numpy()[shown.item], "true": shown.rating})
table["predicted"] = rt.predict(model, shown, clip=False)
means = table.groupby("film").mean().rename_axis("title").reset_index().round(2)
means.columns = ["title", "mean stars given", "mean stars predicted"]
ws.films(means)

# %%
one = shown.user[0]  # any person
every = rt.predict(model, shown.take(shown.user == one), clip=False)
print(f"For one person, the predictions for these films differ by {np.ptp(every):.2f} stars.")

# %% [markdown]
# They do not differ at all. The model predicts the mean plus the person's own bias, and that sum is the
# same for all five films. The model has a row of numbers for each film, and these five rows were never
# trained. This is the **cold start** problem. Yet anybody who has read a film's poster could say
# something about it: that it is a war film, perhaps, and from 1996.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: what would *you* want to know about a film that nobody has seen? And about a person who
# has just signed up? Write both lists on the board; we return to them later. (4 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The picture that everybody draws
#
# How bad is it to have few ratings? It seems easy to find out: sort the test rows by the number of
# training ratings that their person (or their film) has, and look at the error.


# %%
plain = rt.models.BiasedMF.for_dataset(page.train)
rt.fit(plain, page.train)


def found(side):
    """Test rows in five groups by number of training ratings: rows, median count, RMSE (stars)."""
    n = page.train.counts(side)[getattr(page.test, side)]  # (n_test,)
    miss = page.test.rating - rt.predict(plain, page.test)
    groups = np.array_split(np.argsort(n, kind="stable"), 5)
    middle = [int(np.median(n[g])) for g in groups]
    return groups, middle, [np.sqrt((miss[g] ** 2).mean()) for g in groups]


naive = {side: found(side) for side in ("user", "item")}


# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
for side, label, style in (("user", "people", "o-"), ("item", "films", "s--")):
    ax.plot(*naive[side][1:], style, label=label)
ax.set(xscale="log", xlabel="training ratings in the data", ylabel="RMSE (stars)")
ax.set_xticks([30, 100, 300], ["30", "100", "300"])
ax.minorticks_off()
ax.set_title("Each point shows different people or films (axis does not start at 0)")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
(_, n_u, e_u), (_, n_i, e_i) = naive["user"], naive["item"]
alt = f"Error by number of ratings. People: from {e_u[0]:.2f} to {e_u[-1]:.2f} stars; "
ws.show(fig, alt=alt + f"films: from {e_i[0]:.2f} to {e_i[-1]:.2f}.")

# %%
of_film = page.train.counts("item")[page.train.item]  # (n_train,), ratings of each row's film
many = of_film > np.median(of_film)
print(f"Even the first groups have about {n_u[0]} ratings per person, {n_i[0]} per film: not cold.")
print(
    f"Films with many ratings get {page.train.rating[many].mean():.2f} stars on average,", end=" "
)
print(f"the others {page.train.rating[~many].mean():.2f}.")

# %% [markdown]
# It is tempting to read the figure as "give a film more ratings, and its error falls by this much". But
# each point holds *different* films, rated by different people: the printed means show that films with
# few ratings are also liked less. Nobody decided how many ratings a film gets; we took the numbers as we
# found them. Whatever else differs between the points is mixed into the curve: its effect is
# **confounded** with that of the number of ratings. And at zero ratings, where it would matter most, the
# figure has no data point.
#
# We can measure how much the other differences matter. Take the films of the last point, which have the
# most ratings. For each of the other points, look up how many training ratings a typical film there has.
# Cut each film of the last point to that many, train again, and predict the same test rows.


# %%
def cut_to(n, items, seed=0):
    """The training part in which each of these films keeps n ratings, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(page.train))
    film = page.train.item[order]
    nth = pd.Series(film).groupby(film).cumcount().to_numpy()  # 0, 1, 2 ... within each film
    return page.train.take(np.sort(order[(nth < n) | ~np.isin(film, items)]))


# %%
busiest = page.test.take(naive["item"][0][-1])  # test rows of the last point
cut = []
for n in n_i[:-1]:
    print(f"{n} ratings per film", end=" ... ")
    part = cut_to(n, np.unique(busiest.item))
    cut.append(rt.models.BiasedMF.for_dataset(part))
    rt.fit(cut[-1], part, progress=False)
print("done")
same_films = [rt.metrics.rmse(busiest.rating, rt.predict(m, busiest)) for m in [*cut, plain]]

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
ax.plot(n_i, e_i, "s--", color=ws.PALETTE["orange"], label="found: different films at each point")
ax.plot(n_i, same_films, "o-", color=ws.PALETTE["blue"], label="made: the most rated films, cut")
ax.set(xscale="log", xlabel="training ratings per film", ylabel="RMSE (stars)")
ax.set_xticks([30, 100, 300], ["30", "100", "300"])
ax.minorticks_off()
ax.set_title("Error by number of ratings: as found, and after cutting (axis does not start at 0)")
ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15))
alt = f"Error against ratings per film. The found line changes by {e_i[0] - e_i[-1]:+.2f} stars, "
ws.show(fig, alt=alt + f"the made line by {same_films[0] - same_films[-1]:+.2f}.")

# %%
print(f"From {n_i[-1]} ratings down to {n_i[0]}, the error changes by", end=" ")
change = rt.compare(cut[0], plain, busiest, train=page.train, metric="rmse")
print(f"{e_i[0] - e_i[-1]:+.3f} stars on the found line (other films), and by")
print(f"{change.difference:+.3f} on the made line (same films; 95% interval over users:", end=" ")
print(f"{change.low:+.3f} to {change.high:+.3f}).")

# %% [markdown]
# The two lines meet at the last point, because there both have the same films with all their ratings.
# Everywhere else, the distance between them is the confounding: the effect of whatever else is different
# about films that *have* few ratings. On MovieLens, between about thirty and a few hundred ratings, it
# happens to be small. Only the cut could show that. The found line shows which films are predicted badly
# today. The made line shows how the error changes when the same films have more ratings. It can also be
# extended to zero ratings, where the found line has no films.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: who watches a film that only twenty people have rated? Let them find the confounding
# before you name it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What is known before the first rating
#
# The data comes with two more tables: the age, gender and occupation of each person, and the genres and
# year of each film. What we know about a person or a film beyond the ratings is called *side features*.
# A model needs them as numbers:
#
# * an occupation becomes one column per occupation, with a 1 in one of them (**one-hot**);
# * genres become one column per genre, with a 1 in each that applies (**multi-hot**). A film with three
#   genres has three ones, and what the model learns about the three is *added up*;
# * a number, such as an age or a year, is standardised: we subtract its mean over the training ratings
#   and divide by its standard deviation. Its values are also divided into ten ranges, with one column
#   per range and a 1 in one of them.
#
# What is missing becomes 0: where nothing is known, nothing is added.

# %% [markdown]
# ### Exercise: multi-hot
#
# Write `multi_hot(genres, names)`. `genres` is a list of tuples, one per film, and `names` are the
# columns in their order. The result has one row per film and one column per name. Leave out a genre
# that is not in `names`. The next cell compares your columns with the library's.
#
# <details><summary>Hint 1</summary>
#
# Start from `np.zeros((len(genres), len(names)))`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# For film number `i` and each of its genres `g`, the column is `names.index(g)`. Put a 1 there, and
# don't divide by the number of genres. `if g in names` asks whether there is such a column.
#
# </details>


# %% tags=["stub"]
def multi_hot(genres, names):
    """Tuples of genres, one per film; names of columns -> (n_films, n_names)."""
    return None  # your turn


# %% tags=["solution"]
def multi_hot(genres, names):
    """Tuples of genres, one per film; names of columns -> (n_films, n_names)."""
    columns = np.zeros((len(genres), len(names)))
    for i, of_film in enumerate(genres):
        for g in of_film:
            if g in names:
                columns[i, names.index(g)] = 1
    return columns


# %%
ws.check("08.multi_hot", multi_hot)

# %%
from recsys_tutorial.models.features import feature_table

films = feature_table(data.items, page.train.counts("item"))  # values: (n_items, g)
people = feature_table(data.users, page.train.counts("user"))  # values: (n_users, f)
print(f"{len(people.names)} columns for people, {len(films.names)} for films.")
one = opening[0]
said = {n: round(float(v), 1) for n, v in zip(films.names, films.values[one], strict=True) if v}
print(f"{data.items['title'].iloc[one]}: {said}")
genre_names = sorted({g for genres in data.items["genres"] for g in genres})
columns = ws.use("08.multi_hot", multi_hot)(list(data.items["genres"]), genre_names)
same = [bool((films.values.numpy() == c[:, None]).all(axis=0).any()) for c in columns.T]
print(f"{sum(same)} of the {len(same)} genre columns of the exercise are in the library's table.")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: what would you know about a film before its opening night that no column here holds?

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model: start from the features, deviate from there
#
# Call the mean $\mu$, the features of a person $x_u$ and those of a film $y_i$. Each feature gets a bias
# and a vector of its own, in $a$ and $A$ for people, and in $c$ and $C$ for films:
#
# $$s_{ui} = \mu + (b_u + a \cdot x_u) + (b_i + c \cdot y_i) + (p_u + A x_u) \cdot (q_i + C y_i)$$
#
# Read a film's bracket aloud: "what is special about this film, *plus* what holds for war films". For a
# film without ratings $b_i$ and $q_i$ are zero, and what holds for its genres remains.


# %% slideshow={"slide_type": "subslide"}
import torch
from torch import nn


class Knowing(rt.models.BiasedMF):
    def read(self, train):
        super().read(train)
        x = feature_table(train.users, train.counts("user")).values  # NEW (n_users, f)
        y = feature_table(train.items, train.counts("item")).values  # NEW (n_items, g)
        self.register_buffer("x", x)  # NEW kept with the model: predicting needs no table
        self.register_buffer("y", y)  # NEW
        self.A = nn.Parameter(torch.zeros(x.shape[1], self.dim))  # NEW
        self.C = nn.Parameter(torch.zeros(y.shape[1], self.dim))  # NEW
        self.a = nn.Parameter(torch.zeros(x.shape[1]))  # NEW in stars
        self.c = nn.Parameter(torch.zeros(y.shape[1]))  # NEW


# %% slideshow={"slide_type": "subslide"}
class WithFeatures(Knowing):
    def forward(self, batch):
        u, i = batch.need("user", "item")
        x, y = self.x[u], self.y[i]  # NEW (B, f), (B, g)
        p = self.rows(self.user_factors, u) + x @ self.A  # NEW second half (B, dim)
        q = self.rows(self.item_factors, i) + y @ self.C  # NEW second half
        b_u = self.rows(self.user_bias, u) + x @ self.a  # NEW second half (B,)
        b_i = self.rows(self.item_bias, i) + y @ self.c  # NEW second half
        return self.mean + (p * q).sum(-1) + b_u + b_i


# %% [markdown]
# ### Exercise: a cold film by hand
#
# The mean is 3.5 stars. With what her features add, Ana's bias is 0.2 and her vector is (1, −1). A film
# that nobody has rated is a *war comedy*. War has the bias 0.4 and the vector (0.5, 0), and comedy has
# the bias −0.3 and the vector (0.1, −0.2). What does the model predict for Ana?
#
# <details><summary>Hint 1</summary>
#
# Add up the two genres first: one bias, one vector.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The film's bias is 0.1 and its vector is (0.6, −0.2). Multiply it by Ana's vector, number by number,
# and add up the products.
#
# </details>

# %% tags=["stub"]
for_ana = None  # your turn: stars

# %% tags=["solution"]
for_ana = 3.5 + 0.2 + (0.4 - 0.3) + (1 * (0.5 + 0.1) + -1 * (0 - 0.2))

# %%
ws.check("08.for_ana", for_ana)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Read the equation aloud, bracket by bracket, for one film that the room knows.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The prior and the data both pull at a film
#
# How far may a film's value, $\mu + b_i + c \cdot y_i$, be from what its features say? Think of two
# magnets. The features pull the value towards their prediction, the **prior**. The ratings pull it
# towards their own mean. In the library's version of this model, the prior pulls as strongly as a
# certain number of ratings would. The setting `own_bias` is that number. The pull comes from a penalty
# that is paid once per film, on the square of $b_i$, the film's deviation from its prior.

# %% [markdown]
# ### Exercise: between prior and data
#
# A film has the ratings $r_1 \dots r_n$, and its features say `prior`. Its value is the number $v$ that
# makes $\sum_k (r_k - v)^2 + \lambda\,(v - \mathrm{prior})^2$ as small as possible. Write
# `pulled(prior, ratings, strength)`, where `strength` is $\lambda$. The next figure draws your function.
#
# <details><summary>Hint 1</summary>
#
# Set the derivative with respect to $v$ to zero. Without ratings the answer must be the prior.
#
# </details>
# <details><summary>Hint 2</summary>
#
# It is a weighted mean: each rating counts once, and the prior counts `strength` times.
#
# </details>


# %% tags=["stub"]
def pulled(prior, ratings, strength):
    """Stars, an array (n,) of stars, a number of ratings -> stars."""
    return None  # your turn


# %% tags=["solution"]
def pulled(prior, ratings, strength):
    """Stars, an array (n,) of stars, a number of ratings -> stars."""
    return (strength * prior + np.sum(ratings)) / (strength + len(ratings))


# %%
ws.check("08.pulled", pulled)

# %%
value = ws.use("08.pulled", pulled)
knowing = rt.models.SideFeatureMF.for_dataset(hidden)  # it has not seen the opening films
rt.fit(knowing, hidden, progress=False)
of_features = (knowing.item_side[one] * knowing.side_item_bias).sum().detach()
prior = float(knowing.mean + of_features)
given = np.random.default_rng(0).permutation(data.rating[data.item == one])[:60]
running = [given[:n].mean() for n in range(1, len(given) + 1)]
between = [value(prior, given[:n], knowing.own_bias) for n in range(len(given) + 1)]

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
ax.plot(
    range(1, len(given) + 1), running, "--", color=ws.PALETTE["orange"], label="mean of ratings"
)
ax.plot(range(len(given) + 1), between, color=ws.PALETTE["blue"], label="between the two")
ax.axhline(prior, color=ws.PALETTE["green"], ls=":", label="what its features say")
ax.set(xlabel="ratings of the film so far", ylabel="film's value (stars)")
ax.set(title=f"Two magnets: {data.items['title'].iloc[one]}")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
alt = f"Value of a film as ratings come in: it starts at {prior:.2f} stars, which its features say,"
ws.show(fig, alt=alt + f" and moves to {between[-1]:.2f}, near the mean of the ratings.")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: how many one-star ratings does it take before the model stops believing the genres? Let
# them guess, then set `given` to `np.ones(60)` and draw the figure again.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two penalties, two questions
#
# A penalty per *rating*, as on page 02, limits how long a vector may be. The penalty per *film* (and per
# person) is the one behind the two magnets: it limits how far the film may be from what its genres say.
# It is paid once per film, however many ratings the film has. In an epoch a film with $n_i$ ratings
# appears $n_i$ times, so it pays $1 / n_i$ of the penalty each time.
#
# The library's model has both penalties. What does each of them do, and what do the features do? We take
# away one thing at a time and leave everything else as it is.

# %%
from recsys_workshop.labs import cold_start

none = cold_start.without_features
side = rt.models.SideFeatureMF
kinds = {
    "features, both penalties": (side, page.train, {}),
    "... without features": (side, none(page.train), {}),
    "... without the penalty per film": (side, page.train, {"own": 0, "own_bias": 0}),
    "... without the penalty per rating": (side, page.train, {"l2": 0}),
}

# %%
tried, rmse = {"BiasedMF": plain}, {}
for name, (kind, part, settings) in kinds.items():
    tried[name] = kind.for_dataset(part, **settings)
    print(f"{len(tried) - 1} of {len(kinds)}", end=" ... ")
    rt.fit(tried[name], part, progress=False)
print("done: RMSE on validation rows")
for name, fitted in tried.items():
    rmse[name] = rt.metrics.rmse(page.valid.rating, rt.predict(fitted, page.valid))
    print(f"{name:35} {rmse[name]:.3f} stars")

# %%
whole = tried["features, both penalties"]
changes = {}
for name in list(kinds)[1:]:
    changes[name] = rt.compare(tried[name], whole, page.valid, train=page.train, metric="rmse")
    print(f"{name:35}", changes[name])

# %% [markdown]
# Each line is the change when one thing is taken away, with an interval over users. To judge the
# features fairly, compare with the model called *... without features*: the very same model without
# them. Even without features, this model differs from `BiasedMF` in its penalties, the length of its
# vectors and its training settings. These differences alone already make it better than `BiasedMF`. So a
# comparison with `BiasedMF` would give the features credit that they did not earn.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room which of the two penalties they would have forgotten.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Make a cold start on purpose
#
# Now the experiment: what do features add when there are only a few ratings, or none? Choose a tenth of
# the people and a tenth of the films. Put their test rows aside and *never change them*. Then cut their
# training histories to a few ratings, and then to none. Train again each time: once with features, and
# once the very same model without. Then repeat all of it with other people and films. (This is the
# longest run of the page. It prints how far it has got.)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# While it trains, ask for bets: who gains more from features, a film or a person? At how many ratings do
# the two curves meet? Come back to the two lists on the board: what on them would be worth asking for?
# (5 minutes)

# %%
cuts = page.pick([0, 2, 5, 20], [0, 2, 20])
seeds = range(page.pick(5, 3))
made = [cold_start.make(data, seed=seed) for seed in seeds]
rows = {side: [len(m.test[side]) for m in made] for side in ("user", "item")}
print(f"With cut histories: about {np.mean(rows['user']):,.0f} test rows of people and", end=" ")
print(f"{np.mean(rows['item']):,.0f} of films, in each of {len(made)} repetitions.")


# %%
def errors_after(train, m, **settings):
    """RMSE (stars) of the chosen people and of the chosen films, after training: (2,)."""
    fitted = rt.models.SideFeatureMF.for_dataset(train, **settings)
    rt.fit(fitted, train, epochs=8, progress=False)
    tests = m.test["user"], m.test["item"]
    return [rt.metrics.rmse(t.rating, rt.predict(fitted, t)) for t in tests]


# %%
with_them, without, biases = [], [], []
for number, m in enumerate(made, start=1):
    print(f"\nrepetition {number} of {len(made)}, with features", end=" ... ")
    with_them.append([errors_after(m.train(n), m) for n in cuts])
    print("without", end=" ... ")
    without.append([errors_after(none(m.train(n)), m) for n in cuts])
    biases.append(errors_after(none(m.train(0)), m, dim=0))
with_them, without, biases = map(np.array, (with_them, without, biases))  # (seeds, cuts, 2)

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
for k, (ax, who) in enumerate(zip(axes, ("people", "films"), strict=True)):
    for runs, how, style in ((without, "without", "s--"), (with_them, "with", "o-")):
        mean, sd = runs[:, :, k].mean(0), runs[:, :, k].std(0, ddof=1)
        (line,) = ax.plot(range(len(cuts)), mean, style, label=f"{how} features")
        ax.fill_between(range(len(cuts)), mean - sd, mean + sd, alpha=0.15, color=line.get_color())
    ax.set_xticks(range(len(cuts)), cuts)
    ax.set(xlabel="ratings left in training", title=f"{who}, histories cut", ylabel="RMSE (stars)")
fig.suptitle("Error after cutting histories (the axis does not start at 0)")
axes[1].legend(loc="upper right")
ends = [
    f"{runs[:, j].mean(0)[k]:.2f}" for k in (0, 1) for runs in (without, with_them) for j in (0, -1)
]
alt = "Error by ratings left, from none to most. People: without features {} to {}, with {} to {}; "
ws.show(fig, alt=(alt + "films: without {} to {}, with {} to {}.").format(*ends))

# %% [markdown]
# The bands are ± one standard deviation over the repetitions. They mostly show that some people and
# films are harder to predict than others. But in each repetition the models with and without features
# predict the same test rows. So the fair question is how far apart the two are *within* each repetition.
# Below, ± is one standard error over repetitions.

# %%
gain = without - with_them  # (seeds, cuts, 2), stars gained by features
at_zero = biases - with_them[:, 0]  # (seeds, 2), against biases alone


def over_repetitions(gains):
    """Mean of the gains, its standard error, and a note if it can't be told apart from zero."""
    mean, error = gains.mean(), gains.std(ddof=1) / np.sqrt(len(gains))
    far = abs(mean) > 2.8 * error  # Student's t for five repetitions, 95%
    return f"{mean:+.3f} ± {error:.3f} stars" + ("" if far else ", not told apart from zero")


for k, who in enumerate(("people", "films")):
    for j in (0, len(cuts) - 1):
        print(f"{who} with {cuts[j]:>2} ratings: features gain", over_repetitions(gain[:, j, k]))
    said = f"{who} without ratings: compared with a model of biases alone, features gain"
    print(said, over_repetitions(at_zero[:, k]))

# %%
worth = [np.interp(-with_them[:, 0, k].mean(), -without[:, :, k].mean(0), cuts) for k in (0, 1)]
for k, what in enumerate(("A person's age, gender and occupation", "A film's genres and year")):
    runs = with_them[..., k], without[..., k]
    each = [np.interp(-a[0], -b, cuts) for a, b in zip(*runs, strict=True)]
    print(f"{what} are worth about as much as {worth[k]:.0f} ratings", end=" ")
    print(f"({min(each):.0f} to {max(each):.0f} in single repetitions).")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is it the features?
#
# More columns are also more parameters. Perhaps any numbers would do? Here is the control: give each film
# the genres and the year of *another* film, and give each person the age, gender and occupation of another
# person. Then train again. If that gains as much, the gain has nothing to do with what the features say.

# %%
shuffled = []
for number, m in enumerate(made, start=1):
    print(f"repetition {number} of {len(made)}", end="\n" if number == len(made) else " ... ")
    shuffled.append(errors_after(cold_start.shuffled_features(m.train(0), seed=1), m))
control = without[:, 0] - np.array(shuffled)  # (seeds, 2)
for k, who in enumerate(("people", "films")):
    print(f"{who} without ratings: real features gain", over_repetitions(gain[:, 0, k]))
    print(f"{'':>{len(who)}}             shuffled features gain", over_repetitions(control[:, k]))

# %% [markdown]
# The shuffled features gain nothing, or cost a little. So the gain on films comes from what the features
# *say*.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room which of the printed lines would convince their boss, and which one should not.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# As you rate more films, how does the error of our predictions for you change? Take a few of your
# ratings and fold yourself in: compute your row from these ratings, without training the model again.
# Then predict your other ratings. Do it forty times, with your ratings in different orders.

# %%
both = {}
for name, part in (("with", page.train), ("without", none(page.train))):
    print(f"{name} features", end=" ... ")
    both[name] = rt.models.SideFeatureMF.for_dataset(part)
    rt.fit(both[name], part, progress=False)
print("done")

# %%
ids = data.item_vocab.index(list(page.me))
stars = np.array(list(page.me.values()))


def my_error(fitted, n, order):
    """RMSE (stars) on my other ratings, after n of them. Only films have features; I have none."""
    rows, offset = fitted.item_rows()
    mine = torch.tensor(ids[order[:n]]), torch.tensor(stars[order[:n]], dtype=torch.float32)
    rest = order[n:]
    score = rows[ids[rest]] @ fitted.fold_in(*mine).row + offset[ids[rest]]
    return rt.metrics.rmse(stars[rest], score.numpy().clip(*data.scale))


# %%
few = range(0, len(ids) - 2)
orders = [np.random.default_rng(s).permutation(len(ids)) for s in range(40)]
mine = {k: [[my_error(m, n, o) for o in orders] for n in few] for k, m in both.items()}
fig, ax = plt.subplots()
for (name, runs), style in zip(mine.items(), ("o-", "s--"), strict=True):
    ax.plot(few, np.mean(runs, axis=1), style, label=f"{name} features of films")
who = "the sample person" if page.me_is_sample else "you"
ax.set(xlabel="ratings known", ylabel="RMSE on the others (stars)")
ax.set(title=f"Predicting {who} (axis does not start at 0)")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
first, last = np.mean(mine["with"][0]), np.mean(mine["with"][-1])
ws.show(fig, alt=f"Error for {who} by ratings known, with features: {first:.2f} to {last:.2f}.")

# %%
print(
    f"The error is {first:.2f} stars with no rating known, {last:.2f} with {few[-1]} of {len(ids)}."
)
apart = np.abs(np.mean(mine["with"], axis=1) - np.mean(mine["without"], axis=1)).max()
print(f"The two lines are never more than {apart:.2f} stars apart.")
print("One person is a small sample: ratings of other films could well change the curves.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What features are worth, and where

# %%
print("A film without ratings  ", over_repetitions(gain[:, 0, 1]))
print(f"A film with {cuts[-1]} ratings  ", over_repetitions(gain[:, -1, 1]))
print("A person without ratings", over_repetitions(gain[:, 0, 0]))
print(f"A person with {cuts[-1]} ratings", over_repetitions(gain[:, -1, 0]))
known = changes["... without features"]
print(
    f"Everybody, full history  {known.difference:+.3f} stars ({known.low:+.3f} to {known.high:+.3f})"
)
print("Each number is the gain over the same model without features.")

# %% [markdown]
# **Your turn.** Which feature brings the gain? Leave out the genres, then the year. First guess how much
# the error rises each time. Then replace the table of films in the training part, as in
# `dataclasses.replace(page.train, items=data.items.drop(columns="genres"))`, train `SideFeatureMF` on it,
# and compare it with `whole` on `page.valid`.
#
# A last question, without a check. A shop wants to ask new customers for their age. Give one argument
# for this and one against it, both from this page. What would you ask for instead?

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Let the room answer the last question in pairs: one argues for asking people's age, one against it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * A row that was never trained says nothing. Features give it a place to start from.
# * Cold start has to be *made*, by cutting histories while the test rows stay the same. If you only
#   group people or films by the number of their ratings, each group holds different ones.
# * The prior and the data both pull at each film. There are two penalties: one is paid per rating; the
#   other is paid once per film or person, on its deviation from what the features say.
# * Compare a model that has features with the same model without them, and with the same model on
#   shuffled features.
# * What a film *is* says a lot about how well people will like it, most of all before anybody has rated
#   it.
# * On MovieLens, age, gender and occupation say next to nothing about a new person, and a few ratings say
#   more. So ask a new user for films, not for an age.
#
# **To read on**
#
# * A. Schein, A. Popescul, L. Ungar and D. Pennock, "Methods and metrics for cold-start
#   recommendations", SIGIR 2002: cold start, made by holding out all ratings of some films.
# * S. Rendle, "Factorization machines", ICDM 2010: ids and features treated alike, each with a vector;
#   page 10 builds such a model.
# * D. Agarwal and B.-C. Chen, "Regression-based latent factor models", KDD 2009: vectors that start from
#   features and deviate from there.
