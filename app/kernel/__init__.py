"""The floor that every room stands on: database, transactions, errors, time, money, journal, outbox and jobs."""
