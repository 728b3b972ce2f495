# ---
# minutes: 40
# needs: [00_setup]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Why recommenders, and why deep ones
#
# See what a recommender is for, build the smallest one by hand, and learn why its few lines are
# worth making deep.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("01_why_recommenders")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One shelf for everybody, or one for you
#
# A shop window is the same for everybody who walks by. A recommender fills a window for each of
# them. Run the next cell to see three windows of five films.

# %%
import numpy as np
import pandas as pd

titles = page.data.items["title"].to_numpy()
popular = titles[np.argsort(-page.train.counts("item"), kind="stable")[:5]]
yours = rt.recommend(page.model, page.data, ratings=page.me, k=5)["title"].to_numpy()
other = page.data.users.iloc[9]
theirs = rt.recommend(page.model, page.data, other["user"], k=5)["title"].to_numpy()
you = "for our sample person" if page.me_is_sample else "for you"
other_name = f"for a {other['occupation']} of {other['age']}"
windows = pd.DataFrame({"for everybody": popular, you: yours, other_name: theirs})
windows

# %%
shared = len(set(yours) & set(theirs))
print(f"Titles that the second and the third window have in common: {shared} of 5.")

# %% [markdown]
# The first window counts heads. The other two come from one and the same model: nobody wrote a rule
# for either person. What the model knows of them are a few stars they gave to other films.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: who would stop at the first window? Who knows a film in the other two? Somebody will
# say that the most popular films are *good* advice. They are right, and it is a rival that we will
# have to beat with numbers on later pages. (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A stylist and a model
#
# Somebody who sells clothes by post asks: should a stylist choose for a client, or a model? Here is
# a case that we have made up, so that we know the right answer.
#
# Two numbers describe each piece: how *colourful* it is, from −1 to 1, and how *dressy*. Our client
# has rated four pieces that she was sent before.

# %%
rated = pd.DataFrame(
    {
        "piece": ["bright scarf", "white T-shirt", "evening shoes", "trainers"],
        "colourful": [1, -1, 0, 0],
        "dressy": [0, 0, 1, -1],
        "stars": [5, 2, 4, 3],
    }
)
rated

# %% [markdown]
# The **model** looks for two numbers of the client's own, her liking for colour and for dressy
# things, that explain her stars best. Three stars stand for "so-so", so it explains what is above
# or below three. Then it multiplies: her liking times what the piece has, added up.

# %%
has = rated[["colourful", "dressy"]].to_numpy()  # (4, 2)
likes, *_ = np.linalg.lstsq(has, rated["stars"] - 3)  # (2,), her liking for each
print(f"She likes colour by {likes[0]:+.1f} and dressy things by {likes[1]:+.1f}.")

# %% [markdown]
# The **stylist** has never seen those numbers. But the client wrote a note, and the stylist can
# read: *"For a wedding in a garden, in July."* No model here reads notes. The stylist knows at once
# what is too warm, too casual, or in the way on a lawn.

# %%
pieces = pd.DataFrame(
    [
        ["red linen dress", 1, 1, True],
        ["sequin jacket", 1, 1, False],
        ["flowered skirt", 1, 0, True],
        ["yellow raincoat", 1, -1, False],
        ["cream silk blouse", -1, 1, True],
        ["black wool suit", -1, 1, False],
        ["grey hoodie", -1, -1, False],
    ],
    columns=["piece", "colourful", "dressy", "fits the note"],
)
pieces["model"] = (3 + pieces[["colourful", "dressy"]].to_numpy() @ likes).round(1)  # in stars
truth = pieces["model"] - 2 * ~pieces["fits the note"]  # the wrong thing costs 2 stars
pieces["truth"] = truth.clip(lower=1)  # there is nothing below one star
pieces

# %% [markdown]
# Each of them sends two pieces. The model takes those with the most stars. The stylist takes any
# two that fit the note. Together, the stylist strikes out what does not fit, and the model orders
# what is left. Before you run the cell: which piece does only one of them get right?

# %%
fitting = pieces[pieces["fits the note"]]
sent = {
    "the model alone": pieces.nlargest(2, "model")["truth"].mean(),
    "the stylist alone": fitting["truth"].mean(),  # any two that fit: their average
    "both together": fitting.nlargest(2, "model")["truth"].mean(),
}
for who, stars in sent.items():
    print(f"{who:>17}: {stars:.2f} stars for a piece, on average")

# %% [markdown]
# The model, left alone, sends a jacket of sequins to a lawn in July. The stylist, left alone, may
# send a cream blouse to somebody who loves colour. One remembers every star ever given; the other
# understands a sentence.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Is that only this client?
#
# One client proves nothing, least of all one we invented. So let us invent 400, and 200 pieces.
# Now nobody is perfect. The model is off by half a star. The stylist guesses tastes, off by a whole
# star, misreads one note in ten, and has time for 20 pieces: any 20 when alone, the model's best 20
# when together.

# %%
rng = np.random.default_rng(0)
n, m = 400, 200  # clients, pieces
taste = rng.normal(size=(n, 2)) @ rng.normal(size=(2, m)) / np.sqrt(2)  # (n, m), true stars above 3
model = taste + rng.normal(0, 0.5, (n, m))  # what the model believes
guess = taste + rng.normal(0, 1.0, (n, m))  # what the stylist guesses of it
fits = rng.random((n, m)) < 0.3  # what the note asks for
read = fits ^ (rng.random((n, m)) < 0.1)  # what the stylist understands

# %% [markdown]
# Two helpers: the best of all pieces, and the best three among a few.


# %%
def best(score, k):
    """For each client the k pieces with the highest score: (n, k)."""
    return np.argsort(-score, axis=1, kind="stable")[:, :k]


def three(some, score):
    """The best three by score among some pieces: (n, k) -> (n, 3)."""
    return np.take_along_axis(some, best(np.take_along_axis(score, some, 1), 3), 1)


any_20, model_20 = best(rng.random((n, m)), 20), best(model, 20)

# %% [markdown]
# How much a piece that does not fit spoils the joy, we do not know. So we try all prices, from none
# to two stars, and send three pieces each time.

# %%
prices = np.linspace(0, 2, 9)  # stars lost by a piece that does not fit
joy = {"both together": [], "the model alone": [], "the stylist alone": []}
for price in prices:
    truth = 3 + taste - price * ~fits
    note = -price * ~read  # what the stylist takes off
    choices = three(model_20, model + note), best(model, 3), three(any_20, guess + note)
    for who, choice in zip(joy, choices, strict=True):
        joy[who].append(np.take_along_axis(truth, choice, 1).mean(axis=1))  # (n,) clients
mean_joy = {who: np.array([each.mean() for each in values]) for who, values in joy.items()}

# %% slideshow={"slide_type": "subslide"}
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
for (who, values), style in zip(mean_joy.items(), ("o-", "s--", "^:"), strict=True):
    ax.plot(prices, values, style, label=who)
ax.set(xlabel="what the note is worth (stars lost by a piece that does not fit)")
ax.set(ylabel="joy in a piece (stars)", title="400 invented clients, three pieces each")
ax.legend()
ends = ", ".join(f"{who} from {v[0]:.1f} to {v[-1]:.1f}" for who, v in mean_joy.items())
ws.show(fig, alt=f"Mean joy in stars as the note gets more important: {ends}.")

# %%
print("Where the note is worth two stars (± one standard error over clients):")
for alone in ("the model alone", "the stylist alone"):
    gain = joy["both together"][-1] - joy[alone][-1]  # (n,)
    error = gain.std() / np.sqrt(n)
    print(f"both together instead of {alone}: {gain.mean():+.2f} ± {error:.2f} stars")

# %% [markdown]
# Read it from the left. Where the note is worth nothing, model and pair are the same point: there
# is nothing to read. The more the note matters, the more a reader adds. The stylist alone stays
# below the pair everywhere, since nobody can look through 200 pieces for each of 400 clients.
#
# (A *standard error* says how far such an average would move with 400 other clients.)
#
# We put all this into the example; it is no measurement of stylists. What it shows is *why* such
# pairs work: each knows something that the other cannot see. Keep the question for every
# recommender that you build: who can see what the model cannot?

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: in your own work, what is "the note"? What does somebody know that never reaches the
# table of ratings? Typical answers: stock, season, contracts, good taste, what must not be shown to
# children. Then: could a model read the note? Yes, text is one more column. That leads to the
# picture of relationships further down. (8 minutes for the whole story)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why recommenders, and where
#
# Wherever there is more than anybody can look through, somebody has to choose what is seen first.

# %%
hours = page.data.n_items * 10 / 3600
typical = int(np.median(page.data.counts("user")))
print(f"Ten seconds for each of {page.data.n_items:,} titles makes {hours:.1f} hours.")
print(f"The typical person here has rated {typical} of them, {typical / page.data.n_items:.0%}.")
busiest = np.sort(page.train.counts("item"))[::-1]
tenth = busiest[: len(busiest) // 10].sum() / busiest.sum()
print(f"The best known tenth of the films has {tenth:.0%} of all ratings.")

# %% [markdown]
# And this catalogue is tiny. That is why recommenders are at work in shops (what else to look at),
# in films and music (what comes next), in news and social networks (what is on top), in maps, job
# boards and app stores, in advertising, in travel, in clothes by post. The items differ, and so does
# what counts as success: a click, a purchase, a film seen to its end, a client who stays. The core
# is the same: **people, things, a few traces of who liked what, and a guess about the rest.**
#
# Whoever chooses what is seen first has power, over those who look and over those who wish to be
# seen. Page 18 asks who is served badly.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The smallest recommender, by hand
#
# Five friends have rated six films that we invented. Seven cells are empty. What belongs there?

# %%
friends = ["Ana", "Ben", "Cleo", "Dan", "Eve"]
films = ["Star Chase", "Oops, the Moon", "A Letter in June", "The Wrong Groom"]
films += ["Pie!", "Grey Winter"]
nan = float("nan")
stars = np.array(
    [
        [5, nan, 1, 1, 3, 3],
        [1, 1, 5, 5, nan, 3],
        [4, 5, 2, nan, 4, 2],
        [nan, 3, 4, 5, 4, nan],
        [3, nan, nan, 1, 1, 5],
    ]
)  # (5, 6), friends in rows, films in columns


# %%
def as_table(stars):
    """Friends in rows, films in columns, a question mark where nothing is known."""
    return pd.DataFrame(stars, friends, films).map("{:.0f}".format).replace("nan", "?")


as_table(stars)

# %% [markdown]
# **Step 1: look.** Take three stars off each rating: what remains is how far from "so-so" it is.
# Ana's row becomes +2, ?, −2, −2, 0, 0. Ben's is −2, −2, +2, +2, ?, 0: Ana's with the signs turned
# round. So *one number per film* explains both: +1 for *Star Chase* and *Oops, the Moon*, −1 for *A
# Letter in June* and *The Wrong Groom*, 0 for the other two. Ana likes it by +2, Ben by −2.
#
# Multiply and you have the first half of a model. *Oops, the Moon* for Ana: 3 + 2 · 1 = 5 stars.
#
# Cleo and Dan have a little of it too: +1 and −1. Take that off as well, and see what is left.

# %%
film_1 = np.array([1, 1, -1, -1, 0, 0])
friend_1 = np.array([2, -2, 1, -1, 0])
left = stars - 3 - np.outer(friend_1, film_1)  # (5, 6)
as_table(left)

# %% [markdown]
# **Step 2: look again.** Nothing is left of Ana and Ben. Cleo and Dan have the same row now, and
# Eve's is that row times −2. So there is a *second number a film*: +1 for *Oops, the Moon*, *The
# Wrong Groom* and *Pie!*, −1 for *Grey Winter*. Cleo and Dan like it by +1, Eve by −2, Ana and Ben
# do not care.

# %%
film_2 = np.array([0, 1, 0, 1, 1, -1])
friend_2 = np.array([0, 0, 1, 1, -2])
Q = np.column_stack([film_1, film_2])  # (6, 2), two numbers a film
P = np.column_stack([friend_1, friend_2])  # (5, 2), two numbers a friend
by_hand = 3 + P @ Q.T  # (5, 6)
known = ~np.isnan(stars)
print("Largest miss on the ratings that we have:", np.abs(by_hand - stars)[known].max())

# %% [markdown]
# ### Exercise: fill a cell
#
# How many stars would Eve give to *Oops, the Moon*? Work it out in your head.
#
# <details><summary>Hint 1</summary>
#
# Eve's two numbers are 0 and −2. Those of the film are 1 and 1.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Multiply pair by pair, add up, and do not forget the three stars at the start.
#
# </details>

# %% tags=["stub"]
eve_oops = None  # your turn: a number of stars

# %% tags=["solution"]
eve_oops = 3 + 0 * 1 + (-2) * 1

# %%
ws.check("01.fill_cell", eve_oops)

# %% [markdown]
# So each empty cell can be filled. Here is the whole table, before and after.


# %% slideshow={"slide_type": "subslide"}
def draw(ax, table, title, mark):
    """A table of stars as a picture; cells where `mark` is True get a frame."""
    ax.imshow(np.where(np.isnan(table), 3, table), cmap=ws.DIVERGING, vmin=-1, vmax=7)
    for u, i in np.ndindex(table.shape):
        text = "?" if np.isnan(table[u, i]) else f"{table[u, i]:.0f}"
        weight = "bold" if mark[u, i] else "normal"
        ax.text(i, u, text, ha="center", va="center", fontsize=16, weight=weight)
        if mark[u, i]:
            ax.add_patch(plt.Rectangle((i - 0.46, u - 0.46), 0.92, 0.92, fill=False, lw=2.5))
    ax.set_xticks(range(6), films, rotation=30, ha="right")
    ax.set_yticks(range(5), friends)
    ax.set(title=title, xlabel="film", ylabel="friend")


# %%
fig, axes = plt.subplots(1, 2, figsize=(11, 4.6))
draw(axes[0], stars, "what we were told (stars)", ~known)
draw(axes[1], by_hand, "what two numbers each say (stars)", ~known)
cells = [f"{friends[u]}, {films[i]} {by_hand[u, i]:.0f}" for u, i in np.argwhere(~known)]
alt = f"Two tables of 5 friends and 6 films. The empty cells get filled: {'; '.join(cells)}."
ws.show(fig, alt=alt)

# %% [markdown]
# The 5 × 6 table has become 5 × 2 and 6 × 2 numbers, and the empty cells came as a gift. This is
# **matrix factorisation**: each person a short vector $p_u$, each item a short vector $q_i$, and
#
# $$\text{stars} = 3 + p_u \cdot q_i$$
#
# We never said what the numbers mean. Look at the titles and say it yourself: what do films with +1
# on the first axis have in common? And on the second?
#
# <details><summary>One reading</summary>
#
# First axis: space (+) against love (−). Second axis: funny (+) against sad (−). *Oops, the Moon* is
# a comedy in space: +1 and +1. *Pie!* is just funny: 0 and +1. Ana wants rockets, Ben romance, Eve a
# good cry.
#
# </details>

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Do this on a board if there is one; let the room call out the numbers. The moment that matters is
# Ben's row turning out as Ana's with the signs turned round. Ask: what does the 0 of Ana on the
# second axis mean? (She does not care, not: she dislikes it.) (8 minutes with the exercises)

# %% [markdown]
# ### Exercise: a new friend
#
# Fay joins. She gives *Star Chase* 4 stars and *Grey Winter* 4 stars. Which two numbers describe
# her? The films stay as they are.
#
# <details><summary>Hint 1</summary>
#
# *Star Chase* has the numbers 1 and 0, so it tells about her first number only.
#
# </details>
# <details><summary>Hint 2</summary>
#
# 4 = 3 + (first) · 1 + (second) · 0. Now the same for *Grey Winter*, which has 0 and −1.
#
# </details>

# %% tags=["stub"]
fay = None  # your turn: two numbers, like (0, 0)

# %% tags=["solution"]
fay = (1, -1)

# %%
ws.check("01.new_friend", fay)

# %% [markdown]
# You have just done what a service does when somebody new arrives: two ratings, and a place among
# all the films.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same by gradient steps
#
# With a hundred thousand ratings nobody can look. So start with random vectors and improve them a
# little at a time. "Better" needs one number: the **mean squared error** over the cells that we
# have, and *only those*.

# %%
import torch

R = torch.tensor(stars, dtype=torch.float32)  # (5, 6)
seen = ~R.isnan()  # (5, 6), True where there is a rating
generator = torch.Generator().manual_seed(0)
p = (0.5 * torch.randn(5, 2, generator=generator)).requires_grad_()  # (5, 2), friends
q = (0.5 * torch.randn(6, 2, generator=generator)).requires_grad_()  # (6, 2), films


def squared_error(p, q):
    miss = (R - (3 + p @ q.T))[seen]  # (23,), empty cells never enter
    return (miss**2).mean()


print(f"At random: {squared_error(p, q).item():.2f} stars², {seen.sum()} ratings")

# %% [markdown]
# Which way is better? One rating tells, by the chain rule. Say the rating is $r$, the model says $s$,
# and the miss is $e = r - s$. Then
#
# $$\frac{\partial\, e^2}{\partial p_u} = -2\, e\, q_i$$
#
# In words: where the model said too few stars, move the person towards the film; where it said too
# many, away from it. PyTorch can work that out for us (the part of it that does is called *autograd*).
# Let us check that it does the same.

# %%
squared_error(p, q).backward()  # autograd leaves its answer in p.grad and q.grad
with torch.no_grad():
    e = torch.where(seen, R - (3 + p @ q.T), 0.0)  # (5, 6), 0 where nothing is known
    by_hand_p = -2 * e @ q / seen.sum()  # (5, 2)
    by_hand_q = -2 * e.T @ p / seen.sum()  # (6, 2)
same = torch.allclose(by_hand_p, p.grad) and torch.allclose(by_hand_q, q.grad)
print("The gradient by hand is that of autograd:", same)

# %% [markdown]
# So this is all of training: take the gradient, step against it, repeat.

# %%
losses = []
for _ in range(300):
    p.grad = q.grad = None
    loss = squared_error(p, q)
    loss.backward()
    with torch.no_grad():
        p -= 1.0 * p.grad  # the learning rate is 1: a big step, for a tiny table
        q -= 1.0 * q.grad
    losses.append(loss.item())

learned = (3 + p @ q.T).detach().numpy()  # (5, 6)
gap = np.abs(learned - by_hand)[~known].max()
print(f"Error {losses[0]:.2f} → {losses[-1]:.7f} stars². In the empty cells, by hand and by")
print(f"gradient differ by at most {gap:.4f} stars.")

# %% [markdown]
# The same predictions. And the same vectors? Let us draw the films by their two numbers.


# %% slideshow={"slide_type": "subslide"}
import textwrap


def arrows(ax, vectors, title):
    """Films as arrows from the origin, named at their tips."""
    reach = 1.9 * np.abs(vectors).max()
    for (x, y), film in zip(vectors, films, strict=True):
        ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "lw": 2.2})
        side = "left" if x > 0.2 * reach else "right" if x < -0.2 * reach else "center"
        place = (1.1 * x, 1.1 * y + 0.1 * reach * np.sign(y))
        ax.text(*place, textwrap.fill(film, 9), ha=side, va="center", fontsize=13)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    ax.set(xlabel="first number", ylabel="second number")


# %%
fig, axes = plt.subplots(1, 2, figsize=(11, 5.4))
arrows(axes[0], Q, "by hand")
arrows(axes[1], q.detach().numpy(), "by gradient")
alt = """Six films as arrows, by hand and by gradient. The second picture is turned and stretched,
but Star Chase and A Letter in June point apart in both, and so do Pie! and Grey Winter."""
ws.show(fig, alt=alt)

# %%
star, oops, letter, groom, pie, winter = q.detach().numpy()
print("Star Chase + Pie!  =", (star + pie).round(2))
print("Oops, the Moon     =", oops.round(2))

# %% [markdown]
# The numbers differ: the picture is turned and stretched, for only products count, and you can turn
# films and friends together without changing one. The *relations* are the same. Space and love point
# apart. And the comedy in space still is *space plus comedy*, an arrow added to an arrow.
#
# Keep that in mind: in these vectors, single numbers mean little, and relations mean a lot.

# %% [markdown]
# ### Exercise: the error, and the usual mistake
#
# Write `observed_error(stars, predicted)`: the mean squared error over the ratings that exist. Both
# are arrays of the same shape, with `nan` in `stars` where there is no rating. The usual mistake
# turns an empty cell into "zero stars", and then learns that everybody hates what they have not
# seen.
#
# <details><summary>Hint 1</summary>
#
# `np.isnan(stars)` is True where nothing is known; `~` turns it round.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Choose the cells first, `miss = (stars - predicted)[there]`, then square, then take the mean: over
# the ratings, not over all cells.
#
# </details>


# %% tags=["stub"]
def observed_error(stars, predicted):
    return None  # your turn


# %% tags=["solution"]
def observed_error(stars, predicted):
    there = ~np.isnan(stars)
    return ((stars - predicted)[there] ** 2).mean()


# %%
ws.check("01.observed_error", observed_error)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why deep? For flexibility, not for size
#
# "Deep" sounds like huge data and huge machines. Yet the ratings of this page would go into an
# e-mail, and you have just trained on 23 numbers. The reason is another one: **say what the score
# is, say what you want of it, and the gradient comes by itself.** A new idea costs a few lines, and
# no new mathematics.
#
# See for yourself. Here is the model above, as a class; tables and seeds come from the library. A
# `batch` is a handful of ratings, as many as `B`: who in `batch.user`, which film in `batch.item`, the
# stars in `batch.rating`. `rows` looks their vectors up.


# %%
class Match(rt.models.MF):
    def forward(self, batch):
        p = self.rows(self.user_factors, batch.user)  # (B, dim), a vector a row
        q = self.rows(self.item_factors, batch.item)  # (B, dim)
        return self.mean + (p * q).sum(-1)  # (B,), in stars


# %% [markdown]
# **Change 1: a bias.** Some films are simply liked by most. Give each film a number for that.


# %%
class WithBias(Match):
    def __init__(self, *sizes, **settings):
        super().__init__(*sizes, **settings)
        self.item_bias = torch.nn.Parameter(torch.zeros(self.n_items))  # new

    def forward(self, batch):
        return super().forward(batch) + self.rows(self.item_bias, batch.item)  # new


# %% [markdown]
# **Change 2: a side feature.** A film with three ratings can hardly have learned a vector. But we
# know its genres. Give each genre a vector, and add those of its genres to the film's own.


# %%
class WithGenres(WithBias):
    def __init__(self, *sizes, genres, **settings):
        super().__init__(*sizes, **settings)
        self.register_buffer("genres", genres)  # new: (n_items, n_genres), 1 where it applies
        self.genre_factors = torch.nn.Parameter(torch.zeros(genres.shape[1], self.dim))  # new

    def forward(self, batch):
        of_genres = self.genres[batch.item] @ self.genre_factors  # new: (B, dim)
        p = self.rows(self.user_factors, batch.user)
        return super().forward(batch) + (p * of_genres).sum(-1)  # new


names = sorted({g for each in page.data.items["genres"] for g in each})
genres = torch.tensor([[float(g in each) for g in names] for each in page.data.items["genres"]])

# %% [markdown]
# No gradient was worked out, and `rt.fit` trains all three. We look at the error on ratings that
# were kept away: over all of them, and over the tenth whose films have the fewest ratings to learn
# from and the rest apart. Three seeds each: `±` is how much the result moves when only chance
# changes.

# %%
count = page.train.counts("item")[page.test.item]  # training ratings of each test row's film
rare = count <= np.quantile(count, 0.1)
parts = {"all ratings": rare | True, "rare films": rare, "other films": ~rare}
errors = {}
for kind, settings in ((Match, {}), (WithBias, {}), (WithGenres, {"genres": genres})):
    for seed in range(3):
        net = kind.for_dataset(page.train, dim=8, seed=seed, **settings)
        rt.fit(net, page.train, seed=seed, progress=False)
        miss = page.test.rating - rt.predict(net, page.test)
        rmse = [np.sqrt((miss[rows] ** 2).mean()) for rows in parts.values()]
        errors.setdefault(kind.__name__, []).append(rmse)

# %%
table = pd.DataFrame(index=pd.Index(parts, name="RMSE in stars, lower is better"))
for kind, rmse in errors.items():
    pairs = zip(np.mean(rmse, axis=0), np.std(rmse, axis=0, ddof=1), strict=True)
    table[kind] = [f"{mean:.3f} ± {sd:.3f}" for mean, sd in pairs]
table.T


# %%
def verdict(before, after, part, what):
    """Say what a change did to one part of the ratings: better, worse, or nothing to speak of."""
    gains = np.subtract(errors[before], errors[after])[:, list(parts).index(part)]  # (3,), by seed
    noise = 2 * gains.std(ddof=1) / np.sqrt(len(gains))
    word = "a gain" if gains.mean() > noise else "a loss" if gains.mean() < -noise else "not clear"
    print(f"{what}: {gains.mean():+.3f} stars, give or take {noise:.3f}: {word}.")


verdict("Match", "WithBias", "all ratings", "The bias, on all ratings")
verdict("WithBias", "WithGenres", "all ratings", "Genres, on all ratings")
verdict("WithBias", "WithGenres", "rare films", "Genres, on rare films")

# %% [markdown]
# Not every change helps everywhere, and you can see where to look: a side feature has most to say
# where ratings have least. Page 08 takes that up.
#
# **Change 3: another question.** Stars may not be what you need. Perhaps you want a *chance*: how
# likely is it that somebody will like the film, with four stars or five? That is another loss, in one
# line. The model stays as it is. Its output, measured from 3.5 stars, is read as a *logit*: 0 means
# a chance of one half, and the larger the number, the nearer to certain.


# %%
def liked_or_not(score, batch):
    liked = (batch.rating >= 4).float()
    return torch.nn.functional.binary_cross_entropy_with_logits(score - 3.5, liked)  # new


chance_model = rt.models.BiasedMF.for_dataset(page.train, dim=8, l2=0.02)
rt.fit(chance_model, page.train, loss=liked_or_not, progress=False)
logit = rt.predict(chance_model, page.test, clip=False) - 3.5
chance = 1 / (1 + np.exp(-logit))
liked = page.test.rating >= 4
for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)):
    here = (chance >= low) & (chance < high)
    said, was = chance[here].mean(), liked[here].mean()
    print(f"chance {low:.0%} to {high:.0%}: said {said:.0%}, liked {was:.0%}")

# %% [markdown]
# Hold the two percentages of a line side by side: a chance is good when what it says is what
# happens. Model, data and training are the library's usual ones (with a weaker penalty, `l2`, since
# this loss is smaller). What has changed is the question.
#
# That is the promise of the whole series: time, several tastes, uncertainty, sequences each are a
# few lines more. Size is a *consequence*: what is trained by small batches and gradients goes on
# working when the data grows.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room for a wish ("I only care about the top of the list", "new films should count less")
# and sketch where it would go: in `forward`, or in the loss? Most wishes have one obvious place.
# (6 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What a recommender sees
#
# So far: who gave how many stars to what. That is the thick line. Most real services have the rest
# as well, and each thin line is one more change of a few lines.

# %% slideshow={"slide_type": "subslide"}
from recsys_workshop.labs.drawings import relationships

ws.show(
    relationships(),
    alt="Five boxes, user, item, context, time and text, with lines between them. The thick line "
    "joins user and item: rates, buys, skips. Others: tastes drift with time, items are in season, "
    "text describes items and users write it, context decides what fits. Users relate to users, "
    "items to items.",
)

# %% [markdown]
# Which of these does our data hold? One rating with all that is known around it:

# %%
row = page.data.ratings.iloc[0]
person, film = page.data.users.loc[row["user"]], page.data.items.loc[row["item"]]
when = pd.to_datetime(row["timestamp"], unit="s")
print(f"user    : {person['age']} years, {person['gender']}, {person['occupation']}")
print(f"item    : {film['title']}, {', '.join(film['genres'])}, {row['rating']:g} stars")
print(f"time    : {when:%d %B %Y, %H:%M}")
print("text    : the title, and nothing else")
print("context : none; where and with whom it was seen, nobody asked")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lesson 1: density matters most
#
# How full is the table? In the toy, 23 of 30 cells. How full is a real one? That number says more
# about what you can hope for than the number of rows does.

# %% [markdown]
# ### Exercise: density
#
# Put the density of `page.data` into `density`: the share of its cells, users times films, that
# hold a rating. `len(page.data)`, `page.data.n_users` and `page.data.n_items` are all you need.
#
# <details><summary>Hint</summary>
#
# A table of 5 friends and 6 films has 5 · 6 cells. A share is between 0 and 1.
#
# </details>

# %% tags=["stub"]
density = None  # your turn: a share

# %% tags=["solution"]
density = len(page.data) / (page.data.n_users * page.data.n_items)

# %%
ws.check("01.density", density)

# %% [markdown]
# Now make the table thinner. We keep a part of the training ratings, train two models, and measure
# both on the same test ratings, with several seeds: one model with film and user biases only, one
# with vectors on top.


# %%
def test_error(part, test, dim, seed, **settings):
    net = rt.models.BiasedMF.for_dataset(part, dim=dim, seed=seed, **settings)
    rt.fit(net, part, seed=seed, progress=False)
    return rt.metrics.rmse(test.rating, rt.predict(net, test))


def thinned(share, seed):
    """A random part of the training ratings."""
    order = np.random.default_rng(seed).permutation(len(page.train))
    return page.train.take(order[: int(share * len(order))])


# %%
seeds = page.pick(3, 2)
shares = np.array([0.1, 0.25, 0.5, 1.0])
thinner = np.empty((2, len(shares), seeds))  # stars, by model, share and seed
for j, share in enumerate(shares):
    for seed in range(seeds):
        part = thinned(share, seed)
        for i, dim in enumerate((0, 16)):
            thinner[i, j, seed] = test_error(part, page.test, dim, seed)

# %% slideshow={"slide_type": "subslide"}
per_user = shares * len(page.train) / page.train.n_users
fig, ax = plt.subplots()
kinds = ("biases only", "biases and vectors")
for values, style, label in zip(thinner, ("s--", "o-"), kinds, strict=True):
    spread = 2 * values.std(1, ddof=1)
    ax.errorbar(per_user, values.mean(1), spread, fmt=style, capsize=5, label=label)
ax.set(xlabel="training ratings per user", ylabel="error on unseen ratings (RMSE, stars)")
ax.set(title="The same models, a thinner table (bars: ± 2 standard deviations)")
ax.legend()
mean_error = thinner.mean(2)  # (2, 4)
ends = [f"{values[0]:.2f} to {values[-1]:.2f} stars" for values in mean_error]
alt = (
    f"Error against ratings per user: with biases only from {ends[0]}, with vectors from {ends[1]}."
)
ws.show(fig, alt=alt)

# %%
by_data = mean_error[1, 0] - mean_error[1, -1]
by_model = mean_error[0, -1] - mean_error[1, -1]
print(f"Ten times the ratings: the model with vectors gains {by_data:.3f} stars.")
print(f"Vectors instead of biases only, on all ratings: {by_model:.3f} stars.")
print(f"The same on a tenth of the ratings: {mean_error[0, 0] - mean_error[1, 0]:+.3f} stars.")
held = [test_error(thinned(0.1, seed), page.test, 16, seed, l2=0.8) for seed in range(seeds)]
print(f"And with vectors held small by a strong penalty: {mean_error[0, 0] - np.mean(held):+.3f}.")

# %% [markdown]
# Two readings. Ratings buy more than the better model does. And the better model is only better
# where there is enough to learn it from: on the thin table its many numbers learn chance, not taste.
# Other settings do not change that. A strong penalty (page 02) keeps the vectors so small that they
# do no harm; then they do nothing else either.
#
# But is it *density*, or just the number of rows? Let us hold that number fixed. Take a quarter of
# the users. Once we train on all of their ratings, and nobody else's; once on as many ratings
# spread over everybody. Both are tested on the same rows, of the same users.

# %%
dense, thin = [], []
for seed in range(page.pick(5, 3)):
    rng = np.random.default_rng(100 + seed)
    chosen = np.zeros(page.train.n_users, dtype=bool)
    chosen[rng.permutation(len(chosen))[: len(chosen) // 4]] = True
    few_users = page.train.take(chosen[page.train.user])
    everybody = page.train.take(rng.permutation(len(page.train))[: len(few_users)])
    test = page.test.take(chosen[page.test.user])
    dense.append(test_error(few_users, test, 16, seed))
    thin.append(test_error(everybody, test, 16, seed))
difference = np.subtract(thin, dense)
print(f"As many rows: {np.mean(dense):.3f} stars where dense, {np.mean(thin):.3f} where thin.")
print(f"Dense was better in {(difference > 0).sum()} of {len(dense)} tries,", end=" ")
print(f"by {difference.mean():.3f} stars on average.")

# %% [markdown]
# The same number of rows, the same people to predict: a few well-known people beat many hardly
# known ones. So before you look for a better model, ask: could each person, and each item, be
# *asked once more*? A good question at sign-up may be worth more than a month of tuning.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room, before the figure: what gives more, ten times the ratings or a better model? Let
# them bet. Then the second question, dense or thin: let them bet again. (5 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lesson 2: use all kinds of data
#
# A table of ratings is empty exactly where you need it most: new films, new people. Other kinds of
# data are not. The genres above were such a kind: known from the first day, the same for rare films
# and famous ones. What did they buy, where films are rare and where they are not?

# %%
gains = np.subtract(errors["WithBias"], errors["WithGenres"])  # (3 seeds, 3 parts), in stars
for part, gain in zip(parts, gains.T, strict=True):
    each = ", ".join(f"{g:+.3f}" for g in gain)
    print(f"What genres gain, {part}: {gain.mean():+.3f} stars (seed by seed: {each})")

# %% [markdown]
# The gain is largest where the ratings are few. The same goes for every line in the picture: text
# tells of the film that nobody has seen, the hour tells of the person who never rates. Different
# kinds of data fill each other's holes. In a model made of vectors they all come in by the same
# door: give it a vector, and add.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lesson 3: explanations matter
#
# "You might like this" is an order. "Because you liked that" is the beginning of a conversation: you
# can say no, and say why. It helps those who build the model, too: wrong reasons are easier to spot
# than wrong numbers.

# %%
top = rt.recommend(page.model, page.data, ratings=page.me, reasons=True)
for film in top.head(5).itertuples():
    print(f"{film.title}, {film.score:.1f} stars\n    {film.reasons}")

# %% [markdown]
# Each reason is a rating, with how much it lifts the film (in stars) above what it does for films in
# general. A low rating can be a reason as well: what you dislike tells something about you.
#
# Is it true, though? A reason that can be left out without consequence is decoration. So leave it
# out: place you anew *without* the named ratings, and see how far the film falls. To compare, leave
# out as many others.

# %%
title_of = dict(zip(page.data.items["item"], titles, strict=True))


def place(item, without):
    """Place of a film in your list of all films, when some of your ratings are left out."""
    ratings = {i: r for i, r in page.me.items() if i not in without}
    everything = {"k": page.data.n_items, "exclude_rated": False}
    ranked = rt.recommend(page.model, page.data, ratings=ratings, **everything)["item"]
    return ranked[~ranked.isin(list(page.me))].tolist().index(item) + 1


# %%
rng = np.random.default_rng(0)
falls = {"named": [], "others": []}
for film in top.itertuples():
    named = [i for i in page.me if title_of[i] in film.reasons]
    others = [i for i in page.me if i not in named]
    here = place(film.item, [])
    falls["named"].append(place(film.item, named) - here)
    for _ in range(8):
        drawn = [others[j] for j in rng.permutation(len(others))[: len(named)]]
        falls["others"].append(place(film.item, drawn) - here)
print(f"Without the named reasons a film falls by {np.mean(falls['named']):.1f} places on average,")
print(f"without as many other ratings by {np.mean(falls['others']):.1f}.")

# %% [markdown]
# If the first number is much larger, the reasons carry the recommendation: they are a part of the
# computation, not a story told afterwards. For vectors such reasons are cheap, since a new person's
# vector is a *sum* over their ratings, and a sum can be taken apart.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lesson 4: one set of vectors, many teams
#
# The model was trained to guess stars. What is left over, a vector for each film, is worth more than
# the guess. One team trains it, and every other team can take it off the shelf.

# %%
vectors = page.model.item_factors.detach().numpy()  # (n_items, dim)
counts = page.train.counts("item")
well_known = np.flatnonzero(counts >= np.quantile(counts, 0.8))  # the best known fifth


def unit(table):
    """The vectors of the well-known films, each of length 1, so that products are cosines."""
    some = table[well_known]
    return some / np.linalg.norm(some, axis=1, keepdims=True)


v = unit(vectors)  # (n, dim)
names_known = titles[well_known]
print(f"{len(v)} films with {counts[well_known].min()} training ratings or more")

# %% [markdown]
# **Reusable.** The team of the film pages wants "more like this". No new model: the nearest vectors.

# %%
for k in np.argsort(-counts[well_known], kind="stable")[:3]:
    near = np.argsort(-(v @ v[k]))[1:4]  # the nearest is the film itself
    print(f"{names_known[k]}: {'; '.join(names_known[near])}")

# %% [markdown]
# **Transformable.** The editors want a science-fiction shelf. Average the vectors of the films that
# have the label: the average is a vector, too, and can be asked like a film. Each film is compared
# with the average of the *others*, so that none meets itself.

# %%
labelled = np.array(["Sci-Fi" in page.data.items["genres"].iloc[i] for i in well_known])
total = v[labelled].sum(0)  # (dim,)
close = v @ total - labelled * (v * v).sum(1)  # without the film itself
close = close / (labelled.sum() - labelled)  # (n,), mean cosine to the labelled films
auc = rt.metrics.auc(labelled, close)
print(f"A labelled film is closer than an unlabelled one in {auc:.0%} of all pairs (chance: 50%).")
print("No label, but close:", "; ".join(names_known[~labelled][np.argsort(-close[~labelled])[:4]]))

# %% [markdown]
# **Interpretable.** The marketing team asks what tells people apart. Turn the cloud of films so that
# it is widest along the first axis, and read the titles at both ends.


# %%
def first_axis(v):
    """Place of each film along the direction in which the films differ most: (n,)."""
    centred = v - v.mean(0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][0]


axis = first_axis(v)
order = np.argsort(axis)
pd.DataFrame({"one end": names_known[order[:6]], "the other end": names_known[order[::-1][:6]]})

# %% [markdown]
# What would you call this axis? Write a word down; page 03 does this with care, and asks whether a
# name is more than a story.
#
# **Reliable.** Nobody builds on sand: would another training run say the same? Train once more from
# another seed, and compare.

# %%
again = rt.models.BiasedMF.for_dataset(page.train, dim=page.model.dim, seed=1)
rt.fit(again, page.train, page.valid, seed=1, progress=False)
w = unit(again.item_factors.detach().numpy())
pairs = np.triu_indices(len(v), 1)
single = np.corrcoef(v.ravel(), w.ravel())[0, 1]
relation = np.corrcoef((v @ v.T)[pairs], (w @ w.T)[pairs])[0, 1]
same_axis = abs(np.corrcoef(axis, first_axis(w))[0, 1])
print(f"Between two runs, single numbers agree by {single:+.2f} (correlation), the likeness")
print(f"of pairs of films by {relation:+.2f}, and the first axis by {same_axis:.2f}.")

# %% [markdown]
# As in the toy: single numbers say nothing, relations stay. So share the vectors of *one* run with
# everybody, and never mix two runs. (Page 14 shows how to turn one run onto another.)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# The four words are the reason why many companies train vectors first and ask what for later. Ask
# the room: which team next to yours could use them tomorrow? Let people name the axis aloud before
# you go on; the answers will differ, which is the point of page 03. (6 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * A recommender chooses what each person sees first, where there is more than anybody can look
#   through. It is at its best together with people who see what it cannot.
# * **A short vector each.** Stars are a product of the person's vector and the item's. You have
#   found such vectors by hand, and then by gradient, from the ratings that exist and *only those*.
# * **Deep for flexibility.** A bias, a side feature, another question: a few new lines each, and
#   the gradient comes by itself.
# * **Density first**, then more kinds of data, then a better model.
# * **Vectors outlive their task**: reusable, transformable, interpretable, reliable. Their relations
#   have meaning; their single numbers do not.
#
# Next, you train your own on a hundred thousand ratings, and watch it learn.
