"""What the tests want to know of page 11."""

VALUES = {
    "one_vector": "said_by_one.tolist()",
    "two_tastes": "said_by_two.tolist()",
    "gap_mf": "gap_mf",  # between the page's class with one taste and BiasedMF, in stars
    "gap_library": "gap_library",
    "gap_hard": "gap_hard",
    "planted_error": "planted_error",  # one dict per world, stars
    "same": "{name: [float(v.mean()) for v in rows] for name, rows in same.items()}",
    "same_low": "{k: rt.interpret.mean_interval(v[0] - v[1]).low for k, v in same.items()}",
    "error": "of_seeds.mean(axis=1).to_dict()",
    "verdicts": "verdicts",
    "undecided": "{' | '.join(k): v for k, v in undecided.items()}",
    "held_out": "{' | '.join(k): float(v) for k, v in held_out.items()}",
    "my_tastes": "{k: v.tolist() for k, v in my_tastes.items()}",
    "groups": "[g.value for g in groups]",
    "chance": "chance.value",
    "lead": "[lead.value, lead.low, lead.high]",
    "way": "float(way)",
    "alike": "alike",
}
