"""Large data and several processes, for page 19 and scripts/train.py."""
