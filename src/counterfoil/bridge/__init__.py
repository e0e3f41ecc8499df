"""The old Expenses API, served over the Export API, for programs that were written against it.

``expense`` shows an export item as the old ``Expense``, ``work`` turns what the old program asks
and marks into an export job's life, ``app`` and ``server`` are the old wire. ``checking`` reads a
program's source and tells what it uses of the old API. What became of each old field, type, status
and endpoint is data: ``old_api.json``.
"""
