"""What the tests want to know of page 10."""

VALUES = {
    "gap_mf": "gap_mf",  # between the page's class with two fields and BiasedMF, in stars
    "gap_library": "gap_library",
    "times": "float(times)",
    "error": "{name: float(value) for name, value in error.items()}",
    "gains": "{name: float(value) for name, value in gains.items()}",
    "likes": "likes.tolist()",
    "genres": "common",
    "slow": "float(pairs_slowly(np.array([[2.0], [3.0], [5.0], [7.0]]), np.ones(4)))",
    "first_guess": "[list(titles) for titles in first_guess.values()]",
    "for_me": "for_me['title'].tolist()",
}
