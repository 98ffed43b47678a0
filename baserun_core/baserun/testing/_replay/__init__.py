"""Recordings of calls to models: what is in a file, how a request finds its answer, how a session becomes one."""
