"""What the tests want to know of page 13."""

VALUES = {
    "gap": "gap",  # between the page's class and the library's: variances in stars^2
    "kl_gap": "kl_gap",  # and KL, as a share
    "two_films": "[[float(v[f]) for v in (score, about_you, about_film, count)] "
    "for f in (sure, unsure)]",
    "gap_grid": "float(gap_grid)",
    "widths": "list(widths.values())",
    "sds": "{name: float(sd) for name, sd in sds.items()}",
    "exact": "[centre.tolist(), covariance.tolist()]",
    "chain": "[chain[100:].mean(0).tolist(), np.cov(chain[100:].T).tolist()]",
    "evidence": "float(evidence)",
    "bound": "bound.tolist()",
    "scales": "scales",
    "rmse": "[float(value) for value in rmse]",
    "shares": "shares",
    "plain": "float(plain)",
    "levels": "levels.tolist()",
    "held": "held",
    "rows_held": "{name: int(rows.sum()) for name, rows in groups.items()}",
    "kept": "kept",
    "says": "says",
    "wrong_by": "wrong_by",
    "yours": "yours",
    "asked": "[titles[ask].tolist(), titles[doubt].tolist()]",
    "regret": "{way: float(lost.mean()) for way, lost in regret.items()}",
    "last_quarter": "{way: float(lost[:, -500:].mean()) for way, lost in regret.items()}",
    "means": "means",
    "table": "{name: row.tolist() for name, row in table.iterrows()}",
    "gains": "{' - '.join(pair): [float(x) for x in c[1:4]] for pair, c in gains.items()}",
}
