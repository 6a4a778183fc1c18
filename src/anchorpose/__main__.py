"""`python -m anchorpose` is the command `anchorpose`."""

import sys

from anchorpose.cli import main

if __name__ == "__main__":
    sys.exit(main())
