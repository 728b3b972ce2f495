# ---
# minutes: 15
# needs: [13_variational_mf]
# ---

# %% [markdown]
# # Bug hunt: nothing but doubt
#
# A variational model learns that it knows nothing about anything. Find the one wrong place, and mend it.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("bug_hunts/08_nothing_but_doubt")

# %% [markdown]
# ## The story
#
# Each film gets a mean and a spread for how much people like it. With many ratings the spread should become small. The
# objective is the textbook's: how badly the ratings are explained, plus how far the beliefs have moved from where they
# began (a bell curve with standard deviation 1), measured by the Kullback-Leibler divergence.

# %%
import matplotlib.pyplot as plt
import torch


def suspect(misfit, mean, log_var, n_ratings):  # (B,) nats, (n_films,), (n_films,), a number
    moved = 0.5 * (mean**2 + log_var.exp() - 1 - log_var)  # (n_films,) nats
    return misfit.mean() + moved.sum()  # nats per rating


# %% [markdown]
# ## The symptom
#
# We fit these two numbers for each film, batch by batch, and plot the spread against the number of ratings.

# %%
train = page.train
film, many = torch.from_numpy(train.item), torch.from_numpy(train.counts("item"))
rating = torch.from_numpy((train.rating - train.rating.mean()) / train.rating.std()).float()


# %%
def believed(objective):
    draw = torch.Generator().manual_seed(4)
    mean, log_var = (torch.full((train.n_items,), v, requires_grad=True) for v in (0.0, -1.0))
    step = torch.optim.Adam([mean, log_var], lr=0.05)
    for _ in range(page.pick(600, 300)):
        batch = torch.randint(len(film), (2048,), generator=draw)
        noise = torch.randn(2048, generator=draw) * (log_var / 2).exp()[film[batch]]
        misfit = 0.5 * (rating[batch] - mean[film[batch]] - noise) ** 2
        step.zero_grad()
        objective(misfit, mean, log_var, len(film)).backward()
        step.step()
    return mean.detach(), (log_var / 2).exp().detach()


# %%
def symptom(objective, name):
    mean, spread = believed(objective)
    fig, ax = plt.subplots(figsize=(7, 3.2))
    ax.plot(many.clamp_min(0.7), spread, ".", alpha=0.4, color=ws.PALETTE["blue"])
    ax.set(xlabel="training ratings of the film", ylabel="spread (sd of ratings)")
    ax.set(xscale="log", ylim=(0, 1.2), title=f"What {name} believes about each film")
    ws.show(
        fig,
        alt=f"Spread of each film in the fit with {name}, against the film's number of ratings.",
    )
    busy = many >= many.float().quantile(0.9)
    print(
        f"Most rated tenth: spread {spread[busy].mean():.2f}, means differ by {mean[busy].std():.2f}"
    )


# %%
symptom(suspect, "suspect")

# %% [markdown]
# ## Mend it
#
# <details><summary>Hint 1</summary>
#
# The code adds two terms. Are both of them *per rating*? What is each of them a sum of?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The textbook's sum runs over *all ratings* for the first term, and over all films for the second. The code divides
# one of them.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# A mean over ratings is the sum divided by their number, `n_ratings`. Divide the other term by the same number.
#
# </details>


# %% tags=["stub"]
def mended(misfit, mean, log_var, n_ratings):  # your turn: one place is wrong
    moved = 0.5 * (mean**2 + log_var.exp() - 1 - log_var)  # (n_films,) nats
    return misfit.mean() + moved.sum()  # nats per rating


# %% tags=["solution"]
def mended(misfit, mean, log_var, n_ratings):
    moved = 0.5 * (mean**2 + log_var.exp() - 1 - log_var)  # (n_films,) nats
    return misfit.mean() + moved.sum() / n_ratings  # nats per rating


# %%
ws.check("bug_hunts.divergence", mended)

# %%
symptom(mended, "your version")

# %% [markdown]
# ## What to take home
#
# If the divergence is too heavy, a model doubts everything. With a factor of `1e-10` in front of it, the model doubts
# nothing, and the spreads mean nothing. The right scale is not a setting: it follows from what the mean is taken over.
# Check it in a case that you can compute: one film, one parameter, the exact posterior.
