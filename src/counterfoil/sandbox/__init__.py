"""A local Pleo to develop against: jobs, items, receipts, faults, a clock you can move."""
