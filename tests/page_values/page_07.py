"""What the tests want to know of page 07."""

MANY = "[x.mean(), x.std() / len(x) ** 0.5]"  # mean and standard error over shops
TESTED = "{test: %s for test in %s for x in [a_minus_b(test, shelf, %s, 1_000, rng)]}"


def in_other_shops(shown, asked, arms, shelf):
    """What tests say of other arms in other shops, drawn with a seed of their own."""
    made = f"(labs.simulate.shelf({shelf}), np.random.default_rng(3))"
    return f"[{TESTED % (shown, asked, arms)} for shelf, rng in [{made}]][0]"


GREEDY, CURIOUS, RANDOM = (str({"explore": share}) for share in (0.0, 0.1, 1.0))
DRAFT = "for o in [np.random.default_rng(1).random((2, 500, 20)).argsort(-1)]"
DRAFT += " for picks, whose in [draft(o, 6, np.random.default_rng(2))]"
LOG = "for log in [np.random.default_rng(4).integers(0, 4, (2, *score.shape))]"
BY_HAND = "np.linalg.solve(np.einsum('p,pi,pj->ij', log[0, 1, :, 7], people[1], people[1])"
BY_HAND += " + np.eye(3), log[1, 1, :, 7] @ people[1])"
BOOK = "for log in [np.random.default_rng(5).integers(0, 50, (2, 4, 3, 6))]"
CLICK_RATE = "((log[1] + 10 * 0.2) / (log[0] + 10))"

VALUES = {
    "offline": "mean_by_feed['offline'].to_dict()",
    "surprise": "mean_by_feed['surprise'].to_dict()",
    "hit": "mean_by_feed['hit'].to_dict()",
    "gain": "[gain.mean(), gain.std() / len(gain) ** 0.5]",
    "skew_worse": "[int((worse > 0).sum()), len(worse)]",
    "weight": "weight.to_dict()",
    "spread": "shops.std().to_dict()",
    "epoch": "float((plan['one epoch (minutes)'] * 60 * speed / plan['ratings']).iloc[-1])",
    "plan": "plan['ratings (GiB)'].tolist()",
    "shops": f"{{c: {MANY} for c, x in shops.items()}}",
    "hungry": f"{{c: {MANY} for c, x in hungry.items()}}",
    "hungry_off": f"[{MANY} for x in [hungry['equal_log'] - hungry['truth']]][0]",
    "same": in_other_shops(MANY, "designs", f"{CURIOUS}, {CURIOUS}", "60, 20, seed=3"),
    "nothing_to_learn": in_other_shops(
        "float(np.abs(x).mean())",
        "designs",
        f"{GREEDY}, {CURIOUS}",
        "40, 20, quality=0, taste=0, seed=4",
    ),
    "learning": in_other_shops(
        "float(x.min())", "('truth', 'diverted')", f"{CURIOUS}, {RANDOM}", "20, 60, seed=5"
    ),
    "greedy": "[bool((recommend(log, 0.2, 300, rng, 0.0, personal=True).argmax(-1)"
    f" == {CLICK_RATE}.argmax(-1)).all()) {BOOK}][0]",
    "visits": f"[recommend(log, 0.2, 300, rng, 0.3).sum(-1).tolist() {BOOK}][0]",
    "power": "[power['interleaved'].iloc[-1], power['A/B'].iloc[-1]]",
    "grows": "[power['interleaved'].iloc[0], power['interleaved'].iloc[-1]]",
    "equal_rankers": "{name: float(x) for name, x in power_of(np.stack([visit(200,"
    " np.random.default_rng(s), (1.2, 1.2)) for s in range(400)]), 200).items()}",
    "drafted": "[[int(min(len(set(row)) for row in picks)), sorted(set(whose.sum(1).tolist()))]"
    f" {DRAFT}][0]",
    "first_pick": f"[bool((picks[:, 0] == o[whose[:, 0], range(500), 0]).all()) {DRAFT}][0]",
    "looks": "[float(stopped[-1]), float(once[-1])]",
    "off": "{c: [(x - shops['truth']).mean(), (x - shops['truth']).std() / len(x) ** 0.5]"
    " for c, x in shops.items()}",
    "wrong": "{c: float((np.sign(x) != np.sign(shops['truth'])).mean()) for c, x in shops.items()}",
    "found": "[float(x) for x in found.values()]",
    "cuped": "[[float(y[arm == 1].mean() - y[arm == 0].mean()), float(2 * y.std() / 20_000**0.5)]"
    " for y in (during, during - slope * (before - before.mean()))]",
    "policy_truth": "truth",
    "judged": "{str(e): {n: [v.mean(), v.std()] for n, v in t.items()} for e, t in judged.items()}",
    "final": "{str(e): f for e, f in final.items()}",
    "too_alike": f"[{MANY} for x in [loops[0.0]['overlap'][-1] - 1]][0]",
    "repaired": f"{{name: {MANY} for name in ('overlap', 'joy', 'alive')"
    " for x in [loops[0.1][name][-1] - loops[0.0][name][-1]]}",
    "joy": "[[x['joy'][0].mean(), x['joy'].max()] for x in loops.values()]",
    "alone": "bool((loops[0.0]['served'] == loops[0.0]['joy']).all())",
    "all_random": "[[x.tolist() for x in (run[0, -1] / most[:3], run[1, -1] / least[:3])]"
    " for run in [feedback_loop(people[:3], score[:3], 1.0, np.random.default_rng(2), 60)]][0]",
    "ridge": f"[[fit_films(log, people)[1, 7].tolist(), ({BY_HAND}).tolist()] {LOG}][0]",
}
