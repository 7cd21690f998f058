"""Engines: what runs a network's arithmetic. `predict.engine` is the door; each file here is one part of it."""
