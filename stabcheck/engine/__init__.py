"""Plan, run, shrink: the engine yields events and knows no terminal and no file format."""
