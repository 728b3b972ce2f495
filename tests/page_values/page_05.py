"""What the tests want to know of page 05."""

VALUES = {
    "pairs": "counts.nnz",
    "medians": "medians",
    "means": "means.to_dict()",
    "gain": "{', '.join(name): [g.low, g.high] for name, g in gain.items()}",
    "company_gap": "{', '.join(name): [g.low, g.high] for name, g in company_gap.items()}",
    "popularity_in": "list(popularity_in.values())",
    "right": "sum(right)",
    "in_five": "sum(in_five)",
    "questions": "len(known)",
    "gap": "float(gap)",
    "near": "near",
    "topic": "None if text.truth is None else text.truth.topic",
    "compared": "compared.to_dict()",
    "frequently": "frequently",
    "if_shuffled": "if_shuffled",
    "close": "title[close.index].tolist()",
    "mine": "[title[i] for i in page.me]",
    "spent": "spent",
}
