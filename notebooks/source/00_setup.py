# ---
# minutes: 10
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Set up and look around
#
# See that this machine and the data are ready, and get ten film recommendations from a model that
# you train yourself.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("00_setup")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ten films, now
#
# Click on the folded cell above, *Run this cell first*, and press **Shift-Enter**: it finds the data
# and says which. Press Shift-Enter again, until you are past the cell below. That one trains a
# recommender on the spot and asks it for ten films.

# %%
model = rt.models.BiasedMF.for_dataset(page.train)  # not trained yet
history = rt.fit(model, page.train, page.valid)
ten = rt.recommend(model, page.data, ratings=page.me)
ten["genres"] = ten["genres"].str.join(", ")
ten[["title", "genres", "score"]]

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Run the setup cell and this one before saying anything. While the table is on the screen, ask the
# room: who has seen three of these? Would you trust the list? Wait for hands. (2 minutes)

# %% [markdown]
# `page` holds what a page needs: `page.data` is all ratings, `page.train` those to learn from and
# `page.valid` some that were kept away from it. `BiasedMF` is the kind of model; on page 02 you
# build it line by line.
#
# Each line above the table tells of an *epoch*: one pass over the ratings to learn from. `train loss`
# is what training makes small on them. `valid rmse` is the error, in stars, on those kept away. The
# column `score` is how many stars the model expects.
#
# These ten films are for the person who gave the ratings below. On page 02 you will rate films
# yourself; until then an invented person stands in for you.

# %%
print("Rated by an invented person:" if page.me_is_sample else "Rated by you:")
mine = page.data.items.loc[list(page.me), ["title", "genres"]]
mine["genres"] = mine["genres"].str.join(", ")
mine.assign(stars=list(page.me.values())).reset_index(drop=True)

# %% [markdown]
# Compare the two tables. Do the ten films fit the person? Looking at titles is the
# first test of any recommender, and no number replaces it.
#
# One thing to look for: how many people have rated each of the ten?

# %%
ten["ratings"] = page.train.counts("item")[page.data.item_vocab.index(ten["item"])]
ten[["title", "score", "ratings"]]

# %% [markdown]
# Where only a handful of people have rated a film, and loved it, the model takes their word. Would
# you? It has no notion of doubt yet. It will get one, much later in the series.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Did it learn anything?
#
# The laziest recommender gives everybody the same answer: the average rating. Whatever we train must
# beat that, on ratings that it has not seen.

# %%
import numpy as np
from matplotlib import pyplot as plt

average = page.train.rating.mean()
lazy = rt.metrics.rmse(page.valid.rating, np.full(len(page.valid), average))
error = history.frame["valid_rmse"]  # one number an epoch, in stars
seconds = history.frame["seconds"].iloc[-1]
print(f"The average for everybody is {lazy:.2f} stars off.")
print(f"The model is {error.iloc[-1]:.2f} stars off, after {seconds:.1f} s of training.")

# %%
fig, ax = plt.subplots()
black = ws.PALETTE["black"]
ax.axhline(lazy, color=black, linestyle="--", label="the average for everybody")
ax.plot(error, marker="o", label="the model above")
ax.set(xlabel="epoch", ylabel="error on unseen ratings (RMSE, stars)")
ax.legend()
falls = f"falls from {error.iloc[0]:.2f} to {error.iloc[-1]:.2f} stars"
alt = f"Line chart: the model's error {falls}; the average's stays at {lazy:.2f}."
ws.show(fig, alt=alt)

# %% [markdown]
# RMSE, the root of the mean squared error, is the size of a typical miss: lower is better. The rest
# of the series moves that line down, asks whether it is the right line to look at, and shows what
# else a recommender owes the people who use it.

# %% [markdown]
# ## Is this machine ready?
#
# That a model has just been trained here is the best sign. Now the details: what each page needs,
# what is here, and in plain words what to do where the two differ.

# %%
ws.readiness(page.data)

# %% [markdown]
# If something is amiss:
#
# * **`ModuleNotFoundError` in the first cell.** The notebook runs in another environment. Close
#   JupyterLab and start it with `python3 scripts/start.py` (Windows: `py -3 scripts\start.py`).
# * **A version is far from the tested one.** The same command repairs the environment.
# * **The data is planted.** The films are invented. All pages work, but nothing they show is about
#   real people. `data/README.md` says where to get the real ratings, also without a network.
# * **Little memory.** Each open notebook holds its own. *Kernel → Shut Down All Kernels*, then
#   start this page again.

# %% [markdown]
# ## What the data looks like
#
# A rating is a person, a film, a number of stars and a moment. The first three are all that the
# model above was given: no plot, no genre, no age.

# %%
import pandas as pd

print(f"{page.data.name}, from {page.data.source}")
few = page.data.ratings.head(5).join(page.data.items["title"], on="item")
few["when"] = pd.to_datetime(few["timestamp"], unit="s")
few[["user", "title", "rating", "when"]]

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How to take part
#
# * **Run** a cell with Shift-Enter, from top to bottom. A cell can use what cells above it have made.
# * **Play.** Change a number and run the cell again. Nothing can break: *Kernel → Restart Kernel*
#   gives you a clean start, and *Run → Run All Cells* brings you back to where you were.
# * **Stop** a cell that takes too long with the square ■ in the toolbar. What has been learned so
#   far is kept.
# * **Late?** Open the page where the others are and run it. Its first cell loads what the
#   earlier pages would have left.
# * **Help without a network:** `rt.fit?` shows what a function does, `rt.fit??` its code, which is
#   written to be read. Each page with its solutions is in the folder `solutions`.
# * **Yours stays yours.** Ratings, progress and models are files on this machine; the next cell says
#   where. Delete `me.json` there to start over. Nothing is sent anywhere.

# %%
print("Your files are in", page.folder)

# %% [markdown]
# ## Try an exercise
#
# Exercises have a cell to fill in and a cell that checks. A check never scolds: run it as often as
# you like, before you have an answer too.
#
# **Which film has the most ratings?** Put its title into `most_rated`, in quotes or found by code.
#
# <details><summary>Hint 1</summary>
#
# `page.data.counts("item")` is an array with the number of ratings of each film. Its method
# `argmax()` gives the position of the largest.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `page.data.items["title"].iloc[0]` is the title of the film at position 0 of the same order.
#
# </details>

# %% tags=["stub"]
most_rated = None  # your turn: a title

# %% tags=["solution"]
counts = page.data.counts("item")  # (n_items,), ratings of each film
most_rated = page.data.items["title"].iloc[counts.argmax()]

# %%
ws.check("00.most_rated", most_rated)

# %% [markdown]
# ## What comes
#
# You have trained a recommender, looked at what it says, seen that it beats the laziest one, and
# know how to take part. These are the pages; minutes are for reading, running and the exercises,
# and what the machine works was measured on two processors.

# %% [markdown]
# {contents}
