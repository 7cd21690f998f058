"""Verbs that take long: rows of a table, each run as `condyle` commands of their own that outlive the server."""
