"""The commented start that `stabcheck init` writes."""

from __future__ import annotations

TEMPLATE = """\
# Settings of stabcheck. Every key is also a command-line option (--max-examples) and a variable
# (STABCHECK_MAX_EXAMPLES); the command line wins over the environment, that over this file.
[tool.stabcheck]
# dtype = ["float32", "float64"]   # also "float16", "bfloat16"
# level = "stable"                 # "robust", "stable" or "accurate"
# max-examples = 1000
# seed = 0

# One table for each function to check: `stabcheck run` and `pytest --stabcheck` run them.
# [[tool.stabcheck.target]]
# target = "mypackage.losses:softmax"   # or "path/to/file.py:function", relative to this file
# op = "softmax"                        # may be left out when the function is named after it
# name = "softmax"                      # its name in reports
# dtype = ["float16", "float32"]        # any option that has to do with one target
# expect = "stable"                     # less than this grade fails
# ignore = {SC202 = "digits near zero do not matter to us"}
"""
