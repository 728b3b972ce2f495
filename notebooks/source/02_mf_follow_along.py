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
# Training takes a while, and so does reading, so we do both at once. The next cell trains the same
# small model many times, each time with different settings, and returns immediately. Run it, watch
# the first curve appear, and read on. Later sections use its results.

# %% slideshow={"slide_type": "subslide"}
from recsys_workshop.local import directory
from recsys_tutorial.losses import bpr, logistic, squared_error

logs = directory() / "runs" / "02"  # what TensorBoard will read
grid = {"l2": [0.0, 0.01, 0.1, 0.3], "dim": [8, 64], "loss": [squared_error, logistic, bpr]}
runs = ws.sweep(
    rt.models.MF, page.train, page.valid, grid, epochs=page.pick(20, 8), lr=0.01, log_dir=logs
)
print(f"{len(runs)} runs train in the background, one after the other. This cell is done.")

# %% [markdown]
# Three names, three questions. What should the model aim at (`loss`)? How strong is the penalty on
# large numbers in the model (`l2`)? How many numbers may it keep about each user and each film (`dim`)?
# A **sweep** tries every combination of the answers. (If you run the cell again, the new sweep
# replaces this one. `runs.stop()` ends it early.)
#
# The orange line is the current run, measured on the **validation part**: ratings that are held out, so
# that no model trains on them. There is one panel for each `loss`. Each panel has its own unit, so
# compare lines within a panel only. Before you read on, make a guess: **in which panel will some lines
# get better first, and then worse?**

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room for a bet, hands up: which of the three objectives gives the best list of ten
# films? Which dim predicts stars better? Write the bets down: both are settled below. (3 minutes, most
# of it for stragglers to get the cell running)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The data is a matrix, mostly empty
#
# While the sweep runs, look at its data: one row per user, one column per film, and a dot where there is
# a rating. We sort both, so that busy users are at the top and popular films on the left. Diamonds mark
# your own ratings, in the row where a user with as many ratings as you belongs. (Until you have rated
# some films, a sample person's ratings stand in for yours.)

# %%
import matplotlib.pyplot as plt
import numpy as np

busy = np.argsort(-page.train.counts("user"), kind="stable")
popular = np.argsort(-page.train.counts("item"), kind="stable")
row = np.argsort(busy)[page.train.user]  # where each rating's user is in the picture
column = np.argsort(popular)[page.train.item]  # and where its film is
my_row = (page.train.counts("user") > len(page.me)).sum()
my_columns = np.argsort(popular)[page.data.item_vocab.index(list(page.me))]

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots(figsize=(9, 5.5))
dots = ax.scatter(column, row, c=page.train.rating, s=1.5, linewidths=0, cmap=ws.SEQUENTIAL)
who = "a sample person" if page.me_is_sample else "you"
ax.plot(my_columns, np.full(len(my_columns), my_row), "D", mec="white", color="#D55E00", label=who)
ax.set(xlabel="films, most rated first", ylabel="users, busiest first")
ax.set(
    title="Every dot is a rating", facecolor="0.93", xlim=(0, None), ylim=(page.train.n_users, 0)
)
fig.colorbar(dots, label="rating (stars)", ticks=range(1, 6))
ax.legend(loc="lower right", frameon=True)
ws.show(fig, alt="Matrix of users by films, sorted. The corner where busy users meet popular films is "
              "crowded. Towards less busy users and less popular films there are fewer and fewer "
              f"dots. A row of diamonds shows {who}.")  # fmt: skip

# %%
share = len(page.train) / (page.train.n_users * page.train.n_items)
top = page.train.counts("item")[popular][: page.train.n_items // 10].sum() / len(page.train)
print(f"{share:.1%} of the cells are known. A tenth of the films got {top:.0%} of the ratings.")

# %% [markdown]
# The crowded corner is easy, because its users and its films both have many ratings. The empty area
# is the job: for a cell without a dot, predict what belongs there. Half the art of recommending is to
# remember that the dots are not spread at random. People rate what they chose to watch.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: where in this picture would a new user be? A new film? (They are rows and columns
# without a dot, at the bottom and on the right; page 08 is about them.) Scroll up to the curves: they
# have moved. (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The model: two tables and a product
#
# Give each user a short list of numbers, and each film an equally short list. If a user's numbers
# and a film's numbers point the same way, the user will like the film. That is all.

# %% tags=["hide-input", "long"] slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots(figsize=(11, 4.2))
n_users, n_items, dim = page.train.n_users, page.train.n_items, 64
blocks = {  # name: left, bottom, width, height, colour, size
    "what we want": (0.0, 0.0, 3.6, 2.4, "0.9", f"{n_users:,} × {n_items:,}"),
    "people": (5.0, 0.0, 0.5, 2.4, ws.PALETTE["sky"], f"{n_users:,} × {dim}"),
    "films": (6.6, 1.9, 3.6, 0.5, ws.PALETTE["orange"], f"{dim} × {n_items:,}"),
}
for name, (x, y, width, height, colour, size) in blocks.items():
    ax.add_patch(plt.Rectangle((x, y), width, height, facecolor=colour, edgecolor="black"))
    ax.text(x + width / 2, y + height + 0.1, f"{name}: {size}", ha="center", va="bottom")
    across, down = name != "films", name != "people"
    if across:  # one person's row
        ax.add_patch(plt.Rectangle((x, 1.2), width, 0.14, facecolor="black", alpha=0.65))
    if down:  # one film's column
        ax.add_patch(plt.Rectangle((x + 2.4, y), 0.14, height, facecolor="black", alpha=0.65))
ax.text(4.3, 1.2, "≈", fontsize=28, ha="center", va="center")
ax.text(6.05, 2.15, "×", fontsize=22, ha="center", va="center")
ax.annotate("one cell is the row of one person times the column of one film", (2.47, 1.2),
            (0.4, -0.6), fontsize=13, arrowprops={"arrowstyle": "->", "lw": 1.8})  # fmt: skip
ax.set(xlim=(-0.1, 10.4), ylim=(-0.8, 2.9))
ax.set_axis_off()
ws.show(fig, alt=f"A table of {n_users} users by {n_items} films is approximately a tall, thin table of "
              "people times a flat, wide table of films. One row times one column gives one cell.")  # fmt: skip

# %% [markdown]
# A table whose rows you look up is called an **embedding**, and PyTorch has it ready:

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
# the product of two thin matrices, hence the name **matrix factorisation** (MF).
#
# How good are its guesses before any training? We measure in stars, with the root of the mean squared
# error, **RMSE**. It says how far off we typically are; large misses count more.

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
# Terrible, and for two dull reasons. The model does not know that ratings lie around some mean, and it
# starts from numbers that are far too big. The lines marked NEW mend both. Here is the model again, in
# the form that this series uses: `for_dataset` computes the mean from the training ratings, `batch`
# holds the users, the films and the stars of a few ratings, and `rows` looks rows up in a table.


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
# untrained model first, because many bugs already show there. (5 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Training: a step, many times
#
# One step of training: take some ratings (a **batch**), see how wrong the model is, ask for the
# gradient, and move all numbers a little against it. Adam, our optimiser, chooses the length of each
# step. One pass over all ratings is an **epoch**. [Ignite](https://pytorch-ignite.ai) calls our step
# for each batch and tells us when an epoch is over. Then we measure the RMSE on the training part and
# on the validation part. tensorboardX writes both to an event file, a log that TensorBoard can draw.

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
        for name, part in {"train": page.train, "valid": page.valid}.items():
            rmse = rt.metrics.rmse(part.rating, rt.predict(model, part))
            writer.add_scalar(f"epoch/{name}_rmse", rmse, engine.state.epoch)

    for old in (logs / name).glob("events.*"):
        old.unlink()  # of an earlier run of this cell
    batches = page.train.batches(
        batch_size=page.pick(2048, 256), generator=torch.Generator().manual_seed(0)
    )
    engine = Engine(step)
    engine.add_event_handler(Events.EPOCH_COMPLETED, look)
    with SummaryWriter(logs / name) as writer:
        engine.run(batches, max_epochs=page.pick(20, 8))


# %% [markdown]
# `rt.fit` is this engine with some conveniences. It can save checkpoints and work in the background, and
# it offers **early stopping**: training ends when the error on the validation part gets worse. The `lr`
# that we give to Adam is the **learning rate**: it scales all of Adam's steps. `rt.fit` raises it at the
# start of training and then lowers it. (In the `step` above, `model.penalty` is zero so far.) Now train
# our model by hand:

# %%
model = MF.for_dataset(page.train)
train_by_hand(model, torch.optim.Adam(model.parameters(), lr=0.01), "by-hand")


def curve(name, part="valid"):
    """RMSE on one part after each epoch, from the event file: (epochs,)"""
    found = rt.scalars(logs / name)
    return found.loc[found["tag"] == f"epoch/{part}_rmse", "value"].to_numpy()


by_hand = curve("by-hand")
by_hand.round(3)

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
epochs = np.arange(1, len(by_hand) + 1)
on_train = curve("by-hand", "train")
ax.plot(epochs, by_hand, "o-", label="validation: new ratings")
ax.plot(epochs, on_train, "s--", label="training: ratings it has seen")
ax.axhline(lazy, color="black", linestyle=":", label="the mean, always")
best = by_hand.argmin()
ax.annotate("best", (epochs[best], by_hand[best] - 0.02), (epochs[best], by_hand[best] - 0.2),
            ha="center", arrowprops={"arrowstyle": "->"})  # fmt: skip
ax.set(xlabel="epoch", ylabel="RMSE (stars)")
ax.set_title("Better, then worse, on new ratings (the axis does not start at 0)")
ax.legend()
ws.show(fig, alt=f"Training RMSE falls to {on_train[-1]:.2f}. Validation RMSE falls to "
              f"{by_hand[best]:.2f} at epoch {epochs[best]}, then rises to {by_hand[-1]:.2f}.")  # fmt: skip
print(f"Best after epoch {epochs[best]}: {by_hand[best]:.3f} stars. Last: {by_hand[-1]:.3f}.")

# %% [markdown]
# The model learns, and then it goes wrong. It has so many numbers that it can learn the ratings by
# heart: it keeps getting better on ratings that it has seen, and gets worse on new ones. That is
# **overfitting**, and the section *Holding back* is about the cure.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: how many numbers does this model have, and how many ratings are there? Let somebody
# multiply.
# (dim times users plus films: more numbers than ratings.) Then: should we just stop at the best
# epoch? We could. There is a better cure. (4 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same curves in TensorBoard
#
# TensorBoard draws the event files that we have just read, and those of the sweep beside them. The
# next cell prints a command. Run it in a terminal: it shows an address to open in the browser.

# %%
print(f'tensorboard --host 127.0.0.1 --logdir "{logs}"')
events = rt.scalars(logs)  # a row for each number: run, tag, step, value
print(f"{events['run'].nunique()} runs so far, {len(events):,} numbers.")

# %% [markdown]
# In JupyterLab on your own machine, these two lines show TensorBoard below a cell:
#
# ```
# %load_ext tensorboard
# %tensorboard --host 127.0.0.1 --logdir "{logs}"
# ```
#
# The space below the cell may stay blank, as it does on Binder. Or the command `tensorboard` may not be
# found, because the environment is not activated. Either way, nothing is lost. Here are the same files,
# drawn by matplotlib:

# %%
fig, ax = plt.subplots()
for run, points in events[events["tag"] == "epoch/valid_rmse"].groupby("run"):
    by_us = run == "by-hand"
    ax.plot(
        points["step"], points["value"], "o-" if by_us else "-",
        color=ws.PALETTE["blue" if by_us else "orange"], linewidth=3 if by_us else 1,
        label="ours, by hand" if by_us else "runs of the sweep" if len(ax.lines) == 1 else None,
    )  # fmt: skip
ax.set(xlabel="epoch", ylabel="RMSE on validation (stars)")
ax.set_title("All runs that predict stars, so far (the axis does not start at 0)")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
ws.show(fig, alt=f"Validation RMSE against epoch for {len(ax.lines)} runs that predict stars, "
              "ours among them. Run the cell again later for more.")  # fmt: skip

# %% [markdown]
# At the end of the page, when all runs are done, run two cells again: the one that prints the command
# and the one that draws the picture. (Runs that do not predict stars have no RMSE. In TensorBoard, look
# for `epoch/valid_loss` instead.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Three things to aim at
#
# Squared error asks: *how many stars?* But a shop that puts ten films in its window does not need stars.
# It needs to know which ten, and for that only the order counts. So there are other **objectives**. All
# of them use the same two tables and the same product; only the loss differs.
#
# * **Squared error**: for each rating, the squared difference between the prediction and the stars.
# * **Logistic**: did this user rate this film, or have we made the pair up? For each true pair we
#   draw a few films that the user has *not* rated: **negatives**.
# * **Ranking** (BPR, *Bayesian personalised ranking*): put a film that the user rated above one that
#   the user did not rate.
#
# If you know word2vec: read "word" for user and "context word" for film, and the logistic objective with
# made-up pairs *is* word2vec's. One difference matters. We draw negatives evenly from all films. word2vec
# draws frequent words more often, so it also pushes their scores down more often, and this takes much of
# the popularity out of the scores. Page 05 shows this effect, and `rt.fit(popularity=0.75)` draws
# negatives in that way.

# %%
s = torch.linspace(-4, 4, 81)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
stars = torch.linspace(1, 5, 81)
left.plot(stars, (4 - stars) ** 2, label="squared, true rating 4")
left.set(xlabel="prediction (stars)", ylabel="loss (stars²)", title="How many stars?")
right.plot(s, nn.functional.softplus(-s), label="logistic, a true pair")
right.plot(s, nn.functional.softplus(s), "--", label="logistic, a made-up pair")
right.plot(s[::8], nn.functional.softplus(-s[::8]), "o", label="ranking, lead over the other")
right.set(xlabel="score, or lead in score", ylabel="loss (nats)", title="Rated? Who is ahead?")
left.legend()
right.legend()
ws.show(fig, alt="Left: squared error, a bowl around 4 stars. Right: the logistic loss of a true "
              "pair falls as the score rises, that of a made-up pair rises.")  # fmt: skip

# %% [markdown]
# Squared error, the bowl on the left, punishes a guess that is too high as well as one that is too low.
# The other two only push: a true pair up, a made-up pair down, one film past another. Their scores have
# no unit, so RMSE makes no sense for them. (Their loss is minus the natural logarithm of a probability;
# its unit is called the *nat*.)
#
# By now the sweep may be done. If it is not, the next cell waits and says for how long. Its table has
# two more measures. `auc` asks: of two ratings, one liked and one not, perhaps by different users, does
# the model give the liked one the higher score? `recall@10` asks: of the films that a user liked, how
# many are among the ten that the model picks from the *whole catalogue*?

# %% slideshow={"slide_type": "subslide"}
table = runs.wait().frame  # one row for each run, measured on the validation part
best_run = {"squared_error": table["rmse"].idxmin()}
for loss in ("logistic", "bpr"):
    best_run[loss] = table.loc[table["loss"] == loss, "recall@10"].idxmax()
side_by_side = table.loc[best_run.values(), ["loss", "l2", "dim", "rmse", "auc", "recall@10"]]
heads = rt.models.Popularity.for_dataset(page.train)
rt.fit(heads, page.train)
popularity = rt.evaluate(heads, page.valid, train=page.train)
side_by_side.loc["no model: the most rated films"] = popularity
side_by_side

# %% [markdown]
# The next cell draws the whole sweep as one picture. The colour shows how strong the penalty of a run
# is, and the line style shows how many numbers the model keeps. Hover over a line to see which run it
# is, and click it: the ten films that this run picks for you appear beside the picture. Look for lines
# that fall and then rise again, for lines that hardly move, and for runs whose ten films surprise you.

# %% slideshow={"slide_type": "subslide"}
from recsys_workshop import labs


def ten(model):
    return rt.recommend(model, page.data, ratings=page.me, k=10)["title"]


labs.instrument.instrument(runs, ten)

# %% [markdown]
# `auc` and `recall@10` are two questions, and they have two winners:

# %%
square, rank = side_by_side.iloc[0], side_by_side.iloc[1:3]
winner = rank["recall@10"].idxmax()
print(f"Liked or not, among rated films: squared error is right in {square['auc']:.0%} of pairs,")
print(f"  the other objectives in {rank['auc'].max():.0%} at best.")
print(f"Ten films from the whole catalogue: {rank.loc[winner, 'loss']} finds", end=" ")
print(f"{rank.loc[winner, 'recall@10']:.0%}")
print(f"  of what people liked, squared error {square['recall@10']:.0%},")
print(f"  and the most rated films, without any model, {popularity['recall@10']:.0%}.")

# %%
of_rank, of_square = runs[winner].model, runs[best_run["squared_error"]].model
told = {}
print(f"First: {winner}. Second: {best_run['squared_error']}.")
for measure in ("auc", "recall@10"):
    told[measure] = rt.compare(of_rank, of_square, page.valid, train=page.train, metric=measure)
    print(f"  {told[measure]}")
for name, one in ((best_run["squared_error"], of_square), (winner, of_rank)):
    told[name] = rt.compare(heads, one, page.valid, train=page.train, metric="recall@10")
    print(f"First: the most rated films. Second: {name}.\n  {told[name]}")

# %% [markdown]
# Each indented line gives the value of the first model minus that of the second. We then draw users at
# random and work out the difference again, many times: 95% of these differences lie in the range in
# brackets. If this range contained zero, the line would say "not told apart". Page 06 builds this
# interval; we use it from now on.
#
# Squared error never sees the films that a user did *not* rate. It learns a lot about taste and little
# about what people choose to watch, so its lists contain many films that few people would pick.
# Recommending the most rated films beats it. **A model gets good at what you ask for.** Ask for the right
# thing before you ask for a better model.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Settle the first bet. Ask the room: you own a video shop with one window. Which row of the table
# do you hire? And which one for "would I like this?" on a film's page? Point out that the gap between
# logistic and bpr is small compared with their gap to squared error: what you ask for matters more
# than how cleverly you ask. (8 minutes)

# %% [markdown]
# ### Exercise: choose for two jobs
#
# Your shop shows predicted stars beside each film, and it has a window with ten films for each
# customer. Which run of the sweep do you take for which job? Answer with names of runs (the index
# of `table`), chosen on the validation part. The cell after the check puts your choice to work.
#
# <details><summary>Hint</summary>
#
# `table["rmse"]` is a column with one number per run. The methods `idxmin` and `idxmax` of a column
# give the name of a row.
#
# </details>

# %% tags=["stub"]
choice = None  # your turn: {"stars": name of a run, "window": name of a run}

# %% tags=["solution"]
choice = {"stars": table["rmse"].idxmin(), "window": table["recall@10"].idxmax()}

# %%
chosen_well = ws.check("02.choose", (choice, table))

# %%
job = "window"  # predict what "stars" changes; then write "stars" here and run this again
run = {"stars": best_run["squared_error"], "window": winner}[job]  # our choice, until yours passes
run = choice[job] if chosen_well else run
print(f"Ten films from {run}, {'your' if chosen_well else 'our'} choice for the {job}:")
ten_of_run = rt.recommend(runs[run].model, page.data, ratings=page.me, k=10)
times = page.train.counts("item")[page.data.item_vocab.index(ten_of_run["item"])]
ws.films(ten_of_run.assign(**{"ratings in train": times}), ["title", "ratings in train"])

# %% [markdown]
# To see the list of any other run, set `run` to its name from the index of `table`, just before the
# `print`. What happens to the list with an `l2` that is too large? (No check here: say what you expect,
# then look.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two jobs, two models
#
# Two questions had two winners, so the rest of the series uses two models. One predicts **stars**:
# `page.model`, which we build below. The other fills **lists**: `page.ranker`.
#
# For lists we could take the winner of the sweep. But the logistic and the ranking objective only
# hear *that* a film was rated, not how: one star counts as much as five. So we take a close relative
# of theirs, `ImplicitALS`. It has the same two tables, and it looks at every cell of the matrix. A
# film that you loved has the target 1, a film that you did not rate has the target 0, and a film
# that you disliked has a target *below* 0. Rated cells count for much, empty cells for little. (Page 16
# derives it. Its settings were chosen on the validation part.)

# %%
ranker = rt.models.ImplicitALS.for_dataset(page.train)
print("ImplicitALS trains for a few seconds ...", flush=True)
rt.fit(ranker, page.train, progress=False)
page.save(ranker, "ranker")
listed = rt.evaluate(ranker, page.valid, train=page.train)
print("The share of liked films that is among the ten (recall@10, validation):")
print(f"  the most rated films {popularity['recall@10']:.3f}")
print(f"  the winner of the sweep ({rank.loc[winner, 'loss']}) {rank.loc[winner, 'recall@10']:.3f}")
print(f"  ImplicitALS {listed['recall@10']:.3f}")
als = rt.compare(ranker, of_rank, page.valid, train=page.train, metric="recall@10")
print(f"ImplicitALS against the winner of the sweep, {als}")

# %% [markdown]
# Does `ImplicitALS` hear a dislike? We rate the same ten films twice: first we love them all, the second
# time we hate them. A model that only hears that we watched them gives the same list both times. A
# third list, for somebody without any ratings, shows what the model recommends when it knows nothing
# about a person.

# %%
genres = page.data.items["genres"]
one_kind = [i for i in page.data.item_vocab.ids[popular] if genres[i] and "Sci-Fi" in genres[i]]
one_kind = one_kind[:10] or page.data.item_vocab.ids[popular][:10].tolist()
low, high = page.data.scale
loved, hated, nobody = (
    rt.recommend(page.ranker, page.data, ratings=dict.fromkeys(rated, stars))["title"]
    for rated, stars in ((one_kind, high), (one_kind, low), ([], high))
)
print(f"Films on both lists: {len(set(loved) & set(hated))} of 10.")
print(f"Films on the first list and on the third: {len(set(loved) & set(nobody))} of 10.")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: what does your favourite shop do with a thumbs-down? (Many only count clicks.) This
# is where the series gets its two models; from here on every list comes from the second.
# (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Holding back
#
# The cure for learning by heart is to make large numbers expensive. We add a **penalty** to the loss.
# Each rating of the batch looks up two rows, p and q. We add up the squares of their numbers, |p|² +
# |q|², take the mean over the batch, and multiply it by `l2`. Now the model moves a row away from zero
# only if this lowers the error by more than it raises the penalty. Holding a model back like this is
# called *regularisation*. The new lines:


# %%
class HeldBackMF(MF):
    def penalty(self, batch):  # NEW
        p = self.rows(self.user_factors, batch.user)  # (B, dim)
        q = self.rows(self.item_factors, batch.item)  # (B, dim)
        return self.l2 * (rt.losses.l2(p) + rt.losses.l2(q))  # mean of |p|² and |q|² in the batch


# %% [markdown]
# How strong should the penalty be? The sweep has tried four strengths. For each objective, we draw its
# own measure of success against `l2`. The three vertical axes differ, and none starts at zero.

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
large, small = (
    runs[table[(table["loss"] == "squared_error") & (table["dim"] == d)]["rmse"].idxmin()].model
    for d in (64, 8)
)
of_size = rt.compare(large, small, page.valid, train=page.train, metric="rmse")
print(f"64 numbers against 8, over users, {of_size}.")

# %% [markdown]
# With too little penalty the model learns by heart. With too much it forgets: the rows shrink towards
# zero, and the predictions move towards the mean. The last lines show what 64 numbers gain over 8 once
# the penalty is right. On MovieLens, the gain is close to nothing. Each objective may need its own
# strength, because the losses are on different scales.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Settle the second bet (dim). Ask the room: where does the right end of the left panel lead?
# (The RMSE of the mean.) (4 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What do you believe when you hold back?
#
# A penalty is a **prior**: what you believe about the model's numbers before you see any rating. A loss
# can be read as minus the logarithm of a probability, and so can a penalty. Minus the logarithm of a
# bell curve around zero is a square, plus a constant. So a penalty on the squares of the numbers says
# that the numbers follow such a bell curve. There are three usual ways to write a penalty, with three
# different beliefs.
#
# | how it is written | what you believe |
# |---|---|
# | on the rows of the batch, as above | the bell curve is *narrower* for rows with more ratings, because they are looked up more often and pay each time |
# | on the whole tables, `l2` / N times the sum of all \|p\|² and \|q\|², where N is the number of training ratings | the numbers of every row follow the *same* bell curve; where a row has many ratings, they easily outweigh this belief |
# | AdamW, a variant of Adam: each step shrinks every number by a fixed share | all numbers are near zero, and every row is pulled there by the same share, however many ratings it has; no bell curve describes this belief |
#
# Train a model by hand with each of the three, and measure how long the vectors of the films become. (By
# hand, the learning rate stays constant, so the errors differ from those of the sweep.)


# %%
class TableMF(MF):
    def penalty(self, batch):
        everything = self.user_factors.square().sum() + self.item_factors.square().sum()
        return self.l2 * everything / len(page.train)


batch_prior = HeldBackMF.for_dataset(page.train, l2=0.1)
table_prior = TableMF.for_dataset(page.train, l2=page.pick(10, 5))
adamw = MF.for_dataset(page.train)
of_kind = {
    "batch": (batch_prior, torch.optim.Adam(batch_prior.parameters(), lr=0.01)),
    "table": (table_prior, torch.optim.Adam(table_prior.parameters(), lr=0.01)),
    "adamw": (adamw, torch.optim.AdamW(adamw.parameters(), lr=0.01, weight_decay=1)),
}
for name in ws.steps(of_kind, "model"):
    train_by_hand(*of_kind[name], name)

# %% slideshow={"slide_type": "subslide"} tags=["long"]
kinds = {"batch": batch_prior, "table": table_prior, "adamw": adamw, "none": model}
count = page.train.counts("item")  # (n_items,) ratings of each film
edges = np.unique(np.quantile(count[count > 0], np.linspace(0, 1, 8)))
group = np.digitize(
    count, edges[1:-1]
)  # (n_items,) the group of each film, by its number of ratings
middle = [count[(group == g) & (count > 0)].mean() for g in range(len(edges) - 1)]
fig, ax = plt.subplots()
length = {}
for (name, one), style in zip(kinds.items(), ("o-", "s--", "^-.", "d:"), strict=True):
    norm = one.item_factors.detach().norm(dim=1).numpy()  # (n_items,) |q|
    length[name] = [norm[(group == g) & (count > 0)].mean() for g in range(len(edges) - 1)]
    ax.plot(middle, length[name], style, label=name)
ax.set(xscale="log", xlabel="ratings per film", ylabel="mean length of its row, |q|", ylim=0)
ax.set_title("Which rows stay short depends on the belief")
ax.xaxis.set_major_formatter("{x:g}")
ax.xaxis.set_minor_formatter("")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
ws.show(fig, alt="Length of films' rows against number of ratings. Without penalty and with "
              "the table penalty it rises, with the batch penalty it falls at the end, with AdamW "
              "it rises less than with the table penalty.")  # fmt: skip

# %%
for name in kinds:
    rmse = curve("by-hand" if name == "none" else name)
    trend = length[name][-1] / length[name][1]
    print(f"{name:>6}: RMSE {rmse.min():.3f} at best, {rmse[-1]:.3f} at the end;", end=" ")
    print(f"rows of the most rated films are {trend:.1f} times as long", end=" ")
    print("as those of rarely rated films")
versus = {}
for name, other in (("table", table_prior), ("adamw", adamw), ("none", model)):
    versus[name] = rt.compare(batch_prior, other, page.valid, train=page.train, metric="rmse")
    print(f"batch against {name:>5}: {versus[name]}")

# %% [markdown]
# The data and the model are the same, yet the three penalties give curves of three different shapes.
# With the table penalty, the vectors of famous films become longer than those of rare films. With the
# batch penalty they do not, since a row pays each time it is used. Which belief fits better is a
# question for the data. Here all three errors end close together; without any penalty the error is much
# larger. The same number can be strong in one kind of penalty and weak in another, so never carry an
# `l2` from one kind to another.
#
# (Adam's own `weight_decay` adds the gradient of a table penalty to the gradient of the loss. Adam then
# rescales this combined gradient by a different factor for each number, so the penalty is no longer
# equally strong for all of them. The same happens to our two penalties above. That is one reason why
# AdamW exists.)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: a film has a single rating, of five stars. With which belief does the model make it
# special? (None of the three lets it go far; the table penalty the least.)
# (4 minutes)

# %% [markdown]
# ### Exercise, at home: the belief in a formula
#
# Take one user with `n` ratings. For each of them the film's row is simply `q = 1`, and the rating
# is `d` stars above the mean. With the table penalty, the user's number `p` minimises
# `n (d - p)² + l2 p²`. Which `p` is that? With many ratings it should be near `d`, with few near
# zero.
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
# of taste, and the numbers that describe taste should not be spent on it. So give each user and each
# film one number of its own, its **bias**, in stars. The new lines:


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
# The library has the two models that you have just read, as `rt.models.MF` and `rt.models.BiasedMF`.
# You need not take our word for it: train both versions and compare.

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
# Now train three models with `rt.fit`: the biases alone (`dim=0`: no taste at all), the product alone,
# and the full model. We keep the full one for later pages.

# %% slideshow={"slide_type": "subslide"}
biased = rt.models.BiasedMF.for_dataset(page.train)
biases = rt.models.BiasedMF.for_dataset(page.train, dim=0)
product = rt.models.MF.for_dataset(page.train)
for one in ws.steps((biases, product, biased), "model"):
    history = rt.fit(one, page.train, page.valid, progress=False)
page.save(biased)
errors = {
    "the mean, always": lazy,
    "biases only": rt.metrics.rmse(page.valid.rating, rt.predict(biases, page.valid)),
    "the product only (MF)": rt.metrics.rmse(page.valid.rating, rt.predict(product, page.valid)),
    "biases and taste": rt.metrics.rmse(page.valid.rating, rt.predict(biased, page.valid)),
}
for name, rmse in errors.items():
    print(f"{rmse:.3f} stars  {name}")

# %%
gain = lazy - errors["biases and taste"]
of_biases = (lazy - errors["biases only"]) / gain
seconds = history.frame["seconds"].iloc[-1]
print(f"The two biases alone reach {of_biases:.0%} of what the full model gains over the mean.")
print(f"Training the full model took {seconds:.1f} s.")
for name, other in (("the biases alone", biases), ("the product alone", product)):
    told[name] = rt.compare(biased, other, page.valid, train=page.train, metric="rmse")
    print(f"Biases and taste against {name}: {told[name]}.")

# %% [markdown]
# Remember this when somebody shows you a deep model: a large part of the gain in RMSE comes from
# knowing who is kind and what is good. Taste may be the smaller part of the gain, but a recommender
# needs it: without taste everybody gets the same list.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: without taste, whose list of ten films differs from whose? (Nobody's: the user's bias
# lifts all films alike.) This leads straight to the next section. (5 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Three numbers that disagree
#
# Which model is best? Let us judge the same models by three numbers, on the same ratings.
#
# * **RMSE**: how many stars are we off?
# * **AUC** (area under the curve): take two ratings, one that is "liked" (four stars or more) and one that
#   is not. They may come from different users. How often does the liked one have the higher score?
# * **Conditional AUC**: the same, but both ratings come from *one user*. Then average over users.
#
# To find out what each number measures, add two silly models: one that knows only how kind a user is,
# and one that knows only how good a film is. Both are copies of the model with biases only. In one we
# set the biases of the films to zero, in the other those of the users.

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
    "MF": product,
    "biased MF": biased,
    "best at lists": runs[table["recall@10"].idxmax()].model,
}

# %% slideshow={"slide_type": "subslide"}
import pandas as pd

results = {
    name: rt.evaluate(contest[name], page.valid, train=page.train)
    for name in ws.steps(contest, "model")
}
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
ax.set(title="Kindness helps AUC, and not the AUC within a user")
ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
ax.invert_yaxis()
user_only = three.loc["user only"]
ws.show(fig, alt=f"AUC and conditional AUC of six models. Knowing the user only: AUC "
              f"{user_only['auc']:.2f}, conditional AUC {user_only['conditional_auc']:.2f}.")  # fmt: skip

# %%
print(f"Knowing only who rates: AUC {user_only['auc']:.3f}, RMSE {user_only['rmse']:.3f} stars,")
print(f"and a conditional AUC of exactly {user_only['conditional_auc']}: a coin.")

# %%
judged = {}
for first, second, measure in (
    ("both biases", "film only", "rmse"),
    ("both biases", "film only", "conditional_auc"),
    ("biased MF", "both biases", "conditional_auc"),
    ("best at lists", "biased MF", "recall@10"),
    ("best at lists", "biased MF", "auc"),
):
    pair = contest[first], contest[second]
    judged[first, measure] = rt.compare(*pair, page.valid, train=page.train, metric=measure)
    print(f"{first} against {second}, {judged[first, measure]}")

# %% [markdown]
# The model "user only" gives all films the same score for any one user, and yet two of the three numbers
# call it useful. For the questions that RMSE and AUC ask, this model *is* useful: if Ann gives five stars
# to everything and Bob never gives more than three, a rating by Ann is more likely to be a liked one. But
# nobody ever chooses between a film for Ann and a film for Bob. Ann chooses among films. Conditional AUC
# compares only films of the same user, so kindness has no effect on it.
#
# Now go down the table. From "film only" to "both biases", RMSE and AUC improve a lot, and conditional
# AUC does not move; it moves when taste is added. The last model is the run of the sweep that is best
# at lists. It has no RMSE and does badly at telling liked films from others. We asked it who watches
# what, and not who likes what. That helps with the list of ten, and there it wins: a film on the list
# counts only if the user watched it in the first place, and rated it well too. None of these numbers is
# wrong. Each is the answer to a question, so **say the question first, then the number**.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before showing the table: which model will have the best conditional AUC? What will
# "user only" have? Let somebody explain why it is exactly one half. (All films of a user tie, and a
# tie counts half.) Page 06 returns to this with confidence intervals. (7 minutes)

# %% [markdown]
# ### Exercise: fool the AUC
#
# Do it yourself, without any model: make one score for each row of `page.valid` from nothing but the
# mean rating of its user in `page.train`. Its AUC over all pairs should be well above one half, and
# its conditional AUC exactly one half.
#
# <details><summary>Hint</summary>
#
# `page.train.user` and `page.valid.user` hold each row's user as a position. `np.bincount` with
# `weights=` sums the ratings of each user; `page.train.counts("user")` gives the number of ratings of
# each user. Give users without a rating in train the overall mean.
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
# Rate some films that you know: ten are enough, more are better. Type part of a title, choose with the
# arrow keys, press Tab to reach the stars, then Enter. The ratings from page 00 are already there. They
# are kept in `data/me.json` on this machine, nowhere else, and every later page uses them. (The newest
# films are missing from the data. The search box shows the year in which the data end.)

# %%
ws.rate_films(page)

# %% [markdown]
# If there is no form above, or if you prefer to type, use a dictionary. Its ratings are added to those
# that you have given, and `None` takes a rating back. Put in your own titles:

# %%
my_ratings = {}  # like {"Toy Story (1995)": 5, "Titanic (1997)": 2}
ws.rate_films(page, my_ratings)
me = page.me
whose = "a sample person, since you have not rated yet" if page.me_is_sample else "you"
print(f"{len(me)} ratings of {whose}.")

# %% [markdown]
# Neither `page.model` nor `page.ranker` has ever seen you, and neither has to be trained again. The films
# keep their rows. Your own row comes from a small regression: it predicts your ratings from the rows of
# the films that you rated. This is called **folding in**. Your row is a sum with one term for each
# of your ratings, so each rating adds its own part to a film's score, and a recommendation can name the
# ratings that added most. In the list below, the number in brackets after each reason says how much it
# added. This score has no unit. (Rate more, then run this cell again.)

# %% slideshow={"slide_type": "subslide"}
mine = rt.recommend(page.ranker, page.data, ratings=page.me, k=10, reasons=True, stars=biased)
ws.films(mine, ["title", "stars", "reasons"])

# %% [markdown]
# `page.ranker` chose these ten films; the stars are what the other model expects you to give. Read the
# reasons before you judge the titles: they name the ratings of yours that lifted the film most. Do
# they make sense? Where they do not, rate two or three more films of that kind and run the cell again.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Let people rate for five minutes, and let two of them read out their list. Ask the room: what
# would the list look like if the star model had filled it? Change `page.ranker` to `biased` and
# see: it recommends films that hardly anybody has heard of. (6 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your own model
#
# You have read every line. Now write the one that matters. The class below has all the parameters
# of a biased MF; only its `forward` is missing. It should return the mean plus both biases plus the
# product of the rows. Once it passes the check below, the last section, which looks at the test
# part, uses *your* class.
#
# <details><summary>Hint</summary>
#
# Look up each of the four tables with `self.rows(table, index)`: `self.user_factors`,
# `self.item_factors`, `self.user_bias`, `self.item_bias`. The product is `(p * q).sum(-1)`.
#
# </details>
#
# <details><summary>Second hint: the check complains about shapes</summary>
#
# Sum over the *last* axis only. When the library ranks films, `batch.user` is a column, (B, 1), and
# `batch.item` a row, (1, n_items). The same line of code must then give a table of scores, (B, n_items).
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
forward_works = ws.check("02.forward", Mine)

# %% [markdown]
# Choose the settings of your model, then train it. It trains in the background: the cell returns, the
# curve grows, and `training.stop()` would end it.

# %%
my_model = Mine.for_dataset(page.train, dim=32, l2=0.1)  # your choice
training = rt.fit(my_model, page.train, page.valid, epochs=page.pick(15, 5), background=True)

# %%
training.wait()
my_rmse = rt.evaluate(my_model, page.valid, train=page.train)["rmse"]
print(f"Your model: {my_rmse:.3f} stars on validation, after {training.epochs} epochs.")
print(f"Ours above: {errors['biases and taste']:.3f} stars, after {history.epochs} epochs.")
print(
    "Yours against ours,", rt.compare(my_model, biased, page.valid, train=page.train, metric="rmse")
)
ws.films(rt.recommend(page.ranker, page.data, ratings=page.me, k=5, stars=my_model))

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Who gets the lowest RMSE in the room, by settings alone? The differences will be small; the next
# section says how much of them is luck. (4 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Look at the test part once
#
# All choices on this page are made on the validation part. So its numbers may flatter us: we pick what
# looks best on it. Nothing has used the **test part** so far. Now we make one last choice by a small
# sweep of biased models, train the chosen one on the training and validation parts together, and look
# at the test part once.

# %%
last = {"l2": [0.05, 0.08, 0.11, 0.15], "dim": [8, 64]}
kind = Mine if forward_works else rt.models.BiasedMF
candidates = ws.sweep(kind, page.train, page.valid, last, progress=False).wait()
chosen = candidates[candidates.frame["rmse"].idxmin()]
both = rt.datasets.concat(page.train, page.valid)
final = kind.for_dataset(both, **chosen.settings)
rt.fit(final, both, progress=False)
once = rt.evaluate(final, page.test, train=both)
whose_class = "your own" if forward_works else "the library's, until yours passes its check"
print(f"Chosen: {chosen.name}. The class is {whose_class}.")

# %% [markdown]
# When two numbers differ, how much of that is luck? Train the same model again, from other random
# starts. A number that fixes a random start is called a **seed**.

# %%
seeds = []
for seed in ws.steps((1, 2, 3), "seed"):
    again = rt.models.BiasedMF.for_dataset(page.train, **chosen.settings, seed=seed)
    rt.fit(again, page.train, seed=seed, progress=False)
    seeds.append(rt.metrics.rmse(page.valid.rating, rt.predict(again, page.valid)))
print(f"Same model, three other seeds, validation: RMSE {min(seeds):.3f} to {max(seeds):.3f}.")

# %%
print(f"Test:       RMSE {once['rmse']:.3f}, conditional AUC {once['conditional_auc']:.3f}")
on_valid = chosen.metrics
print(f"Validation: RMSE {on_valid['rmse']:.3f}, ", end="")
print(f"conditional AUC {on_valid['conditional_auc']:.3f}")
print(f"In words: a guess is typically {once['rmse']:.1f} stars off. Of two films that a user")
print("rated, one liked and one not, the model puts the liked one first", end=" ")
print(f"in {once['conditional_auc']:.0%} of cases.")
print("The model picks ten films for each user from the whole catalogue. On average,", end=" ")
print(f"{10 * once['precision@10']:.1f} of them")
print("are among the films that the user rated and liked in the test part.", end=" ")
print("(The user may like others, too, without having rated them.)")

# %% [markdown]
# Test and validation give different numbers, for two reasons. They hold different ratings, and some
# ratings are harder to predict than others. And the model that we tested was trained on more ratings. A
# difference that is smaller than the spread between seeds may be nothing but luck. A larger one may still
# be luck: with other *people* in the data, the numbers would have been different, and by more than with
# another seed. That is why we drew users at random above. The large differences on this page, which come
# from the biases, the penalty and the objective, are still there when users are drawn at random. Scores
# alone say little; the lines after "In words" say what a customer would notice.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise, at home: your own data
#
# Somebody hands you the file of a reading club. Turn it into a Dataset, so that everything above runs
# on it. Only the names of three columns are in the way.
#
# <details><summary>Hint</summary>
#
# `rt.datasets.from_frame(ratings)` needs the columns `user`, `item` and `rating`. A frame has a
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
club = pd.read_csv(io.StringIO(text), sep=";")  # or the path of your own file

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
# (With a dozen ratings the scores are a joke. The code is not: it would be the same for your own data.)

# %% [markdown]
# **One question to end with**, and no check: your shop has a window with ten films and shows stars
# beside each of them. Which of the models on this page would you *not* deploy, and what would you
# tell the person who likes its RMSE?

# %% [markdown]
# ### At home: turn the knobs in your browser
#
# The frame below trains the model of this page in JavaScript, on the same split, as often as you like.
# Pull "strength of holding back" all the way to the left before you press *Train*: what do the two
# curves do then? Ask for lists instead of stars, rate two films, and watch which titles come and go.
# Nothing leaves your machine.

# %%
from recsys_workshop.labs.trainer import trainer

trainer(page.data)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we have learned
#
# * A recommender can be two tables and a product. It fits on a slide, and trains while you breathe in.
# * A model gets good at what its objective asks for. Choose that first.
# * Every penalty is a belief. With too little of it a model learns by heart; with too much it forgets.
# * Biases come first: a large part of the gain in RMSE is kindness and quality, not taste.
# * RMSE, AUC and conditional AUC answer three questions. Say which one you ask.
# * Choose on validation; look at test once; distrust differences that luck can make.
#
# **Read on.** Koren, Bell and Volinsky 2009, *Matrix factorization techniques for recommender systems*
# (the model of this page, explained by its authors); Rendle et al. 2009, *BPR: Bayesian personalized
# ranking from implicit feedback*; Hu, Koren and Volinsky 2008, *Collaborative filtering for implicit
# feedback datasets* (the model behind `page.ranker`).
#
# Your ratings and the trained model are kept. The next page looks into the model: what do its
# numbers mean?
