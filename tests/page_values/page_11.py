"""What the tests want to know of page 11."""

VALUES = {
    "one_vector": "said_by_one.tolist()",
    "two_tastes": "said.tolist()",
    "gap_mf": "gap_mf",  # between the page's class with one taste and BiasedMF, in stars
    "gap_library": "gap_library",
    "gap_hard": "gap_hard",
    "planted_error": "planted_error",  # one dict a seed, stars
    "same": "same.to_dict('index')",  # shares
    "gain": "gain.to_dict()",
    "noise": "float(noise)",
    "verdict": "verdict",
    "undecided": "undecided",
    "my_tastes": "{k: v.tolist() for k, v in my_tastes.items()}",
    "by_count": "[float(v) for v in by_count]",
    "chance": "float(chance)",
    "alike": "alike",
}
