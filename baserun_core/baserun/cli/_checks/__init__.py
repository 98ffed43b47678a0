"""What ``baserun doctor`` looks at."""
