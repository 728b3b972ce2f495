"""What the tests want to know of page 07."""

VALUES = {
    "offline": "mean_by_feed['offline'].to_dict()",
    "surprise": "mean_by_feed['surprise'].to_dict()",
    "hit": "mean_by_feed['hit'].to_dict()",
    "gain": "[gain.mean(), gain.std() / len(gain) ** 0.5]",
    "skew_worse": "[int((worse > 0).sum()), len(worse)]",
    "weight": "weight.to_dict()",
    "spread": "shops.std().to_dict()",
    "speed": "float(speed)",
    "plan": "plan['ratings (GiB)'].tolist()",
    "shops": "{c: [x.mean(), x.std() / len(x) ** 0.5] for c, x in shops.items()}",
    "hungry": "{c: [x.mean(), x.std() / len(x) ** 0.5] for c, x in hungry.items()}",
    "power": "[power['interleaved'].iloc[-1], power['ab'].iloc[-1]]",
    "looks": "[float(stopped[-1]), float(once[-1])]",
    "off": "{c: [(x - shops['truth']).mean(), (x - shops['truth']).std() / len(x) ** 0.5]"
    " for c, x in shops.items()}",
    "wrong": "{c: float((np.sign(x) != np.sign(shops['truth'])).mean()) for c, x in shops.items()}",
    "found": "[float(x) for x in found.values()]",
    "cuped": "[[float(y[arm == 1].mean() - y[arm == 0].mean()), float(2 * y.std() / 20_000**0.5)]"
    " for y in (during, during - slope * (before - before.mean()))]",
    "policy_truth": "truth",
    "judged": "{str(e): {n: [v.mean(), v.std()] for n, v in t.items()} for e, t in judged.items()}",
    "final": "{str(e): f.to_dict() for e, f in final.items()}",
}
