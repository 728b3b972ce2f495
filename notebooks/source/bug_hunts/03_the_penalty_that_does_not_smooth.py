# ---
# minutes: 15
# needs: [09_temporal_features]
# ---

# %% [markdown]
# # Bug hunt: the penalty that does not smooth
#
# A film's popularity over the months stays as jagged as before, however strong the penalty on jumps. Find the one
# wrong place, and mend it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("bug_hunts/03_the_penalty_that_does_not_smooth")

# %% [markdown]
# ## The story
#
# Somebody estimates from week to week how much people like the films with the most ratings. Single weeks are noisy,
# so a penalty makes jumps from one week to the next expensive. They turn the penalty up, and up again.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch


def suspect(drift):  # (n_films, n_weeks), in stars
    steps = drift[1:] - drift[:-1]  # from week to week
    return (steps**2).sum() / len(drift)  # stars squared, mean over films


# %% [markdown]
# ## The symptom
#
# We take the weekly means of twelve films and fit them with a strong penalty. The figure shows two of the films: the
# thin dotted lines are the means, the thick lines are the fit.

# %%
train, weeks = page.train, 20
most = np.argsort(-train.counts("item"), kind="stable")[:12]
place = np.full(train.n_items, -1)
place[most] = np.arange(12)
span = np.linspace(train.timestamp.min(), train.timestamp.max() + 1, weeks + 1)
week = np.searchsorted(span, train.timestamp, side="right") - 1
row = place[train.item] >= 0
cell = place[train.item][row] * weeks + week[row]
many = np.bincount(cell, minlength=12 * weeks).reshape(12, weeks)
total = np.bincount(cell, train.rating[row] - train.rating.mean(), 12 * weeks).reshape(12, weeks)
means = torch.from_numpy(total / np.maximum(many, 1)).float()
weight = torch.from_numpy(many / many.sum()).float()


# %%
def fitted(penalty):
    drift = means.clone().requires_grad_(True)
    step = torch.optim.Adam([drift], lr=0.02)
    for _ in range(page.pick(600, 200)):
        step.zero_grad()
        (((drift - means) ** 2 * weight).sum() + 0.3 * penalty(drift)).backward()
        step.step()
    return drift.detach()


# %% tags=["long"]
def symptom(penalty, name):
    drift = fitted(penalty)
    fig, ax = plt.subplots(figsize=(7, 3.4))
    for k, (color, mark) in enumerate((("blue", "o"), ("vermilion", "s"))):
        title = page.data.items["title"].iloc[most[k]]
        ax.plot(means[k], mark, color=ws.PALETTE[color], ms=4, lw=1, ls=":")
        ax.plot(drift[k], mark, color=ws.PALETTE[color], ms=3, lw=3, ls="-", label=title)
    ax.set_xticks(range(0, weeks, 5))
    ax.set(xlabel="week", ylabel="stars above the mean", title=f"The fit with {name}")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    ws.show(
        fig, alt=f"Weekly means of two films as dots, and the penalised fit of {name} as lines."
    )
    jumps, apart = (drift[:, 1:] - drift[:, :-1]).abs().mean(), drift.mean(1).std()
    print(f"Mean jump from week to week {jumps:.2f} stars; films are {apart:.2f} stars apart")


# %%
symptom(suspect, "suspect")

# %% [markdown]
# ## Mend it
#
# <details><summary>Hint 1</summary>
#
# The penalty makes *something* alike. Look at the second printed number: what is it?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Call `suspect` with a table in which each film is constant in time, but films differ. It should be zero.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `drift[1:] - drift[:-1]` subtracts row from row. Rows are films; time runs along the columns.
#
# </details>


# %% tags=["stub"]
def mended(drift):  # your turn: one place is wrong
    steps = drift[1:] - drift[:-1]  # from week to week
    return (steps**2).sum() / len(drift)  # stars squared, mean over films


# %% tags=["solution"]
def mended(drift):
    steps = drift[:, 1:] - drift[:, :-1]  # from week to week
    return (steps**2).sum() / len(drift)  # stars squared, mean over films


# %%
ws.check("bug_hunts.variation", mended)

# %%
symptom(mended, "your version")

# %% [markdown]
# ## What to take home
#
# The penalty runs along the wrong axis of the table, training seems to go well, and the smoothing that everybody
# counts on is not there. Test a penalty on the two tables that it must tell apart: one that it should not punish at
# all, and one that it must.
