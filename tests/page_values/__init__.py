"""What the tests want to know of a page after its last cell, one module a page.

`VALUES` in `page_00.py` maps a name to an expression that the page's kernel evaluates; the result
must be of what JSON can hold. `pages_runner.executed("00_setup", ...)` has them as `.values`.
"""
