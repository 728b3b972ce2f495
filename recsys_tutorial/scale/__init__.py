"""Large data and several processes: only page 19 and scripts/train.py need it."""
