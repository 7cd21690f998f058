"""The verbs: short functions that only call the parts. The command line and the web page call nothing else.

Each verb is the one public function of the file of its name. It takes paths and plain settings, and returns
a result that prints itself as text and as JSON (`to_json`).
"""
