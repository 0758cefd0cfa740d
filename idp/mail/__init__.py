"""Messages to people: composed, kept in a durable outbox, delivered by a worker."""
