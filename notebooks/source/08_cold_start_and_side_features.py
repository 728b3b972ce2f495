# ---
# minutes: 40
# needs: [02_mf_follow_along]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Cold start and side features
#
# Make cold start yourself, tell a model what is known of people and films, and measure what that
# buys, and where it buys nothing.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("08_cold_start_and_side_features")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Opening night
#
# A film opens tonight. Nobody has rated it. What does our model say of it? Let us take five
# well-known films, hide all their ratings, and train.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

data = page.data
opening = np.argsort(-data.counts("item"), kind="stable")[:5]  # the five most rated films
hidden = data.take(~np.isin(data.item, opening))  # all other ratings
model = rt.models.BiasedMF.for_dataset(hidden)
rt.fit(model, hidden, progress=False)

shown = data.take(np.isin(data.item, opening))
table = pd.DataFrame({"film": data.items["title"].to_numpy()[shown.item], "true": shown.rating})
table["predicted"] = rt.predict(model, shown, clip=False)
table.groupby("film").agg(true=("true", "mean"), predicted=("predicted", "mean")).round(2)

# %%
one = shown.user[0]  # any person
every = rt.predict(model, shown.take(shown.user == one), clip=False)
print(f"For one person, the films among these five differ by {np.ptp(every):.2f} stars.")

# %% [markdown]
# Zero. The model gives each of them the mean and the person's own bias, the same for all five. It
# has a row for each film, and these rows were never touched. This is **cold start**. And yet
# anybody who has read the poster could say something: it is a war film, it is from 1996.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: what would *you* want to know of a film that nobody has seen? And of a person who
# has just signed up? Write both lists on the board; we return to them at the end. (4 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The picture that everybody draws
#
# How bad is it to have few ratings? It seems easy: sort the test rows by the training ratings that
# their person (or their film) has, and look at the error.


# %%
def found(side):
    """Test rows in five groups by the ratings found in training: middle count, error (stars)."""
    n = page.train.counts(side)[getattr(page.test, side)]  # (n_test,)
    miss = page.test.rating - rt.predict(page.model, page.test)
    groups = np.array_split(np.argsort(n, kind="stable"), 5)
    return [np.median(n[g]) for g in groups], [np.sqrt((miss[g] ** 2).mean()) for g in groups]


naive = {side: found(side) for side in ("user", "item")}


# %% slideshow={"slide_type": "subslide"}
def draw_found(ax):
    """Error by the number of ratings found, one line for people and one for films."""
    for side, label, style in (("user", "people", "o-"), ("item", "films", "s--")):
        ax.plot(*naive[side], style, label=label)
    ax.set(xscale="log", xlabel="training ratings found", ylabel="RMSE (stars)")
    ax.set_xticks([30, 100, 300], ["30", "100", "300"])
    ax.minorticks_off()


fig, ax = plt.subplots()
draw_found(ax)
ax.legend()
ax.set_title("found: other people and films in each point")
(n_u, e_u), (n_i, e_i) = naive["user"], naive["item"]
alt = f"Error by ratings found. People from {e_u[0]:.2f} to {e_u[-1]:.2f} stars, "
ws.show(fig, alt=alt + f"films from {e_i[0]:.2f} to {e_i[-1]:.2f}.")

# %%
of_film = page.train.counts("item")[page.train.item]  # (n_train,), ratings of each row's film
many = of_film > np.median(of_film)
print(f"The groups begin at {n_u[0]:.0f} ratings a person and {n_i[0]:.0f} a film: no cold start.")
print(
    f"Films with many ratings get {page.train.rating[many].mean():.2f} stars on average, ", end=""
)
print(f"the others {page.train.rating[~many].mean():.2f}.")

# %% [markdown]
# It is tempting to read off: "give a film more ratings, and its error changes by so much". But each
# point holds *different* films, as their stars show, rated by different people. The number of
# ratings was not given by us; it was found. What else differs between the points is mixed into the
# curve (it is **confounded**). And where it would matter most, at no ratings at all, there is no
# point.

# %% [markdown]
# ### Exercise: what does the found picture prove?
#
# Suppose the error of films with 5 ratings is 0.2 stars larger than of those with 500. Choose:
#
# * `"a"`: with 495 more ratings, the films with 5 would be predicted 0.2 stars better
# * `"b"`: films that happen to have 5 ratings are predicted worse; why, it does not tell
# * `"c"`: films with 5 ratings are worse films
#
# <details><summary>Hint</summary>
#
# Did anything in the picture change the number of ratings of one and the same film?
#
# </details>

# %% tags=["stub"]
proves = None  # your turn: "a", "b" or "c"

# %% tags=["solution"]
proves = "b"

# %%
ws.check("08.found", proves)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What is known before the first rating
#
# The data comes with two more tables: age, gender and occupation of people; genres and year of
# films. A model needs numbers:
#
# * an occupation becomes one column for each occupation, a 1 in one of them (**one-hot**);
# * genres become one column per genre, a 1 in each that applies (**multi-hot**). A film of three
#   genres has three ones, and what we learn of the three is *added up*;
# * a number is scaled by the training ratings, and also cut into ten ranges.
#
# What is missing is 0 everywhere: nothing known, nothing added.

# %%
from recsys_tutorial.models.features import feature_table

films = feature_table(data.items, page.train.counts("item"))  # values: (n_items, g)
people = feature_table(data.users, page.train.counts("user"))  # values: (n_users, f)
print(f"{len(people.names)} columns for people, {len(films.names)} for films.")
one = opening[0]
said = {n: round(float(v), 1) for n, v in zip(films.names, films.values[one], strict=True) if v}
print(f"{data.items['title'].iloc[one]}: {said}")

# %% [markdown]
# ### Exercise: multi-hot
#
# Write it yourself. `genres` is a list of tuples, one a film; `names` are the columns in their order.
# The result has a row per film and one column per name. A genre that is not in `names` is left out.
#
# <details><summary>Hint 1</summary>
#
# Start from `np.zeros((len(genres), len(names)))`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# For film number `i` and each of its genres `g`, the column is `names.index(g)`. Put a 1 there, and
# do not divide by the number of genres. `if g in names` asks whether there is such a column.
#
# </details>

# %% tags=["stub"]
multi_hot = None  # your turn: def multi_hot(genres, names): ...


# %% tags=["solution"]
def multi_hot(genres, names):
    columns = np.zeros((len(genres), len(names)))
    for i, of_film in enumerate(genres):
        for g in of_film:
            if g in names:
                columns[i, names.index(g)] = 1
    return columns


# %%
ws.check("08.multi_hot", multi_hot)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model: start from the features, deviate from there
#
# Call the mean $\mu$, the features of a person $x_u$ and those of a film $y_i$. Each feature gets a bias and a
# vector of its own, in $a$ and $A$ for people, $c$ and $C$ for films:
#
# $$s_{ui} = \mu + (b_u + a \cdot x_u) + (b_i + c \cdot y_i) + (p_u + A x_u) \cdot (q_i + C y_i)$$
#
# Read a bracket aloud: "what is said of war films, *plus* what is special about this one". For a
# film without ratings $b_i$ and $q_i$ are zero, and what is said of its genres remains.


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
# The mean is 3.5 stars. Ana's bias is 0.2 and her vector, all told, is (1, −1). A film that nobody
# has rated is a *war comedy*. War has the bias 0.4 and the vector (0.5, 0), comedy the bias −0.3 and
# the vector (0.1, −0.2). What does the model predict for Ana?
#
# <details><summary>Hint 1</summary>
#
# Add up the two genres first: one bias, one vector.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The bias is 0.1, the vector is (0.6, −0.2). Multiply with Ana's vector pair by pair.
#
# </details>

# %% tags=["stub"]
for_ana = None  # your turn: stars

# %% tags=["solution"]
for_ana = 3.5 + 0.2 + (0.4 - 0.3) + (1 * (0.5 + 0.1) + -1 * (0 - 0.2))

# %%
ws.check("08.for_ana", for_ana)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two penalties, two questions
#
# A penalty for each *rating*, as on page 02, asks how long a vector may be. Now there is a second
# question: how far may one film leave what its genres say? That is paid once for each *film*,
# however many ratings it has, on $q_i$ alone. In an epoch a film with $n_i$ ratings turns up $n_i$ times,
# so "once" means $1 / n_i$ each time. The library has both; let us take one away at a time.

# %%
kinds = {
    "BiasedMF, no features": (rt.models.BiasedMF, {}),
    "features, penalty a rating only": (
        rt.models.SideFeatureMF,
        {"l2": 0.11, "l2_bias": 0.01, "own": 0, "own_bias": 0},  # those of BiasedMF
    ),
    "features, penalty per film only": (rt.models.SideFeatureMF, {"l2": 0, "own": 30}),
    "features, both": (rt.models.SideFeatureMF, {}),
}
rmse = {}
for name, (kind, settings) in kinds.items():
    fitted = kind.for_dataset(page.train, **settings)
    rt.fit(fitted, page.train, progress=False)
    rmse[name] = rt.metrics.rmse(page.valid.rating, rt.predict(fitted, page.valid))
    print(f"{name:32} {rmse[name]:.3f} stars")

# %% [markdown]
# On MovieLens, neither alone does it. With only the first, each film is free to go its own way, and
# the features have little left to say. With only the second, vectors that many ratings pull at grow
# too long. (The features themselves are paid for as well, a little: `side` in the library.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Cold start, made
#
# Now we give the number of ratings ourselves. Choose a tenth of the people and a tenth of the
# films. Put their test rows aside and *never change them*. Then cut their training histories to a
# few ratings, down to none, and train anew each time: once with features, once the very same model
# without. And all of it again with other tenths. (This is the longest cell of the page.)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# While it trains, ask for bets: who gains more from features, a film or a person? At how many
# ratings do the two curves meet? Come back to the two lists on the board: what on them would be
# worth asking for? (5 minutes)

# %%
from recsys_workshop.labs import cold_start

cuts = page.pick([0, 1, 2, 5, 10, 20], [0, 2, 20])
seeds = range(page.pick(5, 3))
made = [cold_start.make(data, seed=seed) for seed in seeds]
rows = {side: [len(m.test[side]) for m in made] for side in ("user", "item")}
print(f"About {np.mean(rows['user']):,.0f} test rows of cut people, ", end="")
print(f"{np.mean(rows['item']):,.0f} of cut films, in each of {len(made)} tenths.")


# %%
def errors_after(train, m, **settings):
    """RMSE (stars) of cut people and of cut films, after training on `train`: (2,)."""
    fitted = rt.models.SideFeatureMF.for_dataset(train, **settings)
    rt.fit(fitted, train, epochs=8, progress=False)
    tests = m.test["user"], m.test["item"]
    return [rt.metrics.rmse(t.rating, rt.predict(fitted, t)) for t in tests]


none = cold_start.without_features
with_them = np.array([[errors_after(m.train(n), m) for n in cuts] for m in made])
without = np.array([[errors_after(none(m.train(n)), m) for n in cuts] for m in made])
biases = np.array([errors_after(none(m.train(0)), m, dim=0) for m in made])  # (seeds, 2)

# %% slideshow={"slide_type": "subslide"}
fig, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
for k, (ax, who) in enumerate(zip(axes, ("people", "films"), strict=True)):
    for runs, how, style in ((without, "without", "s--"), (with_them, "with", "o-")):
        mean, sd = runs[:, :, k].mean(0), runs[:, :, k].std(0, ddof=1)
        (line,) = ax.plot(range(len(cuts)), mean, style, label=f"{how} features")
        ax.fill_between(range(len(cuts)), mean - sd, mean + sd, alpha=0.15, color=line.get_color())
    ax.set_xticks(range(len(cuts)), cuts)
    ax.set(xlabel="ratings left in training", title=f"cut {who}", ylabel="RMSE (stars)")
axes[0].legend()
ends = [
    f"{runs[:, j].mean(0)[k]:.2f}" for k in (0, 1) for runs in (without, with_them) for j in (0, -1)
]
alt = "Error falls with ratings left. From none to most, people: without {} to {}, with {} to {}; "
ws.show(fig, alt=(alt + "films: without {} to {}, with {} to {}.").format(*ends))

# %% [markdown]
# The bands are ± one standard deviation over the tenths: most of it says that some tenths are
# harder than others. Both curves of one tenth share its test rows, so the fair question is how far
# apart they are *within* each.

# %%
gain = without - with_them  # (seeds, cuts, 2), stars gained by features
for k, who in enumerate(("people", "films")):
    for j in (0, len(cuts) - 1):
        mean, error = gain[:, j, k].mean(), gain[:, j, k].std(ddof=1) / np.sqrt(len(seeds))
        print(f"{who} with {cuts[j]:>2} ratings: features gain {mean:+.3f} ± {error:.3f} stars")
at_zero = biases - with_them[:, 0]  # (seeds, 2), against biases alone
print(f"Against biases alone, with no rating: people {at_zero[:, 0].mean():+.3f} stars, ", end="")
print(f"films {at_zero[:, 1].mean():+.3f} stars.")

# %%
worth = [np.interp(-with_them[:, 0, k].mean(), -without[:, :, k].mean(0), cuts) for k in (0, 1)]
print(f"Knowing its genres and year is worth about {worth[1]:.0f} ratings to a film; knowing age,")
print(f"gender and occupation is worth about {worth[0]:.0f} to a person.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Found beside made
#
# And now the picture that everybody draws, beside the one that we made.

# %%
fig, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
draw_found(axes[0])
for k, (label, style) in enumerate((("people", "o-"), ("films", "s--"))):
    axes[1].plot(range(len(cuts)), without[:, :, k].mean(0), style, label=label)
axes[0].set_title("found: other rows in each point")
axes[1].set_xticks(range(len(cuts)), cuts)
axes[1].set(xlabel="training ratings left by us", ylabel="RMSE (stars)")
axes[1].set_title("made: the same rows in each point")
axes[1].legend()
ends = [f"{without[:, j, k].mean():.2f}" for k in (0, 1) for j in (0, -1)]
alt = "Error against ratings, found and made. Made, it falls: people {} to {}, films {} to {}."
ws.show(fig, alt=alt.format(*ends))

# %%
for who, (n, miss), k in (("people", naive["user"], 0), ("films", naive["item"], 1)):
    fall = without[:, 0, k].mean() - without[:, -1, k].mean()
    print(
        f"{who}: {miss[0] - miss[-1]:+.2f} stars from {n[0]:.0f} to {n[-1]:.0f} ratings found; ",
        end="",
    )
    print(f"{fall:+.2f} stars from {cuts[0]} to {cuts[-1]} ratings given")

# %% [markdown]
# Two pictures, two questions. The left one describes who is served badly today. Only the right one
# says what another rating would do, and it covers the ratings that count most: the first ones.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is it the features?
#
# More columns are also more parameters. Perhaps any numbers would do? The control: give each film
# the genres and the year of *another* film, each person the age of another person, and train again.
# If that gains as much, the features had nothing to do with it.

# %%
shuffled = np.array(
    [errors_after(cold_start.shuffled_features(m.train(0), seed=1), m) for m in made]
)  # (seeds, 2)
lost = without[:, 0] - shuffled  # (seeds, 2)
for k, who in enumerate(("people", "films")):
    print(f"{who}, no ratings: real features gain {gain[:, 0, k].mean():+.3f} stars, ", end="")
    print(f"shuffled ones {lost[:, k].mean():+.3f}")

# %% [markdown]
# The shuffled features gain nothing, or cost a little. So what the real ones gain on films is in
# what they *say*.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## You
#
# How does your own error fall with each film that you rate? Take a few of your ratings, fold you
# in, predict the others. Forty times, with other orders.

# %%
both = {}
for name, part in (("with", page.train), ("without", none(page.train))):
    both[name] = rt.models.SideFeatureMF.for_dataset(part)
    rt.fit(both[name], part, progress=False)
ids = data.item_vocab.index(list(page.me))
stars = np.array(list(page.me.values()))


def my_error(fitted, n, order):
    """RMSE (stars) on my other ratings, after n of them; films' features count, mine do not."""
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
ax.set(xlabel="ratings known", ylabel="RMSE on the others (stars)", title=f"Predicting {who}")
ax.legend()
first, last = np.mean(mine["with"][0]), np.mean(mine["with"][-1])
ws.show(fig, alt=f"Error of {who} by ratings known, with features: {first:.2f} to {last:.2f}.")

# %%
print(
    f"From no rating to {few[-1]}: {first:.2f} → {last:.2f} stars, over {len(ids)} ratings in all."
)
apart = np.abs(np.mean(mine["with"], axis=1) - np.mean(mine["without"], axis=1)).max()
print(f"The two lines are never more than {apart:.2f} stars apart.")
print("One person is a small sample: another ten films could well turn the curves.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What features buy, and where

# %%
print(f"A film without ratings   {gain[:, 0, 1].mean():+.3f} stars")
print(f"A film with {cuts[-1]} ratings   {gain[:, -1, 1].mean():+.3f} stars")
print(f"A person without ratings {gain[:, 0, 0].mean():+.3f} stars")
print(f"A person with {cuts[-1]} ratings {gain[:, -1, 0].mean():+.3f} stars")
known = rmse["BiasedMF, no features"] - rmse["features, both"]
print(f"Everybody, full history  {known:+.3f} stars (against BiasedMF)")

# %% [markdown]
# **What we learned**
#
# * A row that was never trained says nothing. Features give it something to start from.
# * Cold start has to be *made*, by cutting histories while the test rows stay. Groups that are found
#   by counting hold different people and films.
# * Two penalties: one for each rating, one for each row's deviation.
# * What a film *is* says much about how it will be liked, most of all before anybody has seen it.
# * On MovieLens, age, gender and occupation say next to nothing of a new person; a few ratings say
#   more. So ask a new user for films, not for an age.
#
# At home: which feature pays? Leave the genres out, then the year, and compare on `page.valid`.
