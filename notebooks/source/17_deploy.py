# ---
# minutes: 45
# needs: [04_deploy_it_now]
# knows: "what a ridge regression is"
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Deploy, thoroughly
#
# Export a model with a card, serve lists that change with each click, replace the model while people use
# it, put a recommender on the web without a server, and know what a real deployment adds.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("17_deploy")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Who will the service meet?
#
# It will meet people who were not there when the model was trained. So we train without some people and
# bring them in later: we keep away one user in five, with all of their ratings.

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
# checksum says whether the weights have changed since. Our export holds two models, and each is judged by
# its own task: the lists by NDCG@10, compared with those of `Popularity`, and the stars by RMSE.

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
    "Popularity would have": f"NDCG@10 {card['popularity']['ndcg@10']:.3f}",
    "what is it, for stars": f"{card['stars']['class']}, RMSE {card['metrics']['rmse']:.3f} stars",
    "trained on": f"{card['data']['ratings']:,} ratings, sha256 {card['data']['sha256'][:12]}...",
    "runs on": f"version {card['versions']['recsys_tutorial']}, torch {card['versions']['torch']}",
}
pd.Series(answers, name="the card says").to_frame()

# %%
poor = judged["stars"]["ndcg@10"]
print(f"Had the star model filled the lists, their NDCG@10 would be {poor:.3f}.")
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
# The items' vectors $z_i$ stay as they are. `offset` is what an average person would give to an item. A
# new person with the vector $p$ has rated a few items, each $y_i$ stars above its offset. We look for the
# $p$ that makes
#
# $$\sum_i (y_i - z_i \cdot p)^2 + \sum_c \lambda_c\, p_c^2$$
#
# as small as possible. Set the derivative to zero, and you get $(Z^\top Z + \Lambda)\, p = Z^\top y$. This
# is a ridge regression with as many unknowns as the model has dimensions. To compute a person from
# their ratings in this way is called **folding in**.

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
# Now the new people come in. We give the model each person's first ratings, one after the other. Each
# time it predicts the same ten ratings, which come after the fortieth.

# %%
clicks, rng = [0, 1, 2, 3, 5, 10, 20, 40], np.random.default_rng(0)
misses = {n: [] for n in clicks}  # squared errors, in stars
people = [user for user in np.unique(new.user) if (new.user == user).sum() >= 50]
for user in people:
    order = rng.permutation(np.flatnonzero(new.user == user))  # in random order
    target, stars = new.item[order[40:50]], new.rating[order[40:50]]
    for n in clicks:
        person = fold_in(new.item[order[:n]], new.rating[order[:n]])
        misses[n].append((predicted(target, person) - stars) ** 2)
error = {n: float(np.sqrt(np.mean(all_of_them))) for n, all_of_them in misses.items()}
print(f"{len(people)} new people: {error[0]:.3f} stars off, {error[40]:.3f} after 40 ratings.")
per_person = {n: np.mean(squares, axis=1) for n, squares in misses.items()}  # stars^2
for before, after in ((0, 5), (5, 40)):
    gain = rt.interpret.mean_interval(per_person[before] - per_person[after])
    print(f"Squared error saved from {before} to {after} ratings: {gain} stars^2")

# %%
from matplotlib import pyplot as plt

fig, ax = plt.subplots()
ax.plot(list(error), list(error.values()), marker="o", color=ws.PALETTE["blue"])
ax.set(xlabel="ratings given", ylabel="error on ten later ratings (RMSE, stars)")
ax.set(title="The first ratings save the most (the error axis does not start at 0)")
alt = f"Line chart: the error falls from {error[0]:.2f} stars without a rating to "
ws.show(fig, alt=f"{alt}{error[40]:.2f} after forty; each of the first few saves the most.")

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask before you show the figure: after how many ratings do we have half of the gain? Why do the first
# ones count most? (They settle how generously somebody rates.) (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Serve it
#
# The service stores nothing about a person: the browser keeps the ratings and sends them with each
# request. So you can kill a service at any time and start it again, or let ten of them share the work,
# and nobody notices.

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
# Do the stars beside a title come from the same arithmetic as ours above? And do the contributions
# in an explanation add up to the ranker's score?

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
# The models that the earlier pages kept were trained on everybody. We now copy the export of this page,
# and then overwrite it with the two models from earlier pages. The service looks at the folder once a
# second. It loads new models beside the old ones and exchanges them between two requests. It refuses a
# damaged export and keeps the old models.

# %%
import shutil

if not service.running:  # stopped at the end of this section: you run it again
    service = rt.serving.serve(folder)
previous = page.folder / "previous"
if ask("ready")["model"] == card["weights"]["sha256"][:12]:  # the first export is live
    shutil.copytree(folder, previous, dirs_exist_ok=True)


def wait_for(model, seconds=20):
    """Ask until this model answers, and return how many answers the others gave before."""
    answered, deadline = 0, time.monotonic() + seconds
    while ask("recommend", {"ratings": ratings})["model"] != model and time.monotonic() < deadline:
        answered += 1
    return answered


# %%
old = card["weights"]["sha256"][:12]
rt.serving.export(page.ranker, page.train, folder, stars=page.model)
answered = wait_for(rt.serving.load(folder).card["weights"]["sha256"][:12])
now = ask("ready")["model"]
print(f"Answers still from the old models: {answered}. Then {now} took over. No answer was lost.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Exercise: the way back
#
# On Friday evening the new model turns out to be bad. `roll_back(live, previous)` gets two directories
# with exports (`pathlib.Path`). Afterwards `live` must hold the models of `previous`. A program that
# loads `live` in the meantime must get either the models from before the rollback or those from after it,
# never a mixture. And a program that has just read the card from before must still find the weights that
# belong to it. `previous` stays as it is. Your function rolls back the running service. An export is two
# files:

# %%
print([path.name for path in sorted(previous.iterdir())])

# %% [markdown]
# The card names the file with the weights, and each export's weights have a name of their own.
#
# <details><summary>Hint 1</summary>
#
# Which of the two files decides which model is live? It has to come last.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The names of the weights differ, so `shutil.copy` may put them beside the others. Copy the card to
# another name in `live` first, then `os.replace` it onto `card.json`: that happens in one move.
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
# How would somebody on call know which model answers? The service counts, and Prometheus collects the
# counts:

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
# The items' table is small, and a ridge regression is quickly written in JavaScript. So the whole
# recommender fits into a directory of files that any web host can serve, and people's ratings never
# leave their browser.
#
# But may you publish it? Titles and vectors are made from somebody's data. The terms of MovieLens-100K
# do not allow it. Those of `ml-latest-small` do, with conditions, and your own data is yours. The
# builder checks this:

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
# * **A reverse proxy in front**, such as nginx. It speaks HTTPS, ends slow or endless requests and
#   limits how many come from one address. Our service leaves that work to it.
# * **A/B tests.** Each person gets the old or the new model by a hash of their id, which never changes,
#   and you measure both groups side by side. A model that is better offline is only a candidate (page 07).
# * **Logging what was shown.** A click means little without the list that it was chosen from. Log each
#   list with its model, its positions and the time, before anybody clicks.
# * **Drift.** Watch inputs and outputs: ratings per request, unknown items, the spread of scores. They
#   move before the business numbers do, and often the cause is upstream.
# * **Rollback.** Keep the last exports, and practise going back. A model that cannot be taken back within
#   a minute was not deployed, it escaped.
#
# And there is the machine around it. The next file is in the folder `docs`. It makes a container of the
# service that has no privileges and writes nothing. (Our tests read the file. They cannot build the
# container, since that needs a network.)

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
# To give a reason for a recommendation, we need to know what *each* rating contributed. Write
# `parts_of(z, y, penalty)`, a fold-in that returns one row per rating, (n, d). The rows sum to the
# person. `z` (n, d), `y` (n,) and `penalty` (d,) mean the same as in `fold_in` above.
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
# Write `group(person, experiment)`, which gets a number and a name and returns "A" or "B". Each group
# gets half of the people. Within one experiment the same person is always in the same group, also after
# a restart. Their group in one experiment says nothing about their group in another.
#
# <details><summary>Hint 1</summary>
#
# `hashlib.sha256(text.encode()).digest()` gives bytes that look random and never change. Python's own
# `hash` of a text differs from process to process.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Put both, person and experiment, into the text. Whether the first byte is even is a fair coin toss.
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
# * Whether something may be published is a question of terms before it is one of technique.
#
# **Try it.** Start the service again, open its page in two browsers, and roll back while you click. First
# write down what each of them will show. **And a question without a check:** your new model is better
# offline, and 2 % of its answers take a second longer. Do you deploy it, and what do you measure first?
#
# **Sources.** D. Sculley and others, "Hidden technical debt in machine learning systems", NIPS 2015.
# M. Mitchell and others, "Model cards for model reporting", FAT* 2019. E. Breck and others, "The ML test
# score: a rubric for ML production readiness and technical debt reduction", IEEE Big Data 2017.
