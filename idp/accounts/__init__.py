"""A resident's account: registration, mailed links, authentication, recovery, accepted terms."""
