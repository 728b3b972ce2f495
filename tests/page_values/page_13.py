"""What the tests want to know of page 13."""

VALUES = {
    "gap": "gap",  # between the page's class and the library's: variances in stars^2
    "kl_gap": "kl_gap",  # and KL, as a share
    "drawn": "float(np.var(p_drawn * q_drawn))",
    "two_films": "[(float(score[f]), float(sd[f]), int(count[f])) for f in (sure, unsure)]",
    "scales": "scales",
    "rmse": "[float(value) for value in rmse]",
    "inside": "inside",
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
}
