"""What the tests want to know of page 15."""

VALUES = {
    "planted": "{name: float(scores['MRR']) for name, scores in planted.items()}",
    "moves": "{name: [float(x) for x in distance] for name, distance in moves.items()}",
    "gap_step": "gap_step",  # between the page's LSTM and torch's
    "gap_weights": "gap_weights",
    "gap_row": "gap_row",  # between the row worked by hand and the matrix
    "future": "float(w.triu(1).abs().max())",
    "real": "{name: float(scores['recall@10']) for name, scores in real.items()}",
    "shuffled": "{name: float(value) for name, value in shuffled_recall.items()}",
    "leads": "{name: [float(x) for x in c[1:4]] for name, c in leads.items()}",
    "tries": "tries",
    "chain_leads": "{name: [float(x) for x in c[1:4]] for name, c in chain_leads.items()}",
    "worth": "{name: [float(x) for x in c[1:4]] for name, c in worth.items()}",
    "gaps": "{name: [float(x) for x in gap[:3]] for name, gap in gaps.items()}",
    "pairs": "pairs",  # transitions seen often, in order and with sittings shuffled
    "same_ratings": "bool((no_order.item == past.item).all() and "
    "(np.sort(no_order.timestamp) == np.sort(past.timestamp)).all())",
    "moved_times": "float((no_order.timestamp != past.timestamp).mean())",
    "rmse": "{name: float(value) for name, value in rmse.items()}",
    "chosen": "chosen",
    "for_me": "for_me",
    "my_titles": "titles[mine].tolist()",
}
