"""The app in the browser: pages over the same verbs as the command line.

* **workspace**: the folder that is served: datasets, trained models and results, and a hidden folder of jobs.
* **key**: what stands for a dataset, a case or a model in addresses; their names may be those of patients.
* **job**: a verb that takes long, run as a `condyle` command of its own.
* **revision**: a numbered version of one case's label map.
"""
