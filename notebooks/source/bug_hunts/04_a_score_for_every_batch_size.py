# ---
# minutes: 10
# needs: [02_mf_follow_along]
# ---

# %% [markdown]
# # Bug hunt: a score for every batch size
#
# The validation error of one and the same model depends on the size of the batches that it is measured in. Find the
# one wrong place, and mend it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("bug_hunts/04_a_score_for_every_batch_size")

# %% [markdown]
# ## The story
#
# Two colleagues report two errors for the same file of weights. One of them has a larger graphics card and uses
# larger batches. Both use this function.

# %%
import matplotlib.pyplot as plt
import numpy as np


def suspect(guess, rating, batch_size):  # (n,), (n,): stars
    squared, n = 0.0, 0
    for start in range(0, len(rating) - batch_size, batch_size):
        batch = slice(start, start + batch_size)
        error = guess[batch] - rating[batch]
        squared, n = squared + float((error**2).sum()), n + len(error)
    return (squared / n) ** 0.5  # RMSE, stars


# %% [markdown]
# ## The symptom
#
# We take the model that page 02 kept. Its validation rows come in the order of a database: by user, busy ones first.

# %%
valid = page.valid
busy = page.train.counts("user")[valid.user]
order = np.argsort(-busy, kind="stable")
guess, rating = rt.predict(page.model, valid)[order], valid.rating[order]
sizes = np.unique(np.geomspace(16, 0.45 * len(rating), 60).astype(int))


# %%
def symptom(rmse, name):
    found = [rmse(guess, rating, int(size)) for size in sizes]
    fig, ax = plt.subplots(figsize=(7, 3.2))
    ax.plot(sizes, found, ".-", color=ws.PALETTE["blue"])
    ax.set(xlabel="rows in a batch", ylabel="RMSE (stars)", xscale="log")
    ax.set(title=f"One model's error by {name} (axis does not start at 0)")
    ws.show(
        fig, alt=f"Line: RMSE of the same predictions by {name}, against the size of the batches."
    )
    print(f"The error goes from {min(found):.4f} to {max(found):.4f} stars.")


# %%
symptom(suspect, "suspect")

# %% [markdown]
# ## Mend it
#
# <details><summary>Hint 1</summary>
#
# How the rows are grouped makes no difference to a sum over rows. So which rows are summed?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Print `n` at the end, for a few batch sizes, and compare it with `len(rating)`. Also try sizes that divide the
# length.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `range` leaves out its end, so subtracting the batch size drops the last batch *even if it is full*. A slice
# beyond the end of an array is simply shorter.
#
# </details>


# %% tags=["stub"]
def mended(guess, rating, batch_size):  # your turn: one place is wrong
    squared, n = 0.0, 0
    for start in range(0, len(rating) - batch_size, batch_size):
        batch = slice(start, start + batch_size)
        error = guess[batch] - rating[batch]
        squared, n = squared + float((error**2).sum()), n + len(error)
    return (squared / n) ** 0.5  # RMSE, stars


# %% tags=["solution"]
def mended(guess, rating, batch_size):
    squared, n = 0.0, 0
    for start in range(0, len(rating), batch_size):
        batch = slice(start, start + batch_size)
        error = guess[batch] - rating[batch]
        squared, n = squared + float((error**2).sum()), n + len(error)
    return (squared / n) ** 0.5  # RMSE, stars


# %%
ws.check("bug_hunts.last_batch", mended)

# %%
symptom(mended, "your version")

# %% [markdown]
# ## What to take home
#
# Dropping the last batch is a habit from training, where it costs little. In evaluation it drops people, and always
# the same ones. Count the rows that went into a number, and make the count part of the report.
