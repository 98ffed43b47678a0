"""How records look: in tables, as conversations and trees, on a terminal and in a pipe."""
