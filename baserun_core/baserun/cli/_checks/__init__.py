"""The checks of ``baserun doctor``."""
