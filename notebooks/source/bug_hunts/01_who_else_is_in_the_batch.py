# ---
# minutes: 10
# needs: [02_mf_follow_along]
# ---

# %% [markdown]
# # Bug hunt: who else is in the batch?
#
# A model's score for you depends on who else is in your batch. Find the one wrong place, and mend it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("bug_hunts/01_who_else_is_in_the_batch")

# %% [markdown]
# ## The story
#
# A shop gives each customer three *tastes*, that is, three vectors instead of one. For each film, three weights that
# sum to one (the *attention*) say how much each taste counts. Offline all numbers were fine. In the shop,
# where customers are scored one by one, the lists looked like somebody else's. This is the code.

# %%
import matplotlib.pyplot as plt
import torch


def suspect(tastes, attention, film):  # (B, 3, k), (B, 3, k), (B, k)
    says = (tastes * film.unsqueeze(1)).sum(-1)  # (B, 3): what each taste says of the film
    looks = (attention * film.unsqueeze(1)).sum(-1)  # (B, 3): film against attention vectors
    weight = looks.softmax(dim=0)  # (B, 3): how much each taste counts
    return (weight * says).sum(-1)  # (B,)


# %% [markdown]
# ## The symptom
#
# We take one customer and one film. We score the pair alone, and then among more and more others. The films'
# vectors are real; the tastes are drawn at random.

# %%
films = page.model.item_factors.detach()  # (n_films, k)
draw = torch.Generator().manual_seed(1)
tastes, attention = torch.randn(2, 256, 3, films.shape[1], generator=draw)
film = films[torch.randint(len(films), (256,), generator=draw)]
sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256]


# %%
def symptom(score, name):
    first = [float(score(tastes[:n], attention[:n], film[:n])[0]) for n in sizes]
    fig, ax = plt.subplots(figsize=(7, 3.2))
    ax.plot(sizes, first, "o-", color=ws.PALETTE["blue"])
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, sizes)
    ax.set(xlabel="customers in the batch", ylabel="score of the first one (no unit)")
    ax.set(title=f"One customer and one film, scored by {name}")
    ws.show(fig, alt=f"Line: the first customer's score by {name}, against the size of the batch.")
    print(f"The score goes from {min(first):+.3f} to {max(first):+.3f}.")


# %%
symptom(suspect, "suspect")

# %% [markdown]
# Nothing about the first customer or the film has changed. A score must not depend on who else is in the batch.
#
# ## Mend it
#
# Below is a copy. Change one place, run the cell, and run the check.
#
# <details><summary>Hint 1</summary>
#
# Only one of the four lines lets the rows of a batch see each other. Which operations are taken *over* an axis?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The three weights of each customer should sum to one. What sums to one here? Print `weight.sum(0)` and
# `weight.sum(1)`.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `looks` has the shape (customers, tastes). A softmax over `dim=0` divides one unit among the customers.
#
# </details>


# %% tags=["stub"]
def mended(tastes, attention, film):  # your turn: one place is wrong
    says = (tastes * film.unsqueeze(1)).sum(-1)  # (B, 3): what each taste says of the film
    looks = (attention * film.unsqueeze(1)).sum(-1)  # (B, 3): film against attention vectors
    weight = looks.softmax(dim=0)  # (B, 3): how much each taste counts
    return (weight * says).sum(-1)  # (B,)


# %% tags=["solution"]
def mended(tastes, attention, film):
    says = (tastes * film.unsqueeze(1)).sum(-1)  # (B, 3): what each taste says of the film
    looks = (attention * film.unsqueeze(1)).sum(-1)  # (B, 3): film against attention vectors
    weight = looks.softmax(dim=-1)  # (B, 3): how much each taste counts
    return (weight * says).sum(-1)  # (B,)


# %%
ws.check("bug_hunts.softmax", mended)

# %%
symptom(mended, "your version")

# %% [markdown]
# ## What to take home
#
# A wrong axis raises no error: the shapes are right and the numbers sum to one, but over the wrong thing. One test
# catches the whole family: *score a batch, score its rows one by one, and compare*. Every model of this series
# passes such a test.
