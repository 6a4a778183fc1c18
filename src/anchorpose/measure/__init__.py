"""Metrics, protocols, the validation card and the benchmark beside the peers."""
