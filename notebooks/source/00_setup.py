# ---
# minutes: 10
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Set up and look around
#
# Rate a few films, and watch a list of recommendations change with each click. The list comes from two
# models that you train yourself on this page.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("00_setup")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Train it, touch it
#
# Click on the folded cell above, *Run this cell first*, and press **Shift-Enter**: it finds the data
# and says which data it found. Press Shift-Enter again until you are past the next cell. That cell
# trains two small models while you watch, and then opens a page on which you can rate films.

# %% slideshow={"slide_type": "subslide"}
of_stars = rt.models.BiasedMF.for_dataset(page.train)  # how many stars would you give?
training = rt.fit(of_stars, page.train, page.valid, background=True)  # its curve grows below
ranker = rt.models.ImplicitALS.for_dataset(page.train)  # which ten films should we show you?
rt.fit(ranker, page.train, progress=False)
training.wait()
page.save(of_stars)
page.save(ranker, "ranker")

folder = rt.serving.export(ranker, page.train, page.folder / "export", stars=of_stars)
service = rt.serving.serve(folder, keep=page.save_me)  # in the background, on this machine only
service.iframe(page.me, whose="an invented person" if page.me_is_sample else "you")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Run the setup cell and the training cell before you say anything. Give everybody two minutes to rate
# films. Then ask the room: which click changed your list the most? Who got a film that they love?
# (4 minutes)

# %% [markdown]
# Give a film some stars on the left, and watch the list on the right: films that have just entered it
# are marked. Try high and low ratings: give five stars to ten films of a kind that you love, then one
# star to the same films. *Keep these ratings* saves your ratings for all later pages; until you have
# saved some, the pages use those of an invented person.
#
# **Nothing happens in the frame, or it stays empty?** On Binder and Colab your browser cannot reach
# this service. The form below does the same job everywhere:

# %%
ws.rate_films(page)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Ten films, and what they are for
#
# Here is the list for the saved ratings, as a table. Run the cell again whenever you have saved more.

# %%
ten = rt.recommend(page.ranker, page.data, ratings=page.me, stars=page.model)
print("Rated by an invented person:" if page.me_is_sample else "Rated by you:")
for item, given in page.me.items():
    film = page.data.items.loc[item]
    print(f"  {given:g} stars:", ", ".join([film["title"], *film.get("genres", ())]))
ws.films(ten, [fact for fact in ("title", "genres", "stars") if fact in ten])

# %% [markdown]
# Do the ten films suit those ratings? Where a title tells you nothing, compare the genres. Looking at a
# list is the first test of any recommender, and no number replaces it.
#
# Two models made this table. The ranker, `ImplicitALS`, chose the ten films: it has learned which films
# people liked, disliked and passed over. The star model, `BiasedMF`, predicts how many **stars** you
# would give. You might ask: why not simply show the ten films with the most predicted stars? Here they
# are, with the number of people who have rated each film.

# %%
most_stars = rt.recommend(page.model, page.data, ratings=page.me)
for table in (ten, most_stars):
    table["ratings"] = page.train.counts("item")[page.data.item_vocab.index(table["item"])]
most_stars["stars"] = most_stars["score"]
ws.films(most_stars, ["title", "stars", "ratings"])

# %%
hits = {
    name: 10 * rt.evaluate(model, page.valid, train=page.train)["precision@10"]
    for name, model in (("the ranker", page.ranker), ("the star model", page.model))
}
for name, table in (("the ranker", ten), ("the star model", most_stars)):
    print(f"Of the ten films that {name} shows to a person, the person likes", end=" ")
    print(f"{hits[name]:.1f} on average.")
    print(
        f"  The films in its table above have a median of {table['ratings'].median():.0f} ratings."
    )
both = rt.compare(page.ranker, page.model, page.valid, train=page.train, metric="precision@10")
more, low, high = (10 * share for share in (both.difference, both.low, both.high))
print(
    f"The ranker's average minus the star model's: {more:+.2f} liked films",
    f"({low:+.2f} to {high:+.2f}).",
)

# %% [markdown]
# For this comparison, each model chooses ten films for every person. A film counts as liked if the person
# gave it four stars or more, in ratings that neither model was trained on. The last line compares the two
# models, person by person. The brackets give the range in which the difference would usually lie if we
# had ratings from other people; page 06 shows how to compute it.
#
# A film that only a handful of people have rated, and loved, can have a high predicted rating, although
# hardly anybody would pick it. So this series always uses two models: one that is asked for stars, and
# one that is asked for lists. Page 02 explains both.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Did it learn anything?
#
# The laziest recommender gives everybody the same answer: the average rating. Our star model must beat
# that, on ratings that it has not seen. One pass over the training ratings is called an **epoch**. After
# each epoch, we measured the model on ratings that it was not trained on.

# %%
import numpy as np
from matplotlib import pyplot as plt

average = page.train.rating.mean()
lazy = rt.metrics.rmse(page.valid.rating, np.full(len(page.valid), average))
error = training.frame["valid_rmse"]  # one number per epoch, in stars
seconds = training.frame["seconds"].iloc[-1]
print(f"The average for everybody is {lazy:.2f} stars off.")
print(f"The star model is {error.iloc[-1]:.2f} stars off, after {seconds:.1f} s of training.")

# %%
fig, ax = plt.subplots()
black = ws.PALETTE["black"]
ax.axhline(lazy, color=black, linestyle="--", label="the average for everybody")
ax.plot(error, marker="o", label="the star model")
ax.set(xlabel="epoch", ylabel="error on unseen ratings (RMSE, stars)")
ax.set_title("The model becomes less wrong (the axis does not start at 0)")
ax.legend()
falls = f"falls from {error.iloc[0]:.2f} to {error.iloc[-1]:.2f} stars"
alt = f"Line chart: the star model's error {falls}; the average's error stays at {lazy:.2f}."
ws.show(fig, alt=alt)

# %% [markdown]
# **RMSE**, the root of the mean squared error, is the size of a typical miss: lower is better. The rest
# of the series reduces this error, asks whether it is the right thing to measure, and shows what else a
# recommender owes the people who use it.

# %% [markdown]
# ## What the data looks like
#
# A rating is a person, a film, a number of stars and a moment. The models above only know the first
# three: no plot, no genre, no age.

# %%
import pandas as pd

print(f"Name: {page.data.name}. Source: {page.data.source}.")
few = page.data.ratings.head(5).join(page.data.items["title"], on="item")
few["when"] = pd.to_datetime(few["timestamp"], unit="s")
few["person"] = few["user"].rank(method="dense").astype(int)
ws.films(few.rename(columns={"rating": "stars"}), ["person", "title", "stars", "when"])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## How to take part
#
# * **Run** a cell with Shift-Enter, from top to bottom. A cell can use the results of the cells above.
# * **Play.** Change a number and run the cell again. Nothing can break: *Kernel → Restart Kernel*
#   gives you a clean start, and *Run → Run All Cells* brings you back to where you were.
# * **Stop** a cell that takes too long with the square ■ in the toolbar. The model keeps what it has
#   learned so far.
# * **Late for a workshop?** Open the page that the group is working on and run it. Its first cell loads
#   what the earlier pages would have left.
# * **Help without a network:** `rt.fit?` shows what a function does, `rt.fit??` its code, which is
#   written to be read. Each page with its solutions is in the folder `solutions`.
# * **Your files stay yours.** Ratings, progress and models are files on this machine; the next cell
#   says where. Delete `me.json` there to start over. Nothing is sent anywhere.

# %%
print("Your files are in", page.folder)

# %% [markdown]
# ## Try an exercise
#
# An exercise has a cell to fill in and a cell that checks. A check never scolds: run it as often as
# you like, even before you have an answer.
#
# **Which film has the most ratings?** Put its title into `most_rated`: type it in quotes, or write code
# that finds it. The cell after the check looks for films like the one that you named.
#
# <details><summary>Hint 1</summary>
#
# `page.data.counts("item")` is an array with the number of ratings of each film. Its method
# `argmax()` gives the position of the largest.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The table of films is in the same order as the counts, so `page.data.items["title"].iloc[0]` is the
# title of the film at position 0.
#
# </details>

# %% tags=["stub"]
most_rated = None  # your turn: a title

# %% tags=["solution"]
counts = page.data.counts("item")  # (n_items,), ratings of each film
most_rated = page.data.items["title"].iloc[counts.argmax()]

# %%
found_it = ws.check("00.most_rated", most_rated)

# %%
film = most_rated if found_it else ten["title"].iloc[0]
print(
    "Films that please the same people as", film, "" if found_it else "(until you have an answer)"
)
ws.films(rt.interpret.neighbours(page.model, page.train, film, k=4), ["title"])

# %% [markdown]
# ## Is this machine ready?
#
# You have just trained two models here, and that is the best sign that this machine is ready. The next
# cell looks at the details, and gives advice if something is wrong.

# %% tags=["hide-input"]
readiness = ws.readiness(page.data)

# %% [markdown]
# <details><summary>If something is wrong</summary>
#
# * **`ModuleNotFoundError` in the first cell.** The notebook runs in a different environment. Close
#   JupyterLab and start it with `python3 scripts/start.py` (Windows: `py -3 scripts\start.py`).
# * **The data is planted**, that is, made up. The films are invented. All pages work, but they show
#   nothing about real people. `data/README.md` says where to get the real ratings, and how to use a copy
#   if this machine has no network.
# * **Not enough memory.** Each open notebook takes up memory of its own. Choose
#   *Kernel → Shut Down All Kernels*, then start this page again.
#
# </details>

# %% [markdown]
# ## What comes
#
# You have trained two recommenders. You watched the ranker's list change with your clicks, you saw that
# the star model beats the laziest guess, and you know how to take part.
#
# **One question to end with**, and no check: which film should have been in your list and was not, and
# what would the recommender have to know about you to find it?
#
# **Read on.** Harper and Konstan 2015, *The MovieLens datasets: history and context* (where the
# real ratings come from); Koren, Bell and Volinsky 2009, *Matrix factorization techniques for
# recommender systems*.
#
# These are the pages. The minutes include reading, running the cells and the exercises; the computing
# time was measured on two processors.

# %% [markdown]
# {contents}
