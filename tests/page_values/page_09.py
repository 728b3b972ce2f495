"""What the tests want to know of page 09."""

VALUES = {
    "mean": "mean.tolist()",
    "away": "away",  # from the planted drift, in stars
    "at_jump": "{kind: float((np.abs(np.diff(t))[:, 7] / np.abs(np.diff(t)).sum(1)).mean())"
    " for kind, t in drift.items()}",  # share of all change that is where it was planted
    "warm": "wide.to_dict('index')",
    "cold": "cold.iloc[:, 0].to_dict()",  # RMSE of biases only on cold rows
    "known_day": "{how: float(share) for how, share in known_day.items()}",
    "cold_share": "float(cold_share)",
    "gap": "gap",  # between what the page shows and what the library has, in stars
    "variation": "float(total_variation(torch.arange(12.0).reshape(2, 6)))",
    "for_me": "for_me['title'].tolist()",
}
