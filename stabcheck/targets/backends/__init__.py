"""Arrays of other libraries: how a block goes in and how a result comes out."""

from stabcheck.targets.backends.base import Backend, NotNumbersError
from stabcheck.targets.backends.choose import candidates, framework_of

__all__ = ["Backend", "NotNumbersError", "candidates", "framework_of"]
