"""What the tests want to know of page 18."""

VALUES = {
    "ndcg": "float(np.nanmean(plain))",
    "library": "rt.evaluate(model, valid, train=train)['ndcg@10']",
    "kept": "weights['same films'].tolist()",
    "weights_ndcg": "weights['NDCG@10'].tolist()",
    "kB": "weights['kB'].tolist()",
    "p50": "float(p50)",
    "curves": "{n: [[float(x) for x in p] for p in points] for n, points in curves.items()}",
    "gap": "gap",
    "you_next": (
        "[next_one(r, rr.cosine(features[cand]), ten[:k], 0.6) for ten in"
        " [rr.mmr(mine[cand], rr.cosine(features[cand]), 10, 0.6).tolist()]"
        " for r in [(mine[cand] - mine[cand].min()) / (mine[cand].max() - mine[cand].min())]"
        " for k in range(10)]"
    ),
    "you_mmr": "rr.mmr(mine[cand], rr.cosine(features[cand]), 10, 0.6).tolist()",
    "trade": "{f'{name} {lam}': [float(a), float(b)] for (name, lam), (a, b) in trade.items()}",
    "lams": "{name: chosen_lam(name) for name in methods}",
    "list_sd": "float(list_sd(place, covariance[np.ix_(yours[0], yours[0])]))",
    "frontier": "{str(b): list(map(float, f)) for b, f in frontier.items()}",
    "together": "{str(b): c for b, c in together.items()}",
    "your_lists": "[titles[unseen[yours[b]]].tolist() for b in (2, 0, -1)]",
    "off": "{str(b): float(np.sqrt(missed[b].mean())) for b in risks}",
    "promised_off": "{str(b): float(worth['promised'][k][0]) for k, b in enumerate(risks)}",
    "gave": "{str(b): float(np.mean(gave[b])) for b in risks}",
    "promised": "{str(b): float(np.mean(promised[b])) for b in risks}",
    "bolder_off_zero": "rt.interpret.mean_interval(missed[-1] - missed[2]).low > 0",
    "my_divergence": (
        "[divergence(my_target, bars[n]) - rr.miscalibration(my_target, rows)"
        " for n, rows in my_lists.items()]"
    ),
    "table": "{name: row.to_dict() for name, row in table.iterrows()}",
    "head": "[float(raters[head].sum() / len(train)), float(slots)]",
    "liked_head": "float(np.isin(test.item[liked], head).mean())",
    "above": "above",
    "turned": "[[float(share), float(quality)] for share, quality in turned.values()]",
    "served": "{name: [got.value, got.low, got.high, got.n] for name, got in served.items()}",
    "alike": "{name: [got.value, got.low, got.high] for name, got in alike.items()}",
    "slope": "float(np.polyfit(watched, told, 1)[0])",
}
