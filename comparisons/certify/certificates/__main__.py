"""Write the certificates of the problems named, or of all."""

import sys

from comparisons.certify.certificates import points, write

for name in sys.argv[1:] or points():
    write(name)
