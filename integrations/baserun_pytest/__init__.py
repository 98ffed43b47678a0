"""The pytest plugin: tests of LLM applications that show what happened, and recorded sessions that replay offline.

Nothing here is imported by hand; pytest loads `baserun_pytest.plugin`, which imports the rest when it is used.
"""
