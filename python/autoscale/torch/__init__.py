"""Trains runs of autoscale with PyTorch: one large model, or many proxies of one shape side by side.

``python3 -m autoscale.torch RUN_DIR...`` makes each run from its ``run.json`` to its ``result.json`` with the weights,
batches, schedule and files of the built-in engine; either resumes the other's checkpoints. PyTorch is the user's own.
"""
