"""Fakes of the ports and builders, for our tests and for yours."""
