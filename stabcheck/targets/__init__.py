"""The callable under test: finding it by name, probing how it wants to be called, calling it safely."""
