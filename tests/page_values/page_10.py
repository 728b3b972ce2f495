"""What the tests want to know of page 10."""

VALUES = {
    "leads": "[lead.low for lead in leads]",  # of the squared error, over users
    "on": "[int(p) for p in on]",
    "offsets": "[0, ours.n_users]",
    "gap_mf": "gap_mf",  # between an FM of two fields and BiasedMF, in stars
    "gap_library": "gap_library",  # between the page's class and the library's, in stars
    "times": "float(times)",
    "reach": "{name: [float(v) for v in errors] for name, errors in reach.items()}",
    "error": "{name: float(value) for name, value in error.items()}",
    "verdicts": "{f'{rows}, {name}': v for (rows, name), v in verdicts.items()}",
    "rare": "against_ids('FM, ids and all fields', page.test.take(rare))[0][0].difference",
    "all": "against_ids('FM, ids and all fields', page.test)[0][0].difference",
    "yours": "type(fits['FM, ids and all fields', 0]).__name__",
    "likes": "likes.tolist()",
    "genres": "common",
    "spread": "spread",
    "same_people": "same_people",
    "halves": "halves",
    "shared": "shared",
    "for_me": "for_me['title'].tolist()",
}
