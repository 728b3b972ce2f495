# ---
# minutes: 10
# needs: [02_mf_follow_along]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Deploy it now
#
# Put your model behind a web page, pick films in the browser, and watch the recommendations change with
# each click.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("04_deploy_it_now")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Three lines to a web page
#
# You have used this page since the first minute of the series. Now we open the bonnet. **Export** the
# two models to files: the ranker fills the list, and the star model predicts the stars beside each
# title. **Serve** the files. **Look.** The ratings that you have kept are already there.

# %% slideshow={"slide_type": "subslide"}
folder = rt.serving.export(page.ranker, page.train, page.folder / "export", stars=page.model)
service = rt.serving.serve(folder, keep=page.save_me)  # in the background: returns at once
service.iframe(page.me, whose="an invented person" if page.me_is_sample else "you")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before explaining anything: what must have happened between your click and the new
# list? Collect guesses; most people guess that the model was trained again. (4 minutes)

# %% [markdown]
# *Keep these ratings* saves them for the later pages: the service passes them to this notebook, and
# nothing leaves this machine. You can also open the page in a window of its own, and any program on
# this machine can use the same service. (On Colab and Binder the frame stays empty, because your
# browser is not on their machine; all other cells work there, too.)

# %% [markdown]
# This is what happens when you click. Nothing is trained: the grey box is a file that does not change.

# %% tags=["hide-input", "long"]
import matplotlib.pyplot as plt

steps = {
    "your browser": "all your ratings", "the service": "a fold-in finds your vector",
    "scores": "your vector × all films", "your list": "the ten best, with reasons",
}  # fmt: skip
fig, ax = plt.subplots(figsize=(12, 3.2))
for at, (name, what) in enumerate(steps.items()):
    colour = ws.PALETTE["orange" if at in (0, 3) else "sky"]
    ax.text(at, 1, f"{name}\n{what}", ha="center", va="center", fontsize=12,
            bbox={"boxstyle": "round,pad=0.5", "facecolor": colour})  # fmt: skip
    if at:
        ax.annotate("", (at - 0.42, 1), (at - 0.58, 1), arrowprops={"arrowstyle": "-|>", "lw": 2})
ax.text(1.5, 0.2, "the export: vectors of all films, and a card", ha="center", va="center",
        fontsize=12, bbox={"boxstyle": "round,pad=0.4", "facecolor": "0.88"})  # fmt: skip
for at in (1, 2):
    ax.annotate(
        "", (at, 0.75), (at, 0.38), arrowprops={"arrowstyle": "-|>", "lw": 2, "color": "0.5"}
    )
ax.set(xlim=(-0.6, 3.6), ylim=(-0.1, 1.5))
ax.set_axis_off()
ws.show(fig, alt="Four boxes in a row: your browser sends all ratings, the service folds you in, "
              "scores all films, and the ten best come back. The export feeds the middle.")  # fmt: skip

# %%
print("The page:           ", service.url)
print("All its addresses:  ", service.url + "openapi.json")

# %% [markdown]
# ## What happened when you clicked
#
# The browser sent all your ratings, and received ten films. We can do the same from here:

# %%
import json
import urllib.request

import pandas as pd


def ask(path, content=None):
    """The service's answer: to a GET, or to a POST if there is something to send."""
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(service.url + path, body)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


# %%
ratings = [{"item": item, "rating": stars} for item, stars in page.me.items()]
answer = ask("recommend", {"ratings": ratings})
by_library = set(rt.recommend(page.ranker, page.train, ratings=page.me)["title"])
same_ten = by_library == {film["title"] for film in answer["recommendations"]}
print(f"The library names the same ten films: {same_ten}")
ws.films(pd.DataFrame(answer["recommendations"]).head(5), ["title", "stars", "ratings"])

# %% [markdown]
# The service and the library give the same list, and nobody trained anything for you just now. The
# vectors of the films do not change, and yours is computed from your ratings alone: by a **fold-in**, a
# ridge regression on the vectors of the films that you rated. It is quick enough to repeat for each
# click, so the service needs no memory of you. Your browser sends your ratings with every request.
#
# Since your vector is a sum with one part per rating, we can take every score apart in the same way:

# %%
first = answer["recommendations"][0]
because = " and ".join(f"{why['title']} ({why['rating']:g} stars)" for why in first["reasons"])
print(f"{first['title']}, because of {because or 'what most people like'}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What an export is
#
# Two files: the tables of numbers, and a card that says what they are. Neither is code, so loading
# somebody else's export cannot run anything on your machine. (A model saved with Python's `pickle`
# can.)

# %%
for path in sorted(folder.iterdir()):
    print(f"{path.stat().st_size / 1e3:>8.0f} kB  {path.name}")
card = ask("card")
for key in ("model", "stars"):
    print(f"{key}: {card[key]['class']}, for {card[key]['for']}")
for key in ("data", "versions"):
    print(f"{key}: {card[key]}")

# %% [markdown]
# The card holds a checksum of the weights. If a full disk has cut that file short, or if it belongs to
# another card, loading stops with one sentence. If it loads, it is exactly the same model:

# %%
loaded = rt.serving.load(folder).stars
same = (rt.predict(loaded, page.test) == rt.predict(page.model, page.test)).all()
print(f"All {len(page.test):,} predictions for the test part are equal, to the last bit: {same}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## For everyone in the room
#
# By default, only your own machine can reach the service. To let others in, say so as below, and give
# them the address of this machine. There is no password: anybody who reaches it can use it.
#
# ```
# python -m recsys_tutorial.serving serve data/export --host 0.0.0.0 --port 8000
# ```
#
# That is the same service as a program of its own, which keeps running when you close the notebook.
# Export a new model over the old one while it runs: the new one takes over within a second, and no
# request is lost.

# %% [markdown]
# ## Exercises
#
# ### What the browser sent
#
# Write a function that turns ratings `{item id: stars}` into what the page sends to `/recommend` to get
# the best five films: a dictionary with the `ratings` and `k`, the number of films. The cell after the
# check sends what your function makes.
#
# <details><summary>Hint 1</summary>
#
# The address `openapi.json` of the service says what `/recommend` takes: a list of ratings, and `k`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The call of `ask("recommend", ...)` above has everything except `k`.
#
# </details>


# %% tags=["stub"]
def request_for(ratings):
    return None  # your turn: a dictionary


# %% tags=["solution"]
def request_for(ratings):
    return {"ratings": [{"item": i, "rating": s} for i, s in ratings.items()], "k": 5}


# %%
request_works = ws.check("04.request", request_for)

# %%
generous = dict.fromkeys(page.me, page.data.scale[1])  # change this: what if you loved everything?
if request_works:
    print("Your request, with five stars for every film that you rated:")
    for film in ask("recommend", request_for(generous))["recommendations"]:
        print(f"  {film['title']}")
else:
    print("Once it passes, this cell sends your request.")

# %% [markdown]
# ### The rating that did it
#
# The page names at most two reasons for a film. The address `/explain` has all of them: it takes
# `ratings` as before and one `item`, and returns one contribution per rating of yours. Which of your
# rated films speaks most **against** your first recommendation? Put its title into `against`.
#
# <details><summary>Hint 1</summary>
#
# `ask("explain", {"ratings": ratings, "item": first["item"]})["contributions"]` is a list of
# dictionaries with a `title` and a `lift`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The one with the smallest, most negative `lift` speaks against it:
# `min(contributions, key=lambda one: one["lift"])`.
#
# </details>

# %% tags=["stub"]
against = None  # your turn: a title

# %% tags=["solution"]
told = ask("explain", {"ratings": ratings, "item": first["item"]})
against = min(told["contributions"], key=lambda one: one["lift"])["title"]

# %%
ws.check("04.against", against)

# %% [markdown]
# ### What it refuses
#
# A service on the web receives nonsense every day. Every answer on the web has a *status*, a number: 200
# means that all is well. Guess, then try: which status does this service return for
#
# 1. `items/no-such-film/similar`,
# 2. a rating of 99 stars,
# 3. a body of 100,000 bytes?
#
# Put the three numbers into a list.
#
# <details><summary>Hint 1</summary>
#
# `ask` raises `urllib.error.HTTPError`; its `code` is the status, and `json.load(error)` the reason.
#
# </details>
# <details><summary>Hint 2</summary>
#
# 404 is *not found*, 413 *content too large*, 422 *cannot be processed*, 500 would be the service's own
# fault. For the second: `ask("recommend", {"ratings": [{"item": first["item"], "rating": 99}]})`.
#
# </details>

# %% tags=["stub"]
statuses = None  # your turn: three numbers

# %% tags=["solution"]
import urllib.error

nonsense = [
    ("items/no-such-film/similar", None),
    ("recommend", {"ratings": [{"item": first["item"], "rating": 99}]}),
    ("recommend", {"ratings": [], "padding": " " * 100_000}),
]
statuses = []
for path, content in nonsense:
    try:
        ask(path, content)
    except urllib.error.HTTPError as error:
        with error:
            statuses.append(error.code)
            print(error.code, json.load(error)["detail"])

# %%
ws.check("04.statuses", statuses)

# %% [markdown]
# ### A damaged file
#
# Copy the export, change one byte of its weights, and load the copy. Put the error that this raises
# into `error_of_copy`.
#
# <details><summary>Hint 1</summary>
#
# `shutil.copytree(folder, copy)` copies. The methods `read_bytes()` and `write_bytes(...)` of a path
# read and replace its content; you can change a `bytearray` in place.
#
# </details>
# <details><summary>Hint 2</summary>
#
# ```
# try:
#     rt.serving.load(copy)
# except rt.serving.ExportError as error:
#     error_of_copy = error
# ```
#
# </details>

# %% tags=["stub"]
error_of_copy = None  # your turn: the error itself

# %% tags=["solution"]
import shutil
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as scratch:
    copy = Path(shutil.copytree(folder, Path(scratch) / "copy"))
    (weights,) = copy.glob("weights-*")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1  # one bit in the middle
    weights.write_bytes(content)
    try:
        rt.serving.load(copy)
    except rt.serving.ExportError as error:
        error_of_copy = error
print(str(error_of_copy).split(": ", 1)[1])

# %%
ws.check("04.damaged", error_of_copy)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Stop it
#
# The service finishes current requests first, then frees its port. (Closing the notebook's kernel stops
# it as well.)

# %%
service.stop()
print(service)

# %% [markdown]
# ## What we learned
#
# * A model is deployed when somebody can use it, and that takes two files and one command.
# * New people need no training: their vector follows from their ratings, and so do the reasons.
# * An export should say what it is, be checked when it is loaded, and never be code.
#
# **One question to end with**, and no check: what would you measure in the first hour after you have
# given the address to everybody in the room?
#
# **Read on.** Sculley et al. 2015, *Hidden technical debt in machine learning systems* (why the model is
# the small part); Breck et al. 2017,
# *The ML test score: a rubric for ML production readiness*.
#
# Page 17 comes back to this, thoroughly: the same page without any server, and what it takes when
# millions click.
