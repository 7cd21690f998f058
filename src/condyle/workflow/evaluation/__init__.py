"""Masks beside masks: what is judged by what, scores, pages, comparisons."""
