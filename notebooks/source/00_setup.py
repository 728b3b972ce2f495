# ---
# minutes: 10
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Set up and look around
#
# Make sure that this machine, its packages and the data are ready, and get ten recommendations from
# a model that you have just trained.

# %% tags=["setup"]
import recsys_tutorial as rt

page = rt.page("00_setup")

# %% [markdown]
# ## Try a check
#
# Which film has the most ratings? Put its title, as a string, into `most_rated`.
#
# <details><summary>Hint</summary>
#
# `page.data.counts("item")` holds the number of ratings of each film, in the order of
# `page.data.items`.
#
# </details>

# %% tags=["stub"]
most_rated = None  # your turn

# %% tags=["solution"]
position = page.data.counts("item").argmax()
most_rated = page.data.items["title"].iloc[position]

# %%
rt.check("00.most_rated", most_rated)
