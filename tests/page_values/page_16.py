"""What the tests want to know of page 16."""

VALUES = {
    "gaps": "[gap_ease, gap_knn, gap_svd, gap_als, gap_svdpp, gap_tensor]",
    "worst": "worst / objective[0]",  # largest step of the objective; not above zero
    "agree": "agree",
    "often_played": "often_played",
    "score": "{name: float(value) for name, value in score.items()}",
    "tuned": "[float(value) for value in tuned]",
    "slopes": "{name: [float(v) for v in values] for name, values in slopes.items()}",
    "collisions": "collisions.to_dict('list')",
    "full": "[float(full_kb), float(rmse['BiasedMF'])]",
    "rmse": "{name: float(value) for name, value in rmse.items()}",
    "live": "live",
    "rare_places": "rare_places",
    "lists": "{name: list(titles) for name, titles in lists.items()}",
    "overlap": "[common, apart]",
    "by_draws": "[float(x) for x in by_draws[1:4]]",
}
