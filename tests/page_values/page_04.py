"""What the tests want to know of page 04."""

VALUES = {
    "same": "bool(same)",  # the loaded model's predictions are the model's
    "running": "service.running",
    "by_service": "[film['title'] for film in answer['recommendations']]",
    "by_library": (
        "rt.recommend(page.ranker, page.train, ratings=page.me)['title'].tolist()"  # the same ten
    ),
    "port": "service.port",
}
