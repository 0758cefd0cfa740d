"""What an account has allowed a client: authorization requests, codes, refresh tokens, consents."""
