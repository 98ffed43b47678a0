"""Putting stored records into words and numbers for people, in a terminal as on a page.

The command line and the pages share it. It is no public API, and needs neither of their extras.
"""
