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
# You have been using the web page below since the first minute of the series. Now we look under the
# bonnet. **Export** the two models to files: the ranker fills the list, and the star model predicts the
# stars beside each title. **Serve** the files. Then **look**: the ratings that you saved earlier are
# already there.

# %% slideshow={"slide_type": "subslide"}
folder = rt.serving.export(page.ranker, page.train, page.folder / "export", stars=page.model)
service = rt.serving.serve(folder, keep=page.save_me)  # in the background: returns at once
service.iframe(page.me, whose="an invented person" if page.me_is_sample else "you")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before explaining anything: what must have happened between your click and the new
# list? Collect guesses; most people guess that the model was trained again. (4 minutes)

# %% [markdown]
# The button *Keep these ratings* saves your ratings for later: the service passes them to this notebook,
# and nothing leaves this machine. You can also open the web page in a window of its own, and any program
# on this machine can use the same service. (On Colab and Binder the frame stays empty, because your
# browser is not on their machine; all other cells work there, too.)

# %% [markdown]
# The drawing below shows what happens when you click. Nothing is trained. The grey box is the export,
# whose files do not change.

# %% tags=["hide-input", "long"]
import matplotlib.pyplot as plt

steps = {
    "your browser": "sends all your ratings", "the service": "computes your vector",
    "scores": "your vector × all films", "your list": "the ten best, with reasons",
}  # fmt: skip
fig, ax = plt.subplots(figsize=(12, 3.2))
for at, (name, what) in enumerate(steps.items()):
    colour = ws.PALETTE["orange" if at in (0, 3) else "sky"]
    ax.text(at, 1, f"{name}\n{what}", ha="center", va="center", fontsize=12,
            bbox={"boxstyle": "round,pad=0.5", "facecolor": colour})  # fmt: skip
    if at:
        ax.annotate("", (at - 0.42, 1), (at - 0.58, 1), arrowprops={"arrowstyle": "-|>", "lw": 2})
ax.text(1.5, 0.2, "the export: the numbers of both models, and a card that describes them",
        ha="center", va="center", fontsize=12,
        bbox={"boxstyle": "round,pad=0.4", "facecolor": "0.88"})  # fmt: skip
for at in (1, 2):
    ax.annotate(
        "", (at, 0.75), (at, 0.38), arrowprops={"arrowstyle": "-|>", "lw": 2, "color": "0.5"}
    )
ax.set(xlim=(-0.6, 3.6), ylim=(-0.1, 1.5))
ax.set_axis_off()
ws.show(fig, alt="Four boxes in a row: your browser sends all your ratings, the service computes your "
              "vector and scores all films, and the ten best come back as your list. The two middle "
              "boxes read the export.")  # fmt: skip

# %%
print("The web page:                  ", service.url)
print("All addresses of the service:  ", service.url + "openapi.json")

# %% [markdown]
# ## What happened when you clicked
#
# The browser sent all your ratings, and received ten films. We can do the same from this notebook:

# %%
import json
import urllib.request

import pandas as pd


def ask(path, content=None):
    """The service's answer to a GET request, or to a POST request if there is content to send."""
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
print(f"rt.recommend names the same ten films: {same_ten}")
ws.films(pd.DataFrame(answer["recommendations"]).head(5), ["title", "stars", "ratings"])

# %% [markdown]
# The service and `rt.recommend` name the same ten films, and nothing was trained for you just now. In
# both models, the vectors of the films stay as they are. Each model computes your vector from them and
# from your ratings, by a **fold-in**: a ridge regression (least squares with an l2 penalty), which finds
# the vector that fits your ratings best. The ranker's fold-in also counts the films that you have not
# rated, with the target 0 and a low weight (page 02). A fold-in is quick enough to repeat for each
# click, so the service needs no memory of you: your browser sends all your ratings with every request.
#
# Your vector, the solution of this regression, is a sum with one term per rating. A film's score is your
# vector times the film's vector, plus a number that is the same for everybody. So, apart from that
# number, the score is a sum with one term per rating, too. The reasons for a film are chosen from the
# ratings that raise its score by more than they raise an average film's score:

# %%
first = answer["recommendations"][0]
because = " and ".join(f"{why['title']} ({why['rating']:g} stars)" for why in first["reasons"])
print(f"{first['title']}, because of {because or 'what most people like'}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What an export is
#
# An export has two files: the *weights*, which are the models' tables of numbers, and a *card* that says
# what they are. Neither is code, so loading somebody else's export cannot run anything on your machine.
# (Loading a model that was saved with Python's `pickle` can.)

# %%
for path in sorted(folder.iterdir()):
    print(f"{path.stat().st_size / 1e3:>8.0f} kB  {path.name}")
card = ask("card")
for key in ("model", "stars"):
    print(f"{key}: {card[key]['class']}, for {card[key]['for']}")
for key in ("data", "versions"):
    print(f"{key}: {card[key]}")

# %% [markdown]
# The card holds a *checksum*, a short code that is computed from the whole weights file. If a full disk
# has cut that file short, or if the file belongs to another card, loading stops with a short error
# message. Otherwise you get exactly the models that were exported. We test this with the star model:

# %%
loaded = rt.serving.load(folder).stars
same = (rt.predict(loaded, page.test) == rt.predict(page.model, page.test)).all()
print(f"All {len(page.test):,} predictions for the test part are equal, to the last bit: {same}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## For everyone in the room
#
# By default, only your own machine can reach the service. In the command below, `--host 0.0.0.0` lets
# other machines in, and `data/export` is the folder of your export. Tell the others the address of this
# machine, with the port. There is no password: anybody who reaches the service can use it.
#
# ```
# python -m recsys_tutorial.serving serve data/export --host 0.0.0.0 --port 8000
# ```
#
# The command starts the same service as a separate program, which keeps running when you close the
# notebook. You can export new models to the same folder while it runs. The service looks for them once a
# second, and switches to them between two requests. (Page 17 switches models while it sends requests,
# and counts the answers that still come from the old models.)

# %% [markdown]
# ## Exercises
#
# ### What the browser sent
#
# Write a function that takes ratings as `{item id: stars}` and returns the content of a request to
# `/recommend` for the best five films. The content is a dictionary with two keys: `ratings`, a list like
# the one that we sent above, and `k`, the number of films. The cell after the check sends it.
#
# <details><summary>Hint 1</summary>
#
# The page `openapi.json` of the service says what `/recommend` takes: a list of ratings, and `k`.
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
generous = dict.fromkeys(
    page.me, page.data.scale[1]
)  # as if you loved every film you rated; try other stars
if request_works:
    print("The answer to your request:")
    for film in ask("recommend", request_for(generous))["recommendations"]:
        print(f"  {film['title']}")
else:
    print("Once your function passes the check, this cell sends your request.")

# %% [markdown]
# ### The rating that speaks against a film
#
# The web page names at most two reasons for a film. The address `/explain` gives the whole sum: it takes
# `ratings` as before and one `item`, and returns what each of your ratings contributes to this film's
# score. Which of the films that you rated speaks most **against** your first recommendation? Put its
# title into `against`.
#
# <details><summary>Hint 1</summary>
#
# `ask("explain", {"ratings": ratings, "item": first["item"]})["contributions"]` is a list of
# dictionaries. Each has the `title` of a film that you rated, and a `lift`: how much your rating raises
# the score of the recommended film, minus how much it raises the score of an average film. A negative
# lift speaks against the recommended film.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The film that you are looking for has the lowest `lift`, normally a negative one:
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
# ### What the service refuses
#
# A service on the web receives nonsense every day. Every answer on the web has a *status*, a number: 200
# means that all is well. Guess, then try: which status does this service return for
#
# 1. `users/nobody/recommendations`,
# 2. a rating of 99 stars,
# 3. a request whose body (the content that is sent) has 100,000 bytes?
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
# fault. For the second request: `ask("recommend", {"ratings": [{"item": first["item"], "rating": 99}]})`.
#
# </details>

# %% tags=["stub"]
statuses = None  # your turn: three numbers

# %% tags=["solution"]
import urllib.error

nonsense = [
    ("users/nobody/recommendations", None),
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
# Copy the export, change one byte of the copy's weights file, and load the copy. Put the error that this
# raises into `error_of_copy`.
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
# The service finishes its current requests first, then frees its port. (It also stops when you shut down
# the notebook's kernel.)

# %%
service.stop()
print(service)

# %% [markdown]
# ## What we learned
#
# * A model is deployed when somebody can use it, and that takes two files and one command.
# * A new user needs no new training: the user's vector is computed from the user's ratings, and so are
#   the reasons for each recommended film.
# * An export should say what it is, be checked when it is loaded, and never be code.
#
# **One question to end with**, and no check: what would you measure in the first hour after you have
# given the address to everybody in the room?
#
# **Read on.** Sculley et al. 2015, *Hidden technical debt in machine learning systems* (why the model is
# only a small part of a system in use); Breck et al. 2017, *The ML test score: a rubric for ML production
# readiness*.
#
# Page 17 goes on from here: it builds a version of the web page that needs no server, and says what a
# real deployment adds.
