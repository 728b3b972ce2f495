"""What the tests want to know of page 19."""

VALUES = {
    "column": "[type(train.user).__name__, str(train.user.dtype)]",
    "grown": "grown.to_dict('list')",
    "slope": "float(slope)",
    "sizes": "list(SIZES)",
    "tables": "list(TABLES)",
    "step": "step",
    "touched": "int((own_step(torch.zeros(9, 2), torch.tensor([4, 4]), torch.ones(2, 2), 1.0)"
    " != 0).any(1).sum())",
    "paths": "paths",
    "gap": "gap",
    "rows": "[len(train), BATCH]",
    "rmse": "history.rows[-1]['valid_rmse']",
    "noise": "float(data.truth.noise)",
    "bytes": "bytes_of",
    "hours": "hours",
    "dense": "float(dense_step)",
    "most": "most_factors",
}
