"""The pytest plugin: records the calls of tests to models, and replays recorded sessions offline.

It is not imported by hand: pytest loads `baserun_pytest.plugin`, which imports the rest when it is used.
"""
