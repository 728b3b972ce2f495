"""Speed, memory and accuracy, measured beside what people would use instead.

`python -m benchmarks gates` prints what the project promises; `--write` puts it into the ledger.
"""
