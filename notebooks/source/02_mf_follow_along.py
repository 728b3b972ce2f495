# ---
# minutes: 60
# needs: [00_setup, 01_why_recommenders]
# knows: "roughly what a gradient is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Follow along: matrix factorisation
#
# Train your first recommender, understand every line of it, and get films recommended to yourself.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("02_mf_follow_along")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Start first, explain later
#
# Training takes a while, and reading takes a while. So we do both at once. The next cell trains the
# same small model many times, each time with other settings, and returns at once. Run it, watch the
# first curve appear, and read on. Every section below will need some of it.

# %% slideshow={"slide_type": "subslide"}
from recsys_workshop.local import directory
from recsys_tutorial.losses import bpr, logistic, squared_error

logs = directory() / "runs" / "02"  # what TensorBoard will read
grid = {"l2": [0.0, 0.01, 0.1, 0.3], "dim": [8, 64], "loss": [squared_error, logistic, bpr]}
runs = ws.sweep(
    rt.models.MF, page.train, page.valid, grid, epochs=page.pick(45, 8), lr=0.01, log_dir=logs
)
print(f"{len(runs)} runs are going on in the background. This cell is done.")

# %% [markdown]
# Three names, three questions. What should the model aim at (`loss`)? How far do we hold it back
# (`l2`)? How many numbers may it keep about each user and each film (`dim`)? A *sweep* tries every
# combination of the answers.
#
# The orange line is the current run, measured on ratings it has not trained on. Each panel has its own
# unit, so compare lines within a panel only. Before you know more: **which panel will look worst,
# and what would "worst" mean there?**

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room for a bet, hands up: which of the three objectives gives the better list of ten
# films? Which dim is better at stars? Write the bets down: both are settled below. (4 minutes, most
# of it for stragglers to get the cell running)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The data is a matrix, mostly empty
#
# While it runs, look at what goes in: one row per user, one column per film, and a dot where
# there is a rating. We sort both: busy users to the top, popular films to the left.

# %%
import matplotlib.pyplot as plt
import numpy as np

busy = np.argsort(-page.train.counts("user"), kind="stable")
popular = np.argsort(-page.train.counts("item"), kind="stable")
known = np.zeros((page.train.n_users, page.train.n_items))
known[page.train.user, page.train.item] = 1
known = known[np.ix_(busy, popular)]  # (n_users, n_items), sorted

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots(figsize=(8, 5))
ax.imshow(known, cmap="Greys", aspect="auto", interpolation="antialiased", vmax=0.6)
ax.set(xlabel="films, most rated first", ylabel="users, busiest first")
ax.set_title("Every dot is a rating")
share = known.mean()
ws.show(fig, alt="Matrix of users by films, sorted. Dark in the corner of busy users and "
              "popular films, thin and then white towards the others.")  # fmt: skip
top = page.train.counts("item")[popular][: page.train.n_items // 10].sum() / len(page.train)
print(f"{share:.1%} of the cells are known. A tenth of the films got {top:.0%} of the ratings.")

# %% [markdown]
# The dark corner is easy: many ratings on both sides. The white area is the job: for a cell
# without a dot, predict what belongs there. Half of the art of recommending is that the dots are
# not spread at random. People rate what they chose to watch.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: where in this picture would a new user be? A new film? (They are rows and columns
# without a dot, at the very bottom and right; page 08 is about them.) Look at the curve above
# again: it has moved. (5 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model: two tables and a product
#
# Give each user a short list of numbers, and each film one of the same length. If a user's numbers
# and a film's numbers point the same way, the user will like the film. That is all. A table whose
# rows you look up is called an **embedding**, and PyTorch has it ready:

# %%
import torch
from torch import nn


class Simple(nn.Module):
    def __init__(self, n_users, n_items, dim):
        super().__init__()
        self.user = nn.Embedding(n_users, dim)  # p: a row of numbers for each user
        self.item = nn.Embedding(n_items, dim)  # q: a row of numbers for each film

    def forward(self, user, item):
        p, q = self.user(user), self.item(item)  # (B, dim) each, B cells at a time
        return (p * q).sum(-1)  # (B,): the dot product is the predicted rating


# %% [markdown]
# Multiply all rows by all columns at once and you get a full matrix, a guess for every cell. It is
# a product of two thin matrices, hence the name *matrix factorisation*.
#
# How good are its guesses before any training? We measure in stars: the root of the mean squared
# error, **RMSE**. It is how far off we typically are, and large misses count more.

# %%
torch.set_num_threads(1)  # small steps are quickest on one thread
torch.manual_seed(0)
simple = Simple(page.train.n_users, page.train.n_items, dim=64)
few = next(iter(page.valid.batches(batch_size=1000)))
guess = simple(few.user, few.item).detach()  # (1000,)
lazy = rt.metrics.rmse(page.valid.rating, np.full(len(page.valid), page.train.rating.mean()))
wild = rt.metrics.rmse(few.rating, guess)
print(f"Untrained, it guesses from {guess.min():.0f} to {guess.max():.0f} stars.")
print(f"RMSE {wild:.1f} stars. Always saying the mean rating: {lazy:.2f} stars.")

# %% [markdown]
# Terrible, and for two dull reasons. It does not know that ratings lie around some mean, and it
# starts from numbers that are far too big. Both are repaired in one line each. Here is the model
# again, in the form that this series uses: `for_dataset` counts the mean, `batch` brings the
# columns, `rows` looks up.


# %%
class MF(rt.models.Model):
    def __init__(self, n_users, n_items, dim=64, l2=0.1, seed=0):
        super().__init__(n_users, n_items, seed=seed)
        self.l2 = l2  # needed in a later section
        self.user_factors = self.random_table(n_users, dim)  # NEW: small numbers, sd 0.1
        self.item_factors = self.random_table(n_items, dim)  # NEW

    def forward(self, batch):
        p = self.rows(self.user_factors, batch.user)  # (B, dim)
        q = self.rows(self.item_factors, batch.item)  # (B, dim)
        return self.mean + (p * q).sum(-1)  # NEW: starts from the mean; (B,) stars


model = MF.for_dataset(page.train)
start = rt.metrics.rmse(page.valid.rating, rt.predict(model, page.valid))
print(f"RMSE before training: {start:.2f} stars, and the mean alone has {lazy:.2f}.")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before the NEW cell: why are the first guesses so wild? (A sum of 64 products of
# standard normal numbers has a standard deviation of 8.) The point to take home: look at the
# untrained model first; many a bug shows there already. (8 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Training: a step, many times
#
# One step of training: take some ratings, see how wrong the model is, ask for the gradient, move
# all numbers a little against it. [Ignite](https://pytorch-ignite.ai) calls our step for each batch
# of each epoch, and tells us when an epoch is over. That is when we measure, on the validation
# part, and write the result to an event file with tensorboardX.

# %% slideshow={"slide_type": "subslide"} tags=["long"]
from ignite.engine import Engine, Events
from tensorboardX import SummaryWriter


def train_by_hand(model, optimiser, name):
    def step(engine, batch):
        optimiser.zero_grad()
        loss = squared_error(model(batch), batch) + model.penalty(batch)
        loss.backward()
        optimiser.step()

    def look(engine):
        rmse = rt.metrics.rmse(page.valid.rating, rt.predict(model, page.valid))
        writer.add_scalar("epoch/valid_rmse", rmse, engine.state.epoch)

    batches = page.train.batches(
        batch_size=page.pick(2048, 256), generator=torch.Generator().manual_seed(0)
    )
    engine = Engine(step)
    engine.add_event_handler(Events.EPOCH_COMPLETED, look)
    with SummaryWriter(logs / name) as writer:
        engine.run(batches, max_epochs=page.pick(20, 8))


# %% [markdown]
# `rt.fit` is this engine with its edges rounded off: checkpoints, early stopping, a learning rate
# that rises and falls, work in the background. (`model.penalty` is zero so far.) Train ours:

# %%
train_by_hand(model, torch.optim.Adam(model.parameters(), lr=0.01), "by-hand")


def curve(name):
    """RMSE on the validation part after each epoch, from the event file: (epochs,)"""
    found = rt.scalars(logs / name)
    return found.loc[found["tag"] == "epoch/valid_rmse", "value"].to_numpy()


by_hand = curve("by-hand")
by_hand.round(3)

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
epochs = np.arange(1, len(by_hand) + 1)
ax.plot(epochs, by_hand, "o-", label="MF, trained by hand")
ax.axhline(lazy, color="black", linestyle=":", label="the mean, always")
best = by_hand.argmin()
ax.annotate("  best", (epochs[best], by_hand[best]), va="top")
ax.set(xlabel="epoch", ylabel="RMSE on validation (stars)", title="Better, then worse")
ax.set_xticks(epochs[1::2])
ax.legend()
ws.show(fig, alt=f"Validation RMSE falls to {by_hand[best]:.2f} at epoch {epochs[best]}, then "
              f"rises to {by_hand[-1]:.2f}.")  # fmt: skip
print(f"Best after epoch {epochs[best]}: {by_hand[best]:.3f} stars. Last: {by_hand[-1]:.3f}.")

# %% [markdown]
# It learns, and then it goes wrong: the model has so many numbers that it can learn the ratings by
# heart. On ratings it has seen it keeps getting better; on new ratings it gets worse. That is
# **overfitting**, and the section on holding back is about the cure.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: how many numbers does this model have, and how many ratings? Let somebody multiply.
# (dim times users plus films: more numbers than ratings.) Then: should we just stop at the best
# epoch? We could. There is a better cure. (8 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same curves in TensorBoard
#
# The event files that we have just read are what TensorBoard shows, with the runs of the sweep next
# to ours. This prints the command for a terminal; the browser then shows it at the address that it
# names.

# %%
print(f'tensorboard --host 127.0.0.1 --logdir "{logs}"')
events = rt.scalars(logs)  # a row for each number: run, tag, step, value
print(f"{events['run'].nunique()} runs so far, {len(events):,} numbers.")

# %% [markdown]
# Inside JupyterLab on your own machine, two lines in a cell show it below the cell:
#
# ```
# %load_ext tensorboard
# %tensorboard --host 127.0.0.1 --logdir "{logs}"
# ```
#
# Where that stays blank (on Binder) or finds no `tensorboard` (when the environment was not
# activated), nothing is lost. The same files, drawn here:

# %%
fig, ax = plt.subplots()
for run, points in events[events["tag"] == "epoch/valid_rmse"].groupby("run"):
    by_us = run == "by-hand"
    ax.plot(
        points["step"], points["value"], "o-" if by_us else "-",
        color=ws.PALETTE["blue" if by_us else "orange"], linewidth=3 if by_us else 1,
        label="ours, by hand" if by_us else run,
    )  # fmt: skip
ax.set(xlabel="epoch", ylabel="RMSE on validation (stars)", title="From the event files, so far")
ax.legend(fontsize=9)
ws.show(fig, alt=f"Validation RMSE against epoch for {len(ax.lines)} runs that predict stars, "
              "ours among them. Run the cell again later for more.")  # fmt: skip

# %% [markdown]
# Run the two cells again at the end of the page: then all runs are there. (Those without an RMSE
# have `epoch/valid_loss`.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Three things to aim at
#
# Squared error asks: *how many stars?* But a shop does not need stars. It needs to know which films
# to put in the window, and for that only the order counts. So there are other objectives, and all
# of them use the same two tables and the same product.
#
# * **Squared error**: for each rating, the distance to the stars.
# * **Logistic**: was this film rated by this user, or have we made the pair up? For each true pair
#   we draw a few films that the user has *not* rated.
# * **Ranking** (BPR): put a film that the user rated above one that the user did not.
#
# If you know word2vec: read "word" for user and "context word" for film. The logistic objective
# with made-up pairs *is* word2vec's. Page 05 goes that way.

# %%
s = torch.linspace(-4, 4, 81)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
stars = torch.linspace(1, 5, 81)
left.plot(stars, (4 - stars) ** 2, label="squared, true rating 4")
left.set(xlabel="predicted stars", ylabel="loss (stars²)", title="How many stars?")
right.plot(s, nn.functional.softplus(-s), label="logistic, a true pair")
right.plot(s, nn.functional.softplus(s), "--", label="logistic, a made-up pair")
right.plot(s[::8], nn.functional.softplus(-s[::8]), "o", label="ranking, lead over the other")
right.set(xlabel="score, or lead in score", ylabel="loss (nats)", title="Rated? Who is ahead?")
left.legend()
right.legend()
ws.show(fig, alt="Left: squared error, a bowl around 4 stars. Right: the logistic loss of a true "
              "pair falls as the score rises, that of a made-up pair rises.")  # fmt: skip

# %% [markdown]
# The bowl punishes a guess on both sides. The other two only push: a true pair up, a made-up pair
# down, one film past another. Their scores have no unit, so RMSE makes no sense for them. (Their loss
# is the logarithm of a chance; *nats* is the unit of that, when the logarithm is the natural one.)
#
# By now the sweep should be done. If it is not, the next cell waits for it.

# %% slideshow={"slide_type": "subslide"}
table = runs.wait().frame  # one row for each run, measured on the validation part
best_run = {"squared_error": table["rmse"].idxmin()}
for loss in ("logistic", "bpr"):
    best_run[loss] = table.loc[table["loss"] == loss, "recall@10"].idxmax()
side_by_side = table.loc[best_run.values(), ["loss", "l2", "dim", "rmse", "auc", "recall@10"]]
heads = rt.models.Popularity.for_dataset(page.train)
rt.fit(heads, page.train)
popularity = rt.evaluate(heads, page.valid, train=page.train)
side_by_side.loc["no model: what most people rated"] = popularity
side_by_side

# %% [markdown]
# Two questions, two winners. `auc` asks: of two films that people *did rate*, one liked and one not,
# does the model know which? `recall@10` asks: of the films that a user liked, how many are among
# the ten that the model picks from the *whole catalogue*?

# %%
square, rank = side_by_side.iloc[0], side_by_side.iloc[1:3]
winner = rank["recall@10"].idxmax()
print(f"Liked or not, among rated films: squared error is right in {square['auc']:.0%} of pairs,")
print(f"  the ranking objectives in {rank['auc'].max():.0%} at best.")
print(f"Ten films from all: {rank.loc[winner, 'loss']} finds {rank.loc[winner, 'recall@10']:.0%}")
print(f"  of what people liked, squared error {square['recall@10']:.0%},")
print(f"  and counting heads, without any model, {popularity['recall@10']:.0%}.")

# %% [markdown]
# Squared error has never been told about films that nobody rated. It knows a lot about taste and
# nothing about what people choose to watch, so its lists are full of films that hardly anybody
# would pick: counting heads beats it. **A model gets good at what you ask for.** Ask for the right
# thing before you ask for a better model.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Settle the first bet. Ask the room: you own a video shop with one window. Which row of the table
# do you hire? And for "would I like this one?" on a film's page? Point out that the gap between
# logistic and bpr is small beside their gap to squared error: what you ask for matters more than how
# cleverly you ask. (8 minutes)

# %% [markdown]
# ### Exercise: choose for two jobs
#
# Your shop shows predicted stars beside each film, and it has a window with ten films for each
# customer. Which run of the sweep do you take for which job? Answer with names of runs (the index
# of `table`), chosen on the validation part.
#
# <details><summary>Hint</summary>
#
# `table["rmse"]` is a column with a number for each run. `idxmin` and `idxmax` of a column give the
# name of a row.
#
# </details>

# %% tags=["stub"]
choice = None  # your turn: {"stars": name of a run, "window": name of a run}

# %% tags=["solution"]
choice = {"stars": table["rmse"].idxmin(), "window": table["recall@10"].idxmax()}

# %%
ws.check("02.choose", (choice, table))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two jobs, two models
#
# The rest of the series does what the table says. One model predicts **stars**: `page.model`, which
# we build below. Another model fills **lists**: `page.ranker`.
#
# For lists we could take the winner of the sweep. But the logistic and the ranking objective only
# hear *that* a film was rated, not how: one star counts as much as five. So we take a close relative
# of theirs, `ImplicitALS`. It has the same two tables, and it looks at every cell of the matrix. A
# film that you loved has the target 1, a film that you did not rate has the target 0, and a film
# that you disliked has a target *below* 0. It takes the ratings seriously and the empty cells
# lightly. (Page 16 derives it. Its settings were chosen on the validation part.)

# %%
ranker = rt.models.ImplicitALS.for_dataset(page.train)
rt.fit(ranker, page.train, progress=False)
page.save(ranker, "ranker")
listed = rt.evaluate(ranker, page.valid, train=page.train)
print("The share of liked films that is among the ten (recall@10, validation):")
print(f"  counting heads {popularity['recall@10']:.3f}")
print(f"  the winner of the sweep ({rank.loc[winner, 'loss']}) {rank.loc[winner, 'recall@10']:.3f}")
print(f"  ImplicitALS {listed['recall@10']:.3f}")

# %% [markdown]
# Does it hear a dislike? We rate the same ten films twice: once we love them all, once we hate them.
# A model that only hears that we watched them gives the same list both times.

# %%
genres = page.data.items["genres"]
one_kind = [i for i in page.data.item_vocab.ids[popular] if genres[i] and "Sci-Fi" in genres[i]]
one_kind = one_kind[:10] or page.data.item_vocab.ids[popular][:10].tolist()
low, high = page.data.scale
loved, hated, nobody = (
    rt.recommend(page.ranker, page.data, ratings=dict.fromkeys(rated, stars))["title"]
    for rated, stars in ((one_kind, high), (one_kind, low), ([], high))
)
print(f"{len(set(loved) & set(hated))} of 10 films are on both lists;")
print(
    f"{len(set(loved) & set(nobody))} of the loved list are on the list for nobody in particular."
)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: what does your favourite shop do with a thumbs-down? (Many only count clicks.) This
# is the first time that the series has two models; every list from here on comes from the second.
# (4 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Holding back
#
# The cure for learning by heart: make large numbers cost something. We add to the loss `l2` times
# the squared length of the rows that were looked up. Now the model only moves a row away from zero
# where the ratings pay for it. These are the lines that are new:


# %%
class HeldBackMF(MF):
    def penalty(self, batch):  # NEW
        p = self.rows(self.user_factors, batch.user)  # (B, dim)
        q = self.rows(self.item_factors, batch.item)  # (B, dim)
        return self.l2 * (rt.losses.l2(p) + rt.losses.l2(q))  # mean of |p|² and |q|² in the batch


# %% [markdown]
# How much is right? The sweep has tried. For each objective we draw its own measure of success
# against `l2`.

# %% tags=["long"]
shown = {"squared_error": "rmse", "logistic": "recall@10", "bpr": "recall@10"}
fig, axes = plt.subplots(1, 3, figsize=(12, 4))
for ax, (loss, measure) in zip(axes, shown.items(), strict=True):
    for dim, style in ((8, "o--"), (64, "s-")):
        some = table[(table["loss"] == loss) & (table["dim"] == dim)]
        ax.plot(range(len(some)), some[measure], style, label=f"dim {dim}")
    ax.set_xticks(range(len(some)), some["l2"])
    better = "low" if measure == "rmse" else "high"
    ax.set(xlabel="l2", ylabel=f"{measure} ({better} is good)", title=loss)
    ax.legend()
squared = table[(table["loss"] == "squared_error") & (table["dim"] == 64)].set_index("l2")["rmse"]
least = squared.idxmin()
ws.show(fig, alt=f"Success against l2 for three objectives: for squared error RMSE falls from "
              f"{squared[0.0]:.2f} at 0 to {squared.min():.2f} at {least} and rises beyond.")  # fmt: skip

# %%
for dim in (8, 64):
    some = table[(table["loss"] == "squared_error") & (table["dim"] == dim)].set_index("l2")["rmse"]
    text = ", ".join(f"{value:.3f} at {l2:g}" for l2, value in some.items())
    print(f"dim {dim:>2}: RMSE {text}")
smaller, larger = (
    table[(table["loss"] == "squared_error") & (table["dim"] == d)]["rmse"].min() for d in (8, 64)
)
print(f"64 numbers instead of 8, each at its best l2: {larger - smaller:+.3f} stars.")

# %% [markdown]
# Too little, and the model learns by heart; the more numbers it has, the worse this gets. Too much,
# and it forgets: all rows are near zero, and everybody gets the mean. The last line is a sobering one: on MovieLens, eight
# times as many numbers gain next to nothing once the model is held back well. And each objective
# has its own best strength, since the losses have different units.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Settle the second bet (dim). Ask the room: what does the right end of the left panel converge to?
# (The RMSE of the mean.) (5 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What do you believe when you hold back?
#
# A penalty is a belief about the numbers, held before any rating is seen: a *prior*. There are
# three usual ways to write it, and they are three different beliefs.
#
# | how it is written | what it believes |
# |---|---|
# | on the rows of the batch, as above | a row that is looked up often pays often: a bell curve around zero that gets *narrower* the more ratings a row has |
# | on the whole tables, `l2` / N times the sum of all \|p\|² and \|q\|² | the *same* bell curve for every row: many ratings easily win against it |
# | AdamW: each step shrinks every number by a fixed share | no bell curve at all, but a pull to zero that never tires, whether a row has ratings or not |
#
# Train each of them by hand, and measure how long the films' rows became.


# %%
class TableMF(MF):
    def penalty(self, batch):
        everything = self.user_factors.square().sum() + self.item_factors.square().sum()
        return self.l2 * everything / len(page.train)


batch_prior = HeldBackMF.for_dataset(page.train, l2=0.1)
table_prior = TableMF.for_dataset(page.train, l2=page.pick(10, 5))
adamw = MF.for_dataset(page.train)
train_by_hand(batch_prior, torch.optim.Adam(batch_prior.parameters(), lr=0.01), "batch")
train_by_hand(table_prior, torch.optim.Adam(table_prior.parameters(), lr=0.01), "table")
train_by_hand(adamw, torch.optim.AdamW(adamw.parameters(), lr=0.01, weight_decay=1), "adamw")

# %% slideshow={"slide_type": "subslide"} tags=["long"]
kinds = {"batch": batch_prior, "table": table_prior, "adamw": adamw, "none": model}
count = page.train.counts("item")  # (n_items,) ratings of each film
edges = np.unique(np.quantile(count[count > 0], np.linspace(0, 1, 8)))
group = np.digitize(count, edges[1:-1])  # (n_items,) films with about as many ratings
middle = [count[(group == g) & (count > 0)].mean() for g in range(len(edges) - 1)]
fig, ax = plt.subplots()
length = {}
for (name, one), style in zip(kinds.items(), ("o-", "s--", "^-.", "d:"), strict=True):
    norm = one.item_factors.detach().norm(dim=1).numpy()  # (n_items,) |q|
    length[name] = [norm[(group == g) & (count > 0)].mean() for g in range(len(edges) - 1)]
    ax.plot(middle, length[name], style, label=name)
ax.set(xscale="log", xlabel="ratings of a film", ylabel="mean length of its row, |q|")
ax.set_title("Who is held back? That depends on the belief")
ax.legend()
ws.show(fig, alt="Length of films' rows against number of ratings. Without penalty and with "
              "the table penalty it rises, with the batch penalty it falls at the end, AdamW lies "
              "between.")  # fmt: skip

# %%
for name in kinds:
    rmse = curve("by-hand" if name == "none" else name)
    trend = length[name][-1] / length[name][1]
    print(f"{name:>6}: RMSE {rmse.min():.3f} at best, {rmse[-1]:.3f} at the end;", end=" ")
    print(f"rows of the most rated films are {trend:.1f} times as long as those of rarely rated")

# %% [markdown]
# Same data, same model, three shapes. Under the table penalty, famous films get long rows and rare
# films hardly leave zero. Under the batch penalty, a row pays each time it is used. Which belief fits
# better is a question for the data, and here its answer is a shrug: at strengths that suit them the
# three end close together, and far below no penalty at all. But the strengths have nothing to do
# with each other: never carry an `l2` from one kind to another.
#
# (Adam's own `weight_decay` is the table penalty pushed through Adam's scaling. That is one reason
# why AdamW exists.)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: you have one film with a single five-star rating. Under which belief does the model
# dare to make it special? (None of the three lets it go far; the table penalty the least.)
# (7 minutes)

# %% [markdown]
# ### Exercise, at home: the belief in a formula
#
# Take one user with `n` ratings. On each of them the film's row is simply `q = 1`, and the rating
# lies `d` stars above the mean. The table penalty makes the user's number `p` minimise
# `n (d - p)² + l2 p²`. Which `p` is that? With many ratings it should come out near `d`, with few
# near zero.
#
# <details><summary>Hint</summary>
#
# Set the derivative with respect to `p` to zero: `-2 n (d - p) + 2 l2 p = 0`.
#
# </details>


# %% tags=["stub"]
def shrunk(n, d, l2):
    return None  # your turn


# %% tags=["solution"]
def shrunk(n, d, l2):
    return n * d / (n + l2)


# %%
ws.check("02.shrunk", shrunk)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Biases: some people are just kind
#
# Some users give four stars to everything. Some films are liked by everybody. Neither is a matter
# of taste, and it is a waste to explain it by taste. So give each user and each film one number of
# its own, its *bias*, in stars. The new lines:


# %% tags=["long"]
class BiasedMF(HeldBackMF):
    def __init__(self, n_users, n_items, dim=64, l2=0.11, l2_bias=0.01, seed=0):
        super().__init__(n_users, n_items, dim, l2, seed)
        self.l2_bias = l2_bias
        self.user_bias = nn.Parameter(torch.zeros(n_users))  # NEW
        self.item_bias = nn.Parameter(torch.zeros(n_items))  # NEW

    def forward(self, batch):
        b_u = self.rows(self.user_bias, batch.user)  # NEW (B,) stars
        b_i = self.rows(self.item_bias, batch.item)  # NEW (B,) stars
        return super().forward(batch) + b_u + b_i  # NEW

    def penalty(self, batch):
        b_u = self.rows(self.user_bias, batch.user).unsqueeze(-1)
        b_i = self.rows(self.item_bias, batch.item).unsqueeze(-1)
        of_biases = rt.losses.l2(b_u) + rt.losses.l2(b_i)
        return super().penalty(batch) + self.l2_bias * of_biases  # NEW


# %% [markdown]
# The two models that you have just read are in the library, under the names `rt.models.MF` and
# `rt.models.BiasedMF`. You need not take our word for it: train both versions and compare.

# %%
gap = {}
for ours, theirs in ((HeldBackMF, rt.models.MF), (BiasedMF, rt.models.BiasedMF)):
    guesses = []
    for cls in (ours, theirs):
        one = cls.for_dataset(page.train, dim=8, l2=0.1)
        rt.fit(one, page.train, epochs=2, lr=0.01, batch_size=1000, progress=False)
        guesses.append(rt.predict(one, page.valid))
    gap[theirs.__name__] = float(np.abs(guesses[0] - guesses[1]).max())
    print(f"{theirs.__name__}: trained twice, largest difference {gap[theirs.__name__]:.0e} stars.")

# %% [markdown]
# Now train it with `rt.fit`, and beside it the biases alone (`dim=0`: no taste at all). We keep the
# first for the pages to come.

# %% slideshow={"slide_type": "subslide"}
biased = rt.models.BiasedMF.for_dataset(page.train)
biases = rt.models.BiasedMF.for_dataset(page.train, dim=0)
for one in (biases, biased):
    history = rt.fit(one, page.train, page.valid, progress=False)
page.save(biased)
errors = {
    "the mean, always": lazy,
    "biases only": rt.metrics.rmse(page.valid.rating, rt.predict(biases, page.valid)),
    "the product only (MF, best of the sweep)": table["rmse"].min(),
    "biases and taste": rt.metrics.rmse(page.valid.rating, rt.predict(biased, page.valid)),
}
for name, rmse in errors.items():
    print(f"{rmse:.3f} stars  {name}")

# %%
gain = lazy - errors["biases and taste"]
of_biases = (lazy - errors["biases only"]) / gain
seconds = history.frame["seconds"].iloc[-1]
print(f"Of all that the full model gains over the mean, two plain numbers have {of_biases:.0%}.")
print(f"Training the full model took {seconds:.1f} s.")

# %% [markdown]
# That is worth remembering whenever somebody shows you a deep model: most of what can be gained in
# RMSE is gained by knowing who is kind and what is good. Taste is the smaller part of the error, and
# the larger part of the point: without it everybody gets the same list.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: without taste, whose list of ten films differs from whose? (Nobody's: the user's bias
# lifts all films alike.) This leads straight to the next section. (6 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Three numbers that disagree
#
# Which model is the best? Let us ask three numbers, on the same models and the same ratings.
#
# * **RMSE**: how many stars are we off?
# * **AUC**: take a liked rating (four stars or more) and one that was not, from anywhere. How often
#   does the liked one have the higher score?
# * **Conditional AUC**: the same, but both ratings come from *one user*. Then average over users.
#
# To see what they see, add two silly models: one that knows only how kind a user is, and one that
# knows only how good a film is. We make them from the biases, by wiping out the other half.

# %%
import copy

kind_user, good_film = copy.deepcopy(biases), copy.deepcopy(biases)
with torch.no_grad():
    kind_user.item_bias.zero_()  # score = mean + b_u, whatever the film
    good_film.user_bias.zero_()  # score = mean + b_i, for every user
contest = {
    "user only": kind_user,
    "film only": good_film,
    "both biases": biases,
    "MF": runs[table["rmse"].idxmin()].model,
    "biased MF": biased,
    "ranking": runs[table["recall@10"].idxmax()].model,
}
results = {name: rt.evaluate(one, page.valid, train=page.train) for name, one in contest.items()}

# %% slideshow={"slide_type": "subslide"}
import pandas as pd

three = pd.DataFrame(results).T[["rmse", "auc", "conditional_auc", "recall@10"]]
three

# %%
fig, ax = plt.subplots()
rows = np.arange(len(three))
ax.hlines(rows, three["conditional_auc"], three["auc"], color="grey", linewidth=1)
ax.plot(three["auc"], rows, "o", markersize=10, label="AUC, all pairs")
ax.plot(three["conditional_auc"], rows, "s", markersize=10, label="AUC, pairs within a user")
ax.axvline(0.5, color="black", linestyle=":")
ax.set_yticks(rows, three.index)
ax.set(xlabel="share of pairs in the right order (0.5 is a coin)", ylabel="model")
ax.legend(loc="lower right")
ax.invert_yaxis()
user_only = three.loc["user only"]
ws.show(fig, alt=f"AUC and conditional AUC of six models. Knowing the user only: AUC "
              f"{user_only['auc']:.2f}, conditional AUC {user_only['conditional_auc']:.2f}.")  # fmt: skip

# %%
print(f"Knowing only who rates: AUC {user_only['auc']:.3f}, RMSE {user_only['rmse']:.3f} stars,")
print(f"and a conditional AUC of exactly {user_only['conditional_auc']}: a coin.")

# %% [markdown]
# A model that gives every film the same score looks useful to two of the three numbers. It *is*
# useful for them: if Ann gives five stars to everything and Bob never does, then a rating of Ann's
# is more often a liked one. But nobody ever chooses between a film for Ann and a film for Bob. Ann
# chooses among films. Conditional AUC asks just that, and so kindness falls out of it.
#
# Now go down the table. From "film only" to "both biases", RMSE and AUC gain a lot, and conditional
# AUC does not move; it moves where taste comes in. The ranking model has no RMSE at all, does badly
# at liked or not, and wins the list of ten, because it was asked who watches what, and not who likes
# what. None of these numbers is wrong. Each is the answer to a question, so **say the question
# first, then the number**.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before showing the table: which model will have the best conditional AUC? What will
# "user only" have? Let somebody explain why it is exactly one half. (All films of a user tie, and a
# tie counts half.) Page 06 returns to this with confidence intervals. (8 minutes)

# %% [markdown]
# ### Exercise: fool the AUC
#
# Do it yourself, without any model: make one score for each row of `page.valid` from nothing but
# each user's mean rating in `page.train`. It should have a pooled AUC well above one half and a
# conditional AUC of exactly one half.
#
# <details><summary>Hint</summary>
#
# `page.train.user` and `page.valid.user` hold each row's user as a position. `np.bincount` with
# `weights=` sums ratings for each user; `page.train.counts("user")` says how many they are. Users
# without a rating in train get the overall mean.
#
# </details>

# %% tags=["stub"]
kindness = None  # your turn: (len(page.valid),) scores

# %% tags=["solution"]
sums = np.bincount(page.train.user, weights=page.train.rating, minlength=page.train.n_users)
counts = page.train.counts("user")
user_mean = np.where(counts > 0, sums / np.maximum(counts, 1), page.train.rating.mean())
kindness = user_mean[page.valid.user]

# %%
ws.check("02.fool_auc", kindness)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Now you
#
# Rate some films that you know: ten are enough, more are better. Type part of a title, choose with
# the arrow keys, Tab to the stars, Enter. The ratings that you kept on page 00 are there already.
# They are in `data/me.json` on this machine, nowhere else, and every later page uses them. (The films
# are as old as the data; the search box names the last year.)

# %%
ws.rate_films(page)

# %% [markdown]
# No form above, or do you prefer to type? A dictionary does the same. It is added to what you have
# rated; `None` takes a rating back. Put in your own titles:

# %%
my_ratings = {}  # like {"Toy Story (1995)": 5, "Titanic (1997)": 2}
ws.rate_films(page, my_ratings)
me = page.me
whose = "a sample person, since you have not rated yet" if page.me_is_sample else "you"
print(f"{len(me)} ratings of {whose}.")

# %% [markdown]
# Neither model has ever seen you, and neither has to be trained again. The films keep their rows,
# and your row is found by a small regression of your ratings on the rows of your films. This is
# called **folding in**. And since your row is a sum over your ratings, each recommendation can say
# which of your ratings it owes most to. (Run this cell again after rating more.)

# %% slideshow={"slide_type": "subslide"}
mine = rt.recommend(page.ranker, page.data, ratings=page.me, k=10, reasons=True, stars=biased)
ws.films(mine, ["title", "stars", "reasons"])

# %% [markdown]
# The ranker chose these ten films; the stars are what the other model expects you to give. Read the
# reasons before you judge the titles: they name the ratings of yours that lifted the film most. Does
# it make sense? Where it does not, rate two or three more films of that kind and run the cell again.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Let people rate for five minutes, and let two of them read out their list. Ask the room: what
# would the list look like if the star model had filled it? Change `page.ranker` to `biased` and
# see: films that hardly anybody has heard of. (9 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your own model
#
# You have read every line. Now write the one that matters. The class below has all the parameters
# of a biased MF; only its `forward` is missing. It should return the mean plus both biases plus the
# product of the rows.
#
# <details><summary>Hint</summary>
#
# Look each of the four tables up with `self.rows(table, index)`: `self.user_factors`,
# `self.item_factors`, `self.user_bias`, `self.item_bias`. The product is `(p * q).sum(-1)`.
#
# </details>
#
# <details><summary>Second hint: the check complains about shapes</summary>
#
# Sum over the *last* axis only. When films are ranked, users come as a column and films as a row,
# and the same line must give a table of scores.
#
# </details>


# %% tags=["stub"]
class Mine(rt.models.BiasedMF):
    def forward(self, batch):
        b_u = self.rows(self.user_bias, batch.user)  # stars
        return self.mean + b_u  # your turn: there is more to a rating than the user's kindness


# %% tags=["solution"]
class Mine(rt.models.BiasedMF):
    def forward(self, batch):
        b_u = self.rows(self.user_bias, batch.user)  # stars
        b_i = self.rows(self.item_bias, batch.item)
        p = self.rows(self.user_factors, batch.user)  # (..., dim)
        q = self.rows(self.item_factors, batch.item)
        return self.mean + b_u + b_i + (p * q).sum(-1)


# %%
ws.check("02.forward", Mine)

# %% [markdown]
# Choose its settings yourself, then train it. It runs in the background: the curve grows, the cell
# returns, and `training.stop()` would end it.

# %%
my_model = Mine.for_dataset(page.train, dim=32, l2=0.1)  # your choice
training = rt.fit(my_model, page.train, page.valid, epochs=page.pick(15, 5), background=True)

# %%
training.wait()
my_rmse = rt.evaluate(my_model, page.valid, train=page.train)["rmse"]
print(
    f"Your model: {my_rmse:.3f} stars on validation. Ours above: {errors['biases and taste']:.3f}."
)
ws.films(rt.recommend(page.ranker, page.data, ratings=page.me, k=5, stars=my_model))

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Who gets the lowest RMSE in the room, by settings alone? The differences will be small; the next
# section says how much of that is luck. (8 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Look at the test part once
#
# All choices on this page are made on the validation part. So its numbers flatter us: we pick what
# looks best on it. The test part has not been touched. Now we make one last choice, a small sweep
# of biased models, train the chosen one on train and validation together, and look once.

# %%
last = {"l2": [0.05, 0.08, 0.11, 0.15], "dim": [8, 64]}
candidates = ws.sweep(rt.models.BiasedMF, page.train, page.valid, last, progress=False).wait()
chosen = candidates[candidates.frame["rmse"].idxmin()]
both = rt.datasets.concat(page.train, page.valid)
final = rt.models.BiasedMF.for_dataset(both, **chosen.settings)
rt.fit(final, both, progress=False)
once = rt.evaluate(final, page.test, train=both)
print(f"Chosen: {chosen.name}.")

# %% [markdown]
# How much of a difference is luck? Train the same model again, with other random starts.

# %%
seeds = []
for seed in (1, 2, 3):
    again = rt.models.BiasedMF.for_dataset(page.train, **chosen.settings, seed=seed)
    rt.fit(again, page.train, seed=seed, progress=False)
    seeds.append(rt.metrics.rmse(page.valid.rating, rt.predict(again, page.valid)))
print(f"Same model, three other seeds, validation: RMSE {min(seeds):.3f} to {max(seeds):.3f}.")

# %%
print(f"Test:       RMSE {once['rmse']:.3f}, conditional AUC {once['conditional_auc']:.3f}")
flattering = chosen.metrics
print(f"Validation: RMSE {flattering['rmse']:.3f}, ", end="")
print(f"conditional AUC {flattering['conditional_auc']:.3f}")
print(f"In words: a guess is typically {once['rmse']:.1f} stars off. Of two films that somebody")
print(f"rated, one liked and one not, we know which in {once['conditional_auc']:.0%} of cases.")
print(f"Ten films from the whole catalogue: {10 * once['precision@10']:.1f} of them were watched")
print("and liked in the test part (there may be more that nobody rated).")

# %% [markdown]
# Test and validation differ, too: they are different ratings, and some are harder than others.
# A difference that is smaller than the spread between seeds is luck. A larger difference may still
# be luck: other *people* would have given other numbers, and that spread is wider. Page 06 measures
# it. The large differences of this page survive that test: the biases, holding back, the choice of
# the objective. Scores alone say little; the sentences say what a customer would notice.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise, at home: your own data
#
# Somebody hands you the file of a reading club. Make it a Dataset, so that all of the above runs on
# it. Nothing but the names of three columns stands in the way.
#
# <details><summary>Hint</summary>
#
# `rt.datasets.from_frame(ratings)` wants the columns `user`, `item` and `rating`. A frame has a
# method `rename(columns={old: new})`.
#
# </details>

# %% tags=["long"]
import io

text = """member;book;stars
Ada;Emma;5
Ada;Dracula;2
Ada;Persuasion;5
Ben;Dracula;5
Ben;Frankenstein;4
Ben;Emma;1
Cleo;Emma;4
Cleo;Persuasion;5
Cleo;Middlemarch;4
Dan;Frankenstein;5
Dan;Dracula;4
Dan;Middlemarch;2"""
club = pd.read_csv(io.StringIO(text), sep=";")  # a path does as well: your own file

# %% tags=["stub"]
books = None  # your turn: a Dataset

# %% tags=["solution"]
books = rt.datasets.from_frame(
    club.rename(columns={"member": "user", "book": "item", "stars": "rating"})
)

# %%
ws.check("02.own_csv", books)

# %%
if books is not None:
    small = rt.models.BiasedMF.for_dataset(books, dim=2)
    rt.fit(small, books, epochs=100, progress=False)
    print(rt.recommend(small, books, user="Ada", k=2)[["title", "score"]])

# %% [markdown]
# (With a dozen ratings the scores are a joke. The code is not: it is what you would run on yours.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we have learned
#
# * A recommender can be two tables and a product. It fits on a slide, and trains while you breathe in.
# * A model gets good at what its objective asks for. Choose that first.
# * Every penalty is a belief. Too little learns by heart, too much forgets.
# * Biases come first: most of RMSE is kindness and quality, not taste.
# * RMSE, AUC and conditional AUC answer three questions. Say which one you ask.
# * Choose on validation; look at test once; distrust what is smaller than the luck of the seed.
#
# Your ratings and the trained model are kept. The next page looks into the model: what do its
# numbers mean?
