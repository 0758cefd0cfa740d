"""The rules: which passwords, how many tries, which names, how long. Pure: no Flask, no database, no clock.

`now` is always a parameter, every value is immutable, and nothing here imports anything else of idp.
"""
