"""What the tests want to know of page 09."""

VALUES = {
    "ends": "[e.tolist() for e in over_users(ends, page.train.user)]",  # value, low, high
    "away": "away",  # from the planted drift, in stars
    "at_jump": "{kind: float((np.abs(np.diff(t))[:, 7] / np.abs(np.diff(t)).sum(1)).mean())"
    " for kind, t in drift.items()}",  # share of all change that is where it was planted
    "gains": "{f'{r[\"split\"]}, {r[\"model\"]}': [float(x) for x in r['gain']] for r in gains}",
    "warm": "{how: {n: float(v) for n, v in row.items()} for how, row in table.items()}",
    "cold": "table_cold",
    "known_day": "{how: float(share) for how, share in known_day.items()}",
    "cold_share": "float(cold_share)",
    "gap": "gap",  # between what the page shows and what the library has, in stars
    "variation": "float(total_variation(torch.arange(12.0).reshape(2, 6)))",
    "streams": "{name: [float(x) for x in found] for name, found in streams.items()}",
    "planted": "planted",
    "lists": "[found.difference, found.low, found.high]",
    "effect": "[float(effect[0] - middle), float(effect[8] - middle)]",
    "for_me": "for_me['title'].tolist()",
}
