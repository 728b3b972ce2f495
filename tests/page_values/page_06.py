"""What the tests want to know of page 06."""

VALUES = {
    "real": "data.truth is None",
    "rmse": "rmse",
    "lead": "[float(lead_valid), float(lead_test)]",
    "leak_stars": "[float(p - m) for p, m in zip(stars['past'], stars['mixed'])]",
    "leak_rows": "list(leak_rows)",
    "widths": "[float(high - low) for low, high in bounds.values()]",
    "mnar": "mnar.to_numpy().tolist()",
    "calibration": "list(calibration.values())",
    "found": "[found['past']['ranking_auc'], found['mixed']['ranking_auc']]",
    "caught": "caught",
    "payoff": "{n: [float(x) for x in v] for n, v in payoff.items()}",
    "rare": "[float(honest), float(guilty)]",
    "planted_popularity": "planted_popularity",
    "planted_vocabulary": "[float(x) for x in planted_vocabulary]",
    "rank_error": "[float(rank_error['honest']), float(rank_error['guilty'])]",
    "twins": "[len(doubles), int(has.sum()), [float(c) for c in cheat]]",
    "user_only": "[list(pooled['who rates']), list(within['who rates'])]",
    "flip": "[list(pooled_gap), list(within_gap)]",
    "better": "{k: int(v) for k, v in better.items()}",
    "planted_pair": "{k: [float(x) for x in v] for k, v in chances.items()}",
}
