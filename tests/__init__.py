"""The tests mirror `idp/` folder by folder; what they share is in `tests/support`."""
