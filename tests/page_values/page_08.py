"""What the tests want to know of page 08."""

VALUES = {
    "spread": "float(np.ptp(every))",
    "rmse": "{name: float(value) for name, value in rmse.items()}",
    "gain": "gain.tolist()",  # (seeds, cuts, 2), stars
    "without": "without.tolist()",
    "at_zero": "at_zero.tolist()",
    "shuffled": "control.tolist()",  # (seeds, 2), what shuffled features gain
    "worth": "[float(w) for w in worth]",
    "cuts": "list(cuts)",
    "stars": "[float(page.train.rating[many].mean()), float(page.train.rating[~many].mean())]",
    "changes": "{n: [c.difference, c.low, c.high] for n, c in changes.items()}",
    "same_films": "[float(e) for e in same_films]",
    "made_interval": "[change.low, change.high]",
    "found_films": "[float(e) for e in e_i]",
    "prior": "prior",
    "prior_to_data": "[float(b) for b in between]",
    "first_found": "[float(n_u[0]), float(n_i[0])]",
    "fixed": "all(np.isin(m.test[s].row, m.train(n).row).sum() == 0 for m in made "
    "for s in ('user', 'item') for n in cuts)",
}
