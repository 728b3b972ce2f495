"""What the tests want to know of page 02."""

VALUES = {
    "runs": "table['state'].tolist()",
    "seconds": "float(table['seconds'].sum())",
    "by_hand": "by_hand.tolist()",
    "penalties": "{name: curve(name).tolist() for name in ('batch', 'table', 'adamw')}",
    "length": "{name: [float(v) for v in mean] for name, mean in length.items()}",
    "squared": "{str(l2): value for l2, value in squared.items()}",
    "dims": "[float(smaller), float(larger)]",
    "errors": "{name: float(value) for name, value in errors.items()}",
    "three": "three.to_dict('index')",
    "recall": "{row['loss']: row['recall@10'] for _, row in side_by_side.iloc[:3].iterrows()}",
    "auc": "{row['loss']: row['auc'] for _, row in side_by_side.iloc[:3].iterrows()}",
    "popularity": "float(popularity['recall@10'])",
    "mine": "mine['title'].tolist()",
    "rated": "page.data.items['title'][list(page.me)].tolist()",
    "my_rmse": "float(my_rmse)",
    "once": "once",
    "seeds": "[float(value) for value in seeds]",
    "kept": "float(rt.metrics.rmse(page.valid.rating, rt.predict(page.load(), page.valid)))",
    "told": "{name: [c.low, c.high] for name, c in {**told, **versus}.items()}",
    "judged": "{', '.join(names): [c.low, c.high] for names, c in judged.items()}",
    "lists": "[told[best_run['squared_error']].low, told[winner].high]",
    "gap": "gap",  # between what the page shows and what the library has
}
