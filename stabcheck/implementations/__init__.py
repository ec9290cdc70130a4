"""HOW: the textbook's formulas, good and bad, each a plain function with the grade it deserves.

One file per family; an implementation is a NumPy function under `@implements`, and the catalogue, the
command line and the generic tests find it there by themselves.
"""

from stabcheck.implementations.catalogue import Implementation, all_implementations, implements, of

__all__ = ["Implementation", "all_implementations", "implements", "of"]
