"""Recordings of calls to models: their files, finding the answer to a request, and making one from a session."""
