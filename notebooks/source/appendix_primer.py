# ---
# minutes: 40
# knows: "some Python and NumPy"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Primer: PyTorch, ignite and tensorboardX
#
# Learn the little PyTorch, ignite and tensorboardX that the series uses, on one small problem from
# first tensor to saved model.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("appendix_primer")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where we are going
#
# These few lines learn one number from four ratings. Run them now; at the end of the page you will
# know what each line does.

# %%
import torch

ratings = torch.tensor([4.0, 5.0, 3.0, 4.0])
guess = torch.tensor(0.0, requires_grad=True)
for _ in range(50):
    loss = ((ratings - guess) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        guess -= 0.1 * guess.grad
    guess.grad = None
print(f"Learned {guess.item():.3f}; the mean of the ratings is {ratings.mean().item():.3f}.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Tensors: numbers with a shape
#
# A **tensor** is an array. Always know two things about a tensor: its `shape` and its `dtype`. Ids are
# whole numbers (`int64`), and everything that a model learns is `float32`.

# %%
users = torch.tensor([0, 0, 1, 2])  # (4,), which user gave the rating
print("users  :", users.shape, users.dtype)
print("ratings:", ratings.shape, ratings.dtype)
table = torch.arange(6.0).reshape(2, 3)  # (2, 3): 2 rows, 3 columns
print(table)
print("sum over rows, axis 0   :", table.sum(0))  # (3,)
print("sum over the last axis  :", table.sum(-1))  # (2,)

# %% [markdown]
# The axis that you name is the one that disappears. Writing shapes into comments, `# (2, 3)`, is the
# cheapest debugging tool there is; this series does it throughout.
#
# **Broadcasting.** If shapes differ, PyTorch aligns them from the right and stretches axes of length 1.
# So a column and a row make a table:

# %%
column = torch.tensor([[10.0], [20.0]])  # (2, 1)
row = torch.tensor([1.0, 2.0, 3.0])  # (3,)
print(column + row)  # (2, 3)

# %% [markdown]
# That is handy: one line gives the scores of all films for all users. It is also the source of one of
# the most expensive mistakes in this field.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The trap: (N,) against (N, 1)
#
# Suppose that a model returns its predictions as a column, and that they are perfect:

# %%
perfect = ratings.reshape(4, 1)  # (4, 1)
wrong = ((ratings - perfect) ** 2).mean()  # (4,) against (4, 1)
right = ((ratings - perfect.squeeze(-1)) ** 2).mean()  # (4,) against (4,)
print("shape of the difference:", tuple((ratings - perfect).shape))
print(f"loss of perfect predictions: {wrong.item():.3f}, and it should be {right.item():.3f}")

# %% [markdown]
# There is no error and no warning: each rating is compared with *every* prediction. A model trained on
# that loss learns to predict the mean for everybody. So know your shapes, and compare them before you
# compare numbers. End a model with `sum(-1)`: its predictions then have the shape `(N,)`. Here are both
# differences, which should be zero everywhere:

# %%
import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 2, figsize=(9, 4))
cases = {
    "(4,) − (4, 1): a table": ratings - perfect,
    "(4,) − (4,): what you want": ratings - ratings,
}
for ax, (name, difference) in zip(axes, cases.items(), strict=True):
    shown = difference.reshape(-1, 4).numpy()  # rows and columns, as broadcasting made them
    ax.imshow(shown, cmap=ws.DIVERGING, vmin=-2.5, vmax=2.5)
    for i, j in [(i, j) for i in range(len(shown)) for j in range(4)]:
        ax.text(j, i, f"{shown[i, j]:+.0f}", ha="center", va="center", fontsize=14)
    ax.set(title=name, xticks=[], yticks=[])
ws.show(fig, alt="Left: sixteen differences, each rating minus each prediction, many not zero. "
              "Right: four differences, all zero.")  # fmt: skip

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room who has run into this one. The loss even falls during training, down to the variance of
# the ratings. Our own `squared_error` refuses two different shapes for that reason. (3 minutes)

# %% [markdown]
# ### Exercise: a loss that does not fall into the trap
#
# Write `safe_error(prediction, rating)`: the mean squared error of two tensors of the same shape. If
# their shapes differ, it raises a `ValueError`. The training loops below use your function once it
# passes the check.
#
# <details><summary>Hint</summary>
#
# A tensor's `shape` can be compared with `!=`. `raise ValueError("...")` stops with a message; a good
# message names both shapes.
#
# </details>


# %% tags=["stub"]
def safe_error(prediction, rating):
    return None  # your turn


# %% tags=["solution"]
def safe_error(prediction, rating):
    if prediction.shape != rating.shape:
        raise ValueError(f"{tuple(prediction.shape)} against {tuple(rating.shape)}")
    return ((prediction - rating) ** 2).mean()


# %%
safe = ws.check("primer.safe_error", safe_error)
error_of = safe_error if safe else torch.nn.functional.mse_loss
print("Below, the loss is", "your safe_error." if safe else "PyTorch's: yours is not right yet.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Autograd: which way is down?
#
# To make a loss smaller, we need its slope: its **gradient**. Mark a tensor with `requires_grad=True` and
# compute with it: PyTorch records each step. `backward()` goes back through the steps by the chain rule,
# and leaves the slope in `.grad`. This part of PyTorch is called **autograd**.

# %%
x = torch.tensor(1.5, requires_grad=True)
y = (x - 4) ** 2
y.backward()
print(f"autograd says {x.grad.item():g}, by hand 2 (x - 4) = {2 * (1.5 - 4):g}")

# %% [markdown]
# Three habits follow from how it works:
#
# * **Clear the slope.** `backward()` *adds* to `.grad`. Set it to `None` before the next call, or let
#   the optimiser's `zero_grad()` do it.
# * **Do not record updates.** Changing a parameter is not part of computing the loss, so do it inside
#   `with torch.no_grad():`.
# * **`.item()` for numbers, `.detach()` for arrays.** Both give you the values alone, without the
#   recorded steps.

# %%
x = torch.tensor(1.5, requires_grad=True)
((x - 4) ** 2).backward()
for turn in (1, 2):
    ((x - 4) ** 2).backward()  # nobody has cleared x.grad
    print(f"after {1 + turn} calls of backward: {x.grad.item():g}")

# %% [markdown]
# ### Exercise: slope by hand, slope by PyTorch
#
# Four ratings, one guess: the loss is the mean of $(r - g)^2$. Put its slope at $g = 3$ into `slope`.
# Work it out by hand or with autograd, or better, both.
#
# <details><summary>Hint 1</summary>
#
# The slope of $(r - g)^2$ with respect to $g$ is $-2\,(r - g)$. Take the mean over the four ratings.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `g = torch.tensor(3.0, requires_grad=True)`, then the loss, then `backward()`, then `g.grad`.
#
# </details>

# %% tags=["stub"]
slope = None  # your turn: a number

# %% tags=["solution"]
g = torch.tensor(3.0, requires_grad=True)
((ratings - g) ** 2).mean().backward()
slope = g.grad.item()

# %%
ws.check("primer.slope", slope)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Seeds: random numbers from a Generator
#
# A model may start from random numbers, as long as you can draw the same ones again. A **seed** is a
# number that fixes which ones you draw. One global seed is fragile: one more line that draws a number
# changes all numbers that come later. So each piece of code that draws random numbers gets a `Generator`
# of its own.

# %%
first = torch.randn(3, generator=torch.Generator().manual_seed(7))
torch.randn(1000)  # somebody else draws from the global generator
second = torch.randn(3, generator=torch.Generator().manual_seed(7))
print("the same numbers again:", torch.equal(first, second), first.tolist())

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A vector for each user: looking up rows
#
# A recommender keeps a table with one row per user. For a batch of ratings it needs the rows of the
# users in it. An **embedding** is no more than that: a table whose rows are looked up by number. We
# write `index_select`; `table[users]` and `torch.nn.Embedding` do the same.

# %%
generator = torch.Generator().manual_seed(0)
user_table = torch.randn(3, 2, generator=generator)  # (3, 2): 3 users, 2 numbers each
p = user_table.index_select(0, users)  # (4, 2): a row for each rating
print(p.shape, "the same as table[users]:", torch.equal(p, user_table[users]))

# %% [markdown]
# `backward()` sends the slope of each rating back to the row that the rating used. If several ratings
# used a row, it gets the sum of their slopes. A row that nobody looked up gets zero.

# %%
counted = torch.zeros(4, 2, requires_grad=True)  # 4 users; number 3 has rated nothing
counted.index_select(0, users).sum().backward()
print("how often each row was used:", counted.grad[:, 0].tolist())

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Parameter and Module: a model
#
# A **`Parameter`** is a tensor that training may change. A **`Module`** collects parameters and has a
# `forward`, which turns a batch into predictions. With these two words you can read the PyTorch models
# of the series.

# %%
from torch import nn


class TinyMF(nn.Module):
    def __init__(self, n_users, n_items, dim, mean, generator):
        super().__init__()
        self.mean = mean
        self.p = nn.Parameter(0.1 * torch.randn(n_users, dim, generator=generator))
        self.q = nn.Parameter(0.1 * torch.randn(n_items, dim, generator=generator))

    def forward(self, user, item):
        p = self.p.index_select(0, user)  # (B, dim)
        q = self.q.index_select(0, item)  # (B, dim)
        return self.mean + (p * q).sum(-1)  # (B,), summed over the last axis


# %% [markdown]
# The model needs data. `planted` invents ratings of 40 films by 60 users, from tastes that we know.
# The data of the other pages, which the setup cell loads as `page.data`, would work as well; this set is
# smaller.

# %%
small = rt.datasets.planted(n_users=60, n_items=40, n_ratings=1500, dim=2, seed=1)
train, valid, _ = small.split("random", valid=0.2, test=0.0, seed=0)


def tensors(part):
    """Users, items and ratings of a Dataset, each of shape (n,)."""
    rating = torch.from_numpy(part.rating).to(torch.float32)
    return torch.from_numpy(part.user), torch.from_numpy(part.item), rating


model = TinyMF(60, 40, 2, float(train.rating.mean()), torch.Generator().manual_seed(0))
for name, parameter in model.named_parameters():
    print(name, tuple(parameter.shape))
print(len(train), "ratings to train on,", len(valid), "to validate")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## An optimiser step
#
# The **optimiser** holds the parameters and knows how to take a step. There are four lines, always the
# same, always in this order: **predict and compare, clear, backward, step**.

# %%
user, item, rating = tensors(train)
model = TinyMF(60, 40, 2, float(train.rating.mean()), torch.Generator().manual_seed(0))
optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
before = ((model(user, item) - rating) ** 2).mean()  # predict and compare
optimiser.zero_grad()  # clear what the last step left
before.backward()  # slopes into .grad
optimiser.step()  # a step against the slope
after = ((model(user, item) - rating) ** 2).mean()
print(f"loss before the step {before.item():.4f}, after it {after.item():.4f} stars²")

# %% [markdown]
# **Adam** steps about equally far in every parameter, whatever the size of its slope. That suits
# recommenders, where some users have a thousand ratings and others five.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The loop, first in plain Python
#
# An **epoch** is one pass over the data, in shuffled **batches**. A loader yields the batches, in a new
# order for each epoch; it shuffles with a generator of its own.


# %%
class Loader:
    """Batches of users, items and ratings, in a new order each time; the last one may be smaller."""

    def __init__(self, size, seed):
        self.size, self.generator = size, torch.Generator().manual_seed(seed)

    def __len__(self):
        return -(-len(rating) // self.size)  # rounded up

    def __iter__(self):
        for rows in torch.randperm(len(rating), generator=self.generator).split(self.size):
            yield user[rows], item[rows], rating[rows]


# %% [markdown]
# We train more than once, so we put the four lines into one function, and the code that makes a new
# model and its optimiser into another.


# %%
def step(model, optimiser, batch):
    u, i, r = batch
    loss = error_of(model(u, i), r)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def fresh(seed=0, lr=0.05):
    """A new model and its optimiser."""
    generator = torch.Generator().manual_seed(seed)
    net = TinyMF(60, 40, 2, float(train.rating.mean()), generator)
    return net, torch.optim.Adam(net.parameters(), lr=lr)


# %%
plain, optimiser = fresh()
loader = Loader(64, seed=0)
for epoch in range(5):
    losses = [step(plain, optimiser, batch) for batch in loader]
    print(f"epoch {epoch + 1}: mean loss {sum(losses) / len(losses):.3f} stars²")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same loop in ignite
#
# Soon the loop must do more: validate after each epoch, write curves, stop early, keep the best.
# ignite separates these tasks. An **`Engine`** runs one function over batches; **`Events`** are the
# moments at which **handlers** may do something: after an epoch, say, or after each iteration.

# %%
from ignite.engine import Engine, Events

net, optimiser = fresh()
trainer = Engine(lambda engine, batch: step(net, optimiser, batch))


@trainer.on(Events.EPOCH_COMPLETED)
def tell(engine):
    print(f"epoch {engine.state.epoch}: last loss {engine.state.output:.3f} stars²")


state = trainer.run(Loader(64, seed=0), max_epochs=5)

# %%
same = all(torch.equal(a, b) for a, b in zip(plain.parameters(), net.parameters(), strict=True))
print("Plain loop and ignite ended with the same numbers, to the bit:", same)

# %% [markdown]
# It is the same arithmetic. You gain ready-made handlers, which you only have to attach: they are in
# `ignite.handlers` (older texts say `ignite.contrib`, which is outdated). One of them stops training
# when the validation error has not improved for a while.

# %% [markdown]
# Validation gets an engine of its own, so that handlers can wait for the end of a validation. This
# engine trains nothing.


# %%
def validate(engine, batch):
    u, i, r = batch
    with torch.no_grad():
        return ((net(u, i) - r) ** 2).mean().sqrt().item()  # RMSE, in stars


evaluator = Engine(validate)
print(f"After 5 epochs: {evaluator.run([tensors(valid)]).output:.3f} stars on unseen ratings")

# %% [markdown]
# `EarlyStopping` watches a score that must *grow* when things get better. An error falls instead, so the
# score is minus the error. With `patience=3`, training ends after three validations in a row without a
# better score.

# %% tags=["long"]
from ignite.handlers import EarlyStopping

net, optimiser = fresh()
evaluator = Engine(validate)
trainer = Engine(lambda engine, batch: step(net, optimiser, batch))
stopper = EarlyStopping(patience=3, score_function=lambda e: -e.state.output, trainer=trainer)
stopper.logger.setLevel("ERROR")  # it would report each stop on the error stream
evaluator.add_event_handler(Events.COMPLETED, stopper)
curve = []


@trainer.on(Events.EPOCH_COMPLETED)
def after_epoch(engine):
    curve.append(evaluator.run([tensors(valid)]).output)


state = trainer.run(Loader(64, seed=0), max_epochs=60)

# %%
best = min(range(len(curve)), key=curve.__getitem__)
print(f"Stopped after epoch {state.epoch} of 60. Best: epoch {best + 1}, {curve[best]:.3f} stars.")

# %% [markdown]
# Page 02 and `rt.fit` use no more than this: an engine and a few handlers. Read `rt.fit??` later; you
# will recognise it.

# %% [markdown]
# ### Exercise: a handler of your own
#
# Write `count_steps(trainer)`: it attaches a handler to an engine, and returns a list to which the
# handler adds the number of the iteration (`engine.state.iteration`) after every iteration.
#
# <details><summary>Hint 1</summary>
#
# The event is `Events.ITERATION_COMPLETED`. Inside the function, `@trainer.on(...)` works as above.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Make the list first, define the handler that appends to it, and return the list. At that moment it is
# empty; it fills when the engine runs.
#
# </details>


# %% tags=["stub"]
def count_steps(trainer):
    return None  # your turn


# %% tags=["solution"]
def count_steps(trainer):
    seen = []

    @trainer.on(Events.ITERATION_COMPLETED)
    def note(engine):
        seen.append(engine.state.iteration)

    return seen


# %%
ws.check("primer.count_steps", count_steps)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Curves: written by tensorboardX, drawn here
#
# A `SummaryWriter` appends numbers to an **event file**, each with a tag, which is its name, and a step.
# TensorBoard shows such files in a browser. We write two runs into two folders, one with a small
# **learning rate** (the length of a step) and one with a large one.

# %%
import tempfile

from tensorboardX import SummaryWriter

folder = tempfile.mkdtemp(prefix="primer-")
for lr in (0.005, 0.05):
    net, optimiser = fresh(lr=lr)
    loader = Loader(64, seed=0)
    writer = SummaryWriter(f"{folder}/lr={lr}")
    for epoch in range(1, 13):
        losses = [step(net, optimiser, batch) for batch in loader]
        writer.add_scalar("train/loss", sum(losses) / len(losses), epoch)
        writer.add_scalar("valid/rmse", validate(None, tensors(valid)), epoch)
    writer.close()  # what is not closed may not be on disk yet

# %% [markdown]
# We can read the files back, so curves need no browser and no server: `rt.scalars` returns one row per
# number.

# %%
written = rt.scalars(folder)
written.groupby(["run", "tag"])["value"].agg(["count", "first", "last"]).round(3)

# %% slideshow={"slide_type": "subslide"}
fig, ax = plt.subplots()
chosen = written[written["tag"] == "valid/rmse"]
for (run, rows), style in zip(chosen.groupby("run"), ("s--", "o-"), strict=True):
    ax.plot(rows["step"], rows["value"], style, label=run)
ax.set(
    xlabel="epoch",
    ylabel="validation error (RMSE, stars)",
    title="The larger rate is faster, and restless",
)
ax.legend()
ends = ", ".join(
    f"{run} ends at {rows['value'].iloc[-1]:.2f}" for run, rows in chosen.groupby("run")
)
ws.show(fig, alt=f"Validation error by epoch of two runs, in stars: {ends}.")

# %%
for run, rows in chosen.groupby("run"):
    lowest = rows.loc[rows["value"].idxmin()]
    print(f"{run}: lowest {lowest['value']:.3f} stars, after epoch {lowest['step']} of 12")

# %% [markdown]
# With the larger rate the error is low after a few epochs and then wanders; with the smaller one it is
# still falling at the end. The last values alone do not tell you that: curves say *how* a model learned.
# To see them in TensorBoard, run `tensorboard --logdir FOLDER` in a terminal; where that is not
# possible, you have lost nothing.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Saving and loading
#
# Save the numbers, not the object: `state_dict()` maps each parameter's name to its tensor. To load,
# build the model first and copy the numbers into it. Always load with `weights_only=True`, which accepts
# tensors and plain values and refuses other objects: loading a pickled object can run somebody else's
# code on your machine.

# %%
path = f"{folder}/tiny.pt"
torch.save(net.state_dict(), path)

copy, _ = fresh(seed=99)  # other numbers, until we load the saved ones
copy.load_state_dict(torch.load(path, weights_only=True))
print("the same predictions:", torch.equal(net(user, item), copy(user, item)))

# %%
import pickle


class Anything:
    pass


torch.save(Anything(), f"{folder}/object.pt")
try:
    torch.load(f"{folder}/object.pt", weights_only=True)
except pickle.UnpicklingError:
    print("The object was refused: weights_only=True loads tensors and plain values.")

# %% [markdown]
# ### Exercise: all of it, once
#
# Write `learn(user, item, rating)`: build a `TinyMF` for 60 users and 40 films with `dim` 2, train it
# for 30 steps of Adam with a learning rate of 0.05, each on all ratings at once, and return the model.
# The check measures your model's squared error on the ratings it was trained on: it must be at most 0.6
# times the error of always predicting the mean of those ratings.
#
# <details><summary>Hint 1</summary>
#
# `model, optimiser = fresh()` builds both. Then the four lines of the optimiser step, in a loop.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `step(model, optimiser, (user, item, rating))` is one step on everything.
#
# </details>


# %% tags=["stub"]
def learn(user, item, rating):
    return None  # your turn


# %% tags=["solution"]
def learn(user, item, rating):
    model, optimiser = fresh()
    for _ in range(30):
        step(model, optimiser, (user, item, rating))
    return model


# %%
ws.check("primer.learn", learn)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Tensors have shapes; write them down, and never compare `(N,)` with `(N, 1)`.
# * `backward()` computes the slope; clear it, and step without recording.
# * A model is a `Module` with `Parameter`s and a `forward`; an embedding is a table whose rows are
#   looked up.
# * Training is four lines in a loop. ignite runs the loop and calls handlers at events.
# * tensorboardX writes curves to files, and you can read and draw them anywhere.
# * Random numbers come from explicit Generators; load weights with `weights_only=True`.
#
# **Try it.** Train with SGD, whose step is just the learning rate times the slope: put `torch.optim.SGD`
# in place of `torch.optim.Adam` in `fresh`. First write down the learning rate that you expect SGD to
# need, make it the default `lr` of `fresh`, then run the page again from the cell that defines `fresh`.
# **And a question without a check:** a training loss falls for ten epochs and then rises. Which two
# lines of the loop would you look at first?
#
# **Read on.** Paszke et al. 2019, *PyTorch: an imperative style, high-performance deep learning library*;
# Kingma and Ba 2015, *Adam: a method for stochastic optimization*; the quick start at
# [pytorch-ignite.ai](https://pytorch-ignite.ai).
