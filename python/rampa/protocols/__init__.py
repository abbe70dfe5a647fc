# SPDX-License-Identifier: MIT
"""The clients of scripts, by the protocols that they speak."""
