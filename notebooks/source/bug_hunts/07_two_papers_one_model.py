# ---
# minutes: 10
# needs: [06_evaluation]
# ---

# %% [markdown]
# # Bug hunt: two papers, one model
#
# Two papers report different errors of the same model on the same rows. One function does not compute what its name
# says. Find the one wrong place, and mend it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("bug_hunts/07_two_papers_one_model")

# %% [markdown]
# ## The story
#
# The errors come in batches: one array per user, for example, or one for every 512 rows. The function below turns them
# into *the* RMSE, the root of the mean of all squared errors.

# %%
import matplotlib.pyplot as plt
import numpy as np


def suspect(batches):  # a list of arrays: errors in stars
    one_by_one = [float(np.sqrt((errors**2).mean())) for errors in batches]
    return float(np.mean(one_by_one))  # RMSE of all rows, stars


# %% [markdown]
# ## The symptom
#
# We give it the same errors of the same model, first in batches of growing size, then with one batch per user.

# %%
errors = rt.predict(page.model, page.valid) - page.valid.rating
by_user = [errors[page.valid.user == u] for u in np.unique(page.valid.user)]
sizes = np.unique(np.geomspace(1, len(errors), 40).astype(int))


# %%
def symptom(rmse, name):
    found = [rmse([errors[i : i + size] for i in range(0, len(errors), size)]) for size in sizes]
    each_user = rmse(by_user)
    fig, ax = plt.subplots(figsize=(7, 3.2))
    ax.plot(sizes, found, ".-", color=ws.PALETTE["blue"], label="batches of this size")
    ax.axhline(each_user, ls="--", color=ws.PALETTE["vermilion"], label="one batch per user")
    ax.set(xlabel="rows in a batch", ylabel="RMSE (stars)", xscale="log")
    ax.set(title=f"The RMSE of the same errors by {name} (axis does not start at 0)")
    ax.legend()
    ws.show(
        fig,
        alt=f"Line: RMSE of the same errors by {name}, against batch size; dashed: user by user.",
    )
    print(f"From {min(found):.3f} to {max(found):.3f} stars; user by user {each_user:.3f}")


# %%
symptom(suspect, "suspect")

# %% [markdown]
# ## Mend it
#
# <details><summary>Hint 1</summary>
#
# Take two batches, one with the errors 0 and 0, one with the single error 3. What is the RMSE of the three? Compute it
# by hand, then ask the function.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The mean of roots is wrong for two reasons: small batches count as much as large ones, and the root of a mean is not
# the mean of roots. One change cures both.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# First put the errors together (`np.concatenate`), then take the mean, then the root. The two lines may become one.
#
# </details>


# %% tags=["stub"]
def mended(batches):  # your turn: one place is wrong
    one_by_one = [float(np.sqrt((errors**2).mean())) for errors in batches]
    return float(np.mean(one_by_one))  # RMSE of all rows, stars


# %% tags=["solution"]
def mended(batches):
    return float(np.sqrt((np.concatenate(batches) ** 2).mean()))  # RMSE of all rows, stars


# %%
ws.check("bug_hunts.mean_of_means", mended)

# %%
symptom(mended, "your version")

# %% [markdown]
# ## What to take home
#
# The average over users is a fine number too, but it is *another* number. Before you compare yours with a published
# RMSE, ask what its mean was taken over.
