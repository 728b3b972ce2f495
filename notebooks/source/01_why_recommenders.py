# ---
# minutes: 45
# needs: [00_setup]
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Why recommenders, and why deep ones
#
# See what a recommender is for, build the smallest one by hand, and learn why it pays to write it in a
# deep-learning library.

# %% tags=["setup"]
import recsys_tutorial as rt
import recsys_workshop as ws

page = ws.page("01_why_recommenders")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## One shelf for everybody, or one for you
#
# A shop window is the same for everybody who walks by. A **recommender** fills a different window for
# each person. Run the next cell to see three windows of five films.

# %%
import numpy as np
import pandas as pd

titles = page.data.items["title"].to_numpy()
popular = titles[np.argsort(-page.train.counts("item"), kind="stable")[:5]]
yours = rt.recommend(page.ranker, page.data, ratings=page.me, k=5)["title"].to_numpy()
other = page.data.users.iloc[9]
theirs = rt.recommend(page.ranker, page.data, other["user"], k=5)["title"].to_numpy()
you = "for our sample person" if page.me_is_sample else "for you"
known = "occupation" in other  # some data sets know nothing about people
other_name = f"for a {other['occupation']} of {other['age']}" if known else "for somebody else"
windows = pd.DataFrame({"for everybody": popular, you: yours, other_name: theirs})
ws.films(windows)

# %%
shared = len(set(yours) & set(theirs))
print(f"Titles that the second and the third window have in common: {shared} of 5.")

# %% [markdown]
# The first window shows the films with the most ratings. The other two come from one and the same model,
# and nobody wrote a rule for either person. All that the model knows about them is the stars they gave
# to other films.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: who would stop at the first window? Who knows a film in the other two? Somebody will
# say that the most popular films are *good* advice. They are right: popularity is the rival that we
# have to beat with numbers on later pages. (2 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A stylist and a model
#
# A shop that sends clothes by post asks: who should choose for a client, a stylist or a computer model?
# Here is a case that we have made up, so that we know the right answer.
#
# Two numbers describe each piece of clothing: how *colourful* it is, from −1 to 1, and how *dressy*. Our
# client has rated four pieces that she was sent before.

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
# The **model** looks for two numbers that explain her stars best: how much she likes colour, and how
# much she likes dressy things. Three stars mean "so-so", so the model explains how far each of her ratings
# is from three stars. To predict the stars of a piece, it multiplies her liking for colour by how colourful
# the piece is, does the same for dressy, adds the two products, and adds the three stars back.

# %%
has = rated[["colourful", "dressy"]].to_numpy()  # (4, 2)
likes, *_ = np.linalg.lstsq(has, rated["stars"] - 3)  # (2,), her liking for each
print(f"Her liking is {likes[0]:+.1f} for colour and {likes[1]:+.1f} for dressy things.")

# %% [markdown]
# The **stylist** has never seen those numbers. But the client wrote a note, and the stylist can
# read it: *"For a wedding in a garden, in July."* No model here reads notes. The stylist knows at once
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
# The model and the stylist each send two pieces. The model takes those with the most predicted stars. The
# stylist takes any two that fit the note. When they work together, the stylist strikes out what does not
# fit, and the model ranks what is left. Before you run the cell: what could the model send by mistake,
# and what could the stylist?

# %%
fitting = pieces[pieces["fits the note"]]
sent = {
    "the model alone": pieces.nlargest(2, "model")["truth"].mean(),
    "the stylist alone": fitting["truth"].mean(),  # any two that fit: their average
    "both together": fitting.nlargest(2, "model")["truth"].mean(),
}
for who, stars in sent.items():
    print(f"{who:>17}: {stars:.2f} stars per piece, on average")

# %% [markdown]
# The model, left alone, sends a sequin jacket to a lawn in July. The stylist, left alone, may
# send a cream blouse to somebody who loves colour. One remembers every star ever given; the other
# understands a sentence.

# %% [markdown] slideshow={"slide_type": "slide"}
# ### Does it hold for other clients?
#
# One client proves nothing, least of all one we invented. So let us invent 400 clients and 200
# pieces. Now nobody is perfect. The model is off by half a star. The stylist's guess of a client's
# taste is off by a whole star; for one piece in ten he misjudges whether it fits the note; and he has
# time for 20 pieces: any 20 when he works alone, the model's best 20 when they work together.

# %%
rng = np.random.default_rng(0)
n, m = 400, 200  # clients, pieces
taste = rng.normal(size=(n, 2)) @ rng.normal(size=(2, m)) / np.sqrt(2)  # (n, m), true stars minus 3
model = taste + rng.normal(0, 0.5, (n, m))  # what the model believes
guess = taste + rng.normal(0, 1.0, (n, m))  # what the stylist guesses of it
fits = rng.random((n, m)) < 0.3  # what the note asks for
read = fits ^ (rng.random((n, m)) < 0.1)  # what the stylist understands

# %% [markdown]
# We need two functions: one finds the best of all pieces, the other the best three among a few.


# %%
def best(score, k):
    """For each client the k pieces with the highest score: (n, k)."""
    return np.argsort(-score, axis=1, kind="stable")[:, :k]


def three(some, score):
    """The best three by score among some pieces: (n, k) -> (n, 3)."""
    return np.take_along_axis(some, best(np.take_along_axis(score, some, 1), 3), 1)


any_20, model_20 = best(rng.random((n, m)), 20), best(model, 20)

# %% [markdown]
# We do not know how many stars a client takes off when a piece does not fit the note. So we try nine
# values, from none to two stars, and send three pieces each time.

# %%
prices = np.linspace(0, 2, 9)  # stars lost by a piece that does not fit
joy = {"both together": [], "the model alone": [], "the stylist alone": []}  # true stars
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
ax.set(ylabel="mean of the true stars per piece")
ax.set_title("400 invented clients, three pieces each (the axis does not start at 0)")
ax.legend()
ends = ", ".join(f"{who} from {v[0]:.1f} to {v[-1]:.1f}" for who, v in mean_joy.items())
ws.show(fig, alt=f"Mean stars per piece as the note gets more important: {ends}.")

# %%
print("Where the note is worth two stars (± one standard error over clients):")
for alone in ("the model alone", "the stylist alone"):
    gain = joy["both together"][-1] - joy[alone][-1]  # (n,)
    error = gain.std() / np.sqrt(n)
    print(f"both together instead of {alone}: {gain.mean():+.2f} ± {error:.2f} stars")

# %% [markdown]
# Read the figure from the left. If the note is worth nothing, the model alone and the pair get the same
# result. The more the note matters, the more it helps that somebody reads
# it. The stylist alone stays below the pair everywhere: he sees only 20 random pieces per client, and he
# guesses taste less well than the model.
#
# (The *standard error* printed above says how much the average gain typically changes if you take 400
# other clients.)
#
# The example contains only what we put into it, so it says nothing about real stylists. It shows *why*
# such pairs work: each knows something that the other cannot see. Ask of every recommender that you
# build: who can see what the model cannot?

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room: in your own work, what is "the note"? What does somebody know that never reaches the
# table of ratings? Typical answers: stock, season, contracts, good taste, what children must not
# see. Then: could a model read the note? Yes, text is one more column. That leads to the picture of
# relationships further down. (8 minutes for the whole story)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why recommenders, and where
#
# Wherever there are more things than anybody can look through, somebody has to choose what people see
# first.

# %%
hours = page.data.n_items * 10 / 3600
typical = int(np.median(page.data.counts("user")))
print(f"Ten seconds for each of {page.data.n_items:,} titles add up to {hours:.1f} hours.")
print(f"The typical person here has rated {typical} of them, {typical / page.data.n_items:.0%}.")
busiest = np.sort(page.train.counts("item"))[::-1]
tenth = busiest[: len(busiest) // 10].sum() / busiest.sum()
print(f"The most rated tenth of the films has {tenth:.0%} of all ratings.")

# %% [markdown]
# Most catalogues are far larger than this one. So you find recommenders in shops (what else to look at),
# in films and music (what comes next), in news and social networks (what is on top), in maps, job boards
# and app stores, in advertising, in travel, in clothes by post. The items differ, and so does success: a
# click, a purchase, a film watched to its end, a client who stays. The core is the same: **people,
# things, a few traces of who liked what, and a guess about the rest.** Two cases, told by those who
# built them:
#
# * **Amazon** compares *items*. "People who bought this also bought" comes from a table of related
#   items that is computed beforehand, so that each visit costs only a few look-ups, however many
#   customers there are (Linden, Smith and York, *IEEE Internet Computing* 7(1), 2003). Fourteen years
#   later Smith and Linden looked back in the same journal, 21(3).
# * **Netflix** has one recommender per shelf of its home page, and another that orders the shelves. By
#   its own account about 80% of the hours watched start from a recommendation, and it decides on changes
#   with experiments that measure how many members stay (Gomez-Uribe and Hunt, *ACM Transactions on
#   Management Information Systems* 6(4), 2015).
#
# Choosing what people see first is power, over those who look and over those who want to be seen.
# Page 18 asks who is served badly.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The smallest recommender, by hand
#
# Five friends have rated six films that we invented. Seven cells of their table are empty. What belongs
# in them?

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
# **Step 1: look.** Take three stars off each rating: what remains is its distance from "so-so".
# Ana's row becomes +2, ?, −2, −2, 0, 0. Ben's is −2, −2, +2, +2, ?, 0: Ana's with the signs
# reversed. So *one number per film* explains both: +1 for *Star Chase* and *Oops, the Moon*, −1 for *A
# Letter in June* and *The Wrong Groom*, 0 for the other two. Each friend gets a number as well: +2 for
# Ana, −2 for Ben.
#
# Multiply a friend's number by a film's number, and you have the first half of a model. Ana would give
# *Oops, the Moon* 3 + 2 · 1 = 5 stars.
#
# Cleo's and Dan's rows follow the same pattern only roughly. Take one column, *A Letter in June*: Cleo
# is one star below three there, and Dan one above. The film's number is −1, so Cleo's own number is +1
# and Dan's is −1. Eve has not rated that film, but her three stars for *Star Chase* give her 0. Multiply
# each friend's number by each film's, subtract the products from the distances, and see what is left.

# %%
film_1 = np.array([1, 1, -1, -1, 0, 0])
friend_1 = np.array([2, -2, 1, -1, 0])
left = stars - 3 - np.outer(friend_1, film_1)  # (5, 6)
as_table(left)

# %% [markdown]
# **Step 2: look again.** Nothing is left in the rows of Ana and Ben. Cleo's and Dan's rows now agree
# wherever both have a number, and Eve's numbers are theirs times −2. So there is a *second number
# per film*: +1 for *Oops, the Moon*, *The Wrong Groom* and *Pie!*, −1 for *Grey Winter*, 0 for the other
# two. The second number of Cleo and Dan is +1, that of Eve −2, and that of Ana and Ben 0.

# %%
film_2 = np.array([0, 1, 0, 1, 1, -1])
friend_2 = np.array([0, 0, 1, 1, -2])
Q = np.column_stack([film_1, film_2])  # (6, 2), two numbers per film
P = np.column_stack([friend_1, friend_2])  # (5, 2), two numbers per friend
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
# Multiply pair by pair, add the two products, and do not forget the three stars.
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
draw(axes[0], stars, "what the friends said (stars)", ~known)
draw(axes[1], by_hand, "what the model predicts (stars)", ~known)
cells = [f"{friends[u]}, {films[i]} {by_hand[u, i]:.0f}" for u, i in np.argwhere(~known)]
alt = f"Two tables of 5 friends and 6 films. The empty cells get filled: {'; '.join(cells)}."
ws.show(fig, alt=alt)

# %% [markdown]
# Now change the numbers yourself. Choose a friend or a film and move its two numbers: the framed row or
# column changes colour. What happens to Eve when her second number goes from −2 to +2?

# %% tags=["long"]
from ipywidgets import FloatSlider, interact

number = {"min": -2.0, "max": 2.0, "step": 0.5, "continuous_update": False}


@interact(name=friends + films, first=FloatSlider(0, **number), second=FloatSlider(-2, **number))
def play(name="Eve", first=0.0, second=-2.0):
    people, things, mark = P.astype(float), Q.astype(float), np.zeros((5, 6), bool)
    table, names = (people, friends) if name in friends else (things, films)
    table[names.index(name)] = first, second
    mark[(names.index(name),) if name in friends else (slice(None), names.index(name))] = True
    fig, ax = plt.subplots(figsize=(6.5, 4.6))
    draw(ax, 3 + people @ things.T, f"{name}: {first:+g} and {second:+g} (stars)", mark)
    ws.show(
        fig, alt=f"The table of stars when the two numbers of {name} are {first:g}, {second:g}."
    )


# %% [markdown]
# The 5 × 6 table has become 5 × 2 and 6 × 2 numbers. We chose these to explain the ratings that we have,
# yet they predict every cell: the empty cells came as a gift. This is **matrix factorisation**: each
# person has a short vector $p_u$, each item a short vector $q_i$, and
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
# Do this on a board if there is one; let the room call out the numbers. The moment that matters is when
# Ben's row turns out to be Ana's with the signs reversed. Ask: what does Ana's 0 on the second axis
# mean? (That she does not care, not that she dislikes it.) (10 minutes with the exercises)

# %% [markdown]
# ### Exercise: a new friend
#
# Fay joins. She gives *Star Chase* 4 stars and *Grey Winter* 4 stars. Which two numbers describe
# her? The films keep their numbers.
#
# <details><summary>Hint 1</summary>
#
# *Star Chase* has the numbers 1 and 0, so it only depends on her first number.
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
# You have just done what a service does when somebody new arrives: from two ratings, you have found
# Fay's place among all the films.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The same by gradient steps
#
# With a hundred thousand ratings, nobody can find the vectors by eye. So start with random vectors and
# improve them a little at a time. To say which vectors are better, we need one number: the **mean squared
# error** over the cells that hold a rating, and *only those*.

# %% [markdown]
# ### Exercise: the error, and the usual mistake
#
# Write `observed_error(stars, predicted)`: the mean squared error over the ratings that exist. Both are
# arrays of the same shape, with `nan` in `stars` where there is no rating. The usual mistake is to count
# an empty cell as zero stars. The model then learns that everybody hates what they have not seen. The
# pictures of the training, further down, show the error that *your* function measures.
#
# <details><summary>Hint 1</summary>
#
# `np.isnan(stars)` is True where nothing is known; `~` negates it.
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
error_works = ws.check("01.observed_error", observed_error)

# %% [markdown]
# The same in PyTorch, with random vectors to start from:

# %% tags=["long"]
import torch

R = torch.tensor(stars, dtype=torch.float32)  # (5, 6)
seen = ~R.isnan()  # (5, 6), True where there is a rating


def random_vectors(seed=0):
    """Two numbers per friend, (5, 2), and per film, (6, 2)."""
    draw = torch.Generator().manual_seed(seed)
    return [(0.5 * torch.randn(n, 2, generator=draw)).requires_grad_() for n in (5, 6)]


def squared_error(p, q):
    miss = (R - (3 + p @ q.T))[seen]  # (23,), empty cells never enter
    return (miss**2).mean()


at_random = squared_error(*random_vectors()).item()
print(f"Error of the random vectors: {at_random:.2f} stars², over {seen.sum()} ratings")

# %% [markdown]
# In which direction do we move the vectors? The chain rule gives the answer for one rating. Say the rating
# is $r$, the model says $s$, and the miss is $e = r - s$. Then
#
# $$\frac{\partial\, e^2}{\partial p_u} = -2\, e\, q_i$$
#
# In words: to make the error smaller, move the person's vector in the direction of the film's if the
# model said too few stars, and in the opposite direction if it said too many. The formula itself, the
# **gradient**, points the other way: to where the error grows. PyTorch can compute it for us: the part
# that does so is called *autograd*. Let us check that our formula and autograd give the same gradient.

# %%
p, q = random_vectors()
squared_error(p, q).backward()  # autograd leaves its answer in p.grad and q.grad
with torch.no_grad():
    e = torch.where(seen, R - (3 + p @ q.T), 0.0)  # (5, 6), 0 where nothing is known
    by_hand_p = -2 * e @ q / seen.sum()  # (5, 2)
    by_hand_q = -2 * e.T @ p / seen.sum()  # (6, 2)
same = torch.allclose(by_hand_p, p.grad) and torch.allclose(by_hand_q, q.grad)
print("Our formula and autograd give the same gradient:", same)

# %% [markdown]
# So training is no more than this: take the gradient, step against it, repeat.

# %%
p, q = random_vectors()
losses, path = [], []  # path: the vectors before each step
for _ in range(300):
    path.append((p.detach().numpy().copy(), q.detach().numpy().copy()))
    p.grad = q.grad = None
    loss = squared_error(p, q)
    loss.backward()
    with torch.no_grad():
        p -= 1.0 * p.grad  # the learning rate is 1: a big step, for a tiny table
        q -= 1.0 * q.grad
    losses.append(loss.item())

learned = (3 + p @ q.T).detach().numpy()  # (5, 6)
gap = np.abs(learned - by_hand)[~known].max()
print(f"Error {losses[0]:.2f} → {losses[-1]:.7f} stars². In the empty cells, the predictions by")
print(f"hand and by gradient differ by at most {gap:.4f} stars.")

# %% [markdown]
# The predictions are the same. Are the vectors the same, too? Let us draw the films by their two numbers.


# %% slideshow={"slide_type": "subslide"}
import textwrap


def arrows(ax, vectors, title, reach=None, names=True):
    """Films as arrows from the origin, a colour for each; their names at the tips, or left out."""
    reach = reach or 1.9 * np.abs(vectors).max()
    for (x, y), film, colour in zip(vectors, films, ws.PALETTE.values(), strict=False):
        ax.annotate(
            "", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "lw": 2.5, "color": colour}
        )
        side = "left" if x > 0.2 * reach else "right" if x < -0.2 * reach else "center"
        place = (1.1 * x, 1.1 * y + 0.1 * reach * np.sign(y))
        if names:
            ax.text(*place, textwrap.fill(film, 9), ha=side, va="center", fontsize=13)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    ax.set(xlabel="first number", ylabel="second number")


# %%
fig, axes = plt.subplots(1, 2, figsize=(11, 5.4))
arrows(axes[0], Q, "by hand")
arrows(axes[1], q.detach().numpy(), "by gradient")
alt = """Six films as arrows, by hand and by gradient. The second picture is turned and stretched,
but Star Chase and A Letter in June point in opposite directions in both, and so do Pie! and Grey
Winter."""
ws.show(fig, alt=alt)

# %% [markdown]
# How did they get there? The figure shows four moments of the training that you have just run, in the
# colours of the figure above. Below it is an animation of the first 60 steps: press play.

# %%
error_at = [
    observed_error(stars, 3 + people @ things.T) if error_works else loss
    for (people, things), loss in zip(path, losses, strict=True)
]
whose = "your function" if error_works else "our function, until yours passes the check"
print(f"The errors are measured by {whose}.")
fig, axes = plt.subplots(1, 4, figsize=(15, 4.4))
for ax, step in zip(axes, (0, 3, 10, 299), strict=True):
    named = step > 10  # before that, the tips are too close to each other for names
    arrows(ax, path[step][1], f"step {step}: {error_at[step]:.2g} stars²", reach=3, names=named)
ws.show(fig, alt="Films as arrows at four moments: a random bunch at first, then they spread until "
              "opposites point in opposite directions, while the error falls to nearly zero.")  # fmt: skip

# %%
from ipywidgets import Play


@interact(step=Play(min=0, max=60, interval=150))
def at_step(step=0):
    fig, ax = plt.subplots(figsize=(5.5, 5.5))
    title = f"step {step}: {error_at[step]:.3g} stars²"
    arrows(ax, path[step][1], title, reach=2, names=step > 5)
    ws.show(fig, alt=f"Films as arrows after {step} steps, error {error_at[step]:.3g} stars².")


# %%
star, oops, letter, groom, pie, winter = q.detach().numpy()
print("Star Chase + Pie!  =", (star + pie).round(2))
print("Oops, the Moon     =", oops.round(2))

# %% [markdown]
# The numbers differ: the picture is turned and stretched. Only the products count: you can turn the films
# and the friends together, or stretch the films and shrink the friends to match, and no product changes.
# Some *relations* stay the same. Space and love still point in opposite directions. And the comedy in
# space is still *space plus comedy*, an arrow added to an arrow.
#
# Keep that in mind: in these vectors, single numbers mean little, and relations mean a lot.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Why deep? For flexibility, not for size
#
# "Deep" sounds like huge data and huge machines. Here it means that we write the model in a
# deep-learning library, which computes the gradient. The ratings of this page would fit into an e-mail,
# and you have just trained on 23 numbers. So the reason for such a library is not size but flexibility:
# **say what the score is, say what you want of it, and the gradient takes care of itself.** A new idea
# costs a few lines, and no new mathematics.
#
# See for yourself. Here is the model above as a class. Our library creates the vectors and gives them
# their random start; the mean of the training ratings takes the place of the 3. A `batch` holds `B`
# ratings: `batch.user` says who, `batch.item` which film, `batch.rating` how many stars. `self.rows`
# looks up the vectors of these users and films.


# %%
class Match(rt.models.MF):
    def forward(self, batch):
        p = self.rows(self.user_factors, batch.user)  # (B, dim), one vector per row
        q = self.rows(self.item_factors, batch.item)  # (B, dim)
        return self.mean + (p * q).sum(-1)  # (B,), in stars


# %% [markdown]
# **Change 1: a bias.** Some films are simply liked by most people. Give each film a number for that.


# %%
class WithBias(Match):
    def __init__(self, *sizes, **settings):
        super().__init__(*sizes, **settings)
        self.item_bias = torch.nn.Parameter(torch.zeros(self.n_items))  # new

    def forward(self, batch):
        return super().forward(batch) + self.rows(self.item_bias, batch.item)  # new


# %% [markdown]
# **Change 2: a side feature.** If a film has only three ratings, a model can hardly learn its vector
# from them. But we know its genres. Give each genre a vector, and add to the film's own vector the
# vectors of all its genres.


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
# We worked out no gradient, yet `rt.fit` trains all three. We measure the error on ratings that were
# held out, the **validation part**. We do so three times: on all of them, on about 20% of them (those
# whose films have the fewest training ratings), and on the rest. Each model is trained with three
# **seeds**, the numbers that fix its random start. `±` is one standard deviation over the three seeds:
# it says how much the result moves when only the seed changes.

# %%
count = page.train.counts("item")[page.valid.item]  # training ratings of each row's film
rare = count <= np.quantile(count, 0.2)
parts = {"all ratings": rare | True, "rare films": rare, "other films": ~rare}
errors, nets = {}, {}
trials = [(kind, seed) for kind in (Match, WithBias, WithGenres) for seed in range(3)]
for kind, seed in ws.steps(trials, "model"):  # shows the progress
    settings = {"genres": genres} if kind is WithGenres else {}
    net = kind.for_dataset(page.train, dim=8, seed=seed, **settings)
    rt.fit(net, page.train, seed=seed, progress=False)
    miss = page.valid.rating - rt.predict(net, page.valid)
    rmse = [np.sqrt((miss[rows] ** 2).mean()) for rows in parts.values()]
    errors.setdefault(kind.__name__, []).append(rmse)
    nets[kind.__name__, seed] = net

# %%
table = pd.DataFrame(index=pd.Index(parts, name="RMSE (root mean squared error), stars"))
for kind, rmse in errors.items():
    pairs = zip(np.mean(rmse, axis=0), np.std(rmse, axis=0, ddof=1), strict=True)
    table[kind] = [f"{mean:.3f} ± {sd:.3f}" for mean, sd in pairs]
table.T

# %% [markdown]
# The seed is one source of chance. The choice of people is another: other *people* would have given other
# ratings. The output below shows the difference that each change makes. The brackets give the range in
# which it would usually lie if we had other users (page 06 shows how to compute it). If zero is inside,
# the data cannot tell the two models apart. Below zero means a smaller error: we call a change a gain
# only if the whole range is below zero with at least two of the three seeds.


# %%
def verdict(new, old, part):
    """The difference of two models in RMSE on a part of the rows, over users, seed by seed."""
    rows, how = page.valid.take(parts[part]), {"train": page.train, "metric": "rmse"}
    return [rt.compare(nets[new, seed], nets[old, seed], rows, **how) for seed in range(3)]


verdicts = {
    "A bias changes the RMSE on all ratings": verdict("WithBias", "Match", "all ratings"),
    "Genres change it on all ratings": verdict("WithGenres", "WithBias", "all ratings"),
    "Genres change it on rare films": verdict("WithGenres", "WithBias", "rare films"),
}
for what, by_seed in verdicts.items():
    one, below = by_seed[0], sum(each.high < 0 for each in by_seed)
    print(f"{what} by {one.difference:+.4f} stars ({one.low:+.4f} to {one.high:+.4f}, first seed).")
    said = "a gain" if below > 1 else "no clear gain"
    print(f"  With {below} of 3 seeds, the whole range is below zero: {said}.")

# %% [markdown]
# A change need not help everywhere. A side feature has most to say where there are few ratings: compare
# the last two verdicts. Page 08 takes that up.
#
# **Change 3: another question.** Stars may not be what you need. Perhaps you want a *probability*: how
# likely is it that somebody gives the film four stars or five? For that we need another **loss** (the
# number that training makes small), which takes one line. The model is the library's `BiasedMF`: it is
# like our `WithBias` but has a bias for each user as well. We subtract 3.5, half-way between three stars
# and four, from its output and read the result as a *logit*: 0 means a probability of one half, and a
# larger logit means a larger probability.


# %%
def liked_or_not(score, batch):
    liked = (batch.rating >= 4).float()
    return torch.nn.functional.binary_cross_entropy_with_logits(score - 3.5, liked)  # new


likely = rt.models.BiasedMF.for_dataset(page.train, dim=8, l2=0.02)
rt.fit(likely, page.train, loss=liked_or_not)
logit = rt.predict(likely, page.valid, clip=False) - 3.5
probability = 1 / (1 + np.exp(-logit))
liked = page.valid.rating >= 4
for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)):
    here = (probability >= low) & (probability < high)
    said, was = probability[here].mean(), liked[here].mean()
    print(f"probability {low:.0%} to {high:.0%}: the model said {said:.0%}, people liked {was:.0%}")

# %% [markdown]
# Compare the two percentages at the end of each line: a probability is good when it matches how often
# the thing happens. Which line is furthest off? Apart from the loss, two settings differ from the
# defaults of `BiasedMF`: the vectors have only 8 numbers, like those of the models above, and `l2` is
# weaker (page 02 explains `l2`).
#
# Each of the three changes took a few lines. That is the promise of the whole series: time, several
# tastes per person, uncertainty and sequences cost a few lines each, too. Such models also scale: a
# model that learns from small batches by gradients still works when the data grows.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room for a wish ("I only care about the top of the list", "new films should count less")
# and sketch where it would go: in `forward`, or in the loss? Most wishes have one obvious place.
# (5 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What a recommender sees
#
# So far we know who gave how many stars to what. In the picture below, that is the thick line. Most real
# services also have data for the thin lines, and you can add each to a model with a few lines of code.

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
# Which of these does our data hold? Here is one rating with everything we know about it:

# %%
row = page.data.ratings.iloc[0]
person, film = page.data.users.loc[row["user"]], page.data.items.loc[row["item"]]
when = pd.to_datetime(row["timestamp"], unit="s")
facts = [f"{name} {person[name]}" for name in ("age", "gender", "occupation") if name in person]
print("user    :", ", ".join(facts) or "a number")
print(f"item    : {film['title']}, {', '.join(film['genres'])}, {row['rating']:g} stars")
print(f"time    : {when:%d %B %Y, %H:%M}")
print("text    : the title, and nothing else")
print("context : none; nobody asked where and with whom it was seen")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lesson 1: density matters most
#
# How full is the table? In the toy, 23 of 30 cells hold a rating. That share is its **density**. How
# dense is the table of our data?

# %% [markdown]
# ### Exercise: density
#
# Put the density of `page.data` into `density`: the share of its cells, users times films, that
# hold a rating. You only need `len(page.data)`, `page.data.n_users` and `page.data.n_items`.
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
if ws.check("01.density", density):
    print(f"{density:.1%} of the cells of our data hold a rating; in the toy, {23 / 30:.0%} do.")

# %% [markdown]
# Now make the table thinner. We keep a part of the training ratings, train two models, and measure
# both on the same validation ratings, with several seeds. One model has biases of films and users
# only; the other has vectors on top.


# %%
def trained(part, dim, seed, **settings):
    net = rt.models.BiasedMF.for_dataset(part, dim=dim, seed=seed, **settings)
    rt.fit(net, part, seed=seed, progress=False)
    return net


def error(net, rows):
    return rt.metrics.rmse(rows.rating, rt.predict(net, rows))


def thinned(share, seed):
    """A random part of the training ratings."""
    order = np.random.default_rng(seed).permutation(len(page.train))
    return page.train.take(order[: int(share * len(order))])


# %%
seeds = page.pick(3, 2)
shares = np.array([0.1, 0.25, 0.5, 1.0])
thinner, fitted = np.empty((2, len(shares), seeds)), {}  # stars, by model, share and seed
for i, j, seed in ws.steps(np.ndindex(thinner.shape), "model"):
    fitted[i, j, seed] = trained(thinned(shares[j], seed), (0, 16)[i], seed)
    thinner[i, j, seed] = error(fitted[i, j, seed], page.valid)

# %% slideshow={"slide_type": "subslide"}
per_user = shares * len(page.train) / page.train.n_users
fig, ax = plt.subplots()
kinds = ("biases only", "biases and vectors")
for values, style, label in zip(thinner, ("s--", "o-"), kinds, strict=True):
    spread = 2 * values.std(1, ddof=1)
    ax.errorbar(per_user, values.mean(1), spread, fmt=style, capsize=5, label=label)
ax.set(xlabel="training ratings per user (bars: ± 2 standard deviations over seeds)")
ax.set(ylabel="error on unseen ratings (RMSE, stars)")
ax.set(title="More ratings help both models (the axis does not start at 0)")
ax.legend()
mean_error = thinner.mean(2)  # (2, 4)
ends = [f"{values[0]:.2f} to {values[-1]:.2f} stars" for values in mean_error]
alt = (
    f"Error against ratings per user: with biases only from {ends[0]}, with vectors from {ends[1]}."
)
ws.show(fig, alt=alt)

# %%
by_data = mean_error[1, 0] - mean_error[1, -1]
print("With ten times as many ratings, the error of the model with vectors is", end=" ")
print(f"{by_data:.3f} stars lower.")
print("Effect of adding vectors to the biases (difference in RMSE, in stars; one line per seed):")
held = [trained(thinned(0.1, s), 16, s, l2=0.8) for s in ws.steps(range(seeds), "model")]
vectors_add = {
    "all ratings": [(fitted[1, 3, s], fitted[0, 3, s]) for s in range(seeds)],
    "a tenth of the ratings": [(fitted[1, 0, s], fitted[0, 0, s]) for s in range(seeds)],
    "a tenth, vectors held small": [(held[s], fitted[0, 0, s]) for s in range(seeds)],
}
how = {"train": page.train, "metric": "rmse"}
for what, two in vectors_add.items():
    vectors_add[what] = [rt.compare(*models, page.valid, **how) for models in two]
    print(f"{what}:", *(f"  {one}" for one in vectors_add[what]), sep="\n")

# %% [markdown]
# In each line, the first model has vectors and the second has biases only; "not told apart" means that
# zero is inside the range. Two things to notice: ten times as many ratings reduced the error more than
# adding vectors did. And the vectors only help where there is enough to learn from: on the thin table
# their many numbers mostly fit random noise. A strong **penalty** on large vectors (page 02) keeps them
# so small that they do no harm, but then they bring no gain either.
#
# But does the *density* help, or just the number of ratings? Let us keep that number fixed. Take a
# quarter of the users. The **dense** model trains on all of their ratings, and nobody else's. The
# **thin** model trains on the same number of ratings, spread over everybody. First we test both on the
# validation ratings of that quarter.

# %%
dense, thin, pairs = [], [], []
for seed in ws.steps(range(page.pick(5, 3)), "draw"):
    rng = np.random.default_rng(100 + seed)
    chosen = np.zeros(page.train.n_users, dtype=bool)
    chosen[rng.permutation(len(chosen))[: len(chosen) // 4]] = True
    few_users = page.train.take(chosen[page.train.user])
    everybody = page.train.take(rng.permutation(len(page.train))[: len(few_users)])
    rows = page.valid.take(chosen[page.valid.user])
    pairs.append((trained(few_users, 16, seed), trained(everybody, 16, seed), rows))
    dense.append(error(pairs[-1][0], rows))
    thin.append(error(pairs[-1][1], rows))
difference = np.subtract(thin, dense)
print(f"Error: dense model {np.mean(dense):.3f} stars, thin model {np.mean(thin):.3f}.")
print(f"The dense model was better in {(difference > 0).sum()} of {len(dense)} draws.")

# %%
same_people, everyone = (
    [rt.compare(a, b, part, train=page.train, metric="rmse") for a, b, part in some]
    for some in (pairs, [(a, b, page.valid) for a, b, _ in pairs])
)
for who, found in (("that quarter", same_people), ("everybody", everyone)):
    print(
        f"Error of the dense model minus that of the thin one, tested on {who}, one line per draw:"
    )
    print(*(f"  {one}" for one in found), sep="\n")

# %% [markdown]
# Tested on the people it knows, the dense model is ahead. Tested on *everybody*, it has no lead, because
# it has never met three quarters of the people. (The second model of each line is the thin one: if a
# line says "the second is better", the thin model has won that draw.) So the gain belongs to those who
# gave the ratings. When the total number of ratings is fixed, a person who gave many of them is served
# better than if they had given few.
#
# Before you look for a better model, ask: could you get *one more rating* from each person, and for each
# item? On this page, ten times as many ratings reduced the error more than the better model did.

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# Ask the room, before the figure: what lowers the error more, ten times the ratings or a better model? Let
# them bet. Then the second question, dense or thin: let them bet again. (6 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lesson 2: use all kinds of data
#
# A table of ratings is empty exactly where you need it most: for new films and new people. Other kinds
# of data are not. The genres above are such a kind: we know them from the first day, for rare films as
# well as for famous ones. How much do they help with rare films, and how much with the others?

# %%
gains = np.subtract(errors["WithBias"], errors["WithGenres"])  # (3 seeds, 3 parts), in stars
for part, gain in zip(parts, gains.T, strict=True):
    each = ", ".join(f"{g:+.3f}" for g in gain)
    print(f"RMSE without genres minus RMSE with genres, {part}:", end=" ")
    print(f"{gain.mean():+.3f} stars (seed by seed: {each})")

# %% [markdown]
# The gain is largest where there are few ratings. The last verdict under "Change 2" (genres on rare
# films) says how sure we can be of the gain on rare films. We expect the same of the other kinds of data
# in the drawing under "What a recommender sees": that they help most where there are few ratings. A text
# describes the film that nobody has seen, and the time of day says something about the person who never
# rates. Different kinds of data fill each other's gaps. In a model made of vectors they all enter in the
# same way: give each new piece of information a vector, and add it to the vector of the film or the
# person.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lesson 3: explanations matter
#
# "You might like this" gives you nothing to reply to. "Because you liked that" is the beginning of a
# conversation: you can say no, and say why. It helps those who build the model, too: wrong reasons are
# easier to spot than wrong numbers.

# %%
top = rt.recommend(page.ranker, page.data, ratings=page.me, reasons=True, stars=page.model)
ws.films(top.head(5), ["title", "stars", "reasons"])

# %% [markdown]
# Each reason is one of your ratings. The number in brackets compares two effects of this rating: it is how
# much the rating raises the score of the recommended film, minus how much it raises the score of an average
# film. (The score is the number by which the ranker, the model that chose these films, sorts its list.) A
# low rating can be a reason as well: what you dislike says something about you.
#
# Are the reasons true, though? A reason that you can leave out without consequence is decoration. So
# leave it out: fit your vector again *without* the named ratings, and see how far the film falls. For
# comparison, leave out the same number of other ratings.

# %%
title_of = dict(zip(page.data.items["item"], titles, strict=True))


def place(item, without):
    """Place of a film in your list of all films, when some of your ratings are left out."""
    ratings = {i: r for i, r in page.me.items() if i not in without}
    everything = {"k": page.data.n_items, "exclude_rated": False}
    ranked = rt.recommend(page.ranker, page.data, ratings=ratings, **everything)["item"]
    return ranked[~ranked.isin(list(page.me))].tolist().index(item) + 1


# %%
rng = np.random.default_rng(0)
falls = {"named": [], "others": []}
for film in ws.steps(top.itertuples(), "film"):
    named = [i for i in page.me if title_of[i] in film.reasons]
    others = [i for i in page.me if i not in named]
    here = place(film.item, [])
    falls["named"].append(place(film.item, named) - here)
    for _ in range(8):
        drawn = [others[j] for j in rng.permutation(len(others))[: len(named)]]
        falls["others"].append(place(film.item, drawn) - here)
print(f"A film falls by {np.mean(falls['named']):.1f} places on average without the named reasons,")
print(f"and by {np.mean(falls['others']):.1f} places without as many of the other ratings", end=" ")
print("(a minus sign means that it rises).")

# %% [markdown]
# If the first number is much larger, the reasons carry the recommendation: they are part of the
# computation, not a story told afterwards. Such reasons are cheap to compute here: the ranker computes a
# new person's vector as a *sum* with one term for each rating, and we can look at each term.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lesson 4: one set of vectors, many teams
#
# We trained the model to guess stars. Its by-product, one vector per film, is often worth more than the
# guess. One team trains the model, and every other team can take the vectors off the shelf.

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
# **Reusable.** The team that runs the film pages wants a list "more like this" beside each film. It needs
# no new model, only the nearest vectors.

# %%
for k in np.argsort(-counts[well_known], kind="stable")[:3]:
    near = np.argsort(-(v @ v[k]))[1:4]  # the nearest is the film itself
    print(f"{names_known[k]}: {'; '.join(names_known[near])}")

# %% [markdown]
# **Transformable.** The editors want a science-fiction shelf. Average the vectors of the films with
# that label: the average is a vector, too, and you can search with it as with a film. We compare each
# film with the average of the *other* films with that label, so that no film is compared with itself.

# %%
labelled = np.array(["Sci-Fi" in page.data.items["genres"].iloc[i] for i in well_known])
total = v[labelled].sum(0)  # (dim,)
close = v @ total - labelled * (v * v).sum(1)  # without the film itself
close = close / (labelled.sum() - labelled)  # (n,), mean cosine to the labelled films
auc = rt.metrics.auc(labelled, close)
print(f"A labelled film is closer than an unlabelled one in {auc:.0%} of pairs (guessing: 50%).")
print("No label, but close:", "; ".join(names_known[~labelled][np.argsort(-close[~labelled])[:4]]))

# %% [markdown]
# **Interpretable.** The marketing team asks how people's tastes differ. Think of the vectors as a cloud of
# points, one per film. Turn the cloud so that it is widest along the first axis, and look at the films at
# both ends.


# %%
def first_axis(v):
    """Place of each film along the direction in which the films differ most: (n,)."""
    centred = v - v.mean(0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][0]


axis = first_axis(v)
order = np.argsort(axis)
ends = page.data.items.iloc[well_known[[*order[:6], *order[-6:]]]]
ws.films(ends.assign(end=6 * ["one"] + 6 * ["the other"]), ["end", "title", "genres"])

# %% [markdown]
# What would you call this axis? Write a word down; page 03 does this with care, and asks whether a
# name is more than a story.
#
# **Reliable.** Before other teams build on these vectors, ask: would another training run say the same?
# Train again from another seed, and compare.

# %%
again = rt.models.BiasedMF.for_dataset(page.train, dim=page.model.dim, seed=1)
rt.fit(again, page.train, page.valid, seed=1)
w = unit(again.item_factors.detach().numpy())
pairs = np.triu_indices(len(v), 1)
single = np.corrcoef(v.ravel(), w.ravel())[0, 1]
relation = np.corrcoef((v @ v.T)[pairs], (w @ w.T)[pairs])[0, 1]
same_axis = abs(np.corrcoef(axis, first_axis(w))[0, 1])
print(f"Correlation between two runs: {single:+.2f} for single numbers, {relation:+.2f} for the")
print(f"similarity of pairs of films, {same_axis:.2f} for the first axis (its sign aside).")

# %% [markdown]
# As in the toy, single numbers mean little, but the relations are similar in both runs. So share the
# vectors of *one* run with everybody, and never mix two runs. (Page 14 shows how to rotate the vectors
# of one run so that they match those of another.)

# %% [markdown] slideshow={"slide_type": "notes"} tags=["notes"]
# These four words are why some companies train vectors first, and ask later what they are for. Ask the
# room: which team next to yours could use them tomorrow? Let people name the axis aloud before you go
# on; the answers will differ, which is the point of page 03. (3 minutes)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What we learned
#
# * A recommender chooses what each person sees first, where there is more than anybody can look
#   through. It works best together with a person who sees what it cannot.
# * **A short vector for each person and item.** The model predicts stars from the product of the two.
#   You have found such vectors by hand, and then by gradient, from the ratings that exist and *only
#   those*.
# * **Deep for flexibility.** A bias, a side feature, another question: a few new lines each, and the
#   gradient takes care of itself.
# * **Density first:** more ratings help the people who gave them. More kinds of data and a better model
#   help as well.
# * **Vectors outlive their task**: reusable, transformable, interpretable, reliable. Their relations
#   have meaning; their single numbers do not.
#
# **One question to end with**, and no check: in your own work, what could you ask your users that would
# help more than a better model, and what keeps you from asking it?
#
# **Read on.** Koren, Bell and Volinsky 2009, *Matrix factorization techniques for recommender systems*;
# the two cases above, Linden, Smith and York 2003 and Gomez-Uribe and Hunt 2015.
#
# On the next page, you train a model of your own on all these ratings, and watch it learn.
