"""Client apps (e-services): metadata, validation, secrets."""
