"""Unattended work: many commands, on one machine or many, each done once.

Words:
    task      one plain `condyle ...` command, and the file or folder it makes.
    manifest  a SQLite file of tasks: what is waiting, running, done, or set aside after too many failures.
    claim     a worker's hold on a task, kept alive by heartbeats, and lost without them.
    worker    a process that claims a task, runs it as a process of its own, notes how it went, and takes the next.
    engine    what has the tasks of a manifest run: processes here, or a Dask scheduler.
"""
