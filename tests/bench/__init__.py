"""How fast Tunnus is: the real server on one core, the load and the database on another. `make bench`.

Nothing of it is a test; what it finds is in docs/performance.md.
"""
