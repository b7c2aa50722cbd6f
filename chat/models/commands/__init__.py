"""Commands of users, programs and staff: changes of rows, in one transaction each."""
