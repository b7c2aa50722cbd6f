"""The load client and the comparison runs behind `make bench`."""
