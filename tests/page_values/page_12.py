"""What the tests want to know of page 12."""

VALUES = {
    "planted_error": "{name: float(value) for name, value in planted_error.items()}",
    "always_mean": "float(always_mean)",
    "gap_start": "gap_start",  # between the page's class and BiasedMF before training, in stars
    "gap_library": "gap_library",
    "gap_heads": "gap_heads",
    "north": "curves['north'].tolist()",
    "south": "curves['south'].tolist()",
    "train_error": "[float(e) for e in train_error]",
    "valid_error": "[float(e) for e in valid_error]",
    "verdict": "{name: float(value) for name, value in verdict.items()}",
    "at_once": "at_once",
    "shared": "{name: float(v) for name, v in table.loc['shared'].items()}",
    "nothing": "{name: float(v) for name, v in nothing.items()}",
    "per_seed": "[float(g) for g in per_seed]",
    "seen_loss": "float(loss)",
    "gap_alone": "table.loc['gap alone'].iloc[2:].tolist()",
    "gain_planted": "gain_planted",
    "refused": "refused",
    "by_stars": "by_stars['title'].tolist()",
    "by_seen": "by_seen['title'].tolist()",
    "chance": "new['you rate it'].tolist()",
    "error": "{name: float(value) for name, value in error.items()}",
}
