"""What the processes that train models begin with, imported once for all of them."""

from nmt.tf_import import import_tensorflow

import_tensorflow()
