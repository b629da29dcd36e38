"""What the processes that train models begin with, imported once for all of them."""

from nmt.quiet import import_tensorflow

import_tensorflow()
