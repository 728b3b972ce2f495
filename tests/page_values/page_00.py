"""What the tests want to know of page 00."""

# Ten well-known science-fiction films, all loved, all hated, and none of them rated: three lists.
KIND = (
    "[i for i in page.train.item_vocab.ids[np.argsort(-page.train.counts('item'), kind='stable')]"
    " if 'Sci-Fi' in (page.data.items['genres'][i] or ())][:10]"
)
LISTS = (
    f"(lambda kind: [rt.recommend(ranker, page.data, ratings=r)['title'].tolist() for r in"
    f" (dict.fromkeys(kind, 5.0), dict.fromkeys(kind, 1.0), {{}})])({KIND})"
)

VALUES = {
    "average": "lazy",  # error of the average, in stars
    "errors": "error.tolist()",  # error of the model after each epoch, in stars
    "hits": "{name: float(n) for name, n in hits.items()}",
    "ten": "ten['title'].tolist()",
    "rated": "page.data.items['title'][list(page.me)].tolist()",
    "lists": LISTS,
    "verdicts": "ws.readiness(page.data)['verdict'].tolist()",
}
