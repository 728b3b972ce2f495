"""What the tests want to know of page 18."""

VALUES = {
    "ndcg": "float(np.nanmean(plain))",
    "library": "rt.evaluate(model, valid, train=train)['ndcg@10']",
    "kept": "weights['same films'].tolist()",
    "weights_ndcg": "weights['NDCG@10'].tolist()",
    "kB": "weights['kB'].tolist()",
    "curves": "{n: [[float(x) for x in p] for p in points] for n, points in curves.items()}",
    "gap": "gap",
    "steps": "[[int(i), float(values[i, k]), float(np.delete(values[:, k], steps[:k]).max())]"
    " for k, i in enumerate(steps)]",
    "order": "list(rt.interpret.mean_interval(ndcg(by_score, valid) - ndcg(as_taken, valid)))",
    "trade": "{n: [x.tolist(), y.tolist()] for n, (x, y) in trade.items()}",
    "calibration": "{n: [x.tolist(), y.tolist()] for n, (x, y) in calibration.items()}",
    "free": "list(rt.interpret.mean_interval(ndcg(made['calibrated', 0.7], valid) - plain))",
    "kept_ndcg": "{n: float(np.nanmean(ndcg(made[n, chosen_lam(n)], valid))) for n in methods}",
    "frontier": "{str(b): list(map(float, f)) for b, f in frontier.items()}",
    "off": "{str(b): float(np.sqrt(missed[b].mean())) for b in risks}",
    "promised_off": "{str(b): float(worth['promised'][k][0]) for k, b in enumerate(risks)}",
    "bolder": "list(rt.interpret.mean_interval(missed[-5] - missed[10]))",
    "cost": "list(cost[10])",
    "optimism": "list(optimism[0])",
    "my_divergence": (
        "[nats(my_target, bars[n]) - rr.miscalibration(my_target, rows)"
        " for n, rows in my_lists.items()]"
    ),
    "table": "{name: row.to_dict() for name, row in table.iterrows()}",
    "head": "[float(raters[head].sum() / len(train)), float(slots)]",
    "liked_head": "float(np.isin(test.item[liked], head).mean())",
    "above": "above",
    "turned": "[[float(share), float(np.nanmean(each))] for share, each in turned.values()]",
    "served": "{name: [got.value, got.low, got.high, got.n] for name, got in served.items()}",
    "slope": "float(np.polyfit(watched, told, 1)[0])",
}
