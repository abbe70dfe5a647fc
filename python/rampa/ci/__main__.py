# SPDX-License-Identifier: MIT
"""``python -m rampa.ci`` is ``python -m rampa.ci.compare``."""

from __future__ import annotations

from rampa.ci.compare import main

if __name__ == "__main__":
    main()
