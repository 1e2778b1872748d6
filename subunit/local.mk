# subunit/
