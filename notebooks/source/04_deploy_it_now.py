# ---
# minutes: 10
# needs: [02_mf_follow_along]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Deploy it now
#
# Put your model behind a web page, pick films in the browser, and see the recommendations change with
# each click.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("04_deploy_it_now")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Three lines to a web page
#
# You have used this page since the first minute of the series. Now we open the bonnet. **Export** the
# two models to files: the ranker fills the list, the star model predicts the stars beside each title.
# **Serve** the files. **Look.** The ratings that you have kept are there already.

# %%
folder = rt.serving.export(page.ranker, page.train, page.folder / "export", stars=page.model)
service = rt.serving.serve(folder, keep=page.save_me)  # in the background: returns at once
service.iframe(page.me, whose="an invented person" if page.me_is_sample else "you")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room before explaining anything: what must have happened between your click and the new
# list? Collect guesses; most people guess that the model was trained again. (4 minutes)

# %% [markdown]
# *Keep these ratings* saves them for the later pages: the service hands them to this notebook, and
# nothing leaves this machine. You can also open the page in a window of its own, and any program on
# this machine can ask the same service. (On Colab and Binder the frame stays empty, since your
# browser is not on their machine; all other cells work there too.)

# %%
print("The page:           ", service.url)
print("All its addresses:  ", service.url + "openapi.json")

# %% [markdown]
# ## What happened when you clicked
#
# The browser sent all your ratings, and got ten films back. We can do the same from here:

# %%
import json
import urllib.request


def ask(path, content=None):
    """The service's answer: GET, or POST where there is something to send."""
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(service.url + path, body)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


# %%
ratings = [{"item": item, "rating": stars} for item, stars in page.me.items()]
answer = ask("recommend", {"ratings": ratings})
for film in answer["recommendations"][:3]:
    print(f"{film['stars']:.1f} stars: {film['title']} ({film['ratings']} ratings)")
by_library = set(rt.recommend(page.ranker, page.train, ratings=page.me)["title"])
same_ten = by_library == {film["title"] for film in answer["recommendations"]}
print(f"The library names the same ten films: {same_ten}")

# %% [markdown]
# The service and the library give the same list. Nobody trained anything for you just now. The films' vectors stay as they are, and your own vector is found from
# your ratings alone: a **fold-in**, a ridge regression on the vectors of the films that you rated. It
# is quick enough to be done again for each click, so the service needs no memory of you. Your browser
# sends your ratings with every request.
#
# Since your vector is a sum with one part per rating, every score can be taken apart the same way:

# %%
first = answer["recommendations"][0]
because = " and ".join(f"{why['title']} ({why['rating']:g} stars)" for why in first["reasons"])
print(f"{first['title']}, because of {because or 'what most people like'}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What an export is
#
# Two files: the tables of numbers, and a card that says what they are. Neither is code, so loading an
# export of somebody else's cannot run anything on your machine. (A model saved with Python's `pickle`
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
# The card holds a checksum of the weights. If that file was cut short by a full disk, or belongs to
# another card, loading stops with one sentence. If it loads, it is the very same model:

# %%
loaded = rt.serving.load(folder).stars
same = (rt.predict(loaded, page.test) == rt.predict(page.model, page.test)).all()
print(f"All {len(page.test):,} predictions for the test part equal, to the last bit: {same}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## For everyone in the room
#
# A service that you start is reached from your own machine only. To let the others in, say so, and
# give them the address of this machine. There is no password: anybody who reaches it can use it.
#
# ```
# python -m recsys_tutorial.serving serve data/export --host 0.0.0.0 --port 8000
# ```
#
# That is the same service as a program of its own, which goes on when the notebook is closed. Export a
# new model over the old one while it runs: it takes over within a second, and no request is lost.

# %% [markdown]
# ## Exercises
#
# ### What the browser sent
#
# Write a function that makes, from ratings `{item id: stars}`, what the page sends to `/recommend` in
# order to get the best five films: a dictionary of the `ratings` and of `k`, how many films are wanted.
#
# <details><summary>Hint 1</summary>
#
# The address `openapi.json` of the service says what `/recommend` takes: a list of ratings, and `k`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The call of `ask("recommend", ...)` above has it all but `k`.
#
# </details>


# %% tags=["stub"]
def request_for(ratings):
    return None  # your turn: a dictionary


# %% tags=["solution"]
def request_for(ratings):
    return {"ratings": [{"item": i, "rating": s} for i, s in ratings.items()], "k": 5}


# %%
ws.check("04.request", request_for)

# %% [markdown]
# ### The rating that did it
#
# The page names at most two reasons for a film. The address `/explain` has all: it takes `ratings` as
# before and one `item`, and gives one contribution for each of your ratings. Which film of yours
# speaks most **against** your first recommendation? Put its title into `against`.
#
# <details><summary>Hint 1</summary>
#
# `ask("explain", {"ratings": ratings, "item": first["item"]})["contributions"]` is a list of
# dictionaries with a `title` and a `lift`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Against the film speaks whatever has the smallest, most negative `lift`:
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
# A service on the web gets nonsense every day. Every answer on the web carries a *status*, a number: 200
# says that all is well. Guess, then try: with which status does this service answer
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
# Copy the export, change one byte of its weights, and load the copy. Put the error that you get into
# `error_of_copy`.
#
# <details><summary>Hint 1</summary>
#
# `shutil.copytree(folder, copy)` copies. Of a path, `read_bytes()` gives the content and
# `write_bytes(...)` replaces it; a `bytearray` can be changed in place.
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
# Requests under way are finished first, then the port is free again. (Closing the notebook's kernel
# stops it as well.)

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
# Page 17 comes back to this, thoroughly: the same page without any server, and what it takes when
# millions click.
