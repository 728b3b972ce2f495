"""What the tests want to know of page 12."""

VALUES = {
    "of_gap": "[of_gap.value, of_gap.low, of_gap.high]",  # nats, over users
    "planted_error": "{name: float(value) for name, value in planted_error.items()}",
    "gap_start": "gap_start",  # between the page's class and BiasedMF before training, in stars
    "gap_library": "gap_library",
    "gap_heads": "gap_heads",
    "north": "curves['north'].tolist()",
    "south": "curves['south'].tolist()",
    "train_error": "[float(e) for e in train_error]",
    "valid_error": "[float(e) for e in valid_error]",
    "verdict": "{name: float(value) for name, value in verdict.items()}",
    "against": "{name: [c.difference, c.low, c.high] for name, c in against.items()}",
    "shapes": "shapes",
    "learned": "float(learned)",
    "again": "[c.low for c in again]",
    "with_ids": "[with_ids.low, with_ids.high]",
    "at_once": "at_once",
    "judged": "{name: [float(v) for v in row] for name, row in judged.items()}",
    "sharing": "[c.high for c in sharing]",
    "of_seen": "[of_seen.low, of_seen.high]",
    "gain_planted": "gain_planted",
    "refused": "refused",
    "by_stars": "by_stars['title'].tolist()",
    "by_seen": "by_seen['title'].tolist()",
    "chance": "new['chance that you rate it (%)'].tolist()",
    "of_test": "{name: [c.low, c.high] for name, c in of_test.items()}",
}
