# SPDX-License-Identifier: GPL-3.0-or-later
"""A module for the Tryton server: a unique external id for account moves and invoices."""
