# ---
# minutes: 10
# needs: [02_mf_follow_along]
# ---

# %% [markdown]
# # Bug hunt: what you have already seen
#
# A recommender that worked for months suddenly recommends what people have already watched. Find the one wrong
# place, and mend it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("bug_hunts/05_what_you_have_seen")

# %% [markdown]
# ## The story
#
# The service used a model of stars. Then a colleague replaced it by a model of *choice*, which gives the logarithm of
# the probability that a film is the next one watched. Nothing else changed, least of all the code below.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch


def suspect(scores, seen, k=10):  # (B, n_films), (B, n_films): True where rated
    left = scores.masked_fill(seen, 0.0)  # what was seen is out of the race
    return left.topk(k, dim=1).indices  # (B, k) films


# %% [markdown]
# ## The symptom
#
# We ask both models for everybody's list of ten. How much of each list has the user rated before?

# %%
train = page.train
users = torch.arange(train.n_users)
seen = torch.zeros(train.n_users, train.n_items, dtype=torch.bool)
seen[train.user, train.item] = True
choice = rt.models.MF.for_dataset(train, dim=16)
rt.fit(choice, train, loss=rt.losses.sampled_softmax, epochs=page.pick(3, 1), progress=False)
with torch.no_grad():
    everybody = rt.Batch(user=users)
    stars = page.model.score_items(everybody)
    chances = choice.score_items(everybody).log_softmax(1)  # (n_users, n_films)


# %%
def symptom(top, name):
    shares = [seen.gather(1, top(scores, seen)).float().mean(1) for scores in (stars, chances)]
    fig, ax = plt.subplots(figsize=(7, 3))
    for share, what, style in zip(shares, ("stars", "log-probabilities"), ("-", "--"), strict=True):
        ax.plot(np.sort(share.numpy())[::-1], style, lw=2, label=f"model of {what}")
    ax.set(xlabel="users, sorted", ylabel="share rated before", ylim=(-0.05, 1.05))
    ax.set(title=f"How much of each list by {name} is old")
    ax.legend(loc="center right")
    ws.show(fig, alt=f"Share of each list by {name} that the user had rated, two models.")
    print(f"Seen before: stars {shares[0].mean():.0%}, log-probabilities {shares[1].mean():.0%}")


# %%
symptom(suspect, "suspect")

# %% [markdown]
# ## Mend it
#
# <details><summary>Hint 1</summary>
#
# One model is fine, the other is not. What is different about their *scores*? Print a few of each.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Where does a film with the score 0 rank among stars, and where among log-probabilities?
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# A probability is at most 1, so its logarithm is at most 0: zero is the best score there is. Which number is worse
# than any other, in every model?
#
# </details>


# %% tags=["stub"]
def mended(scores, seen, k=10):  # your turn: one place is wrong
    left = scores.masked_fill(seen, 0.0)  # what was seen is out of the race
    return left.topk(k, dim=1).indices  # (B, k) films


# %% tags=["solution"]
def mended(scores, seen, k=10):
    left = scores.masked_fill(seen, -torch.inf)  # what was seen is out of the race
    return left.topk(k, dim=1).indices  # (B, k) films


# %%
ws.check("bug_hunts.seen", mended)

# %%
symptom(mended, "your version")

# %% [markdown]
# ## What to take home
#
# A number that means "nothing" in one model means "best" in another. Mask with minus infinity, and test a ranking
# with scores that are all negative, some of them far below zero. The same slip in an evaluation does more harm than
# in a shop: films of the training part fill the list, and a good model looks bad.
