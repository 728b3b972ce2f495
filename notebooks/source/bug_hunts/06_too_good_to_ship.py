# ---
# minutes: 10
# needs: [06_evaluation]
# ---

# %% [markdown]
# # Bug hunt: too good to ship
#
# Each month a team chooses the best of many settings, and each month it is worse in use than in the report. Find the
# one wrong place, and mend it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("bug_hunts/06_too_good_to_ship")

# %% [markdown]
# ## The story
#
# The team trains 60 settings, keeps a validation and a test part, and reports what the chosen setting reaches on the
# test part. That is how it should be. This is the function that does it.

# %%
import matplotlib.pyplot as plt
import numpy as np


def suspect(valid_error, test_error):  # (n_settings,), (n_settings,): RMSE in stars
    best = int(np.argmin(test_error))  # the setting that we take
    return best, float(test_error[best])  # and what the report says of it


# %% [markdown]
# ## The symptom
#
# To see the mistake, we need to know the truth. So we take one model and 60 settings that differ only by noise on its
# predictions: all of them are equally good. We divide the rows into validation, test and *use* again and again.

# %%
rows = rt.datasets.concat(page.valid, page.test)
guess = rt.predict(page.model, rows)
rng = np.random.default_rng(5)
noise = rng.normal(0, 0.3, (60, len(rows)))
squared = (guess + noise - rows.rating) ** 2  # (settings, rows)


# %%
def symptom(choose, name):
    too_good = []
    for _ in range(200):
        valid, test, use = np.array_split(rng.permutation(len(rows))[:900], 3)
        error = [np.sqrt(squared[:, part].mean(1)) for part in (valid, test, use)]
        best, reported = choose(error[0], error[1])
        too_good.append(error[2][best] - reported)
    fig, ax = plt.subplots(figsize=(7, 3.2))
    ax.hist(too_good, 30, color=ws.PALETTE["sky"], edgecolor="black")
    ax.axvline(0, color="black", lw=2)
    ax.set(xlabel="error in use minus error in the report (stars)", ylabel="months")
    ax.set(title=f"How much worse in use than reported, by {name}")
    ws.show(
        fig, alt=f"Histogram over 200 repeats: error in use minus the error that {name} reports."
    )
    print(f"On average the error in use is {np.mean(too_good):+.3f} stars above the reported one.")


# %%
symptom(suspect, "suspect")

# %% [markdown]
# ## Mend it
#
# <details><summary>Hint 1</summary>
#
# The best of 60 equal settings was lucky. On which rows was it lucky?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A number is honest if the rows that it was measured on had no say in the choice.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The function gets two lists of errors. One is for choosing, the other for reporting. Which one has it never looked
# at?
#
# </details>


# %% tags=["stub"]
def mended(valid_error, test_error):  # your turn: one place is wrong
    best = int(np.argmin(test_error))  # the setting that we take
    return best, float(test_error[best])  # and what the report says of it


# %% tags=["solution"]
def mended(valid_error, test_error):
    best = int(np.argmin(valid_error))  # the setting that we take
    return best, float(test_error[best])  # and what the report says of it


# %%
ws.check("bug_hunts.choosing", mended)

# %%
symptom(mended, "your version")

# %% [markdown]
# ## What to take home
#
# Choosing is training. The rows that you choose on are used up; a report needs rows that nobody has looked at. If the
# chosen number is much better than its neighbours in the table, suspect luck first.
