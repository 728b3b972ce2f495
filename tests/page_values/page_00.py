"""What the tests want to know of page 00."""

VALUES = {
    "average": "lazy",  # error of the average, in stars
    "errors": "error.tolist()",  # error of the model after each epoch, in stars
    "hits": "{name: float(n) for name, n in hits.items()}",
    "ten": "ten['title'].tolist()",
    "rated": "page.data.items['title'][list(page.me)].tolist()",
    "verdicts": "ws.readiness(page.data)['verdict'].tolist()",
}
