"""Bones, joints, flesh and organs."""
