# ---
# minutes: 45
# needs: [04_deploy_it_now]
# knows: "what a ridge regression is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Deploy, thoroughly
#
# Export a model with a card, serve lists that change with each click, replace the model while people use
# it, put a recommender on the web without a server, and see what a real deployment adds.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("17_deploy")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Who will the service meet?
#
# It will meet people who were not there when the model was trained. So we set aside one user in five:
# the models see none of their ratings in training, and we bring these people in later.

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
    rt.fit(one, train)
print(f"Trained on {len(train):,} ratings; {len(np.unique(new.user))} people are new to it.")

# %% [markdown]
# ## A card for the model
#
# An export has weights and a *card*. Somebody who finds the files in two years will ask four questions:
# what is it, what was it trained on, how good was it, what does it run on? The card answers them, and a
# checksum says whether the weights have changed since. Our export holds two models, and each is judged on
# its own task: the ranker by the NDCG@10 of its lists, with `Popularity` for comparison, and the star
# model by its RMSE.

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
    "what fills the lists": f"{card['model']['class']}, {how_good}",
    "Popularity's lists": f"NDCG@10 {card['popularity']['ndcg@10']:.3f}",
    "what predicts the stars": f"{card['stars']['class']}, RMSE {card['metrics']['rmse']:.3f} stars",
    "trained on": f"{card['data']['ratings']:,} ratings, sha256 {card['data']['sha256'][:12]}...",
    "runs on": f"version {card['versions']['recsys_tutorial']}, torch {card['versions']['torch']}",
}
pd.Series(answers, name="the card says").to_frame()

# %%
poor = judged["stars"]["ndcg@10"]
print(f"If the star model filled the lists, their NDCG@10 would be {poor:.3f}.")
lead = {}
for name, other in (("Popularity", heads), ("the star model", model)):
    lead[name] = rt.compare(ranker, other, test, train=train, metric="ndcg@10")
    print(f"The ranker minus {name}: {lead[name]}")

# %% [markdown]
# Why not simply pickle the model? Because a pickle is a program. If you load one, you run what its writer
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
# When a new person arrives, the items' vectors $z_i$ stay as they are. The `offset` of an item is the
# rating that an average person would give to it. A new person has rated a few items, and their rating of
# item $i$ is $y_i$ stars above its offset. We look for the person's vector $p$, the one that makes
#
# $$\sum_i (y_i - z_i \cdot p)^2 + \sum_c \lambda_c\, p_c^2$$
#
# as small as possible. Here $i$ runs over the rated items, and $c$ over the dimensions, each with its
# penalty $\lambda_c$. Let the $z_i$ be the rows of a matrix $Z$, and the $\lambda_c$ the diagonal of
# $\Lambda$. Set the derivative to zero, and you get $(Z^\top Z + \Lambda)\, p = Z^\top y$. This is a ridge
# regression with as many unknowns as the model has dimensions. Computing a new person's vector in this
# way is called **folding in**.

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
who = "The sample person is" if page.me_is_sample else "You are"
print(f"{who} {len(you)} numbers. The last one says how far these ratings are above", end=" ")
print(f"other people's: {you[-1]:+.2f} stars.")

# %% [markdown]
# ## What each click is worth
#
# Now the new people come in. We put each person's ratings in a random order, and give the model none of
# them, then the first one, the first two, and so on up to forty. Each time it predicts the same ten
# ratings: those from the 41st to the 50th.

# %%
clicks, rng = [0, 1, 2, 3, 5, 10, 20, 40], np.random.default_rng(0)
misses = {n: [] for n in clicks}  # squared errors, in stars^2
people = [user for user in np.unique(new.user) if (new.user == user).sum() >= 50]
for user in people:
    order = rng.permutation(np.flatnonzero(new.user == user))  # in random order
    target, stars = new.item[order[40:50]], new.rating[order[40:50]]
    for n in clicks:
        person = fold_in(new.item[order[:n]], new.rating[order[:n]])
        misses[n].append((predicted(target, person) - stars) ** 2)
error = {n: float(np.sqrt(np.mean(all_of_them))) for n, all_of_them in misses.items()}
print(f"RMSE for {len(people)} new people: {error[0]:.3f} stars without a rating,", end=" ")
print(f"{error[40]:.3f} stars after 40 ratings.")
per_person = {n: np.mean(squares, axis=1) for n, squares in misses.items()}  # stars^2
for before, after in ((0, 5), (5, 40)):
    gain = rt.interpret.mean_interval(per_person[before] - per_person[after])
    print(f"Squared error saved from {before} to {after} ratings: {gain} stars^2")

# %%
from matplotlib import pyplot as plt

fig, ax = plt.subplots()
ax.plot(list(error), list(error.values()), marker="o", color=ws.PALETTE["blue"])
ax.set(xlabel="ratings given", ylabel="error on ten later ratings (RMSE, stars)")
ax.set(title="The first ratings reduce the error most (the axis does not start at 0)")
alt = f"Line chart: the error falls from {error[0]:.2f} stars without a rating to "
ws.show(fig, alt=f"{alt}{error[40]:.2f} after forty; per rating, the first few reduce it most.")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask before you show the figure: after how many ratings do we have half of the gain? Why do the first
# ones count most? (They show how generously somebody rates.) (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Serve it
#
# The service stores nothing about a person: the browser keeps the ratings and sends them with each
# request. So you can kill the service at any time and start it again, or let ten copies of it share the
# work, and nobody loses a rating.

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
# Do the stars beside a title come from the same arithmetic as ours above? The service also explains a
# recommendation: it splits the ranker's score into a base and one contribution per rating. The base holds
# the item's score without ratings, and what the ratings add to an average item. A contribution is what one
# rating adds to this item beyond what it adds to an average one. Do these parts add up to the score?

# %%
position = page.data.item_vocab.position(best[0]["item"])
here = predicted(np.array([position]), you)[0]
told = ask("explain", {"ratings": ratings, "item": best[0]["item"]})
total = told["base"] + sum(one["lift"] for one in told["contributions"])
print(f"{best[0]['title']}: the service says {best[0]['stars']:.4f} stars, our cells {here:.4f}.")
print(f"The ranker's score {best[0]['score']:.4f}, explained:", end=" ")
print(f"{told['base']:.4f} + {len(ratings)} contributions = {total:.4f}.")

# %% [markdown]
# ## A new model while people click
#
# The service now gets the two models that earlier pages saved. They were trained on ratings from
# everybody, including the people whom we set aside here. We keep a copy of this page's export, so that we
# can go back to it, and then export the two saved models to the folder that is being served. The service
# looks at this folder once a second. It loads new models while the old ones still answer, and switches to
# them between two requests. It refuses a damaged export and keeps the old models.

# %%
import shutil

if not service.running:  # the section ends by stopping it: this is for a second run
    service = rt.serving.serve(folder)
previous = page.folder / "previous"
if ask("ready")["model"] == card["weights"]["sha256"][:12]:  # the first export is live
    shutil.copytree(folder, previous, dirs_exist_ok=True)


def wait_for(model, seconds=20):
    """Ask until this model answers; return how many answers came from other models first."""
    answered, deadline = 0, time.monotonic() + seconds
    while ask("recommend", {"ratings": ratings})["model"] != model and time.monotonic() < deadline:
        answered += 1
    return answered


# %%
old = card["weights"]["sha256"][:12]
rt.serving.export(page.ranker, page.train, folder, stars=page.model)
answered = wait_for(rt.serving.load(folder).card["weights"]["sha256"][:12])
now = ask("ready")["model"]
print(f"Answers still from the old models: {answered}. Then {now} took over. No request failed.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise: the way back
#
# On Friday evening the new model turns out to be bad. Write `roll_back(live, previous)`, which gets two
# directories with exports (`pathlib.Path`). Afterwards `live` must hold the models of `previous`, and
# `previous` must be as it was. A program that loads `live` in the meantime must get either the models from
# before the rollback or those from after it, never a mixture. And a program that read the card in `live`
# before the rollback must still find the weights that belong to that card. Below the check, we use your
# function to roll back the running service. An export is two files:

# %%
print([path.name for path in sorted(previous.iterdir())])

# %% [markdown]
# The card names the file with the weights, and this name differs between the two exports.
#
# <details><summary>Hint 1</summary>
#
# Which of the two files decides which model is live? Put that one in place last.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The files with the weights have different names, so `shutil.copy` can put one beside the other. Then copy
# the card into `live` under another name, and `os.replace` it onto `card.json`: that happens in one step.
#
# </details>


# %% tags=["stub"]
def roll_back(live, previous):
    return None  # your turn


# %% tags=["solution"]
import os


def roll_back(live, previous):
    for weights in previous.glob("weights-*"):
        shutil.copy(weights, live)
    shutil.copy(previous / "card.json", live / "card.new")
    os.replace(live / "card.new", live / "card.json")


# %%
ws.check("17.roll_back", roll_back)

# %%
ws.use("17.roll_back", roll_back)(folder, previous)
answered = wait_for(old)
back = ask("ready")["model"]
print(f"Rolled back: {answered} more answers came from {now}, then {back} took over again.")

# %% [markdown]
# How does somebody on call find out which model answers? At the address `metrics`, the service says which
# model is live, how many requests it has answered, and how many new models it has loaded or refused.
# A monitoring program such as Prometheus collects these numbers. Here are some of them:

# %%
with urllib.request.urlopen(service.url + "metrics", timeout=10) as answer:
    lines = answer.read().decode().splitlines()
for line in lines:
    if line.startswith(("recsys_requests_total", "recsys_model")):
        print(line)

# %%
service.stop()  # the port is free again
print("The service is running." if service.running else "The service has stopped.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## No server at all
#
# The table of the items' vectors is small, and a ridge regression is easy to write in JavaScript. So the
# whole recommender fits into a directory of files that any web host can serve, and people's ratings never
# leave their browser.
#
# But may you publish it? The titles and the vectors come from somebody's data. The terms of MovieLens-100K
# do not allow it. Those of `ml-latest-small` do, with conditions, and your own data is yours.
# `build_site` knows the terms of the MovieLens data:

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
    rt.fit(one, invented)
free = rt.serving.export(free_ranker, invented, page.folder / "planted", stars=free_stars)
site = rt.serving.build_site(free, page.folder / "site")
for path in sorted(site.iterdir()):
    print(f"{path.stat().st_size / 1e3:>8.1f} kB  {path.name}")
print("Open this in a browser; it needs no service:", (site / "index.html").as_uri())

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What a real deployment adds
#
# * **A reverse proxy**, such as nginx: a server that receives all requests and passes them on. It speaks
#   HTTPS, ends slow or endless requests and limits how many come from one address. Our service leaves
#   that work to it.
# * **A/B tests.** A hash of each person's id decides between the old and the new model, so a person gets
#   the same one at every visit. You measure both groups side by side. A model that is better offline is
#   only a candidate (page 07).
# * **Logging what was shown.** A click means little if you do not know the list that the person chose
#   from. Log each list with its model, its positions and the time, before anybody clicks.
# * **Drift.** The data changes after the training. Watch what goes in and what comes out: ratings per
#   request, unknown items, the spread of scores. These often change before the business numbers do, and
#   often the cause is a change in the systems that send the data.
# * **Rollback.** Keep the last exports, and practise going back. A model that cannot be taken back within
#   a minute was not deployed, it escaped.
#
# And the service has to run somewhere. The file below, from the folder `docs`, packs it into a container.
# There it runs as a user without privileges, and if you start it with the command in the file's first
# lines, it cannot change the container's files. (Our tests read the file. They cannot build the container,
# since that needs a network.)

# %%
from pathlib import Path

recipe = Path(rt.__file__).parents[1] / "docs" / "Containerfile.serving"
print(
    recipe.read_text()
    if recipe.is_file()
    else "The file is docs/Containerfile.serving in the project's repository."
)

# %% [markdown]
# ## Exercises
#
# ### Parts of a person
#
# To give a reason for a recommendation, we need to know what *each* rating contributed. Write
# `parts_of(z, y, penalty)`, a fold-in that returns one row per rating, (n, d): what this rating
# contributes to the person's vector. The rows sum to that vector. `z` (n, d), `y` (n,) and `penalty` (d,)
# mean the same as in `fold_in` above.
#
# <details><summary>Hint 1</summary>
#
# $Z^\top y$ is a sum over ratings: $\sum_i z_i y_i$. Solving is linear, so you can solve for each term
# alone.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.linalg.solve(a, b)` also takes a matrix `b`. Here it has one column per rating.
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
# Write `group(person, experiment)`, which gets a person's number and an experiment's name and returns "A"
# or "B". Each group gets about half of the people. Within one experiment the same person is always in the
# same group, even after a restart of Python. Their group in one experiment says nothing about their group
# in another.
#
# <details><summary>Hint 1</summary>
#
# `hashlib.sha256(text.encode()).digest()` gives bytes that look random and never change. Python's own
# `hash` of a text differs from process to process.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Put both the person and the experiment into the text. The first byte is as likely to be even as odd, so
# it can replace a fair coin toss.
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
# ## What we learned
#
# * A new person is a ridge regression away, and the first few ratings are worth the most.
# * A service that remembers nobody can be killed, copied and replaced at any time.
# * An export says what it is, is checked when it is loaded, and never runs code.
# * Before you ask how to publish something, ask whether the terms of its data allow it.
#
# **Try it.** Start the service again, export the saved models to its folder again, open its page in two
# browsers, and roll back while you click. First write down what you expect each of them to show. **And a
# question without a check:** your new model is better offline, and 2 % of its answers take a second
# longer. Do you deploy it, and what do you measure first?
#
# **Sources.** D. Sculley and others, "Hidden technical debt in machine learning systems", NIPS 2015.
# M. Mitchell and others, "Model cards for model reporting", FAT* 2019. E. Breck and others, "The ML test
# score: a rubric for ML production readiness and technical debt reduction", IEEE Big Data 2017.
