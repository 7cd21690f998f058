"""The page of `condyle compare`: several candidates on the same cases."""
