"""Rendering records: as tables, conversations and trees, for a terminal or a pipe."""
