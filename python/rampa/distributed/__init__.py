# SPDX-License-Identifier: MIT
"""One test on several machines: parts of its load, the files that it consists of in one archive, and messages."""
