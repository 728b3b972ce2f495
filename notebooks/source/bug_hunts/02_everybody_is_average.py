# ---
# minutes: 10
# needs: [02_mf_follow_along]
# ---

# %% [markdown]
# # Bug hunt: everybody is average
#
# A model trains, its loss falls, and in the end it gives the same stars to everything. Find the one wrong place, and
# mend it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("bug_hunts/02_everybody_is_average")

# %% [markdown]
# ## The story
#
# Somebody writes matrix factorisation by hand. There is no error and no warning. The loss falls in the first steps
# and then stays where it is. "Our data has no structure", says the report.

# %%
import matplotlib.pyplot as plt
import torch


def suspect(p, q, rating):  # (B, k), (B, k), (B,): stars above the mean
    score = (p * q).sum(1, keepdim=True)  # one number per row
    error = score - rating
    return (error**2).mean()  # the loss of the batch, stars squared


# %% [markdown]
# ## The symptom
#
# The training loop is plain: a batch of ratings, the gradient, a step. Then we look at the predictions for the
# training rows themselves, which any model with tables of this size should follow well.

# %%
train = page.train
user, item = torch.from_numpy(train.user), torch.from_numpy(train.item)
rating = torch.from_numpy(train.rating - train.rating.mean()).float()


def trained_with(loss_of):
    draw = torch.Generator().manual_seed(2)
    tables = [0.3 * torch.randn(n, 8, generator=draw) for n in (train.n_users, train.n_items)]
    users, films = (torch.nn.Parameter(t) for t in tables)
    step = torch.optim.Adam([users, films], lr=0.02)
    for _ in range(page.pick(400, 150)):
        batch = torch.randint(len(rating), (512,), generator=draw)
        step.zero_grad()
        loss_of(users[user[batch]], films[item[batch]], rating[batch]).backward()
        step.step()
    return (users[user] * films[item]).sum(1).detach()


# %%
def symptom(loss_of, name):
    guess = trained_with(loss_of)
    fig, ax = plt.subplots(figsize=(7, 3.2))
    for what, values, style in (("ratings", rating, "--"), ("predictions", guess, "-")):
        ax.hist(
            values.numpy(), 40, density=True, histtype="step", linestyle=style, lw=2, label=what
        )
    ax.set(xlabel="stars above the mean", ylabel="density (per star)")
    ax.set(title=f"Ratings, and predictions trained with {name}")
    ax.legend()
    ws.show(fig, alt=f"Distributions of the ratings and of predictions by {name}.")
    together = float(torch.corrcoef(torch.stack([guess, rating]))[0, 1])
    print(
        f"Predictions spread by {float(guess.std()):.2f} stars; correlation with ratings {together:+.2f}"
    )


# %%
symptom(suspect, "suspect")

# %% [markdown]
# ## Mend it
#
# <details><summary>Hint 1</summary>
#
# The loss is a mean over the batch. A mean of *what*? How many numbers should go into it?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Print the shapes of `score`, `rating` and `error` for a batch of 4 rows.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# (4, 1) minus (4,) is (4, 4), so every prediction is compared with every rating. The best single answer to all
# ratings is their mean.
#
# </details>


# %% tags=["stub"]
def mended(p, q, rating):  # your turn: one place is wrong
    score = (p * q).sum(1, keepdim=True)  # one number per row
    error = score - rating
    return (error**2).mean()  # the loss of the batch, stars squared


# %% tags=["solution"]
def mended(p, q, rating):
    score = (p * q).sum(1)  # one number per row
    error = score - rating
    return (error**2).mean()  # the loss of the batch, stars squared


# %%
ws.check("bug_hunts.broadcast", mended)

# %%
symptom(mended, "your version")

# %% [markdown]
# ## What to take home
#
# Broadcasting is convenient, and it hides mistakes. Reduce over the last axis, never keep or squeeze an axis without
# a reason, and let the loss refuse shapes that differ: `rt.losses.squared_error` raises an error here.
