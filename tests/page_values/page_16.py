"""What the tests want to know of page 16."""

VALUES = {
    "gaps": "[gap_ease, gap_knn, gap_svd, gap_als, gap_svdpp]",
    "worst": "worst / objective[0]",  # largest step of the objective; not above zero
    "agree": "agree",
    "my_five": "page.data.items['title'].iloc[np.argsort(-my_scores)[:5]].tolist()",
    "library_five": "rt.recommend(ease, page.data, ratings=page.me, k=5)['title'].tolist()",
    "against_mf": "{n.split()[-1]: [float(c.low), float(c.high)] for n, c in against_mf.items()}",
    "on_films": "[float(c.difference) for c in on_films]",
    "price_list": "table[['ndcg@10', 'rmse']].astype(float).iloc[-2:].to_numpy().tolist()",
    "rmse_column": "table['rmse'].dropna().astype(float).tolist()",
    "ndcg_column": "table['ndcg@10'].astype(float).tolist()",
    "often_played": "often_played",
    "more_plays": "[[float(x) for x in c[1:4]] for c in more_plays.values()]",
    "decides": "[[float(x) for x in c[1:4]] for c in decides.values()]",
    "score": "{name: float(value) for name, value in score.items()}",
    "tuned": "[float(value) for value in tuned]",
    "slopes": "{name: [float(v) for v in values] for name, values in slopes.items()}",
    "collisions": "collisions.to_dict('list')",
    "full": "[float(full_kb), float(rmse['BiasedMF'])]",
    "rmse": "{name: float(value) for name, value in rmse.items()}",
    "live": "live",
    "rare_places": "rare_places",
    "lists": "{name: list(titles) for name, titles in lists.items()}",
    "overlap": "[common, apart]",
    "by_draws": "[float(x) for x in by_draws[1:4]]",
}
