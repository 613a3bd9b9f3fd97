"""The address book (地址簿): addresses of a citizen, read from pasted text too, and divisions to choose from."""
