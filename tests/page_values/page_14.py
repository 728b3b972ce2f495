"""What the tests want to know of page 14."""

VALUES = {
    "films": "len(known)",
    "alike": "alike",  # correlation of the scores of two seeds
    "cosine": "float(cosine.mean())",  # of a film's two vectors, not turned
    "hidden": "[error, *checked.values()]",
    "library": "[rt.interpret.procrustes(*maps['another time'], anchors).held_out,"
    " float(rt.interpret.procrustes(*maps['another time'], anchors).cosine[held].mean())]",
    "turning": "turning.to_dict('index')",
    "match": "{name: v.tolist() for name, v in match.items()}",
    "kept_axes": "kept_axes",
    "neighbours": "neighbours",
    "survives": "survives.fillna(-9.0).to_dict('index')",
    "left": "left.fillna(-9.0).to_dict('index')",
    "named": "named.to_dict('records')",
    "steps": "{name: float(step) for name, step in steps.items()}",
    "together": "float(r)",
    "you_alike": "you_alike",
}
