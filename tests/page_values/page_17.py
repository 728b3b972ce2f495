"""What the tests want to know of page 17."""

VALUES = {
    "error": "list(error.values())",  # by number of ratings given, in stars
    "clicks": "clicks",
    "people": "len(people)",
    "mine": "you.tolist()",
    "library": (
        "model.fold_in(__import__('torch').from_numpy(items),"
        " __import__('torch').tensor(list(page.me.values()))).row.tolist()"
    ),
    "here": "float(here)",
    "by_service": "best[0]['stars']",
    "told": "told['score']",
    "total": "total",
    "old": "old",
    "now": "now",
    "back": "back",
    "live": "rt.serving.load(folder).card['weights']['sha256'][:12]",
    "saved": "[list(rt.interpret.mean_interval(per_person[a] - per_person[b]))"
    " for a, b in ((0, 5), (5, 40))]",
    "site": "sorted(path.name for path in site.iterdir())",
    "planted": "page.data.truth is not None",
    "running": "service.running",
}
