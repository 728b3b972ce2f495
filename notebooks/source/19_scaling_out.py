# ---
# minutes: 45
# needs: [07_infrastructure, 18_other_considerations]
# knows: "what Adam is (primer)"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Scaling out
#
# The call that trains on a hundred thousand ratings can also train on a billion, at a much higher cost.
# Measure how the cost grows, run two processes as one, and do the arithmetic for the rest.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("19_scaling_out")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same call, more of everything
#
# On your laptop you call `rt.fit`. On a cluster you start `torchrun scripts/train.py`, which calls `rt.fit`
# in each of its processes. The code does not change. What changes is the cost: memory, time, and
# messages between machines. This page measures all three.
#
# MovieLens-100K is too small for that. So whatever data the setup cell has just named, everything below
# runs on **planted data** (made from known tastes, in any size). The one exception is your own ratings,
# which are of films from MovieLens: near the end, the page counts their bytes.
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
from recsys_workshop.labs import drawings

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
# Two things to notice. First, the ids have 32 bits. They are positions in the list of users or of films,
# and 32 bits can number two billion of them, in half the space of the usual 64 bits. Second, all
# processes on one machine that map the same file share one copy of it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## More ratings, measured
#
# Guess first: how much longer does an epoch take with more ratings, and how much more memory does it
# need? We train each size in a process of its own, so that we can measure its memory separately. The
# numbers of users and films grow with the ratings, as they do in the MovieLens files.

# %% tags=["long"]
PROGRAM = """
import json, sys, time
import recsys_tutorial as rt
data = rt.datasets.open(sys.argv[1])
model = rt.models.BiasedMF.for_dataset(data, dim=16)
rt.fit(model, data.take(slice(0, 100)), epochs=1, progress=False)  # a warm-up, not timed
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
    """Run a command in a separate process with one thread; return what it printed."""
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
speed = float(grown["ratings"].iloc[-1] / grown["seconds"].iloc[-1])  # ratings per second
times = grown.iloc[-1] / grown.iloc[0]
print(f"{times['ratings']:.0f} times the ratings: {times['seconds']:.0f} times the CPU seconds,")
print(f"{times['peak']:.1f} times the memory.", end=" ")
print(f"At the end: {speed / 1e6:.1f} million ratings per second.")
print(f"Memory: {base / 1e6:.0f} MB for Python and torch, then {slope:.0f} bytes per rating.")


# %%
def recorded(key):
    """A large measurement from the project's record; None where this copy has none."""
    try:
        return ws.ledger("19", key)
    except (KeyError, FileNotFoundError):
        return None


# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 4))
blue, orange = ws.PALETTE["blue"], ws.PALETTE["orange"]
axes[0].loglog(grown["ratings"], grown["seconds"], "o-", color=blue, label="here")
peaks = grown["peak"] / 2**30
axes[1].semilogx(grown["ratings"], peaks, "o-", color=blue, label="here")
for ax, key in zip(axes, ("planted_epoch_seconds", "planted_peak_gib"), strict=True):
    if (figure := recorded(key)) is not None:
        ax.plot(figure.record["ratings"], figure, "D", color=orange, label="recorded")
    ax.set(xlabel="ratings", title=f"Time: exponent {exponent:.2f}" if ax is axes[0] else "Memory")
    ax.legend()
axes[0].set_ylabel("CPU seconds per epoch")
axes[1].set_ylabel("peak memory (GiB)")
axes[1].set_ylim(0)
alt = f"Left: seconds per epoch against ratings, a line of slope {exponent:.2f} on two log axes. "
ws.show(fig, alt=alt + f"Right: memory, from {peaks.iloc[0]:.2f} to {peaks.iloc[-1]:.2f} GiB.")

# %% [markdown]
# The memory starts at what Python and torch take without any data. The rest grows with the ratings: the
# data, the tables, and the shuffled order in which an epoch takes the ratings. The exponent above the
# left plot is the slope of its line: it would be 1 if the time grew in proportion to the ratings. If it
# is larger, ask why: a step has 4,096 ratings at every size, so a rating should cost the same. What else
# has grown? (A diamond, if there is one, is a larger measurement from the project's record, with larger
# tables and larger batches.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Where it breaks
#
# So we just add machines? First see what happens when only the *tables* grow, not the ratings. A step has
# 1,024 ratings. They look up at most 1,024 rows of a table, whether it has a thousand rows or a million,
# so the step should cost the same. Does it?


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
ax.set(xlabel="rows of the table", ylabel="CPU milliseconds per step")
ax.set(title="Dense Adam pays for rows that nobody asked for")
ax.legend(title="gradient and Adam")
times_dense, times_sparse = (step[kind][-1] / step[kind][0] for kind in ("dense", "sparse"))
alt = f"Dense Adam takes {times_dense:.0f} times as long on the largest table as on the smallest, "
ws.show(fig, alt=alt + f"sparse Adam {times_sparse:.1f} times as long.")
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
# Suppose that users, films and ratings all double. An epoch then has twice the steps, and with dense Adam
# each of them costs twice as much: four times the time. That is why dense training is quadratic. Nobody
# notices on small data, where dense and sparse steps cost about the same. For each table,
# `rt.fit` takes sparse steps if the table has several times as many rows as a step looks up, and dense
# steps otherwise.

# %%
traffic = 7 * 4 * 16 * TABLES[-1]  # gradient, weights, two means: read four, write three, 4 bytes
print(f"Dense: {traffic / 1e6:,.0f} MB pass through the processor in each step;")
print(f"the batch's own rows are {7 * 4 * 16 * 1024 / 1e6:.2f} MB of that.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise: a sparse step
#
# Write the step of plain gradient descent that touches only the rows of the batch. There is one trap: a
# popular film is in a batch many times, and all of its gradients count. Your step is timed below, and
# the check refuses one that makes a second table of the full size.
#
# <details><summary>Hint 1</summary>
#
# If a row occurs twice, `table[rows] -= ...` keeps only one of the two. Try it on three rows.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Tensors have `index_add_`. It adds up, and it takes a factor `alpha`.
#
# </details>


# %% tags=["stub"]
def sparse_step(table, rows, gradients, lr):
    """Subtract lr times gradients (b, d) from the rows (b,) of table (n, d), in place; return it."""
    return None  # your turn


# %% tags=["solution"]
def sparse_step(table, rows, gradients, lr):
    """Subtract lr times gradients (b, d) from the rows (b,) of table (n, d), in place; return it."""
    return table.index_add_(0, rows, gradients, alpha=-lr)


# %%
ws.check("19.sparse_step", sparse_step)

# %% [markdown]
# Does your step pay for the table? We time it on the same tables as above.

# %%
own_step = ws.use("19.sparse_step", sparse_step)


def seconds_of_own_step(n_rows, steps=7, dim=16):
    """CPU seconds of one step of `sparse_step` on a table (n_rows, dim), median of a few."""
    table, took = torch.zeros(n_rows, dim), []
    shuffle = torch.Generator().manual_seed(0)
    for _ in range(steps):
        rows = torch.randint(n_rows, (1024,), generator=shuffle)
        start = time.process_time()
        own_step(table, rows, 2 * (table[rows] - 1), 0.01)
        took.append(time.process_time() - start)
    return float(np.median(took[1:]))


# %%
step["sparse_step"] = [seconds_of_own_step(n) for n in TABLES]
pd.DataFrame(step, index=pd.Index([f"{n:,}" for n in TABLES], name="rows")).mul(1e3).style.format(
    "{:.2f} ms"
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Sparse and dense Adam do different things
#
# It is tempting to call the sparse form a mere trick that saves time. Look at one film that was rated
# once, in the first step. In the ninety-nine steps that follow, only one other film is rated. Suppose
# that each film has a single weight. Where should the weight of the first film, the one rated only once,
# end up?

# %% tags=["long"]
others = torch.tensor([1])  # the rows of all steps but the first


def after_one_rating(make, sparse, steps=100):
    """The film's weight after each step. It starts at 1; only the first step has a gradient for it."""
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
ax.set(xlabel="steps", ylabel="the film's weight (no unit)")
ax.set(title="A film rated once, in the first step: dense Adam goes on moving it")
ax.legend()
moved = {name: 1 - path[-1] for name, path in paths.items()}
further = moved["Adam"] / moved["SparseAdam"]
alt = "SparseAdam moves the weight once. Adam goes on for some twenty steps, and moves it "
ws.show(fig, alt=alt + f"{further:.1f} times as far in all; with AdamW it keeps sinking.")
print(f"One rating moved the weight {further:.1f} times as far with Adam as with SparseAdam.")

# %% [markdown]
# Dense Adam goes on pushing: its running mean of the gradient is not yet zero in the steps after the
# film's one rating. Weight decay is worse. It shrinks each row in each *step*, so how much a film's row
# shrinks depends on how many ratings *others* got. This library has an L2 penalty instead, and only on
# the rows of the batch: a row shrinks once for each of its ratings.
#
# On small tables every row is in nearly every batch, and all this hardly matters. Neither dense nor
# sparse Adam is wrong. They lead to two different models: after you switch, tune again.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Before the first figure let the room draw the two lines in the air. Before the second ask: who thinks
# that the film stays where it is? Few people see that momentum is a memory. (6 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two processes that act as one
#
# Now we add processes. The simplest way, which this library uses, is called **data parallel**: every
# process has the whole model and the same shuffled order of the ratings. (In this section a *row* is one
# rating, not a row of a table.) Each process takes its part of each step's rows (its *shard*) and
# computes the gradient of that part. Then all of them sum their gradients, which is called an
# *all-reduce*. Every process makes the same step with the same sum, and so the copies stay equal.

# %%
fig = drawings.flow(
    {
        "rows": (0, 0, "one step's rows:\none shuffled order", "black"),
        "own0": (3, 1.4, "process 0:\nits part of the rows", "blue"),
        "own1": (3, -1.4, "process 1:\nits part of the rows", "vermilion"),
        "grad0": (6, 1.4, "its gradient", "blue"), "grad1": (6, -1.4, "its gradient", "vermilion"),
        "sum": (8.4, 0, "all-reduce:\nthe sum", "black"),
        "step0": (10.8, 1.4, "the same step\nin its copy", "blue"),
        "step1": (10.8, -1.4, "the same step\nin its copy", "vermilion"),
    },
    ["rows own0", "rows own1", "own0 grad0", "own1 grad1", "grad0 sum", "grad1 sum", "sum step0",
     "sum step1"],
)  # fmt: skip
fig.axes[0].set_title("Two processes divide the rows and sum their gradients")
alt = "The rows of a step go in two parts to two processes. Each computes a gradient; both enter "
ws.show(fig, alt=alt + "one sum, and both processes make the same step with it in their copies.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise: one gradient out of several
#
# Our loss is a mean over rows. Each process has the gradient of the mean over *its* rows, and the parts
# may differ in size, as they often do in the last step of an epoch. Compute what they must agree on: the
# gradient of the mean over all rows.
#
# <details><summary>Hint</summary>
#
# Process 0 has 3 rows, process 1 has 1. If you average the two means, that single row gets half of the
# weight. What weight should each part have?
#
# </details>


# %% tags=["stub"]
def combine(gradients, sizes):
    """Gradients of the means over `sizes` rows, one per process -> gradient of the mean over all."""
    return None  # your turn


# %% tags=["solution"]
def combine(gradients, sizes):
    """Gradients of the means over `sizes` rows, one per process -> gradient of the mean over all."""
    return sum(g * (n / sum(sizes)) for g, n in zip(gradients, sizes, strict=True))


# %%
ws.check("19.combine", combine)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Do two processes really act as one?
#
# `torchrun` starts two real processes on this machine, which talk to each other over loopback (a network
# connection from a machine to itself). On a cluster you run `torchrun` on each machine, and give all of
# them the address of one machine, where they meet. For comparison we train here in one process, with a
# *doubled batch*: as many rows per step as the two processes have together. If the theory holds, both
# end with the same model.

# %%
data = rt.datasets.planted(400, 250, page.pick(30_000, 8_000), seed=1)
for name, part in zip(("train", "valid"), data.split(seed=0), strict=False):
    part.save(place / "two" / name)
train, valid = (rt.datasets.open(place / "two" / name) for name in ("train", "valid"))


def one_process(batch_size):
    model = rt.models.BiasedMF.for_dataset(train, dim=8, seed=0)
    return model, rt.fit(model, train, valid, epochs=4, batch_size=batch_size, progress=False)


BATCH = page.pick(500, 150)  # rows per step and process
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
    print("Only the package is installed here, not the project's scripts (as on Colab). The two")
    print("processes are left out. In a copy of the project this cell runs them.")
else:
    try:
        done = alone(*launch, *options, limit=240)
        print(f"two processes: {'done' if done.returncode == 0 else done.stderr.strip()[-300:]}")
    except subprocess.TimeoutExpired:
        print("Two processes did not finish within four minutes. Is the machine busy? Try again.")


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
        print(f"Two processes and one with the {name} differ by at most {value:.1g} in any number.")

# %% [markdown]
# With the doubled batch the two differ only by rounding: in 32 bits `(a + b) + c` is not always
# `a + (b + c)`. So N processes with batch B are one process with batch N times B. The gain is that each
# process computes only its part of a step's gradient. The catch is that with larger batches an epoch has
# fewer steps, and you usually need another learning rate. The number of processes decides how large the
# batch really is, so it belongs in an experiment's record.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One billion ratings
#
# Before you rent anything, multiply. Suppose that 50 million people have given a billion ratings to
# 2 million things, with time stamps. Each person and each thing has 64 factors and a bias, and each
# number has 32 bits.

# %%
RATINGS, USERS, ITEMS, DIM = 1_000_000_000, 50_000_000, 2_000_000, 64
numbers = (USERS + ITEMS) * (DIM + 1)
bytes_of = {
    "ratings: user, item, stars, time": RATINGS * 4 * 4,
    "weights: factors and biases": numbers * 4,
    "Adam's two means": numbers * 4 * 2,
    "a dense gradient": numbers * 4,
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
dense_message = bytes_of["a dense gradient"] * 8 / 1e10
print("\nOne step's message at 10 gigabits per second: ", end="")
print(f"{message:.3f} s sparse, {dense_message:.0f} s dense.")
rated = 4 * 4 * len(page.me)
whose = "our sample person" if page.me_is_sample else "you"
print(f"Of all this, {rated} bytes of ratings and {4 * (DIM + 1)} bytes of weights are {whose}.")

# %% [markdown]
# Read this twice. Ratings, weights and means fit into one machine with a hundred gigabytes. The hours for
# the sparse steps are too optimistic: they come from 16 factors and from tables that are small enough for
# the processor's caches. Expect several times as many hours. Two things in the outputs above make no
# sense at any price. One is all scores in one table: nobody needs it, because evaluation works block by
# block (if necessary on a sample of users). The other is dense steps, which you now know to avoid.
#
# Most of the weights belong to users, and those weights need not be stored: a user's row can be computed
# from that person's ratings and the films' table (pages 04 and 17). Only the films' table must be shared
# between machines.

# %% [markdown]
# We measured training and evaluation with one thread, on planted data as large as MovieLens-25M:

# %%
large = {
    "planted_epoch_seconds": "one epoch of training",
    "planted_peak_gib": "peak memory while training",
    "planted_ndcg_seconds": "NDCG of 160,000 users over 60,000 films",
    "planted_auc_seconds": "ranking AUC of the same users and films",
}
for key, what in large.items():
    figure = recorded(key)
    missing = "not in this copy (measure it: python -m benchmarks scale, or evaluation)"
    print(f"{what}: {missing if figure is None else f'{figure:,.1f} {figure.unit}'}")

# %% [markdown]
# Now the other way round: with 64 GB for the weights and Adam's two means, how many factors can a row
# have in addition to its bias? A row of `dim` factors and one bias has `dim + 1` numbers of 4 bytes. Adam
# keeps two means for each of these numbers, so every number takes the space of three.

# %%
most_factors = int(64e9 / ((USERS + ITEMS) * 4 * 3)) - 1
print(f"With sparse gradients a row has room for {most_factors} factors.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## When to leave
#
# Stay on one machine for as long as you can: no network, no lost process, and a debugger that works.
# When you must leave, let your own reason decide where to go, not the reason that others had.
#
# | you leave when | for | what changes |
# |---|---|---|
# | an epoch takes too long, and the tables fit | data parallel, as above | larger batches, so tune the learning rate again |
# | tables with Adam's means exceed one GPU or machine | TorchRec, which splits the *tables* over devices | devices send each other the rows of a step; checkpoints come in pieces; each row is updated where it is stored |
# | the ratings are in Spark and a nightly model is enough | Spark ALS | no gradients and no learning rate, but also no side features and no sequences |
# | ratings stream in all day, and the tables are larger than the memory of any machine | a parameter server | servers hold the tables; workers ask them for rows and send gradients when they can; steps use rows that are a little out of date, and no run can be repeated bit for bit |
#
# Three things come with each of these. All processes must agree which id has which row: they share a
# list, or compute the row with a hash (page 16). A process will be killed half-way through, so write
# checkpoints, and test that a run continues from them. And an evaluation that took a second takes an
# hour, so decide which numbers you really need.
#
# There are cheaper ways, and one of them is often sufficient: use fewer factors, keep only a sample of
# each very active user's ratings, or fold users in (compute their vectors from their ratings and store
# none). First measure what you lose. Often that loss costs less than a month spent on moving to several
# machines.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask who has more than a billion interactions a month. Then ask who has measured that one machine is too
# small. The difference between the two counts is the lesson. (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * With mapped columns you pay only for the pieces that you touch, and processes share them.
# * Time grows about in proportion to the ratings, and memory by a fixed amount per rating, as long as no
#   step pays for the whole table.
# * Dense Adam does pay for it, and moves rows that nobody asked for. Sparse steps do neither.
# * N processes with batch B are one process with batch N times B, up to rounding.
# * Multiply before you rent. A billion ratings needs a large machine, not yet a cluster.
#
# **Try it.** Double `TABLES[-1]`. Before you run the cell again, predict how long the dense step and the
# sparse step will take. **And a question without a check:** your tables have grown to twice the memory of
# your machine, and half of the users have been away for a year. Name two ways out that need no second
# machine, and what each would cost.
#
# **Sources.** P. Goyal and others, "Accurate, large minibatch SGD: training ImageNet in 1 hour", arXiv,
# 2017: batch size and learning rate. S. Li and others, "PyTorch distributed: experiences on accelerating
# data parallel training", VLDB 2020. M. Li and others, "Scaling distributed machine learning with the
# parameter server", OSDI 2014.
