"""What can be set, and where: one declaration of every option for the command line, `[tool.stabcheck]`,
the environment and pytest.

`options` and `kinds` are imported by every pytest run, used or not: they import next to nothing.
"""
