"""The imports that all worker processes share, done once."""

from nmt.tf_import import import_tensorflow

import_tensorflow()
