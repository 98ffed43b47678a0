"""The chat itself."""
