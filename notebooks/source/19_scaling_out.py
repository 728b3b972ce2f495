# ---
# minutes: 45
# needs: [07_infrastructure, 18_other_considerations]
# knows: "what Adam is (primer)"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Scaling out
#
# The call that trains on a hundred thousand ratings also trains on a billion, if you know what grows.
# Measure it here, run two processes, and do the arithmetic for the rest.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("19_scaling_out")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same call, more of everything
#
# `rt.fit` on your laptop, and `torchrun scripts/train.py` on a cluster: the second calls the first, in
# each of its processes. What changes is not the code. It is what you can afford: memory, time, and
# messages between machines. This page measures the three.
#
# MovieLens-100K is too small for that, so everything below runs on **planted data** (made from known
# tastes, of any size), also where the line above names other data. From MovieLens comes only you.
#
# We start with the ratings themselves. `save` writes them as columns, one file each, and `open` **maps**
# them: the operating system shows the file as if it were memory, and reads a piece when it is touched.

# %% tags=["long"]
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt

torch.set_num_threads(1)  # as in rt.fit: then CPU seconds are the seconds of the work
folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
place = Path(folder.name)
SIZES = page.pick((20_000, 80_000, 320_000, 1_280_000), (5_000, 20_000))

# %%
for n in SIZES:
    made = rt.datasets.planted(n // 150, int(6 * n**0.5), n, dim=4, seed=0)
    made.save(place / f"{n}")
    print(f"{n:>9,} ratings: {made.n_users:>6,} users, {made.n_items:>6,} films")
size = sum(file.stat().st_size for file in (place / f"{n}").iterdir())
start = time.process_time()
mapped = rt.datasets.open(place / f"{n}")
took = time.process_time() - start
print(f"\nThe largest: {size / 1e6:.1f} MB on disk, opened in {took:.2f} CPU seconds.")
print(f"Its users are a {type(mapped.user).__name__} of {mapped.user.dtype}.")
del made, mapped

# %% [markdown]
# Two things to notice. Ids are positions in the vocabulary, and four billion of those fit into 32 bits:
# half of what a careless column takes. And all processes of one machine that map the same file share
# one copy of it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## More ratings, measured
#
# Guess first: how much longer is an epoch, how much more memory does it need? Each size is trained in
# a process of its own, so that the memory is its own as well. Users and films grow along, as they do in
# the MovieLens files.

# %% tags=["long"]
PROGRAM = """
import json, sys, time
import recsys_tutorial as rt
data = rt.datasets.open(sys.argv[1])
model = rt.models.BiasedMF.for_dataset(data, dim=16)
rt.fit(model, data.take(slice(0, 100)), epochs=1, progress=False)  # whatever happens once
start = time.process_time()
rt.fit(model, data, epochs=2, batch_size=4096, progress=False)
seconds = (time.process_time() - start) / 2
peak = float("nan")  # Windows keeps no such record
if sys.platform == "linux":
    lines = open("/proc/self/status").read().splitlines()
    peak = next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
elif sys.platform == "darwin":
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"ratings": len(data), "seconds": seconds, "peak": peak}))
"""

# %%


def alone(*command, limit=300):
    """What a process of its own printed, with the threads kept at one."""
    around = {**os.environ, "OMP_NUM_THREADS": "1"}
    paths = [str(Path(rt.__file__).parents[1]), around.get("PYTHONPATH", "")]
    around["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return subprocess.run(
        [sys.executable, *command], env=around, capture_output=True, text=True, timeout=limit
    )


# %%
rows = []
for n in SIZES:
    done = alone("-c", PROGRAM, str(place / f"{n}"))
    if done.returncode != 0:
        raise RuntimeError(f"training on {n:,} ratings failed: {done.stderr[-500:]}")
    rows.append(json.loads(done.stdout))
grown = pd.DataFrame(rows)
exponent = np.polyfit(np.log(grown["ratings"]), np.log(grown["seconds"]), 1)[0]
slope, base = np.polyfit(grown["ratings"], grown["peak"], 1)
speed = float(grown["ratings"].iloc[-1] / grown["seconds"].iloc[-1])  # ratings a second
times = grown.iloc[-1] / grown.iloc[0]
print(f"{times['ratings']:.0f} times the ratings: {times['seconds']:.0f} times the CPU seconds,")
print(
    f"{times['peak']:.1f} times the memory. {speed / 1e6:.1f} million ratings a second at the end."
)
print(f"Memory: {base / 1e6:.0f} MB for Python and torch, then {slope:.0f} bytes a rating.")


# %%
def recorded(key):
    """A large measurement out of the project's record; None where this copy has none."""
    try:
        return ws.ledger("19", key)
    except (KeyError, FileNotFoundError):
        return None


# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 4))
blue, orange = ws.PALETTE["blue"], ws.PALETTE["orange"]
axes[0].loglog(grown["ratings"], grown["seconds"], "o-", color=blue, label="here")
axes[1].semilogx(grown["ratings"], grown["peak"] / 2**30, "o-", color=blue, label="here")
for ax, key in zip(axes, ("planted_epoch_seconds", "planted_peak_gib"), strict=True):
    if (figure := recorded(key)) is not None:
        ax.plot(figure.record["ratings"], figure, "D", color=orange, label="recorded")
    ax.set(xlabel="ratings", title=f"Exponent {exponent:.2f}" if ax is axes[0] else "Memory")
    ax.legend()
axes[0].set_ylabel("CPU seconds an epoch")
axes[1].set_ylabel("most memory held (GiB)")
axes[1].set_ylim(0)
alt = f"Left: seconds an epoch against ratings, a line of slope {exponent:.2f} on two log axes. "
ws.show(fig, alt=alt + "Right: memory, flat at first, then rising with the ratings.")

# %% [markdown]
# The memory starts at what an empty process takes; the rest is data, tables and the shuffled order, and
# goes with the ratings. The time grows somewhat faster than they do: were it in proportion, the exponent
# would be 1. Why? The steps have 4,096 ratings at every size, so a rating should cost the same. What else
# has grown? (A diamond, where there is one, is a larger measurement from the project's record, with wider
# tables and larger steps.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where it breaks
#
# So we just add machines? First see what happens when not the ratings grow, but the *tables*. A step has
# 1,024 ratings. They look up at most 1,024 rows of a table, whether it has a thousand rows or a million.
# The step should cost the same. Does it?


# %% tags=["long"]
def seconds_a_step(n_rows, sparse, steps=7, dim=16):
    """CPU seconds of one step of Adam on a table (n_rows, dim), median of a few."""
    table = torch.nn.Embedding.from_pretrained(torch.zeros(n_rows, dim), False, sparse=sparse)
    kind = torch.optim.SparseAdam if sparse else torch.optim.Adam
    adam, took = kind(list(table.parameters()), lr=0.01), []
    shuffle = torch.Generator().manual_seed(0)
    for _ in range(steps):
        index = torch.randint(n_rows, (1024,), generator=shuffle)
        start = time.process_time()
        (table(index) - 1).square().sum().backward()
        adam.step()
        adam.zero_grad()
        took.append(time.process_time() - start)
    return float(np.median(took[1:]))


TABLES = page.pick((1_000, 10_000, 100_000, 1_000_000), (1_000, 100_000))
step = {kind: [seconds_a_step(n, kind == "sparse") for n in TABLES] for kind in ("dense", "sparse")}

# %%
fig, ax = plt.subplots(figsize=(7, 4))
styles = {"dense": ("vermilion", "o", "-"), "sparse": ("blue", "s", "--")}
for kind, (colour, marker, line) in styles.items():
    milliseconds = 1e3 * np.array(step[kind])
    ax.loglog(TABLES, milliseconds, line, marker=marker, color=ws.PALETTE[colour], label=kind)
ax.set(xlabel="rows of the table", ylabel="CPU milliseconds a step")
ax.set(title="Dense Adam pays for rows that nobody asked for")
ax.legend(title="gradient and Adam")
times_dense, times_sparse = (step[kind][-1] / step[kind][0] for kind in ("dense", "sparse"))
alt = f"Dense Adam costs {times_dense:.0f} times more at the largest table than at the smallest, "
ws.show(fig, alt=alt + f"sparse Adam {times_sparse:.1f} times: nearly flat.")
print(
    f"From {TABLES[0]:,} to {TABLES[-1]:,} rows: dense {times_dense:.0f} times the time, ", end=""
)
print(f"sparse {times_sparse:.1f} times.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Why
#
# The gradient of a table has the table's shape. It is zero in every row that the batch has not looked up,
# but **dense** Adam does not know that: in each step it reads and writes the gradient, the weights and
# its own two tables (the running means of the gradient and of its square), from the first row to the
# last. A **sparse** gradient holds only the rows of the batch, and `SparseAdam` changes only those.
#
# Twice the users means twice the steps an epoch, and each step twice as expensive: four times. That is why
# dense training is quadratic, and why nobody notices on small data, where the two cost about the same.
# `rt.fit` decides for each table: dense while it is no larger than a few batches, sparse beyond.

# %%
traffic = 7 * 4 * 16 * TABLES[-1]  # gradient, weights, two means: read four, write three, 4 bytes
print(f"Dense, a step: {traffic / 1e6:,.0f} MB pass through the processor;")
print(f"the batch's own rows are {7 * 4 * 16 * 1024 / 1e6:.2f} MB of that.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### And it is not even the same
#
# It is tempting to call the sparse form a trick that saves time. Look at one film. It was rated once, in
# the first step; after that come a hundred steps about other films. Where should its number go then?

# %% tags=["long"]
others = torch.tensor([1])  # the rows of all steps but the first


def after_one_rating(make, sparse, steps=100):
    """The film's number, from 1 on: its one gradient comes in the first step."""
    start = torch.tensor([[1.0], [1.0]])
    table = torch.nn.Embedding.from_pretrained(start, freeze=False, sparse=sparse)
    optimiser, path = make(list(table.parameters())), [1.0]
    for t in range(steps):
        table(torch.tensor([0]) if t == 0 else others).sum().backward()
        optimiser.step()
        optimiser.zero_grad()
        path.append(float(table.weight.detach()[0]))
    return path


paths = {
    "SparseAdam": after_one_rating(lambda p: torch.optim.SparseAdam(p, lr=0.01), True),
    "Adam": after_one_rating(lambda p: torch.optim.Adam(p, lr=0.01), False),
    "AdamW, decay 0.1": after_one_rating(
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1), False
    ),
}

# %%
fig, ax = plt.subplots(figsize=(7, 4))
lines = zip(paths.items(), ("blue", "vermilion", "purple"), ("--", "-", "-."), strict=True)
for (name, path), colour, line in lines:
    ax.plot(path, line, color=ws.PALETTE[colour], label=name)
ax.set(xlabel="steps", ylabel="the film's number (no unit)")
ax.set(title="A film that was rated once, in the first step")
ax.legend()
moved = {name: 1 - path[-1] for name, path in paths.items()}
further = moved["Adam"] / moved["SparseAdam"]
alt = (
    "With SparseAdam the number moves once and stays. With Adam it goes on for some twenty steps, "
)
ws.show(fig, alt=alt + f"{further:.1f} times as far; with AdamW it keeps sinking.")
print(f"One rating moved the film {further:.1f} times as far with Adam as with SparseAdam.")

# %% [markdown]
# Dense Adam goes on pushing: the running mean of the gradient is still there when nobody says anything
# new. Weight decay is worse. It shrinks each row in each *step*, so what a film loses depends on how many
# ratings *others* got. In this library the L2 terms count the rows of the batch: a rating, a pull.
#
# On small tables every row is in nearly every batch and none of this matters. So there is no right and
# wrong between the two, but two different models: after you switch, tune again.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise: a sparse step
#
# Write the step of plain gradient descent that touches the batch's rows only. One trap is in it: a
# popular film is in a batch many times, and all of its gradients count.
#
# <details><summary>Hint 1</summary>
#
# `table[rows] -= ...` with a row that occurs twice keeps one of the two. Try it on three rows.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Tensors have `index_add_`. It adds, and it takes an `alpha`.
#
# </details>


# %% tags=["stub"]
def sparse_step(table, rows, gradients, lr):
    """table (n, d) less lr times the gradients (b, d) of its rows (b,): changed, and returned."""
    return None  # your turn


# %% tags=["solution"]
def sparse_step(table, rows, gradients, lr):
    """table (n, d) less lr times the gradients (b, d) of its rows (b,): changed, and returned."""
    return table.index_add_(0, rows, gradients, alpha=-lr)


# %%
ws.check("19.sparse_step", sparse_step)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the first figure let the room draw the two lines in the air. Before the second: who thinks that
# the film stays where it is? Few see that momentum is a memory. (6 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two processes that act as one
#
# Now more processes. The simplest way, and the one that this library takes, is **data parallel**: every
# process has the whole model and the same shuffled order. Of each step's rows it takes its part (its
# *shard*), computes the gradient of that, and then all of them sum their gradients: an *all-reduce*.
# Every process makes the same step with the same sum, and so the copies stay equal.

# %% tags=["hide-input", "long"]
fig, ax = plt.subplots(figsize=(9, 3.6))
box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "black"}
texts = {
    (0.09, 0.5): "the step's rows\n(one order,\ncolumns mapped)",
    (0.34, 0.82): "process 0:\nits rows, the model",
    (0.34, 0.18): "process 1:\nits rows, the model",
    (0.63, 0.5): "all-reduce:\nsum of gradients",
    (0.9, 0.82): "the same step\nin process 0",
    (0.9, 0.18): "the same step\nin process 1",
}
for (x, y), label in texts.items():
    ax.text(x, y, label, ha="center", va="center", bbox=box)
arrows = [((0.18, 0.6), (0.24, 0.76)), ((0.18, 0.4), (0.24, 0.24))]
arrows += [((0.45, 0.76), (0.54, 0.62)), ((0.45, 0.24), (0.54, 0.38))]
arrows += [((0.72, 0.62), (0.81, 0.76)), ((0.72, 0.38), (0.81, 0.24))]
for tail, head in arrows:
    ax.annotate("", head, tail, arrowprops={"arrowstyle": "->", "color": "black"})
ax.set(xlim=(0, 1), ylim=(0, 1))
ax.set_axis_off()
ws.show(
    fig,
    alt="The rows of a step go in two parts to two processes. Their gradients meet in one sum, and "
    "from it both make the same step.",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise: one gradient out of several
#
# Our loss is a mean over rows. Each process has the gradient of the mean over *its* rows, and the parts
# may be unequal: the last step of an epoch nearly always is. Write what they must agree on: the gradient
# of the mean over all rows.
#
# <details><summary>Hint</summary>
#
# Process 0 has 3 rows, process 1 has 1. The mean of two means gives that one row half of the say. What
# share should each part have?
#
# </details>


# %% tags=["stub"]
def combine(gradients, sizes):
    """Gradients (one tensor a process) of means over `sizes` rows -> that of the mean over all."""
    return None  # your turn


# %% tags=["solution"]
def combine(gradients, sizes):
    """Gradients (one tensor a process) of means over `sizes` rows -> that of the mean over all."""
    return sum(g * (n / sum(sizes)) for g, n in zip(gradients, sizes, strict=True))


# %%
ws.check("19.combine", combine)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Do they?
#
# Two real processes on this machine, which talk over loopback. `torchrun` starts them; on a cluster it
# is started on each machine, with the address of one. Beside them one process, here, with the doubled
# batch. If the theory holds, both end with the same model.

# %%
data = rt.datasets.planted(400, 250, page.pick(30_000, 8_000), seed=1)
for name, part in zip(("train", "valid"), data.split(seed=0), strict=False):
    part.save(place / "two" / name)
train, valid = (rt.datasets.open(place / "two" / name) for name in ("train", "valid"))


def one_process(batch_size):
    model = rt.models.BiasedMF.for_dataset(train, dim=8, seed=0)
    return model, rt.fit(model, train, valid, epochs=4, batch_size=batch_size, progress=False)


BATCH = page.pick(500, 150)  # rows a step of each process
double, history = one_process(2 * BATCH)
single, _ = one_process(BATCH)

# %%
script = Path(rt.__file__).parents[1] / "scripts" / "train.py"
saved = place / "two.safetensors"
launch = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--rdzv-backend=c10d"]
launch += ["--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1", str(script)]
options = ["--data", str(place / "two"), "--model", "BiasedMF", "--set", "dim=8"]
options += ["--epochs", "4", "--batch-size", str(BATCH), "--save", str(saved)]
if not script.is_file():
    print("Here is only the package, not the project with its scripts (so it is on Colab): the two")
    print("processes are left out. In a copy of the project this cell runs them.")
else:
    try:
        done = alone(*launch, *options, limit=240)
        print(f"two processes: {'done' if done.returncode == 0 else done.stderr.strip()[-300:]}")
    except subprocess.TimeoutExpired:
        print("Two processes did not finish within four minutes: a busy machine? Try again.")


# %%
def apart(weights, model):
    """The largest difference between any two numbers of two models."""
    mine = model.state_dict()
    return max(float((weights[k].double() - mine[k].double()).abs().max()) for k in weights)


if saved.is_file():
    from safetensors.torch import load_file

    together = load_file(saved)
    gap = {"doubled batch": apart(together, double), "single batch": apart(together, single)}
    print(f"Validation RMSE {history.rows[-1]['valid_rmse']:.4f} stars, in one process.")
    for name, value in gap.items():
        print(f"Two processes and one with the {name}: at most {value:.1g} apart, in any number.")

# %% [markdown]
# With the doubled batch the two differ only by rounding: `(a + b) + c` is not `a + (b + c)` in 32 bits.
# So N processes with batch B are one process with batch N times B. That is what you gain, and what you
# have to watch: a larger batch makes fewer steps, and wants another learning rate. It is also why the
# number of processes belongs into the record of an experiment.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One billion ratings
#
# Before you rent anything, multiply. A billion ratings by 50 million people of 2 million things, 64
# factors and a bias each, 32 bits a number, time stamps too:

# %%
RATINGS, USERS, ITEMS, DIM = 1_000_000_000, 50_000_000, 2_000_000, 64
numbers = (USERS + ITEMS) * (DIM + 1)
bytes_of = {
    "ratings: user, item, stars, time": RATINGS * 4 * 4,
    "weights: a row and a bias each": numbers * 4,
    "Adam's two means": numbers * 4 * 2,
    "a dense gradient, if it is one": numbers * 4,
    "the gradient of 16,384 ratings": 16_384 * 2 * (DIM + 1) * 4,
    "all scores, users times items": USERS * ITEMS * 4,
}
pd.Series(bytes_of, name="GB").div(1e9).to_frame().style.format("{:,.2f}")

# %%
epochs, steps = 10, RATINGS / 16_384
dense_step = step["dense"][-1] / TABLES[-1] / 16 * numbers  # seconds
hours = {"sparse": RATINGS / speed / 3600, "dense": steps * dense_step / 3600}
print(f"{epochs} epochs on one core, from the speeds of this page:")
for name, value in hours.items():
    print(f"{epochs * value:,.1f} hours with {name} steps")
message = bytes_of["the gradient of 16,384 ratings"] * 8 / 1e10
dense_message = bytes_of["a dense gradient, if it is one"] * 8 / 1e10
print("\nA step's message at 10 gigabits a second: ", end="")
print(f"{message:.3f} s sparse, {dense_message:.0f} s dense.")
rated = 4 * 4 * len(page.me)
whose = "Our sample person is" if page.me_is_sample else "You are"
print(f"{whose} {rated} bytes of ratings in this, and {4 * (DIM + 1)} bytes of weights.")

# %% [markdown]
# Read this twice. Ratings, weights and means fit into one machine with a hundred gigabytes. The hours of
# the sparse steps are an invitation, not a promise: they come from 16 factors and from tables that are
# small enough for the processor's caches, so expect several times as many. Then two lines make no
# sense at any price: all scores at once, which nobody needs (evaluation goes block by block, on a sample
# of users where it must), and dense steps, which you now know to avoid.
#
# Users are most of the weights, and they need not be stored: a row follows from a person's ratings and
# the films' table (pages 04 and 17). What must be shared is the films.

# %% [markdown]
# Some of this has been measured, with one thread, on planted data as large as MovieLens-25M:

# %%
large = {
    "planted_epoch_seconds": "one epoch of training",
    "planted_peak_gib": "most memory while training",
    "planted_ndcg_seconds": "NDCG of 160,000 users over 60,000 films",
    "planted_auc_seconds": "ranking AUC of the same",
}
for key, what in large.items():
    figure = recorded(key)
    missing = "not in this copy (python -m benchmarks scale, or evaluation)"
    print(f"{what}: {missing if figure is None else f'{figure:,.1f} {figure.unit}'}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise: how many factors?
#
# You have 64 GB (64 times 10⁹ bytes) for the weights and Adam's two means of these 52 million rows, with
# sparse gradients. How many factors can a row have at most, next to its bias?
#
# <details><summary>Hint</summary>
#
# A row of `dim` factors and one bias has `dim + 1` numbers of 4 bytes. Each is there three times. The
# answer is a whole number: round down.
#
# </details>

# %% tags=["stub"]
most_factors = None  # your turn

# %% tags=["solution"]
most_factors = int(64e9 / ((USERS + ITEMS) * 4 * 3)) - 1

# %%
ws.check("19.most_factors", most_factors)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When to leave
#
# Stay on one machine for as long as you can: no network, no lost worker, and a debugger that works. Then
# go for the reason that you have, not for the one that others had.
#
# | you leave when | for | what changes |
# |---|---|---|
# | the work of an epoch is too long, the tables fit | data parallel, as above | larger batches, learning rate again |
# | tables with Adam's means exceed one GPU or machine | TorchRec, which splits the *tables* over devices | rows are fetched by messages; checkpoints come in pieces; the update is made where the row lives |
# | the ratings live in Spark and a nightly model is enough | Spark ALS | no gradients, no learning rate; but factorisation only: no side features, no sequences |
# | ratings stream in all day, tables are larger than a cluster's memory plan | a parameter server | workers ask for rows and send gradients when they can; steps are made with rows a little out of date, and no run is repeated to the bit |
#
# Whatever you choose, three things come with it. Ids need a table from id to row that all agree on, or a
# hash (page 16). A process will be killed half-way through: write checkpoints, and test that a run
# goes on from them. And an evaluation that took a second takes an hour, so decide what you really look at.
#
# Cheaper, and often enough: fewer factors, a sample of the most active users' ratings, users folded in.
# Measure what you lose first. It is often less than you lose by a month of moving.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask who has more than a billion interactions a month. Then ask who has measured that one machine is too
# small. The difference between the two counts is the lesson. (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * Columns that are mapped cost what is touched, and processes share them.
# * Time and memory go with the ratings, as long as no step pays for the whole table.
# * Dense Adam does pay for it, and moves rows that nobody asked for; sparse steps do neither.
# * N processes with batch B are one with batch N times B, up to rounding: we saw it.
# * Multiply before you rent. A billion ratings is a large machine, not yet a cluster.
