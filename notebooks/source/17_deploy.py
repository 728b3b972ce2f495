# ---
# minutes: 45
# needs: [04_deploy_it_now]
# knows: "what a ridge regression is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Deploy, thoroughly
#
# Export a model with a card, serve it so that it changes with each click and can be replaced while
# people use it, put it on the web without a server, and know what a real deployment adds.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("17_deploy")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Who will the service meet?
#
# People who were not there when the model was trained. So let us train without some people, and bring
# them in later: one user in five is kept away, all of their ratings.

# %%
import numpy as np

rng = np.random.default_rng(17)
is_new = np.isin(
    page.data.user, rng.choice(page.data.n_users, page.data.n_users // 5, replace=False)
)
known, new = page.data.take(~is_new), page.data.take(is_new)
train, _, test = known.split("random", valid=0, seed=42)
model = rt.models.BiasedMF.for_dataset(train)  # predicts stars
ranker = rt.models.ImplicitALS.for_dataset(train)  # fills the lists
for one in (model, ranker):
    rt.fit(one, train, progress=False)
print(f"Trained on {len(train):,} ratings; {len(np.unique(new.user))} people are new to it.")

# %% [markdown]
# ## A card for the model
#
# An export has weights and a *card*. Somebody who finds the files in two years has four questions:
# what is it, what was it trained on, how good was it, what does it run on? The card answers, and a
# checksum says whether the weights are still what they were. An export may hold two models, and each
# is judged by what it was asked for: lists by NDCG@10, beside counting heads; stars by RMSE.

# %%
import pandas as pd

heads = rt.models.Popularity.for_dataset(train)
rt.fit(heads, train)
judged = {
    name: rt.evaluate(one, test, train=train)
    for name, one in (("lists", ranker), ("stars", model), ("heads", heads))
}
metrics = {**judged["lists"], "rmse": judged["stars"]["rmse"]}
folder = rt.serving.export(ranker, train, page.folder / "deployed", stars=model,
                           metrics=metrics, popularity=judged["heads"])  # fmt: skip

# %%
card = rt.serving.load(folder).card
how_good = f"NDCG@10 {card['metrics']['ndcg@10']:.3f}"
answers = {
    "what is it, for lists": f"{card['model']['class']}, {how_good}",
    "counting heads would have": f"NDCG@10 {card['popularity']['ndcg@10']:.3f}",
    "what is it, for stars": f"{card['stars']['class']}, RMSE {card['metrics']['rmse']:.3f} stars",
    "trained on": f"{card['data']['ratings']:,} ratings, sha256 {card['data']['sha256'][:12]}...",
    "runs on": f"version {card['versions']['recsys_tutorial']}, torch {card['versions']['torch']}",
}
pd.Series(answers, name="the card says").to_frame()

# %%
poor = judged["stars"]["ndcg@10"]
print(f"Had the star model filled the lists, their NDCG@10 would be {poor:.3f}.")

# %% [markdown]
# Why not simply pickle the model? Because a pickle is a program. Whoever loads it runs what its writer
# wrote:

# %%
import pickle


class NotJustData:
    def __reduce__(self):
        return print, ("I am code from the file, and I have just run on your machine.",)


pickle.loads(pickle.dumps(NotJustData()))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A person in one equation
#
# The items' vectors $z_i$ stay. A new person $p$ has rated a few items: $y_i$ stars above `offset`,
# which is what an average person would give them. We look for the $p$ that makes
#
# $$\sum_i (y_i - z_i \cdot p)^2 + \sum_c \lambda_c\, p_c^2$$
#
# as small as possible. Setting the derivative to zero gives $(Z^\top Z + \Lambda)\, p = Z^\top y$: a ridge
# regression with as many unknowns as the model has dimensions.

# %%
rows, offset = (
    table.detach().double().numpy() for table in model.item_rows()
)  # (n_items, d), (n_items,)


def fold_in(items, stars):
    z, y = rows[items], stars - offset[items]  # (n, d), (n,)
    penalty = model.ridge(len(items)).double().numpy()  # (d,)
    return np.linalg.solve(z.T @ z + np.diag(penalty), z.T @ y)  # (d,)


def predicted(items, person):
    return np.clip(offset[items] + rows[items] @ person, *page.data.scale)  # stars


# %%
items = page.data.item_vocab.index(page.me)
you = fold_in(items, np.array(list(page.me.values())))
print(
    f"You are {len(you)} numbers, the last is how far above others you rate: {you[-1]:+.2f} stars."
)

# %% [markdown]
# ## What each click is worth
#
# Now the new people come in. Each one's first ratings are given to the service, one after the other,
# and each time it predicts the same ten ratings of theirs that come after the fortieth.

# %%
clicks = [0, 1, 2, 3, 5, 10, 20, 40]
misses = {n: [] for n in clicks}  # squared errors, in stars
people = [user for user in np.unique(new.user) if (new.user == user).sum() >= 50]
for user in people:
    order = rng.permutation(np.flatnonzero(new.user == user))
    target, stars = new.item[order[40:50]], new.rating[order[40:50]]
    for n in clicks:
        person = fold_in(new.item[order[:n]], new.rating[order[:n]])
        misses[n].append((predicted(target, person) - stars) ** 2)
error = {n: float(np.sqrt(np.mean(all_of_them))) for n, all_of_them in misses.items()}
print(f"{len(people)} new people: {error[0]:.3f} stars off, {error[40]:.3f} after 40 ratings.")

# %%
from matplotlib import pyplot as plt

fig, ax = plt.subplots()
ax.plot(list(error), list(error.values()), marker="o", color=ws.PALETTE["blue"])
ax.set(xlabel="ratings given", ylabel="error on ten later ratings (RMSE, stars)")
ax.set(title="What each click is worth")
ws.show(
    fig,
    alt=f"Line chart: the error falls from {error[0]:.2f} stars without a rating to "
    f"{error[40]:.2f} after forty, the first few ratings saving the most.",
)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask before the figure is shown: how many ratings does it take until half of the gain is there? Why do
# the first ones count most? (They settle how generously somebody rates.) (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Serve it
#
# Nothing about a person is stored: the browser keeps the ratings and sends them along. So a service can
# be killed at any time and started again, or ten of them can share the work, and nobody notices.

# %%
import json
import time
import urllib.request

service = rt.serving.serve(folder)


def ask(path, content=None):
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(service.url + path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


# %%
ratings = [{"item": item, "rating": stars} for item, stars in page.me.items()]
best = ask("recommend", {"ratings": ratings})["recommendations"]
service.iframe(page.me, whose="an invented person" if page.me_is_sample else "you")

# %% [markdown]
# Are the stars beside a title the same arithmetic as ours above? And does an explanation sum to the
# ranker's score that it explains?

# %%
position = page.data.item_vocab.position(best[0]["item"])
here = predicted(np.array([position]), you)[0]
told = ask("explain", {"ratings": ratings, "item": best[0]["item"]})
total = told["base"] + sum(one["lift"] for one in told["contributions"])
print(f"{best[0]['title']}: {best[0]['stars']:.4f} stars by the service, {here:.4f} by our cells.")
print(f"The ranker's score {best[0]['score']:.4f}, explained:", end=" ")
print(f"{told['base']:.4f} + {len(ratings)} contributions = {total:.4f}.")

# %% [markdown]
# ## A new model while people click
#
# The models that the earlier pages kept have been trained on everybody. Export them over the old ones.
# The service looks once a second; it loads the new models beside the old ones, and exchanges them
# between two requests. A damaged export is refused, and the old models stay.

# %%
old, answered = ask("ready")["model"], 0
rt.serving.export(page.ranker, page.train, folder, stars=page.model)
deadline = time.monotonic() + 20
while ask("recommend", {"ratings": ratings})["model"] == old and time.monotonic() < deadline:
    answered += 1
now = ask("ready")["model"]
print(f"Model {old} gave {answered} more answers, then {now} took over. None was lost.")

# %% [markdown]
# How would somebody on call know? The service counts, and Prometheus collects:

# %%
with urllib.request.urlopen(service.url + "metrics", timeout=10) as answer:
    lines = answer.read().decode().splitlines()
for line in lines:
    if line.startswith(("recsys_requests_total", "recsys_model")):
        print(line)
service.stop()

# %% [markdown] slideshow={"slide_type": "slide"}
# ## No server at all
#
# The items' table is small, and a ridge regression is quickly written in JavaScript. So the whole
# recommender fits into a directory of files that any web host can hold, and what people rate never
# leaves their browser.
#
# May you put it there? Titles and vectors are made from somebody's data. The terms of MovieLens-100K
# do not allow it, those of `ml-latest-small` do, with conditions, and your own data is yours. The
# builder knows:

# %%
try:
    where = rt.serving.build_site(folder, page.folder / "site")
    print("built:", where)
except ValueError as refusal:
    print("refused:", refusal)

# %%
invented = rt.datasets.planted(seed=17)
free_ranker = rt.models.ImplicitALS.for_dataset(invented)
free_stars = rt.models.BiasedMF.for_dataset(invented, dim=16)
for one in (free_ranker, free_stars):
    rt.fit(one, invented, progress=False)
free = rt.serving.export(free_ranker, invented, page.folder / "planted", stars=free_stars)
site = rt.serving.build_site(free, page.folder / "site")
for path in sorted(site.iterdir()):
    print(f"{path.stat().st_size / 1e3:>8.1f} kB  {path.name}")
print("Open this in a browser, no service is running:", (site / "index.html").as_uri())

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What a real deployment adds
#
# * **A reverse proxy in front**, such as nginx. It speaks HTTPS, ends slow or endless requests and
#   limits how many come from one address. Our service leaves that work to it.
# * **A/B tests.** Each person gets the old or the new model by a fixed draw from their id, and both
#   groups are measured side by side. What is better offline is only a candidate (page 07).
# * **Logging what was shown.** A click means little without the list that it was chosen from. Log each
#   list with its model, its positions and the time, before anybody clicks.
# * **Drift.** Watch inputs and outputs: ratings per request, unknown items, the spread of scores. They
#   move before the business numbers do, and often the cause is upstream.
# * **Rollback.** Keep the last exports, and practise going back: one copy, the card last. A model that
#   cannot be taken back within a minute was not deployed, it escaped.
#
# And the machine around it. This file is in the folder `docs`; it makes a container of the service that
# runs without rights and writes nothing. (Our tests read it. They cannot build it: that needs a network.)

# %%
from pathlib import Path

recipe = Path(rt.__file__).parents[1] / "docs" / "Containerfile.serving"
print(
    recipe.read_text()
    if recipe.is_file()
    else "In the project's folder docs: Containerfile.serving"
)

# %% [markdown]
# ## Exercises
#
# ### Parts of a person
#
# A reason needs to know what *each* rating did. Write `parts_of(z, y, penalty)`, a fold-in that returns
# one row per rating, (n, d); the rows sum to the person. `z` (n, d), `y` (n,) and `penalty` (d,) mean
# the same as in `fold_in` above.
#
# <details><summary>Hint 1</summary>
#
# $Z^\top y$ is a sum over ratings: $\sum_i z_i y_i$. Solving is linear, so each term can be solved for
# itself.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.linalg.solve(a, b)` takes a matrix `b`, with one column for each rating: `z.T * y`.
#
# </details>


# %% tags=["stub"]
def parts_of(z, y, penalty):
    return None  # your turn: (n, d)


# %% tags=["solution"]
def parts_of(z, y, penalty):
    return np.linalg.solve(z.T @ z + np.diag(penalty), z.T * y).T


# %%
ws.check("17.parts", parts_of)

# %% [markdown]
# ### A fair draw
#
# Write `group(person, experiment)`, a number and a name, that gives "A" or "B": half of the people each,
# the same person always the same in one experiment, also after a restart, and independent of it in
# another.
#
# <details><summary>Hint 1</summary>
#
# `hashlib.sha256(text.encode()).digest()` gives bytes that look random and never change. Python's own
# `hash` gives other numbers for a text in each process.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Put both, person and experiment, into the text. Whether the first byte is even is a fair coin.
#
# </details>


# %% tags=["stub"]
def group(person, experiment):
    return None  # your turn: "A" or "B"


# %% tags=["solution"]
import hashlib


def group(person, experiment):
    first = hashlib.sha256(f"{experiment}/{person}".encode()).digest()[0]
    return "AB"[first % 2]


# %%
ws.check("17.group", group)

# %% [markdown]
# ### The way back
#
# `roll_back(live, previous)` gets two directories with exports (`pathlib.Path`). Afterwards `live` must
# hold the model of `previous`, and a reader that loads it meanwhile must get the old or the new model, never
# half of one. `previous` stays as it is. An export is two files:

# %%
print([path.name for path in sorted(folder.iterdir())])

# %% [markdown]
# The card names the file of the weights, and each model's weights have a name of their own.
#
# <details><summary>Hint 1</summary>
#
# Which of the two files decides which model it is? It has to come last.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The weights' names differ, so `shutil.copy` may put them beside the others. Copy the card to another
# name in `live` first, then `os.replace` it onto `card.json`, which happens in one move.
#
# </details>


# %% tags=["stub"]
def roll_back(live, previous):
    return None  # your turn


# %% tags=["solution"]
import os
import shutil


def roll_back(live, previous):
    for weights in previous.glob("weights-*"):
        shutil.copy(weights, live)
    shutil.copy(previous / "card.json", live / "card.new")
    os.replace(live / "card.new", live / "card.json")


# %%
ws.check("17.roll_back", roll_back)

# %% [markdown]
# ## What we learned
#
# * A new person is a ridge regression away, and the first few ratings are worth the most.
# * A service that remembers nobody can be killed, copied and replaced at any time.
# * An export says what it is, is checked when it is loaded, and never runs code.
# * Whether something may be published is a question of terms before one of technique.
