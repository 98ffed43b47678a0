"""A chat in Django whose sessions and users Baserun records."""
