"""What a prepared case is made of on disk: arrays that patches are read from, positions to draw patches around, and
the signature of the files it was made from. `condyle.data.store` puts them together.
"""
